from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import landscape
from landscape import Grid, Plane, Problem, SamplingConfig, Surface, random_plane
from landscape.evaluation.chebyshev import decay_of, decay_rate
from landscape.evaluation.resampling import with_known
from landscape.records.layout import Layout, Slot
from landscape.records.surface import Status

ONE = (torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))
ENGINE = SamplingConfig(strategy="loop", batch_size=1, threads=1)


class Point(nn.Module):
    """Outputs its parameters."""

    def __init__(self, axes: int) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(axes, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.theta.expand(len(inputs), -1)


def resampled(function: Any, grid: Grid, **options: Any) -> Any:
    axes = len(grid.shape)
    layout = Layout((Slot("theta", (axes,)),))
    plane = Plane.through(np.zeros(axes), list(np.eye(axes)), layout)

    def loss(output: Tensor, _target: Tensor) -> Tensor:
        return function(*output.unbind(1))  # type: ignore[no-any-return]

    result = landscape.resample(
        Problem(Point(axes), loss, ONE), plane, grid=grid, engine=ENGINE, **options
    )
    coordinates = torch.from_numpy(grid.coordinates(np.arange(grid.size)))
    truth = function(*coordinates.unbind(1)).numpy().reshape(grid.shape)
    return result, truth


def smooth(a: Tensor, b: Tensor) -> Tensor:
    return torch.exp(a + 0.5 * b) + b**2


def test_a_smooth_surface_needs_few_evaluations_and_says_which() -> None:
    grid = Grid.rectangle((61, 41), (-1.0, 1.0), (0.0, 2.0))
    result, truth = resampled(smooth, grid, height="linear", tolerance=1e-6)
    assert result.converged
    np.testing.assert_allclose(result.surface.losses, truth, atol=1e-6 * np.ptp(truth))
    status = result.surface.status
    evaluated = int((status == Status.EVALUATED).sum())
    assert 9 <= evaluated <= 25
    assert (status == Status.INTERPOLATED).sum() == grid.size - evaluated
    minimum = np.unravel_index(truth.argmin(), truth.shape)
    assert status[minimum] == Status.EVALUATED
    assert result.surface.losses[minimum] == truth[minimum]
    said = result.surface.settings["resampled"]
    assert said["nodes"] == [17, 17]
    assert said["evaluations"] == 17 * 17 + 48 + evaluated
    assert said["estimated_error"] < 1e-6


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("level", "height"), [(2.5, "log"), (0.0, "linear")])
def test_a_constant_loss_converges_at_once(level: float, height: str) -> None:
    """Its range of 0 was divided by, and every point was evaluated."""
    grid = Grid.square(41)
    result, truth = resampled(lambda a, b: 0 * a + 0 * b + level, grid, height=height)
    assert result.converged
    np.testing.assert_allclose(result.surface.losses, truth, rtol=1e-12)


