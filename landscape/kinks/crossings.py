"""Crossings of kinks between two places of a line, and the jump of the slope at each.

A unit crosses when its state changes between the two. The place is the root of the cubic through
its values and velocities at both ends. The jump is ``g |dz/dt| (act'(z0+) - act'(z0-))``; for a
branch or a choice among candidates it is g times the difference of their velocities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from landscape.kinks.jets import Jet, SiteJet
from landscape.kinks.operations import JumpingError

# A step of Newton's method or of bisection gains a bit at least.
_BISECTIONS = 40
# Kinks of one example nearer than this share of the interval are one kink.
_COINCIDENT = 1e-7


@dataclass(frozen=True, slots=True)
class Crossings:
    """E crossings of kinks within one interval.

    Attributes:
        example: which example, [E].
        site: which site, [E].
        unit: which unit of it, [E].
        place: share of the interval before it, [E].
        jump: jump J of the example's slope, [E].
    """

    example: Tensor
    site: Tensor
    unit: Tensor
    place: Tensor
    jump: Tensor


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
    tied = torch.zeros(len(left.losses), dtype=torch.bool, device=left.losses.device)
    for _, one in found:
        tied[one.example[_ties(one)]] = True
    parts = []
    for number, one in found:
        own = ~_ties(one)
        one = _selected(one, own)
        both = (left.sites[number], right.sites[number])
        gradients = tuple(jet.gradient[one.example, one.unit] for jet in both)
        place = _root(one.margins, one.rates)
        jump = _gradient_at(gradients, place, one, tied[one.example]) * _slope_jump(one, place)
        site = torch.full_like(one.example, number)
        parts.append(Crossings(one.example, site, one.unit, place, jump / width[one.example]))
    return _joined(parts, left.losses.device)


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


def _ties(one: _Found) -> Tensor:
    """Return which crossings are made by a kink further up.

    A unit that rests exactly on its knot does not cross it by itself: what feeds it has crossed.
    So it is with the output of a ReLU in another ReLU or in max pooling.
    """
    resting = [(z == 0) & (v == 0) for z, v in zip(one.margins, one.rates, strict=True)]
    return resting[0] | resting[1]


def _gradient_at(gradients: tuple[Tensor, ...], place: Tensor, one: _Found, tied: Tensor) -> Tensor:
    """Return the gradient at the crossing.

    Where a kink further down happens at the same place, the gradient jumps there; the one that
    counts is that of the side on which the unit moves its output.
    """
    between = _between(gradients, place)
    moving = torch.where(one.up == (one.jumps[0] + one.jumps[1] > 0), gradients[1], gradients[0])
    return torch.where(tied, moving, between)


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


def _joined(parts: list[Crossings], device: torch.device) -> Crossings:
    """Put the crossings together in order; those of one example at one place become one."""
    if not parts:
        none = torch.zeros(0, dtype=torch.long, device=device)
        return Crossings(none, none, none, none.double(), none.double())
    example, site, unit, place, jump = (
        torch.cat([getattr(p, name) for p in parts])
        for name in ("example", "site", "unit", "place", "jump")
    )
    order = torch.argsort(place, stable=True)
    order = order[torch.argsort(example[order], stable=True)]
    example, site, unit, place, jump = (t[order] for t in (example, site, unit, place, jump))
    fresh = torch.ones(len(example), dtype=torch.bool, device=device)
    fresh[1:] = (example[1:] != example[:-1]) | (place[1:] - place[:-1] > _COINCIDENT)
    group = torch.cumsum(fresh, 0) - 1
    total = torch.zeros(int(fresh.sum()), dtype=jump.dtype, device=device).index_add_(
        0, group, jump
    )
    return Crossings(example[fresh], site[fresh], unit[fresh], place[fresh], total)
