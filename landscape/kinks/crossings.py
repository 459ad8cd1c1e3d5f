"""Crossings of kinks between two places of a line, and the jump of the slope at each.

A unit crosses when its state changes between the two. The place is the root of the cubic through
its values and velocities at both ends. The jump is ``g |dz/dt| (act'(z0+) - act'(z0-))``; for a
branch or a choice among candidates it is g times the difference of their velocities. What jumps by
no more than rounding is no crossing: ties, dead units, and kinks that cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from landscape.kinks.columns import Columns
from landscape.kinks.cubics import Cubic
from landscape.kinks.jets import Jet, SiteJet
from landscape.networks.watching.operations import JumpingError
from landscape.networks.watching.sites import check_choice

# Kinks of one example nearer than this share of the interval are one kink.
_COINCIDENT = 1e-7
# Rounding of sums over layers and inputs, as a share of the largest value at hand.
_ROUNDING = 1024 * torch.finfo(torch.float64).eps
# Where a choice within an interval is looked at, as shares of it.
_LOOKS = (0.25, 0.5, 0.75)
# A gradient that changes by more than this share of it within an interval may jump.
_ABRUPT = 0.25
# Jumps of one place cancel where their sum is less than this share of their sizes.
_CANCELLED = 0.5


@dataclass(frozen=True, slots=True)
class Crossings(Columns):
    """E crossings of kinks within one interval.

    Attributes:
        example: which example, [E].
        site: which site, [E].
        unit: which unit of it, [E].
        place: share of the interval before it, [E].
        jump: jump J of the example's slope, [E].
        gated: whether the gradient is zero on one side, [E].
        doubtful: whether jumps cancel there, or the unit itself turns its gradient off: whether the
            slope jumps at all is then seen from its change, [E].
        unclear: whether the interval must be cut to know its crossings, for each example, [n].
    """

    example: Tensor
    site: Tensor
    unit: Tensor
    place: Tensor
    jump: Tensor
    gated: Tensor
    doubtful: Tensor
    unclear: Tensor

    @classmethod
    def columns(cls) -> tuple[str, ...]:
        """Return the names of what is known of each crossing."""
        return ("example", "site", "unit", "place", "jump", "gated", "doubtful")


@dataclass(frozen=True, slots=True)
class _Passages(Columns):
    """Units of one site that change their state, E of them.

    Attributes:
        example: which example, [E].
        unit: which unit of the site, [E].
        up: whether it goes from the lower side of the knot to the upper, [E].
        margins: distance from the knot at both ends, [E, 2].
        rates: its derivative by the share of the interval, [E, 2].
        jumps: of the operation's derivative, with the parameters of both ends, [E, 2].
        gaps: of a branch, the difference of its values at both ends, [E, 2]; else none, [E, 0].
        gap_rates: its derivative by the share of the interval.
    """

    example: Tensor
    unit: Tensor
    up: Tensor
    margins: Tensor
    rates: Tensor
    jumps: Tensor
    gaps: Tensor
    gap_rates: Tensor

    @property
    def margin(self) -> Cubic:
        """The distance from the knot over the interval."""
        return Cubic(self.margins.T, self.rates.T)


def crossings(left: Jet, right: Jet, width: Tensor) -> Crossings:
    """Find the crossings between two jets of the same examples.

    Args:
        left: at the start of the interval.
        right: at its end.
        width: length of the interval of each example in t, [n].

    Returns:
        The crossings with jumps of d loss / dt. Kinks of one example at one place (a smooth
        function written with kinks that cancel) are joined to one.
    """
    sites = list(zip(left.sites, right.sites, strict=True))
    passages = [(number, passed) for number, ends in enumerate(sites)
                for passed in _of_site(*ends, width)]  # fmt: skip
    sizes = [_sizes(*ends, width) for ends in sites]
    resting = [_resting(passed, *sizes[number][:2]) for number, passed in passages]
    tied = torch.zeros(len(left.losses), dtype=torch.bool, device=left.losses.device)
    for (_, passed), (before, after) in zip(passages, resting, strict=True):
        tied[passed.example[before ^ after]] = True
    parts = []
    for (number, passed), (before, after) in zip(passages, resting, strict=True):
        moving = passed.only(~(before | after))
        check_choice(sites[number][0].site, jumps=bool(len(moving.example)))
        parts.append(_jumping(number, moving, sites[number], tied, width))
    terms = [torch.maximum(left.slopes.abs(), right.slopes.abs()), *(size for *_, size in sizes)]
    smallest = _ROUNDING * torch.stack(terms).amax(dim=0)
    unclear = torch.zeros_like(tied)
    for ends in sites:
        unclear |= _touching(*ends, width)
    return _merged(parts, smallest, unclear)


def _jumping(
    number: int, passed: _Passages, ends: tuple[SiteJet, SiteJet], tied: Tensor, width: Tensor
) -> Crossings:
    """Return the crossings of a site with their places and jumps."""
    gradients = tuple(jet.gradient[passed.example, passed.unit] for jet in ends)
    place, ties = passed.margin.root(), tied[passed.example]
    jump = _gradient_at(gradients, place, passed, ties) * _slope_jump(passed, place)
    gated = (gradients[0] == 0) != (gradients[1] == 0)
    site = torch.full_like(passed.example, number)
    return Crossings(passed.example, site, passed.unit, place, jump / width[passed.example], gated,
                     gated & ~ties, torch.zeros_like(tied))  # fmt: skip


def _sizes(left: SiteJet, right: SiteJet, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest input of a site, its largest rate, and term of the slope, each [n]."""

    def largest(values: Callable[[SiteJet], Tensor]) -> Tensor:
        return torch.maximum(_largest(values(left)), _largest(values(right)))

    inputs, rates = largest(lambda jet: jet.site.inputs), largest(lambda jet: jet.velocity) * width
    return inputs, rates, largest(lambda jet: jet.gradient) * (inputs + rates) / width


