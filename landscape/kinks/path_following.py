"""Along the optimizer's way: how its slope changes in single steps, and what kinks add to that.

Everything is in float64, along steps that were really taken: both ends of each are on record.

References:
    Nesterov (2004), Introductory Lectures on Convex Optimization, section 1.2.3: with a gradient
    that is Lipschitz, the linear prediction holds to (L / 2) ||step||^2.
    Santurkar et al. (2018), How does batch normalization help optimization?, section 3.1.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from landscape.curvature.derivatives import HessianProduct, LossAtPoint
from landscape.curvature.hessian import hessian_eigenpairs
from landscape.kinks.first_failure import first_failure
from landscape.kinks.prediction import predicted_slope_change
from landscape.kinks.slope_budgets import slope_budget
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.plurals import counted
from landscape.records.results import Analysis
from landscape.records.segment import Segment, step_segment
from landscape.records.trajectory import Trajectory

_LOG = logging.getLogger(__name__)
KIND = "along_path"
# Error of the linear prediction that is still called good, as a share of what it predicts.
TOLERANCE = 0.1
# Steps that are followed where none are named, and of these such with a full budget.
STEPS, CHECKS = 100, 10
# Hessian-vector products of the quadrature along a step.
NODES = 8
# A slope that changes by less than this share of what the gradient promises hardly changes: what
# autograd misses of it is not asked for.
LEAST_CHANGE = 0.01
# Shares of a step at which gradients are compared with that at its start.
_PARTS = 8

_BUDGET = ("budget_smooth", "budget_kink", "crossings", "kink_noise", "passed")
_FULL = ("checked", *_BUDGET, "linear_range", "lipschitz", "sharpness")

Measured = dict[str, float]
# The examples of a step, in any form a problem takes; called with the steps taken before it.
BatchOf = Callable[[int], Any]


def along_path(
    problem: Problem,
    trajectory: Trajectory,
    *,
    records: Sequence[int] = (),
    checks: int = CHECKS,
    nodes: int = NODES,
    samples: int = 17,
    batch_of: BatchOf | None = None,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Follow single steps of an optimizer: how the slope of the loss changes along each, and why.

    With g the gradient at the start of a step and d the difference of parameters (whatever the
    optimizer), every step gives

    - *promised*: g.d, by how much the loss would change along a straight line; negative for
      gradient descent, either sign with momentum or Adam;
    - *slope change*: ``(g_next - g).d``, exact, from the gradients at both ends;
    - *smooth*: the integral of autograd's curvature d'H(theta + t d)d over the step, by
      Gauss-Legendre quadrature, and *kink*: the rest of the slope change, which sits in kinks;
    - *taken back*: the loss that kinks add to the end of the step, the sum of J (1 - t) over their
      jumps J: what the loss exceeds ``L + g.d + integral of (1 - t) d'H(theta + t d)d`` by;
    - *start*: d'Hd at the start, all that autograd says of the step there;
    - *predicted*: the slope change as it is predicted from the start, kinks included, with its part
      *predicted_kink*, and the loss that kinks will take back (*predicted_taken_back*, gross
      *predicted_taken_back_size*), see :func:`landscape.kinks.predicted_slope_change`.

    At some of these steps, spread evenly, it measures besides

    - a full budget as a check of the smooth and the kink part (*budget_smooth*, *budget_kink*,
      whether it *passed*), with *crossings* and *kink noise*
      (:attr:`landscape.records.budget.SlopeBudget.kink_noise`);
    - *linear range*: the largest s up to which the loss on the ray along -g is within 10 % of the
      linear prediction, ``|L(theta - a g) - L + a ||g||^2| <= 0.1 a ||g||^2`` for all a <= s; given
      as the length s ||g|| in lengths of the step, so that gradient descent at rate r has s / r;
    - *Lipschitz constant* of the gradient over the step: the largest
      ``||g(theta + t d) - g|| / ||t d||`` at eight equal parts t of the step;
    - *sharpness*: the largest eigenvalue of autograd's Hessian, which does not see kinks.

    Args:
        problem: network, loss and data, of a network with the trajectory's parameters, all of
            which vary, frozen ones too (in ``gradient_norms``, linear range, sharpness). Its
            buffers (BatchNorm statistics) are used throughout; with ``batch_norm="batch"`` the
            statistics are those of the examples, as in training. Full budgets are NaN where the
            examples of a batch are coupled or the loss has no value for each example.
        trajectory: the path of an optimizer.
        records: where the steps end, among ``trajectory.single_steps``; none takes up to 100 of
            them, spread evenly.
        checks: at most so many steps are measured in full.
        nodes: of the quadrature, each one Hessian-vector product. Autograd's curvature itself
            jumps at kinks, so that with few units and examples the parts of a single step are
            rough; the full budgets are exact.
        samples: places of the full budgets.
        batch_of: gives the examples of the minibatch of a step, called with the number of steps
            before it; the loss of every step is then that of its own batch. None takes the
            problem's examples for all of them.
        progress: called with 1 after every Hessian-vector product of the quadrature, and after
            all else of a step: ``nodes`` + 1 times a step.

    Returns:
        An analysis ``along_path``. Of every step, [R]: ``steps`` (optimizer steps before it),
        ``losses``, ``gradient_norms``, ``step_lengths``, ``learning_rates``, ``promised``,
        ``slope_change``, ``smooth``, ``kink``, ``taken_back``, ``start``, ``predicted``,
        ``predicted_kink``, ``predicted_crossings``, ``predicted_taken_back``,
        ``predicted_taken_back_size``, ``bend_taken_back`` (predicted, of smooth bends). Of those
        measured in full, [C]: ``checked`` (which of the R), ``budget_smooth``, ``budget_kink``,
        ``crossings``, ``kink_noise``, ``passed``, ``linear_range``, ``lipschitz``, ``sharpness``.
        NaN where the gradient is zero, or the linear prediction holds as far as was looked.
        ``settings`` say whose loss it is (``loss_over``: ``all examples`` or ``own batch``),
        whether any kink was crossed (``kinked``), and the ``learning_rate`` if it was the same
        throughout.

    Raises:
        ValueError: for a trajectory without single steps, or what
            :func:`landscape.kinks.predicted_slope_change` refuses.
        IndexError: for a record that is not there.
    """
    check_path(problem, trajectory)
    if checks < 0 or nodes < 1:
        raise ValueError(f"checks must be >= 0 and nodes >= 1, got {checks} and {nodes}")
    done = progress or (lambda _: None)
    chosen = list(records) or spread_records(trajectory, STEPS)
    segments = [step_segment(trajectory, record) for record in chosen]
    full = set(np.unique(np.linspace(0, len(chosen) - 1, min(checks, len(chosen))).round()))
    whole = HessianProduct(LossAtPoint(problem)) if batch_of is None else None
    steps, checked = [], []
    for number, segment in enumerate(segments):
        before = int(segment.settings["step"]) - 1
        batch = {} if batch_of is None else {"data": batch_of(before), "subset": None}
        stepped = replace(problem, **batch) if batch else problem
        hessian = whole or HessianProduct(LossAtPoint(stepped))
        steps.append({"steps": before, "learning_rates": _rate(trajectory, before),
                      **_followed(stepped, hessian, segment, nodes, done)})  # fmt: skip
        if number in full:
            checked.append({"checked": number, **_checked(stepped, hessian.at, segment, samples)})
        done(1)
    arrays = {**_columns(steps, steps[0]), **_columns(checked, _FULL)}
    for name in ("steps", "predicted_crossings", "checked"):
        arrays[name] = arrays[name].astype(np.int64)
    settings = {"loss_over": "all examples" if batch_of is None else "own batch",
                "examples": hessian.at.evaluator.batches.examples,
                "batch_norm": hessian.at.evaluator.policy, "tolerance": TOLERANCE,
                "least_change": LEAST_CHANGE, "parts": _PARTS, "nodes": nodes, "samples": samples,
                "kinked": bool(arrays["predicted_crossings"].any())}  # fmt: skip
    rates = set(arrays["learning_rates"].tolist())
    if len(rates) == 1 and not any(map(np.isnan, rates)):
        settings["learning_rate"] = rates.pop()
    return Analysis(KIND, arrays, settings)


