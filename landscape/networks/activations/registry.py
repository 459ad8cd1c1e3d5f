"""The table of activations: all that is known of each stands in its row.

Parameters are written as decimals behind the name: ``leaky_relu_0.3``, ``smelu_0.01``. Among them
are twins, the controls of every comparison of smooth and kinked: ReLU smoothed over any width
(``smelu_0.01``, ``softplus_20``, ``gauss_relu_0.1``), and smooth functions made of kinks
(``pwl_gelu_0.25``: linear between knots 0.25 apart). Two of torch's elementwise activations are
left out: RReLU, whose slope is drawn anew at every training step, and Threshold, which has no
default parameters. The table needs no torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from landscape.networks.activations.facts import Activation, Kink, Smoothness
from landscape.networks.activations.polyline import polyline
from landscape.records.choices import check_known

if TYPE_CHECKING:
    from torch import nn

_DECIMAL = re.compile(r"(?P<base>[a-z0-9_]+)_(?P<value>[0-9]+(\.[0-9]+)?)")

# Fields of :class:`Activation`.
Facts = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Family:
    """Activations that differ by one parameter, or a single one without.

    Attributes:
        name: in the table.
        label: usual spelling, for figures.
        facts: smoothness, kinks and bounds; a function of ``arguments`` where they depend on these.
        parameter: default of its one parameter, None without one.
        arguments: names of what its function takes besides the input, in order. The first is the
            parameter, which the module takes under the same name.
        module: name of its module in ``torch.nn``, or of its function in
            :mod:`landscape.networks.activations.modules`; None for the label.
        fixed: further arguments of the module.
        called: names of its function where it is called; None for its name.
        learnable: whether the parameter is trained.
    """

    name: str
    label: str
    facts: Facts | Callable[..., Facts]
    parameter: float | None = None
    arguments: tuple[str, ...] = ()
    module: str | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    called: tuple[str, ...] | None = None
    learnable: bool = False

    @property
    def operations(self) -> tuple[str, ...]:
        """Names of its function where it is called."""
        return (self.name,) if self.called is None else self.called

    @property
    def usual_facts(self) -> Facts:
        """The facts of the one with the default parameter."""
        return self.facts_of(**self.settings(self.parameter))

    def facts_of(self, **arguments: Any) -> Facts:
        """Return the facts for arguments of the function; others have their defaults."""
        return self.facts(**arguments) if callable(self.facts) else self.facts

    def settings(self, parameter: float | None) -> dict[str, Any]:
        """Return the arguments of the module."""
        return {**({} if parameter is None else {self.arguments[0]: parameter}), **self.fixed}


def _facts(
    lower: float = -math.inf,
    upper: float = math.inf,
    *,
    kinks: Sequence[tuple[float, ...]] = (),
    smoothness: Smoothness = Smoothness.SMOOTH,
    curved: bool | None = None,
) -> Facts:
    """Return facts; kinks are (place, jump) or (place, jump, share), linear pieces the default."""
    return {
        "smoothness": Smoothness.KINKED if kinks else smoothness,
        "kinks": tuple(Kink(*kink) for kink in kinks),
        "lower": lower,
        "upper": upper,
        "curved": not kinks if curved is None else curved,
    }


def _leaky(negative_slope: float = 0.01) -> Facts:
    if negative_slope == 1:
        return _facts(curved=False)
    return _facts(0.0 if negative_slope == 0 else -math.inf, kinks=[(0.0, 1 - negative_slope)])


def _elu(alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Facts:
    # The slopes at 0 are scale alpha input_scale and scale: equal for ELU with alpha = 1 only.
    jump = scale * (1 - alpha * input_scale)
    kinks = [(0.0, jump)] if jump else []
    return _facts(-alpha * scale, kinks=kinks, smoothness=Smoothness.C1, curved=True)


def _celu(alpha: float = 1.0) -> Facts:
    return _facts(-alpha, smoothness=Smoothness.C1)


def _hardtanh(min_val: float = -1.0, max_val: float = 1.0) -> Facts:
    return _facts(min_val, max_val, kinks=[(min_val, 1.0), (max_val, -1.0, 1.0)])


def _softshrink(lambd: float = 0.5) -> Facts:
    return _facts(kinks=[(-lambd, -1.0, 1.0), (lambd, 1.0)] if lambd else [], curved=False)


def _piecewise(spacing: float, base: str) -> Facts:
    line = polyline(base, spacing)
    return _facts(line.lower, line.upper, kinks=[(kink.place, kink.jump) for kink in line.kinks])


def _interpolated(base: str, label: str) -> Family:
    return Family(f"pwl_{base}", f"piecewise-linear {label}", _piecewise, 0.25, ("spacing", "base"),
                  "piecewise_linear", {"base": base}, called=("piecewise_linear",))  # fmt: skip


_ROWS = (
    Family("identity", "identity", _facts(curved=False), module="Identity", called=()),
    Family("relu", "ReLU", _facts(0.0, kinks=[(0.0, 1.0)])),
    Family("leaky_relu", "LeakyReLU", _leaky, 0.01, ("negative_slope",)),
    Family("prelu", "PReLU", lambda init: _leaky(init), 0.25, ("init",), learnable=True),
    # torch's module calls hardtanh.
    Family("relu6", "ReLU6", _facts(0.0, 6.0, kinks=[(0.0, 1.0), (6.0, -1.0, 1.0)]),
           called=("relu6", "hardtanh")),
    Family("elu", "ELU", _elu, 1.0, ("alpha", "scale", "input_scale")),
    # torch's constants (Klambauer et al. 2017).
    Family("selu", "SELU", _elu(1.6732632423543772, 1.0507009873554805)),
    Family("celu", "CELU", _celu, 1.0, ("alpha",)),
    # Minima of x Phi(x), its tanh form, x sigmoid(x) and x tanh(softplus(x)), to double precision.
    Family("gelu", "GELU", _facts(-0.16997120747990369)),
    Family("gelu_tanh", "GELU (tanh)", _facts(-0.17004075057125412), module="GELU",
           fixed={"approximate": "tanh"}, called=("gelu",)),
    Family("silu", "SiLU", _facts(-0.27846454276107380)),
    Family("mish", "Mish", _facts(-0.30884341301725041)),
    Family("sigmoid", "sigmoid", _facts(0.0, 1.0), module="Sigmoid"),
    Family("tanh", "tanh", _facts(-1.0, 1.0), module="Tanh"),
    Family("hardtanh", "Hardtanh", _hardtanh, arguments=("min_val", "max_val")),
    Family("hardsigmoid", "Hardsigmoid",
           _facts(0.0, 1.0, kinks=[(-3.0, 1 / 6), (3.0, -1 / 6, 1.0)])),
    Family("hardswish", "Hardswish",
           _facts(-0.375, kinks=[(-3.0, -0.5), (3.0, -0.5, 1.0)], curved=True)),
    # torch's softplus is x beyond beta x = 20, a step of 2e-9 that is left out of account.
    Family("softplus", "Softplus", _facts(0.0), 1.0, ("beta",)),
    Family("softsign", "Softsign", _facts(-1.0, 1.0, smoothness=Smoothness.C1)),
    Family("softshrink", "Softshrink", _softshrink, 0.5, ("lambd",)),
    Family("tanhshrink", "Tanhshrink", _facts()),
    Family("logsigmoid", "LogSigmoid", _facts(upper=0.0), called=("logsigmoid", "log_sigmoid")),
    Family("smelu", "SmeLU", _facts(0.0, smoothness=Smoothness.C1), 1.0, ("beta",), "smelu"),
    Family("squareplus", "Squareplus", _facts(0.0), 4.0, ("b",), "squareplus"),
    Family("gauss_relu", "Gaussian-smoothed ReLU", _facts(0.0), 1.0, ("sigma",), "gauss_relu"),
    _interpolated("gelu", "GELU"),
    _interpolated("elu", "ELU"),
    _interpolated("tanh", "tanh"),
    Family("hardshrink", "Hardshrink",
           _facts(smoothness=Smoothness.DISCONTINUOUS, curved=False), 0.5, ("lambd",)),
)  # fmt: skip
FAMILIES: Mapping[str, Family] = MappingProxyType({family.name: family for family in _ROWS})


def names() -> tuple[str, ...]:
    """Return the names of all activations, each with its default parameter."""
    return tuple(FAMILIES)


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
    family, parameter = _parse(name)
    usual = parameter is None or parameter == family.parameter
    return Activation(
        name=name,
        label=family.label if usual else f"{family.label} ({parameter:g})",
        parameter=parameter,
        learnable=family.learnable,
        **family.facts_of(**family.settings(parameter)),
    )


def make(name: str) -> nn.Module:
    """Make a fresh module of an activation; a learnable one has its own parameter.

    Raises:
        ValueError: for an unknown name; the message lists the known.
    """
    from landscape.networks.activations.modules import module

    family, parameter = _parse(name)
    return module(family.module or family.label, family.settings(parameter))


def operations(name: str) -> tuple[str, ...]:
    """Return the names of an activation's function where it is called.

    Raises:
        ValueError: for an unknown name; the message lists the known.

    >>> operations("gelu_tanh")
    ('gelu',)
    """
    return _parse(name)[0].operations


def module_types(*, learnable: bool = True) -> tuple[type[nn.Module], ...]:
    """Return the types of the modules of all activations but the identity.

    Args:
        learnable: whether those with a parameter that is trained are among them.
    """
    chosen = [name for name, family in FAMILIES.items() if learnable or not family.learnable]
    return tuple({type(make(name)) for name in chosen if name != "identity"})


def _parse(name: str) -> tuple[Family, float | None]:
    """Take a name apart into its family and parameter."""
    match = _DECIMAL.fullmatch(name)
    if name not in FAMILIES and match and match["base"] in FAMILIES:
        family = FAMILIES[match["base"]]
        if family.parameter is None:
            raise ValueError(
                f"{match['base']} has no parameter, got {name!r}; leave the number out"
            )
        value = float(match["value"])
        if value == 0 and match["base"] not in ("leaky_relu", "prelu"):
            raise ValueError(f"the parameter of {match['base']} must be > 0, got {name!r}")
        return family, value
    check_known("activation", name, FAMILIES, suggest=True)
    return FAMILIES[name], FAMILIES[name].parameter
