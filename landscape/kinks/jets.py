"""Loss, slope and curvature of every example along a line, and the state of every unit.

Two passes at each place: one in nested forward mode, which carries first and second derivatives
along the line, and one backward pass, which finds the gradients at the outputs of all units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
import torch
import torch.autograd.forward_ad as forward_ad
from numpy.typing import NDArray
from torch import Tensor
from torch.func import jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.kinks.probe import Probe, attempted, prepared, singles, subset
from landscape.networks.watching.observer import Observer
from landscape.networks.watching.sites import Site, per_example
from landscape.problem.examples import Part, count, cut
from landscape.problem.network import Network
from landscape.records.arrays import Floats

# Of a site and its output: the output that moves by its secant over a step.
Secants = Callable[[Site, Tensor], Tensor]
# vmap makes a copy of the parameters for every example: worth it for small networks, and where
# fewer examples than this share a place.
_LARGEST = 200_000
_WORTH_A_PASS = 256
# Parameters of all examples of a block together.
_BLOCK = 1 << 22


@dataclass(frozen=True, slots=True)
class SiteJet:
    """What is known of a site at one place of the line; see :class:`Site` for the shapes.

    Attributes:
        site: the site with its values.
        velocity: derivative of its inputs along the line.
        gradient: of the example's loss with respect to the output, [n, U].
        gap_velocity: derivative of the gap of a branch.
    """

    site: Site
    velocity: Tensor
    gradient: Tensor
    gap_velocity: Tensor


@dataclass(frozen=True, slots=True)
class Jet:
    """A network at one place of the line, for n examples.

    Attributes:
        losses: [n].
        slopes: first derivatives along the line, [n].
        curvatures: second derivatives as autograd sees them, [n].
        bends: part of the curvatures that is due to the bends of activations, [n].
        bend_sizes: sum of its absolute parts over the units, [n].
        sites: every bend and kink, in the order in which they were met.
    """

    losses: Tensor
    slopes: Tensor
    curvatures: Tensor
    bends: Tensor
    bend_sizes: Tensor
    sites: tuple[SiteJet, ...]


@dataclass(slots=True, kw_only=True)
class LineProbe(Probe):
    """A network with its loss along ``origin + t direction``; made by :func:`line_probe`.

    Attributes:
        origin: parameters at t = 0, [P].
        direction: [P].
        whole: whether a batch counts as one example, whose loss is the sum over the batch. Then
            the examples may depend on each other, and a jet has one row, with the units of all.
    """

    origin: Floats
    direction: Floats
    whole: bool = False
    _line: tuple[dict[str, Tensor], dict[str, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        size = self.network.layout.size
        for name in ("origin", "direction"):
            vector = getattr(self, name)
            if vector.shape != (size,):
                raise ValueError(f"{name} must have shape ({size},), got {vector.shape}")
        self._line = self.named(self.origin), self.named(self.direction)
        self.vmaps = size <= _LARGEST

    def at(self, places: Floats, part: Part) -> Jet:
        """Return the jet of the examples of a batch, each at its own place.

        Args:
            places: t of each example, [n]; of the batch, [1], if it counts as one example.
            part: inputs and targets of the n examples.

        Raises:
            ValueError: if the loss gives no value per example, or an activation jumps in value.
        """
        distinct, group = np.unique(places, return_inverse=True)
        if len(distinct) == 1:
            return self._together(float(distinct[0]), part)
        if self.vmaps and len(distinct) * _WORTH_A_PASS > len(places):
            jet = attempted(lambda: self._apart(places, part), "places are taken one by one")
            if jet is not None:
                return jet
            self.vmaps = False
        return self._grouped(distinct, group.reshape(-1), part)

    def along(
        self, t: float, length: float, part: Part, starts: Sequence[SiteJet], secants: Secants
    ) -> list[Tensor]:
        """Return the gradients at the outputs of all sites over a piece of the line, [n, U] each.

        Args:
            t: where it starts.
            length: of the piece in t.
            part: a batch.
            starts: the sites at its start.
            secants: gives their outputs other slopes as they are met.
        """
        n = 1 if self.whole else count(part)
        here = self.tensor(np.array([t, length]))
        probes = [here.new_zeros(start.site.shape, requires_grad=True) for start in starts]
        with sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), _telling():
            with forward_ad.dual_level():
                moving = forward_ad.make_dual(here[0], here[1])  # type: ignore[no-untyped-call]
                losses, _ = self._run(moving, part, probes=probes, secants=secants)
            return [g.detach().reshape(n, -1) for g in _gradients(losses, probes)]

    def drifts(self, t: float, part: Part) -> Tensor:
        """Return the third derivatives of the losses along the line as autograd sees them, [n].

        Zeros where torch has none of an operation in forward mode.
        """
        n = 1 if self.whole else count(part)

        def losses(t: Tensor) -> Tensor:
            return self._run(t, part)[0]

        def derived(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
            return lambda t: jvp(function, (t,), (torch.ones_like(t),))[1]

        here, third = self.tensor(np.array(t)), derived(derived(derived(losses)))
        with sdpa_kernel(SDPBackend.MATH), torch.no_grad():
            drifts = attempted(lambda: third(here).detach(), "third derivatives are left out")
        return here.new_zeros(n) if drifts is None else drifts

    def _grouped(self, distinct: Floats, group: NDArray[np.int64], part: Part) -> Jet:
        """Take one place after another, each for the examples that are there."""
        jets, order = [], []
        for number, place in enumerate(distinct):
            members = np.flatnonzero(group == number)
            jets.append(self._together(float(place), subset(part, members)))
            order.append(members)
        back = torch.from_numpy(np.argsort(np.concatenate(order))).to(self.network.device)
        return _concatenated(jets, back)

    def _together(self, t: float, part: Part) -> Jet:
        """Take all examples at one place."""
        n = 1 if self.whole else count(part)
        here = self.tensor(np.array(t))
        with sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), _telling():
            tensors, sites, moving = self._forward(here, part)
            probes = [here.new_zeros(site.shape, requires_grad=True) for site in sites]
            losses, _ = self._run(here, part, probes=probes, moving=moving)
            rows = [per_example(g, n) for g in _gradients(losses, probes)]
            return _jet(sites, tensors, rows, n)

    def _apart(self, places: Floats, part: Part) -> Jet:
        """Take every example at its own place, by vmap over both, in blocks that fit in memory."""
        block = max(_BLOCK // len(self.origin), 1)
        starts = range(0, len(places), block)
        return _concatenated(
            [self._block(places[i : i + block], cut(part, i, i + block)) for i in starts]
        )

    def _block(self, places: Floats, part: Part) -> Jet:
        t, single = self.tensor(places), singles(part)
        traced: list[Any] = []

        def forward(t: Tensor, single: Part) -> Any:
            tensors, *rest = self._forward(t, single)
            traced[:] = rest
            return tensors

        def backward(t: Tensor, single: Part, probes: tuple[Tensor, ...]) -> Tensor:
            return self._run(t, single, probes=probes, moving=traced[1])[0]

        with sdpa_kernel(SDPBackend.MATH), torch.enable_grad():
            tensors = vmap(forward)(t, single)
            sites: list[Site] = traced[0]
            probes = tuple(t.new_zeros((len(t), *s.shape), requires_grad=True) for s in sites)
            losses = vmap(backward)(t, single, probes)
            rows = [g.reshape(len(t), -1) for g in _gradients(losses.sum(), probes)]
            return _jet(sites, tensors, rows, len(t))

    def _run(self, t: Tensor, part: Part, **options: Any) -> tuple[Tensor, Observer]:
        start, step = self._line
        moved = {name: start[name] + t * step[name] for name in start}
        return self.watched(moved, part, whole=self.whole, **options)

    def _forward(self, t: Tensor, part: Part) -> tuple[_Tensors, list[Site], list[bool]]:
        """Carry first and second derivatives along the line through the network."""
        kept: list[Any] = []
        unit = torch.ones_like(t)

        def values(t: Tensor) -> Any:
            losses, observer = self._run(t, part)
            sites, kept[:] = observer.sites, [observer.sites, observer.moving]
            none = t.new_zeros(0) * t
            gaps = tuple(none if s.gap is None else s.gap for s in sites)
            fixed = tuple(_tensors(s.index, s.state, s.jumps) for s in sites)
            return (losses, tuple(s.inputs for s in sites), gaps), fixed

        def rates(t: Tensor) -> Any:
            carried: Any = jvp(values, (t,), (unit,), has_aux=True)
            output, change, fixed = carried
            return (change[0], (*output, *change[1:])), fixed

        carried: Any = jvp(rates, (t,), (unit,), has_aux=True)
        (slopes, (losses, *rest)), (curvatures, _), fixed = carried
        return (losses, slopes, curvatures, *rest, fixed), kept[0], kept[1]


# losses, slopes, curvatures, inputs, gaps, their velocities, and what carries no derivatives
_Tensors = tuple[Any, ...]


def _gradients(losses: Tensor, probes: Sequence[Tensor]) -> list[Tensor]:
    if not probes:
        return []
    total = losses.sum()
    return list(torch.autograd.grad(total, probes, allow_unused=True, materialize_grads=True))


def _jet(sites: Sequence[Site], tensors: _Tensors, gradients: Sequence[Any], n: int) -> Jet:
    """Put together what the two passes found, every tensor with the n examples first."""
    losses, slopes, curvatures = (x.detach().reshape(n) for x in tensors[:3])
    inputs, gaps, velocities, gap_velocities = (
        [x.detach().reshape(n, -1) for x in group] for group in tensors[3:7]
    )
    jets = []
    for i, site in enumerate(sites):
        index, state, jumps = (x.detach() for x in tensors[7][i])
        if isinstance(site.jumps, Tensor):
            site = replace(site, jumps=jumps.reshape(-1, inputs[i].shape[1]))
        still = replace(
            site,
            inputs=inputs[i],
            gap=None if site.gap is None else gaps[i],
            state=None if site.state is None else state.reshape(n, -1),
            index=None if site.index is None else index.reshape(n, -1),
        )
        jets.append(SiteJet(still, velocities[i], gradients[i].detach(), gap_velocities[i]))
    bends, sizes = torch.zeros_like(slopes), torch.zeros_like(slopes)
    for jet in jets:
        if jet.site.bend is not None:
            parts = jet.gradient * _second_derivative(jet.site.bend, jet)
            bends, sizes = bends + parts.sum(dim=1), sizes + parts.abs().sum(dim=1)
    return Jet(losses, slopes, curvatures, bends, sizes, tuple(jets))


def _second_derivative(bend: Callable[[Tensor], Tensor], jet: SiteJet) -> Tensor:
    """Return act''(z) (dz/dt)^2, [n, U]."""

    def first(z: Tensor) -> Tensor:
        return jvp(bend, (z,), (jet.velocity,))[1]  # type: ignore[no-any-return]

    return jvp(first, (jet.site.inputs,), (jet.velocity,))[1].detach()  # type: ignore[no-any-return]


def _concatenated(jets: Sequence[Jet], order: Tensor | None = None) -> Jet:
    """Join jets of different examples, and bring the examples into another order."""

    def joined(values: Sequence[Any]) -> Any:
        first = values[0]
        if isinstance(first, Tensor):
            whole = torch.cat(list(values))
            return whole if order is None else whole[order]
        if isinstance(first, Site | SiteJet | Jet):
            return replace(first, **{f.name: joined([getattr(v, f.name) for v in values])
                                     for f in fields(first)})  # fmt: skip
        if isinstance(first, tuple) and first and isinstance(first[0], SiteJet):
            return tuple(joined(group) for group in zip(*values, strict=True))
        return first

    if len(jets) == 1 and order is None:
        return jets[0]
    for jet in jets:
        for site in (site_jet.site for site_jet in jet.sites):
            if isinstance(site.jumps, Tensor):
                # Jumps that depend on the parameters: every example has its own row.
                site.jumps = site.jumps.expand(len(jet.losses), -1)
    return joined(jets)  # type: ignore[no-any-return]


@contextmanager
def _telling() -> Iterator[None]:
    """Say what a network needs, where torch cannot differentiate it forwards.

    Raises:
        ValueError: in place of torch's own error.
    """
    try:
        yield
    except torch.OutOfMemoryError:
        raise
    except (RuntimeError, NotImplementedError) as error:
        raise ValueError(
            f"kinks are measured by forward derivatives, which torch could not take ({error}); "
            "write functions of your own (torch.autograd.Function), derivatives inside the forward "
            "pass and the like in plain operations"
        ) from error


def _tensors(*values: Any) -> tuple[Tensor, ...]:
    """Keep what is a tensor; auxiliary output of a transform may hold nothing else."""
    return tuple(v if isinstance(v, Tensor) else torch.zeros(0) for v in values)


@contextmanager
def line_probe(
    network: Network, origin: Floats, direction: Floats, *, whole: bool = False
) -> Iterator[LineProbe]:
    """Prepare a network, private and in float64, for passes along a line.

    Args:
        network: with its loss.
        origin: parameters at t = 0, [P].
        direction: [P].
        whole: see :class:`LineProbe`.

    Raises:
        ValueError: if vectors and network do not fit, or the loss cannot give a value per example.
    """
    with prepared(network) as parts:
        yield LineProbe(**parts, origin=origin, direction=direction, whole=whole)
