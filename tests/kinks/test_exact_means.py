"""Means over the examples to the last bit, whatever the loss is over all of them."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Grid, Problem, random_plane, random_segment
from landscape.kinks import curvature_against_scale, kink_cut_surface, kink_map


@pytest.fixture
def problems():
    """The mean and the sum of one loss over 7 examples, whose reciprocal is rounded."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 6), nn.ReLU(), nn.Linear(6, 2)).double()
    data = torch.randn(7, 3, dtype=torch.float64), torch.arange(7) % 2
    return [Problem(model, nn.CrossEntropyLoss(reduction=how), data) for how in ("mean", "sum")]


def test_curvatures_of_a_mean_are_the_sum_divided_by_the_number_of_examples(problems):
    """They were multiplied by the rounded reciprocal, and differed in their last bit."""
    mean, total = (
        curvature_against_scale(p, random_segment(p.model), scales=(1e-2,), centres=8, samples=17)
        for p in problems
    )
    np.testing.assert_array_equal(mean.arrays["curvatures"], total.arrays["curvatures"] / 7)


def test_slopes_beside_creases_of_a_mean_are_the_sum_divided_by_the_number_of_examples(problems):
    plane, grid = random_plane(problems[0].model), Grid.square(5, 0.3)
    mean, total = (
        kink_cut_surface(p, plane, kink_map(p, plane, grid=grid), grid=grid) for p in problems
    )
    np.testing.assert_array_equal(mean.gradients, total.gradients / 7)
