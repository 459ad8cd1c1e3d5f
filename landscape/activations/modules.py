"""Modules of the activations: torch's own, and two that torch lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn


class SmeLU(nn.Module):
    """ReLU with its corner replaced by a parabola between -beta and beta.

    References:
        Shamir, Lin, Coviello (2020), Smooth activations and reproducibility in deep networks,
        arXiv 2010.09931.
    """

    def __init__(self, beta: float = 1.0) -> None:
        super().__init__()
        if not beta > 0:
            raise ValueError(f"beta must be > 0, got {beta}")
        self.beta = beta

    def forward(self, inputs: Tensor) -> Tensor:
        """Return 0, (z + beta)^2 / (4 beta) or z."""
        inside = torch.clamp(inputs, -self.beta, self.beta)
        return torch.relu(inputs - self.beta) + (inside + self.beta).square() / (4 * self.beta)

    def extra_repr(self) -> str:
        """Return the parameter."""
        return f"beta={self.beta}"


class Squareplus(nn.Module):
    """(z + sqrt(z^2 + b)) / 2.

    References:
        Barron (2021), Squareplus: a softplus-like algebraic rectifier, arXiv 2112.11687.
    """

    def __init__(self, b: float = 4.0) -> None:
        super().__init__()
        if not b > 0:
            raise ValueError(f"b must be > 0, got {b}")
        self.b = b

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (z + sqrt(z^2 + b)) / 2."""
        return 0.5 * (inputs + torch.sqrt(inputs.square() + self.b))

    def extra_repr(self) -> str:
        """Return the parameter."""
        return f"b={self.b}"


MAKERS: Mapping[str, Callable[[float], nn.Module]] = MappingProxyType(
    {
        "identity": lambda _: nn.Identity(),
        "relu": lambda _: nn.ReLU(),
        "leaky_relu": nn.LeakyReLU,
        "prelu": lambda slope: nn.PReLU(init=slope),
        "relu6": lambda _: nn.ReLU6(),
        "elu": nn.ELU,
        "selu": lambda _: nn.SELU(),
        "celu": nn.CELU,
        "gelu": lambda _: nn.GELU(),
        "gelu_tanh": lambda _: nn.GELU(approximate="tanh"),
        "silu": lambda _: nn.SiLU(),
        "mish": lambda _: nn.Mish(),
        "sigmoid": lambda _: nn.Sigmoid(),
        "tanh": lambda _: nn.Tanh(),
        "hardtanh": lambda _: nn.Hardtanh(),
        "hardsigmoid": lambda _: nn.Hardsigmoid(),
        "hardswish": lambda _: nn.Hardswish(),
        "softplus": lambda beta: nn.Softplus(beta=beta),
        "softsign": lambda _: nn.Softsign(),
        "softshrink": nn.Softshrink,
        "tanhshrink": lambda _: nn.Tanhshrink(),
        "logsigmoid": lambda _: nn.LogSigmoid(),
        "smelu": SmeLU,
        "squareplus": Squareplus,
        "hardshrink": nn.Hardshrink,
    }
)
