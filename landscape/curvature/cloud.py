"""Second derivatives for kinks: those of the loss averaged over a cloud of parameters.

Where a slope jumps, autograd has no second derivative. Averaged over a cloud in which the
pre-activation z of a unit is spread normally with deviation h, the jump becomes a bend of density
``jump N(z; z0, h^2)``. Here a network runs as ever, with the same values and first derivatives;
only where autograd asks for the second derivative of a kink does it get that density.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from landscape.curvature.derivatives import LossAtPoint
from landscape.networks.acting import Acting, acting_weights
from landscape.networks.directions import normalise, random_direction
from landscape.networks.selection import mask
from landscape.networks.watching.candidates import Candidates
from landscape.networks.watching.observer import Observer
from landscape.networks.watching.operations import Arguments, Kinks
from landscape.networks.watching.running import module_names, without_checkpoints
from landscape.networks.watching.sites import Site
from landscape.networks.watching.watcher import Watcher
from landscape.problem import Problem
from landscape.problem.examples import Part, count
from landscape.records.arrays import Floats
from landscape.records.choices import check_least
from landscape.records.layout import Layout
from landscape.records.plurals import counted

# Pre-activations are followed over this share of the parameters' length.
_NUDGE = {torch.float64: 1e-5, torch.float32: 1e-3}
# Draws whose length is that of the cloud; without parametrised weights all have the same length.
_LENGTHS = 12
# A choice is followed between the best and the second best at the cloud's centre.
_Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True, slots=True, eq=False)
class Cloud:
    """Parameters spread around a point like filter-normalised random directions.

    Attributes:
        theta: the point, [P].
        layout: of the parameters.
        names: of those that are spread.
        acting: see :func:`landscape.networks.acting.acting_weights`.
        seed: of the draws.
        radius: what a direction is multiplied with.
    """

    theta: Floats
    layout: Layout
    names: frozenset[str]
    acting: Acting | None
    seed: int
    radius: float = 1.0

    @classmethod
    def around(cls, problem: Problem, at: LossAtPoint, scale: float, *, seed: int) -> Cloud:
        """Spread the parameters that vary, to a root mean square distance of ``scale``.

        Raises:
            ValueError: for a scale that is not positive, or where nothing is spread.
        """
        if not (math.isfinite(scale) and scale > 0):
            raise ValueError(f"scale must be > 0, the length of a step, got {scale}")
        layout, acting = problem.layout, acting_weights(problem.model, at.theta)
        varied = zip(layout.slots, at.varied.values(), strict=True)
        names = frozenset(slot.name for slot, moves in varied if moves)
        wide = cls(at.theta, layout, names, acting, seed)
        lengths = [float(np.linalg.norm(wide.direction(f"{n}"))) for n in range(_LENGTHS)]
        if not any(lengths):
            raise ValueError(
                "a cloud needs weights with filters, of which none varies or all are zero; let "
                "weights vary beside biases and scales, or leave scale out"
            )
        return replace(wide, radius=scale / math.sqrt(np.mean(np.square(lengths))))

    def direction(self, key: str) -> Floats:
        """Draw a direction d, [P]; a point of the cloud is ``theta + radius d``."""
        draws = random_direction(self.layout, seed=self.seed, axis=f"cloud {key}")
        return normalise(draws, self.theta, self.layout, names=self.names, acting=self.acting)

    def anywhere(self) -> Floats:
        """Draw a direction of all parameters that vary, as long as they are, [P]."""
        draws = random_direction(self.layout, seed=self.seed, axis="anywhere")
        draws[~mask(self.layout, tuple(self.names))] = 0.0
        return draws * (np.linalg.norm(self.theta) / np.linalg.norm(draws))

    def point(self, key: str) -> Floats:
        """Draw a point of the cloud, [P]."""
        return self.theta + self.radius * self.direction(key)


class Kernels:
    """Densities of the kinks of a network, for every unit and example; see :func:`bent`.

    They are kept: one number of the network's precision for each unit that kinks and example, two
    whole numbers more for each output of max pooling. While they are made it is three times that.

    Attributes:
        unseen: what may kink and has no density, as sentences.
        settings: of the cloud, plain values.
    """

    def __init__(
        self, problem: Problem, at: LossAtPoint, scale: float, *, probes: int, seed: int
    ) -> None:
        check_least(1, probes=probes)
        cloud = Cloud.around(problem, at, scale, seed=seed)
        first = _Watched.of(at)
        squares = [[torch.zeros_like(site.inputs) for site in watched.sites] for watched in first]
        for number in range(probes + 1):
            step = cloud.direction(f"{number}") if number < probes else cloud.anywhere()
            _add_squares(squares, first, at, step, spread=number < probes)
        self._densities = [
            [_density(site, (square / probes).sqrt() * cloud.radius) if site.knots else square == 0
             for square, site in zip(total, watched.sites, strict=True)]
            for total, watched in zip(squares, first, strict=True)
        ]  # fmt: skip
        self._pairs = [watched.pairs for watched in first]
        self.unseen = tuple(dict.fromkeys(text for watched in first for text in watched.unseen))
        self.settings: Mapping[str, Any] = MappingProxyType(
            {"scale": scale, "probes": probes, "cloud_seed": seed, "unseen": list(self.unseen)}
        )

    @contextmanager
    def around(self, number: int, part: Part) -> Iterator[None]:
        """Give the kinks of what runs inside second derivatives.

        Args:
            number: of the batch.
            part: the batch.
        """
        densities = self._densities[number]
        if not densities:
            yield
            return
        observer = _Bending(count(part), lambda: "", self._pairs[number], densities)
        with without_checkpoints(), observer:
            yield


@dataclass(frozen=True, slots=True, eq=False)
class _Watched:
    """Every kink of a batch.

    Attributes:
        sites: their inputs detached, in the shape of the output.
        pairs: of each, who was chosen and the second best; None for what is no choice.
        moving: of each call that may kink, whether its input depends on the parameters.
        unseen: what may kink and was not watched.
    """

    sites: list[Site]
    pairs: list[_Pair | None]
    moving: list[bool]
    unseen: tuple[str, ...]

    @classmethod
    def of(cls, at: LossAtPoint, before: Sequence[_Watched] | None = None) -> list[_Watched]:
        """Run every batch at the point that is in place.

        Args:
            at: the point.
            before: what was watched elsewhere: the same choices are followed.
        """
        watched = []
        inner = at.evaluator.network.inner
        with at.in_place() as (_, backward), without_checkpoints(), module_names(inner) as place:
            functions = tuple(f"the function {name}" for name in backward.functions)
            for number, part in enumerate(at.evaluator.batches.parts):
                known = before[number] if before is not None else None
                observer = _Following(count(part), place, known)
                with torch.set_grad_enabled(known is None), observer:
                    (backward if known is None else at.evaluator.network).parts(part)
                watched.append(
                    cls(observer.sites, observer.pairs, observer.moving,
                        (*observer.unseen, *observer.unpooled(), *functions))
                )  # fmt: skip
        return watched


def _add_squares(
    squares: list[list[Tensor]],
    first: list[_Watched],
    at: LossAtPoint,
    step: Floats,
    *,
    spread: bool,
) -> None:
    """Add the squared derivatives of all inputs along a step, [P].

    Args:
        squares: for each batch and site.
        first: what was watched at the point.
        at: the point.
        step: the direction.
        spread: whether it is one of the cloud; else it counts only for what may rest.

    Raises:
        ValueError: if other operations are called there.
    """
    theta, nudge = at.theta, _NUDGE[at.evaluator.dtype]
    at.theta = theta + nudge * step
    for total, watched, moved in zip(squares, first, _Watched.of(at, first), strict=True):
        if len(watched.sites) != len(moved.sites):
            raise ValueError(
                "a cloud needs a network that always calls the same operations, got one with "
                f"{counted(len(watched.sites), 'kink')} here and {len(moved.sites)} nearby; leave "
                "scale out"
            )
        for square, site, there in zip(total, watched.sites, moved.sites, strict=True):
            if spread or not site.knots:
                square += ((there.inputs - site.inputs) / nudge).square()
    at.theta = theta


class _Numbered(Observer):
    """Notes kinks with their inputs as they are, and choices by the lead of the chosen.

    Before the site of a choice stands one without knots, whose input is the chosen entry.
    """

    written_out = Watcher.written_out

    def __init__(
        self,
        examples: int,
        place: Callable[[], str],
        pairs: Sequence[_Pair | None] | None,
        moving: Sequence[bool] | None = None,
    ) -> None:
        super().__init__(examples, place, moving=moving)
        self.pairs: list[_Pair | None] = []
        self._known_pairs = pairs

    def _note(self, name: str, inputs: Tensor, kinks: Kinks, **more: Any) -> Site | None:
        if "gap" in more:
            self._miss(f"a choice by a comparison ({name})")
            return None
        return self._numbered(name, inputs, kinks, None) if kinks.knots else None

    def _numbered(self, name: str, inputs: Tensor, kinks: Kinks, pair: _Pair | None) -> Site:
        self.sites.append(Site(self._place(), name, inputs, kinks.knots, kinks.jumps))
        self.pairs.append(pair)
        return self.sites[-1]

    def _note_choice(self, name: str, *args: Any) -> Site | None:
        candidates: Candidates = args[-1]()
        if self._known_pairs is None:
            pair = (candidates.chosen, candidates.next_best())
        else:
            known = self._known_pairs[len(self.sites) + 1]
            assert known is not None
            pair = known
        self._numbered(name, candidates.entries(pair[0]).detach(), Kinks(), None)
        lead, jump = candidates.lead(*pair), float(candidates.sign)
        return self._numbered(name, lead, Kinks((0.0,), (jump,)), pair)

    def _refuse(self, func: Any, name: str, arguments: Arguments) -> Any:
        self._miss(name)
        return func(*arguments[0], **arguments[1])


class _Following(_Numbered):
    """Notes the inputs of kinks, without their graph."""

    def __init__(self, examples: int, place: Callable[[], str], known: _Watched | None) -> None:
        pairs, moving = (known.pairs, known.moving) if known is not None else (None, None)
        super().__init__(examples, place, pairs, moving)

    def _result(self, site: Site | None, values: Tensor, target: Tensor | None) -> Tensor:
        if site is not None:
            site.inputs = site.inputs.detach()
            if isinstance(site.jumps, Tensor):
                site.jumps = site.jumps.detach()
        return super()._result(site, values, target)

    def unpooled(self) -> list[str]:
        """Name the choices whose places are where values are put."""
        return [f"unpooling by {s.operation} in {s.layer}" for s in self.sites if s.moves_values]


class _Bending(_Numbered):
    """Gives kinks the second derivatives of :func:`bent`.

    Where all candidates of a choice rest (behind ReLUs that are off), a single one of them is
    chosen, and only its ReLU would count. Where one ReLU is on, its kink counts twice: as its own
    and as that of the choice. So it is right on average if the former count nothing.
    """

    def __init__(
        self,
        examples: int,
        place: Callable[[], str],
        pairs: Sequence[_Pair | None],
        densities: Sequence[Tensor],
    ) -> None:
        super().__init__(examples, place, pairs)
        self._densities = densities

    def _result(self, site: Site | None, values: Tensor, target: Tensor | None) -> Tensor:
        if site is not None:
            number = len(self.sites) - 1
            values = bent(values, site.inputs, self._densities[number])
            if self.pairs[number] is not None:
                values = torch.where(self._densities[number - 1], values.detach(), values)
        return values if target is None else target.copy_(values)


def _density(site: Site, spread: Tensor) -> Tensor:
    """Return the sum over knots of jump N(z; z0, h^2); 0 for what does not move.

    Args:
        site: with its inputs z.
        spread: deviation h of each input in the cloud.
    """
    whole = torch.zeros_like(spread)
    safe = spread.clamp_min(torch.finfo(spread.dtype).tiny)
    jumps: Sequence[Any] = [site.jumps] if isinstance(site.jumps, Tensor) else site.jumps
    for knot, jump in zip(site.knots, jumps, strict=True):
        apart = (site.inputs - knot) / safe
        whole += jump * torch.exp(-apart.square() / 2) / (math.sqrt(2 * math.pi) * safe)
    return torch.where(spread > 0, whole, 0.0)


def bent(outputs: Tensor, inputs: Tensor, density: Tensor) -> Tensor:
    """Return ``outputs``, whose second derivative by ``inputs`` is greater by ``density``.

    Values and first derivatives are unchanged.

    >>> z = torch.tensor(0.5, requires_grad=True)
    >>> y = bent(torch.relu(z), z, torch.tensor(3.0))
    >>> (slope,) = torch.autograd.grad(y, z, create_graph=True)
    >>> slope.item(), torch.autograd.grad(slope, z)[0].item()
    (1.0, 3.0)
    """
    return _Bent.apply(outputs, inputs, density)  # type: ignore[no-any-return, no-untyped-call]


class _Bent(torch.autograd.Function):
    """The identity of its first argument; see :func:`bent`."""

    @staticmethod
    def forward(ctx: Any, outputs: Tensor, inputs: Tensor, density: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, density)
        return outputs.clone()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        inputs, density = ctx.saved_tensors
        return slopes[0], _Slope.apply(slopes[0], inputs, density), None  # type: ignore[no-untyped-call]


class _Slope(torch.autograd.Function):
    """Zero, whose derivative by its second argument is the first times the density."""

    @staticmethod
    def forward(ctx: FunctionCtx, slopes: Tensor, inputs: Tensor, density: Tensor) -> Tensor:
        ctx.save_for_backward(slopes, density)
        return torch.zeros_like(inputs)

    @staticmethod
    def backward(ctx: Any, *along: Tensor) -> tuple[Tensor | None, ...]:
        slopes, density = ctx.saved_tensors
        return None, along[0] * slopes * density, None
