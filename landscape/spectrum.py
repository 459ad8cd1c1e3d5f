"""The spectral density of a Hessian: how many of its eigenvalues lie where, without the matrix."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
from scipy.linalg import eigh_tridiagonal

from landscape.arrays import Floats
from landscape.derivatives import HessianProduct, LossAtPoint
from landscape.problem import Problem
from landscape.results import Analysis

KIND = "spectrum"
# A step whose new direction is this much shorter than the matrix is large adds nothing.
_EXHAUSTED = 1e-10


def spectral_density(
    problem: Problem,
    *,
    theta: Floats | None = None,
    varied: Collection[str] | None = None,
    steps: int = 60,
    starts: int = 4,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Estimate the spectral density of the Hessian of the loss.

    By stochastic Lanczos quadrature: from a random unit vector v, ``steps`` Lanczos steps make a
    tridiagonal matrix T whose eigenvalues are the nodes, and the squared first entries of its
    eigenvectors the weights, of a Gauss quadrature of v' f(H) v; it is exact for polynomials of
    degree up to 2 ``steps`` - 1. The mean over random starts estimates tr f(H) / V. It is
    autograd's Hessian: at kinks (ReLU) it misses the jumps of the slope, see
    :func:`landscape.slope_budget`.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters.
        varied: names of the parameters that vary, V entries in all; None takes all.
        steps: Lanczos steps M from each start, at most V; each takes one product and keeps one
            vector [P], as every direction is kept orthogonal to all before it.
        starts: random vectors S.
        seed: of their signs; the same seed gives the same result.
        progress: called with 1 after every product.

    Returns:
        An analysis ``spectrum`` with ``nodes`` and ``weights``, [S, M], nodes rising; weights of a
        start sum to 1. ``residuals`` [S, M]: within so much of each node lies an eigenvalue of H.
        Where a start was exhausted early, the last nodes have weight 0. Settings: ``loss``,
        ``examples``, ``batch_norm``, ``dtype``, ``parameters`` V, ``steps``, ``starts``, ``seed``,
        ``products``.

    Raises:
        ValueError: for impossible numbers of steps or starts, unusable data, or where an operation
            has no second derivative.

    References:
        Ghorbani, Krishnan, Xiao (2019), An investigation into neural net optimization via Hessian
        eigenvalue density, section 2 and appendix A.
        Golub, Welsch (1969), Calculation of Gauss quadrature rules.

    >>> import torch
    >>> bowl = torch.nn.Linear(2, 1, bias=False)
    >>> problem = Problem(bowl, "mse", (torch.diag(torch.tensor([1.0, 3.0])), torch.zeros(2, 1)))
    >>> found = spectral_density(problem, steps=2, starts=1)
    >>> found.arrays["nodes"].round(9).tolist(), found.arrays["weights"].round(9).tolist()
    ([[1.0, 9.0]], [[0.5, 0.5]])
    """
    operator = HessianProduct(LossAtPoint(problem, theta, varied=varied))
    index = operator.index
    if not 1 <= steps <= len(index):
        raise ValueError(f"steps must be between 1 and {len(index)}, got {steps}")
    if starts < 1:
        raise ValueError(f"starts must be >= 1, got {starts}")
    rng = np.random.default_rng(seed)

    def times(vector: Floats) -> Floats:
        product = np.asarray(operator @ vector)
        if progress is not None:
            progress(1)
        return product

    found = []
    for _ in range(starts):
        start = np.zeros(operator.shape[0])
        # Signs: every entry has the same share, so the trace of a diagonal matrix is exact.
        start[index] = rng.choice([-1.0, 1.0], size=len(index)) / np.sqrt(len(index))
        found.append(quadrature(times, start, steps))
    nodes, weights, residuals = (np.stack(parts) for parts in zip(*found, strict=True))
    settings = {
        **operator.settings,
        "steps": steps,
        "starts": starts,
        "seed": seed,
        "products": operator.products,
    }
    return Analysis(KIND, {"nodes": nodes, "weights": weights, "residuals": residuals}, settings)


def quadrature(
    times: Callable[[Floats], Floats], start: Floats, steps: int
) -> tuple[Floats, Floats, Floats]:
    """Return nodes, weights and residuals, [steps] each, of the Gauss quadrature of v' f(H) v.

    Args:
        times: multiplies the symmetric matrix H with a vector [P].
        start: the unit vector v, [P].
        steps: of Lanczos' method, each new vector made orthogonal to all before, twice.

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
    values, vectors = eigh_tridiagonal(diagonal[:done], beside[: done - 1])
    nodes, weights, residuals = np.full(steps, values[-1]), np.zeros(steps), np.zeros(steps)
    nodes[:done], weights[:done] = values, vectors[0] ** 2
    residuals[:done] = beside[done - 1] * np.abs(vectors[-1])
    residuals[done:] = residuals[done - 1]
    return nodes, weights, residuals
