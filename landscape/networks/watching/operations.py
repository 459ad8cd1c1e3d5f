"""What torch's functions do to the smoothness of a network: where they kink, and where they bend.

An elementwise operation kinks where its derivative jumps. It is described by its knots z0 and the
jumps act'(z0+) - act'(z0-), and by whether it bends between them (act'' is not zero).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import torch.nn.functional as functional
from torch import Tensor

from landscape.networks.activations.facts import Kink, Smoothness
from landscape.networks.activations.registry import FAMILIES, Family

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

    @classmethod
    def of(cls, kinks: Sequence[Kink]) -> Kinks:
        """Return those of an activation."""
        return cls(*(tuple(getattr(k, n) for k in kinks) for n in ("place", "jump", "share")))


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


def _operations(*, jumping: bool) -> dict[str, Family]:
    """Return the activations that jump in value, or all others, by torch's names of them."""
    return {
        # A function that several call is that of its own row.
        operation: FAMILIES.get(operation, family)
        for family in FAMILIES.values()
        if (family.usual_facts["smoothness"] is Smoothness.DISCONTINUOUS) == jumping
        for operation in family.operations
    }


def _of_family(family: Family) -> Elementwise:
    """Return what the table of activations says of a function, for the arguments of a call."""

    def kinks(arguments: Arguments) -> Kinks:
        every = {n: argument(arguments, i, n, None) for i, n in enumerate(family.arguments, 1)}
        given = {
            n: v if isinstance(v, str) else float(v) for n, v in every.items() if v is not None
        }
        return Kinks.of(family.facts_of(**given).get("kinks", ()))

    return Elementwise(kinks, family.usual_facts["curved"])


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


def _threshold(arguments: Arguments) -> Kinks:
    cut, value = argument(arguments, 1, "threshold", 0.0), argument(arguments, 2, "value", 0.0)
    if cut != value:
        raise JumpingError(f"threshold({cut}, {value}) jumps in value at {cut}")
    return Kinks((float(cut),), (1.0,))


ABSOLUTE = Kinks((0.0,), (2.0,), (0.5,))
# In the place of torch's own, which have no third derivatives in forward mode.
_NESTED: Mapping[str, Callable[[Tensor], Tensor]] = MappingProxyType(
    {
        "hardsigmoid": lambda z: functional.relu6(z + 3) / 6,
        "silu": lambda z: z * z.sigmoid(),
        "mish": lambda z: z * functional.softplus(z).tanh(),
    }
)
# Names as torch gives them, without the underscores of in-place and private forms.
ELEMENTWISE: Mapping[str, Elementwise] = MappingProxyType(
    {
        operation: replace(_of_family(family), function=_NESTED.get(operation))
        for operation, family in _operations(jumping=False).items()
    }
    | {
        "prelu": Elementwise(_prelu),
        "rrelu": Elementwise(_rrelu),
        "threshold": Elementwise(_threshold),
        "abs": Elementwise(lambda _: ABSOLUTE),
        "absolute": Elementwise(lambda _: ABSOLUTE),
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
POOLING = frozenset(POOLS) | {f"{name}_with_indices" for name in POOLS}
COMPARISONS: Mapping[str, int] = MappingProxyType(
    {"gt": 1, "ge": 1, "greater": 1, "greater_equal": 1, "lt": -1, "le": -1, "less": -1,
     "less_equal": -1}
)  # fmt: skip
# What leaves a comparison's result a comparison's result.
MASK_KEEPING = frozenset(
    {"float", "double", "half", "bfloat16", "to", "type", "type_as", "int", "long", "bool", "clone",
     "contiguous", "detach"}
)  # fmt: skip
INVERTING = frozenset({"logical_not", "invert", "bitwise_not"})
HARMLESS = frozenset(
    {"get", "size", "dim", "sum", "any", "all", "numel", "item", "tolist", "count_nonzero", "len",
     "repr", "stride", "is_floating_point", "is_complex"}
)  # fmt: skip
JUMPING = frozenset(
    {"sign", "sgn", "round", "floor", "ceil", "trunc", "fix", "frac", "fmod", "remainder",
     "heaviside", "floor_divide", *_operations(jumping=True)}
)  # fmt: skip
# They hold kinks inside, where nobody can watch them.
OPAQUE = frozenset(
    {"sort", "msort", "topk", "kthvalue", "median", "nanmedian", "quantile", "nanquantile",
     "cummax", "cummin", "argmax", "argmin", "hinge_embedding_loss", "margin_ranking_loss",
     "multi_margin_loss", "multilabel_margin_loss", "triplet_margin_loss",
     "triplet_margin_with_distance_loss", "cosine_embedding_loss", "fractional_max_pool2d",
     "fractional_max_pool3d", "aminmax", "pdist", "cdist", "rrelu_with_noise"}
)  # fmt: skip
ABSOLUTE_LOSSES = frozenset({"l1_loss", "smooth_l1_loss"})
CLAMPS = frozenset({"clamp", "clip", "clamp_min", "clamp_max"})
WATCHED = frozenset().union(
    ELEMENTWISE, EXTREMES, ALONG_DIMENSION, POOLING, COMPARISONS, JUMPING, OPAQUE, ABSOLUTE_LOSSES,
    CLAMPS,
)  # fmt: skip


def base_name(function: Any) -> str:
    """Return the name of a torch function without the underscores of its in-place form.

    >>> import torch
    >>> base_name(torch.relu_), base_name(torch.Tensor.__abs__)
    ('relu', 'abs')
    """
    return str(getattr(function, "__name__", "")).strip("_")
