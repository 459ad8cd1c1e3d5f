"""Activations at work: the inputs and outputs of each as a network runs.

Each call of an elementwise activation, module or function, is noted with the weight whose product
it was given, and the network runs as it would alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.networks.parameters import evaluation_mode
from landscape.networks.watching.operations import ELEMENTWISE, Arguments
from landscape.networks.watching.running import module_names
from landscape.networks.watching.sites import alone, target_of
from landscape.networks.watching.watcher import Handler, Watcher
from landscape.problem.examples import arguments

Parameters = Mapping[str, Tensor]
_PRODUCTS = frozenset({"linear", "conv1d", "conv2d", "conv3d"})
_SEARCHED = (-10.0, 10.0, 4001)


@dataclass(slots=True)
class Call:
    """One call of an activation.

    Attributes:
        layer: name of the module it happened in, with a number from its second call on.
        operation: torch's name.
        inputs: pre-activations z [n, U, ...].
        outputs: act(z), of the same shape.
        function: the activation as a function of its input alone.
        knots: places of its kinks, increasing.
        weights: names of the parameters whose filters made z, the weight first; () if z was not
            the output of a linear or convolutional layer.
    """

    layer: str
    operation: str
    inputs: Tensor
    outputs: Tensor
    function: Callable[[Tensor], Tensor]
    knots: tuple[float, ...] = ()
    weights: tuple[str, ...] = ()

    def slopes(self) -> Tensor:
        """Return act'(z), of the shape of ``inputs``; at a kink what autograd takes."""
        return derivative(self.function, self.inputs)

    def steepest(self) -> float:
        """Return the largest |act'|: over -10 to 10 and the inputs seen."""
        seen = float(self.slopes().abs().max()) if self.inputs.numel() else 0.0
        try:
            low, high, points = _SEARCHED
            places = torch.linspace(low, high, points, dtype=self.inputs.dtype)
            slopes = derivative(self.function, places.to(self.inputs.device))
        except RuntimeError:  # a slope per channel fits no plain line of places
            return seen
        return max(seen, float(slopes.abs().max()))

    def pieces(self) -> Tensor | None:
        """Return on which piece between its kinks each z lies; None without kinks."""
        if not self.knots:
            return None
        knots = torch.tensor(self.knots, dtype=self.inputs.dtype, device=self.inputs.device)
        return torch.bucketize(self.inputs.detach(), knots)


@dataclass(frozen=True, slots=True)
class Watched:
    """A run of a network.

    Attributes:
        output: of the network.
        calls: of activations, in order.
    """

    output: Any
    calls: tuple[Call, ...]

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the calls."""
        return tuple(call.layer for call in self.calls)


def watched(
    model: nn.Module, inputs: Any, *, parameters: Parameters | None = None, graph: bool = False
) -> Watched:
    """Run a network in evaluation mode and return what its activations saw.

    The model is left as it was. ReLU, tanh and the like are seen as modules and as functions;
    rectifiers written as ``maximum(z, 0)``, ``where`` or ``z * (z > 0)`` are not.

    Args:
        model: any network.
        inputs: examples [n, ...], or a tuple or mapping of arguments.
        parameters: by name, in place of the model's own.
        graph: whether gradients can be taken of what is returned.

    Raises:
        ValueError: if no activation was seen, or one whose first axis does not count examples.
    """
    given: dict[str, Tensor] = dict(model.named_parameters() if parameters is None else parameters)
    with evaluation_mode(model):
        output, calls = _run(model, inputs, given, graph=graph)
    for call in calls:
        per_unit(call.inputs)
    return Watched(output, tuple(calls))


def _run(
    model: nn.Module, inputs: Any, parameters: dict[str, Tensor], *, graph: bool = False
) -> tuple[Any, list[Call]]:
    """Run a network with these parameters; return its output and the calls of activations."""
    with (
        module_names(model) as place,
        torch.set_grad_enabled(graph),
        _Calls(place, parameters) as seen,
    ):
        output = functional_call(model, parameters, *arguments(inputs))
    if not seen.calls:
        raise ValueError(
            "the network must have activations such as torch.nn.ReLU or torch.tanh, saw none"
        )
    return output, seen.calls


def derivative(function: Callable[[Tensor], Tensor], places: Tensor) -> Tensor:
    """Return the derivative of an elementwise function, by autograd."""
    with torch.enable_grad():
        z = places.detach().clone().requires_grad_()
        values = function(z)
        if not values.requires_grad:
            return torch.zeros_like(z)
        (slopes,) = torch.autograd.grad(values.sum(), z)
    return slopes


class _Calls(Watcher):
    def __init__(self, place: Callable[[], str], parameters: Parameters) -> None:
        super().__init__(place)
        self.calls: list[Call] = []
        self._names = {id(value): name for name, value in parameters.items()}
        self._made: dict[int, tuple[Tensor, tuple[str, ...]]] = {}

    def _handler(self, name: str, arguments: Arguments) -> Handler | None:
        if name in ELEMENTWISE and any(isinstance(v, Tensor) for v in arguments[0][:1]):
            return self._activation
        return self._product if name in _PRODUCTS else None

    def _product(self, func: Any, _: str, arguments: Arguments) -> Any:
        args, kwargs = arguments
        result = func(*args, **kwargs)
        used = [*args[1:3], kwargs.get("weight"), kwargs.get("bias")]
        names = tuple(self._names[id(v)] for v in used if id(v) in self._names)
        # The tensor is kept: an id is free again once its owner is gone.
        self._made[id(result)] = (result, names)
        return result

    def _activation(self, func: Any, name: str, arguments: Arguments) -> Any:
        (inputs, *more), kwargs = arguments
        target = target_of(func, inputs, kwargs)
        # What works in place would overwrite the input that is noted.
        before = inputs if target is None else inputs.clone()
        function = alone(func, arguments)
        outputs = function(before)
        _, weights = self._made.get(id(inputs), (None, ()))
        if target is not None:
            self._made.pop(id(target), None)  # no longer a product
        knots = ELEMENTWISE[name].kinks(((before, *more), kwargs)).knots
        self.calls.append(Call(self._named(), name, before, outputs, function, knots, weights))
        return outputs if target is None else target.copy_(outputs)


def per_unit(values: Tensor) -> Tensor:
    """Return values [n, U, ...] as [pairs, U], the places of a channel beside the examples.

    Raises:
        ValueError: for fewer than two axes.
    """
    if values.ndim < 2:
        raise ValueError(
            f"activations must be of shape (examples, units, ...), got {tuple(values.shape)}"
        )
    return values.movedim(1, -1).reshape(-1, values.shape[1])


def pre_activations(
    model: nn.Module, inputs: Any, parameters: Parameters | None = None
) -> dict[str, Tensor]:
    """Return the inputs [N, ...] of every activation, by layer, without a graph.

    Args:
        model: the network, in the mode it is in; left alone.
        inputs: examples [N, ...], or a tuple or mapping of arguments.
        parameters: to be used instead of the model's own.

    Raises:
        ValueError: if no activation was seen.
    """
    _, calls = _run(model, inputs, dict(parameters or {}))
    return {call.layer: call.inputs for call in calls}
