"""The largest stable rates of gradient descent, heavy ball and Nesterov's method.

Such a rate is the largest up to which every rate on a ladder ends, after T steps, with a loss below
its start. On a quadratic of largest curvature lambda it is 2 / lambda for gradient descent,
2 (1 + beta) / lambda for the heavy ball, and 2 (1 + beta) / ((1 + 2 beta) lambda) for Nesterov's
method with momentum beta.

On a network stable and unstable rates alternate over most of a decade, so that the first unstable
rung found depends on how close the rungs are, and may differ by a factor between two functions that
are practically one. How far the stable rates reach altogether (:func:`stable_ranges`) has the same
value on a quadratic, and depends on neither.

References:
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    Nesterov (2004), Introductory Lectures on Convex Optimization, section 2.2.
    Cohen et al. (2021), Gradient descent on neural networks typically occurs at the edge of
    stability, section 2 and appendix B for the limits with momentum.
    Sohl-Dickstein (2024), The boundary of neural network trainability is fractal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.claims.optimizers import MOMENTUM, methods_at
from landscape.claims.stacked import descend
from landscape.problem import Problem
from landscape.records.arrays import Floats

METHODS = ("gd", "heavy_ball", "nesterov")
# Rates tried together between the last stable and the first unstable one.
_BETWEEN = 5
_RUNGS = 7


def stability_limits(sharpness: float, momentum: float = MOMENTUM) -> Floats:
    """Return the largest stable rates on a quadratic, of each of ``METHODS``, [3].

    >>> stability_limits(2.0, 0.5).tolist()
    [1.0, 1.5, 0.75]
    """
    heavy = 2 * (1 + momentum) / sharpness
    return np.array([2 / sharpness, heavy, heavy / (1 + 2 * momentum)])


def largest_stable_rates(
    problem: Problem,
    *,
    steps: int,
    start: Floats,
    names: Sequence[str] = METHODS,
    momentum: float = MOMENTUM,
    factor: float = 1.5,
    tolerance: float = 0.02,
) -> Floats:
    """Find the largest stable rates of gradient descent, heavy ball and Nesterov, or of some.

    On a ladder from ``start`` upwards the first unstable rung is found, then the gap is cut into
    six again and again. Stable rates above an unstable one are not looked for.

    Args:
        problem: the network at its start, loss and data; see
            :func:`landscape.claims.stacked.descend`.
        steps: T; the loss after T steps must be below that at the start.
        start: a rate of each of the M methods where the ladder starts, [M]; lower where it is
            unstable.
        names: which methods.
        momentum: of the heavy ball and of Nesterov.
        factor: between rungs.
        tolerance: of the result, as a share of it.

    Returns:
        Rates [M], the last that were stable; inf if none was found unstable.

    Raises:
        ValueError: if no stable rate is found.
    """
    good, bad = np.asarray(start, dtype=np.float64).copy(), np.full(len(names), np.inf)

    def stable(rates: Floats) -> Any:
        methods = methods_at(rates, names, momentum=momentum)
        descent = descend(problem, methods, steps=steps, record_every=steps)
        return (descent.losses[:, -1] < descent.losses[:, 0]).reshape(rates.shape)

    for _ in range(12):
        rungs = good[:, None] * factor ** np.arange(_RUNGS)
        held = np.logical_and.accumulate(stable(rungs), axis=1).sum(axis=1)
        for method, count in enumerate(held):
            if np.isfinite(bad[method]):
                continue
            if count == 0:
                good[method] /= factor ** (_RUNGS - 1)
                continue
            good[method] = rungs[method, count - 1]
            if count < _RUNGS:
                bad[method] = rungs[method, count]
        if np.isfinite(bad).all():
            break
    else:
        if (held == 0).any():
            raise ValueError(f"a stable rate must exist, found none down to {good.min():.3g}")
    while ((bad / good > 1 + tolerance) & np.isfinite(bad)).any():
        ends = np.where(np.isfinite(bad), bad, good)
        shares = np.arange(1, _BETWEEN + 1) / (_BETWEEN + 1)
        rates = good[:, None] * (ends / good)[:, None] ** shares
        held = np.logical_and.accumulate(stable(rates), axis=1).sum(axis=1)
        every = np.column_stack([good, rates, ends])
        good, upper = every[range(len(names)), held], every[range(len(names)), held + 1]
        bad = np.where(np.isfinite(bad), upper, bad)
    return np.where(np.isfinite(bad), good, np.inf)


def stable_ranges(
    problem: Problem,
    rates: Floats,
    *,
    steps: int,
    names: Sequence[str] = METHODS,
    momentum: float = MOMENTUM,
) -> Floats:
    """Return how far the stable rates of some methods reach, see :func:`reach`.

    Args:
        problem: the network at its start, loss and data; see
            :func:`landscape.claims.stacked.descend`.
        rates: a grid of one factor for each of the M methods, from one that is surely stable to
            one that is surely not, [M, R].
        steps: T.
        names: which methods.
        momentum: of the heavy ball and of Nesterov.

    Returns:
        Rates [M].
    """
    descent = descend(problem, methods_at(rates, names, momentum=momentum), steps=steps)
    return reach(descent.losses.reshape(*rates.shape, -1), rates)


def reach(losses: Floats, rates: Floats) -> Floats:
    """Return the rate r with ``log r = log r_0 + integral of s(rate) d log rate``.

    ``s`` is the share of the second half of the steps after which the loss is below its start, 1
    for a stable rate and 0 for an unstable one. A stable rate above an unstable one counts, and
    where the two alternate each counts by its share.

    Args:
        losses: at the start and after every step, [M, R, T + 1].
        rates: from ``r_0`` upwards, by one factor, [M, R].

    Returns:
        Rates [M]; inf where the largest of the grid was stable throughout.

    >>> reach(np.array([[[1, 0.5], [1, 0.1], [1, 3], [1, np.inf]]]), np.array([[1, 4, 16, 64]]))
    array([8.])
    """
    later = losses[..., losses.shape[-1] // 2 :]
    shares = (later < losses[..., :1]).mean(axis=-1)
    spacing = np.log(rates[:, 1] / rates[:, 0])
    # Each rate stands for half a spacing on either side.
    ends = rates[:, 0] * np.exp(spacing * (shares.sum(axis=-1) - 0.5))
    return np.asarray(np.where(shares[:, -1] == 1, np.inf, ends))
