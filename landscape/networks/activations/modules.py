"""Activations that torch lacks, as functions of a tensor and as modules.

Each function is one operation to whoever watches torch's functions (``torch.overrides``), as
torch's own activations are: inside, ``smelu`` has two kinks that cancel, and the activation has
none.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

from landscape.networks.activations.polyline import polyline


def _one_operation(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Show a function to a torch-function mode as a whole."""

    @functools.wraps(function)
    def call(inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if has_torch_function_unary(inputs):
            return handle_torch_function(call, (inputs,), inputs, *args, **kwargs)
        return function(inputs, *args, **kwargs)

    return call


@_one_operation
def smelu(inputs: Tensor, beta: float = 1.0) -> Tensor:
    """Return 0, (z + beta)^2 / (4 beta) or z: ReLU with a parabola between -beta and beta.

    References:
        Shamir, Lin, Coviello (2020), Smooth activations and reproducibility in deep networks,
        arXiv 2010.09931.
    """
    inside = torch.clamp(inputs, -beta, beta)
    return torch.relu(inputs - beta) + (inside + beta).square() / (4 * beta)


@_one_operation
def squareplus(inputs: Tensor, b: float = 4.0) -> Tensor:
    """Return (z + sqrt(z^2 + b)) / 2.

    References:
        Barron (2021), Squareplus: a softplus-like algebraic rectifier, arXiv 2112.11687.
    """
    return 0.5 * (inputs + torch.sqrt(inputs.square() + b))


@_one_operation
def gauss_relu(inputs: Tensor, sigma: float = 1.0) -> Tensor:
    """Return z Phi(z / sigma) + sigma phi(z / sigma): ReLU convolved with a Gaussian.

    The mean of relu(z + e) over e with standard deviation ``sigma``.
    """
    scaled = inputs / sigma
    density = torch.exp(-0.5 * scaled.square()) / math.sqrt(2 * math.pi)
    return inputs * 0.5 * torch.erfc(-scaled / math.sqrt(2)) + sigma * density


@_one_operation
def piecewise_linear(inputs: Tensor, spacing: float, base: str) -> Tensor:
    """Return a smooth activation interpolated between knots; the slope at a knot is the left one.

    See :func:`landscape.networks.activations.polyline.polyline`.
    """
    line = polyline(base, spacing)
    count = len(line.values)
    place = (inputs.detach() - line.start) / line.spacing
    segment = torch.ceil(place).clamp(0, count).nan_to_num(0).long()
    knots = inputs.new_tensor((line.start, *line.knots))[segment]
    values = inputs.new_tensor((line.values[0], *line.values))[segment]
    slopes = inputs.new_tensor(line.slopes)[segment]
    return values + slopes * (inputs - knots)


_FUNCTIONS: Mapping[str, Callable[..., Tensor]] = MappingProxyType(
    {f.__name__: f for f in (smelu, squareplus, gauss_relu, piecewise_linear)}
)


class Functional(nn.Module):
    """One of the functions of this file.

    Args:
        name: of the function.
        settings: its arguments besides the input; numbers must be > 0.
    """

    def __init__(self, name: str, **settings: float | str) -> None:
        super().__init__()
        for key, value in settings.items():
            if not isinstance(value, str) and not value > 0:
                raise ValueError(f"{key} must be > 0, got {value}")
        self.name, self.settings = name, settings
        self(torch.empty(0))  # Refuses what the function refuses.

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the activation at ``inputs``."""
        return _FUNCTIONS[self.name](inputs, **self.settings)

    def extra_repr(self) -> str:
        """Return the function and its settings."""
        return ", ".join([self.name, *(f"{key}={value}" for key, value in self.settings.items())])


def module(name: str, settings: Mapping[str, Any]) -> nn.Module:
    """Make the module of ``torch.nn`` or the function of this file that is called ``name``."""
    if name in _FUNCTIONS:
        return Functional(name, **settings)
    return getattr(nn, name)(**settings)  # type: ignore[no-any-return]
