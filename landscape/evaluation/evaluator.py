"""Evaluating loss and accuracy of a network at chunks of parameter vectors.

A point is given to the network by a functional call: the module itself keeps its parameters,
buffers and modes. Batches are the outer loop, points the inner one; sums are in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from landscape.arrays import Floats
from landscape.evaluation.examples import Batches, as_batches
from landscape.evaluation.losses import LossFunction, resolve_loss
from landscape.layout import Layout
from landscape.parameters import evaluation_mode, layout_of, unflatten

Values = dict[str, Floats]


class Evaluator:
    """Loss (and, for class indices, accuracy) of ``model`` at any parameters.

    Means weigh every example alike, however the data are cut into batches. BatchNorm uses the
    model's present running statistics; dropout is off.

    Args:
        model: any module; never moved, not even during a call.
        loss: name or function; see :func:`resolve_loss`.
        data: see :func:`as_batches`.
        dtype: precision of the forward pass.
        strategy: ``loop`` calls the model once per point, ``vmap`` once per chunk.
        chunk: points per call of ``vmap``.
        threads: threads during a call; 0 leaves torch's setting.

    Raises:
        ValueError: for an unknown loss or strategy, or unusable data.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: str | LossFunction,
        data: Any,
        *,
        dtype: torch.dtype = torch.float32,
        strategy: str = "loop",
        chunk: int = 16,
        threads: int = 0,
    ) -> None:
        if strategy not in ("loop", "vmap"):
            raise ValueError(f"unknown strategy {strategy!r}; known: loop, vmap")
        self.layout: Layout = layout_of(model)
        self.device = next(model.parameters()).device
        self.batches: Batches = as_batches(data, device=self.device, dtype=dtype)
        self.loss_name, self._loss = resolve_loss(loss)
        self._model = model
        self.dtype = dtype
        self.strategy = strategy
        self.chunk = chunk if strategy == "vmap" else 1
        self.threads = threads
        accuracy = self.batches.classification and self.loss_name == "cross_entropy"
        self.fields = ("losses", "accuracies") if accuracy else ("losses",)

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the values, to the last bit, as plain values."""
        return {
            "loss": self.loss_name,
            "examples": self.batches.examples,
            "batches": len(self.batches.parts),
            "dtype": str(self.dtype).removeprefix("torch."),
            "batch_norm": "frozen",
            "strategy": self.strategy,
            "chunk": self.chunk,
            "threads": self.threads,
            "device": self.device.type,
        }

    def __call__(self, thetas: Floats) -> Values:
        """Return each field at ``thetas`` [K, P] as a float64 array [K].

        Raises:
            ValueError: if the vectors do not have the model's length, or the loss is neither a
                mean nor one value per example.
        """
        if thetas.ndim != 2 or thetas.shape[1] != self.layout.size:
            raise ValueError(
                f"thetas must have shape (K, P) = (K, {self.layout.size}), got {thetas.shape}"
            )
        with torch.no_grad(), evaluation_mode(self._model), _threads(self.threads):
            buffers = {
                name: _cast(buffer.detach().clone(), self.dtype)
                for name, buffer in self._model.named_buffers()
            }
            parts = [
                self._chunk(thetas[i : i + self.chunk], buffers)
                for i in range(0, len(thetas), self.chunk)
            ]
        means = torch.cat(parts, dim=1).cpu().numpy() / self.batches.examples
        return dict(zip(self.fields, means.astype(np.float64), strict=True))

    def check_deterministic(self, theta: Floats) -> None:
        """Evaluate ``theta`` [P] twice.

        Raises:
            ValueError: if the two losses differ; the message gives both.
        """
        first, second = (float(self(theta[None])["losses"][0]) for _ in range(2))
        if first != second and not (np.isnan(first) and np.isnan(second)):
            raise ValueError(
                f"the model is not deterministic in evaluation mode: {first!r}, then {second!r} "
                "at the same point; switch its random parts off"
            )

    def _chunk(self, thetas: Floats, buffers: dict[str, Tensor]) -> Tensor:
        """Sums over all examples at the points of one chunk, [fields, K]."""
        points = torch.from_numpy(np.array(thetas)).to(self.dtype).to(self.device)
        parameters = unflatten(points, self.layout)
        total = torch.zeros(())
        for inputs, targets in self.batches.parts:
            if self.strategy == "vmap":
                total = total + vmap(
                    lambda p, x=inputs, y=targets: self._sums({**buffers, **p}, x, y), out_dims=1
                )(parameters)
            else:
                single = {name: values[0] for name, values in parameters.items()}
                total = total + self._sums({**buffers, **single}, inputs, targets)[:, None]
        return total

    def _sums(self, tensors: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        output = functional_call(self._model, tensors, (inputs,))
        loss = self._loss(output, targets)
        wide = torch.float32 if self.device.type == "mps" else torch.float64
        if loss.ndim == 0:
            summed = loss.to(wide) * len(inputs)
        elif loss.shape == (len(inputs),):
            summed = loss.to(wide).sum()
        else:
            raise ValueError(
                f"the loss must be the mean of the batch or one value for each of its "
                f"{len(inputs)} examples, got shape {tuple(loss.shape)}"
            )
        if len(self.fields) == 1:
            return summed[None]
        return torch.stack([summed, (output.argmax(dim=-1) == targets).to(wide).sum()])


def _cast(values: Tensor, dtype: torch.dtype) -> Tensor:
    return values.to(dtype) if values.dtype.is_floating_point else values


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count:
            torch.set_num_threads(before)
