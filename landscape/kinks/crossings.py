"""Crossings of kinks between two places of a line, and the jump of the slope at each.

A unit crosses when its state changes between the two. The place is the root of the cubic through
its values and velocities at both ends. The jump is ``g |dz/dt| (act'(z0+) - act'(z0-))``; for a
branch or a choice among candidates it is g times the difference of their velocities. What jumps by
no more than rounding is no crossing: ties, dead units, and kinks that cancel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from landscape.kinks.jets import Jet, SiteJet
from landscape.networks.watching.operations import JumpingError

# A step of Newton's method or of bisection gains a bit at least.
_BISECTIONS = 40
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
class Crossings:
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

    def only(self, mask: Tensor) -> Crossings:
        """Return some of the crossings."""
        names = ("example", "site", "unit", "place", "jump", "gated", "doubtful")
        return replace(self, **{name: getattr(self, name)[mask] for name in names})


@dataclass(frozen=True, slots=True)
class _Found:
    """Crossings of one site before their jumps are known; all [E]."""

    example: Tensor
    unit: Tensor
    up: Tensor  # from the lower side of the knot to the upper
    margins: tuple[Tensor, Tensor]  # distance from the knot at both ends
    rates: tuple[Tensor, Tensor]  # its derivative by the share of the interval
    jumps: tuple[Tensor, Tensor]  # of the operation's derivative, with the parameters of both ends
    gaps: tuple[Tensor, Tensor] | None = None
    gap_rates: tuple[Tensor, Tensor] | None = None


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
    found = [
        (number, one)
        for number, pair in enumerate(zip(left.sites, right.sites, strict=True))
        for one in _of_site(*pair, width)
    ]
    sizes = [_sizes(*pair, width) for pair in zip(left.sites, right.sites, strict=True)]
    resting = [_resting(one, *sizes[number][:2]) for number, one in found]
    tied = torch.zeros(len(left.losses), dtype=torch.bool, device=left.losses.device)
    for (_, one), (before, after) in zip(found, resting, strict=True):
        tied[one.example[before ^ after]] = True
    parts = []
    for (number, one), (before, after) in zip(found, resting, strict=True):
        one = _selected(one, ~(before | after))
        both = (left.sites[number], right.sites[number])
        if both[0].site.moves_values and len(one.example):
            raise JumpingError(
                f"the indices of {both[0].site.operation} in {both[0].site.layer} place values, "
                "which jump when another entry becomes the largest; use unpooling without indices"
            )
        parts.append(_jumping(number, one, both, tied, width))
    terms = [torch.maximum(left.slopes.abs(), right.slopes.abs()), *(size for *_, size in sizes)]
    smallest = _ROUNDING * torch.stack(terms).amax(dim=0)
    unclear = torch.zeros_like(tied)
    for pair in zip(left.sites, right.sites, strict=True):
        unclear |= _touching(*pair, width)
    return _joined(parts, smallest, unclear)


def _jumping(
    number: int, one: _Found, both: tuple[SiteJet, SiteJet], tied: Tensor, width: Tensor
) -> Crossings:
    """Return the crossings of a site with their places and jumps."""
    gradients = tuple(jet.gradient[one.example, one.unit] for jet in both)
    place, ties = _root(one.margins, one.rates), tied[one.example]
    jump = _gradient_at(gradients, place, one, ties) * _slope_jump(one, place)
    gated = (gradients[0] == 0) != (gradients[1] == 0)
    site = torch.full_like(one.example, number)
    return Crossings(one.example, site, one.unit, place, jump / width[one.example], gated,
                     gated & ~ties, torch.zeros_like(tied))  # fmt: skip


def _sizes(left: SiteJet, right: SiteJet, width: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the largest input of a site, its largest rate, and term of the slope, each [n]."""

    def largest(name: str) -> Tensor:
        found = [_largest(getattr(jet, name)) for jet in (left, right)]
        return torch.maximum(*found)

    inputs = torch.maximum(*(_largest(jet.site.inputs) for jet in (left, right)))
    rates = largest("velocity") * width
    return inputs, rates, largest("gradient") * (inputs + rates) / width


def _largest(values: Tensor) -> Tensor:
    return values.abs().amax(dim=1) if values.shape[1] else values.new_zeros(len(values))


def _of_site(left: SiteJet, right: SiteJet, width: Tensor) -> Iterator[_Found]:
    if left.site.index is not None:
        yield _choices(left, right, width)
    elif left.site.state is not None:
        yield _branches(left, right, width)
    elif left.site.knots:
        yield from _knots(left, right, width)


def _knots(left: SiteJet, right: SiteJet, width: Tensor) -> Iterator[_Found]:
    """Yield the crossings of knots; a unit may pass several in an interval."""
    places = left.site.inputs.new_tensor(left.site.knots)
    before, after = (torch.bucketize(jet.site.inputs, places) for jet in (left, right))
    example, unit = (before != after).nonzero(as_tuple=True)
    while len(example):
        low, high = before[example, unit], after[example, unit]
        up = high > low
        knot = torch.where(up, low, low - 1)
        z = tuple(jet.site.inputs[example, unit] - places[knot] for jet in (left, right))
        rates = tuple(jet.velocity[example, unit] * width[example] for jet in (left, right))
        jumps = tuple(_jump_at_knot(jet, (example, unit), knot) for jet in (left, right))
        yield _Found(example, unit, up, z, rates, jumps)  # type: ignore[arg-type]
        before[example, unit] = torch.where(up, low + 1, low - 1)
        rest = before[example, unit] != high
        example, unit = example[rest], unit[rest]


