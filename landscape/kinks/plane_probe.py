"""Pre-activations, gradients and jumps of a network at points of a plane, example by example.

Points are taken together by vmap, in blocks that fit in memory; a network that does not vmap is
evaluated one point after another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import grad, grad_and_value, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from landscape.evaluation.choice import threads
from landscape.kinks.probe import Probe, attempted, prepared, singles
from landscape.networks.watching.observer import Observer
from landscape.networks.watching.sites import Site
from landscape.problem.examples import Part, count, cut, map_tensors, tensors
from landscape.problem.network import Network
from landscape.records.arrays import Floats, Json
from landscape.records.plane import Plane

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


@dataclass(slots=True, kw_only=True)
class PlaneProbe(Probe):
    """A network with its loss on a plane; made by :func:`plane_probe`.

    Attributes:
        plane: of two axes.
        levels: every kink that can be mapped, found by :meth:`watch`.
        left_out: choices and branches.
        width: entries of an example at its widest, for blocks that fit.
    """

    plane: Plane
    levels: tuple[Level, ...] = ()
    left_out: tuple[str, ...] = ()
    width: int = 1
    _moving: list[bool] = field(default_factory=list)
    _vectors: list[dict[str, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        self._vectors = [self.named(v) for v in (self.plane.origin, *self.plane.directions)]

    def watch(self, part: Part, point: Floats) -> None:
        """Run one example once, to learn the sites."""
        single = cut(part, 0, 1)
        with _math(), torch.enable_grad():
            _, observer = self._run(self.tensor(point).requires_grad_(), single)
        self._moving = observer.moving
        levels, left_out = [], []
        for number, site in enumerate(observer.sites):
            name = f"{site.layer}:{site.operation}"
            if site.index is not None or site.state is not None:
                left_out.append(name)
                continue
            units = site.inputs.shape[1]
            levels += [Level(number, name, i, z, units) for i, z in enumerate(site.knots)]
        self.levels, self.left_out = tuple(levels), tuple(left_out)
        widest = sum(site.inputs.numel() for site in observer.sites)
        self.width = widest + sum(x.numel() for x in tensors(single[0]))

    def values(self, points: Floats, part: Part) -> list[NDArray[np.float64]]:
        """Return ``z - knot`` of every level for n examples at K points, [K, n, units] each."""
        with _math(), torch.no_grad():
            return self._blocks(
                lambda point: self._values(point, part), (self.tensor(points),), self._size(part)
            )

    def values_of(self, points: Floats, part: Part, level: Ints, unit: Ints) -> NDArray[np.float64]:
        """Return ``z - knot`` of one unit of each of n examples, each at its own point, [n]."""
        with _math(), torch.no_grad():
            each = (self.tensor(points), singles(part))
            return _picked(self._blocks(self._values, each, self._size()), level, unit)

    def jumps(self, points: Floats, part: Part, level: Ints, unit: Ints) -> tuple[Floats, Floats]:
        """Return g (act'(z0+) - act'(z0-)) of one unit of each of n examples, [n], and grad z.

        Each example is at its own point; its own loss is meant. Their product is what the gradient
        by (alpha, beta), [n, 2], gains on the way to larger z.
        """
        if not len(points):
            return np.zeros(0), np.zeros((0, 2))
        each = (self.tensor(points), singles(part))
        which = tuple(torch.from_numpy(np.array(i)).to(self.network.device) for i in (level, unit))
        with _math(), torch.enable_grad():
            jumps = self._blocks(self._jumps, each, self._size())
            (rate,) = self._blocks(
                lambda *trees: (self._rate(*trees),), (*each, *which), self._size()
            )
        return _picked(jumps, level, unit), rate

    def outputs_gradients(self, points: Floats, part: Part) -> list[NDArray[np.float64]]:
        """Return g times the jump of act' for n examples at K points, [K, n, units] each level."""
        with _math(), torch.enable_grad():
            return self._blocks(
                lambda point: self._jumps(point, part), (self.tensor(points),), self._size(part)
            )

    def loss_sums(self, points: Floats, part: Part) -> tuple[Floats, Floats]:
        """Return the sum of n examples' losses at K points, [K], and its gradient, [K, 2]."""

        def total(point: Tensor) -> Tensor:
            return self.losses(self._at(point), part).sum()

        with _math(), torch.enable_grad():
            size = self._size(part) + len(self.plane.origin)
            slopes, losses = self._blocks(grad_and_value(total), (self.tensor(points),), size)
        return losses, slopes

    def _at(self, point: Tensor) -> dict[str, Tensor]:
        origin, first, second = self._vectors
        return {
            name: origin[name] + point[0] * first[name] + point[1] * second[name] for name in origin
        }

    def _run(self, point: Tensor, part: Part, **options: Any) -> tuple[Tensor, Observer]:
        return self.watched(self._at(point), part, moving=self._moving or None, **options)

    def _values(self, point: Tensor, part: Part) -> tuple[Tensor, ...]:
        """Return ``z - knot`` of every level for n examples at a point, [n, units] each."""
        sites = self._run(point, part)[1].sites
        return tuple(sites[level.site].inputs - level.knot for level in self.levels)

    def _rate(self, point: Tensor, single: Part, level: Tensor, unit: Tensor) -> Tensor:
        """Return (dz / dalpha, dz / dbeta) of one unit of one example, [2]."""

        def value(point: Tensor) -> Tensor:
            sites = self._run(point, single)[1].sites
            rows = [sites[v.site].inputs[0] for v in self.levels]
            chosen = [z.gather(0, unit.clamp(max=len(z) - 1).reshape(1)) for z in rows]
            return torch.cat(chosen).gather(0, level.reshape(1))[0]

        return grad(value)(point)  # type: ignore[no-any-return]

    def _jumps(self, point: Tensor, part: Part) -> tuple[Tensor, ...]:
        """Return g times the jump of act' for n examples at a point, [n, units] each level."""
        sites: list[Site] = self._run(point, part)[1].sites
        zeros = tuple(point.new_zeros(site.shape) for site in sites)

        def total(probes: tuple[Tensor, ...]) -> Tensor:
            return self._run(point, part, probes=probes)[0].sum()

        gradients = grad_and_value(total)(zeros)[0]
        return tuple(
            gradients[level.site].reshape(count(part), -1) * _jump(sites[level.site], level.number)
            for level in self.levels
        )

    def _size(self, part: Part | None = None) -> int:
        """Return the entries of some examples, or of a single one, at a point of their own."""
        return (1 if part is None else count(part)) * self.width + len(self.plane.origin)

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
        if self.vmaps:
            results = attempted(lambda: vmap(function)(*trees), "points are taken one by one")
            if results is not None:
                return results
            self.vmaps = False
        rows = [function(*map_tensors(lambda x, i=i: x[i], trees)) for i in range(len(trees[0]))]  # type: ignore[misc]
        return [torch.stack(group) for group in zip(*rows, strict=True)]


def _math() -> AbstractContextManager[None]:
    """Return the mode in which attention has all its derivatives."""
    return sdpa_kernel(SDPBackend.MATH)


def _jump(site: Site, number: int) -> Tensor:
    """Return the jump of act' at a knot, [1, U] or [1, 1]."""
    if isinstance(site.jumps, Tensor):
        return site.jumps.reshape(1, -1)
    return site.inputs.new_full((1, 1), site.jumps[number])


def _picked(values: Sequence[NDArray[np.float64]], level: Ints, unit: Ints) -> Floats:
    """Return one entry of each row [n], from the arrays [n, 1, units] of all levels."""
    picked = np.empty(len(level))
    for number, rows in enumerate(values):
        members = np.flatnonzero(level == number)
        picked[members] = rows[members, 0, unit[members]]
    return picked


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
    with threads(1), prepared(network) as parts:
        yield PlaneProbe(**parts, plane=plane)
