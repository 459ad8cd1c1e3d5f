"""The change of slope along a given step, predicted from its start.

Along ``theta(t) = origin + t direction`` the slope of the loss changes by the integral of
autograd's curvature and by a jump at every kink. Both are known at the start to first order in the step: the
curvature is ``d'Hd``, and a unit with pre-activation z and velocity dz passes its kink z0 at
``t = (z0 - z) / dz``, where the slope jumps by ``g |dz| (act'(z0+) - act'(z0-))``; g is the
derivative of the very loss that is reported with respect to the output of the unit. One pass in
nested forward mode and one backward pass find all of it; nothing is evaluated elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.arrays import Floats, Json, as_floats, frozen_settings, read_only
from landscape.evaluation.examples import cut
from landscape.kinks.jets import Jet, SiteJet, line_probe
from landscape.kinks.loss import double_evaluator
from landscape.kinks.measuring import fitting
from landscape.kinks.operations import JumpingError
from landscape.presenting import Presented
from landscape.problem import Problem
from landscape.segment import Segment

# Rounding of sums over layers and inputs, as a share of the largest value at hand.
_ROUNDING = 1024 * torch.finfo(torch.float64).eps


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
        return self.smooth + self.kink

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

    @property
    def taken_back_size_share(self) -> float:
        """The same of the sizes."""
        return self.taken_back_size / self.promise if self.promise else math.nan


def predicted_slope_change(problem: Problem, segment: Segment) -> SlopePrediction:
    """Predict how the slope of the loss changes along a segment, from its start alone.

    With pre-activation z, velocity dz and gradient g of every unit at the start, over a length
    ``T = end - start``::

        slope change  =  T d'Hd  +  sum of J  over the kinks with  0 < (z0 - z) / dz < T
        J             =  g |dz| (act'(z0+) - act'(z0-))

    Everything is in float64, relative to the slope that autograd gives at the start. A unit exactly
    on its kink jumps at once, by what torch's derivative there lacks of that of the side to which
    it moves; one that rests on it (dz = 0: dead units, zeros behind a ReLU) crosses nothing. A
    choice among candidates (max pooling, the largest along a dimension) follows their upper
    envelope: with value m and candidates linear in t, its jumps sum to ``g (m'(T) - m'(0))`` and
    take back ``g (m(T) - m(0) - T m'(0))``. Candidates that are themselves the output of an
    activation kink where that does. Of candidates that tie at the start the one counts whose
    velocity autograd takes, so that a faster one wins at once.

    The error is of second order in the step: z, dz and g are those of the start, so crossings that
    other crossings cause are left out. A unit that is fed by one at rest (a ReLU behind another, or
    behind pooling of a ReLU) has no gradient to see the other's kink by.

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
            total.add(probe.at(start, part))
    over = evaluator.objective.over(batches.examples)
    return total.record(segment, batches.examples, over, tuple(probe.unseen))


@dataclass(slots=True)
class _Total:
    """Sums over the batches.

    Attributes:
        span: length T of the segment in t.
        sums: by the names of the record's fields.
        layers: names of the sites.
        rows: crossings, sizes and jumps of each site, [3, sites].
    """

    span: float
    sums: dict[str, float] = field(default_factory=dict)
    layers: tuple[str, ...] = ()
    rows: Floats = field(default_factory=lambda: np.zeros(0))

    def add(self, jet: Jet) -> None:
        """Add a batch, from its jet at the start."""
        span, felt = self.span, []
        turns: list[_Turns] = []
        for one in jet.sites:
            turns.append(_turned(one, span, turns))
            felt.append(turns[-1].felt(one.gradient))
        found = np.array(felt).reshape(-1, 5).T
        self.layers = tuple(f"{one.site.layer}:{one.site.operation}" for one in jet.sites)
        self.rows = found[:3] if not self.sums else self.rows + found[:3]
        values = {
            "slope": jet.slopes.sum(),
            "smooth": span * jet.curvatures.sum(),
            "kink": found[2].sum(),
            "kink_size": found[1].sum(),
            "taken_back": found[4].sum(),
            "taken_back_size": found[3].sum(),
            "bend_taken_back": span**2 / 2 * jet.bends.sum(),
            "bend_taken_back_size": span**2 / 2 * jet.bend_sizes.sum(),
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


@dataclass(frozen=True, slots=True)
class _Turns:
    """What kinks on the way do to the outputs of a site with straight inputs, each [n, U].

    Attributes:
        count: of the kinks passed.
        rate: change of the output's rate at the end.
        rate_size: sum of the sizes of its changes.
        value: change of the output at the end.
        value_size: with the sizes.
    """

    count: Tensor
    rate: Tensor
    rate_size: Tensor
    value: Tensor
    value_size: Tensor

    @classmethod
    def of(cls, rate: Tensor, value: Tensor) -> _Turns:
        """Return what one kink of each unit does, none where the rate stays."""
        return cls((rate != 0).long(), rate, rate.abs(), value, value.abs())

    def __add__(self, other: _Turns) -> _Turns:
        return _Turns(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def felt(self, gradient: Tensor) -> list[float]:
        """Return crossings, sizes and jumps of the slope, and sizes and sum of what they take."""
        size = gradient.abs() * self.rate_size
        real = size > _ROUNDING * _largest(gradient) * _largest(self.rate_size)
        signed = (gradient * self.rate).sum(), (gradient * self.value).sum()
        sizes = size.sum(), (gradient.abs() * self.value_size).sum()
        found = (self.count[real].sum(), sizes[0], signed[0], sizes[1], signed[1])
        return [float(value) for value in found]


def _turned(one: SiteJet, span: float, before: list[_Turns]) -> _Turns:
    site = one.site
    if site.index is not None:
        return _chosen(one, span, None if site.source is None else before[site.source])
    if site.gap is not None:
        return _branched(one, site.gap, span)
    return _passed(one, span)


def _passed(one: SiteJet, span: float) -> _Turns:
    """Follow the units past the knots of their operation."""
    site, z, v = one.site, one.site.inputs, one.velocity
    total = _Turns.of(torch.zeros_like(z), torch.zeros_like(z))
    for number, knot in enumerate(site.knots):
        jump = site.jumps if isinstance(site.jumps, Tensor) else site.jumps[number]
        at = site.at[number] if site.at else 0.0
        place, passed = _places(z - knot, _moving(z - knot, v), span)
        missing = torch.where(v > 0, 1 - at, at)
        rate = jump * v.abs() * torch.where(place > 0, 1.0, missing) * passed
        total += _Turns.of(rate, rate * (span - place))
    return total


def _branched(one: SiteJet, gap: Tensor, span: float) -> _Turns:
    """Follow the units of a branch on a comparison.

    The two values meet where it changes: with the gap at the start, its rate and that zero, the
    rate there is that of the parabola through them.

    Raises:
        JumpingError: if they do not.
    """
    site, z = one.site, one.site.inputs
    place, passed = _places(z, _moving(z, one.velocity), span)
    up = one.velocity > 0
    passed = passed & (site.state != up)
    crossed, rates = gap[passed], one.gap_velocity[passed]
    if (place[passed] * rates).abs().sum() < 0.5 * crossed.abs().sum():
        raise JumpingError(
            f"a choice on a comparison in {site.layer} jumps in value; make it continuous"
        )
    there = torch.where(place > 0, -one.gap_velocity - 2 * gap / place, one.gap_velocity)
    rate = torch.where(passed, torch.where(up, there, -there), 0.0)
    return _Turns.of(rate, rate * (span - place))


def _chosen(one: SiteJet, span: float, made: _Turns | None) -> _Turns:
    """Follow the upper (or lower) envelope of the candidates of every unit.

    It is convex, so that its jumps have one sign. What kinks take from the candidate that is chosen
    at the start is counted where it kinks.

    Raises:
        JumpingError: if the choice places values, and changes.
    """
    site: Any = one.site
    rates, values = one.velocity, site.inputs + span * one.velocity
    if made is not None:
        rates, values = rates + made.rate, values + made.value
    end = site.choose(values)
    rate, value = (x.gather(1, end) - x.gather(1, site.index) for x in (rates, values))
    least = (_ROUNDING * _largest(x) for x in (rates, values))
    still = (rate.abs() <= next(least)) & (value.abs() <= next(least))
    rate, value = rate.masked_fill(still, 0.0), value.masked_fill(still, 0.0)
    if site.moves_values and bool(rate.any()):
        raise JumpingError(
            f"the indices of {site.operation} in {site.layer} place values, which jump when "
            "another entry becomes the largest; use unpooling without indices"
        )
    return _Turns.of(rate, value)


def _moving(margin: Tensor, velocity: Tensor) -> Tensor:
    """Return the velocities, 0 for what rests on its knot to rounding."""
    rests = (margin.abs() <= _ROUNDING * _largest(margin)) & (
        velocity.abs() <= _ROUNDING * _largest(velocity)
    )
    return velocity.masked_fill(rests, 0.0)


def _places(margin: Tensor, velocity: Tensor, span: float) -> tuple[Tensor, Tensor]:
    """Return where margins become zero, in t from the start, and whether that is on the way."""
    place = -margin / velocity
    passed = (place >= 0) & (place < span) & (velocity != 0)
    return torch.where(passed, place, 0.0), passed


def _largest(values: Tensor) -> Tensor:
    return values.abs().max() if values.numel() else values.new_zeros(())
