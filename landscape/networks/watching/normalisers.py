"""Normalising layers written out in operations whose derivatives can be nested.

torch takes mean and deviation of its fused normalisers as constants when forward derivatives are
nested (2.13): first derivatives are right, second ones are not, without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import signature
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor


def layer_norm(
    inputs: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    *_: Any,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) over the last axes, scaled and shifted."""
    axes = tuple(range(-len(normalized_shape), 0))
    return _affine(_standardised(inputs, axes, eps), weight, bias)


def _by_statistics(fused: Callable[..., Tensor], flag: str, first: tuple[int, ...]) -> Any:
    """Return batch norm or instance norm by the statistics of the input, scaled and shifted.

    With running statistics instead, torch's own is right. Running statistics are not moved.

    Args:
        fused: torch's own.
        flag: its argument that says whether the input's statistics are used.
        first: axes that are averaged over besides those of places.
    """
    form = signature(fused)

    def normalise(inputs: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        given = form.bind(inputs, *args, **kwargs)
        given.apply_defaults()
        if not given.arguments[flag]:
            return fused(inputs, *args, **kwargs)
        shape = (-1, *(1,) * (inputs.ndim - 2))
        weight, bias = (given.arguments[name] for name in ("weight", "bias"))
        weight, bias = (None if v is None else v.reshape(shape) for v in (weight, bias))
        axes = (*first, *range(2, inputs.ndim))
        return _affine(_standardised(inputs, axes, given.arguments["eps"]), weight, bias)

    return normalise


def _standardised(inputs: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = inputs - inputs.mean(dim=axes, keepdim=True)
    return centred * (centred.square().mean(dim=axes, keepdim=True) + eps).rsqrt()


def _affine(values: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    values = values if weight is None else values * weight
    return values if bias is None else values + bias


# By the functions that torch's layers and users call.
WRITTEN_OUT: Mapping[Callable[..., Any], Callable[..., Tensor]] = MappingProxyType(
    {
        functional.batch_norm: _by_statistics(functional.batch_norm, "training", (0,)),
        functional.layer_norm: layer_norm,
        torch.layer_norm: layer_norm,
        functional.instance_norm: _by_statistics(functional.instance_norm, "use_input_stats", ()),
    }
)
