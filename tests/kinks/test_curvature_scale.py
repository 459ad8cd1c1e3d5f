"""Curvature against scale."""

from typing import Any

import numpy as np
import pytest
import torch

from landscape import Problem, data, random_segment
from landscape.kinks import curvature_against_scale
from landscape.networks import build


def measured(activation: str, scales: list[float], loss: Any = "cross_entropy"):
    batch = data.load("digits", standardise="features")
    pair = (batch.inputs[:100], batch.targets[:100])
    model = build("mlp", activation=activation, hidden=(12, 12), dtype=torch.float64)
    problem = Problem(model, loss, pair)
    return curvature_against_scale(
        problem, random_segment(model, span=0.2), scales=scales, centres=50, samples=129
    )


def test_the_jumps_predict_the_spread_of_a_kinked_network() -> None:
    scales = [1e-2, 1e-3, 1e-4]
    found = measured("relu", scales)
    ratios, predicted = found.arrays["ratios"], found.arrays["predicted"]
    assert found.settings["budget_passed"]
    # Rough at these scales, centre by centre as the jumps say.
    assert np.all(ratios.std(axis=1) > 0.05)
    for one, other in zip(ratios, predicted, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.98
    assert ratios.std(axis=1)[1:] == pytest.approx(predicted.std(axis=1)[1:], rel=0.05)


def test_a_smooth_network_comes_nearer_with_the_square_of_the_scale() -> None:
    found = measured("tanh", [4e-2, 2e-2, 1e-2])
    spread = found.arrays["ratios"].std(axis=1)
    assert np.diff(np.log2(spread)) == pytest.approx([-2, -2], abs=0.2)
    assert np.all(found.arrays["predicted"] == 1)
    assert np.all(np.abs(found.arrays["rounding"]) < 1e-6)


def test_the_jumps_of_a_summed_loss_predict_its_spread() -> None:
    found = measured("relu", [1e-2], loss=torch.nn.CrossEntropyLoss(reduction="sum"))
    ratios, predicted = found.arrays["ratios"], found.arrays["predicted"]
    mean = measured("relu", [1e-2]).arrays
    np.testing.assert_allclose(predicted, mean["predicted"], rtol=1e-9)
    np.testing.assert_allclose(found.arrays["curvatures"], 100 * mean["curvatures"], rtol=1e-9)
    assert np.corrcoef(ratios[0], predicted[0])[0, 1] > 0.98


def test_scales_are_checked() -> None:
    with pytest.raises(ValueError, match="scales > 0 are needed"):
        measured("relu", [0.0])
