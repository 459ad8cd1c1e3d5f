"""Claim 2: how bold a step may be, how fast the best rate descends, and what Nesterov gains.

The largest stable rate of a method is the largest up to which every rate on a ladder ends, after
T steps, with a loss below its start. On a quadratic of largest curvature lambda it is
2 / lambda for gradient descent, 2 (1 + beta) / lambda for the heavy ball, and
2 (1 + beta) / ((1 + 2 beta) lambda) for Nesterov's method with momentum beta.

References:
    Nesterov (2004), Introductory Lectures on Convex Optimization, sections 1.2.3 and 2.2.
    Polyak (1964), Some methods of speeding up the convergence of iteration methods.
    Cohen et al. (2021), Gradient descent on neural networks typically occurs at the edge of
    stability, section 2 and appendix B for the limits with momentum.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from landscape.arrays import Floats
from landscape.derivatives import gradient
from landscape.dynamics.claims import KIND, Finding, Setting, claim_of, finding
from landscape.dynamics.comparing import Quantity, decided, registered, said
from landscape.dynamics.stacked import Descent, Examples, Methods, descend, steps_to
from landscape.dynamics.twins import activations_of, twins
from landscape.evaluation import Evaluator
from landscape.hessian import hessian_eigenpairs
from landscape.kinks.path import TOLERANCE, first_failure
from landscape.results import Analysis

METHODS = ("gd", "heavy_ball", "nesterov")
MOMENTUM = 0.9
# Rates tried together between the last stable and the first unstable one.
_BETWEEN = 5
_RUNGS = 7
_SHARPNESS_TOLERANCE = 1e-3
# Rates of a grid below the limit of a quadratic.
_BELOW = 4


def stability_limits(sharpness: float, momentum: float = MOMENTUM) -> Floats:
    """Return the largest stable rates on a quadratic, of each of ``METHODS``, [3].

    >>> stability_limits(2.0, 0.5).tolist()
    [1.0, 1.5, 0.75]
    """
    heavy = 2 * (1 + momentum) / sharpness
    return np.array([2 / sharpness, heavy, heavy / (1 + 2 * momentum)])


def methods_at(
    rates: Floats, momentum: float = MOMENTUM, names: Sequence[str] = METHODS
) -> Methods:
    """Return each of M methods at each of its rates [M, R], as M R methods."""
    each = np.shape(rates)[1]
    momenta = [0.0 if name == "gd" else momentum for name in names]
    ahead = [float(name == "nesterov") for name in names]
    return Methods(np.reshape(rates, -1), np.repeat(momenta, each), np.repeat(ahead, each))


def largest_stable_rates(
    model: nn.Module,
    loss: str,
    examples: Examples,
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
        model: the network at its start; left alone.
        loss: see :func:`landscape.dynamics.stacked.descend`.
        examples: pair (inputs, targets).
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
        found = descend(model, loss, examples, methods_at(rates, momentum, names), steps=steps,
                        record_every=steps)  # fmt: skip
        return (found.losses[:, -1] < found.losses[:, 0]).reshape(rates.shape)

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


def boldness(model: nn.Module, loss: str, examples: Examples, thetas: Floats) -> Floats:
    """Return the largest rate up to which the gradient's linear prediction holds, [records].

    The largest s with ``|L(theta - a g) - L + a ||g||^2| <= 0.1 a ||g||^2`` for all a <= s;
    :func:`landscape.kinks.along_path` gives it in lengths of the step that was taken.

    Args:
        model: the network; only its structure is used.
        loss: name or function.
        examples: pair (inputs, targets).
        thetas: where, [records, P].
    """
    evaluator = Evaluator(model, loss, examples, dtype=torch.float64, metrics={})
    return np.array([_reach(evaluator, theta, gradient(model, loss, examples, theta))
                     for theta in thetas])  # fmt: skip


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


def sharpness_at(model: nn.Module, loss: str, examples: Examples, theta: Floats) -> float:
    """Return the largest eigenvalue of autograd's Hessian, which does not see kinks."""
    pairs = hessian_eigenpairs(
        model, loss, examples, theta=theta, top=1, bottom=0, tolerance=_SHARPNESS_TOLERANCE
    )
    return float(pairs.values[0])


def single_precision(setting: Setting) -> Examples:
    """Return the examples in float32, in which runs are compared that need no differences."""
    targets = setting.targets
    return setting.inputs.float(), targets.float() if targets.is_floating_point() else targets


