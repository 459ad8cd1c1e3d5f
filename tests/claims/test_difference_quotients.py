from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem
from landscape.claims.difference_quotients import crossings_of, differences, misled
from landscape.records.segment import Segment


def output(values, _):
    return values.sum(dim=-1)


class Planted(nn.Module):
    """relu(w x) plus w: slopes 1 + x where w x > 0, else 1, for a positive x."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
        self.act = nn.ReLU()

    def forward(self, inputs):
        return self.act(self.weight * inputs) + self.weight


SEGMENT = Segment(np.zeros(1), np.ones(1), -0.7, 1.0, "custom")
EXAMPLES = torch.tensor([[3.0]], dtype=torch.float64), torch.zeros(1)


def planted() -> Problem:
    return Problem(Planted(), output, EXAMPLES)


def test_the_planted_kink_is_found_with_its_jump():
    places, jumps = crossings_of(planted(), SEGMENT, 5)
    np.testing.assert_allclose(places, [0.0], atol=1e-9)
    np.testing.assert_allclose(jumps, [3.0], rtol=1e-9)


def test_one_sided_differences_give_the_sides_and_the_central_one_their_mean():
    steps = np.array([1e-1, 1e-3, 1e-5])
    found = differences(planted(), SEGMENT, np.zeros(1), steps)
    np.testing.assert_allclose(found["backward"], [[1.0] * 3], rtol=1e-9)
    np.testing.assert_allclose(found["forward"], [[4.0] * 3], rtol=1e-9)
    np.testing.assert_allclose(found["central"], [[2.5] * 3], rtol=1e-9)
    assert (found["left"][0], found["right"][0]) == (1.0, 4.0)
    # Autograd answers with one of the two, that of ReLU'(0) = 0.
    assert found["at"][0] == 1.0
    assert misled(found["central"][:, -1], found["left"], found["right"]) == pytest.approx(1.5 / 4)


def test_beside_a_kink_the_difference_is_right_once_it_is_narrow_enough():
    steps = np.array([0.1, 0.02, 0.005])
    found = differences(planted(), SEGMENT, np.array([0.01]), steps)
    # The stencil of h reaches over the kink by h - 0.01: it sees that share of the other slope.
    wanted = [4 - 3 * (h - 0.01) / (2 * h) for h in (0.1, 0.02)] + [4.0]
    np.testing.assert_allclose(found["central"][0], wanted, rtol=1e-9)


def test_jumps_are_the_difference_of_the_sides_in_a_real_network(examples):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    size = sum(p.numel() for p in model.parameters())
    theta = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()
    direction = np.random.default_rng(0).standard_normal(size)
    line = Segment(theta, direction / np.linalg.norm(direction), -1.0, 1.0, "random")
    problem = Problem(model, "cross_entropy", examples)
    places, jumps = crossings_of(problem, line, 8)
    assert len(places) > 3
    found = differences(problem, line, places, np.array([1e-6]))
    # J is interpolated between samples, and its place is exact.
    errors = np.abs((found["right"] - found["left"]) / jumps - 1)
    assert np.median(errors) < 0.01
    assert errors.max() < 0.1
    middle = (found["left"] + found["right"]) / 2
    np.testing.assert_allclose(found["central"][:, 0], middle, rtol=1e-5, atol=1e-7)


def test_central_differences_of_a_smooth_loss_improve_with_the_square_of_the_step(model, examples):
    theta = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()
    direction = np.random.default_rng(0).standard_normal(len(theta))
    line = Segment(theta, direction / np.linalg.norm(direction), -1.0, 1.0, "random")
    steps = np.array([2e-2, 1e-2])
    problem = Problem(model, "cross_entropy", examples)
    found = differences(problem, line, np.zeros(1), steps)
    errors = np.abs(found["central"][0] - found["at"][0])
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.01)
