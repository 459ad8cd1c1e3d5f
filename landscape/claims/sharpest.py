"""The largest curvature at a scale: of gradients a step apart, where the Hessian sees no kinks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from landscape.records.arrays import Floats

# Vectors of the Krylov space.
_PRODUCTS = 16


def sharpest(
    gradient: Callable[[Floats], Floats], thetas: Floats, starts: Floats, *, scales: Floats
) -> tuple[Floats, Floats]:
    """Return the largest curvature at a scale, and its direction, at K places at once.

    By Lanczos' method with full reorthogonalisation on differences of gradients a scale to either
    side; exact for a quadratic.

    Args:
        gradient: of the mean loss, each of [M, P] to [M, P].
        thetas: where, [K, P].
        starts: any vectors, [K, P]; the directions found last are best.
        scales: h, lengths in parameter space, [K].

    Returns:
        Curvatures [K] and unit directions [K, P].
    """
    count, size = np.shape(thetas)
    basis = [starts / np.linalg.norm(starts, axis=1, keepdims=True)]
    products: list[Floats] = []
    # A copy whose Krylov space is exhausted has so many vectors; zeros follow.
    known = np.full(count, min(_PRODUCTS, size))
    for number in range(1, min(_PRODUCTS, size) + 1):
        step = scales[:, None] * basis[-1]
        ahead, behind = np.split(gradient(np.concatenate([thetas + step, thetas - step])), 2)
        products.append((ahead - behind) / (2 * scales[:, None]))
        rest, every = products[-1].copy(), np.stack(basis, axis=1)
        for _ in range(2):
            rest -= np.einsum("kip,ki->kp", every, np.einsum("kip,kp->ki", every, rest))
        length = np.linalg.norm(rest, axis=1)
        ended = ~(length > 1e-8 * np.linalg.norm(products[-1], axis=1))
        known = np.where(ended, np.minimum(known, number), known)
        if ended.all():
            break
        basis.append(np.where(ended[:, None], 0.0, rest / np.where(ended, 1.0, length)[:, None]))
    vectors, images = np.stack(basis[: len(products)], axis=1), np.stack(products, axis=1)
    values, directions = np.zeros(count), np.zeros((count, size))
    for copy, many in enumerate(known):
        inner = vectors[copy, :many] @ images[copy, :many].T
        if not np.isfinite(inner).all():
            values[copy], directions[copy] = np.nan, basis[0][copy]
            continue
        spectrum, mixed = np.linalg.eigh((inner + inner.T) / 2)
        values[copy], directions[copy] = spectrum[-1], mixed[:, -1] @ vectors[copy, :many]
    return values, directions
