"""Evaluating loss and metrics of a network at any parameter vectors, one after another.

A point is given to the network by a functional call: the module itself keeps its parameters,
buffers and modes. Slow and simple: this is what every faster way is compared with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.arrays import Floats
from landscape.evaluation.batch_loss import ModelOnBatch, as_batch_loss
from landscape.evaluation.batch_norm import (
    BatchNorm,
    check_policy,
    check_statistics,
    layers_with_statistics,
    normalising,
    pooled_statistics,
)
from landscape.evaluation.examples import Batches, arguments, count, described
from landscape.evaluation.losses import LossFunction
from landscape.evaluation.objective import Objective, Totals, make_objective
from landscape.evaluation.reading import as_batches, given
from landscape.evaluation.subsets import Subset
from landscape.layout import Layout
from landscape.parameters import layout_of, unflatten, unwrapped

Values = dict[str, Floats]


class Evaluator:
    """Loss and metrics of ``model`` at any parameters.

    Means weigh every example alike, however the data are cut into batches. Dropout is off.

    Args:
        model: any module; never moved, not even during a call. Wrappers for several devices or
            for compiling are taken off.
        loss: name or function; see :func:`make_objective`.
        data: see :mod:`landscape.evaluation.reading`.
        dtype: precision of the forward pass.
        metrics: see :func:`make_objective`.
        batch_norm: which statistics normalise; see :mod:`landscape.evaluation.batch_norm`.
        batch_size: examples per batch where examples depend on their batch (by ``batch_norm`` or
            by a loss of (model, batch)) and the data are one batch; 0 leaves it whole.
        subset: the examples drawn; None takes all.
        standard_errors: whether the field ``standard_errors`` is evaluated; None does for a
            subset.

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
        batch_norm: BatchNorm = "frozen",
        batch_size: int = 0,
        subset: Subset | None = None,
        standard_errors: bool | None = None,
    ) -> None:
        check_policy(batch_norm)
        model = unwrapped(model)
        batch_loss = as_batch_loss(loss)
        whole = batch_loss is not None
        if batch_loss is not None:
            model = ModelOnBatch.of_copy(model, batch_loss)
        self.layout: Layout = layout_of(model)
        self.device = next(model.parameters()).device
        self.model = model
        self.dtype = dtype
        # Without such layers all policies are one.
        self.batch_norm: BatchNorm = batch_norm if layers_with_statistics(model) else "frozen"
        self.policy = batch_norm
        if self.batch_norm == "frozen":
            check_statistics(model)
        self.subset = subset
        self.batches: Batches
        self.batches, self.drawn_from = self._read(data, batch_size, whole)
        self.objective: Objective = make_objective(
            loss, self.batches, metrics=metrics, drawn_from=self.drawn_from,
            standard_errors=subset is not None if standard_errors is None else standard_errors,
        )  # fmt: skip

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated."""
        return self.objective.fields

    def __call__(self, thetas: Floats) -> Values:
        """Return each field at ``thetas`` [K, P] as a float64 array [K].

        Raises:
            ValueError: if the vectors do not have the model's length, or the loss is neither a
                mean nor one value per example, or model or loss fail on a batch.
        """
        if thetas.ndim != 2 or thetas.shape[1] != self.layout.size:
            raise ValueError(
                f"thetas must have shape (K, P) = (K, {self.layout.size}), got {thetas.shape}"
            )
        points = torch.from_numpy(np.array(thetas)).to(self.dtype).to(self.device)
        with torch.no_grad(), self.ready() as buffers:
            sums = [
                self.sums({**buffers, **unflatten(point, self.layout)}, self.batches)
                for point in points
            ]
        return self.objective.values(torch.stack(sums, dim=1), self.batches.examples, self.fields)

    def _read(self, data: Any, batch_size: int, whole: bool) -> tuple[Batches, int]:
        """Return the examples, and of how many they were drawn, 0 if they are all."""
        of = 0
        if self.subset is not None:
            data, of = self.subset.unread(given(data))
        batches = as_batches(data, device=self.device, dtype=self.dtype, whole=whole)
        if whole or self.batch_norm != "frozen":
            batches = batches.kept(batch_size)
        if self.subset is None or of:
            return batches, of
        return self.subset.of(batches), batches.examples

    def check_deterministic(self, theta: Floats) -> None:
        """Evaluate ``theta`` [P] twice.

        Raises:
            ValueError: if the two losses differ; the message gives both.
        """
        first, second = (float(self(theta[None])["losses"][0]) for _ in range(2))
        if first != second and not (np.isnan(first) and np.isnan(second)):
            raise ValueError(
                f"the model is not deterministic in evaluation mode: {first!r}, then {second!r} "
                "at the same point; switch the random parts of model and loss off, or draw once "
                "and give what was drawn with the data"
            )

    @contextmanager
    def ready(self) -> Iterator[dict[str, Tensor]]:
        """Put the model in the mode in which it is evaluated; yields copies of its buffers."""
        with normalising(self.model, self.batch_norm):
            yield buffer_copies(self.model, self.dtype)

    def sums(self, tensors: dict[str, Tensor], batches: Batches) -> Tensor:
        """Return sums over the examples of ``batches``, [fields], with these parameters."""
        if self.batch_norm == "recalibrated":
            pooled = pooled_statistics(self.model, lambda: self._totals(tensors, batches))
            tensors = {**tensors, **{name: v.to(self.dtype) for name, v in pooled.items()}}
        return self._totals(tensors, batches)

    def _totals(self, tensors: dict[str, Tensor], batches: Batches) -> Tensor:
        totals = Totals(self.objective)
        for part in batches.parts:
            examples = count(part)
            output = self.output(tensors, part[0])
            totals.add(self.objective.sums(output, part[1], examples), examples)
        return totals.sums

    def output(self, tensors: dict[str, Tensor], inputs: Any) -> Any:
        """Return the model's output with parameters and buffers by name.

        Raises:
            ValueError: if the model fails on these inputs; the message tells their form.
        """
        args, kwargs = arguments(inputs)
        try:
            return functional_call(self.model, tensors, args, kwargs)
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if isinstance(self.model, ModelOnBatch):
                raise
            raise ValueError(
                f"the model fails on the inputs {described(inputs)}: {error}"
            ) from error


def buffer_copies(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Return copies of the model's buffers by name, floating point ones in ``dtype``."""
    return {
        name: b.detach().clone().to(dtype) if b.dtype.is_floating_point else b.detach().clone()
        for name, b in model.named_buffers()
    }
