"""How far outputs move over a plane: a distance between functions, not between weights.

Equal steps in parameter space mean different things for different networks and activations. The
Kullback-Leibler divergence between the predictions at the centre and at a point does not depend on
how a function is parametrised.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.evaluation.plane_problem import check_plane
from landscape.problem import Problem
from landscape.problem.examples import Part, count
from landscape.problem.losses import IGNORED, wide_dtype
from landscape.problem.network import Network
from landscape.records.arrays import Floats
from landscape.records.plane import Plane


def output_divergence(problem: Problem, plane: Plane, coordinates: Floats) -> Floats:
    """Return the mean KL divergence of a classifier's predictions from those at the centre.

    With p(x) the softmax of the outputs, at the plane's origin (0) and at a point::

        KL = mean over examples of  sum over classes of p_0 (log p_0 - log p)

    in nats, >= 0 up to rounding; exactly 0 at the origin. Outputs with further axes (tokens,
    pixels) are averaged over these within an example, without those whose target is -100.

    Args:
        problem: a classifier whose outputs, or their attribute ``logits``, are logits [n, C],
            [n, C, ...], or [n, ..., C] for targets [n, ...], and its data; targets only tell the
            axis of the classes, and what does not count. Logarithms and sums are in float64.
        plane: a line, plane or volume.
        coordinates: in multiples of the directions, [K, axes].

    Returns:
        Divergences [K]; NaN where the outputs are not finite.

    Raises:
        ValueError: if the plane does not belong to the model, coordinates have another number of
            axes, the outputs are not logits of at least two classes, or statistics are not frozen.
    """
    check_plane(problem, plane)
    places = np.asarray(coordinates, dtype=np.float64)
    if places.ndim != 2 or places.shape[1] != plane.axes:
        raise ValueError(
            f"coordinates must have shape (K, axes) = (K, {plane.axes}), got {places.shape}"
        )
    check_divergence(problem)
    evaluator = problem.evaluator(metrics={}, standard_errors=False)
    network, total = evaluator.network, np.zeros(len(places))
    # Batches outermost: the centre's outputs are computed once, and held for one batch.
    with torch.no_grad(), network.ready():
        for part in evaluator.batches.parts:
            centre = _log_probabilities(network, plane, part, np.zeros(plane.axes))
            for row, place in enumerate(places):
                there = _log_probabilities(network, plane, part, place)
                total[row] += _divergence(centre, there, part)
    return total / evaluator.batches.examples


def check_divergence(problem: Problem) -> None:
    """Check that a problem has outputs to compare.

    Raises:
        ValueError: for statistics that are not frozen, or a loss of (model, batch).
    """
    if problem.batch_norm != "frozen":
        raise ValueError(
            f"divergences are those of frozen statistics, got batch_norm {problem.batch_norm!r}; "
            "leave one of the two out"
        )
    if problem.whole:
        raise ValueError(
            "divergences compare the network's outputs, which a loss of (model, batch) does not "
            "give; give a loss of (output, target)"
        )


def _log_probabilities(network: Network, plane: Plane, part: Part, place: Floats) -> Tensor:
    """Return the logarithms of the probabilities [n, ..., C] at one place [axes]."""
    theta = torch.from_numpy(plane.points(place[None])[0]).to(network.dtype)
    network.write_point(theta.to(network.device))
    output, _ = network.output(part)
    output = _classes_last(getattr(output, "logits", output), part[1])
    return torch.log_softmax(output.to(wide_dtype(output.device)), dim=-1)


def _classes_last(output: Any, target: Any) -> Tensor:
    """Return logits [n, ..., C].

    Raises:
        ValueError: for outputs that are no logits, or do not tell the axis of the classes.
    """
    if not isinstance(output, Tensor) or output.ndim < 2:
        got = tuple(output.shape) if isinstance(output, Tensor) else type(output).__name__
        raise ValueError(
            f"outputs must be logits [n, C, ...], got {got}; wrap the network in a module that "
            "returns them"
        )
    shape = target.shape if isinstance(target, Tensor) else ()
    second = output.movedim(1, -1)
    if output.shape[:-1] == shape and output.ndim > 2:
        if second.shape[:-1] == shape:
            raise ValueError(
                f"outputs {tuple(output.shape)} for targets {tuple(shape)} do not tell which axis "
                "holds the classes; give data with another number of targets per example"
            )
        second = output
    if second.shape[-1] < 2:
        raise ValueError(
            f"outputs must be logits of at least 2 classes, got {tuple(output.shape)}; wrap the "
            "network in a module that returns the logit z of the second class as the pair 0, z"
        )
    return second


def _divergence(centre: Tensor, there: Tensor, part: Part) -> float:
    """Sum over examples of the mean over their further axes."""
    probabilities = centre.exp()
    # What has no probability at the centre counts nothing, though its logarithm is -inf.
    terms = torch.where(probabilities > 0, probabilities * (centre - there), 0.0)
    # A comparison with NaN is false: predictions that are NaN must stay so.
    terms = torch.where(torch.isnan(centre) | torch.isnan(there), torch.nan, terms)
    each = terms.sum(dim=-1).reshape(count(part), -1)
    target = part[1]
    if not isinstance(target, Tensor) or target.shape != centre.shape[:-1]:
        return float(each.mean(dim=1).sum())
    counted = (target != IGNORED).reshape(count(part), -1)
    sums = torch.where(counted, each, 0.0).sum(dim=1)
    return float((sums / counted.sum(dim=1).clamp(min=1)).sum())