def _columns(rows: list[Measured], names: Iterable[str]) -> dict[str, Any]:
    return {name: np.array([row[name] for row in rows], dtype=np.float64) for name in names}


def spread_records(trajectory: Trajectory, count: int) -> list[int]:
    """Choose up to ``count`` records at the ends of single steps, spread evenly over them.

    Steps in which the optimizer stood still are left out.

    Raises:
        ValueError: for a trajectory in which no two records are one step apart.
    """
    single = trajectory.single_steps
    if not len(single):
        raise ValueError(
            f"a trajectory with both ends of a step on record is needed, got "
            f"{counted(len(trajectory.steps), 'record')} none of which is one step after "
            "another; record with pairs (record_pairs in a study)"
        )
    places = np.linspace(0, len(single) - 1, min(count, len(single))).round().astype(np.int64)
    thetas = trajectory.thetas
    chosen = [int(r) for r in np.unique(single[places]) if np.any(thetas[r] != thetas[r - 1])]
    if not chosen:
        raise ValueError("the optimizer stood still in every step that was looked at")
    return chosen


def check_path(problem: Problem, trajectory: Trajectory) -> None:
    """Check that a path is one of the network's parameters.

    Raises:
        ValueError: for other shapes.
    """
    expected, shapes = ([slot.shape for slot in layout.slots]
                        for layout in (problem.layout, trajectory.layout))  # fmt: skip
    if expected != shapes:
        raise ValueError(
            f"the path must be that of the network, whose parameters have the shapes {expected}, "
            f"got {shapes}; give the network that was trained"
        )


