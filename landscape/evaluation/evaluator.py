"""Evaluating loss and metrics of a network at any parameter vectors, one after another.

A point is given to the network by a functional call: the module itself keeps its parameters,
buffers and modes. Slow and simple: this is what every faster way is compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.arrays import Floats
from landscape.evaluation.examples import Batches, arguments, as_batches, count
from landscape.evaluation.losses import LossFunction, Objective, make_objective
from landscape.layout import Layout
from landscape.parameters import evaluation_mode, layout_of, unflatten, unwrapped

Values = dict[str, Floats]


class Evaluator:
    """Loss and metrics of ``model`` at any parameters.

    Means weigh every example alike, however the data are cut into batches. BatchNorm uses the
    model's present running statistics; dropout is off.

    Args:
        model: any module; never moved, not even during a call.
        loss: name or function; see :func:`make_objective`.
        data: see :func:`as_batches`.
        dtype: precision of the forward pass.
        metrics: see :func:`make_objective`.

    Raises:
        ValueError: for an unknown loss, or unusable data.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: str | LossFunction,
        data: Any,
        *,
        dtype: torch.dtype = torch.float32,
        metrics: Mapping[str, LossFunction] | None = None,
    ) -> None:
        self.layout: Layout = layout_of(model)
        self.device = next(model.parameters()).device
        self.batches: Batches = as_batches(data, device=self.device, dtype=dtype)
        self.objective: Objective = make_objective(loss, self.batches, metrics=metrics)
        self.model = unwrapped(model)
        self.dtype = dtype

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated."""
        return self.objective.fields

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
        points = torch.from_numpy(np.array(thetas)).to(self.dtype).to(self.device)
        with torch.no_grad(), evaluation_mode(self.model):
            buffers = buffer_copies(self.model, self.dtype)
            sums = [
                self.sums({**buffers, **unflatten(point, self.layout)}, self.batches)
                for point in points
            ]
        return as_means(torch.stack(sums, dim=1), self.batches.examples, self.fields)

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

    def sums(self, tensors: dict[str, Tensor], batches: Batches) -> Tensor:
        """Return sums over the examples of ``batches``, [fields], with these parameters."""
        total = torch.zeros(())
        for part in batches.parts:
            args, kwargs = arguments(part[0])
            output = functional_call(self.model, tensors, args, kwargs)
            total = total + self.objective.sums(output, part[1], count(part))
        return total


def buffer_copies(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return copies of the model's buffers by name, floating point ones in ``dtype``."""
    return {
        name: b.detach().clone().to(dtype) if b.dtype.is_floating_point else b.detach().clone()
        for name, b in model.named_buffers()
    }


def as_means(sums: Tensor, examples: int, fields: tuple[str, ...]) -> Values:
    """Turn sums [fields, K] into means by field."""
    means = sums.cpu().numpy().astype(np.float64) / examples
    return dict(zip(fields, means, strict=True))
