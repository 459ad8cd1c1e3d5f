"""Reusing the first layer: where a layer reads the data alone, its output is affine in the plane.

With W(a, b) = W0 + a D1 + b D2 the output of a linear layer or a convolution is
``x W(a, b)' = x W0' + a x D1' + b x D2'``: three products serve the whole plane, where every point
would need its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.evaluation.plane_problem import PlaneProblem
from landscape.networks.watching.running import before_calls
from landscape.problem.examples import Part
from landscape.problem.network import Network

# Layers whose output is linear in weight and bias together. A subclass may do anything.
_LINEAR_IN_PARAMETERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def give(layer: nn.Module) -> None:
    """Let a layer of a private copy return what it is given, by whichever name it is called."""
    layer._parameters.clear()
    layer.register_buffer("given", torch.zeros(()))
    layer.forward = lambda _inputs: layer.given


def is_given(layer: nn.Module) -> bool:
    """Whether a layer returns what it is given."""
    return "given" in layer._buffers


@dataclass(frozen=True, slots=True)
class FirstLayers:
    """The layers of a network that read the data alone.

    Attributes:
        names: of the modules.
        products: for each module and batch, its outputs at the origin and along each direction,
            as one matrix [1 + axes, entries], and the shape of an output as it lies in memory.
        channels_last: whether images lie in memory with their channels last.
    """

    names: tuple[str, ...]
    products: dict[str, list[tuple[Tensor, torch.Size]]]
    channels_last: bool = False

    def put_into(self, model: nn.Module) -> None:
        """Let the layers of a private copy of the network return what they are given."""
        for name in self.names:
            give(model.get_submodule(name))

    def outputs(self, batch: int, coordinates: Tensor) -> dict[str, Tensor]:
        """Return the layers' outputs on a batch, [K, n, ...], by the name of what is given.

        Args:
            batch: number of the batch.
            coordinates: [K, axes].
        """
        outputs = {}
        for name in self.names:
            products, shape = self.products[name][batch]
            ones = torch.ones_like(coordinates[:, :1])
            weights = torch.cat([ones, coordinates], dim=1).to(products)
            given = (weights @ products).view(-1, *shape)
            if self.channels_last and len(shape) == 4:
                given = given.permute(0, 1, 4, 2, 3)
            outputs[f"{name}.given"] = given
        return outputs


def find_first_layers(
    problem: PlaneProblem, *, most_bytes: int, channels_last: bool = False
) -> FirstLayers | None:
    """Find the layers that read the data alone, and compute their products.

    A layer counts if it is called once, shares its parameters with none, has no hooks, and its
    input neither depends on a parameter that varies over the plane (as autograd sees it) nor
    differs between two points of the plane.

    Args:
        problem: network, plane and batches.
        most_bytes: for the products of all batches together.
        channels_last: whether images are to lie in memory with their channels last.

    Returns:
        The layers, or None if there are none or they need too much memory.
    """
    network = problem.copy_of_network()
    model = network.module
    if not problem.first_layers:
        problem.first_layers.append(_first_layers(network, problem))
    names = problem.first_layers[0]
    inputs = [_inputs_of(network, part, names) for part in problem.batches.parts if names]
    names = tuple(name for name in names if all(name in seen for seen in inputs))
    if not names:
        return None
    entry = torch.empty((), dtype=problem.dtype).element_size()
    products: dict[str, list[tuple[Tensor, torch.Size]]] = {name: [] for name in names}
    used = 0
    for name in names:
        for seen in inputs:
            outputs = _outputs(model.get_submodule(name), name, problem, seen[name])
            if channels_last and outputs.ndim == 5:
                outputs = outputs.permute(0, 1, 3, 4, 2)
            matrix, shape = outputs.reshape(len(outputs), -1), outputs.shape[1:]
            used += matrix.numel() * entry
            if used > most_bytes:
                return None
            products[name].append((matrix, shape))
    return FirstLayers(names, products, channels_last)


def _first_layers(network: Network, problem: PlaneProblem) -> tuple[str, ...]:
    """Name the layers that read the data alone, as the first batch shows."""
    names = _candidates(network.module, problem)
    inputs = _inputs_of(network, problem.batches.parts[0], names)
    return _unmoved(network, problem, tuple(name for name in names if name in inputs), inputs)


def _candidates(model: nn.Module, problem: PlaneProblem) -> tuple[str, ...]:
    """Name the layers of the right type whose parameters are theirs alone and vary."""
    owners: dict[int, int] = {}
    for module in model.modules():
        for parameter in module.parameters(recurse=False):
            owners[id(parameter)] = owners.get(id(parameter), 0) + 1
    names = []
    for name, module in model.named_modules():
        if type(module) not in _LINEAR_IN_PARAMETERS or not name:
            continue
        hooked = module._forward_hooks or module._forward_pre_hooks
        unshared = all(owners[id(p)] == 1 for p in module.parameters())
        if unshared and not hooked and f"{name}.weight" in problem.varied:
            names.append(name)
    return tuple(names)


def _inputs_of(network: Network, part: Part, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the input of each named layer that is called once with one tensor."""
    _, args, kwargs = network.inputs(part)
    with network.ready(), _calls_of(network.module, names) as calls, torch.no_grad():
        network.module(*args, **kwargs)
    return {
        name: seen[0][0] for name, seen in calls.items() if len(seen) == 1 and len(seen[0]) == 1
    }


def _unmoved(
    network: Network, problem: PlaneProblem, names: tuple[str, ...], inputs: dict[str, Tensor]
) -> tuple[str, ...]:
    """Keep the layers whose input is the same everywhere on the plane."""
    part, model = problem.batches.parts[0], network.module
    with network.ready():
        # As autograd sees it.
        _, args, kwargs = network.inputs(part)
        varied = {name: name in problem.varied for name, _ in model.named_parameters()}
        with _calls_of(model, names) as calls, torch.enable_grad(), network.leaves(varied):
            model(*args, **kwargs)
        names = tuple(name for name in names if not calls[name][0][0].requires_grad)
        # What autograd does not see: comparisons, rounding, detached values.
        point = problem.points(tuple(varied))(torch.ones(1, problem.axes, dtype=torch.float64))
        _, args, kwargs = network.inputs(part)
        with _calls_of(model, names) as moved, torch.no_grad():
            functional_call(model, {name: value[0] for name, value in point.items()}, args, kwargs)
    return tuple(name for name in names if torch.equal(moved[name][0][0], inputs[name]))


@contextmanager
def _calls_of(
    model: nn.Module, names: tuple[str, ...]
) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """Note the arguments of every call of the named layers."""
    calls: dict[str, list[tuple[Any, ...]]] = {name: [] for name in names}
    layers = {name: model.get_submodule(name) for name in names}
    with before_calls(layers, lambda name, _, args: calls[name].append(args)):
        yield calls


def _outputs(layer: nn.Module, name: str, problem: PlaneProblem, inputs: Tensor) -> Tensor:
    """Return the layer's outputs at the origin and along each direction, [1 + axes, n, ...]."""
    parts = {
        slot.name.removeprefix(f"{name}."): (slot, part)
        for slot, part in problem.layout.parts()
        if slot.name.startswith(f"{name}.")
    }
    outputs = []
    with torch.no_grad():
        for vector in problem.vectors:
            values = {
                key: vector[part].view(slot.shape).to(inputs) for key, (slot, part) in parts.items()
            }
            outputs.append(functional_call(layer, values, (inputs,)))
    return torch.stack(outputs)
