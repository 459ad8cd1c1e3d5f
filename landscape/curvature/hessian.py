"""The two ends of the Hessian's spectrum: the largest and smallest curvatures at a point."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh

from landscape.curvature.derivatives import HessianProduct, LossAtPoint
from landscape.problem import Problem
from landscape.records.arrays import Floats, Json, freeze
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
        vectors = (*count, *np.shape(self.vectors)[1:2])
        freeze(self, {"values": count, "vectors": vectors, "residuals": count})

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


End = Literal["LA", "SA"]
_POWER_STEPS = 4


class NotConvergedError(RuntimeError):
    """Eigenvalues that were not found to the tolerance within the allowed products."""


class Restricted:
    """A Hessian on the entries that vary, [V, V].

    Args:
        operator: the Hessian [P, P].
        progress: called with 1 after every product.
    """

    def __init__(self, operator: HessianProduct, progress: Callable[[int], None] | None) -> None:
        self.operator, self.index = operator, operator.index
        self._progress = progress

    def times(self, vector: Floats) -> Floats:
        """Return the product with a vector [V], [V]."""
        whole = np.zeros(self.operator.shape[0])
        whole[self.index] = vector.reshape(-1)
        product = self.operator @ whole
        if self._progress is not None:
            self._progress(1)
        return np.asarray(product[self.index])

    def scale(self, start: Floats) -> float:
        """Estimate the spectral radius from below, by a few steps of the power method."""
        length, vector = 0.0, start
        for _ in range(_POWER_STEPS):
            vector = self.times(vector / np.linalg.norm(vector))
            length = float(np.linalg.norm(vector))
            if length == 0.0:
                break
        return length

    def dense(self, top: int, bottom: int) -> Floats:
        """Return the eigenvectors [V, top + bottom] of the matrix itself."""
        matrix = np.stack([self.times(row) for row in np.eye(len(self.index))])
        vectors = eigh((matrix + matrix.T) / 2)[1]
        ends: Floats = np.concatenate([vectors[:, ::-1][:, :top], vectors[:, :bottom]], axis=1)
        return ends

    def end(
        self, which: End, count: int, *, scale: float, tolerance: float, most: int, seed: int
    ) -> Floats:
        """Return the eigenvectors [V, count] of one end of the spectrum.

        Args:
            which: ``LA``, the largest eigenvalues, or ``SA``, the smallest.
            count: how many.
            scale: the spectral radius, about.
            tolerance: of residuals, as a share of the scale.
            most: how many products each search may take, about.
            seed: of the start vectors.

        Raises:
            NotConvergedError: if they are not found.
        """
        generator = np.random.default_rng(seed)
        search = _Search(self, which, scale, tolerance, most)
        vectors = search.outermost(count, generator.standard_normal(len(self.index)))
        sign = 1.0 if which == "LA" else -1.0
        values = sign * self.rayleigh(vectors)[0] if count > 1 else np.zeros(1)
        for _ in range(count - 1):
            missed = search.outermost(1, generator.standard_normal(len(self.index)), vectors)
            value, least = sign * float(self.rayleigh(missed)[0][0]), int(np.argmin(values))
            if value <= values[least] + tolerance * scale:
                break
            vectors[:, least], values[least] = missed[:, 0], value
        return vectors

    def rayleigh(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Return the Rayleigh quotients [k] and residual norms [k] of unit vectors [V, k]."""
        products = np.stack([self.times(v) for v in vectors.T], axis=1)
        values = np.sum(vectors * products, axis=0)
        return values, np.linalg.norm(products - values * vectors, axis=0)


class _Search:
    """ARPACK's search for the outermost eigenvectors of one end.

    Its tolerance is relative to each eigenvalue, and a smallest one may be 0: the spectrum is moved
    away from 0 by twice its radius, so that the tolerance is relative to that. By less, what is
    left out of a search, which stays at 0, would lie further out than a bulk at the other end.
    """

    def __init__(
        self, matrix: Restricted, which: End, scale: float, tolerance: float, most: int
    ) -> None:
        self._matrix, self._which, self._tolerance, self._most = matrix, which, tolerance, most
        self._shift = 2 * scale if which == "LA" else -2 * scale

    def outermost(self, count: int, start: Floats, known: Floats | None = None) -> Floats:
        """Return unit eigenvectors [V, count], of the complement of orthonormal ``known`` [V, k].

        Raises:
            NotConvergedError: if they are not found.
        """
        size = len(start)
        known = np.zeros((size, 0)) if known is None else known

        def across(vector: Floats) -> Floats:
            flat = vector.reshape(-1)
            return np.asarray(flat - known @ (known.T @ flat))

        shifted = LinearOperator(
            (size, size),
            matvec=lambda v: across(self._matrix.times(across(v)) + self._shift * across(v)),
            dtype=np.dtype(np.float64),
        )
        basis = min(size, max(2 * count + 1, 24))
        restarts = max(1, (self._most - basis) // (basis - count))
        try:
            _, vectors = eigsh(
                shifted, k=count, which=self._which, v0=across(start), tol=self._tolerance / 4,
                ncv=basis, maxiter=restarts,
            )  # fmt: skip
        except ArpackNoConvergence as error:
            ends = "largest" if self._which == "LA" else "smallest"
            raise NotConvergedError(
                f"the {count} {ends} eigenvalues must be found to a tolerance of "
                f"{self._tolerance:g}, got {len(error.eigenvalues)} of them after "
                f"{self._matrix.operator.products} products; raise most_products or the tolerance"
            ) from error
        except ArpackError as error:
            raise NotConvergedError(f"ARPACK gave up: {error}; try another seed") from error
        return np.asarray(vectors)
