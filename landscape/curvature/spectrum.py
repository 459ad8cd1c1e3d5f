"""The spectral density of a Hessian: how many of its eigenvalues lie where, without the matrix."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NamedTuple

import numpy as np
from scipy.linalg import eigh_tridiagonal

from landscape.curvature.expected_hessian import hessian_product
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.choices import check_least
from landscape.records.results import Analysis

KIND = "spectrum"
# Random vectors that a density is the mean of.
STARTS = 4
# A step whose new direction is this much shorter than the matrix is large adds nothing.
_EXHAUSTED = 1e-10
# An eigenvalue is found when its residual is below this share of it: its square is the error.
_FOUND = 1e-2


def spectral_density(
    problem: Problem,
    *,
    theta: Floats | None = None,
    varied: Collection[str] | None = None,
    scale: float | None = None,
    probes: int = 12,
    steps: int = 60,
    starts: int = STARTS,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Estimate the spectral density of the Hessian of the loss.

    By stochastic Lanczos quadrature: from a random unit vector v, ``steps`` Lanczos steps make a
    tridiagonal matrix T whose eigenvalues are the nodes, and the squared first entries of its
    eigenvectors the weights, of a Gauss quadrature of v' f(H) v; it is exact for polynomials of
    degree up to 2 ``steps`` - 1. The mean over random starts estimates tr f(H) / V.

    A few eigenvalues far out make most of the scatter between starts. One run before finds those
    that converge: they are nodes with weight 1 / V, and the starts are orthogonal to their
    eigenvectors, for the rest alone.

    Without ``scale`` it is autograd's Hessian: at kinks (ReLU) it misses the jumps of the slope,
    see :func:`landscape.slope_budget`. With ``scale`` it is that of the loss averaged over a cloud,
    :func:`landscape.curvature.expected_hessian.hessian_product`. That holds for means over random
    directions, as the density is one, and not for its ends, which are single eigenvalues.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters.
        varied: names of the parameters that vary, V entries in all; None takes all.
        scale: root mean square length of the cloud's steps; None is autograd's Hessian.
        probes: forward passes over the data that measure the cloud.
        steps: Lanczos steps M from each start, at most V; each takes one product and keeps one
            vector [P], as every direction is kept orthogonal to all before it.
        starts: random vectors S. The standard errors of the moments tell whether they are enough.
        seed: of them and of the cloud; the same seed gives the same result.
        progress: called with 1 after every product, (S + 1) M in all.

    Returns:
        An analysis ``spectrum`` with ``nodes`` and ``weights``, [S, k + M], nodes rising; k were
        found before, and weights of a start sum to 1. ``residuals`` [S, k + M]: within so much of
        each node lies an eigenvalue of H (of those after the first k: of H on the complement of
        their eigenvectors). Where a start was exhausted early, the last nodes have weight 0; where
        all V eigenvalues were found, there are only those. ``moments`` [S, 2]: mean of lambda and
        of lambda^2. Settings: ``loss``, ``examples``, ``batch_norm``, ``dtype``, ``parameters`` V,
        ``steps``, ``starts``, ``seed``, ``products``, ``found`` k, ``moments`` over the starts
        with their ``moment_errors`` (standard errors; None for one start), and with a scale those
        of the operator.

    Raises:
        ValueError: for impossible numbers of steps or starts, unusable data, or where an operation
            has no second derivative.

    References:
        Ghorbani, Krishnan, Xiao (2019), An investigation into neural net optimization via Hessian
        eigenvalue density, section 2 and appendix A.
        Golub, Welsch (1969), Calculation of Gauss quadrature rules.
        Meyer, Musco, Musco, Woodruff (2021), Hutch++: optimal stochastic trace estimation.

    >>> import torch
    >>> bowl = torch.nn.Linear(2, 1, bias=False)
    >>> problem = Problem(bowl, "mse", (torch.diag(torch.tensor([1.0, 3.0])), torch.zeros(2, 1)))
    >>> found = spectral_density(problem, steps=2, starts=1)
    >>> found.arrays["nodes"].round(9).tolist(), found.arrays["weights"].round(9).tolist()
    ([[1.0, 9.0]], [[0.5, 0.5]])
    """
    operator = hessian_product(problem, theta, varied=varied, scale=scale, probes=probes, seed=seed)
    index = operator.index
    if not 1 <= steps <= len(index):
        raise ValueError(f"steps must be between 1 and {len(index)}, got {steps}")
    check_least(1, starts=starts)
    rng = np.random.default_rng(seed)

    def times(vector: Floats) -> Floats:
        product = np.asarray(operator @ vector)
        if progress is not None:
            progress(1)
        return product

    def start() -> Floats:
        vector = np.zeros(operator.shape[0])
        vector[index] = rng.standard_normal(len(index))
        return np.asarray(vector / np.linalg.norm(vector))

    outer = _Found.by(times, start(), steps)
    rows = [outer.row(times, start(), steps, len(index)) for _ in range(starts)]
    arrays = dict(zip(("nodes", "weights", "residuals"), np.stack(rows, axis=1), strict=True))
    moments = [(arrays["weights"] * arrays["nodes"] ** k).sum(axis=1) for k in (1, 2)]
    arrays["moments"] = np.stack(moments, axis=1)
    settings = {
        **operator.settings,
        "steps": steps,
        "starts": starts,
        "seed": seed,
        "products": operator.products,
        "found": len(outer.values),
        **_scatter(arrays["moments"]),
    }
    return Analysis(KIND, arrays, settings)


