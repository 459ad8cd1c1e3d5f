"""Losses along lines, and the barrier between two solutions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from making import make_surface

from landscape import Grid, Panel, Surface, viz


def make_line(
    losses: np.ndarray, low: float = -1.0, high: float = 1.0, *, kind: str = "random", **fields: Any
) -> Surface:
    grid = Grid((np.linspace(low, high, len(losses)),))
    status = np.ones(len(losses), dtype=np.uint8)
    settings = {"kind": kind, "loss": "mse"}
    return Surface(grid, {"losses": losses, **fields}, status, settings=settings)


@given(first=st.floats(0, 3), last=st.floats(0, 3), rise=st.floats(0, 5))
def test_the_barrier_of_a_parabola_over_a_straight_line_is_its_height(
    first: float, last: float, rise: float
) -> None:
    t = np.linspace(0.0, 1.0, 41)
    line = make_line((1 - t) * first + t * last + rise * 4 * t * (1 - t), 0.0)
    found = viz.barrier(line)
    assert found.height == pytest.approx(rise, abs=1e-12)
    if rise > 1e-6:
        assert found.alpha == pytest.approx(0.5)
        assert found.base == pytest.approx((first + last) / 2)


def test_what_lies_beyond_the_solutions_is_no_barrier() -> None:
    t = np.linspace(-1.0, 2.0, 31)
    convex = make_line((t - 0.5) ** 2, -1.0, 2.0)
    assert viz.barrier(convex).height == 0.0
    with pytest.raises(ValueError, match=r"from alpha 0 to 1, got -1 to 0\.5"):
        viz.barrier(make_line(np.ones(4), -1.0, 0.5))


def test_a_section_is_the_row_nearest_to_beta() -> None:
    grid = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    surface = make_surface(a + 10 * b, grid, run="relu-gd-seed0")
    cut = viz.section(surface, beta=0.6)
    np.testing.assert_array_equal(cut.losses, surface.alphas + 5)
    assert cut.settings["section_beta"] == 0.5
    assert cut.run == "relu-gd-seed0"
    with pytest.raises(ValueError, match="beta must be from -2 to 2, got 3"):
        viz.section(surface, beta=3)
    with pytest.raises(ValueError, match="2 axes to be cut, got 1"):
        viz.section(cut)


def curves(axes: Any) -> list[Any]:
    return [line for line in axes.lines if line.get_marker() == "None"]


def test_losses_and_accuracies_are_drawn_as_they_are() -> None:
    t = np.linspace(-1, 1, 9)
    lines = [make_line(t**2 + 0.1, accuracies=1 - t**2), make_line(3 + t)]
    panels = [Panel(line, title=t) for line, t in zip(lines, ("one", "two"), strict=True)]
    figure = viz.line(panels)
    axes, beside = figure.axes
    assert axes.get_yscale() == "log"
    for line, drawn in zip(lines, curves(axes), strict=True):
        np.testing.assert_array_equal(drawn.get_xdata(), line.alphas)
        np.testing.assert_array_equal(drawn.get_ydata(), line.losses)
    (accuracy,) = beside.lines
    np.testing.assert_allclose(accuracy.get_ydata(), 100 * (1 - t**2))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["one", "two"]
    assert len(viz.line(lines, accuracy=False).axes) == 1


def test_the_solution_is_marked_where_it_is() -> None:
    t = np.linspace(-1, 1, 9)
    axes = viz.line(make_line(t**2 + 0.5)).axes[0]
    marks = [line.get_xydata().tolist() for line in axes.lines if line.get_marker() == "o"]
    assert marks == [[[0.0, 0.5]]]
    # Without a point at 0 there is no loss to mark.
    axes = viz.line(make_line(t**2 + 0.5, -1.0, 1.3)).axes[0]
    assert not [line for line in axes.lines if line.get_marker() == "o"]


@pytest.mark.parametrize("height", ["log", "linear"])
def test_the_barrier_between_two_solutions_is_drawn_from_the_straight_way_to_the_top(
    height: Any,
) -> None:
    t = np.linspace(0, 1, 21)
    line = make_line(0.1 + 0.2 * t + 4 * t * (1 - t), 0.0, kind="between")
    axes = viz.line(line, viz.Look(height=height)).axes[0]
    marks = [line.get_xydata()[0].tolist() for line in axes.lines if line.get_marker() == "o"]
    np.testing.assert_allclose(marks, [[0.0, 0.1], [1.0, 0.3]], atol=1e-12)
    arrow = next(text for text in axes.texts if text.arrow_patch is not None)
    np.testing.assert_allclose([arrow.xy, arrow.get_position()], [[0.5, 1.2], [0.5, 0.2]])
    assert "barrier 1" in [text.get_text() for text in axes.texts]
    straight = curves(axes)[1]
    np.testing.assert_allclose(straight.get_ydata(), 0.1 + 0.2 * straight.get_xdata())
    words = viz.caption_of(viz.line(line, viz.Look(height=height)))
    assert words.startswith("Line between two solutions")
    assert "Barrier: 1 over the straight way" in words
    assert "at α = 0.5." in words


def test_tiny_losses_and_windows_are_counted_in_powers_of_ten() -> None:
    t = np.linspace(-1e-6, 1e-6, 9)
    line = make_line(1e-9 + t**2 * 1e4, -1e-6, 1e-6)
    axes = viz.line(line, viz.Look(height="linear")).axes[0]
    assert axes.get_xlabel() == "α  [10⁻⁶]"
    assert axes.get_ylabel() == "loss  [10⁻⁸]"
    drawn = curves(axes)[0]
    np.testing.assert_allclose(drawn.get_xdata(), line.alphas * 1e6)
    np.testing.assert_allclose(drawn.get_ydata(), line.losses * 1e8)


def test_mistakes_are_told() -> None:
    line = make_line(np.ones(5))
    plane = make_surface(np.ones((3, 3)), Grid.square(3))
    with pytest.raises(ValueError, match=r"2 axes; viz.section\(surface\) is a line through it"):
        viz.line(plane)
    with pytest.raises(ValueError, match="1 to 8 lines, got 9"):
        viz.line([line] * 9)
    with pytest.raises(ValueError, match="1 to 8 lines, got 0"):
        viz.line([])
    with pytest.raises(ValueError, match="a line is coloured by the losses, got colour 'slope'"):
        viz.line(line, viz.Look(colour="slope"))
    with pytest.raises(ValueError, match="a line is drawn whole, got the limit 2"):
        viz.line(line, viz.Look(limit=2.0))
    with pytest.raises(ValueError, match="no finite value"):
        viz.line(make_line(-np.ones(5)))


def test_the_caption_tells_where_a_section_lies() -> None:
    surface = make_surface(np.ones((3, 5)) + np.arange(5), Grid.square(3).rectangle(
        (3, 5), (-1.0, 1.0), (-1.0, 1.0)))  # fmt: skip
    words = viz.caption_of(viz.line(viz.section(surface, beta=0.5)))
    assert "Along α at β = 0.5." in words
    assert "Axis: log loss." in words
