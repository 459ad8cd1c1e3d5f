"""Twins: pairs of activations that differ by their kinks and by nothing else that counts.

Between different activations slope, gain and saturation differ too; those comparisons may be shown
and never decide. A twin is ReLU with its corner rounded over a width, or a smooth activation
interpolated between knots, or values of the one with the derivative of the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from landscape.claims.primary import deciding_twins
from landscape.networks import activations
from landscape.records.choices import check_known

# The same function for all practical purposes: an effect between these is no effect of kinks.
NULL = ("relu", "smelu_0.001")
# The quadrature of means: nodes on each piece, from -12 to 12.
_NODES, _SPAN, _PIECE = 16, 12.0, 0.125


@dataclass(frozen=True, slots=True)
class Twin:
    """A kinked activation and its smooth counterpart.

    Attributes:
        kinked: name of the one with kinks.
        smooth: name of the one without.
        primary: whether verdicts rest on it.
    """

    kinked: str
    smooth: str
    primary: bool = False

    @property
    def name(self) -> str:
        """Both names."""
        return f"{self.kinked} against {self.smooth}"


_FEW = tuple(Twin(*pair, primary=True) for pair in deciding_twins())
WIDTHS = ("0.01", "0.03", "0.1", "0.3", "1", "3")
SPACINGS = ("0.125", "0.25", "0.5", "1")


def twins(which: str = "few") -> tuple[Twin, ...]:
    """Return the pairs that are compared, without the null.

    Args:
        which: ``few`` are the pairs that decide; ``all`` has ReLU smoothed at six widths and two
            other ways, copies of GELU, ELU and tanh at four knot spacings, and forward kinked with
            backward smoothed and the reverse.

    Raises:
        ValueError: for another name.

    >>> twins()[0].name
    'relu against smelu_0.1'
    """
    check_known("twins", which, ("few", "all"))
    if which == "few":
        return _FEW
    pairs = [("relu", f"smelu_{width}") for width in WIDTHS]
    pairs += [("relu", "softplus_5"), ("relu", "gauss_relu_0.5")]
    pairs += [
        (f"pwl_{base}_{spacing}", base) for base in ("gelu", "elu", "tanh") for spacing in SPACINGS
    ]
    # Which side counts: the derivative alone, or the values alone.
    pairs += [("relu", "relu/smelu_1"), ("smelu_1/relu", "smelu_1")]
    deciding = set(deciding_twins())
    return tuple(Twin(*pair, primary=pair in deciding) for pair in pairs)


def activations_of(pairs: tuple[Twin, ...]) -> tuple[str, ...]:
    """Return the activations of some pairs and of the null, each once."""
    names = [name for pair in pairs for name in (pair.kinked, pair.smooth)]
    return tuple(dict.fromkeys((*NULL, *names)))


def mean_square(activation: str) -> float:
    """Return E[act(z)^2] for standard normal z, by Gauss-Legendre quadrature.

    >>> round(mean_square("relu"), 12), round(mean_square("identity"), 12)
    (0.5, 1.0)
    """
    act = activations.make(activation)
    return _mean(lambda z: act(z).square())


def apart(one: str, other: str) -> float:
    """Return how far the values of two activations are apart for standard normal z.

    ``sqrt(E[(a(z) - b(z))^2] / E[b(z)^2])``: what is left of a comparison of twins that differ in
    nothing but their kinks.

    >>> round(apart("smelu_1", "relu"), 3), round(apart("smelu_0.1", "relu"), 4)
    (0.14, 0.0045)
    """
    first, second = activations.make(one), activations.make(other)
    return math.sqrt(_mean(lambda z: (first(z) - second(z)).square()) / mean_square(other))


def _mean(function: Callable[[Tensor], Tensor]) -> float:
    """Return E[f(z)] for standard normal z, by Gauss-Legendre quadrature on unit pieces."""
    # A kink costs accuracy inside a piece alone.
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    starts = np.arange(-_SPAN, _SPAN, _PIECE)
    places = starts[:, None] + 0.5 * _PIECE * (nodes + 1)
    density = np.exp(-0.5 * places**2) / math.sqrt(2 * math.pi)
    with torch.no_grad():
        values = function(torch.from_numpy(places)).double().numpy()
    return float(0.5 * _PIECE * np.sum(weights * density * values))


def equal_gains(model: nn.Module, activation: str) -> None:
    """Scale weights in place so that the mean square is preserved through every activation.

    Args:
        model: with weights of variance 1 / fan_in (``lecun``). The first layer reads the data and
            stays; those after an activation get variance 1 / (fan_in E[act(z)^2]).
        activation: its activation.

    References:
        He et al. (2015), section 2.2, for ReLU, where E[act(z)^2] = 1 / 2.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    with torch.no_grad():
        for layer in layers[1:]:
            layer.weight.mul_(1 / math.sqrt(mean_square(activation)))
