"""Claim 2: how bold a step may be, how fast the best rate descends, and what Nesterov gains.

References:
    Nesterov (2004), Introductory Lectures on Convex Optimization, sections 1.2.3 and 2.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from landscape.claims.comparing import Quantity, decided, registered
from landscape.claims.optimizers import MOMENTUM, methods_at
from landscape.claims.primary import deciding_twins
from landscape.claims.rates import BELOW, grid_around, sharpness_at
from landscape.claims.setting import Setting, stacked
from landscape.claims.stability import (
    METHODS,
    largest_stable_rates,
    stability_limits,
    stable_ranges,
)
from landscape.claims.stacked import Descent, descend, steps_to
from landscape.claims.summaries import effects
from landscape.claims.twins import NULL, activations_of, twins
from landscape.claims.verdicts import Finding, finding
from landscape.curvature.derivatives import LossAtPoint
from landscape.kinks.first_failure import first_failure
from landscape.kinks.path_following import TOLERANCE
from landscape.problem import Problem
from landscape.problem.evaluator import Evaluator
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

# Rates over which the reach is measured: from the limit at the start to 1,700 times that.
_REACHED = 1.2 ** np.arange(42)


def linear_range(problem: Problem, thetas: Floats) -> Floats:
    """Return the largest rate up to which the gradient's linear prediction holds, [records].

    The largest s with ``|L(theta - a g) - L + a ||g||^2| <= 0.1 a ||g||^2`` for all a <= s;
    :func:`landscape.kinks.along_path` gives it in lengths of the step that was taken.

    Args:
        problem: network, loss and data; the network's own parameters are not used.
        thetas: where, [records, P].
    """
    at = LossAtPoint(problem)
    return np.array([_reach(at.evaluator, theta, at.gradient_at(theta)) for theta in thetas])


def _reach(evaluator: Evaluator, theta: Floats, slope: Floats) -> float:
    square, here = float(slope @ slope), float(evaluator(theta[None])["losses"][0])
    if square == 0:
        return float("nan")
    unit = 1 / np.sqrt(square)

    def wrong(lengths: Floats) -> Any:
        rates = np.asarray(lengths) * unit
        losses = evaluator(theta - rates[:, None] * slope)["losses"]
        # A loss that is not a number is no good prediction.
        return ~(np.abs(losses - here + rates * square) <= TOLERANCE * rates * square)

    return float(first_failure(wrong) * unit)


def measure(setting: Setting) -> Analysis:
    """Measure claim 2 for one seed.

    Returns:
        Arrays over activations A and the methods gd, heavy ball, Nesterov: ``stable_rates [A,
        3]``; ``steps_to_target [A, 3]`` at ``best_rates [A, 3]``; ``steps_by_rate [A, 3, R]`` on
        ``rates [3, R]``, the same for all activations; ``at_edge [A, 3]`` tells where the best
        rate is the first or last of the grid; ``sharpness [A, 2]`` and ``limits [A, 2, 3]`` of a
        quadratic of that sharpness, at start and end of gradient descent at its best rate;
        ``linear_range [A, records]`` along it, as a rate; ``stable_ranges [A]`` of gradient
        descent, NaN but for the twins that decide and the null. Studies of earlier versions have
        no such ranges, and ``stable_rates`` of gradient descent alone, [A, 1]. NaN at the end of a
        descent that diverged.
    """
    names = activations_of(twins(setting.effort.twins))
    limits = stability_limits(sharpness_at(setting.problem("relu")))
    # A network bears more than a quadratic of its sharpness at the start: most rates lie above.
    rates = grid_around(limits, setting.effort)
    arrays = stacked([_row(setting, name, rates) for name in names])
    return setting.analysis(2, names, {**arrays, "rates": rates}, methods=list(METHODS),
                            momentum=MOMENTUM, target_loss=setting.target_loss)  # fmt: skip


def _row(setting: Setting, name: str, rates: Floats) -> dict[str, Any]:
    """Measure one activation."""
    # Runs are compared in single precision; what needs differences is measured in double.
    single, effort = setting.problem(name, dtype=torch.float32), setting.effort
    grid = descend(single, methods_at(rates, METHODS), steps=effort.steps)
    needed = steps_to(grid.losses, grid.steps, setting.target_loss).reshape(rates.shape)
    best = np.argmin(_tie_broken(needed, grid, rates.shape), axis=1)
    wide = setting.problem(name)
    at_best = methods_at(rates[0, best[:1]])
    every = max(effort.steps // effort.records, 1)
    path = descend(wide, at_best, steps=effort.steps, record_every=every, keep_path=True).path
    assert path is not None
    known = path[:, 0][np.isfinite(path[:, 0]).all(axis=1)]
    # A descent that diverged has no end.
    ends = known[[0, -1]] if len(known) == len(path) else known[:1]
    sharpness = np.full(2, np.nan)
    sharpness[: len(ends)] = [sharpness_at(wide, theta) for theta in ends]
    bold = np.full(len(path), np.nan)
    bold[: len(known)] = linear_range(wide, known)
    return {
        "stable_rates": _stable_rates(setting, single, _last_stable(grid, rates)),
        "stable_ranges": _stable_range(setting, name, single, rates[0, 0]),
        "steps_by_rate": needed,
        "steps_to_target": needed[range(3), best],
        "best_rates": rates[range(3), best],
        "at_edge": (best == 0) | (best == rates.shape[1] - 1),
        "sharpness": sharpness,
        "limits": np.stack([stability_limits(value) for value in sharpness]),
        "linear_range": bold,
    }  # fmt: skip


def _stable_rates(setting: Setting, problem: Problem, starts: Floats) -> Floats:
    """Return the largest stable rates of the methods, [3], on ladders from ``starts``."""
    # Gradient descent, which decides, by itself: what runs beside it would change its last bits.
    return np.concatenate([
        largest_stable_rates(problem, steps=setting.effort.steps, start=starts[part],
                             names=METHODS[part], factor=setting.effort.factor)
        for part in (slice(0, 1), slice(1, None))
    ])  # fmt: skip


def _stable_range(setting: Setting, name: str, problem: Problem, lowest: float) -> float:
    """Return how far the stable rates of gradient descent reach; NaN where it is not compared.

    Args:
        setting: on what.
        name: of the activation.
        problem: with it.
        lowest: rate of the grid.
    """
    if name not in {*NULL, *(n for pair in deciding_twins() for n in pair)}:
        return float("nan")
    limit = lowest * setting.effort.factor**BELOW
    rates = np.asarray(limit * _REACHED, dtype=np.float64)[None]
    ranges = stable_ranges(problem, rates, steps=setting.effort.steps, names=METHODS[:1])
    return float(ranges[0])


def _tie_broken(needed: Floats, grid: Descent, shape: tuple[int, ...]) -> Floats:
    """Where nothing arrives, the lowest last loss counts as best."""
    last = grid.losses[:, -1].reshape(shape)
    order = np.argsort(np.argsort(last, axis=1), axis=1)
    return np.where(np.isfinite(needed), needed, 1e9 + order)


def _last_stable(grid: Descent, rates: Floats) -> Floats:
    """Return the last rate of a grid below which all were stable, the first if none was, [3]."""
    stable = (grid.losses[:, -1] < grid.losses[:, 0]).reshape(rates.shape)
    count = np.logical_and.accumulate(stable, axis=1).sum(axis=1)
    return rates[range(len(rates)), np.maximum(count - 1, 0)]


def _pick(field: str, *index: int) -> Any:
    return lambda analysis, activation: float(analysis.arrays[field][(activation, *index)])


def _scaled(analysis: Analysis, activation: int) -> float:
    """Return the stable rate of gradient descent in units of 2 / sharpness at the start."""
    arrays = analysis.arrays
    return float(arrays["stable_rates"][activation, 0] / arrays["limits"][activation, 0, 0])


def _range(analysis: Analysis, activation: int) -> float | None:
    """Return how far the stable rates reach; None where that was not measured."""
    ranges = analysis.arrays.get("stable_ranges")
    return None if ranges is None or np.isnan(ranges[activation]) else float(ranges[activation])


def _gain(analysis: Analysis, activation: int) -> float:
    """Return how many times fewer steps Nesterov needs than gradient descent.

    inf if only Nesterov arrives; NaN if it does not: a gain is then below some number, or unknown.
    """
    plain, _, nesterov = analysis.arrays["steps_to_target"][activation]
    return float("nan") if np.isinf(nesterov) else float(plain / nesterov)


PRIMARY = (
    registered(2, "largest stable rate of gradient descent", _pick("stable_rates", 0)),
    registered(2, "steps of Nesterov at its best rate", _pick("steps_to_target", 2)),
)
_MARGIN = PRIMARY[0].margin
SHOWN = (
    Quantity(name="stable rate x sharpness / 2", values=_scaled, claimed=-1, margin=_MARGIN),
    Quantity(name="steps of gradient descent at its best rate",
             values=_pick("steps_to_target", 0), claimed=1, margin=_MARGIN),
    Quantity(name="linear range at the start", values=_pick("linear_range", 0), claimed=-1,
             margin=_MARGIN),
    Quantity(name="reach of the stable rates", values=_range, claimed=-1, margin=_MARGIN),
    Quantity(name="Nesterov's gain", values=_gain, claimed=-1, margin=_MARGIN),
)  # fmt: skip


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Judge claim 2: smooth twins bear larger rates and arrive in fewer steps."""
    deciding, beside = decided(analyses, PRIMARY, SHOWN)
    return finding(
        2,
        deciding,
        sentence=f"Kinked over smooth: {effects(deciding) or 'not compared, one seed'}.",
        shown=beside,
        limits="Full-batch descent from one initialisation; the target is a training loss.",
    )
