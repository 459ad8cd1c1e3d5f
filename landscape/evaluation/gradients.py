"""The loss and its derivatives along the axes of a plane, by automatic differentiation."""

from __future__ import annotations

import torch
from torch import Tensor

from landscape.evaluation.backward import Backward, look
from landscape.evaluation.passes import Pass
from landscape.problem.examples import Part, count
from landscape.problem.objective import Totals

# Examples on which the way of taking derivatives is looked at.
_FEW = 8
FIELDS = ("gradient_alpha", "gradient_beta", "gradient_gamma")


class GradientPass(Pass):
    """One point after another: loss, metrics, and d loss / d alpha = <grad loss, d_alpha>.

    Every batch is one forward and one backward pass, during which the point's parameters stay in
    place. Products with the directions and sums over batches are in float64; no more than one
    batch's activations are held.
    """

    strategy = "gradient"

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated: losses, metrics, derivatives."""
        return (*super().fields, *FIELDS[: self.problem.axes])

    def prepare(self) -> None:
        """Note how parameters are computed, and the directions of those that vary.

        Raises:
            ValueError: if a metric has the name of a derivative.
        """
        taken = set(FIELDS) & set(self.problem.objective.metrics)
        if taken:
            raise ValueError(
                f"a metric cannot have the name of a derivative, got {sorted(taken)[0]!r}; "
                "rename it"
            )
        layout = self.problem.layout
        self._points = self.problem.points([slot.name for slot in layout.slots])
        self._directions = {
            slot.name: self.problem.vectors[1:, part]
            for slot, part in layout.parts()
            if slot.name in self.problem.varied
        }
        network = self.problem.evaluator.network
        with network.ready():
            network.write_point(self.problem.vectors[0])
            self._backward: Backward = look(network, self.batches.head(_FEW).parts[0])

    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums [fields, K]; see :meth:`Pass.sums`.

        Raises:
            ValueError: if the loss cannot be differentiated.
        """
        network = self.problem.evaluator.network
        varied = {slot.name: slot.name in self._directions for slot in network.layout.slots}
        sums = []
        with network.ready(), self._backward.leaves(varied) as every, torch.enable_grad():
            leaves = {name: every[name] for name in self._directions}
            for point in coordinates:
                values = self._points(point[None])
                network.write({name: value[0] for name, value in values.items()})
                totals = Totals(network.objective)
                for part in self.batches.parts:
                    totals.add(self._batch(leaves, part), count(part))
                sums.append(totals.sums)
        return torch.stack(sums, dim=1)

    def _batch(self, leaves: dict[str, Tensor], part: Part) -> Tensor:
        """Return the sums over one batch, [fields]."""
        loss, *others = self._backward.parts(part)
        gradients = self._backward.gradients(loss, leaves)
        along = torch.zeros(self.problem.axes, device=loss.device, dtype=loss.dtype)
        for name, gradient in gradients.items():
            along = along + self._directions[name] @ gradient.reshape(-1).to(along)
        return torch.stack([loss.detach(), *(value.detach() for value in others), *along])
