"""Modules that take the place of an activation: values as they were, another derivative."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from landscape.networks import activations


class CrossedActivation(nn.Module):
    """The values of one activation and the derivative of another.

    Args:
        forward: module that gives the values.
        backward: module that gives the derivative.
    """

    def __init__(self, forward: nn.Module, backward: nn.Module) -> None:
        super().__init__()
        self.values, self.slopes = forward, backward

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the values; autograd sees the other function."""
        other = self.slopes(inputs)
        return other + (self.values(inputs) - other).detach()  # type: ignore[no-any-return]


def with_backward(model: nn.Module, forward: str, backward: str) -> nn.Module:
    """Give every activation of a network this package built the derivative of another.

    Args:
        model: changed in place.
        forward: name of the activation the network has.
        backward: name of the one whose derivative it gets.

    Raises:
        ValueError: if the network has no such activation.
    """
    return _replaced(
        model, forward, lambda: CrossedActivation(*map(activations.make, (forward, backward)))
    )


class ReLUWithSlope(nn.Module):
    """ReLU with a chosen derivative at 0.

    Args:
        slope: ReLU'(0).
    """

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, inputs: Tensor) -> Tensor:
        """Return max(z, 0), with derivative ``slope`` where z is exactly 0."""
        at_zero = (inputs == 0).to(inputs.dtype)
        # A term that is exactly 0 and has the slope asked for.
        return torch.relu(inputs) + self.slope * at_zero * (inputs - inputs.detach())


def with_slope_at_zero(model: nn.Module, slope: float) -> nn.Module:
    """Replace every ``nn.ReLU`` of a network, in place, by one with a chosen derivative at 0.

    Raises:
        ValueError: if it has none.
    """
    return _replaced(model, "relu", lambda: ReLUWithSlope(slope))


def _replaced(model: nn.Module, activation: str, make: Callable[[], nn.Module]) -> nn.Module:
    kind = type(activations.make(activation))
    names = [name for name, module in model.named_modules() if type(module) is kind]
    if not names:
        raise ValueError(f"the network must have modules of {kind.__name__}, got none")
    for name in names:
        model.set_submodule(name, make())
    return model