def _jump_at_knot(jet: SiteJet, which: tuple[Tensor, Tensor], knot: Tensor) -> Tensor:
    jumps = jet.site.jumps
    if not isinstance(jumps, Tensor):
        return jet.site.inputs.new_tensor(jumps)[knot]
    return jumps.expand(len(jet.velocity), -1)[which]


def _branches(left: SiteJet, right: SiteJet, width: Tensor) -> _Found:
    before, after = left.site.state, right.site.state
    example, unit = (before != after).nonzero(as_tuple=True)  # type: ignore[attr-defined]
    up = after[example, unit]  # type: ignore[index]
    z = tuple(jet.site.inputs[example, unit] for jet in (left, right))
    rates = tuple(jet.velocity[example, unit] * width[example] for jet in (left, right))
    gaps = tuple(jet.site.gap[example, unit] for jet in (left, right))  # type: ignore[index]
    gap_rates = tuple(jet.gap_velocity[example, unit] * width[example] for jet in (left, right))
    one = torch.ones_like(z[0])
    return _Found(example, unit, up, z, rates, (one, one), gaps, gap_rates)  # type: ignore[arg-type]


def _choices(left: SiteJet, right: SiteJet, width: Tensor) -> _Found:
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
    return _Found(example, unit, up, tuple(margins), tuple(rates), (sign, sign))  # type: ignore[arg-type]


def _resting(one: _Found, inputs: Tensor, rates: Tensor) -> tuple[Tensor, Tensor]:
    """Return which units rest on their knots before the interval, and which after it.

    A unit that rests on its knot, to rounding, does not cross it by itself: what feeds it has
    crossed. So it is with the output of a ReLU in another ReLU or in max pooling. Where it rests at
    both ends (candidates on a constant background) nothing has.
    """
    least = _ROUNDING * inputs[one.example], _ROUNDING * rates[one.example]
    ends = zip(one.margins, one.rates, strict=True)
    before, after = ((z.abs() <= least[0]) & (v.abs() <= least[1]) for z, v in ends)
    return before, after


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
    found = torch.zeros_like(felt)
    for knot in site.knots or (0.0,):
        margins = tuple(jet.site.inputs - knot for jet in (left, right))
        rates = tuple(jet.velocity * width[:, None] for jet in (left, right))
        side = margins[0].sign()
        bows = torch.minimum(side * (margins[0] + rates[0] / 3), side * (margins[1] - rates[1] / 3))
        where = felt & (side == margins[1].sign()) & (bows < 0)
        ends = [tuple(side[where] * x[where] for x in pair) for pair in (margins, rates)]
        allowed = least[:, None].expand_as(side)[where]
        found[where] |= _lowest(*ends) < -allowed
    return found.any(dim=1)


def _passed_over(left: SiteJet, right: SiteJet, width: Tensor) -> Tensor:
    """Return for which examples a candidate is chosen within the interval and at no end, [n]."""
    before, after = left.site.index, right.site.index
    values = left.site.inputs, right.site.inputs
    rates = tuple(jet.velocity * width[:, None] for jet in (left, right))
    felt = (left.gradient != 0) | (right.gradient != 0)
    least = _ROUNDING * torch.maximum(*(_largest(v) for v in values))
    found = torch.zeros_like(felt)
    for share in _LOOKS:
        inside = _cubic(values, rates, values[0].new_tensor(share))
        now = left.site.choose(inside)  # type: ignore[misc]
        best = torch.maximum(inside.gather(1, before), inside.gather(1, after))  # type: ignore[arg-type]
        ahead = (inside.gather(1, now) - best).abs() > least[:, None]
        found |= felt & ahead & (now != before) & (now != after)
    return found.any(dim=1)


def _lowest(values: tuple[Tensor, ...], rates: tuple[Tensor, ...]) -> Tensor:
    """Return the least value that the cubic takes between 0 and 1 where its slope is zero."""
    (a, b), (u, v) = values, rates
    square, linear = 3 * (2 * (a - b) + u + v), 2 * (3 * (b - a) - 2 * u - v)
    root = (linear.square() - 4 * square * u).clamp(min=0).sqrt()
    q = -(linear + torch.where(linear < 0, -root, root)) / 2
    lowest = torch.minimum(a, b)
    for x in (q / square, u / q):
        x = x.nan_to_num(0.0, 0.0, 0.0).clamp(0, 1)
        lowest = torch.minimum(lowest, _cubic(values, rates, x))
    return lowest