def _scatter(moments: Floats) -> dict[str, Any]:
    """Return the means of moments [S, 2] over the starts, and their standard errors."""
    starts = len(moments)
    errors = moments.std(axis=0, ddof=1) / np.sqrt(starts) if starts > 1 else np.zeros(0)
    return {"moments": moments.mean(axis=0).tolist(), "moment_errors": errors.tolist() or None}


class _Lanczos(NamedTuple):
    """What steps of Lanczos' method found of a symmetric matrix H [P, P].

    Attributes:
        values: eigenvalues of the tridiagonal matrix, rising, [m].
        vectors: its eigenvectors, [m, m].
        basis: the orthonormal vectors it belongs to, [m, P].
        residuals: norms of ``H y - value y``, [m].
    """

    values: Floats
    vectors: Floats
    basis: Floats
    residuals: Floats


class _Found(NamedTuple):
    """Eigenvalues found before the starts, and their eigenvectors.

    Attributes:
        values: [k].
        vectors: [k, P], orthonormal.
        residuals: [k].
    """

    values: Floats
    vectors: Floats
    residuals: Floats

    @classmethod
    def by(cls, times: Callable[[Floats], Floats], start: Floats, steps: int) -> _Found:
        """Find those that a run of Lanczos' method converges to."""
        run = _lanczos(times, start, steps)
        size = np.abs(run.values)
        converged = run.residuals <= _FOUND * size + _EXHAUSTED * size.max()
        vectors = run.vectors[:, converged].T @ run.basis
        return cls(run.values[converged], vectors, run.residuals[converged])

    def row(
        self, times: Callable[[Floats], Floats], start: Floats, steps: int, size: int
    ) -> Floats:
        """Return nodes, weights and residuals of a start, [3, k + steps].

        Args:
            times: multiplies the symmetric matrix with a vector.
            start: a random vector [P].
            steps: of Lanczos' method.
            size: number of eigenvalues V.
        """

        def across(vector: Floats) -> Floats:
            return vector - self.vectors.T @ (self.vectors @ vector)

        count = len(self.values)
        mine = np.stack([self.values, np.full(count, 1 / size), self.residuals])
        if count == size:
            return mine
        rest = across(across(start))
        rest /= np.linalg.norm(rest)
        nodes, weights, residuals = quadrature(lambda v: across(times(across(v))), rest, steps)
        row = np.concatenate([mine, [nodes, weights * (1 - count / size), residuals]], axis=1)
        return np.asarray(row[:, np.argsort(row[0], kind="stable")])


def quadrature(
    times: Callable[[Floats], Floats], start: Floats, steps: int
) -> tuple[Floats, Floats, Floats]:
    """Return nodes, weights and residuals, [steps] each, of the Gauss quadrature of v' f(H) v.

    Args:
        times: multiplies the symmetric matrix H with a vector [P].
        start: the unit vector v, [P].
        steps: of Lanczos' method.
    """
    run = _lanczos(times, start, steps)
    done = len(run.values)
    nodes, weights = np.full(steps, run.values[-1]), np.zeros(steps)
    residuals = np.full(steps, run.residuals[-1])
    nodes[:done], weights[:done], residuals[:done] = run.values, run.vectors[0] ** 2, run.residuals
    return nodes, weights, residuals


def _lanczos(times: Callable[[Floats], Floats], start: Floats, steps: int) -> _Lanczos:
    """Take steps of Lanczos' method, each new vector made orthogonal to all before, twice.

    Args:
        times: multiplies the symmetric matrix H with a vector [P].
        start: a unit vector, [P].
        steps: at most so many; fewer if they exhaust what the start reaches.

    References:
        Golub, Van Loan (2013), Matrix computations, section 10.1 and 10.3.
    """
    basis = np.zeros((steps, len(start)))
    diagonal, beside = np.zeros(steps), np.zeros(steps)
    vector, done = start, steps
    for k in range(steps):
        basis[k] = vector
        product = times(vector)
        diagonal[k] = vector @ product
        for _ in range(2):
            product = product - basis[: k + 1].T @ (basis[: k + 1] @ product)
        beside[k] = np.linalg.norm(product)
        if beside[k] <= _EXHAUSTED * max(float(np.abs(diagonal).max()), float(beside.max())):
            done = k + 1
            break
        vector = product / beside[k]
    pairs = eigh_tridiagonal(diagonal[:done], beside[: done - 1])
    values, vectors = (np.asarray(part, dtype=np.float64) for part in pairs)
    residuals = beside[done - 1] * np.abs(vectors[-1])
    return _Lanczos(values, vectors, basis[:done], residuals)
