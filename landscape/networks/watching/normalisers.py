"""Normalising layers written out in operations whose derivatives can be nested.

torch takes mean and deviation of its fused normalisers as constants when forward derivatives are
nested (2.13): first derivatives are right, second ones are not, without a word.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


def instance_norm(
    inputs: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) over the places of each channel, scaled, shifted.

    With running statistics instead of the input's, torch's own is right.
    """
    if not use_input_stats:
        return functional.instance_norm(
            inputs, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
        )
    axes = tuple(range(2, inputs.ndim))
    shape = (-1, *(1,) * len(axes))
    weight, bias = (None if v is None else v.reshape(shape) for v in (weight, bias))
    return _affine(_standardised(inputs, axes, eps), weight, bias)


def batch_norm(
    inputs: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + eps) over the batch and its places, scaled and shifted.

    With running statistics instead of the batch's, torch's own is right. Running statistics are
    not moved.
    """
    if not training:
        return functional.batch_norm(
            inputs, running_mean, running_var, weight, bias, training, momentum, eps
        )
    axes = (0, *range(2, inputs.ndim))
    shape = (-1, *(1,) * (inputs.ndim - 2))
    weight, bias = (None if v is None else v.reshape(shape) for v in (weight, bias))
    return _affine(_standardised(inputs, axes, eps), weight, bias)


# By the functions that torch's layers and users call.
WRITTEN_OUT: Mapping[Callable[..., Any], Callable[..., Tensor]] = MappingProxyType(
    {
        functional.batch_norm: batch_norm,
        functional.layer_norm: layer_norm,
        torch.layer_norm: layer_norm,
        functional.instance_norm: instance_norm,
    }
)


def _standardised(inputs: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    centred = inputs - inputs.mean(dim=axes, keepdim=True)
    return centred * (centred.square().mean(dim=axes, keepdim=True) + eps).rsqrt()


def _affine(values: Tensor, weight: Tensor | None, bias: Tensor | None) -> Tensor:
    values = values if weight is None else values * weight
    return values if bias is None else values + bias