def _largest(values: Tensor) -> Tensor:
    return values.abs().amax(dim=1) if values.shape[1] else values.new_zeros(len(values))


def _of_site(left: SiteJet, right: SiteJet, width: Tensor) -> Iterator[_Passages]:
    if left.site.index is not None:
        yield _choices(left, right, width)
    elif left.site.state is not None:
        yield _branches(left, right, width)
    elif left.site.knots:
        yield from _knots(left, right, width)


def _knots(left: SiteJet, right: SiteJet, width: Tensor) -> Iterator[_Passages]:
    """Yield the crossings of knots; a unit may pass several in an interval."""
    places = left.site.inputs.new_tensor(left.site.knots)
    before, after = (torch.bucketize(jet.site.inputs, places) for jet in (left, right))
    example, unit = (before != after).nonzero(as_tuple=True)
    while len(example):
        low, high = before[example, unit], after[example, unit]
        up = high > low
        knot = torch.where(up, low, low - 1)
        yield _passages(
            example, unit, up,
            margins=[jet.site.inputs[example, unit] - places[knot] for jet in (left, right)],
            rates=[jet.velocity[example, unit] * width[example] for jet in (left, right)],
            jumps=[_jump_at_knot(jet, (example, unit), knot) for jet in (left, right)],
        )  # fmt: skip
        before[example, unit] = torch.where(up, low + 1, low - 1)
        rest = before[example, unit] != high
        example, unit = example[rest], unit[rest]


def _jump_at_knot(jet: SiteJet, which: tuple[Tensor, Tensor], knot: Tensor) -> Tensor:
    jumps = jet.site.jumps
    if not isinstance(jumps, Tensor):
        return jet.site.inputs.new_tensor(jumps)[knot]
    return jumps.expand(len(jet.velocity), -1)[which]


def _branches(left: SiteJet, right: SiteJet, width: Tensor) -> _Passages:
    before, after = left.site.state, right.site.state
    example, unit = (before != after).nonzero(as_tuple=True)  # type: ignore[attr-defined]
    both = (left, right)
    return _passages(
        example, unit, after[example, unit],  # type: ignore[index]
        margins=[jet.site.inputs[example, unit] for jet in both],
        rates=[jet.velocity[example, unit] * width[example] for jet in both],
        jumps=[torch.ones_like(width[example])] * 2,
        gaps=[jet.site.gap[example, unit] for jet in both],  # type: ignore[index]
        gap_rates=[jet.gap_velocity[example, unit] * width[example] for jet in both],
    )  # fmt: skip