def test_divergences_are_held_to_the_tolerance_and_accuracies_named_as_linear() -> None:
    """Linear interpolation between the nodes left an error of 8 times the tolerance."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)).double()
    pair = torch.randn(60, 4, dtype=torch.float64), torch.arange(60) % 3
    plane, grid = random_plane(model), Grid.square(41)
    engine = SamplingConfig(strategy="vmap", chunk=64, batch_size=60, threads=1)
    problem = Problem(model, "cross_entropy", pair)
    result = landscape.resample(
        problem, plane, grid=grid, tolerance=1e-3, engine=engine, divergence=True
    )
    assert result.converged
    truth = landscape.sample(problem, plane, grid=grid, engine=engine, divergence=True).fields[
        "divergences"
    ]
    found = result.surface.fields["divergences"]
    assert np.abs(found - truth).max() < 1e-4 * np.ptp(truth)
    told = result.surface.settings["resampled"]
    assert told["linear"] == ["accuracies"]
    assert told["estimated_error_of_divergences"] < 5e-4


def test_a_kink_does_not_converge_and_every_point_is_evaluated(
    caplog: pytest.LogCaptureFixture,
) -> None:
    grid = Grid.square(41)
    with caplog.at_level(logging.WARNING):
        result, truth = resampled(lambda a, b: (a - 0.1234).abs() + b**2, grid, height="linear")
    assert not result.converged
    np.testing.assert_array_equal(result.surface.losses, truth)
    assert (result.surface.status == Status.EVALUATED).all()
    assert any("does not reach the tolerance" in line for line in caplog.messages)


def test_values_that_are_not_finite_are_evaluated_not_smoothed_over() -> None:
    grid = Grid.square(31)
    result, truth = resampled(lambda a, b: torch.where(a > 0.5, torch.nan, a + b), grid)
    assert not result.converged
    np.testing.assert_array_equal(result.surface.losses, truth)


def test_the_tolerance_holds_for_the_height_that_is_drawn() -> None:
    grid = Grid.square(121)

    def valley(a: Tensor, b: Tensor) -> Tensor:
        return 1e-4 + (a - 0.313) ** 2 * torch.exp(a) + (b + 0.117) ** 2 * torch.exp(3 * b)

    errors = {}
    for height in ("linear", "log"):
        result, truth = resampled(valley, grid, height=height)
        assert result.converged
        with np.errstate(invalid="ignore", divide="ignore"):
            decades = np.abs(np.log10(result.surface.losses) - np.log10(truth))
        errors[height] = np.nan_to_num(decades, nan=np.inf).max()
    assert errors["log"] < 0.02


@pytest.mark.parametrize("axes", [1, 3])
def test_lines_and_volumes(axes: int) -> None:
    grid = Grid.cube((201,) if axes == 1 else (33, 31, 35))
    result, truth = resampled(lambda *x: sum(torch.sin(v + 0.3) for v in x) + 4.0, grid)
    assert result.converged
    np.testing.assert_allclose(result.surface.losses, truth, atol=1e-3 * np.ptp(truth))


@pytest.mark.parametrize(("axes", "side"), [(1, 130), (2, 26), (3, 22)])
def test_it_never_evaluates_more_points_than_it_gives(axes: int, side: int) -> None:
    with pytest.raises(ValueError, match=f"from {side} points along each axis on, got"):
        resampled(lambda *x: sum(x), Grid.cube((side - 1,) * axes))
    result, _ = resampled(lambda *x: sum(x) + 4.0, Grid.cube((side,) * axes), height="linear")
    assert result.converged
    assert result.surface.settings["resampled"]["evaluations"] < 0.6 * side**axes


def test_the_result_is_the_same_every_time() -> None:
    first, _ = resampled(smooth, Grid.square(41))
    again, _ = resampled(smooth, Grid.square(41))
    np.testing.assert_array_equal(first.surface.losses, again.surface.losses)


def cosine_nodes(level: int, function: Any) -> Surface:
    axis = -np.cos(np.pi * np.arange(level) / (level - 1))
    axis[level // 2] = 0.0
    values = function(axis[:, None], axis[None, :])
    return Surface(Grid((axis, axis)), {"losses": values}, np.ones((level, level), dtype=np.uint8))


def test_the_decay_is_that_of_the_chebyshev_coefficients() -> None:
    # T_3(a) + 0.1 T_5(a) T_2(b)
    def polynomial(a: np.ndarray, b: np.ndarray) -> Any:
        third, fifth = np.cos(3 * np.arccos(a)), np.cos(5 * np.arccos(a))
        return third + 0.1 * fifth * (2 * b**2 - 1)

    decay = decay_of(cosine_nodes(17, polynomial))
    wanted = np.zeros(17)
    wanted[3], wanted[5] = 1.0, 0.1
    np.testing.assert_allclose(decay, wanted, atol=1e-14)


def test_a_kink_decays_algebraically_a_pole_geometrically() -> None:
    pole = decay_of(cosine_nodes(33, lambda a, b: 1 / (a - 1.25) + 0 * b))
    # The nearest pole at 1.25 gives the rate 1.25 + sqrt(1.25^2 - 1) = 2.
    assert decay_rate(pole) == pytest.approx(np.log10(2), rel=0.03)
    kink = decay_of(cosine_nodes(129, lambda a, b: np.abs(a) + 0 * b))
    even = np.arange(8, 60, 2)
    slope = np.polyfit(np.log(even), np.log(kink[even]), 1)[0]
    assert slope == pytest.approx(-2, abs=0.1)


def test_nested_grids_share_their_points() -> None:
    coarse = cosine_nodes(9, lambda a, b: a + 10 * b)
    fine = cosine_nodes(17, lambda a, b: a + 10 * b)
    filled = with_known(Surface.empty(fine.grid), coarse)
    known = filled.status == Status.EVALUATED
    assert known.sum() == 81
    np.testing.assert_allclose(filled.losses[known], fine.losses[known], atol=1e-14)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"tolerance": 0.0}, "between 0 and 1"), ({"height": "sqrt"}, "known: log, linear")],
)
def test_impossible_requests_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resampled(smooth, Grid.square(41), **options)
