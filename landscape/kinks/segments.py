"""Segments that need a network: random lines and the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.func import functional_call

from landscape.arrays import Floats
from landscape.directions import random_plane
from landscape.evaluation import LossFunction, as_batches
from landscape.evaluation.evaluator import buffer_copies
from landscape.evaluation.examples import arguments, count
from landscape.kinks.loss import checked, per_example_loss
from landscape.parameters import evaluation_mode, flatten, layout_of, unflatten, unwrapped
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


def gradient(model: nn.Module, loss: str | LossFunction, data: Any, theta: Floats) -> Floats:
    """Return the gradient of the mean loss at ``theta`` [P], in float64 and evaluation mode."""
    model = unwrapped(model)
    device = next(model.parameters()).device
    batches = as_batches(data, device=device, dtype=torch.float64)
    each, layout = per_example_loss(loss), layout_of(model)
    total = torch.zeros(len(theta), dtype=torch.float64, device=device)
    with evaluation_mode(model), torch.enable_grad():
        buffers = buffer_copies(model, torch.float64)
        for part in batches.parts:
            point = torch.from_numpy(np.array(theta)).to(device).requires_grad_()
            args, kwargs = arguments(part[0])
            tensors = {**buffers, **unflatten(point, layout)}
            value = checked(
                each(functional_call(model, tensors, args, kwargs), part[1]), count(part)
            )
            total += torch.autograd.grad(value.sum(), point)[0]
    return (total / batches.examples).cpu().numpy()
