"""The change of slope along a given step, predicted from its start.

Along ``theta(t) = origin + t direction`` the slope of the loss changes by the integral of
autograd's curvature and by a jump at every kink. Both are known at the start to first order in the
step: the curvature is ``d'Hd``, and a unit with pre-activation z and velocity dz passes its kink z0
at ``t = (z0 - z) / dz``, where the slope jumps by ``g |dz| (act'(z0+) - act'(z0-))``; g is the
derivative of the very loss that is reported with respect to the output of the unit.

Kinks that are passed move those behind them: see :mod:`landscape.kinks.turns`. Passes in forward
and backward mode at the start find all of it; nothing is evaluated elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from landscape.kinks.jets import Jet, line_probe
from landscape.kinks.slope_budgets import fitting
from landscape.kinks.turns import Secants, Turns
from landscape.problem import Problem
from landscape.problem.example_losses import double_evaluator
from landscape.problem.examples import cut
from landscape.records.arrays import Floats, Json, as_floats, frozen_settings, read_only
from landscape.records.presenting import Presented
from landscape.records.segment import Segment


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SlopePrediction(Presented):
    """How the slope of the loss will change along a segment, from what is known at its start.

    All numbers are of the loss that is reported: the mean over the examples, or their sum.
    A kink that is passed at t takes back ``J (end - t)`` of what the slope promises, J its jump.

    Attributes:
        start: t where the segment starts.
        end: t where it ends.
        norm: length of the segment's direction, ||d||.
        slope: at the start, in loss per t.
        smooth: slope change by autograd's curvature at the start, ``(end - start) d'Hd``.
        drift: slope change by the change of that curvature, ``(end - start)^2 / 2`` times its
            derivative along d at the start, as autograd sees it; 0 where torch has no third
            derivatives of an operation in forward mode.
        kink: slope change by kinks, the sum of the jumps J.
        kink_size: sum of the sizes |J|.
        taken_back: sum of ``J (end - t)`` over the kinks, in units of the loss.
        taken_back_size: sum of ``|J| (end - t)``.
        bend_taken_back: the same for the bends of smooth activations,
            ``(end - start)^2 / 2`` times the sum of ``g act''(z) dz^2``.
        bend_taken_back_size: with the sizes of the terms.
        layers: name of every site, as ``layer:operation``.
        layer_crossings: crossings of each site; a choice among several (max pooling) counts once
            where another candidate is chosen at the end.
        layer_kinks: sum of |J| of each.
        layer_signed: sum of J of each.
        examples: number of examples N.
        unseen: what may kink and could not be watched.
        settings: what segment it is, plain JSON values.
    """

    start: float
    end: float
    norm: float
    slope: float
    smooth: float
    drift: float
    kink: float
    kink_size: float
    taken_back: float
    taken_back_size: float
    bend_taken_back: float
    bend_taken_back_size: float
    layers: tuple[str, ...]
    layer_crossings: NDArray[np.int64]
    layer_kinks: Floats
    layer_signed: Floats
    examples: int
    unseen: tuple[str, ...] = ()
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        sites = (len(self.layers),)
        for name in ("layer_kinks", "layer_signed"):
            object.__setattr__(self, name, as_floats(getattr(self, name), name, sites))
        crossings = np.asarray(self.layer_crossings, dtype=np.int64)
        if crossings.shape != sites:
            raise ValueError(f"layer_crossings must have shape {sites}, got {crossings.shape}")
        object.__setattr__(self, "layer_crossings", read_only(crossings))
        object.__setattr__(self, "settings", frozen_settings(self.settings))

    @property
    def slope_change(self) -> float:
        """Slope at the end minus slope at the start, in loss per t."""
        return self.smooth + self.drift + self.kink

    @property
    def curvature(self) -> float:
        """The slope change as mean curvature along the segment, in loss per squared length."""
        return self.slope_change / ((self.end - self.start) * self.norm**2)

    @property
    def crossings(self) -> int:
        """Number of crossings of kinks."""
        return int(self.layer_crossings.sum())

    @property
    def promise(self) -> float:
        """What the slope promises over the segment, |g.d|, in units of the loss."""
        return abs(self.slope) * (self.end - self.start)

    @property
    def taken_back_share(self) -> float:
        """What kinks take back, as a share of the promise; NaN without one."""
        return self.taken_back / self.promise if self.promise else math.nan


def predicted_slope_change(problem: Problem, segment: Segment) -> SlopePrediction:
    """Predict how the slope of the loss changes along a segment, from its start alone.

    With pre-activation z, velocity dz and gradient g of every unit, over a length
    ``T = end - start``::

        slope change  =  T d'Hd + T^2 / 2 d(d'Hd)/dt
                         + sum of J  over the kinks with  0 < (z0 - z) / dz < T
        J             =  g |dz| (act'(z0+) - act'(z0-))

    To first order dz and g are those at the start. That errs where kinks meet kinks: a unit passes
    its kink or not as units before it have passed theirs. So dz and g are carried through the
    secants of the activations over the step (:mod:`landscape.kinks.turns`), which are their slopes
    where no kink is passed.

    Everything is in float64, relative to the slope that autograd gives at the start. A unit exactly
    on its kink jumps at once, by what torch's derivative there lacks of that of the side to which
    it moves; one that rests on it (dz = 0: dead units, zeros behind a ReLU) crosses nothing. A
    choice among candidates (max pooling, the largest along a dimension) follows their upper
    envelope: with value m and candidates linear in t, its jumps sum to ``g (m'(T) - m'(0))`` and
    take back ``g (m(T) - m(0) - T m'(0))``. Candidates that are themselves the output of an
    activation kink where that does. Of candidates that tie at the start the one counts whose
    velocity autograd takes, so that a faster one wins at once.

    What is left out: changes of dz and g along the step that are not due to kinks, and the time at
    which a kink is passed as seen from others. A step that changes the slope by more than the slope
    itself may err by any amount. benchmarks/README.md tells how far real steps are off. Where the
    slope change is a small difference of large parts, compare the error with the parts.

    The examples of a batch may depend on each other (BatchNorm in training, losses that couple):
    the batch is then taken as one, and needs some ten times the memory of its activations.
    Otherwise it is cut to fit.

    Args:
        problem: network, loss and data; only read.
        segment: the step.

    Raises:
        ValueError: for a segment that does not belong to the model, recalibrated statistics, or an
            activation that jumps in value.

    References:
        docs/mathematics.md derives the sum. :func:`landscape.slope_budget` measures it.
    """
    evaluator = double_evaluator(problem)
    if evaluator.network.batch_norm == "recalibrated":
        raise ValueError(
            "derivatives do not go through recalibrated statistics, got batch_norm "
            "'recalibrated'; take 'frozen' or 'batch'"
        )
    batches, total = evaluator.batches, _Total(segment.end - segment.start)
    with line_probe(evaluator.network, segment.origin, segment.direction, whole=True) as probe:
        start = np.array([segment.start])
        if batches.divisible:
            batches = batches.cut(fitting(probe.at(start, cut(batches.parts[0], 0, 1))))
        for part in batches.parts:
            jet = probe.at(start, part)
            secants = Secants(jet.sites)
            gradients = probe.along(segment.start, total.span, part, jet.sites, secants)
            drifts = probe.drifts(segment.start, part)
            total.add(jet, drifts, secants.turns, gradients)
    over = evaluator.objective.over(batches.examples)
    return total.record(segment, batches.examples, over, tuple(probe.unseen))


@dataclass(slots=True)
class _Total:
    """Sums over the batches.

    Attributes:
        span: length of the segment in t.
        sums: by the names of the record's fields.
        layers: names of the sites.
        rows: crossings, sizes and jumps of each site, [3, sites].
    """

    span: float
    sums: dict[str, float] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    rows: Floats = field(default_factory=lambda: np.zeros(0))

    def add(
        self, jet: Jet, drifts: Tensor, turns: Sequence[Turns], gradients: Sequence[Tensor]
    ) -> None:
        """Add a batch: its jet at the start, its kinks and the gradients there."""
        felt = [turn.felt(g) for turn, g in zip(turns, gradients, strict=True)]
        count, sizes, jumps, taken_sizes, taken = np.array(felt).reshape(-1, 5).T
        rows = np.stack([count, sizes / self.span, jumps / self.span])
        self.layers = tuple(f"{known.site.layer}:{known.site.operation}" for known in jet.sites)
        self.rows = self.rows + rows if self.sums else rows
        half = self.span**2 / 2
        values = {
            "slope": jet.slopes.sum(),
            "smooth": self.span * jet.curvatures.sum(),
            "drift": half * drifts.sum(),
            "kink": rows[2].sum(),
            "kink_size": rows[1].sum(),
            "taken_back": taken.sum(),
            "taken_back_size": taken_sizes.sum(),
            "bend_taken_back": half * jet.bends.sum(),
            "bend_taken_back_size": half * jet.bend_sizes.sum(),
        }
        self.sums = {name: self.sums.get(name, 0.0) + float(v) for name, v in values.items()}

    def record(
        self, segment: Segment, examples: int, over: float, unseen: tuple[str, ...]
    ) -> SlopePrediction:
        """Return the record, of a loss that is ``over`` times its mean over the examples."""
        share = over / examples
        return SlopePrediction(
            start=segment.start,
            end=segment.end,
            norm=float(np.linalg.norm(segment.direction)),
            **{name: share * value for name, value in self.sums.items()},
            layers=self.layers,
            layer_crossings=self.rows[0].astype(np.int64),
            layer_kinks=share * self.rows[1],
            layer_signed=share * self.rows[2],
            examples=examples,
            unseen=unseen,
            settings={**segment.settings, "segment": segment.kind, "length": segment.length},
        )