def missed_share(record: Analysis, part: slice = slice(None)) -> float:
    """Return the share of the slope change that autograd's curvature misses, over several steps.

    The sum of the kink parts over the sum of the slope changes, of the steps whose slope changes by
    more than 1 % of what the gradient promises; NaN if there is none.

    Args:
        record: an analysis ``along_path``.
        part: which of its steps.
    """
    change, kink, promised = (record.arrays[n][part] for n in ("slope_change", "kink", "promised"))
    changed = np.abs(change) > LEAST_CHANGE * np.abs(promised)
    whole = change[changed].sum()
    return float(kink[changed].sum() / whole) if whole else float("nan")


def share_of_promise(record: Analysis, name: str, part: slice = slice(None)) -> float:
    """Return the sum of a quantity of the steps, over the sum of what the gradients promise, |g.d|.

    Args:
        record: an analysis ``along_path``.
        name: such as ``slope_change``, ``kink`` or ``taken_back``.
        part: which of its steps.
    """
    promised = np.abs(record.arrays["promised"][part]).sum()
    return float(record.arrays[name][part].sum() / promised) if promised else float("nan")


def _rate(trajectory: Trajectory, step: int) -> float:
    rates = trajectory.learning_rates
    return float(rates[step]) if step < len(rates) else float("nan")


def _followed(
    problem: Problem,
    hessian: HessianProduct,
    segment: Segment,
    nodes: int,
    done: Callable[[int], None],
) -> Measured:
    """Measure how the slope changes along one step, and predict it from its start."""
    at, step = hessian.at, segment.direction
    places, weights = np.polynomial.legendre.leggauss(nodes)
    smooth = bent = 0.0
    for place, weight in zip((places + 1) / 2, weights / 2, strict=True):
        at.theta = segment.origin + place * step
        curvature = float(weight * (step @ at.hessian_times(step)))
        smooth, bent = smooth + curvature, bent + (1 - place) * curvature
        done(1)
    at.theta = segment.origin + step
    after = at.gradient()
    at.theta = segment.origin
    before = at.gradient()
    change = float((after - before) @ step)
    promised = float(before @ step)
    losses = at.evaluator(np.stack([segment.origin, segment.origin + step]))["losses"]
    predicted = predicted_slope_change(problem, segment)
    return {
        "losses": float(losses[0]),
        "gradient_norms": float(np.linalg.norm(before)),
        "step_lengths": float(np.linalg.norm(step)),
        "promised": promised,
        "slope_change": change,
        "smooth": smooth,
        "kink": change - smooth,
        "taken_back": float(losses[1] - losses[0]) - promised - bent,
        "start": predicted.smooth,
        "predicted": predicted.slope_change,
        "predicted_kink": predicted.kink,
        "predicted_crossings": predicted.crossings,
        "predicted_taken_back": predicted.taken_back,
        "predicted_taken_back_size": predicted.taken_back_size,
        "bend_taken_back": predicted.bend_taken_back,
    }


def _checked(problem: Problem, at: LossAtPoint, segment: Segment, samples: int) -> Measured:
    """Measure a step in full."""
    top = hessian_eigenpairs(problem, theta=segment.origin, top=1, bottom=0)
    return {
        **_budget(problem, segment, samples),
        **_around(at, segment.origin, segment.direction),
        "sharpness": float(top.values[0]),
    }


def _budget(problem: Problem, segment: Segment, samples: int) -> Measured:
    if problem.coupled:
        return dict.fromkeys(_BUDGET, float("nan"))
    try:
        budget = slope_budget(problem, segment, samples=samples)
    except ValueError as error:
        # A loss without a value for each example, batches of several shapes.
        _LOG.info("no full budget: %s", error)
        return dict.fromkeys(_BUDGET, float("nan"))
    values = (budget.signed_smooth, budget.signed_kink, budget.crossings, budget.kink_noise,
              budget.passed)  # fmt: skip
    return dict(zip(_BUDGET, map(float, values), strict=True))


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
        "linear_range": first_failure(wrong) if norm > 0 else float("nan"),
        "lipschitz": float(max(changes)),
    }
