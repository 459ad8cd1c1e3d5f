"""Along the optimizer's way: how far its gradients can be trusted, and what kinks add to a step.

Everything is that of the mean loss over all examples, in evaluation mode and float64, along the
steps that were taken; a trajectory with skipped steps is followed by their means.

References:
    Nesterov (2004), Introductory Lectures on Convex Optimization, section 1.2.3: with a gradient
    that is Lipschitz, the linear prediction holds to (L / 2) ||step||^2.
    Santurkar et al. (2018), How does batch normalization help optimization?, section 3.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from landscape.arrays import Floats
from landscape.budget import SlopeBudget
from landscape.derivatives import LossAtPoint
from landscape.hessian import hessian_eigenpairs
from landscape.kinks.measuring import slope_budget
from landscape.problem import Problem
from landscape.results import Analysis
from landscape.segment import Segment, step_segment
from landscape.trajectory import Trajectory

KIND = "along_path"
# Error of the linear prediction that is still called good, as a share of what it predicts.
TOLERANCE = 0.1
# The ladder on which the first bad place is looked for has so many rungs in a factor of 2.
_RUNGS = 4
_OCTAVES = 30
# Shares of a step at which gradients are compared with that at its start.
_PARTS = 8

Measured = dict[str, float]


def along_path(
    problem: Problem,
    trajectory: Trajectory,
    *,
    records: Sequence[int] = (),
    samples: int = 17,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Measure steps of an optimizer: boldness, smoothness of the gradient, sharpness, kinks.

    At the start of each step, with g the gradient there and d the step that was taken:

    - *boldness*: the largest s up to which the loss on the ray along -g is within 10 % of the
      linear prediction, ``|L(theta - a g) - L + a ||g||^2| <= 0.1 a ||g||^2`` for all a <= s; given
      as the length s ||g|| in lengths of the step, so that gradient descent at rate r has s / r;
    - *Lipschitz constant* of the gradient over the step: the largest
      ``||g(theta + t d) - g|| / ||t d||`` at eight equal parts t of the step;
    - *sharpness*: the largest eigenvalue of autograd's Hessian, which does not see kinks;
    - *crossings* and *kink noise* of the step, see :attr:`landscape.SlopeBudget.kink_noise`.

    Args:
        problem: as in :func:`landscape.slope_budget`, of a network with the trajectory's
            parameters. Its present buffers (BatchNorm statistics) are used throughout.
        trajectory: the path of an optimizer.
        records: indices of records where the steps end, not the first; none takes ten of them,
            spread evenly.
        samples: places of the budgets of the steps.
        progress: called with 1 after every step.

    Returns:
        An analysis ``along_path``, every array [R]: ``steps`` (optimizer steps before the step),
        ``losses``, ``gradient_norms``, ``step_lengths``, ``learning_rates``, ``boldness``,
        ``lipschitz``, ``sharpness``, ``crossings`` (of all examples), ``kink_noise``, ``off_by``
        and ``passed`` (whether the budget's check passed). NaN where the gradient is zero, or the
        linear prediction holds as far as was looked. ``settings`` say whether any kink was crossed
        (``kinked``), and the ``learning_rate`` if it was the same throughout.

    Raises:
        ValueError: for a trajectory without steps, or what :func:`landscape.slope_budget` refuses.
        IndexError: for a record that is not there.
    """
    chosen = list(records) or spread_records(trajectory, 10)
    slopes = LossAtPoint(problem)
    evaluator = slopes.evaluator
    found: list[Measured] = []
    for record in chosen:
        segment = step_segment(trajectory, record)
        budget = slope_budget(problem, segment, samples=samples)
        start = segment.origin + segment.start * segment.direction
        vectors = (start, segment.direction * (segment.end - segment.start))
        row = _around(slopes, *vectors)
        top = hessian_eigenpairs(problem, theta=start, top=1, bottom=0)
        found.append({**row, **_of(budget, segment), "sharpness": float(top.values[0]),
                      "learning_rates": _rate(trajectory, segment)})  # fmt: skip
        if progress is not None:
            progress(1)
    arrays = {name: np.array([row[name] for row in found]) for name in found[0]}
    arrays["steps"] = arrays["steps"].astype(np.int64)
    settings = {"examples": evaluator.batches.examples, "tolerance": TOLERANCE, "parts": _PARTS,
                "samples": samples, "kinked": bool(arrays["crossings"].any())}  # fmt: skip
    rates = set(arrays["learning_rates"].tolist())
    if len(rates) == 1 and not any(map(np.isnan, rates)):
        settings["learning_rate"] = rates.pop()
    return Analysis(KIND, arrays, settings)


