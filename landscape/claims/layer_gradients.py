r"""Claim 5, measured: what is left of the gradient, layer by layer.

The gradient goes backwards through one Jacobian per layer. Between the outputs h of one activation
and those of the next it is a product of two factors,

    J = D W,   D = diag(act'(z)),   W = dz / dh,

and the squared Frobenius norm splits without a rest: |J|^2 = sum_u act'(z_u)^2 |W_u|^2, so that
|J| = |W| a with ``a`` the root mean square of act', weighted by the rows of W. A gradient that
vanishes because ``a`` is small is the activation's doing; one that vanishes because W is small is
that of the initialisation.

References:
    Pennington, Schoenholz, Ganguli (2017), Resurrecting the sigmoid in deep learning through
    dynamical isometry, section 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.claims.one_batch import in_one_batch
from landscape.claims.watching import Call, Parameters, Watched, per_unit, watched
from landscape.problem import Problem
from landscape.records.arrays import Floats, freeze

QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
# |act'| below this share of its largest value is saturated.
SATURATED = 0.1
# Rows of a Jacobian are taken one by one; wider layers would take long.
_WIDEST = 4096


@dataclass(frozen=True, slots=True, eq=False)
class LayerGradients:
    """Gradients and Jacobians of every layer with an activation, from the input to the output.

    Attributes:
        layers: names of the L activations.
        gradient_norms: root mean square over the examples of |dl / dz|, [L].
        saturated: share of (example, unit) pairs with |act'| below a tenth of its largest, [L].
        jacobian: quantiles 0, 25, 50, 75, 100 % of the singular values of J, all examples, [L, 5].
        weight: likewise of W, [L, 5].
        activation: likewise of |act'(z)|, the singular values of D, [L, 5].
        jacobian_norms: root mean square over the examples of the Frobenius norm of J, [L].
        weight_norms: likewise of W, [L].
        parameters: names of the parameters.
        parameter_norms: norms of the mean loss's gradient by parameter, [number of parameters].
    """

    layers: tuple[str, ...]
    gradient_norms: Floats
    saturated: Floats
    jacobian: Floats
    weight: Floats
    activation: Floats
    jacobian_norms: Floats
    weight_norms: Floats
    parameters: tuple[str, ...]
    parameter_norms: Floats

    def __post_init__(self) -> None:
        count = len(self.layers)
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(
            ("gradient_norms", "saturated", "jacobian_norms", "weight_norms"), (count,)
        )
        shapes |= dict.fromkeys(("jacobian", "weight", "activation"), (count, len(QUANTILES)))
        shapes["parameter_norms"] = (len(self.parameters),)
        freeze(self, shapes)

    @property
    def activation_factors(self) -> Floats:
        """What the activation does to the gradient at each layer: |J| / |W|, [L]."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.jacobian_norms / self.weight_norms)

    @property
    def survival(self) -> float:
        """What is left at the first layer of the gradient at the last: a factor."""
        first, last = float(self.gradient_norms[0]), float(self.gradient_norms[-1])
        return first / last if last > 0 else float("nan")


def layer_gradients(
    problem: Problem, *, parameters: Parameters | None = None, jacobians: int = 8
) -> LayerGradients:
    """Measure gradients and Jacobians of each layer.

    Args:
        problem: network, loss and data; only read. The inputs are one tensor [n, ...].
        parameters: by name, in place of the network's own.
        jacobians: of the first so many examples; gradients are of all.

    Raises:
        ValueError: if no activation was seen, a layer has more than 4096 values per example, or as
            :func:`landscape.claims.one_batch.in_one_batch`.
    """
    network, part = in_one_batch(problem)
    network.write(parameters or {})
    names = dict.fromkeys((slot.name for slot in network.layout.slots), True)
    with network.ready(), network.leaves(names) as given, torch.enable_grad():
        (inputs, targets), *_ = network.inputs(part)
        run = watched(network.inner, inputs, parameters=given, graph=True)
        loss = network.objective.mean(run.output, targets, len(inputs))
        ends = [call.inputs for call in run.calls]
        gradients = torch.autograd.grad(loss, [*ends, *given.values()], allow_unused=True)
        few = part[0][:jacobians].detach().clone().requires_grad_()
        parts = _jacobians(watched(network.inner, few, parameters=given, graph=True), few)
    # Of the mean loss each example has a share of 1 / n.
    at_units = [_norm(g, len(inputs)) for g in gradients[: len(ends)]]
    return LayerGradients(
        layers=run.layers,
        gradient_norms=np.array(at_units),
        saturated=np.array([saturated_share(call) for call in run.calls]),
        parameters=tuple(given),
        parameter_norms=np.array([0.0 if g is None else float(g.double().norm())
                                  for g in gradients[len(ends) :]]),
        **parts,
    )  # fmt: skip


def saturated_share(call: Call, *, below: float = SATURATED) -> float:
    """Return the share of pairs at which |act'| is below a share of its largest value."""
    return float((call.slopes().abs() < below * call.steepest()).double().mean())


def _norm(gradient: Tensor | None, examples: int) -> float:
    """Return the root mean square over the examples of the gradient of each one's loss."""
    if gradient is None:
        return 0.0
    return math.sqrt(float((gradient.double() * examples).square().sum()) / examples)


def _jacobians(run: Watched, inputs: Tensor) -> dict[str, Any]:
    rows: dict[str, list[Any]] = {name: [] for name in
        ("jacobian", "weight", "activation", "jacobian_norms", "weight_norms")}  # fmt: skip
    before: Tensor = inputs
    for call in run.calls:
        weight = _jacobian(call.inputs, before, call.layer)
        slopes = call.slopes().flatten(1).double()
        whole = slopes[:, :, None] * weight
        for name, matrices in (("jacobian", whole), ("weight", weight)):
            rows[name].append(_quantiles(torch.linalg.svdvals(matrices)))
            norms = matrices.square().sum(dim=(1, 2))
            rows[f"{name}_norms"].append(math.sqrt(float(norms.mean())))
        rows["activation"].append(_quantiles(slopes.abs()))
        before = call.outputs
    return {name: np.array(values) for name, values in rows.items()}


def _jacobian(outputs: Tensor, inputs: Tensor, layer: str) -> Tensor:
    """Return d outputs / d inputs of each example, [n, U, M], in float64.

    The examples do not touch each other, so that one pass for each unit does for all.
    """
    flat = outputs.flatten(1)
    if flat.shape[1] > _WIDEST:
        raise ValueError(
            f"Jacobians need layers of at most {_WIDEST} values, {layer} has {flat.shape[1]:,}; "
            "measure a narrower network, or smaller inputs"
        )
    rows = []
    for unit in range(flat.shape[1]):
        (row,) = torch.autograd.grad(flat[:, unit].sum(), inputs, retain_graph=True,
                                     allow_unused=True)  # fmt: skip
        rows.append(torch.zeros_like(inputs) if row is None else row)
    return torch.stack(rows, dim=1).flatten(2).double()


def _quantiles(values: Tensor) -> Floats:
    return np.asarray(np.quantile(values.detach().cpu().numpy(), QUANTILES))


def mean_outputs(calls: Sequence[Call]) -> Floats:
    """Return the mean of act(z) over all pairs of each layer, [L]."""
    return np.array([float(per_unit(call.outputs).double().mean()) for call in calls])