def measure(setting: Setting) -> Analysis:
    """Measure claim 2 for one seed.

    Returns:
        Arrays over activations A and the methods gd, heavy ball, Nesterov: ``stable_rates [A,
        1]`` of gradient descent; ``steps_to_target [A, 3]`` at ``best_rates [A, 3]``;
        ``steps_by_rate [A, 3, R]`` on ``rates [3, R]``, the same for all activations; ``at_edge
        [A, 3]`` tells where the best rate is the first or last of the grid; ``sharpness [A, 2]``
        and ``limits [A, 2, 3]`` of a quadratic of that sharpness, at start and end of gradient
        descent at its best rate; ``boldness [A, records]`` along it, as a rate.
    """
    names = activations_of(twins(setting.effort.twins))
    reference = setting.model("relu")
    start = torch.cat([p.detach().reshape(-1) for p in reference.parameters()]).numpy()
    limits = stability_limits(sharpness_at(reference, setting.loss, setting.examples, start))
    # A network bears more than a quadratic of its sharpness at the start: most rates lie above.
    effort = setting.effort
    rates = limits[:, None] * effort.factor ** (np.arange(effort.rates) - _BELOW)
    rows = [_row(setting, name, rates) for name in names]
    arrays = {key: np.stack([row[key] for row in rows]) for key in rows[0]}
    settings = {
        **setting.facts(),
        "claim": 2,
        "activations": list(names),
        "methods": list(METHODS),
        "momentum": MOMENTUM,
        "target_loss": setting.target_loss,
    }
    return Analysis(KIND, {**arrays, "rates": rates}, settings)


def _row(setting: Setting, name: str, rates: Floats) -> dict[str, Any]:
    """Measure one activation."""
    model, effort = setting.model(name, dtype=torch.float32), setting.effort
    single = single_precision(setting)
    grid = descend(model, setting.loss, single, methods_at(rates), steps=effort.steps)
    needed = steps_to(grid.losses, grid.steps, setting.target_loss).reshape(rates.shape)
    best = np.argmin(_tie_broken(needed, grid, rates.shape), axis=1)
    wide = setting.model(name)
    at_best = Methods(rates[0, best[:1]], np.zeros(1), np.zeros(1))
    every = max(effort.steps // effort.records, 1)
    path = descend(wide, setting.loss, setting.examples, at_best, steps=effort.steps,
                   record_every=every, keep_path=True).path  # fmt: skip
    assert path is not None
    known = path[:, 0][np.isfinite(path[:, 0]).all(axis=1)]
    sharpness = np.array([
        sharpness_at(wide, setting.loss, setting.examples, theta) for theta in known[[0, -1]]
    ])  # fmt: skip
    bold = np.full(len(path), np.nan)
    bold[: len(known)] = boldness(wide, setting.loss, setting.examples, known)
    return {
        "stable_rates": largest_stable_rates(
            model, setting.loss, single, steps=effort.steps,
            start=_last_stable(grid, rates)[:1], names=METHODS[:1], factor=effort.factor,
        ),
        "steps_by_rate": needed,
        "steps_to_target": needed[range(3), best],
        "best_rates": rates[range(3), best],
        "at_edge": (best == 0) | (best == rates.shape[1] - 1),
        "sharpness": sharpness,
        "limits": np.stack([stability_limits(value) for value in sharpness]),
        "boldness": bold,
    }  # fmt: skip


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


def _gain(analysis: Analysis, activation: int) -> float:
    """Return how many times fewer steps Nesterov needs than gradient descent."""
    plain, _, nesterov = analysis.arrays["steps_to_target"][activation]
    if np.isinf(nesterov):
        return 1.0 if np.isinf(plain) else float(np.finfo(float).tiny)
    return float(plain / nesterov)


PRIMARY = (
    registered(2, "largest stable rate of gradient descent", _pick("stable_rates", 0)),
    registered(2, "steps of Nesterov at its best rate", _pick("steps_to_target", 2)),
)
_MARGIN = PRIMARY[0].margin
SHOWN = (
    Quantity(name="stable rate x sharpness / 2", values=_scaled, claimed=-1, margin=_MARGIN),
    Quantity(name="steps of gradient descent at its best rate",
             values=_pick("steps_to_target", 0), claimed=1, margin=_MARGIN),
    Quantity(name="boldness at the start", values=_pick("boldness", 0), claimed=-1,
             margin=_MARGIN),
    Quantity(name="Nesterov's gain", values=_gain, claimed=-1, margin=_MARGIN),
)  # fmt: skip


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Judge claim 2: smooth twins bear larger rates and arrive in fewer steps."""
    deciding, beside = decided(analyses, PRIMARY, SHOWN)
    return finding(
        2,
        deciding,
        sentence=f"Kinked over smooth: {said(deciding) or 'not compared, one seed'}.",
        shown=beside,
        limits="Full-batch descent from one initialisation; the target is a training loss.",
    )


CLAIM = claim_of(2, measure=measure, verdict=verdict)
