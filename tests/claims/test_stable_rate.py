from __future__ import annotations

import numpy as np
import pytest
import torch
from claims.quadratics import Weights, bowl, quadratic

from landscape import Problem
from landscape.claims import stable_rate
from landscape.claims.effort import Effort
from landscape.claims.optimizers import Methods
from landscape.claims.primary import deciding_twins
from landscape.claims.rates import sharpness_at
from landscape.claims.setting import Setting
from landscape.claims.stability import largest_stable_rates, reach, stability_limits, stable_ranges
from landscape.claims.stable_rate import linear_range
from landscape.claims.stacked import descend
from landscape.networks.spec import network_spec
from landscape.records.results import Analysis


@pytest.mark.parametrize("momentum", [0.5, 0.9])
@pytest.mark.parametrize("curvature", [0.3, 7.0])
def test_largest_stable_rates_of_a_quadratic_are_known(curvature, momentum):
    found = largest_stable_rates(
        quadratic([1.0], curvature), steps=600, momentum=momentum,
        start=0.2 * stability_limits(curvature, momentum), tolerance=0.003,
    )  # fmt: skip
    wanted = [
        2 / curvature,
        2 * (1 + momentum) / curvature,
        2 * (1 + momentum) / ((1 + 2 * momentum) * curvature),
    ]
    np.testing.assert_allclose(found, wanted, rtol=0.02)


@pytest.mark.parametrize("momentum", [0.5, 0.9])
@pytest.mark.parametrize("curvature", [0.3, 7.0])
def test_stable_rates_of_a_quadratic_reach_to_the_known_limits(curvature, momentum):
    limits = stability_limits(curvature, momentum)
    rates = 0.31 * limits[:, None] * 1.02 ** np.arange(120)
    found = stable_ranges(quadratic([1.0], curvature), rates, steps=300,
                          momentum=momentum)  # fmt: skip
    np.testing.assert_allclose(found, limits, rtol=0.025)


def test_stable_rates_above_an_unstable_one_count_by_their_share():
    rates = np.geomspace(1, 32, 6)[None]
    fine, bad, half = [4, 1, 1, 1, 1], [4, 9, 9, 9, 9], [4, 1, 1, 9, 1]
    assert reach(np.array([[fine, fine, bad, fine, bad, bad]]), rates) == pytest.approx([2**2.5])
    # The second half of four steps are three records, the middle one among them.
    (found,) = reach(np.array([[fine, fine, half, bad, bad, bad]]), rates)
    assert found == pytest.approx(2 ** (1.5 + 2 / 3))
    diverged = [4, 1, np.inf, np.inf, np.inf]
    assert reach(np.array([[fine, *[diverged] * 5]]), rates) == pytest.approx([2**0.5])
    assert np.isinf(reach(np.array([[fine] * 6]), rates))[0]


def test_the_sharpest_direction_limits_the_rate():
    found = largest_stable_rates(
        quadratic([1.0, 1.0, 1.0], 0.1, 1.0, 4.0), steps=400,
        start=np.full(3, 0.01), tolerance=0.003,
    )  # fmt: skip
    np.testing.assert_allclose(found, stability_limits(4.0), rtol=0.02)


def test_a_ladder_that_starts_too_high_comes_down():
    found = largest_stable_rates(
        quadratic([1.0], 1.0), steps=100, start=np.full(3, 1e3), tolerance=0.01
    )
    np.testing.assert_allclose(found, stability_limits(1.0), rtol=0.05)


def test_what_is_stable_at_every_rate_has_no_largest():
    def falling(output, _):
        return torch.exp(-output).sum(dim=-1)

    found = largest_stable_rates(
        Problem(Weights([1.0]), falling, bowl(1.0)), steps=2, start=np.ones(3)
    )
    assert np.isinf(found).all()


def test_linear_range_of_a_quadratic_is_a_fifth_of_the_inverse_curvature():
    # |a^2 c g^2 / 2| <= 0.1 a g^2 up to a = 0.2 / c.
    found = linear_range(quadratic([1.0], 5.0), np.array([[1.0], [-3.0]]))
    np.testing.assert_allclose(found, 0.2 / 5.0, rtol=1e-3)


def test_sharpness_is_the_largest_curvature():
    theta = np.array([0.3, -1.0])
    assert sharpness_at(quadratic([0.0, 0.0], 2.0, 9.0), theta) == pytest.approx(9)


def test_every_method_has_a_largest_stable_rate_and_descent_is_measured_alone(monkeypatch):
    """What is stacked beside gradient descent changes its last bits, and near the edge more."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(30, 4, generator=generator, dtype=torch.float64)
    setting = Setting(
        data="made", inputs=inputs, targets=(inputs[:, 0] > 0).long(), seed=0,
        network=network_spec("mlp", input_shape=(4,), outputs=2, hidden=(5,)),
        effort=Effort(steps=8, rates=8, records=2),
    )  # fmt: skip
    asked = []

    def noted(*args, names, **options):
        asked.append(tuple(names))
        return largest_stable_rates(*args, names=names, **options)

    monkeypatch.setattr(stable_rate, "largest_stable_rates", noted)
    found = stable_rate.measure(setting)
    count = len(found.settings["activations"])
    assert asked == [("gd",), ("heavy_ball", "nesterov")] * count
    rates = found.arrays["stable_rates"]
    assert rates.shape == (count, 3)
    known = np.isfinite(rates[0])
    for rate, momentum, ahead in np.column_stack([rates[0], [0, 0.9, 0.9], [0, 0, 1]])[known]:
        methods = Methods(*np.array([[rate], [momentum], [ahead]]))
        single = setting.problem("relu", dtype=torch.float32)
        losses = descend(single, methods, steps=8).losses[0]
        assert losses[-1] < losses[0]
    # How far stable rates reach is measured where it is compared: of the few twins, of all.
    assert not np.isnan(found.arrays["stable_ranges"]).any()
    with_it = stable_rate.verdict([found, found]).shown
    arrays = {key: v for key, v in found.arrays.items() if key != "stable_ranges"}
    older = Analysis(found.kind, arrays, found.settings)
    without = stable_rate.verdict([older, older]).shown
    added = [c.name for c in with_it if c.name not in {one.name for one in without}]
    assert len(added) == len(deciding_twins())
    assert all(name.startswith("reach of the stable rates: ") for name in added)
