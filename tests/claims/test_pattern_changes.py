"""Flips that were planted, and changes that are known."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from landscape.claims.pattern_changes import gradient_changes, pattern_changes


def one_unit(act):
    """z = b on every one of four examples: the weight is 0."""
    model = nn.Sequential(nn.Linear(1, 1), act, nn.Linear(1, 1)).double()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return model


def path(*biases):
    """Parameters weight, bias, weight, bias along a path of the first bias."""
    return np.array([[0.0, b, 0.0, 0.0] for b in biases])


INPUTS = torch.zeros(4, 1, dtype=torch.float64)


def test_planted_flips():
    found = pattern_changes(one_unit(nn.ReLU()), INPUTS, path(1, 2, -1, -1, 1))
    assert found.layers == ("1",)
    assert found.flips[:, 0].tolist() == [0, 1, 0, 1]
    assert found.change[:, 0].tolist() == [0, 1, 0, 1]
    assert found.complete[:, 0].tolist() == [0, 1, 0, 1]
    # Two changes of 1 each: the largest holds half. None follows another at once.
    assert found.concentration[0] == 0.5
    assert found.autocorrelation[0] == 0.0


def test_one_example_of_four_flips():
    model = one_unit(nn.ReLU())
    inputs = torch.tensor([[0.0], [0.0], [0.0], [1.0]], dtype=torch.float64)
    thetas = np.array([[0.0, 1.0, 0.0, 0.0], [-2.0, 1.0, 0.0, 0.0]])
    found = pattern_changes(model, inputs, thetas)
    assert found.flips[0, 0] == 0.25
    assert found.change[0, 0] == 0.25


def test_a_bounce_is_taken_back_and_a_drift_goes_on():
    bounce = pattern_changes(one_unit(nn.ReLU()), INPUTS, path(1, -1, 1, -1, 1))
    # Four changes of size 1, three products of -1.
    assert bounce.autocorrelation[0] == pytest.approx(-3 / 4)
    assert bounce.concentration[0] == pytest.approx(1 / 4)
    drift = pattern_changes(one_unit(nn.Tanh()), INPUTS, path(*np.linspace(0, 1, 50)))
    assert drift.autocorrelation[0] > 0.9
    assert drift.concentration[0] < 0.05


def test_a_smooth_activation_changes_by_its_own_derivative():
    biases = [0.0, 0.5, -1.0]
    found = pattern_changes(one_unit(nn.Tanh()), INPUTS, path(*biases))
    slopes = [1 - math.tanh(b) ** 2 for b in biases]
    assert found.change[:, 0] == pytest.approx(np.abs(np.diff(slopes)))
    assert np.isnan(found.flips).all()
    assert found.complete[:, 0].tolist() == [0.0, 0.0]


def test_pieces_of_several_kinks():
    found = pattern_changes(one_unit(nn.Hardtanh()), INPUTS, path(0, 2, -2, -2))
    assert found.flips[:, 0].tolist() == [1, 1, 0]
    # From flat to flat over the middle: another piece, the same slope.
    assert found.change[:, 0].tolist() == [1, 0, 0]


def test_nothing_changes():
    found = pattern_changes(one_unit(nn.ReLU()), INPUTS, path(1, 1, 1))
    assert np.isnan(found.concentration[0])
    assert np.isnan(found.autocorrelation[0])
    with pytest.raises(ValueError, match="at least two"):
        pattern_changes(one_unit(nn.ReLU()), INPUTS, path(1))


def test_gradients_of_a_path():
    steps = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.5]])
    assert gradient_changes(steps) == pytest.approx([math.sqrt(2), 0.5])
