"""Windows from the whole surface down to a step: which, how fine, and what is cut in each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from plane_networks import examples, mlp, slopes, whole_plane
from torch import Tensor, nn

from landscape import Grid, Plane, Problem, Trajectory
from landscape.kinks import zooming
from landscape.kinks.zooming import close_up, close_ups, crowded, zoom_grids
from landscape.networks.parameters import layout_of


def squares(output: Tensor, target: Tensor) -> Tensor:
    return ((output - target) ** 2).mean(dim=1)


@pytest.fixture(scope="module")
def kinked() -> tuple[Problem, Plane]:
    model = mlp(3, 5, 1)
    return Problem(model, squares, examples(5, 3, 1)), whole_plane(model)


@pytest.fixture(scope="module")
def smooth() -> tuple[Problem, Plane]:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1)).double()
    return Problem(model, squares, examples(5, 3, 1)), whole_plane(model)


def path(losses: Sequence[float]) -> Trajectory:
    layout = layout_of(nn.Linear(1, 1, bias=False))
    steps = np.array(losses)
    return Trajectory(np.zeros((1, 1)), np.array([0]), np.zeros(1), steps, steps, steps, steps,
                      layout)  # fmt: skip


@pytest.mark.parametrize("points", [9, 49])
def test_points_crowd_where_the_next_window_is(points: int) -> None:
    axis = crowded(points, 2.0).axes[0]
    assert (axis[0], axis[-1], axis[points // 2]) == (-1.0, 1.0, 0.0)
    np.testing.assert_allclose(axis, -axis[::-1], atol=1e-15)
    gaps = np.diff(axis[points // 2 :])
    # Outwards every gap is wider by one and the same factor.
    np.testing.assert_allclose(gaps[1:] / gaps[:-1], np.exp(3.5 / (points // 2)), rtol=1e-9)
    inner = np.abs(crowded(601, 2.0).axes[0]) <= 0.07
    assert inner.mean() == pytest.approx(1 / 3, abs=0.01)


def test_losses_and_gradients_of_a_window_are_autograds(
    kinked: tuple[Problem, Plane], smooth: tuple[Problem, Plane]
) -> None:
    for problem, plane in (kinked, smooth):
        surface = close_up(problem, plane, crowded(5, 0.2)).surface
        corners = surface.coordinates[surface.triangles]
        middle = corners.mean(axis=1, keepdims=True)
        beside = corners + 1e-6 * (middle - corners)
        expected = slopes(problem.model, squares, examples(5, 3, 1), plane, beside.reshape(-1, 2))
        found = surface.gradients[surface.triangles].reshape(-1, 2)
        np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


def test_of_too_many_curves_none_is_cut_and_none_is_searched(
    kinked: tuple[Problem, Plane], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    grid = Grid.square(5, 0.5)
    cut = close_up(*kinked, grid, progress=told.append).surface
    assert cut.curves > 2
    assert sum(told) == 5
    monkeypatch.setattr(zooming, "MOST_CURVES", 1)
    told.clear()
    less = close_up(*kinked, grid, progress=told.append).surface
    assert (less.curves, less.cut_share, told) == (0, 0.0, [])
    assert len(less.losses) == 25


def test_a_smooth_network_has_nothing_to_cut(smooth: tuple[Problem, Plane]) -> None:
    surface = close_up(*smooth, Grid.square(5, 0.5)).surface
    assert (surface.curves, surface.uncut, surface.cut_share) == (0, 0, 1.0)
    assert len(surface.losses) == 25


def test_the_mesh_of_a_window_is_bounded(kinked: tuple[Problem, Plane]) -> None:
    whole, few = (close_up(*kinked, Grid.square(n, 0.5)).surface for n in (9, 3))
    assert few.curves < whole.curves
    assert few.curves + few.uncut == whole.curves + whole.uncut
    assert few.cut_share < whole.cut_share


def test_only_a_regular_grid_is_a_surface_again(smooth: tuple[Problem, Plane]) -> None:
    assert close_up(*smooth, Grid.square(4, 0.1)).on_grid().grid.shape == (4, 4)
    oblong = Grid.rectangle((4, 5), (0.0, 0.1), (0.0, 0.1))
    assert [close_up(*smooth, grid).points for grid in (crowded(5, 0.1), oblong)] == [0, 0]


def test_grids_lead_from_the_whole_surface_to_a_step() -> None:
    grids = zoom_grids(0.002, levels=4, full_width=2.0, points=15)
    assert [np.ptp(grid.axes[1]) for grid in grids] == pytest.approx([2.0, 0.2, 0.02, 0.002])
    assert [grid.shape for grid in grids] == [(9, 9)] * 3 + [(15, 15)]
    np.testing.assert_allclose(np.diff(grids[-1].axes[0]), 0.002 / 14)
    (one,) = zoom_grids(0.002, levels=1, points=15)
    np.testing.assert_array_equal(one.axes, grids[-1].axes)


def test_a_close_up_knows_its_run(kinked: tuple[Problem, Plane]) -> None:
    known = {"title": "ReLU", "activation": "relu", "run": "relu-gd-seed0"}
    # Falls of 3, 1 and 2; a step that was not measured has none.
    trajectory = path([9.0, 6.0, 5.0, 3.0, np.nan])
    found = list(close_ups(*kinked, trajectory, step_width=0.002, levels=3, points=5, **known))
    assert [closeup.width for closeup in found] == pytest.approx([2.0, 0.063, 0.002])
    for closeup in found:
        assert {name: getattr(closeup, name) for name in known} == known
        assert (closeup.full_width, closeup.step_width, closeup.descent) == (2.0, 0.002, 2.0)
    assert [closeup.is_one_step for closeup in found] == [False, False, True]
    assert found[-1].on_grid().grid.shape == (5, 5)


def test_the_narrowest_window_is_the_median_step(smooth: tuple[Problem, Plane]) -> None:
    trajectory = path([3.0, 0.1, 2.0, np.nan])  # these are the lengths of its steps too
    (found,) = close_ups(*smooth, trajectory, levels=1, points=3)
    assert found.width == pytest.approx(2 / np.linalg.norm(smooth[1].d_alpha))
    with pytest.raises(ValueError, match="steps of positive length"):
        next(close_ups(*smooth, path([np.nan]), levels=1, points=3))


def test_a_loss_that_only_grows_has_no_descent(smooth: tuple[Problem, Plane]) -> None:
    for losses in ([1.0, 2.0, 4.0], [np.nan] * 3):
        found = close_ups(*smooth, path(losses), step_width=0.1, levels=2, points=3)
        assert {closeup.descent for closeup in found} == {0.0}


@pytest.mark.parametrize(("levels", "width"), [(0, 0.1), (3, 2.0), (3, 3.0)])
def test_a_step_must_be_narrower_than_the_surface(levels: int, width: float) -> None:
    with pytest.raises(ValueError, match="at least 2 levels and widths full > window > 0"):
        zoom_grids(width, levels=levels)


def test_a_window_needs_two_axes(smooth: tuple[Problem, Plane]) -> None:
    with pytest.raises(ValueError, match="2 axes"):
        close_up(*smooth, Grid.line(5, (-0.1, 0.1)))
