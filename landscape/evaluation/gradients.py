"""The loss and its derivatives along the axes of a plane, by automatic differentiation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import functional_call

from landscape.evaluation.examples import Part, arguments, count
from landscape.evaluation.objective import Totals
from landscape.evaluation.passes import Pass

FIELDS = ("gradient_alpha", "gradient_beta", "gradient_gamma")


class GradientPass(Pass):
    """One point after another: loss, metrics, and d loss / d alpha = <grad loss, d_alpha>.

    Every batch is one forward and one backward pass by functional calls of the network itself,
    whose parameters and their ``grad`` stay as they are. Products with the directions and sums
    over batches are in float64; no more than one batch's activations are held.
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

    def sums(self, coordinates: Tensor) -> Tensor:
        """Return sums [fields, K]; see :meth:`Pass.sums`.

        Raises:
            ValueError: if the loss cannot be differentiated.
        """
        evaluator = self.problem.evaluator
        sums = []
        with evaluator.ready() as buffers:
            for point in coordinates:
                values = self._points(point[None])
                leaves = {name: v[0].detach().requires_grad_() for name, v in values.items()}
                totals = Totals(self.problem.objective)
                for part in self.batches.parts:
                    totals.add(self._batch(leaves, buffers, part), count(part))
                sums.append(totals.sums)
        return torch.stack(sums, dim=1)

    def _batch(self, leaves: dict[str, Tensor], buffers: dict[str, Tensor], part: Part) -> Tensor:
        """Return the sums over one batch, [fields]."""
        objective, examples = self.problem.objective, count(part)
        args, kwargs = arguments(part[0])
        with torch.enable_grad():
            tensors = {**buffers, **leaves}
            output = functional_call(self.problem.evaluator.model, tensors, args, kwargs)
            loss, *others = objective.parts(output, part[1], examples)
        _check_differentiable(loss)
        others = [value.detach() for value in others]
        return torch.stack([loss.detach(), *others, *self._along(loss, leaves)])

    def _along(self, loss: Tensor, leaves: dict[str, Tensor]) -> Tensor:
        """Return the derivatives of ``loss`` along the axes, [axes]."""
        varied = {name: leaves[name] for name in self._directions}
        gradients = torch.autograd.grad(loss, list(varied.values()), allow_unused=True)
        total = torch.zeros(self.problem.axes, device=loss.device, dtype=loss.dtype)
        for directions, gradient in zip(self._directions.values(), gradients, strict=True):
            # A parameter that takes no part in the loss has no gradient: zero.
            if gradient is not None:
                total = total + directions @ gradient.reshape(-1).to(directions)
        return total


def _check_differentiable(loss: Tensor) -> None:
    if not loss.requires_grad:
        raise ValueError(
            "gradients need a loss that depends on the parameters through autograd, got one "
            "without a graph; remove torch.no_grad or detach from the network and the loss, or "
            "sample without gradients"
        )
