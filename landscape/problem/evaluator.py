"""Evaluating loss and metrics of a network at any parameter vectors, one after another.

Slow and simple: this is what every faster way is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from landscape.problem.examples import Batches
from landscape.problem.network import Network
from landscape.problem.objective import Objective
from landscape.problem.subsets import Subset
from landscape.records.arrays import Floats
from landscape.records.layout import Layout

Values = dict[str, Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Evaluator:
    """Loss and metrics of a network at any parameters.

    Means weigh every example alike, however the data are cut into batches. Dropout is off.

    Attributes:
        network: with its loss, private.
        batches: the examples.
        policy: which statistics were asked to normalise, whether there are any or not.
        normalising_layers: number of layers with running statistics.
        subset: the examples that were drawn; None for all.
    """

    network: Network
    batches: Batches
    policy: str = "frozen"
    normalising_layers: int = 0
    subset: Subset | None = None

    @property
    def layout(self) -> Layout:
        """Names and shapes of the P parameters."""
        return self.network.layout

    @property
    def objective(self) -> Objective:
        """Loss and metrics."""
        return self.network.objective

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated."""
        return self.objective.fields

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the forward pass."""
        return self.network.dtype

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.network.device

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
        sums = []
        for point in points:
            # Buffers that the network counts in are the same at every point.
            with torch.no_grad(), self.network.ready():
                self.network.write_point(point)
                sums.append(self.network.totals(self.batches))
        return self.objective.values(torch.stack(sums, dim=1), self.batches.examples, self.fields)

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
