"""Captions of lines say what is drawn: dots, barriers, accuracies, between which points."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from making import followed_path, make_surface

from landscape import Grid, Surface, viz
from landscape.records.results import Analysis


@pytest.fixture
def bowl() -> Surface:
    grid = Grid.square(21)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(0.01 + a**2 + b**2, grid)


def line_of(losses: np.ndarray, low: float = -1.0, high: float = 1.0, **settings: Any) -> Surface:
    grid = Grid((np.linspace(low, high, len(losses)),))
    told = {"kind": "random", "loss": "mse", **settings}
    fields = {"losses": losses, "accuracies": np.full(len(losses), 0.5)}
    return Surface(grid, fields, np.ones(len(losses), dtype=np.uint8), settings=told)


def dots_of(figure: Any) -> int:
    return sum(line.get_marker() == "o" for axes in figure.axes for line in axes.lines)


@pytest.mark.parametrize(
    ("line", "dots", "said"),
    [
        (line_of(np.ones(5)), 1, "Dot: the solution."),
        # The grid has no point at 0.
        (line_of(np.ones(4)), 0, ""),
        (line_of(np.array([1.0, 1.0, np.nan, 1.0, 1.0])), 0, ""),
        # The row of the surface runs beside the solution.
        (line_of(np.ones(5), section_beta=0.1), 0, ""),
        (line_of(np.ones(5), section_beta=0.0), 1, "Dot: the solution."),
        (line_of(np.ones(5), 0.0, 1.0, kind="between"), 2, "Dots: the two solutions"),
        (line_of(np.ones(6), -0.5, 1.5, kind="between"), 0, ""),
    ],
)
def test_a_dot_is_told_of_where_it_is_drawn(line: Surface, dots: int, said: str) -> None:
    figure = viz.line(line)
    assert dots_of(figure) == dots
    told = viz.caption_of(figure)
    assert (said in told) if said else ("Dot" not in told)


def test_a_mosaic_tells_of_its_dot_where_it_is_drawn() -> None:
    for points, said in ((11, True), (12, False)):
        grid = Grid.square(points)
        a, b = np.meshgrid(*grid.axes, indexing="ij")
        words = viz.caption_of(viz.mosaic(make_surface(0.1 + a**2 + b**2, grid), dpi=30))
        assert ("dot: the solution" in words) is said


def test_accuracies_that_are_not_drawn_are_not_told_of() -> None:
    line = line_of(np.ones(5))
    assert "Dashed: accuracy." in viz.caption_of(viz.line(line))
    assert "Dashed" not in viz.caption_of(viz.line(line, accuracy=False))


def test_a_barrier_with_a_hole_in_it_is_a_lower_bound() -> None:
    losses = np.array([1.0, 2.0, np.inf, 2.0, 1.0])
    line = line_of(losses, 0.0, 1.0, kind="between")
    assert not viz.barrier(line).complete
    assert "Barrier: at least 1 over" in viz.caption_of(viz.line(line))
    figure = viz.line(line)
    assert "barrier ≥ 1" in [t.get_text() for axes in figure.axes for t in axes.texts]
    whole = line_of(np.array([1.0, 2.0, 3.0, 2.0, 1.0]), 0.0, 1.0, kind="between")
    assert viz.barrier(whole).complete
    assert "Barrier: 2 over" in viz.caption_of(viz.line(whole))


def test_without_the_loss_of_a_solution_there_is_no_barrier() -> None:
    """That of the next point was taken instead."""
    line = line_of(np.array([np.nan, 2.0, 3.0, 2.0, 1.0]), 0.0, 1.0, kind="between")
    with pytest.raises(ValueError, match=r"finite losses at both solutions.*got nan and 1"):
        viz.barrier(line)
    figure = viz.line(line)
    assert "Barrier" not in viz.caption_of(figure)
    assert not any("barrier" in t.get_text() for axes in figure.axes for t in axes.texts)


def test_lines_between_other_points_are_told_each() -> None:
    """The first one's ends and plane were told of all."""
    ends = {"ends": [[0, 0], [1, -1]], "of": "random", "seed": 3}
    one = line_of(np.ones(5), 0.0, 1.0, kind="segment", **ends)
    other = line_of(np.ones(5), 0.0, 1.0, kind="segment", ends=[[0, 0], [0.5, 2]], of="pca")
    between = line_of(np.ones(5), 0.0, 1.0, kind="between")
    words = viz.caption_of(viz.line([one, other, between]))
    assert words.startswith("Line 1: line from A (0, 0) to B (1, −1) of the random plane of seed 3")
    assert "Line 2: line from A (0, 0) to B (0.5, 2) of the pca plane" in words
    assert "Line 3: line between two solutions" in words
    alike = viz.caption_of(viz.line([one, one]))
    assert alike.startswith("Line from A (0, 0) to B (1, −1) of the random plane")
    assert viz.caption_of(viz.line(line_of(np.ones(5), kind="random"))).startswith("Random line")


def test_a_line_cannot_be_clipped() -> None:
    with pytest.raises(ValueError, match="'clipped'; known: auto, log, linear"):
        viz.line(line_of(np.ones(5)), viz.Look(height="clipped"))


def test_crossings_that_were_not_measured_are_not_none() -> None:
    def run(crossings: float) -> Analysis:
        return followed_path(3, predicted_crossings=np.full(3, crossings))

    assert "No kink was crossed: a." in viz.caption_of(viz.along_path({"a": run(0.0)}))
    unknown = viz.caption_of(viz.along_path({"a": run(np.nan)}))
    assert "No kink was crossed" not in unknown
    assert "Gaps: not measured or not finite (kinks crossed per step)." in unknown


def test_a_mosaic_tells_which_line_it_shows(bowl: Surface) -> None:
    ends = {"kind": "segment", "ends": [[0, 0], [1, -1]], "of": "random", "seed": 3}
    words = viz.caption_of(viz.mosaic(bowl, line=line_of(np.ones(5), 0.0, 1.0, **ends), dpi=30))
    assert "(c) The loss along the line from A (0, 0) to B (1, −1) of the random plane" in words
    assert "dot" not in words
    words = viz.caption_of(
        viz.mosaic(bowl, line=line_of(np.ones(5), 0.0, 1.0, kind="between"), dpi=30)
    )
    assert "(c) The loss between two solutions; dots: the two solutions; dashed" in words
    words = viz.caption_of(viz.mosaic(bowl, line=line_of(np.ones(5)), dpi=30))
    assert "(c) The loss along a line; dot: the solution; dashed" in words
