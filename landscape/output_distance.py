"""How far outputs move over a plane: a distance between functions, not between weights.

Equal steps in parameter space mean different things for different networks and activations. The
Kullback-Leibler divergence between the predictions at the centre and at a point does not depend on
how a function is parametrised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.arrays import Floats
from landscape.evaluation.evaluator import buffer_copies
from landscape.evaluation.examples import arguments, as_batches, count
from landscape.evaluation.losses import wide_dtype
from landscape.parameters import evaluation_mode, layout_of, unflatten
from landscape.plane import Plane


def output_divergence(
    model: nn.Module,
    data: Any,
    plane: Plane,
    coordinates: Floats,
    *,
    dtype: torch.dtype | None = None,
) -> Floats:
    """Return the mean KL divergence of a classifier's predictions from those at the centre.

    With p(x) the softmax of the outputs, at the plane's origin (0) and at a point::

        KL = mean over examples of  sum over classes of p_0 (log p_0 - log p)

    in nats, >= 0 up to rounding; exactly 0 at the origin. Outputs with more than a class axis
    (tokens, pixels; classes on axis 1) are averaged over these.

    Args:
        model: a classifier whose outputs are logits [n, C, ...]; only read.
        data: pair (inputs, targets), or an iterable of such pairs; the targets are not used.
        plane: the plane (a line or a volume likewise).
        coordinates: in multiples of the directions, [K, axes].
        dtype: precision of the forward pass; None takes the model's. Logarithms and sums are in
            float64.

    Returns:
        Divergences [K]; NaN where the outputs are not finite.

    Raises:
        ValueError: if the plane does not belong to the model, coordinates have another number of
            axes, or the outputs are not logits of at least two classes.
    """
    if layout_of(model) != plane.layout:
        raise ValueError("the plane must belong to the model; make it from this model")
    places = np.asarray(coordinates, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != plane.axes:
        raise ValueError(
            f"coordinates must have shape (K, axes) = (K, {plane.axes}), got {places.shape}"
        )
    first = next(model.parameters())
    run = _Outputs(model, plane, dtype or first.dtype)
    batches = as_batches(data, device=first.device, dtype=run.dtype)
    total = np.zeros(len(places))
    # Batches outermost: the centre's outputs are computed once, and held for one batch.
    with torch.no_grad(), evaluation_mode(model):
        for part in batches.parts:
            centre = run.log_probabilities(part[0], np.zeros(plane.axes))
            for row, place in enumerate(places):
                there = run.log_probabilities(part[0], place)
                total[row] += _divergence(centre, there) * count(part)
    return total / batches.examples


class _Outputs:
    """The logarithms of a classifier's predictions at points of a plane."""

    def __init__(self, model: nn.Module, plane: Plane, dtype: torch.dtype) -> None:
        self.model, self.plane, self.dtype = model, plane, dtype
        self.device = next(model.parameters()).device

    def log_probabilities(self, inputs: Any, place: Floats) -> Tensor:
        """Return the logarithms of the probabilities [n, C, ...] at one place [axes]."""
        theta = torch.from_numpy(self.plane.points(place[None])[0]).to(self.dtype).to(self.device)
        tensors = {**buffer_copies(self.model, self.dtype), **unflatten(theta, self.plane.layout)}
        args, kwargs = arguments(inputs)
        output = functional_call(self.model, tensors, args, kwargs)
        if not isinstance(output, Tensor) or output.ndim < 2 or output.shape[1] < 2:
            found = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
            raise ValueError(
                f"outputs must be logits [n, C, ...] of C >= 2 classes, got {found}; wrap the "
                "network in a module that returns them (a single logit z as the pair 0, z)"
            )
        return torch.log_softmax(output.to(wide_dtype(output.device)), dim=1)


def _divergence(centre: Tensor, there: Tensor) -> float:
    """Mean over examples, and what axes follow that of the classes."""
    probabilities = centre.exp()
    # What has no probability at the centre counts nothing, though its logarithm is -inf.
    terms = torch.where(probabilities > 0, probabilities * (centre - there), 0.0)
    # A comparison with NaN is false: predictions that are NaN must stay so.
    terms = torch.where(torch.isnan(centre) | torch.isnan(there), torch.nan, terms)
    return float(terms.sum(dim=1).mean())
