"""The two ends of the Hessian's spectrum: the largest and smallest curvatures at a point."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.curvature.derivatives import HessianProduct, LossAtPoint
from landscape.curvature.spectrum_ends import NotConvergedError, Restricted
from landscape.problem import Problem
from landscape.records.arrays import Floats, Json, as_floats, frozen_settings
from landscape.records.plane import Plane

# Below this size, or near it for many pairs, the whole matrix costs no more products.
_DENSE = 32


@dataclass(frozen=True, slots=True, eq=False)
class Eigenpairs:
    """The largest and the smallest eigenvalues of a Hessian, with what they were found by.

    Attributes:
        values: eigenvalues, falling, [k]: the ``top`` largest, then the smallest.
        vectors: unit eigenvectors, [k, P]; their entry of largest magnitude is positive.
        residuals: Euclidean norms of ``H v - value v``, [k]. An eigenvalue of H lies within that
            of each value.
        top: how many belong to the upper end.
        products: Hessian-vector products taken.
        settings: loss, examples, batch_norm, dtype, tolerance, seed, plain JSON values.
    """

    values: Floats
    vectors: Floats
    residuals: Floats
    top: int
    products: int
    settings: Json

    def __post_init__(self) -> None:
        count = np.shape(self.values)[:1]
        shapes = {"vectors": (*count, *np.shape(self.vectors)[1:2])}
        for name in ("values", "vectors", "residuals"):
            checked = as_floats(getattr(self, name), name, shapes.get(name, count))
            object.__setattr__(self, name, checked)
        object.__setattr__(self, "settings", frozen_settings(self.settings))

    def record(self) -> dict[str, Any]:
        """Return what is noted beside a plane, as plain values.

        ``top`` and ``bottom`` are the extreme eigenvalues (None if that end was not asked for);
        ``values`` and ``residuals`` those of all pairs.
        """
        bottom = float(self.values[-1]) if self.top < len(self.values) else None
        return {
            "top": float(self.values[0]) if self.top else None,
            "bottom": bottom,
            "values": self.values.tolist(),
            "residuals": self.residuals.tolist(),
            "products": self.products,
            **self.settings,
        }


def hessian_eigenpairs(
    problem: Problem,
    *,
    theta: Floats | None = None,
    varied: Collection[str] | None = None,
    top: int = 2,
    bottom: int = 1,
    tolerance: float = 1e-5,
    seed: int = 0,
    most_products: int = 2000,
    progress: Callable[[int], None] | None = None,
) -> Eigenpairs:
    """Find the largest and the smallest eigenvalues of the Hessian of the loss.

    By ARPACK's restarted Lanczos method on products with the Hessian, in float64 and evaluation
    mode. The matrix is never formed, except for a few dozen parameters. Of several pairs the
    complement is searched for eigenvalues that repeat (those of a linear layer under ``mse`` do, as
    often as it has outputs), of which one start vector sees one. It is autograd's Hessian: at
    kinks (ReLU) it misses the jumps of the slope, see :func:`landscape.slope_budget`. That of a
    cloud (:func:`landscape.curvature.expected_hessian.hessian_product`) holds for random
    directions and has no ends to offer.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters.
        varied: names of the parameters that vary; eigenvectors are zero elsewhere. None takes
            all, whatever their ``requires_grad``.
        top: how many of the largest.
        bottom: how many of the smallest (most negative).
        tolerance: of the residuals, as a share of the Hessian's spectral radius. The error of an
            isolated eigenvalue is of the order of its square.
        seed: of the start vector; the same seed gives the same result.
        most_products: how many products each search of an end may take, about; of ``top`` (or
            ``bottom``) pairs there are up to that many searches.
        progress: called with 1 after every product.

    Returns:
        Eigenpairs with their residuals.

    Raises:
        NotConvergedError: if a residual stays above the tolerance.
        ValueError: for impossible numbers of pairs or tolerances, unusable data, or where an
            operation has no second derivative.

    References:
        Lehoucq, Sorensen, Yang (1998), ARPACK Users' Guide, chapter 4.
        Pearlmutter (1994), Fast exact multiplication by the Hessian.
    """
    operator = HessianProduct(LossAtPoint(problem, theta, varied=varied))
    small = Restricted(operator, progress)
    _check_request(top, bottom, tolerance, len(small.index))
    scale = small.scale(_draws(seed, len(small.index), 1)[:, 0])
    if scale == 0.0:
        vectors = np.linalg.qr(_draws(seed, len(small.index), top + bottom))[0]
    elif len(small.index) <= max(_DENSE, 3 * (top + bottom)):
        vectors = small.dense(top, bottom)
    else:
        end = partial(small.end, scale=scale, tolerance=tolerance, most=most_products, seed=seed)
        ends = [end("LA", top)] if top else []
        ends += [end("SA", bottom)] if bottom else []
        vectors = np.concatenate(ends, axis=1)
    values, residuals = small.rayleigh(vectors)
    _check_residuals(values, residuals, tolerance * max(scale, float(np.abs(values).max())))
    order = np.argsort(-values, kind="stable")
    whole = np.zeros((len(values), len(operator.at.theta)))
    whole[:, small.index] = _signed(vectors.T[order])
    settings = {**operator.settings, "tolerance": tolerance, "seed": seed}
    return Eigenpairs(
        values[order], whole, residuals[order], top, operator.products, settings
    )  # fmt: skip


def hessian_extremes(problem: Problem, **options: Any) -> tuple[float, float]:
    """Return the smallest and the largest eigenvalue of the Hessian of the loss.

    Arguments and errors as of :func:`hessian_eigenpairs`.

    >>> import torch
    >>> bowl = torch.nn.Linear(2, 1, bias=False)
    >>> inputs = torch.diag(torch.tensor([1.0, 3.0]))
    >>> hessian_extremes(Problem(bowl, "mse", (inputs, torch.zeros(2, 1))))
    (1.0, 9.0)
    """
    pairs = hessian_eigenpairs(problem, **{**options, "top": 1, "bottom": 1})
    return float(pairs.values[-1]), float(pairs.values[0])


def with_curvature(problem: Problem, plane: Plane, **options: Any) -> Plane:
    """Return the plane with the extreme curvatures of its centre noted in its settings.

    The curvature along a random direction d is d'Hd, a mean of all eigenvalues in which the extreme
    ones hardly count: a bowl on a random plane may be a saddle. ``settings["hessian"]`` then holds
    ``top``, ``bottom``, ``residuals``, of which problem they are (``loss``, ``examples``,
    ``batch_norm``, ``dtype``) and how they were found.

    Args:
        problem: as in :func:`hessian_eigenpairs`; that of the surface beside which they stand.
        plane: any plane of the model; the Hessian is taken at its origin.
        options: those of :func:`hessian_eigenpairs`.

    Raises:
        ValueError: if the plane does not belong to the model, and as
            :func:`hessian_eigenpairs`.
        NotConvergedError: as there.
    """
    if problem.layout != plane.layout:
        raise ValueError("the plane must belong to the model; make it from this model")
    options = {"top": 1, "bottom": 1, **options, "theta": plane.origin}
    pairs = hessian_eigenpairs(problem, **options)
    return replace(plane, settings={**plane.settings, "hessian": pairs.record()})


def _check_request(top: int, bottom: int, tolerance: float, size: int) -> None:
    if top < 0 or bottom < 0 or not 1 <= top + bottom <= size:
        raise ValueError(
            f"top and bottom must be >= 0 and between 1 and {size} together, got {top} and {bottom}"
        )
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}")


def _check_residuals(values: Floats, residuals: Floats, most: float) -> None:
    if np.any(residuals > most):
        worst = int(np.argmax(residuals))
        raise NotConvergedError(
            f"residuals must be at most {most:.3g}, got {residuals[worst]:.3g} for the eigenvalue "
            f"{values[worst]:.6g}; is autograd's gradient the gradient of a function? One that is "
            "changed on its way back (clipped) has no symmetric Hessian; else try another seed"
        )


def _draws(seed: int, size: int, count: int) -> NDArray[np.float64]:
    return np.random.default_rng(seed).standard_normal((size, count))


def _signed(vectors: Floats) -> Floats:
    """Make the entry of largest magnitude of each row positive."""
    largest = np.take_along_axis(vectors, np.argmax(np.abs(vectors), axis=1)[:, None], axis=1)
    return np.asarray(vectors * np.where(largest < 0, -1.0, 1.0))
