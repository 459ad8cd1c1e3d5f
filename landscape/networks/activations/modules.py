"""Modules of the activations: torch's own, and those that torch lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import Tensor, nn

from landscape.networks.activations import functional
from landscape.networks.activations.polyline import polyline


class _OneParameter(nn.Module):
    """An activation with one positive parameter that is not trained."""

    name: str

    def __init__(self, value: float) -> None:
        super().__init__()
        if not value > 0:
            raise ValueError(f"{self.name} must be > 0, got {value}")
        self.value = value

    def extra_repr(self) -> str:
        """Return the parameter."""
        return f"{self.name}={self.value}"


class SmeLU(_OneParameter):
    """See :func:`landscape.networks.activations.functional.smelu`."""

    name = "beta"

    def forward(self, inputs: Tensor) -> Tensor:
        """Return 0, (z + beta)^2 / (4 beta) or z."""
        return functional.smelu(inputs, self.value)


class Squareplus(_OneParameter):
    """See :func:`landscape.networks.activations.functional.squareplus`."""

    name = "b"

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (z + sqrt(z^2 + b)) / 2."""
        return functional.squareplus(inputs, self.value)


class GaussReLU(_OneParameter):
    """See :func:`landscape.networks.activations.functional.gauss_relu`."""

    name = "sigma"

    def forward(self, inputs: Tensor) -> Tensor:
        """Return z Phi(z / sigma) + sigma phi(z / sigma)."""
        return functional.gauss_relu(inputs, self.value)


class PiecewiseLinear(nn.Module):
    """A smooth activation interpolated between knots.

    See :func:`landscape.networks.activations.polyline.polyline`.
    """

    def __init__(self, base: str, spacing: float) -> None:
        super().__init__()
        self.base = base
        self.line = polyline(base, spacing)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the polyline at ``inputs``."""
        return functional.piecewise_linear(inputs, self.line)

    def extra_repr(self) -> str:
        """Return base and spacing."""
        return f"{self.base}, spacing={self.line.spacing}"


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
        "gauss_relu": GaussReLU,
        "pwl_gelu": lambda spacing: PiecewiseLinear("gelu", spacing),
        "pwl_elu": lambda spacing: PiecewiseLinear("elu", spacing),
        "pwl_tanh": lambda spacing: PiecewiseLinear("tanh", spacing),
        "hardshrink": nn.Hardshrink,
    }
)
