"""The loss around a centre over many random planes, where it is known exactly."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from landscape import Grid, Problem, SamplingConfig, plane_variability, random_plane, sample
from landscape.curvature.expected_hessian import hessian_product

Pair = tuple[Tensor, Tensor]
ENGINE = SamplingConfig(strategy="loop", chunk=8, batch_size=64, threads=1)


def test_the_mean_over_a_circle_is_that_of_the_curvatures() -> None:
    """Of a quadratic loss: L + r^2 (c_alpha + c_beta) / 4, plane by plane."""
    torch.manual_seed(0)
    model, pair = nn.Linear(6, 2).double(), (torch.randn(20, 6).double(), torch.randn(20, 2))
    spread = plane_variability(Problem(model, "mse", pair), planes=4, seed=7, engine=ENGINE)
    operator = hessian_product(Problem(model, "mse", pair))
    centre = spread.arrays["centre"]
    wanted = nn.functional.mse_loss(model(pair[0]), pair[1].double())
    assert float(centre) == pytest.approx(wanted.item())
    for seed, losses in zip(spread.arrays["seeds"], spread.arrays["losses"], strict=True):
        plane = random_plane(model, seed=int(seed))
        curvatures = sum(d @ (operator @ d) for d in plane.directions)
        expected = centre + spread.arrays["radii"] ** 2 * curvatures / 4
        np.testing.assert_allclose(losses, expected, rtol=1e-12)


def test_the_points_are_those_a_surface_has(model: nn.Module, problem: Problem) -> None:
    spread = plane_variability(
        problem,
        planes=2,
        radii=np.array([1.0]),
        angles=4,
        engine=ENGINE,
    )
    for row, seed in enumerate((0, 1)):
        losses = sample(
            problem,
            random_plane(model, seed=seed),
            grid=Grid.square(3),
            engine=ENGINE,
        ).losses
        four = [losses[2, 1], losses[1, 2], losses[0, 1], losses[1, 0]]
        assert spread.arrays["losses"][row, 0] == pytest.approx(np.mean(four), rel=1e-12)


def test_the_spread_is_over_planes(problem: Problem) -> None:
    told: list[int] = []
    spread = plane_variability(problem, planes=5, engine=ENGINE, progress=told.append)
    losses = spread.arrays["losses"]
    assert losses.shape == (5, 8)
    np.testing.assert_array_equal(spread.arrays["median"], np.sort(losses, axis=0)[2])
    np.testing.assert_array_equal(spread.arrays["low"], losses.min(axis=0))
    np.testing.assert_array_equal(spread.arrays["high"], losses.max(axis=0))
    assert np.all(spread.arrays["low"] < spread.arrays["high"])
    assert told == [8 * 16] * 5
    assert spread.kind == "plane_variability"
    assert spread.settings["normalisation"] == "filter"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, e: plane_variability(Problem(m, "mse", e), planes=1),
            "at least 2 planes and 4 angles",
        ),
        (
            lambda m, e: plane_variability(Problem(m, "mse", e), angles=3),
            "at least 2 planes and 4 angles",
        ),
        (
            lambda m, e: plane_variability(Problem(m, "mse", e), radii=np.array([0.0, 1.0])),
            "positive and incr",
        ),
        (
            lambda m, e: plane_variability(Problem(m, "mse", e), radii=np.array([1.0, 0.5])),
            "positive and incr",
        ),
        (
            lambda m, e: plane_variability(Problem(m, "mse", e), radii=np.array([])),
            "positive and increasing",
        ),
    ],
)
def test_impossible_circles_are_refused(
    call: Callable[[nn.Module, Pair], object], message: str, model: nn.Module, examples: Pair
) -> None:
    with pytest.raises(ValueError, match=message):
        call(model, examples)
