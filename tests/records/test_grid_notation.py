"""The notation of grids: what is written is read back, what is no grid is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape import Grid
from landscape.records.grid_notation import (
    parse_plane_shape,
    parse_shape,
    parse_spans,
    shape_text,
    span_text,
)

# Points of an axis, its start and its length in sevenths, which are no decimals.
axes = st.tuples(st.integers(2, 9), st.integers(-(10**6), 10**6), st.integers(1, 10**6))


@given(st.lists(axes, min_size=1, max_size=3))
def test_what_is_written_is_read_back(chosen: list[tuple[int, int, int]]) -> None:
    ranges = [(start / 7, (start + length) / 7) for _, start, length in chosen]
    grid = Grid.over(tuple(points for points, _, _ in chosen), ranges)
    shape = parse_shape(shape_text(grid.shape))
    assert shape == grid.shape
    ends = parse_spans(span_text(grid), len(shape))
    assert ends == tuple((axis[0], axis[-1]) for axis in grid.axes)


@pytest.mark.parametrize("text", ["", "5x", "x5", "-3", "3x3x3x3", "many", "5.0", "5 x 5"])
def test_what_is_no_grid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a grid is written 51, 51x41, 17x17x17, or 101x1"):
        parse_shape(text)


@pytest.mark.parametrize("text", ["9x1", "3x3x3"])
def test_a_plane_has_two_axes(text: str) -> None:
    with pytest.raises(ValueError, match=f"a plane is written 51 or 51x41, got '{text}'"):
        parse_plane_shape(text)


@pytest.mark.parametrize("text", ["", "0 1", "1:", "a:b", "1:2:3", "1x"])
def test_what_is_no_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"a span is written 0\.5, -1:1 or -1:1x0:2"):
        parse_spans(text, 2)


def test_a_span_fits_the_axes() -> None:
    assert parse_spans("0:1", 3) == ((0.0, 1.0),) * 3
    with pytest.raises(ValueError, match="one for each axis of the grid, 1, got 2"):
        parse_spans("0:1x0:2", 1)
