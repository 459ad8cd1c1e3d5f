"""Eigenvectors at the two ends of a Hessian's spectrum, without the matrix.

A Krylov space that grows from one vector holds one direction of each eigenspace, however many
dimensions that has. Where several eigenvectors are wanted, the complement of those that were found
is therefore searched again, from other vectors, until it holds none that lies further out.

References:
    Parlett (1998), The Symmetric Eigenvalue Problem, sections 12.2 and 13.1.
    Lehoucq, Sorensen, Yang (1998), ARPACK Users' Guide, chapter 4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.linalg import ArpackError, ArpackNoConvergence, LinearOperator, eigsh

from landscape.curvature.derivatives import HessianProduct
from landscape.records.arrays import Floats

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
