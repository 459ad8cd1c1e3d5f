from __future__ import annotations

import numpy as np
import pytest
from claims.quadratics import Weights, absolute, bowl, half_square
from torch import nn

from landscape import Problem
from landscape.claims.bounce import LEVELS, bounce, verdict
from landscape.claims.sharpest import sharpest
from landscape.claims.twins import activations_of, twins
from landscape.records.results import Analysis


class Bent(nn.Module):
    """One unit z = w x, given through ``act`` (so that z can be watched), and z itself."""

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        self.inner, self.act = Weights(start), nn.Tanh()

    def forward(self, inputs):
        z = self.inner(inputs)
        return z + 0 * self.act(z)


def bent(start: float, curvature: float, loss=half_square) -> Problem:
    return Problem(Bent([start]), loss, bowl(curvature))


def test_the_sharpest_direction_of_a_quadratic_is_found_at_any_scale():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    values = np.linspace(0.5, 20, 12)
    matrix = basis @ np.diag(values) @ basis.T
    for scale in (1e-4, 1.0, 30.0):
        found, directions = sharpest(
            lambda p: p @ matrix, np.ones((2, 12)), rng.standard_normal((2, 12)),
            scales=np.array([scale, 2 * scale]),
        )  # fmt: skip
        np.testing.assert_allclose(found, 20, rtol=1e-6)
        np.testing.assert_allclose(np.abs(directions @ basis[:, -1]), 1, atol=1e-6)


@pytest.mark.parametrize(("level", "reversals"), [(0.5, 0.0), (1.5, 1.0), (1.9, 1.0)])
def test_a_quadratic_reverses_above_one_and_never_below(level, reversals):
    run = bounce(bent(1.0, 3.0), levels=(level,), steps=12, every=6)[0]
    np.testing.assert_allclose(run["sharpness"], 3.0, rtol=1e-6)
    np.testing.assert_allclose(run["rates"], level / 3.0, rtol=1e-6)
    np.testing.assert_allclose(run["cosines"], 1 - 2 * reversals, atol=1e-9)
    known = run["reversals"][np.isfinite(run["reversals"])]
    np.testing.assert_array_equal(known, reversals)
    # The unit's sign is that of the weight: it crosses with every reversal, and back.
    np.testing.assert_array_equal(run["crossings"], reversals)


def test_losses_of_a_quadratic_fall_by_the_known_factor():
    run = bounce(bent(2.0, 1.0), levels=(0.5,), steps=5, every=5)[0]
    np.testing.assert_allclose(run["losses"], 2.0 * 0.25 ** np.arange(5), rtol=1e-6)


def test_the_curvature_of_a_kink_is_its_jump_over_the_scale():
    # Of |w| the slopes at -0.2 +- 0.5 are 1 and -1; at -0.2 +- 0.1 both are -1.
    for scale, curvature in ((0.5, 2 / (2 * 0.5)), (0.1, 0.0)):
        found, _ = sharpest(np.sign, np.array([[-0.2]]), np.ones((1, 1)), scales=np.array([scale]))
        assert found == pytest.approx([curvature])


def test_the_absolute_value_bounces_left_and_right_once_a_step_reaches_over_the_kink():
    # |w| + w^2 / 2 from 1: the first rate, 1.5 over a curvature of 1, leads across the kink; what
    # is measured later at the scale of a step sees it, 1 + 1 / h.
    def both(output, target):
        return absolute(output, target) + half_square(output, target)

    run = bounce(bent(1.0, 1.0, both), levels=(1.5,), steps=9, every=3)[0]
    assert set(run["reversals"][np.isfinite(run["reversals"])]) == {1.0}
    np.testing.assert_allclose(run["cosines"], -1)
    assert (run["sharpness"][1:] > 1).all()


def test_a_unit_that_goes_left_and_right_is_counted_as_taken_back():
    run = bounce(bent(1.0, 3.0), levels=(1.8,), steps=8, every=8)[0]
    # Every crossing is taken back by the step after; the first step has none before it.
    np.testing.assert_array_equal(run["returns"][1:], 1.0)


def test_a_quadratic_above_the_edge_diverges_at_the_known_pace():
    run = bounce(bent(1.0, 1.0), levels=(2.5,), steps=10, every=10)[0]
    np.testing.assert_allclose(run["losses"], 0.5 * 2.25 ** np.arange(10), rtol=1e-5)


