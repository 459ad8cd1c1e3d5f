"""What torch's functions do to the smoothness of a network: where they kink, and where they bend.

An elementwise operation kinks where its derivative jumps. It is described by its knots z0 and the
jumps act'(z0+) - act'(z0-), and by whether it bends between them (act'' is not zero).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch.nn.functional as functional
from torch import Tensor

# torch.nn.SELU's constants (Klambauer et al. 2017).
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772, 1.0507009873554805

Arguments = tuple[tuple[Any, ...], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Kinks:
    """Where an elementwise operation kinks.

    Attributes:
        knots: places z0, increasing.
        jumps: of the derivative at each knot, or a tensor that broadcasts against the input, for
            one knot.
        at: share of the jump that lies below the derivative that torch takes exactly on the knot:
            0 for that of the left side, 1 for that of the right; empty for 0 at every knot.
    """

    knots: tuple[float, ...] = ()
    jumps: tuple[float, ...] | Tensor = ()
    at: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Elementwise:
    """An elementwise operation.

    Attributes:
        kinks: from its arguments.
        curved: whether it bends between its knots.
        function: what computes it, if torch's own cannot be differentiated often enough.
    """

    kinks: Callable[[Any], Kinks]
    curved: bool = False
    function: Callable[..., Tensor] | None = None


class JumpingError(ValueError):
    """An activation jumps in value: slopes say nothing about its loss."""


def argument(arguments: Arguments, index: int, name: str, default: Any) -> Any:
    """Return an argument given by position or by name."""
    args, kwargs = arguments
    return args[index] if len(args) > index else kwargs.get(name, default)


def _fixed(*knots: tuple[float, float, float]) -> Callable[[Any], Kinks]:
    kinks = Kinks(*zip(*knots, strict=True))
    return lambda _: kinks


def _none(_: Arguments) -> Kinks:
    return Kinks()


def _leaky(arguments: Arguments) -> Kinks:
    slope = float(argument(arguments, 1, "negative_slope", 0.01))
    return Kinks((0.0,), (1 - slope,))


def _prelu(arguments: Arguments) -> Kinks:
    inputs, slope = arguments[0][0], argument(arguments, 1, "weight", None)
    if slope.numel() > 1:
        slope = slope.reshape(1, -1, *(1,) * (inputs.ndim - 2))
    # Forward derivatives, which follow the line, are those of the right side at 0 (torch 2.13).
    return Kinks((0.0,), (1 - slope).expand_as(inputs[:1]), (1.0,))


def _rrelu(arguments: Arguments) -> Kinks:
    if argument(arguments, 3, "training", False):
        raise ValueError("rrelu draws its slope anew in training mode; call model.eval()")
    ends = argument(arguments, 1, "lower", 1 / 8), argument(arguments, 2, "upper", 1 / 3)
    return Kinks((0.0,), (1 - sum(ends) / 2,))


def _hardtanh(arguments: Arguments) -> Kinks:
    low, high = argument(arguments, 1, "min_val", -1.0), argument(arguments, 2, "max_val", 1.0)
    return Kinks((float(low), float(high)), (1.0, -1.0), (0.0, 1.0))


def _softshrink(arguments: Arguments) -> Kinks:
    cut = float(argument(arguments, 1, "lambd", 0.5))
    return Kinks((-cut, cut), (-1.0, 1.0), (1.0, 0.0)) if cut else Kinks()


def _elu(arguments: Arguments) -> Kinks:
    alpha = float(argument(arguments, 1, "alpha", 1.0))
    scale, inner = argument(arguments, 2, "scale", 1.0), argument(arguments, 3, "input_scale", 1.0)
    jump = float(scale) * (1 - alpha * float(inner))
    return Kinks((0.0,), (jump,)) if jump else Kinks()


def _threshold(arguments: Arguments) -> Kinks:
    cut, value = argument(arguments, 1, "threshold", 0.0), argument(arguments, 2, "value", 0.0)
    if cut != value:
        raise JumpingError(f"threshold({cut}, {value}) jumps in value at {cut}")
    return Kinks((float(cut),), (1.0,))


def _line(arguments: Arguments) -> Kinks:
    kinks = argument(arguments, 1, "line", None).kinks
    return Kinks(tuple(k.place for k in kinks), tuple(k.jump for k in kinks))


def _hardsigmoid(inputs: Tensor) -> Tensor:
    return functional.relu6(inputs + 3) / 6


def _silu(inputs: Tensor) -> Tensor:
    return inputs * inputs.sigmoid()


def _mish(inputs: Tensor) -> Tensor:
    return inputs * functional.softplus(inputs).tanh()


_RECTIFIER = Elementwise(_fixed((0.0, 1.0, 0.0)))
_ABSOLUTE = Elementwise(_fixed((0.0, 2.0, 0.5)))
_SMOOTH = Elementwise(_none, curved=True)

# Names as torch gives them, without the underscores of in-place and private forms.
ELEMENTWISE: Mapping[str, Elementwise] = MappingProxyType(
    {
        "relu": _RECTIFIER,
        "leaky_relu": Elementwise(_leaky),
        "prelu": Elementwise(_prelu),
        "rrelu": Elementwise(_rrelu),
        "relu6": Elementwise(_fixed((0.0, 1.0, 0.0), (6.0, -1.0, 1.0))),
        "hardtanh": Elementwise(_hardtanh),
        "hardsigmoid": Elementwise(
            _fixed((-3.0, 1 / 6, 0.0), (3.0, -1 / 6, 1.0)), function=_hardsigmoid
        ),
        "hardswish": Elementwise(_fixed((-3.0, -0.5, 0.0), (3.0, -0.5, 1.0)), curved=True),
        "softshrink": Elementwise(_softshrink),
        "threshold": Elementwise(_threshold),
        "selu": Elementwise(_fixed((0.0, _SELU_SCALE * (1 - _SELU_ALPHA), 0.0)), curved=True),
        "elu": Elementwise(_elu, curved=True),
        "celu": _SMOOTH,
        "abs": _ABSOLUTE,
        "absolute": _ABSOLUTE,
        "gelu": _SMOOTH,
        # torch's own have no third derivatives in forward mode.
        "silu": Elementwise(_SMOOTH.kinks, curved=True, function=_silu),
        "mish": Elementwise(_SMOOTH.kinks, curved=True, function=_mish),
        "sigmoid": _SMOOTH,
        "tanh": _SMOOTH,
        "softplus": _SMOOTH,
        "softsign": _SMOOTH,
        "tanhshrink": _SMOOTH,
        "log_sigmoid": _SMOOTH,
        "logsigmoid": _SMOOTH,
        # the package's own, see landscape.networks.activations.functional
        "smelu": _SMOOTH,
        "squareplus": _SMOOTH,
        "gauss_relu": _SMOOTH,
        "piecewise_linear": Elementwise(_line),
    }
)

# The largest (or with -1 the smallest) of two tensors is a rectifier of their difference.
EXTREMES: Mapping[str, int] = MappingProxyType(
    {"maximum": 1, "max": 1, "fmax": 1, "minimum": -1, "min": -1, "fmin": -1}
)
ALONG_DIMENSION = frozenset({"max", "min", "amax", "amin"})
POOLS: Mapping[str, Callable[..., tuple[Tensor, Tensor]]] = MappingProxyType(
    {
        f"{kind}max_pool{n}d": getattr(functional, f"{kind}max_pool{n}d_with_indices")
        for kind in ("", "adaptive_")
        for n in (1, 2, 3)
    }
)
COMPARISONS: Mapping[str, int] = MappingProxyType(
    {"gt": 1, "ge": 1, "greater": 1, "greater_equal": 1, "lt": -1, "le": -1, "less": -1,
     "less_equal": -1}
)  # fmt: skip
# What leaves a comparison's result a comparison's result.
MASK_KEEPING = frozenset(
    {"float", "double", "half", "bfloat16", "to", "type", "type_as", "int", "long", "bool", "clone",
     "contiguous", "detach"}
)  # fmt: skip
HARMLESS = frozenset(
    {"get", "size", "dim", "sum", "any", "all", "numel", "item", "tolist", "count_nonzero", "len",
     "repr", "stride", "is_floating_point", "is_complex"}
)  # fmt: skip
JUMPING = frozenset(
    {"hardshrink", "sign", "sgn", "round", "floor", "ceil", "trunc", "fix", "frac", "fmod",
     "remainder", "heaviside", "floor_divide"}
)  # fmt: skip
# They hold kinks inside, where nobody can watch them.
OPAQUE = frozenset(
    {"sort", "msort", "topk", "kthvalue", "median", "nanmedian", "quantile", "nanquantile",
     "cummax", "cummin", "argmax", "argmin", "hinge_embedding_loss", "margin_ranking_loss",
     "multi_margin_loss", "multilabel_margin_loss", "triplet_margin_loss",
     "triplet_margin_with_distance_loss", "cosine_embedding_loss", "fractional_max_pool2d",
     "fractional_max_pool3d", "aminmax", "pdist", "cdist", "rrelu_with_noise"}
)  # fmt: skip
_ABSOLUTE_LOSSES = frozenset({"l1_loss", "smooth_l1_loss"})
_CLAMPS = frozenset({"clamp", "clip", "clamp_min", "clamp_max"})
WATCHED = frozenset().union(
    ELEMENTWISE, EXTREMES, ALONG_DIMENSION, POOLS, {f"{name}_with_indices" for name in POOLS},
    COMPARISONS, JUMPING, OPAQUE, _ABSOLUTE_LOSSES, _CLAMPS,
)  # fmt: skip


def base_name(function: Any) -> str:
    """Return the name of a torch function without the underscores of its in-place form.

    >>> import torch
    >>> base_name(torch.relu_), base_name(torch.Tensor.__abs__)
    ('relu', 'abs')
    """
    return str(getattr(function, "__name__", "")).strip("_")