def _gradient_at(gradients: tuple[Tensor, ...], place: Tensor, one: _Found, tied: Tensor) -> Tensor:
    """Return the gradient at the crossing.

    Where a kink further down happens at the same place, the gradient jumps there; the one that
    counts is that of the side on which the unit moves its output.
    """
    between = _between(gradients, place)
    moving = torch.where(one.up == (one.jumps[0] + one.jumps[1] > 0), gradients[1], gradients[0])
    change, largest = (
        (gradients[1] - gradients[0]).abs(),
        torch.maximum(*(g.abs() for g in gradients)),
    )
    return torch.where(tied & (change > _ABRUPT * largest), moving, between)


def _slope_jump(one: _Found, place: Tensor) -> Tensor:
    """Return the jump of the output's derivative by the share of the interval."""
    if one.gap_rates is None or one.gaps is None:
        return _between(one.jumps, place) * _rate(one.margins, one.rates, place).abs()
    gap, largest = _between(one.gaps, place).abs(), torch.maximum(*(g.abs() for g in one.gaps))
    if bool((gap > 0.5 * largest).any()):
        raise JumpingError("a choice on a comparison jumps in value; make it continuous")
    before, after = one.gap_rates
    rate = _between((before, after), place)
    return torch.where(one.up, rate, -rate)


def _between(ends: tuple[Tensor, ...], place: Tensor) -> Tensor:
    return ends[0] + place * (ends[1] - ends[0])


def _root(margins: tuple[Tensor, ...], rates: tuple[Tensor, ...]) -> Tensor:
    """Return where the cubic through values and slopes at 0 and 1 is zero, by bisection."""
    low, high = torch.zeros_like(margins[0]), torch.ones_like(margins[0])
    rising = margins[1] > margins[0]
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        beyond = (_cubic(margins, rates, middle) > 0) == rising
        low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
    return (low + high) / 2


def _cubic(values: tuple[Tensor, ...], rates: tuple[Tensor, ...], x: Tensor) -> Tensor:
    (a, b), (u, v) = values, rates
    return a + x * (u + x * (3 * (b - a) - 2 * u - v + x * (2 * (a - b) + u + v)))


def _rate(values: tuple[Tensor, ...], rates: tuple[Tensor, ...], x: Tensor) -> Tensor:
    (a, b), (u, v) = values, rates
    return u + x * (2 * (3 * (b - a) - 2 * u - v) + x * 3 * (2 * (a - b) + u + v))


def _selected(one: _Found, mask: Tensor) -> _Found:
    def kept(value: Any) -> Any:
        return tuple(v[mask] for v in value) if isinstance(value, tuple) else value[mask]

    values = {f.name: getattr(one, f.name) for f in fields(one)}
    chosen: dict[str, Any] = {k: None if v is None else kept(v) for k, v in values.items()}
    return replace(one, **chosen)


def _joined(parts: list[Crossings], smallest: Tensor, unclear: Tensor) -> Crossings:
    """Put the crossings together in order; those of one example at one place become one.

    Args:
        parts: crossings of each site.
        smallest: size of a jump that is rounding, for each example, [n].
        unclear: for which examples a crossing may be hidden, [n].
    """
    device = unclear.device
    if not parts:
        none = torch.zeros(0, dtype=torch.long, device=device)
        real = smallest[:0]
        return Crossings(none, none, none, real, real, unclear[:0], unclear[:0], unclear)
    example, site, unit, place, jump, gated, doubtful = (
        torch.cat([getattr(p, name) for p in parts])
        for name in ("example", "site", "unit", "place", "jump", "gated", "doubtful")
    )
    order = torch.argsort(place, stable=True)
    order = order[torch.argsort(example[order], stable=True)]
    example, site, unit, place, jump, gated, doubtful = (
        t[order] for t in (example, site, unit, place, jump, gated, doubtful)
    )
    fresh = torch.ones(len(example), dtype=torch.bool, device=device)
    fresh[1:] = (example[1:] != example[:-1]) | (place[1:] - place[:-1] > _COINCIDENT)
    group = torch.cumsum(fresh, 0) - 1

    def total(values: Tensor) -> Tensor:
        return values.new_zeros(int(fresh.sum())).index_add_(0, group, values)

    whole, size = total(jump), total(jump.abs())
    gated, doubtful = (total(flag.to(jump)) > 0 for flag in (gated, doubtful))
    doubtful |= whole.abs() < _CANCELLED * size
    example, site, unit, place = (t[fresh] for t in (example, site, unit, place))
    joined = Crossings(example, site, unit, place, whole, gated, doubtful, unclear)
    return _counted(joined, size > smallest[joined.example], smallest)


def _counted(joined: Crossings, felt: Tensor, smallest: Tensor) -> Crossings:
    """Leave out what does not jump, and note which intervals must be cut.

    Where another kink lies in the interval, it may be what turned a gradient on or off.
    """
    kept = joined.only(felt)
    crossed = torch.zeros_like(kept.unclear, dtype=torch.long)
    crossed.index_add_(0, kept.example, torch.ones_like(kept.example))
    unclear = kept.unclear.clone()
    unclear[kept.example[(kept.gated | kept.doubtful) & (crossed[kept.example] > 1)]] = True
    real = kept.doubtful | (kept.jump.abs() > smallest[kept.example])
    return replace(kept.only(real), unclear=unclear)
