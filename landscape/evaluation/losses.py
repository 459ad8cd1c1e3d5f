"""Losses and metrics: a value per example, their mean over a batch, or their sum."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as functional
from torch import Tensor

from landscape.evaluation.examples import Batches

LossFunction = Callable[..., Tensor]
Reduction = Literal["mean", "sum", "none"]
REDUCTIONS: tuple[str, ...] = get_args(Reduction)


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


def accuracy(output: Tensor, target: Tensor) -> Tensor:
    """Return for each example whether its class has the largest output, [N]."""
    return (output.argmax(dim=-1) == target).to(torch.float32)


LOSSES: Mapping[str, LossFunction] = MappingProxyType({"cross_entropy": cross_entropy, "mse": mse})


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What is averaged over the examples: a loss and any number of metrics.

    Attributes:
        name: of the loss.
        loss: function of (output, target).
        reduction: what a scalar loss is, the ``mean`` or the ``sum`` over the batch; ``none``
            takes one value per example, or several (pixels, tokens), which are averaged.
        metrics: functions like the loss, by the name of their field.
    """

    name: str
    loss: LossFunction
    reduction: Reduction = "mean"
    metrics: Mapping[str, LossFunction] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.reduction not in REDUCTIONS:
            raise ValueError(
                f"unknown reduction {self.reduction!r}; known: {', '.join(REDUCTIONS)}"
            )
        if "losses" in self.metrics:
            raise ValueError("a metric cannot be named 'losses'; rename it")

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is averaged, ``losses`` first."""
        return ("losses", *self.metrics)

    def mean(self, output: Any, target: Any, examples: int) -> Tensor:
        """Return the mean loss of a batch, differentiable."""
        return _summed(self.loss(output, target), examples, self.reduction) / examples

    def sums(self, output: Any, target: Any, examples: int) -> Tensor:
        """Return loss and metrics summed over a batch in float64, [fields]."""
        loss = self.loss_sum(output, target, examples)
        return torch.stack([loss, *self.metric_sums(output, target, examples)])

    def loss_sum(self, output: Any, target: Any, examples: int) -> Tensor:
        """Return the loss summed over a batch in float64, differentiable."""
        return _summed(self.loss(output, target), examples, self.reduction, wide=True)

    def metric_sums(self, output: Any, target: Any, examples: int) -> list[Tensor]:
        """Return each metric summed over a batch in float64."""
        values = [metric(output, target) for metric in self.metrics.values()]
        return [_summed(value, examples, "mean", wide=True) for value in values]


def make_objective(
    loss: str | LossFunction,
    batches: Batches,
    *,
    metrics: Mapping[str, LossFunction] | None = None,
) -> Objective:
    """Join a loss and metrics.

    Args:
        loss: ``cross_entropy``, ``mse``, or a function of (output, target) that returns one value
            per example or their mean. Its attribute ``reduction``, which torch's losses have, is
            heeded: ``sum`` means that it returns the sum.
        batches: the examples.
        metrics: by name; None takes ``accuracies`` where the targets are class indices and the
            loss is ``cross_entropy``.

    Raises:
        ValueError: for an unknown name; the message lists the known.
    """
    name, function = resolve_loss(loss)
    if metrics is None:
        usual = batches.classification and name == "cross_entropy"
        metrics = {"accuracies": accuracy} if usual else {}
    return Objective(name, function, getattr(loss, "reduction", "mean"), dict(metrics))


def resolve_loss(loss: str | LossFunction) -> tuple[str, LossFunction]:
    """Return the name and function of a loss given by name or as a function.

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


def wide_dtype(device: torch.device) -> torch.dtype:
    """Return the precision of sums: float64 where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64


def _summed(values: Tensor, examples: int, reduction: str, *, wide: bool = False) -> Tensor:
    """Sum over the examples of a batch, whatever the loss returned."""
    if wide:
        values = values.to(wide_dtype(values.device))
    if values.ndim == 0 and reduction != "none":
        return values if reduction == "sum" else values * examples
    if values.shape == (examples,):
        return values.sum()
    if reduction == "none" and values.ndim and values.shape[0] == examples:
        # More values per example (pixels, tokens) are averaged.
        return values.reshape(examples, -1).mean(dim=1).sum()
    raise ValueError(
        f"the loss must be the mean of the batch or one value for each of its {examples} "
        f"examples, got shape {tuple(values.shape)}"
    )