def _passages(example: Tensor, unit: Tensor, up: Tensor, **ends: list[Tensor]) -> _Passages:
    """Put together what is known at both ends."""
    none = ends["margins"][0].new_zeros(len(example), 0)
    pairs = {name: torch.stack(ends[name], dim=1) if name in ends else none
             for name in ("margins", "rates", "jumps", "gaps", "gap_rates")}  # fmt: skip
    return _Passages(example, unit, up, **pairs)


def _choices(left: SiteJet, right: SiteJet, width: Tensor) -> _Passages:
    before, after = left.site.index, right.site.index
    example, unit = (before != after).nonzero(as_tuple=True)  # type: ignore[attr-defined]
    old, new = before[example, unit], after[example, unit]  # type: ignore[index]
    margins, rates = [], []
    for jet in (left, right):
        z, v = jet.site.inputs, jet.velocity
        margins.append(z[example, new] - z[example, old])
        rates.append((v[example, new] - v[example, old]) * width[example])
    # The larger of two: a rectifier of their difference. The smaller: minus that of minus it.
    up = margins[1] > margins[0]
    sign = torch.where(up, 1.0, -1.0).to(margins[0])
    return _passages(example, unit, up, margins=margins, rates=rates, jumps=[sign, sign])


def _resting(passed: _Passages, inputs: Tensor, rates: Tensor) -> tuple[Tensor, Tensor]:
    """Return which units rest on their knots before the interval, and which after it.

    A unit that rests on its knot, to rounding, does not cross it by itself: what feeds it has
    crossed. So it is with the output of a ReLU in another ReLU or in max pooling. Where it rests at
    both ends (candidates on a constant background) nothing has.
    """
    least, slowest = ((_ROUNDING * size[passed.example])[:, None] for size in (inputs, rates))
    rests = (passed.margins.abs() <= least) & (passed.rates.abs() <= slowest)
    return rests[:, 0], rests[:, 1]


def _touching(left: SiteJet, right: SiteJet, width: Tensor) -> Tensor:
    """Return for which examples a unit passes a knot and comes back within the interval, [n].

    Its state is the same at both ends; the cubic through its values and velocities says so.
    """
    site = left.site
    if site.index is not None and site.choose is not None:
        return _passed_over(left, right, width)
    if not (site.knots or site.state is not None):
        return torch.zeros(len(width), dtype=torch.bool, device=width.device)
    felt = (left.gradient != 0) | (right.gradient != 0)
    least = _ROUNDING * torch.maximum(*(_largest(j.site.inputs) for j in (left, right)))
    touching = torch.zeros_like(felt)
    for knot in site.knots or (0.0,):
        margins = tuple(jet.site.inputs - knot for jet in (left, right))
        rates = tuple(jet.velocity * width[:, None] for jet in (left, right))
        side = margins[0].sign()
        bows = torch.minimum(side * (margins[0] + rates[0] / 3), side * (margins[1] - rates[1] / 3))
        where = felt & (side == margins[1].sign()) & (bows < 0)
        ends = [[side[where] * x[where] for x in pair] for pair in (margins, rates)]
        touching[where] |= Cubic(*ends).lowest() < -least[:, None].expand_as(side)[where]
    return touching.any(dim=1)


