"""Losses and metrics with a name: one value per example."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor

from landscape.problem.batch_loss import takes_model
from landscape.problem.examples import is_classes
from landscape.records.choices import check_known

LossFunction = Callable[..., Tensor]
# Targets that do not count, as everywhere in torch.
IGNORED = -100


def cross_entropy(output: Any, target: Tensor) -> Tensor:
    """Return -log softmax(output)[target] of each example, [N].

    Args:
        output: logits [N, C] for targets [N] (or probabilities [N, C]). For several targets per
            example, [N, T] (tokens) or [N, H, W] (pixels), the classes are the last axis or, as
            in torch, the second. An object with ``logits`` stands for these.
        target: class indices; -100 does not count.

    Returns:
        The mean over the targets of the example that count, 0 if none does. Every example then
        weighs alike, where a mean over the targets of a batch gives long examples more weight.

    Raises:
        ValueError: if the shapes do not fit, or do not tell which axis holds the classes, or for
            class indices in another precision.
    """
    output = logits(output)
    if not target.is_floating_point() and target.dtype not in (torch.int64, torch.uint8):
        dtype = str(target.dtype).removeprefix("torch.")
        raise ValueError(f"class indices must be int64, got {dtype}; write targets.long()")
    if target.is_floating_point() or target.ndim < 2:
        losses: Tensor = functional.cross_entropy(output, target, reduction="none")
        return losses.flatten(1).mean(dim=1) if losses.ndim > 1 else losses
    if _classes_last(output, target):
        output = output.movedim(-1, 1)
    losses = functional.cross_entropy(output, target, reduction="none", ignore_index=IGNORED)
    counted = (target != IGNORED).flatten(1).sum(dim=1)
    return losses.flatten(1).sum(dim=1) / counted.clamp(min=1)


def mse(output: Any, target: Tensor) -> Tensor:
    """Return the squared error of each example, [N], averaged over its outputs.

    Integers [N] are class indices and stand for one-hot vectors: with outputs [N, C] the loss of an
    example is ``sum_c (output_c - [c = target])^2 / C``. Papers that take half the sum over c have
    C / 2 times that.

    Raises:
        ValueError: if output and target have different shapes, which broadcasting or reshaping
            would bend, or for class indices without an output per class.
    """
    output = logits(output)
    if is_classes(target) and output.ndim == 2 and output.shape[1] > 1:
        # Unlike torch's one_hot, this works under vmap; it too refuses a class without an output.
        target = torch.zeros_like(output).scatter(1, target.long().unsqueeze(1), 1.0)
    elif is_classes(target):
        raise ValueError(
            f"mse needs one output per class, [N, C], for integers, which are class indices, got "
            f"{tuple(output.shape)}; give values in floating point (target.float())"
        )
    if output.shape != target.shape:
        raise ValueError(
            f"mse needs an output and a target of the same shape, got {tuple(output.shape)} and "
            f"{tuple(target.shape)}; {_remedy(output, target)}"
        )
    squares: Tensor = (output - target).square()
    return squares.reshape(len(target), -1).mean(dim=1)


def _remedy(output: Tensor, target: Tensor) -> str:
    if target.shape == output.shape[:-1] and output.shape[-1] == 1:
        return "give the target an axis for the one output (target.unsqueeze(-1))"
    if output.shape == target.shape[:-1] and target.shape[-1] == 1:
        return "take that axis off the target (target.squeeze(-1))"
    if output.numel() == target.numel():
        return "bring their axes into the same order (target.movedim or target.reshape)"
    return "give the network one output per target"


def accuracy(output: Any, target: Tensor) -> Tensor:
    """Return for each example whether its class has the largest output, [N]."""
    return (logits(output).argmax(dim=-1) == target).to(torch.float32)


def logits(output: Any) -> Tensor:
    """Return the output of a network, or the ``logits`` of an output that has several parts.

    Raises:
        ValueError: for any other output.
    """
    values: Any = output if isinstance(output, Tensor) else getattr(output, "logits", None)
    if not isinstance(values, Tensor):
        raise ValueError(
            f"the output must be a tensor or have logits, got {type(output).__name__}; "
            "give a function of (output, target) that takes it apart"
        )
    return values


LOSSES: Mapping[str, LossFunction] = MappingProxyType({"cross_entropy": cross_entropy, "mse": mse})


def resolve_loss(loss: str | LossFunction) -> tuple[str, LossFunction]:
    """Return the name and function of a loss given by name or as a function.

    Raises:
        ValueError: for an unknown name; the message lists the known. For a loss of (model, batch),
            which have no function of (output, target).
    """
    if takes_model(loss):
        raise ValueError(
            "this needs a loss of (output, target), got one of (model, batch); give a function of "
            "the network's output and the targets"
        )
    if callable(loss):
        return getattr(loss, "__name__", type(loss).__name__), loss
    check_known("loss", loss, LOSSES, more=", or give a function of (output, target)")
    return loss, LOSSES[loss]


def is_cross_entropy(function: LossFunction) -> bool:
    """Whether a loss is cross-entropy of logits: this one or torch's, whatever its name.

    >>> is_cross_entropy(torch.nn.functional.cross_entropy), is_cross_entropy(mse)
    (True, False)
    """
    known = (cross_entropy, functional.cross_entropy)
    return function in known or isinstance(function, torch.nn.CrossEntropyLoss)


def wide_dtype(device: torch.device) -> torch.dtype:
    """Return the precision of sums: float64 where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


def _classes_last(output: Tensor, target: Tensor) -> bool:
    """Return whether the classes are the last axis of ``output`` rather than the second."""
    last = output.shape[:-1] == target.shape
    second = output.shape[:1] + output.shape[2:] == target.shape
    if last == second:
        problem = "do not tell which axis holds the classes" if last else "do not fit"
        raise ValueError(
            f"output {tuple(output.shape)} and target {tuple(target.shape)} {problem}; the output "
            f"must have one axis more, or give a function of (output, target)"
        )
    return last
