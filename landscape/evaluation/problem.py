"""What is to be evaluated: a network over a plane, averaged over examples."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from landscape.arrays import Floats
from landscape.evaluation.batch_norm import forget_statistics
from landscape.evaluation.evaluator import Evaluator
from landscape.evaluation.examples import Batches
from landscape.evaluation.losses import wide_dtype
from landscape.evaluation.objective import Objective
from landscape.layout import Layout
from landscape.parameters import unflatten


@dataclass(frozen=True)
class Problem:
    """A network, a plane through its parameters, and the examples.

    Attributes:
        evaluator: the network with its loss, at any parameters.
        origin: parameters at (0, ..., 0), [P] in float64.
        directions: one row per axis, [axes, P] in float64.
        batches: the examples.
    """

    evaluator: Evaluator
    origin: Floats
    directions: Floats
    batches: Batches

    @property
    def layout(self) -> Layout:
        """Names and shapes of the P parameters."""
        return self.evaluator.layout

    @property
    def objective(self) -> Objective:
        """Loss and metrics."""
        return self.evaluator.objective

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the forward pass."""
        return self.evaluator.dtype

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.evaluator.device

    @property
    def axes(self) -> int:
        """Number of directions."""
        return len(self.directions)

    def refusal(self, strategy: str) -> str:
        """Return why a strategy does not evaluate this problem, "" if it does."""
        at_once = strategy in ("vmap", "batched")
        if self.objective.takes_model and at_once:
            # torch.autograd.grad inside vmap sums over the points.
            return "a loss of (model, batch) may take derivatives, which needs points one by one"
        if self.recalibrated and at_once:
            return "batch_norm 'recalibrated' finds the statistics of one point after another"
        if self.recalibrated and strategy == "gradient":
            return "gradients do not go through recalibrated statistics; take others or none"
        return ""

    @property
    def recalibrated(self) -> bool:
        """Whether statistics are computed anew at every point."""
        return self.evaluator.batch_norm == "recalibrated"

    @property
    def plain(self) -> bool:
        """Whether a point is one forward pass: then it may be compiled and first layers reused."""
        return not (self.objective.takes_model or self.recalibrated)

    def with_batches(self, batches: Batches) -> Problem:
        """Return the same problem over other batches."""
        return replace(self, batches=batches)

    @cached_property
    def varied(self) -> frozenset[str]:
        """Names of the parameters that are not constant over the plane."""
        moved = np.any(self.directions != 0, axis=0)
        return frozenset(s.name for s, part in self.layout.parts() if moved[part].any())

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions over images."""
        return any(isinstance(m, nn.Conv2d) for m in self.evaluator.model.modules())

    def copy_of_model(self) -> nn.Module:
        """Return a private copy of the network at the origin, in evaluation mode and ``dtype``.

        Where batches normalise themselves it has no running statistics.

        Raises:
            Exception: whatever the model raises that cannot be copied.
        """
        twin = copy.deepcopy(self.evaluator.model).eval().to(self.dtype).requires_grad_(False)
        named = dict(twin.named_parameters())
        for slot, part in self.layout.parts():
            values = torch.from_numpy(np.array(self.origin[part]))
            named[slot.name].copy_(values.view(slot.shape))
        if self.evaluator.batch_norm == "batch":
            forget_statistics(twin)
        return twin

    def points(self, names: tuple[str, ...]) -> Points:
        """Return what computes the parameters of these names at coordinates."""
        slots = [(s, part) for s, part in self.layout.parts() if s.name in names]
        index = np.concatenate([np.arange(p.start, p.stop) for _, p in slots] or [np.arange(0)])
        vectors = (self.origin[index], self.directions[:, index])
        wide = wide_dtype(self.device)
        origin, directions = (torch.from_numpy(v).to(wide).to(self.device) for v in vectors)
        return Points(Layout(tuple(s for s, _ in slots)), origin, directions, self.dtype)


@dataclass(frozen=True, slots=True)
class Points:
    """Computes ``origin + alpha d_alpha + beta d_beta`` for some of the parameters."""

    layout: Layout
    origin: Tensor
    directions: Tensor
    dtype: torch.dtype

    def __call__(self, coordinates: Tensor) -> dict[str, Tensor]:
        """Return the parameters [K, *shape] by name, at ``coordinates`` [K, axes] in float64."""
        thetas = torch.addmm(self.origin, coordinates.to(self.origin), self.directions)
        return unflatten(thetas.to(self.dtype), self.layout)
