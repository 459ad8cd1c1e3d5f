"""What a run reached, and the window around its path: closed forms and properties."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_surface

from landscape import Grid, Trajectory
from landscape.records.layout import Layout, Slot
from landscape.records.windows import axis_through_zero, window_around
from landscape.study.summary import first_step_at, summarise


def descent(*, batch_size: int = 0, buffers: bool = False) -> Trajectory:
    """A run of six steps whose loss falls from 6 to 1 (0 at the end), recorded every third step."""
    facts = np.arange(6.0, 0.0, -1.0)
    return Trajectory(
        np.zeros((3, 1)), np.array([0, 3, 6]), np.array([6.0, 3.0, 0.0]), facts, facts, facts,
        facts, Layout((Slot("b", (1,)),)), accuracies=np.array([0.0, 0.5, 0.75]),
        buffers={"norm.count": np.array(7)} if buffers else {},
        settings={"batch_size": batch_size},
    )  # fmt: skip


def test_full_batches_tell_the_very_step_at_which_the_target_was_reached() -> None:
    run = descent()
    assert first_step_at(run, 4.5) == 2
    assert first_step_at(run, 4.0) == 2
    assert first_step_at(run, 6.0) == 0
    # Below every step's loss, but not below the last record's.
    assert first_step_at(run, 0.5) == 6
    assert first_step_at(run, -1.0) is None


@pytest.mark.parametrize("run", [descent(batch_size=2), descent(buffers=True)])
def test_the_loss_of_a_batch_is_not_that_of_the_data(run: Trajectory) -> None:
    assert first_step_at(run, 4.5) == 3
    assert first_step_at(run, 2.5) == 6
    assert first_step_at(run, -1.0) is None


def test_the_sharpness_of_a_bowl_is_its_larger_curvature() -> None:
    grid = Grid.rectangle((5, 7), (-1, 1), (-1, 1))
    alpha, beta = np.meshgrid(*grid.axes, indexing="ij")
    bowl = make_surface(1 + alpha**2 + 4 * beta**2, grid)
    told = summarise("r", descent(), target_loss=4.5, surface=bowl, captured=0.9)
    assert told.sharpness == pytest.approx(8.0)
    assert (told.final_loss, told.accuracy, told.steps_to_target) == (0.0, 0.75, 2)
    assert (told.captured, told.diverged_at, told.target_loss) == (0.9, None, 4.5)


def test_a_sharpness_that_cannot_be_told_is_none() -> None:
    small = Grid.rectangle((2, 7), (-1, 1), (-1, 1))
    hole = Grid.rectangle((5, 5), (-1, 1), (-1, 1))
    losses = np.ones(hole.shape)
    losses[2, 2] = np.nan
    for surface in (None, make_surface(np.ones(small.shape), small), make_surface(losses, hole)):
        assert summarise("r", descent(), target_loss=1.0, surface=surface).sharpness is None


def test_a_loss_that_is_not_finite_is_no_number_in_the_summary() -> None:
    run = replace(descent(), losses=np.array([6.0, 3.0, np.inf]), diverged_at=6)
    told = summarise("r", run, target_loss=1.0)
    assert told.final_loss is None
    assert told.diverged_at == 6


LENGTHS = st.floats(1e-6, 1e6)


@given(LENGTHS, LENGTHS, st.integers(3, 60))
def test_an_axis_covers_its_range_evenly_and_holds_zero_itself(
    below: float, above: float, points: int
) -> None:
    axis = axis_through_zero(-below, above, points)
    assert len(axis) == points
    assert 0.0 in axis
    assert axis[0] <= -below * (1 - 1e-12)
    assert axis[-1] >= above * (1 - 1e-12)
    steps = np.diff(axis)
    np.testing.assert_allclose(steps, steps[0])
    # One of the ends is met: the window is no larger than it must be.
    assert min(axis[-1] / above, -axis[0] / below) == pytest.approx(1.0)


def test_a_window_holds_all_paths_with_room_on_each_side() -> None:
    paths = [np.array([[-4.0, -1.0], [0.0, 0.0]]), np.array([[-2.0, 3.0], [0.0, 0.0]])]
    grid = window_around(paths, (41, 61), margin=0.5)
    assert grid.shape == (41, 61)
    for axis, (low, high) in zip(grid.axes, ((-4, 0), (-1, 3)), strict=True):
        assert axis[0] <= low - 2
        assert axis[-1] >= high + 2
        assert axis[-1] - axis[0] < 1.1 * (high - low + 4)
        assert 0.0 in axis


def test_a_path_along_one_axis_and_no_margin_still_make_a_window() -> None:
    grid = window_around([np.array([[-1.0, 0.0], [0.0, 0.0]])], (5, 5), margin=0.0)
    assert grid.axes[1][0] < 0 < grid.axes[1][-1]


@pytest.mark.parametrize("path", [np.zeros((3, 2)), np.array([[np.inf, 0.0]])])
def test_paths_without_a_finite_extent_have_no_window(path: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no finite extent"):
        window_around([path], (5, 5), margin=0.4)
