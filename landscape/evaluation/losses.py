"""Losses: a value per example, or the mean over a batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch.nn.functional as functional
from torch import Tensor

LossFunction = Callable[[Tensor, Tensor], Tensor]


def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
    """Return -log softmax(output)[target] of each example, [N]."""
    return functional.cross_entropy(output, target, reduction="none")


def mse(output: Tensor, target: Tensor) -> Tensor:
    """Return the squared error of each example, [N], averaged over its outputs.

    Raises:
        ValueError: if output and target have different numbers of entries, which broadcasting
            would hide.
    """
    if output.numel() != target.numel():
        raise ValueError(
            f"output {tuple(output.shape)} and target {tuple(target.shape)} must have as many "
            "entries; give the network one output per target"
        )
    return (output.reshape(target.shape) - target).square().reshape(len(target), -1).mean(dim=1)


LOSSES: Mapping[str, LossFunction] = MappingProxyType({"cross_entropy": cross_entropy, "mse": mse})


def resolve_loss(loss: str | LossFunction) -> tuple[str, LossFunction]:
    """Return the name and function of a loss given by name or as a function.

    A function takes (output, target) of a batch and returns the mean over its examples, or one
    value per example.

    Raises:
        ValueError: for an unknown name; the message lists the known.
    """
    if callable(loss):
        return getattr(loss, "__name__", type(loss).__name__), loss
    if loss not in LOSSES:
        raise ValueError(
            f"unknown loss {loss!r}; known: {', '.join(LOSSES)}, or give a function of "
            "(output, target)"
        )
    return loss, LOSSES[loss]
