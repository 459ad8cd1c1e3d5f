"""Chains of linear layers and activations, several points at once, as batched matrix products.

The products of a chunk are one call of ``baddbmm``, and activations work in place: about half as
many passes over memory as ``vmap`` needs for the same network.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn, vmap
from torch.fx import Graph, Tracer

from landscape.evaluation.first_layer import is_given
from landscape.evaluation.passes import Pass
from landscape.networks.activations.registry import module_types
from landscape.problem.examples import Part, count
from landscape.problem.losses import accuracy, cross_entropy, wide_dtype
from landscape.problem.objective import Totals

# What does nothing in evaluation mode.
_IDLE = (nn.Identity, nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout)
_ELEMENTWISE = (nn.Threshold, *module_types(learnable=False))
_IN_PLACE: Mapping[type, Callable[[Tensor], Tensor]] = MappingProxyType(
    {nn.Sigmoid: torch.sigmoid_, nn.Tanh: torch.tanh_}
)


class NotAChainError(ValueError):
    """The network is something else than a chain of linear layers and activations."""


class BatchedPass(Pass):
    """Batched matrix products of a chunk of points; for multilayer perceptrons."""

    strategy = "batched"

    def prepare(self) -> None:
        """Take the network apart.

        Raises:
            NotAChainError: if it is not a chain of layers that are known here.
        """
        network = self.private_network()
        self._layers = _chain(network.module)
        names = dict(network.module.named_parameters()).keys()
        self._points = self.problem.points(tuple(names))
        objective = self._bound = network.objective
        # Targets of -100 do not count, and are no indices.
        self._usual = (
            objective.loss is cross_entropy
            and set(objective.metrics.values()) <= {accuracy}
            and self.batches.classification
            and all(bool((part[1] >= 0).all()) for part in self.batches.parts)
        )

    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums [fields, K]; see :meth:`Pass.sums`."""
        parameters = self._points(coordinates)
        totals = Totals(self._bound)
        for number, part in enumerate(self.batches.parts):
            hidden = part[0][None]
            given = self.given(number, coordinates)
            for name, layer in self._layers:
                hidden = self._apply(name, layer, hidden, parameters, given)
            totals.add(self._objective(hidden, part, len(coordinates)), count(part))
        return totals.sums

    def _apply(
        self,
        name: str,
        layer: nn.Module,
        hidden: Tensor,
        parameters: dict[str, Tensor],
        given: dict[str, Tensor],
    ) -> Tensor:
        """Map [K or 1, n, ...] to [K, n, ...]. What is private is overwritten."""
        if is_given(layer):
            return given[f"{name}.given"]
        if isinstance(layer, nn.Flatten):
            return hidden.flatten(2)
        if isinstance(layer, nn.PReLU):
            slope = parameters[f"{name}.weight"][:, None]
            return torch.where(hidden >= 0, hidden, slope * hidden)
        if isinstance(layer, nn.Linear):
            return _linear(hidden, parameters[f"{name}.weight"], parameters.get(f"{name}.bias"))
        if len(hidden) == 1:
            hidden = hidden.clone()
        in_place = _IN_PLACE.get(type(layer))
        return in_place(hidden) if in_place else layer(hidden)

    def _objective(self, outputs: Tensor, part: Part, points: int) -> Tensor:
        """Sum loss and metrics over the examples of each point, [fields, K]."""
        objective, examples = self._bound, count(part)
        outputs = outputs.expand(points, *outputs.shape[1:])
        if not (self._usual and outputs.ndim == 3):
            return vmap(lambda o: objective.sums(o, part[1], examples), out_dims=1)(outputs)
        losses, right = _cross_entropy(outputs, part[1].expand(points, -1))
        wide = wide_dtype(outputs.device)
        sums = [losses.sum(dim=1, dtype=wide)]
        sums += [right.sum(dim=1).to(wide) for _ in objective.metrics]
        if objective.standard_errors:
            apart = losses.to(wide)
            apart = apart - apart.mean(dim=1, keepdim=True)
            sums.append(apart.square_().sum(dim=1))
        return torch.stack(sums)


def _cross_entropy(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return losses and whether each is right, [K, n], of outputs [K, n, C] and targets [K, n].

    With the few classes outermost all operations run along the examples. torch's log_softmax over
    a short last dimension took a third of the whole evaluation.
    """
    classes = outputs.permute(2, 0, 1).contiguous()
    largest = classes.amax(dim=0)
    losses = (classes - largest).exp_().sum(dim=0).log_()
    losses += largest
    losses -= classes.gather(0, targets[None])[0]
    return losses, outputs.argmax(dim=-1) == targets


def _linear(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    if hidden.ndim != 3:
        raise NotAChainError("a linear layer of more than one dimension")
    points = len(weight)
    hidden = hidden.expand(points, *hidden.shape[1:])
    if bias is None:
        return torch.bmm(hidden, weight.transpose(1, 2))
    return torch.baddbmm(bias[:, None], hidden, weight.transpose(1, 2))


class _Leaves(Tracer):
    """Stops at every module without children."""

    def is_leaf_module(self, m: nn.Module, _name: str) -> bool:
        """Return whether a module is taken as a whole."""
        return not any(True for _ in m.children())


def _chain(model: nn.Module) -> list[tuple[str, nn.Module]]:
    """Return names and modules in the order of the calls.

    Raises:
        NotAChainError: if the calls are no chain, or a module is not known.
    """
    if model._forward_hooks or model._forward_pre_hooks:
        raise NotAChainError("it has hooks")
    try:
        graph: Graph = _Leaves().trace(model)
    except Exception as error:  # Whatever the user's forward does with a proxy.
        raise NotAChainError(f"it cannot be traced: {error}") from None
    layers: list[tuple[str, nn.Module]] = []
    before: Any = None
    for node in graph.nodes:
        if node.op == "placeholder" and before is None:
            before = node
        elif node.op == "call_module" and node.args == (before,) and not node.kwargs:
            layers.append((str(node.target), model.get_submodule(str(node.target))))
            before = node
        elif not (node.op == "output" and node.args == (before,)):
            raise NotAChainError(f"it calls {node.target}")
    return [_known(name, layer) for name, layer in layers if not isinstance(layer, _IDLE)]


def _known(name: str, layer: nn.Module) -> tuple[str, nn.Module]:
    kind = type(layer)
    flat = kind is nn.Flatten and layer.start_dim == 1 and layer.end_dim == -1
    if is_given(layer):
        return name, layer
    if not (flat or kind in (nn.Linear, nn.PReLU) or kind in _ELEMENTWISE):
        raise NotAChainError(f"{name} is {kind.__name__}")
    if layer._forward_hooks or layer._forward_pre_hooks:
        raise NotAChainError(f"{name} has hooks")
    if hasattr(layer, "inplace"):
        setattr(layer, "inplace", True)  # noqa: B010  (mypy takes it for a tensor)
    return name, layer