def spread_records(trajectory: Trajectory, count: int) -> list[int]:
    """Choose up to ``count`` records at the ends of steps, spread evenly over a trajectory.

    Raises:
        ValueError: for a trajectory without steps.
    """
    last = len(trajectory.steps) - 1
    if not last:
        raise ValueError("a trajectory with at least 2 records is needed, got 1: no step was taken")
    return [int(r) for r in np.unique(np.linspace(1, last, min(count, last)).round())]


def _of(budget: SlopeBudget, segment: Segment) -> Measured:
    return {
        "steps": segment.settings["step"] - segment.settings["steps_averaged"],
        "crossings": budget.crossings,
        "kink_noise": budget.kink_noise,
        "off_by": budget.off_by,
        "passed": budget.passed,
    }


def _rate(trajectory: Trajectory, segment: Segment) -> float:
    rates = trajectory.learning_rates
    last = segment.settings["step"] - 1
    return float(rates[last]) if last < len(rates) else float("nan")


def _around(slopes: LossAtPoint, theta: Floats, step: Floats) -> Measured:
    """Measure loss and gradient around the start of a step."""
    evaluator = slopes.evaluator

    def gradient_at(place: Floats) -> Floats:
        slopes.theta = place
        return slopes.gradient()

    here, length = gradient_at(theta), float(np.linalg.norm(step))
    shares = np.arange(1, _PARTS + 1) / _PARTS
    changes = [np.linalg.norm(gradient_at(theta + t * step) - here) / (t * length) for t in shares]
    base, norm = float(evaluator(theta[None])["losses"][0]), float(np.linalg.norm(here))

    def wrong(lengths: Floats) -> Any:
        """Whether the prediction fails after moving so many step lengths along -gradient."""
        moved = lengths * length
        losses = evaluator(theta - moved[:, None] * here / norm)["losses"]
        predicted = moved * norm
        # A loss that is not a number is no good prediction.
        return ~(np.abs(losses - base + predicted) <= TOLERANCE * predicted)

    return {
        "losses": base,
        "gradient_norms": norm,
        "step_lengths": length,
        "boldness": first_failure(wrong) if norm > 0 else float("nan"),
        "lipschitz": float(max(changes)),
    }


def first_failure(wrong: Callable[[Floats], Any], *, start: float = 1 / 64) -> float:
    """Return where a condition first fails, on a ladder of places and then by bisection.

    Args:
        wrong: whether it fails, at places [K].
        start: where the ladder starts; where it fails there already, lower.

    Returns:
        The place, to 1e-4 of itself; NaN if it is farther than 2^30 times the start in either
        direction. Failures narrower than a rung, a factor of 2^(1/4), can be missed.
    """
    rungs = 2.0 ** (np.arange(1, _RUNGS + 1) / _RUNGS)
    good = start
    for _ in range(_OCTAVES):
        if not wrong(np.array([good]))[0]:
            break
        good /= 2
    else:
        return float("nan")
    bad = float("nan")
    for _ in range(_OCTAVES):
        places = good * rungs
        failed = np.flatnonzero(wrong(places))
        if len(failed):
            bad = float(places[failed[0]])
            good = float(places[failed[0] - 1]) if failed[0] else good
            break
        good = float(places[-1])
    while bad - good > 1e-4 * good:
        middle = (good + bad) / 2
        good, bad = (good, middle) if wrong(np.array([middle]))[0] else (middle, bad)
    return good if np.isfinite(bad) else float("nan")