def test_copies_do_not_touch_each_other_and_one_that_is_exhausted_stops():
    rng = np.random.default_rng(3)
    values = np.array([[1.0, 2.0, 9.0], [-3.0, -2.0, -1.0]])
    starts = rng.standard_normal((2, 3))
    # Of the second, whose curvatures are all negative, the largest is -1; of a start that is an
    # eigenvector nothing else can be seen.
    starts[1] = (0.0, 0.0, 1.0)
    found, _ = sharpest(
        lambda p: p * np.tile(values, (len(p) // 2, 1)), np.zeros((2, 3)), starts,
        scales=np.ones(2),
    )  # fmt: skip
    np.testing.assert_allclose(found, [9.0, -1.0], rtol=1e-9)


def test_levels_that_run_together_are_what_they_are_alone():
    levels = (0.5, 1.5, 2.5)
    both = bounce(bent(1.0, 3.0), levels=levels, steps=8, every=4)
    for level, run in zip(levels, both, strict=True):
        (alone,) = bounce(bent(1.0, 3.0), levels=(level,), steps=8, every=4)
        for name, numbers in run.items():
            np.testing.assert_allclose(numbers, alone[name], rtol=1e-9)


def test_the_sentence_says_how_much_of_the_promise_reverses():
    names = activations_of(twins("few"))
    shape = (len(names), len(LEVELS))

    def analysis(seed):
        zeros = {key: np.zeros(shape) for key in ("reversals", "returns", "last_losses")}
        arrays = zeros | {"ended": np.full(shape, 30.0), "along": np.full(shape, 0.5),
                          "cosines": np.full(shape, 0.99)}  # fmt: skip
        for kinked, share in zip(dict.fromkeys(t.kinked for t in twins("few")), (1e-4, 3e-4, 2e-4,
                                 2e-4), strict=True):  # fmt: skip
            arrays["along"][names.index(kinked)] = share * np.array([9, 1, 10]) * (1 + seed)
        settings = {"seed": seed, "group": "made", "activations": list(names),
                    "effort": {"steps": 30}}  # fmt: skip
        return Analysis("claims", arrays, settings)

    told = verdict([analysis(seed) for seed in (0, 1, 0)]).sentence
    assert "0.01 % to 0.03 % at 1.5, 0.1 % to 0.3 % at 2.5 (kinked twins" in told
    assert "keep a cosine of 0.99 or more" in told


def test_losses_are_compared_at_equal_rate_x_sharpness_and_a_divergence_is_censored():
    names = activations_of(twins("few"))
    shape = (len(names), len(LEVELS))
    rng = np.random.default_rng(0)

    def analysis(seed):
        luck = np.exp(rng.normal(0, 1))
        arrays = {key: np.zeros(shape) for key in ("reversals", "returns", "cosines", "along")}
        arrays |= {"last_losses": np.full(shape, luck), "ended": np.full(shape, 30.0)}
        # ReLU ends at twice the loss; above the edge one seed's left the numbers.
        arrays["last_losses"][names.index("relu")] *= 2
        arrays["ended"][names.index("relu"), 2] = 30 if seed else 7
        settings = {"seed": seed, "group": "made", "activations": list(names),
                    "effort": {"steps": 30}}  # fmt: skip
        return Analysis("claims", arrays, settings)

    found = verdict([analysis(seed) for seed in range(5)])
    shown = {c.name: c for c in found.shown}
    told = "loss at the end at rate x sharpness {}: relu against smelu_0.1, made"
    assert np.exp(shown[told.format(1.5)].effect.estimate) == pytest.approx(2)
    above = shown[told.format(2.5)].effect
    assert (above.n, above.censored) == (5, 1)
    assert shown[told.format(1.5)].claimed == 1
    # How often a run reversed that did not go to its end is not known.
    broken = [c.name for c in found.contrasts if c.effect.censored]
    assert [(name.partition(" at ")[0], "2.5: relu against" in name) for name in broken] == [
        (name, True) for name in ("share of steps that reverse", "share of crossings taken back")
        for _ in ("smelu_0.1", "smelu_0.3")
    ]  # fmt: skip
    assert {c.family for c in found.contrasts if "sharpness 1.5" in c.name} == {"bounce"}
    assert {c.family for c in found.contrasts if "sharpness 2.5" in c.name} == {""}
