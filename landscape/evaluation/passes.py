"""Ways to evaluate a chunk of points of a plane. All give the same values, to rounding."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import vmap

from landscape.evaluation.first_layer import FirstLayers, find_first_layers
from landscape.evaluation.plane_problem import PlaneProblem
from landscape.problem.batch_norm import pooled_statistics, put_statistics
from landscape.problem.examples import Batches, count
from landscape.problem.network import Network
from landscape.problem.objective import Totals
from landscape.records.plurals import counted


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineChoice:
    """How points are evaluated. Different choices differ in the last bits of their results.

    Attributes:
        strategy: ``loop``, ``copy``, ``vmap``, ``batched`` or ``gradient``; see the subclasses of
            :class:`Pass`.
        chunk: points per pass.
        batch_size: examples per batch; 0 leaves the data in the batches they came in.
        threads: threads; 0 leaves torch's setting.
        reuse: whether layers that read the data alone are computed once for the whole plane.
        channels_last: whether images lie in memory with their channels last.
        compiled: whether the network is compiled.
        points_per_second: what was measured, 0 if nothing was.
    """

    strategy: str = "loop"
    chunk: int = 1
    batch_size: int = 0
    threads: int = 0
    reuse: bool = False
    channels_last: bool = False
    compiled: bool = False
    points_per_second: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as plain values."""
        return asdict(self)

    def __str__(self) -> str:
        """Describe the choice in a line."""
        words = [self.strategy]
        words.append(f"{counted(self.chunk, 'point')} a pass")
        words.append(f"batches of {self.batch_size}" if self.batch_size else "batches as they are")
        if self.threads:
            words.append(counted(self.threads, "thread"))
        words += ["first layer reused"] if self.reuse else []
        words += ["channels last"] if self.channels_last else []
        words += ["compiled"] if self.compiled else []
        if self.points_per_second:
            rate = float(f"{self.points_per_second:.3g}")
            words.append(f"about {rate:,.10g} points a second")
        return ", ".join(words)


class Pass(ABC):
    """One way to evaluate a problem.

    Args:
        problem: network, plane, examples.
        choice: its settings.
        most_bytes: for the outputs of the first layers, if they are reused.

    Raises:
        ValueError: if the problem cannot be evaluated in this way.
        Exception: whatever the model raises then.
    """

    strategy: ClassVar[str]

    def __init__(
        self, problem: PlaneProblem, choice: EngineChoice, *, most_bytes: int = 1 << 30
    ) -> None:
        if reason := problem.refusal(self.strategy):
            raise ValueError(f"{reason}, got the strategy {self.strategy!r}; leave it at 'auto'")
        self.problem = problem
        self.choice = choice
        self.batches: Batches = problem.batches.cut(choice.batch_size)
        self.first: FirstLayers | None = None
        if choice.reuse:
            self.first = find_first_layers(
                problem.with_batches(self.batches),
                most_bytes=most_bytes,
                channels_last=choice.channels_last,
            )
        self.prepare()

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated, in the order of the sums."""
        return self.problem.objective.fields

    @abstractmethod
    def prepare(self) -> None:
        """Make what is needed once."""

    @abstractmethod
    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums over all examples, [fields, K] in float64, at ``coordinates`` [K, axes]."""

    def private_network(self) -> Network:
        """Return a copy of the network without its first layers."""
        network = self.problem.copy_of_network()
        if self.first is not None:
            self.first.put_into(network.module)
        return network

    def given(self, batch: int, coordinates: Tensor) -> dict[str, Tensor]:
        """Return the first layers' outputs [K, n, ...] on a batch."""
        return {} if self.first is None else self.first.outputs(batch, coordinates)


class LoopPass(Pass):
    """One point after another, plainly, as :class:`Evaluator` does."""

    strategy = "loop"

    def prepare(self) -> None:
        """Note how parameters are computed."""
        names = tuple(slot.name for slot in self.problem.layout.slots)
        self._points = self.problem.points(names)

    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums [fields, K]; see :meth:`Pass.sums`."""
        network = self.problem.evaluator.network
        sums = []
        with network.ready():
            for point in coordinates:
                values = self._points(point[None])
                network.write({name: value[0] for name, value in values.items()})
                sums.append(network.totals(self.batches))
        return torch.stack(sums, dim=1)


class CopyPass(Pass):
    """One point after another, written into a copy of the network that is made for speed.

    Convolutions run fastest this way, with channels last in memory and batches that fit the cache.
    """

    strategy = "copy"

    def prepare(self) -> None:
        """Make the copy, and compile it if asked to."""
        self._network = self.private_network()
        self._model = self._network.module
        if self.choice.channels_last:
            self._model = self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            self.batches = self.batches.map(_channels_last)
        self._call: Callable[..., Any] = self._model
        if self.choice.compiled:
            self._call = torch.compile(self._model, dynamic=False)
        self._sizes = {count(self.batches.parts[0])}
        self._parameters = dict(self._model.named_parameters())
        varied = self.problem.varied & self._parameters.keys()
        self._points = self.problem.points(tuple(varied))
        self._objective = self._network.objective

    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums [fields, K]; see :meth:`Pass.sums`."""
        with self._network.ready():
            return torch.stack([self._sums(point[None]) for point in coordinates], dim=1)

    def _sums(self, point: Tensor) -> Tensor:
        for name, value in self._points(point).items():
            self._parameters[name].copy_(value[0])
        if self.problem.recalibrated:
            pooled = pooled_statistics(self._model, lambda: self._totals(point))
            put_statistics(self._model, pooled)
        return self._totals(point)

    def _totals(self, point: Tensor) -> Tensor:
        totals = Totals(self._objective)
        for number, part in enumerate(self.batches.parts):
            for name, value in self.given(number, point).items():
                module = self._model.get_submodule(name.rpartition(".")[0])
                module.given = value[0]
            examples = count(part)
            # A last batch of another size is not worth compiling for.
            call = self._call if examples in self._sizes else self._model
            part, args, kwargs = self._network.inputs(part)
            output = call(*args, **kwargs)
            totals.add(self._objective.sums(output, part[1], examples), examples)
        return totals.sums


class VmapPass(Pass):
    """Several points at once, vectorised by ``torch.vmap``."""

    strategy = "vmap"

    def prepare(self) -> None:
        """Make the copy."""
        self._network = self.private_network()
        names = dict(self._network.module.named_parameters()).keys()
        self._points = self.problem.points(tuple(self.problem.varied & names))

    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums [fields, K]; see :meth:`Pass.sums`."""
        parameters = self._points(coordinates)
        objective = self._network.objective
        totals = Totals(objective)
        with self._network.ready():
            for number, part in enumerate(self.batches.parts):
                part, args, kwargs = self._network.inputs(part)
                examples = count(part)

                def single(
                    tensors: dict[str, Tensor],
                    args: Any = args,
                    kwargs: Any = kwargs,
                    targets: Any = part[1],
                    examples: int = examples,
                ) -> Tensor:
                    return self._network.called(  # type: ignore[no-any-return]
                        tensors,
                        lambda net: objective.sums(net(*args, **kwargs), targets, examples),
                    )

                points = {**parameters, **self.given(number, coordinates)}
                totals.add(vmap(single, out_dims=1)(points), examples)
        return totals.sums


def _channels_last(inputs: Tensor) -> Tensor:
    return inputs.contiguous(memory_format=torch.channels_last) if inputs.ndim == 4 else inputs
