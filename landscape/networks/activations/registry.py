"""The table of activations.

Parameters are written as decimals behind the name: ``leaky_relu_0.3``, ``smelu_0.01``. Among them
are twins, the controls of every comparison of smooth and kinked: ReLU smoothed over any width
(``smelu_0.01``, ``softplus_20``, ``gauss_relu_0.1``), and smooth functions made of kinks
(``pwl_gelu_0.25``: linear between knots 0.25 apart). Of torch's
elementwise activations two are left out: RReLU, whose slope is drawn anew at every training step,
and Threshold, which has no default parameters.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from landscape.networks.activations.facts import Activation, Kink, Smoothness
from landscape.networks.activations.polyline import polyline

if TYPE_CHECKING:
    from torch import nn

_DECIMAL = re.compile(r"(?P<base>[a-z0-9_]+)_(?P<value>[0-9]+(\.[0-9]+)?)")

# torch.nn.SELU's constants (Klambauer et al. 2017).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Family:
    """Activations that differ by one parameter, or a single one without."""

    label: str
    facts: Callable[[float], Facts]
    parameter: float | None = None
    learnable: bool = False


def _smooth(lower: float = -math.inf, upper: float = math.inf) -> Callable[[float], Facts]:
    return lambda _: {"smoothness": Smoothness.SMOOTH, "lower": lower, "upper": upper}


def _kinked(
    *kinks: tuple[float, float], lower: float = -math.inf, upper: float = math.inf
) -> Facts:
    return {
        "smoothness": Smoothness.KINKED,
        "kinks": tuple(Kink(place, jump) for place, jump in kinks),
        "lower": lower,
        "upper": upper,
    }


def _leaky(slope: float) -> Facts:
    if slope == 1:
        return {"smoothness": Smoothness.SMOOTH}
    return _kinked((0.0, 1 - slope), lower=0.0 if slope == 0 else -math.inf)


def _elu(alpha: float) -> Facts:
    # Slopes alpha and 1 meet at 0: smooth to first order for alpha = 1 only.
    if alpha == 1:
        return {"smoothness": Smoothness.C1, "lower": -1.0}
    return _kinked((0.0, 1 - alpha), lower=-alpha)


def _c1(lower: Callable[[float], float], upper: float = math.inf) -> Callable[[float], Facts]:
    return lambda p: {"smoothness": Smoothness.C1, "lower": lower(p), "upper": upper}


def _polyline(base: str) -> Callable[[float], Facts]:
    def facts(spacing: float) -> Facts:
        line = polyline(base, spacing)
        return {"smoothness": Smoothness.KINKED, "kinks": line.kinks, "lower": line.lower,
                "upper": line.upper}  # fmt: skip

    return facts


def _discontinuous(_: float) -> Facts:
    return {"smoothness": Smoothness.DISCONTINUOUS}


# Minima of x Phi(x), its tanh form, x sigmoid(x) and x tanh(softplus(x)), to double precision.
_FAMILIES: Mapping[str, _Family] = MappingProxyType(
    {
        "identity": _Family("identity", _smooth()),
        "relu": _Family("ReLU", lambda _: _kinked((0.0, 1.0), lower=0.0)),
        "leaky_relu": _Family("LeakyReLU", _leaky, 0.01),
        "prelu": _Family("PReLU", _leaky, 0.25, learnable=True),
        "relu6": _Family("ReLU6", lambda _: _kinked((0.0, 1.0), (6.0, -1.0), lower=0.0, upper=6.0)),
        "elu": _Family("ELU", _elu, 1.0),
        "selu": _Family(
            "SELU",
            lambda _: _kinked(
                (0.0, _SELU_SCALE * (1 - _SELU_ALPHA)), lower=-_SELU_SCALE * _SELU_ALPHA
            ),
        ),
        "celu": _Family("CELU", _c1(lambda alpha: -alpha), 1.0),
        "gelu": _Family("GELU", _smooth(-0.16997120747990369)),
        "gelu_tanh": _Family("GELU (tanh)", _smooth(-0.17004075057125412)),
        "silu": _Family("SiLU", _smooth(-0.27846454276107380)),
        "mish": _Family("Mish", _smooth(-0.30884341301725041)),
        "sigmoid": _Family("sigmoid", _smooth(0.0, 1.0)),
        "tanh": _Family("tanh", _smooth(-1.0, 1.0)),
        "hardtanh": _Family(
            "Hardtanh", lambda _: _kinked((-1.0, 1.0), (1.0, -1.0), lower=-1.0, upper=1.0)
        ),
        "hardsigmoid": _Family(
            "Hardsigmoid", lambda _: _kinked((-3.0, 1 / 6), (3.0, -1 / 6), lower=0.0, upper=1.0)
        ),
        "hardswish": _Family(
            "Hardswish", lambda _: _kinked((-3.0, -0.5), (3.0, -0.5), lower=-0.375)
        ),
        # torch's softplus is x beyond beta x = 20, a step of 2e-9 that is left out of account.
        "softplus": _Family("Softplus", _smooth(0.0), 1.0),
        "softsign": _Family("Softsign", _c1(lambda _: -1.0, upper=1.0)),
        "softshrink": _Family("Softshrink", lambda cut: _kinked((-cut, -1.0), (cut, 1.0)), 0.5),
        "tanhshrink": _Family("Tanhshrink", _smooth()),
        "logsigmoid": _Family("LogSigmoid", _smooth(upper=0.0)),
        "smelu": _Family("SmeLU", _c1(lambda _: 0.0), 1.0),
        "squareplus": _Family("Squareplus", _smooth(0.0), 4.0),
        "gauss_relu": _Family("Gaussian-smoothed ReLU", _smooth(0.0), 1.0),
        "pwl_gelu": _Family("piecewise-linear GELU", _polyline("gelu"), 0.25),
        "pwl_elu": _Family("piecewise-linear ELU", _polyline("elu"), 0.25),
        "pwl_tanh": _Family("piecewise-linear tanh", _polyline("tanh"), 0.25),
        "hardshrink": _Family("Hardshrink", _discontinuous, 0.5),
    }
)


def names() -> tuple[str, ...]:
    """Return the names of all activations, each with its default parameter."""
    return tuple(_FAMILIES)


def get(name: str) -> Activation:
    """Return what is known of an activation.

    Args:
        name: as in :func:`names`; those with a parameter also as ``<name>_<decimal>``.

    Raises:
        ValueError: for an unknown name; the message lists the known.

    >>> get("leaky_relu_0.3").kinks
    (Kink(place=0.0, jump=0.7),)
    >>> get("elu").smoothness.value, get("elu_0.5").smoothness.value
    ('C1', 'C0')
    """
    base, parameter = _parse(name)
    family = _FAMILIES[base]
    label = family.label
    if parameter is not None and parameter != family.parameter:
        label += f" ({parameter:g})"
    return Activation(
        name=name,
        label=label,
        parameter=parameter,
        learnable=family.learnable,
        **family.facts(0.0 if parameter is None else parameter),
    )


def make(name: str) -> nn.Module:
    """Make a fresh module of an activation; a learnable one has its own parameter.

    Raises:
        ValueError: for an unknown name; the message lists the known.
    """
    from landscape.networks.activations.modules import MAKERS

    base, parameter = _parse(name)
    return MAKERS[base](0.0 if parameter is None else parameter)


def _parse(name: str) -> tuple[str, float | None]:
    """Take a name apart into its family and parameter."""
    if name in _FAMILIES:
        return name, _FAMILIES[name].parameter
    match = _DECIMAL.fullmatch(name)
    if match and match["base"] in _FAMILIES:
        if _FAMILIES[match["base"]].parameter is None:
            raise ValueError(
                f"{match['base']} has no parameter, got {name!r}; leave the number out"
            )
        value = float(match["value"])
        if value == 0 and match["base"] not in ("leaky_relu", "prelu"):
            raise ValueError(f"the parameter of {match['base']} must be > 0, got {name!r}")
        return match["base"], value
    close = difflib.get_close_matches(name, _FAMILIES, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise ValueError(f"unknown activation {name!r}{hint}; known: {', '.join(_FAMILIES)}")
