"""The slope change predicted from the start of a step: closed forms, theorems, plain torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from landscape import (
    Problem,
    Segment,
    activations,
    gradient,
    predicted_slope_change,
    slope_budget,
)
from landscape.kinks import measuring
from landscape.networks import build

F64 = torch.float64
TWO = torch.tensor([0.3, -0.2, 0.1, 0.4], dtype=F64)


class Along(nn.Module):
    """A function of one parameter t and the inputs."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.t = nn.Parameter(torch.zeros(1, dtype=F64))
        self.function = function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.function(self.t, inputs)


def output(value: Tensor, _: Tensor) -> Tensor:
    return value.reshape(len(value))


def along(function: Callable, start: float = -1.0, step: float = 2.0, loss: Callable = output):
    """Predict from t = start over a step; return it with the change of the loss by plain torch."""
    inputs = torch.ones(1, 1, dtype=F64)
    problem = Problem(Along(function), loss, (inputs, torch.zeros(1, dtype=F64)))
    found = predicted_slope_change(problem, Segment(np.array([start]), np.array([step])))
    at = [function(torch.tensor([t], dtype=F64), inputs) for t in (start, start + step)]
    values = [loss(value, torch.zeros(1, dtype=F64)).item() for value in at]
    return found, values[1] - values[0]


def row(*values: Tensor) -> Tensor:
    return torch.stack(values, -1).reshape(1, 1, -1)


def pooled(values: Tensor) -> Tensor:
    return functional.max_pool1d(values, values.shape[-1])


COPY = [(k.place / 3.2, 3.2 * k.jump) for k in activations.get("pwl_gelu_1").kinks
        if abs(k.place) < 3.2]  # fmt: skip
# A function of (t, x) at x = 1, linear in pieces: places and jumps of its slope for t in (-1, 1).
STRAIGHT = {
    "relu": (lambda t, x: torch.relu(x * t - 0.3), [(0.3, 1)]),
    "relu the other way": (lambda t, x: torch.relu(0.3 - x * t), [(0.3, 1)]),
    "leaky": (lambda t, x: functional.leaky_relu(x * t - 0.3, 0.2), [(0.3, 0.8)]),
    "prelu": (
        lambda t, x: functional.prelu(x * t + 0.1, torch.tensor([0.25], dtype=F64)), [(-0.1, 0.75)],
    ),
    "relu6, both knots": (
        lambda t, x: functional.relu6(10 * x * t + 1), [(-0.1, 10), (0.5, -10)],
    ),
    "hardtanh, both knots": (lambda t, x: functional.hardtanh(2 * x * t), [(-0.5, 2), (0.5, -2)]),
    "hardsigmoid": (lambda t, x: functional.hardsigmoid(6 * x * t), [(-0.5, 1), (0.5, -1)]),
    "softshrink": (lambda t, x: functional.softshrink(x * t), [(-0.5, -1), (0.5, 1)]),
    "threshold": (lambda t, x: functional.threshold(x * t, 0.0, 0.0), [(0.0, 1)]),
    "rrelu": (lambda t, x: functional.rrelu(x * t, 0.1, 0.3, training=False), [(0.0, 0.8)]),
    "abs": (lambda t, x: (x * t + 0.25).abs(), [(-0.25, 2)]),
    "clamp": (lambda t, x: torch.clamp(x * t, -0.2, 0.4), [(-0.2, 1), (0.4, -1)]),
    "clamp by a tensor": (lambda t, x: torch.clamp(x * t, min=TWO[:1]), [(0.3, 1)]),
    "maximum": (lambda t, x: torch.maximum(x * t, 0.1 * x * t), [(0.0, 0.9)]),
    "minimum": (lambda t, x: torch.minimum(x * t, 0.5 - x * t), [(0.25, -2)]),
    "where": (lambda t, x: torch.where(x * t > 0.2, x * t, 0.2), [(0.2, 1)]),
    "where, downwards": (lambda t, x: torch.where(x * t < 0.2, x * t, 0.4 - x * t), [(0.2, -2)]),
    "mask": (lambda t, x: (x * t > 0) * (3 * x * t), [(0.0, 3)]),
    "nine knots": (lambda t, x: activations.make("pwl_gelu_1")(3.2 * x * t), COPY),
    "max pooling": (
        lambda t, x: pooled(row(0 * t * x, t * x - 0.2, 3 * t * x - 1.6)), [(0.2, 1), (0.7, 2)],
    ),
    "max along a dimension": (
        lambda t, x: torch.stack([-t * x, t * x - 0.2], -1).max(dim=-1)[0], [(0.1, 2)],
    ),
    "least along a dimension": (
        lambda t, x: torch.stack([-t * x, t * x - 0.2], -1).amin(dim=-1), [(0.1, -2)],
    ),
    "relu of relu": (lambda t, x: torch.relu(torch.relu(x * t)), [(0.0, 1)]),
    "relu of relu of relu": (
        lambda t, x: torch.relu(torch.relu(torch.relu(x * t - 0.2))), [(0.2, 1)],
    ),
    "abs of relu": (lambda t, x: torch.relu(x * t - 0.2).abs(), [(0.2, 1)]),
    "pooling of zeros": (
        lambda t, x: pooled(torch.relu(row(-t - 2, 2 * t - 1, t - 0.2, -t - 3))),
        [(0.2, 1), (0.8, 1)],
    ),
    "pooling of a unit that dies": (
        lambda t, x: pooled(torch.relu(row(-t, t - 0.5))), [(0.0, 1), (0.5, 1)],
    ),
    "relu of pooling of relu": (
        lambda t, x: torch.relu(pooled(torch.relu(row(-t - 2, t - 0.2)))), [(0.2, 1)],
    ),
    "a dead unit": (lambda t, x: torch.relu(x * t - 3) + t * x, []),
    "a unit at rest": (lambda t, x: torch.relu(0 * x * t) + t * x, []),
    "a constant background": (lambda t, x: pooled(row(0 * t * x, 0 * t * x)), []),
    "kinks that cancel": (lambda t, x: torch.relu(x * t) - torch.relu(-x * t), []),
}  # fmt: skip


@pytest.mark.parametrize("name", STRAIGHT)
def test_lines_in_pieces_are_predicted_exactly(name: str) -> None:
    function, wanted = STRAIGHT[name]
    found, change = along(function)
    places, jumps = np.array(wanted).reshape(-1, 2).T
    # In units of the step, of length 2 in t.
    assert found.kink == pytest.approx(2 * jumps.sum(), abs=1e-9)
    assert found.taken_back == pytest.approx(jumps @ (1 - places), abs=1e-9)
    assert found.slope + found.taken_back == pytest.approx(change, abs=1e-9)
    if name != "kinks that cancel":
        assert found.kink_size == pytest.approx(2 * np.abs(jumps).sum(), abs=1e-9)
        assert found.taken_back_size == pytest.approx(np.abs(jumps) @ (1 - places), abs=1e-9)
    assert found.smooth == found.drift == found.bend_taken_back == 0
    assert found.unseen == ()
