from __future__ import annotations

import numpy as np
import pytest
import torch
from dynamics.quadratics import Weights, bowl, half_square

from landscape.dynamics.stability import largest_stable_rates, stability_limits
from landscape.dynamics.stable_rate import boldness, sharpness_at


@pytest.mark.parametrize("momentum", [0.5, 0.9])
@pytest.mark.parametrize("curvature", [0.3, 7.0])
def test_largest_stable_rates_of_a_quadratic_are_known(curvature, momentum):
    found = largest_stable_rates(
        Weights([1.0]), half_square, bowl(curvature), steps=600, momentum=momentum,
        start=0.2 * stability_limits(curvature, momentum), tolerance=0.003,
    )  # fmt: skip
    wanted = [
        2 / curvature,
        2 * (1 + momentum) / curvature,
        2 * (1 + momentum) / ((1 + 2 * momentum) * curvature),
    ]
    np.testing.assert_allclose(found, wanted, rtol=0.02)


def test_the_sharpest_direction_limits_the_rate():
    found = largest_stable_rates(
        Weights([1.0, 1.0, 1.0]), half_square, bowl(0.1, 1.0, 4.0), steps=400,
        start=np.full(3, 0.01), tolerance=0.003,
    )  # fmt: skip
    np.testing.assert_allclose(found, stability_limits(4.0), rtol=0.02)


def test_a_ladder_that_starts_too_high_comes_down():
    found = largest_stable_rates(
        Weights([1.0]), half_square, bowl(1.0), steps=100, start=np.full(3, 1e3), tolerance=0.01
    )
    np.testing.assert_allclose(found, stability_limits(1.0), rtol=0.05)


def test_what_is_stable_at_every_rate_has_no_largest():
    def falling(output, _):
        return torch.exp(-output).sum(dim=-1)

    found = largest_stable_rates(Weights([1.0]), falling, bowl(1.0), steps=2, start=np.ones(3))
    assert np.isinf(found).all()


def test_boldness_of_a_quadratic_is_a_fifth_of_the_inverse_curvature():
    # |a^2 c g^2 / 2| <= 0.1 a g^2 up to a = 0.2 / c.
    found = boldness(Weights([1.0]), half_square, bowl(5.0), np.array([[1.0], [-3.0]]))
    np.testing.assert_allclose(found, 0.2 / 5.0, rtol=1e-3)


def test_sharpness_is_the_largest_curvature():
    theta = np.array([0.3, -1.0])
    assert sharpness_at(Weights([0.0, 0.0]), half_square, bowl(2.0, 9.0), theta) == pytest.approx(9)
