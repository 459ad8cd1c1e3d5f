"""Pre-activations, gradients and jumps of a network at points of a plane, example by example.

Points are taken together by vmap, in blocks that fit in memory; a network that does not vmap is
evaluated one point after another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, grad_and_value, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.evaluation.choice import threads
from landscape.kinks.jets import singles
from landscape.networks.parameters import unflatten
from landscape.networks.watching.observer import Observer
from landscape.networks.watching.running import module_names, without_checkpoints
from landscape.networks.watching.sites import Site
from landscape.problem.example_losses import per_example_loss
from landscape.problem.examples import Part, count, cut, map_tensors, tensors
from landscape.problem.network import Network
from landscape.records.arrays import Floats, Json
from landscape.records.plane import Plane

_LOG = logging.getLogger(__name__)
# Float64 entries of parameters or activations in a block of points.
_BLOCK = 1 << 21
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Level:
    """A kink of a site: the zero set of ``z - knot``.

    Attributes:
        site: which site.
        name: ``layer:operation``.
        number: which of the site's knots.
        knot: z0.
        units: units of the site.
    """

    site: int
    name: str
    number: int
    knot: float
    units: int


@dataclass(slots=True)
class PlaneProbe:
    """A network with its loss on a plane; made by :func:`plane_probe`.

    Attributes:
        network: private, in float64; its parameters are not used, its buffers are.
        loss: one value per example.
        plane: of two axes.
        place: name of the module that is running.
        levels: every kink that can be mapped, found by :meth:`watch`.
        left_out: choices and branches.
        unseen: what may kink and could not be watched.
        width: entries of an example at its widest, for blocks that fit.
    """

    network: Network
    loss: Callable[[Any, Any], Tensor]
    plane: Plane
    place: Callable[[], str]
    levels: tuple[Level, ...] = ()
    left_out: tuple[str, ...] = ()
    unseen: dict[str, None] = field(default_factory=dict)
    width: int = 1
    _moving: list[bool] = field(default_factory=list)
    _trees: list[dict[str, Tensor]] = field(init=False)
    _buffers: dict[str, Tensor] = field(init=False)
    _vmaps: bool = True

    def __post_init__(self) -> None:
        layout, device = self.network.layout, self.network.device
        vectors = (self.plane.origin, *self.plane.directions)
        moved = (torch.from_numpy(np.array(v)).to(device, torch.float64) for v in vectors)
        self._trees = [unflatten(v, layout) for v in moved]
        self._buffers = self.network.buffers()

    def watch(self, part: Part, point: Floats) -> None:
        """Run one example once, to learn the sites."""
        one = cut(part, 0, 1)
        here = self._tensor(point).requires_grad_()
        with self._mode(), torch.enable_grad():
            _, seen = self._run(here, one)
        self._moving = seen.moving
        levels, left = [], []
        for number, site in enumerate(seen.sites):
            name = f"{site.layer}:{site.operation}"
            if site.index is not None or site.state is not None:
                left.append(name)
                continue
            units = site.inputs.shape[1]
            levels += [Level(number, name, i, z, units) for i, z in enumerate(site.knots)]
        self.levels, self.left_out = tuple(levels), tuple(left)
        widest = sum(site.inputs.numel() for site in seen.sites)
        self.width = widest + sum(x.numel() for x in tensors(one[0]))

    def values(self, points: Floats, part: Part) -> list[NDArray[np.float64]]:
        """Return ``z - knot`` of every level for n examples at K points, [K, n, units] each."""

        def inputs(point: Tensor) -> tuple[Tensor, ...]:
            sites = self._run(point, part)[1].sites
            return tuple(sites[level.site].inputs - level.knot for level in self.levels)

        with self._mode(), torch.no_grad():
            size = count(part) * self.width + len(self.plane.origin)
            return self._blocks(inputs, (self._tensor(points),), size)

    def values_of(self, points: Floats, part: Part, level: Ints, unit: Ints) -> NDArray[np.float64]:
        """Return ``z - knot`` of one unit of each of n examples, each at its own point, [n]."""

        def inputs(point: Tensor, one: Part) -> tuple[Tensor, ...]:
            sites = self._run(point, one)[1].sites
            return tuple(sites[level.site].inputs[0] - level.knot for level in self.levels)

        with self._mode(), torch.no_grad():
            found = self._blocks(inputs, (self._tensor(points), singles(part)), self._own)
        return _picked(found, level, unit)

    def jumps(self, points: Floats, part: Part, level: Ints, unit: Ints) -> tuple[Floats, Floats]:
        """Return g (act'(z0+) - act'(z0-)) of one unit of each of n examples, [n], and grad z.

        Each example is at its own point; its own loss is meant. Their product is what the gradient
        by (alpha, beta), [n, 2], gains on the way to larger z.
        """
        if not len(points):
            return np.zeros(0), np.zeros((0, 2))
        device = self.network.device
        own = (self._tensor(points), singles(part))
        which = tuple(torch.from_numpy(np.array(i)).to(device) for i in (level, unit))
        with self._mode(), torch.enable_grad():
            slopes = self._blocks(self._slopes, own, self._own)
            (rate,) = self._blocks(lambda *tree: (self._rate(*tree),), (*own, *which), self._own)
        return _picked(slopes, level, unit), rate

    def outputs_gradients(self, points: Floats, part: Part) -> list[NDArray[np.float64]]:
        """Return g times the jump of act' for n examples at K points, [K, n, units] each level."""

        def every(point: Tensor) -> tuple[Tensor, ...]:
            sites, found = self._backward(point, part)
            return tuple(
                found[level.site].reshape(count(part), -1) * _jump(sites[level.site], level.number)
                for level in self.levels
            )

        with self._mode(), torch.enable_grad():
            size = count(part) * self.width + len(self.plane.origin)
            return self._blocks(every, (self._tensor(points),), size)

    def loss_sums(self, points: Floats, part: Part) -> tuple[Floats, Floats]:
        """Return the sum of n examples' losses at K points, [K], and its gradient, [K, 2]."""

        def total(point: Tensor) -> Tensor:
            return self._losses(point, part).sum()

        with self._mode(), torch.enable_grad():
            size = count(part) * self.width + 2 * len(self.plane.origin)
            slopes, losses = self._blocks(grad_and_value(total), (self._tensor(points),), size)
        return losses, slopes

    # -- one point ----------------------------------------------------------------------------

    def _at(self, point: Tensor) -> dict[str, Tensor]:
        origin, first, second = self._trees
        return {**self._buffers, **{name: origin[name] + point[0] * first[name]
                                    + point[1] * second[name] for name in origin}}  # fmt: skip

    def _run(
        self, point: Tensor, part: Part, probes: Sequence[Tensor] = ()
    ) -> tuple[Tensor, Observer]:
        n = count(part)
        with Observer(n, self.place, probes=probes, moving=self._moving or None) as seen:
            losses = self._losses(point, part)
        self.unseen.update(seen.unseen)
        if losses.shape != (n,):
            raise ValueError(
                f"the loss must return one value for each of the examples, {n:,}, got "
                f"shape {tuple(losses.shape)}; leave out its mean, as reduction='none' does"
            )
        return losses, seen

    def _losses(self, point: Tensor, part: Part) -> Tensor:
        part, args, kwargs = self.network.inputs(part)
        return self.network.called(  # type: ignore[no-any-return]
            self._at(point), lambda net: self.loss(net(*args, **kwargs), part[1])
        )

    def _rate(self, point: Tensor, one: Part, level: Tensor, unit: Tensor) -> Tensor:
        """Return (dz / dalpha, dz / dbeta) of one unit, [2]."""

        def value(point: Tensor) -> Tensor:
            sites = self._run(point, one)[1].sites
            rows = [sites[v.site].inputs[0] for v in self.levels]
            found = [z.gather(0, unit.clamp(max=len(z) - 1).reshape(1)) for z in rows]
            return torch.cat(found).gather(0, level.reshape(1))[0]

        return grad(value)(point)  # type: ignore[no-any-return]

    def _slopes(self, point: Tensor, one: Part) -> tuple[Tensor, ...]:
        """Return g times the jump of act' for every unit, for each level."""
        sites, found = self._backward(point, one)
        return tuple(
            found[v.site].reshape(-1) * _jump(sites[v.site], v.number).reshape(-1)
            for v in self.levels
        )

    def _backward(self, point: Tensor, part: Part) -> tuple[list[Site], tuple[Tensor, ...]]:
        sites: list[Site] = self._run(point, part)[1].sites
        zeros = tuple(point.new_zeros(site.shape) for site in sites)

        def total(probes: tuple[Tensor, ...]) -> Tensor:
            return self._run(point, part, probes)[0].sum()

        return sites, grad_and_value(total)(zeros)[0]

    # -- many points --------------------------------------------------------------------------

    @property
    def _own(self) -> int:
        """Entries of one example at a point of its own."""
        return self.width + len(self.plane.origin)

    def _mode(self) -> Any:
        return sdpa_kernel(SDPBackend.MATH)

    def _tensor(self, values: Floats) -> Tensor:
        device = self.network.device
        return torch.from_numpy(np.array(values, dtype=np.float64)).to(device)

    def _blocks(
        self, function: Callable[..., Any], trees: tuple[Any, ...], size: int
    ) -> list[NDArray[np.float64]]:
        """Apply a function of one point to many, in blocks."""
        length, block = len(trees[0]), max(_BLOCK // size, 1)
        parts = []
        for first in range(0, max(length, 1), block):
            some = cut(trees, first, first + block)
            parts.append([x.detach().cpu().numpy() for x in self._block(function, some)])
        return [np.concatenate(group) for group in zip(*parts, strict=True)]

    def _block(self, function: Callable[..., Any], trees: tuple[Any, ...]) -> Any:
        if self._vmaps:
            try:
                return vmap(function)(*trees)
            except (RuntimeError, NotImplementedError) as error:
                if isinstance(error, torch.OutOfMemoryError):
                    raise
                _LOG.info("points are taken one after another: no vmap over them (%s)", error)
                self._vmaps = False
        rows = [function(*map_tensors(lambda x, i=i: x[i], trees)) for i in range(len(trees[0]))]  # type: ignore[misc]
        return [torch.stack(group) for group in zip(*rows, strict=True)]


def _jump(site: Site, number: int) -> Tensor:
    """Return the jump of act' at a knot, [1, U] or [1, 1]."""
    if isinstance(site.jumps, Tensor):
        return site.jumps.reshape(1, -1)
    return site.inputs.new_full((1, 1), site.jumps[number])


def _picked(values: Sequence[NDArray[np.float64]], level: Ints, unit: Ints) -> Floats:
    """Return one entry of each row [n], from the arrays [n, units] of all levels."""
    found = np.empty(len(level))
    for number, rows in enumerate(values):
        mine = np.flatnonzero(level == number)
        found[mine] = rows[mine, unit[mine]]
    return found


def described(
    plane: Plane, network: Network, examples: int, settings: Json | None
) -> dict[str, Any]:
    """Return what a record is of: plane, loss and examples, and what the caller notes."""
    facts = {"kind": plane.kind, **plane.settings, "loss": network.objective.name,
             "examples": examples}  # fmt: skip
    return {**facts, **(settings or {})}


@contextmanager
def plane_probe(network: Network, plane: Plane) -> Iterator[PlaneProbe]:
    """Prepare a network, private and in float64, for passes over a plane.

    Raises:
        ValueError: if plane and network do not fit, or the loss cannot give a value per example.
    """
    if plane.axes != 2:
        raise ValueError(f"a kink map needs a plane of 2 directions, got {plane.axes}")
    if plane.layout.size != network.layout.size:
        raise ValueError(
            f"the plane must have the model's {network.layout.size} parameters, got "
            f"{plane.layout.size}; make it from this model"
        )
    # Many small products: on a busy machine several threads are many times slower than one.
    with threads(1), network.ready(), without_checkpoints(), module_names(network.inner) as place:
        yield PlaneProbe(network, per_example_loss(network.objective), plane, place)
