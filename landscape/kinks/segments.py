"""Segments that need a network: random lines and the gradient."""

from __future__ import annotations

from typing import Any

from torch import nn

from landscape.derivatives import gradient
from landscape.directions import random_plane
from landscape.evaluation import LossFunction
from landscape.parameters import flatten
from landscape.segment import Segment, line_segment


def random_segment(model: nn.Module, *, seed: int = 0, span: float = 0.5) -> Segment:
    """Return a random filter-normalised line through the model's parameters, -span to span."""
    return line_segment(random_plane(model, seed=seed, axes=1), span=span)


def gradient_segment(
    model: nn.Module, loss: str | LossFunction, data: Any, *, rate: float
) -> Segment:
    """Return the step of gradient descent from the model's parameters.

    Args:
        model: any module; its present parameters are where the step starts.
        loss: as in :func:`slope_budget`.
        data: as in :func:`slope_budget`.
        rate: learning rate.

    Raises:
        ValueError: where the gradient is zero.
    """
    theta = flatten(model)
    step = -rate * gradient(model, loss, data, theta)
    return Segment(theta, step, kind="gradient", settings={"learning_rate": rate})
