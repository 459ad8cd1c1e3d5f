"""Losses of (model, batch): the user's own code calls the model, as often and as it likes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from landscape.problem.examples import described, map_tensors


@dataclass(frozen=True, slots=True, eq=False)
class BatchLoss:
    """A loss that takes the model and a whole batch; see :func:`batch_loss`.

    Attributes:
        function: of (model, batch).
    """

    function: Callable[[nn.Module, Any], Tensor]

    def __call__(self, model: nn.Module, batch: Any) -> Tensor:
        """Return the loss of the model on a batch."""
        return self.function(model, batch)

    @property
    def name(self) -> str:
        """Name of the function."""
        return getattr(self.function, "__name__", type(self.function).__name__)

    @property
    def reduction(self) -> str:
        """What a scalar is: the mean over the batch, unless the function says otherwise."""
        return getattr(self.function, "reduction", "mean")


def batch_loss(function: Callable[[nn.Module, Any], Tensor]) -> BatchLoss:
    """Mark a function as a loss of (model, batch), whatever its parameters are called.

    A function whose first two parameters are called ``model`` and ``batch`` needs no mark. The
    function returns the mean over the batch, which counts as many examples as the batch's first
    tensor is long, or one value per example. It is called with the parameters of a point in
    place, the model in evaluation mode, a copy of the batch (mappings as dicts)
    and with gradients enabled, so that it may take derivatives with respect to the inputs; the
    parameters themselves require gradients only while derivatives are taken.

    >>> loss = batch_loss(lambda net, points: net(points).square().mean())
    >>> takes_model(loss)
    True
    """
    return BatchLoss(function)


def takes_model(loss: Any) -> bool:
    """Return whether a loss is one of (model, batch): marked as such, or by its parameters' names.

    >>> takes_model(lambda model, batch: 0), takes_model(lambda output, target: 0)
    (True, False)
    """
    return as_batch_loss(loss) is not None


def as_batch_loss(loss: Any) -> BatchLoss | None:
    """Return a loss of (model, batch) as such, None for any other."""
    if isinstance(loss, BatchLoss) or not callable(loss):
        return loss if isinstance(loss, BatchLoss) else None
    try:
        names = inspect.signature(loss.forward if isinstance(loss, nn.Module) else loss).parameters
    except (TypeError, ValueError):
        return None
    return BatchLoss(loss) if tuple(names)[:2] == ("model", "batch") else None


class ModelOnBatch(nn.Module):
    """A model whose output is its loss on a batch, so that it is evaluated like any network.

    Args:
        model: the user's; its parameters keep their names behind ``model.``.
        loss: of (model, batch).
    """

    def __init__(self, model: nn.Module, loss: BatchLoss) -> None:
        super().__init__()
        self.model = model
        self.loss = loss
        self.training = model.training

    def forward(self, batch: Any) -> Tensor:
        """Return the loss on a batch, which is copied: the loss may change it.

        Raises:
            ValueError: if the loss fails, or returns something else than a tensor.
        """
        with torch.enable_grad():
            try:
                value = self.loss(self.model, map_tensors(torch.clone, batch))
            except torch.OutOfMemoryError:
                raise
            except Exception as error:
                raise ValueError(
                    f"the loss {self.loss.name} fails on the batch {described(batch)}: {error}"
                ) from error
        if not isinstance(value, Tensor):
            raise ValueError(
                f"the loss {self.loss.name} must return a tensor, got {type(value).__name__}; "
                "leave .item() out, and return .loss of a model's output"
            )
        return value
