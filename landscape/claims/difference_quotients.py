"""Claim 3: what difference quotients say across a kink.

Along a segment the slope of the loss jumps by J where a pre-activation crosses a kink, from s to
s + J. With a shrinking step h the backward difference tends to s, the forward one to s + J, and the
central one to their mean, s + J / 2, which is the slope of neither side; autograd answers with one
of the two. Where the loss is smooth all three tend to the same.

How much J / 2 is beside the slope decides whether a central difference misleads: for the loss of
the single example it is large, in the mean over N examples its share is of the order 1 / N.

References:
    Griewank and Walther (2008), Evaluating Derivatives, chapter 14, for one-sided derivatives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from landscape.claims.comparing import groups
from landscape.claims.effects import paired_effect
from landscape.claims.primary import primary
from landscape.claims.setting import Setting, stacked
from landscape.claims.statistics import Contrast
from landscape.claims.verdicts import Finding, finding
from landscape.curvature.derivatives import LossAtPoint
from landscape.kinks import slope_budget
from landscape.planes.network_segments import random_segment
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.results import Analysis
from landscape.records.segment import Segment

# Steps of the differences, as shares of the segment's length.
STEPS = 10.0 ** np.arange(-1, -7.5, -0.5)
TWIN = ("relu", "smelu_1")
# One-sided slopes are taken so far from the kink, as a share of the segment.
_ASIDE = 1e-8
_SINGLES = 4


def differences(
    problem: Problem, segment: Segment, places: Floats, steps: Floats
) -> dict[str, Floats]:
    """Return difference quotients of the loss along a segment, and its slopes on either side.

    Args:
        problem: network, loss and data; the network's own parameters are not used.
        segment: ``theta(t) = origin + t direction``.
        places: t of the centres, [K].
        steps: h, in t, [H].

    Returns:
        ``backward``, ``forward``, ``central`` [K, H]; ``left``, ``right`` [K]: autograd's slopes
        just before and after each place; ``at`` [K]: on it.
    """
    at = LossAtPoint(problem)
    evaluator = at.evaluator

    def losses(t: Floats) -> Floats:
        if not t.size:
            return np.zeros(t.shape)
        thetas = segment.origin + t.reshape(-1, 1) * segment.direction
        return np.asarray(evaluator(thetas)["losses"]).reshape(t.shape)

    def slopes(t: Floats) -> Floats:
        thetas = (segment.origin + place * segment.direction for place in t)
        return np.array([at.gradient_at(theta) @ segment.direction for theta in thetas])

    here = losses(places)[:, None]
    before, after = (losses(places[:, None] + sign * steps) for sign in (-1, 1))
    aside = _ASIDE * (segment.end - segment.start)
    return {
        "backward": (here - before) / steps,
        "forward": (after - here) / steps,
        "central": (after - before) / (2 * steps),
        "left": slopes(places - aside),
        "right": slopes(places + aside),
        "at": slopes(places),
    }


def crossings_of(problem: Problem, segment: Segment, count: int) -> tuple[Floats, Floats]:
    """Return places and jumps of some crossings of a segment, spread evenly over all of them.

    Returns:
        Places t [K] and jumps J [K] of the mean loss's slope, K at most ``count``.
    """
    budget = slope_budget(problem, segment, keep_crossings=True)
    total = len(budget.places)
    chosen = np.unique(np.linspace(0, total - 1, min(count, total)).round()).astype(int)
    # Crossings with no gradient behind them (dead further up) jump by nothing.
    real = chosen[budget.jumps[chosen] != 0]
    return budget.places[real], budget.jumps[real]


def measure(setting: Setting) -> Analysis:
    """Measure claim 3 for one seed, on a random line of ReLU and at the same places of its twin.

    Returns:
        Arrays over centres K, steps H and activations A (ReLU and its smooth twin): of the mean
        loss ``places [K]``, ``jumps [K]``, ``backward``, ``forward``, ``central`` [A, K, H],
        ``left``, ``right``, ``at`` [A, K]; of the losses of single examples ``single_jumps [K']``,
        ``single_central [K']`` at the smallest step, ``single_sides [K', 2]``; ``steps [H]``.
    """
    count = setting.effort.centres
    kinked = setting.problem(TWIN[0])
    line = random_segment(kinked.model, seed=setting.seed, span=0.1)
    places, jumps = crossings_of(kinked, line, count)
    steps = STEPS * (line.end - line.start)
    arrays = stacked([differences(setting.problem(name), line, places, steps) for name in TWIN])
    few = min(_SINGLES, len(setting.targets))
    singles = [_single(setting, line, index, count) for index in range(few)]
    for key in singles[0]:
        arrays[key] = np.concatenate([single[key] for single in singles])
    arrays |= {"places": places, "jumps": jumps, "steps": steps}
    return setting.analysis(3, TWIN, arrays, segment=line.kind, span=0.1)


def _single(setting: Setting, line: Segment, index: int, count: int) -> dict[str, Floats]:
    """Measure the kinks of the loss of a single example."""
    example = setting.inputs[index : index + 1], setting.targets[index : index + 1]
    problem = replace(setting.problem(TWIN[0]), data=example)
    places, jumps = crossings_of(problem, line, count)
    tiny = STEPS[-1:] * (line.end - line.start)
    slopes = differences(problem, line, places, tiny)
    sides = np.column_stack([slopes["left"], slopes["right"]])
    return {"single_jumps": jumps, "single_sides": sides, "single_central": slopes["central"][:, 0]}


def misled(central: Floats, left: Floats, right: Floats) -> Floats:
    """Return how far a central difference is from the nearer of both sides' slopes, relatively.

    Over the larger magnitude of the two, so that it is 0 where nothing jumps and at most 1 / 2 for
    slopes of one sign.

    >>> misled(np.array([0.5]), np.array([0.0]), np.array([1.0])).tolist()
    [0.5]
    """
    nearer = np.minimum(np.abs(central - left), np.abs(central - right))
    size = np.maximum(np.abs(left), np.abs(right))
    return np.where(size > 0, nearer / np.where(size > 0, size, 1), 0.0)


_FIXED = primary(3, "error of a central difference, mean loss")
# The step at which a difference is judged: small, and well above rounding.
_JUDGED = int(np.argmin(np.abs(STEPS - 1e-6)))


def _mean_error(analysis: Analysis, activation: int) -> float:
    central, left, right = (
        analysis.arrays[key][activation] for key in ("central", "left", "right")
    )
    return _median_error(central[:, _JUDGED], left, right)


def _single_error(analysis: Analysis) -> float:
    return _median_error(analysis.arrays["single_central"], *analysis.arrays["single_sides"].T)


def _median_error(central: Floats, left: Floats, right: Floats) -> float:
    return float(np.median(misled(central, left, right))) if len(central) else 0.0


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 3: the relative error of a central difference on a kink of the mean loss.

    Against that of the smooth twin at the same places. The error for the loss of a single example
    is shown beside it.
    """
    deciding, beside, parts = [], [], []
    for group, seeds in groups(analyses).items():
        errors = [[_mean_error(a, i) for a in seeds] for i in (0, 1)]
        single = [_single_error(a) for a in seeds]
        parts.append(
            f"{group}: on a kink a central difference is off by {np.median(errors[0]):.2g} of the "
            f"slope of the mean loss (the smooth twin {np.median(errors[1]):.2g}), and by "
            f"{np.median(single):.2g} for the loss of a single example"
        )
        if len(seeds) < 2:
            continue
        effect = paired_effect(*errors, scale="linear")
        deciding.append(Contrast(f"{_FIXED.name}, {group}", effect, _FIXED.claimed,
                                 _FIXED.bound))  # fmt: skip
        alone = paired_effect(single, [0.0] * len(single), scale="linear")
        beside.append(Contrast(f"error of a central difference, single example, {group}", alone, 1,
                               _FIXED.bound))  # fmt: skip
    return finding(
        3,
        deciding,
        sentence="; ".join(parts) + ".",
        shown=beside,
        limits="A random line; a step of a millionth of it is compared, a tenth of that for single "
        "examples. That the derivative is not defined on "
        "the kink itself is true by definition and not measured.",
    )
