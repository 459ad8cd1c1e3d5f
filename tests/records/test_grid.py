import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape import Grid
from landscape.records.windows import axis_through_zero, window_around


def test_non_square_grid_keeps_alpha_on_axis_0() -> None:
    grid = Grid.rectangle((3, 4), (0, 2), (10, 13))
    assert grid.shape == (3, 4)
    points = grid.coordinates(np.arange(grid.size)).reshape(3, 4, 2)
    np.testing.assert_allclose(points[2, 1], (2, 11))


@pytest.mark.parametrize("points", [2, 3, 50, 51])
def test_odd_grids_hold_the_centre_and_even_ones_are_allowed(points: int) -> None:
    axis = Grid.square(points).axes[0]
    assert (0.0 in axis) == (points % 2 == 1)
    np.testing.assert_allclose(axis, -axis[::-1], atol=1e-15)


def test_ranges_that_start_at_0_are_allowed() -> None:
    assert Grid.rectangle((5, 5), (0, 1), (0, 2)).axes[1][0] == 0


@pytest.mark.parametrize("span", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_span_is_refused(span: float) -> None:
    with pytest.raises(ValueError, match="span must be finite and > 0, got"):
        Grid.square(5, span)


@pytest.mark.parametrize("shape", [(1, 5), (5, 1), (0, 5)])
def test_grid_of_one_point_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="at least 2 points along"):
        Grid.rectangle(shape, (-1, 1), (-1, 1))


@given(st.integers(2, 40), st.integers(2, 40))
def test_tiles_visit_every_point_once_coarse_first(a: int, b: int) -> None:
    tiles = Grid.rectangle((a, b), (-1, 1), (-1, 1)).tiles()
    np.testing.assert_array_equal(np.sort(np.concatenate(tiles)), np.arange(a * b))


def test_first_tile_covers_the_whole_range() -> None:
    grid = Grid.square(51)
    first = grid.coordinates(grid.tiles()[0])
    assert np.ptp(first[:, 0]) > 1.5
    assert np.ptp(first[:, 1]) > 1.5


@given(st.floats(-20, -0.1), st.floats(0.1, 20), st.integers(3, 60))
def test_axis_through_zero_covers_its_range_and_holds_zero(
    low: float, high: float, points: int
) -> None:
    axis = axis_through_zero(low, high, points)
    assert len(axis) == points
    assert 0.0 in axis
    assert axis[0] <= low + 1e-9
    assert axis[-1] >= high - 1e-9
    np.testing.assert_allclose(np.diff(axis), axis[1] - axis[0])


def test_one_window_holds_all_paths() -> None:
    paths = [np.array([[-3.0, -1.0], [0.0, 0.0]]), np.array([[-1.0, 2.0], [0.5, 0.0]])]
    grid = window_around(paths, (21, 11), margin=0.1)
    assert grid.shape == (21, 11)
    for axis, (low, high) in zip(grid.axes, ((-3, 0.5), (-1, 2)), strict=True):
        assert axis[0] < low
        assert axis[-1] > high
        assert 0.0 in axis
