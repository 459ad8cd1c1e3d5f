"""What kinks on the way do to the output of a unit whose inputs go straight over a step.

Over a step, s from 0 to 1, an input moves from z to z + c. Where it passes a knot, the rate of the
output jumps, and at the end the output is off what its rate at the start says. That difference is
carried on to the units behind, forth and back, so that each meets the kinks before it: its change c
and its gradient are those of secants over the step, not of tangents at the start.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import torch
import torch.autograd.forward_ad as forward_ad
from torch import Tensor

from landscape.kinks.jets import SiteJet
from landscape.networks.watching.operations import JumpingError
from landscape.networks.watching.sites import Site, check_choice

# Rounding of sums over layers and inputs, as a share of the largest value at hand.
_ROUNDING = 1024 * torch.finfo(torch.float64).eps


@dataclass(frozen=True, slots=True)
class Turns:
    """What kinks do to the outputs of a site over the step, each [1, U].

    Attributes:
        count: of the kinks passed.
        rate: change of the output's rate, by the share of the step.
        rate_size: sum of the sizes of its changes.
        value: change of the output at the end.
        value_size: with the sizes.
        carried: change of the output at the end by kinks that others passed: that of a unit which
            rests on its knot until what feeds it moves.
    """

    count: Tensor
    rate: Tensor
    rate_size: Tensor
    value: Tensor
    value_size: Tensor
    carried: Tensor

    @classmethod
    def of(cls, rate: Tensor, value: Tensor, carried: Tensor | None = None) -> Turns:
        """Return what one kink of each unit does, none where the rate stays."""
        carried = torch.zeros_like(rate) if carried is None else carried
        return cls((rate != 0).long(), rate, rate.abs(), value, value.abs(), carried)

    def __add__(self, other: Turns) -> Turns:
        return Turns(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def felt(self, gradient: Tensor) -> list[float]:
        """Return crossings, sizes and sum of the jumps, and sizes and sum of what they take."""
        size = gradient.abs() * self.rate_size
        real = size > _ROUNDING * _largest(gradient) * _largest(self.rate_size)
        jumps, taken = gradient * self.rate, gradient * self.value
        sizes_taken = gradient.abs() * self.value_size
        return [float(v.sum()) for v in (self.count[real], size, jumps, sizes_taken, taken)]


@dataclass(slots=True)
class Secants:
    """Gives the outputs of all sites their secants over a step, while the network runs.

    Attributes:
        starts: the sites at the start of the step, from a run before.
        turns: of every site so far.
    """

    starts: tuple[SiteJet, ...]
    turns: list[Turns] = field(default_factory=list)

    def __call__(self, site: Site, values: Tensor) -> Tensor:
        """Return the output of a site, [...], that moves by its secant.

        Args:
            site: with inputs whose tangents are their changes over the step.
            values: its output, with the tangent of the operation at the start.
        """
        start = self.starts[len(self.turns)]
        change = _tangent(site.inputs)
        if start.site.index is not None:
            source = start.site.source
            turn = _chosen(start, change, None if source is None else self.turns[source])
            self.turns.append(turn)
            still, value = torch.zeros_like(values).detach(), turn.value.reshape(values.shape)
            return values + forward_ad.make_dual(still, value)  # type: ignore[no-any-return, no-untyped-call]
        moved = site.inputs if site.gap is None else site.gap
        turn = _passed(start, change) if site.gap is None else _branched(start, site, change)
        self.turns.append(turn)
        way = _tangent(moved)
        slope = torch.where(way == 0, 0.0, (turn.value + turn.carried) / way)
        return values + (slope * (moved - moved.detach())).reshape(values.shape)


def _passed(start: SiteJet, change: Tensor) -> Turns:
    """Follow the units past the knots of their operation."""
    site, z = start.site, start.site.inputs
    total = Turns.of(torch.zeros_like(z), torch.zeros_like(z))
    for number, knot in enumerate(site.knots):
        jump = site.jumps if isinstance(site.jumps, Tensor) else site.jumps[number]
        margin, rests = z - knot, _resting(z - knot, start.velocity)
        place, passed = _places(margin, change)
        # What torch's derivative on the knot lacks of that of the side to which the unit moves.
        at = torch.where(margin == 0, site.at[number] if site.at else 0.0, (margin > 0).to(z))
        lacks = torch.where(change > 0, 1 - at, at)
        rate = jump * change.abs()
        turned = rate * torch.where(place > 0, 1.0, lacks) * (passed & ~rests)
        total += Turns.of(turned, turned * (1 - place), rate * lacks * rests)
    return total


def _branched(start: SiteJet, site: Site, change: Tensor) -> Turns:
    """Follow the units of a branch on a comparison.

    The two values meet where it changes: with their gap at the start, its rate and that zero, the
    rate there is that of the parabola through them.

    Raises:
        JumpingError: if they do not meet.
    """
    gap: Any = start.site.gap
    margin, up, rate = start.site.inputs, change > 0, _tangent(site.gap)
    place, passed = _places(margin, change)
    passed = passed & (start.site.state != up) & ~_resting(margin, start.velocity)
    if bool((place * rate.abs())[passed].sum() < 0.5 * gap[passed].abs().sum()):
        raise JumpingError(
            f"a choice on a comparison in {site.layer} jumps in value; make it continuous"
        )
    there = torch.where(place > 0, -rate - 2 * gap / place, rate)
    jump = torch.where(passed, torch.where(up, there, -there), 0.0)
    return Turns.of(jump, jump * (1 - place))


def _chosen(start: SiteJet, change: Tensor, made: Turns | None) -> Turns:
    """Follow the upper (or lower) envelope of the candidates of every unit.

    It is convex, so that its jumps have one sign. What kinks take from the candidate that is chosen
    at the start is counted where it kinks: all is relative to that one's path.

    Args:
        start: with the candidates.
        change: of the candidates over the step.
        made: what kinks do to the candidates, if they are the outputs of a site.

    Raises:
        JumpingError: if the choice places values, and changes.
    """
    site: Any = start.site
    values = site.inputs + change
    rates = change if made is None else change + made.rate - made.value
    end = site.choose(values)
    rate, value = (x.gather(1, end) - x.gather(1, site.index) for x in (rates, values))
    rests = _small(rate, rates) & _small(value, values)
    rate, value = rate.masked_fill(rests, 0.0), value.masked_fill(rests, 0.0)
    check_choice(site, jumps=bool(rate.any()))
    return Turns.of(rate, value)


def _places(margin: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
    """Return at which share of the step margins become zero, and whether that is on the way."""
    place = -margin / change
    passed = (place >= 0) & (place < 1) & (change != 0)
    return torch.where(passed, place, 0.0), passed


def _resting(margin: Tensor, velocity: Tensor) -> Tensor:
    """Return what rests on its knot at the start, to rounding: what feeds it must move first."""
    return _small(margin, margin) & _small(velocity, velocity)


def _small(values: Tensor, among: Tensor) -> Tensor:
    return values.abs() <= _ROUNDING * _largest(among)


def _largest(values: Tensor) -> Tensor:
    return values.abs().max() if values.numel() else values.new_zeros(())


def _tangent(values: Tensor | None) -> Tensor:
    dual: Any = forward_ad.unpack_dual(values)  # type: ignore[no-untyped-call]
    tangent: Tensor = torch.zeros_like(dual.primal) if dual.tangent is None else dual.tangent
    return tangent.detach()
