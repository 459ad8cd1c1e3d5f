"""What is to be evaluated: a network over a plane, averaged over examples."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from torch import Tensor, nn

from landscape.networks.parameters import unflatten
from landscape.problem import Problem, check_problem
from landscape.problem.evaluator import Evaluator
from landscape.problem.examples import Batches
from landscape.problem.losses import wide_dtype
from landscape.problem.network import Network
from landscape.problem.objective import Objective
from landscape.records.arrays import Floats
from landscape.records.layout import Layout, Slot
from landscape.records.plane import Plane


@dataclass(frozen=True)
class PlaneProblem:
    """A network, a plane through its parameters, and the examples.

    Attributes:
        evaluator: the network with its loss, at any parameters.
        vectors: parameters at (0, ..., 0), then one row per axis, [1 + axes, P] in float64 (float32
            on devices without it).
        varied: names of the parameters that are not constant over the plane.
        batches: the examples.
        first_layers: names of the layers that read the data alone, in a list of one, once they
            are found; problems that differ in their batches share it.
    """

    evaluator: Evaluator
    vectors: Tensor
    varied: frozenset[str]
    batches: Batches
    first_layers: list[tuple[str, ...]] = field(default_factory=list)

    @classmethod
    def over(cls, evaluator: Evaluator, origin: Floats, directions: Floats) -> PlaneProblem:
        """Return the problem of a plane: ``origin`` [P], ``directions`` [axes, P], all examples."""
        device = evaluator.device
        rows = np.concatenate([origin[None], directions])
        moved = np.any(rows[1:] != 0, axis=0)
        varied = frozenset(s.name for s, part in evaluator.layout.parts() if moved[part].any())
        vectors = torch.from_numpy(rows).to(wide_dtype(device)).to(device)
        return cls(evaluator, vectors, varied, evaluator.batches)

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
        return len(self.vectors) - 1

    def refusal(self, strategy: str) -> str:
        """Return why a strategy does not evaluate this problem, "" if it does."""
        at_once = strategy in ("vmap", "batched")
        if self.objective.takes_model and at_once:
            # torch.autograd.grad inside vmap sums over the points.
            return "a loss of (model, batch) may take derivatives, which needs points one by one"
        network = self.evaluator.network
        if network.meets_weight and at_once:
            return "a loss that holds a weight of the network sees one point after another"
        if network.meets_network and strategy == "batched":
            return "the loss looks at the network, which batched products do not write points into"
        if self.recalibrated and at_once:
            return "batch_norm 'recalibrated' finds the statistics of one point after another"
        if self.recalibrated and strategy == "gradient":
            return "gradients do not go through recalibrated statistics; take others or none"
        return ""

    @property
    def recalibrated(self) -> bool:
        """Whether statistics are computed anew at every point."""
        return self.evaluator.network.batch_norm == "recalibrated"

    @property
    def plain(self) -> bool:
        """Whether a point is one forward pass: then it may be compiled and first layers reused."""
        looked_at = self.objective.takes_model or self.evaluator.network.meets_network
        return not (looked_at or self.recalibrated)

    def with_batches(self, batches: Batches) -> PlaneProblem:
        """Return the same problem over other batches."""
        return replace(self, batches=batches)

    @property
    def convolutional(self) -> bool:
        """Whether the network has convolutions over images."""
        return any(isinstance(m, nn.Conv2d) for m in self.evaluator.network.module.modules())

    def copy_of_network(self) -> Network:
        """Return another copy of the network at the origin, which may be taken apart.

        Where batches normalise themselves it has no running statistics.

        Raises:
            Exception: whatever the model raises that cannot be copied.
        """
        twin = self.evaluator.network.again()
        twin.write_point(self.vectors[0])
        if twin.batch_norm == "batch":
            twin.forget_statistics()
        return twin

    def points(self, names: Collection[str]) -> Points:
        """Return what computes the parameters of these names at coordinates."""
        runs: list[tuple[list[Slot], slice]] = []
        for slot, part in self.layout.parts():
            if slot.name not in names:
                continue
            if runs and runs[-1][1].stop == part.start:
                runs[-1] = ([*runs[-1][0], slot], slice(runs[-1][1].start, part.stop))
            else:
                runs.append(([slot], part))
        parts = tuple((Layout(tuple(slots)), self.vectors[:, part]) for slots, part in runs)
        return Points(parts, self.dtype)


@dataclass(frozen=True, slots=True)
class Points:
    """Computes ``origin + alpha d_alpha + beta d_beta`` for some of the parameters.

    Attributes:
        runs: parameters that lie beside each other, and their part of the problem's vectors.
        dtype: of the result.
    """

    runs: tuple[tuple[Layout, Tensor], ...]
    dtype: torch.dtype

    def __call__(self, coordinates: Tensor) -> dict[str, Tensor]:
        """Return the parameters [K, *shape] by name, at ``coordinates`` [K, axes] in float64."""
        parameters: dict[str, Tensor] = {}
        for layout, vectors in self.runs:
            thetas = torch.addmm(vectors[0], coordinates.to(vectors), vectors[1:])
            parameters |= unflatten(thetas.to(self.dtype), layout)
        return parameters


def check_plane(problem: Problem, plane: Plane) -> None:
    """Check that a plane belongs to the network of a problem.

    Raises:
        TypeError: for something else than a problem.
        ValueError: if the plane belongs to another network.
    """
    check_problem(problem)
    layout = problem.layout
    if plane.layout != layout:
        names = [slot.name for slot in layout.slots if slot not in plane.layout.slots]
        detail = f", first difference: {names[0]}" if names else ""
        raise ValueError(
            f"the plane must belong to the model: {plane.layout.size} parameters there, "
            f"{layout.size} here{detail}; make the plane from this model"
        )
