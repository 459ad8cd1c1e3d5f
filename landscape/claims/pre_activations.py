"""The inputs of the activations of a network: z of every example and unit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.claims.replaced import CrossedActivation, ReLUWithSlope
from landscape.networks.activations.modules import MAKERS
from landscape.problem.examples import arguments

_MODULES: tuple[type[nn.Module], ...] = (
    *{type(make(0.5)) for name, make in MAKERS.items() if name != "identity"},
    CrossedActivation,
    ReLUWithSlope,
)


def activation_modules(model: nn.Module) -> dict[str, nn.Module]:
    """Return the modules of a network that are activations of the registry, by name.

    Raises:
        ValueError: if there are none. Activations called as functions are not seen.
    """
    found: dict[str, nn.Module] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f"{outer}.") for outer in found)
        if isinstance(module, _MODULES) and not inside:
            found[name] = module
    if not found:
        raise ValueError(
            "the network must have activations that are modules, as torch.nn.ReLU, got none; "
            "functional calls are not seen here"
        )
    return found


def pre_activations(
    model: nn.Module, inputs: Any, parameters: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Return the inputs [N, ...] of every activation, by module name, without a graph.

    Args:
        model: the network; left alone.
        inputs: examples [N, ...], or a tuple or mapping of arguments.
        parameters: to be used instead of the model's own.
    """
    seen: dict[str, Tensor] = {}
    with _watching(activation_modules(model), seen), torch.no_grad():
        functional_call(model, dict(parameters or {}), *arguments(inputs))
    return seen


@contextmanager
def _watching(modules: Mapping[str, nn.Module], seen: dict[str, Tensor]) -> Iterator[None]:
    def note(name: str) -> Callable[..., None]:
        def hook(_: nn.Module, args: tuple[Tensor, ...]) -> None:
            # An activation that works in place would overwrite what is noted.
            seen[name] = args[0].detach().clone()

        return hook

    hooks = [m.register_forward_pre_hook(note(name)) for name, m in modules.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
