"""Segments that need a network: random lines and the gradient."""

from __future__ import annotations

import math

import numpy as np
from torch import nn

from landscape.curvature.derivatives import gradient
from landscape.networks.parameters import flatten
from landscape.planes.random import random_plane
from landscape.problem import Problem
from landscape.records.segment import Segment, line_segment


class ZeroGradientError(ValueError):
    """There is no step of descent: the gradient is zero."""


def random_segment(model: nn.Module, *, seed: int = 0, span: float = 0.5) -> Segment:
    """Return a random filter-normalised line through the model's parameters, -span to span.

    Raises:
        ValueError: for a span that is not positive.
    """
    if not 0 < span < math.inf:
        raise ValueError(f"the span of a random line must be finite and > 0, got {span}")
    return line_segment(random_plane(model, seed=seed, axes=1), span=span)


def gradient_segment(problem: Problem, *, rate: float) -> Segment:
    """Return the step of gradient descent from the model's parameters.

    Args:
        problem: network, loss and data; the network's present parameters are where the step starts.
        rate: learning rate.

    Raises:
        ValueError: for a rate that is not positive, or where the gradient is not finite.
        ZeroGradientError: where the gradient is zero.
    """
    if not 0 < rate < math.inf:
        raise ValueError(f"the rate of a step of descent must be finite and > 0, got {rate}")
    theta = flatten(problem.model)
    step = -rate * gradient(problem, theta)
    if not np.isfinite(step).all():
        raise ValueError(
            "the gradient must be finite, it holds NaN or infinity; look for these in the data "
            "and in the weights, and for a loss that is not finite"
        )
    if not step.any():
        raise ZeroGradientError(
            "the gradient is zero at these weights, so that no step of descent leads on; take a "
            "random line"
        )
    return Segment(theta, step, kind="gradient", settings={"learning_rate": rate})