def _passed_over(left: SiteJet, right: SiteJet, width: Tensor) -> Tensor:
    """Return for which examples a candidate is chosen within the interval and at no end, [n]."""
    before, after = left.site.index, right.site.index
    values = left.site.inputs, right.site.inputs
    rates = tuple(jet.velocity * width[:, None] for jet in (left, right))
    felt = (left.gradient != 0) | (right.gradient != 0)
    least = _ROUNDING * torch.maximum(*(_largest(v) for v in values))
    passed_over = torch.zeros_like(felt)
    for share in _LOOKS:
        inside = Cubic(values, rates)(values[0].new_tensor(share))
        now = left.site.choose(inside)  # type: ignore[misc]
        best = torch.maximum(inside.gather(1, before), inside.gather(1, after))  # type: ignore[arg-type]
        ahead = (inside.gather(1, now) - best).abs() > least[:, None]
        passed_over |= felt & ahead & (now != before) & (now != after)
    return passed_over.any(dim=1)


def _gradient_at(
    gradients: tuple[Tensor, ...], place: Tensor, passed: _Passages, tied: Tensor
) -> Tensor:
    """Return the gradient at the crossing.

    Where a kink further down happens at the same place, the gradient jumps there; the one that
    counts is that of the side on which the unit moves its output.
    """
    rising = passed.jumps.sum(dim=1) > 0
    moving = torch.where(passed.up == rising, gradients[1], gradients[0])
    change = (gradients[1] - gradients[0]).abs()
    abrupt = change > _ABRUPT * torch.maximum(gradients[0].abs(), gradients[1].abs())
    return torch.where(tied & abrupt, moving, _between(gradients, place))


def _slope_jump(passed: _Passages, place: Tensor) -> Tensor:
    """Return the jump of the output's derivative by the share of the interval."""
    if not passed.gaps.shape[1]:
        return _between(passed.jumps.T, place) * passed.margin.slope(place).abs()
    if bool((_between(passed.gaps.T, place).abs() > 0.5 * passed.gaps.abs().amax(dim=1)).any()):
        raise JumpingError("a choice on a comparison jumps in value; make it continuous")
    rate = _between(passed.gap_rates.T, place)
    return torch.where(passed.up, rate, -rate)


def _between(ends: Sequence[Tensor] | Tensor, place: Tensor) -> Tensor:
    return ends[0] + place * (ends[1] - ends[0])


def _merged(parts: list[Crossings], smallest: Tensor, unclear: Tensor) -> Crossings:
    """Put the crossings together in order; those of one example at one place become one.

    Args:
        parts: crossings of each site.
        smallest: size of a jump that is rounding, for each example, [n].
        unclear: for which examples a crossing may be hidden, [n].
    """
    if not parts:
        none, flag = unclear.new_zeros(0, dtype=torch.long), unclear[:0]
        return Crossings(none, none, none, smallest[:0], smallest[:0], flag, flag, unclear)
    every = Crossings.joined(parts, unclear=unclear)
    every = every.only(torch.argsort(every.place, stable=True))
    every = every.only(torch.argsort(every.example, stable=True))
    fresh = torch.ones_like(every.gated)
    fresh[1:] = (every.example.diff() != 0) | (every.place.diff() > _COINCIDENT)
    group = torch.cumsum(fresh, 0) - 1

    def total(values: Tensor) -> Tensor:
        return values.new_zeros(int(fresh.sum())).index_add_(0, group, values)

    jump, size = total(every.jump), total(every.jump.abs())
    gated, doubtful = (total(flag.to(jump)) > 0 for flag in (every.gated, every.doubtful))
    doubtful |= jump.abs() < _CANCELLED * size
    merged = replace(every.only(fresh), jump=jump, gated=gated, doubtful=doubtful)
    return _counted(merged, size > smallest[merged.example], smallest)


def _counted(crossings: Crossings, felt: Tensor, smallest: Tensor) -> Crossings:
    """Leave out what does not jump, and note which intervals must be cut.

    Where another kink lies in the interval, it may be what turned a gradient on or off.
    """
    kept = crossings.only(felt)
    crossed = torch.zeros_like(kept.unclear, dtype=torch.long)
    crossed.index_add_(0, kept.example, torch.ones_like(kept.example))
    unclear = kept.unclear.clone()
    unclear[kept.example[(kept.gated | kept.doubtful) & (crossed[kept.example] > 1)]] = True
    real = kept.doubtful | (kept.jump.abs() > smallest[kept.example])
    return replace(kept.only(real), unclear=unclear)
