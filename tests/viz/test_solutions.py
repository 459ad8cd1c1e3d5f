"""The solutions that a plane was made through are marked in every picture, with their names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Plane, Surface, plane_through, viz
from landscape.records.layout import Layout, Slot
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.drape import heights_at
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.solution_points import labels_of, solutions_of
from landscape.viz.geometry.window import Window
from landscape.viz.paper.hybrid import FIGURE_STYLE
from landscape.viz.paper.page import common_names
from landscape.viz.scenes.legends import names_of
from landscape.viz.scenes.scene import DrawnPanel
from landscape.viz.scenes.solution_marks import points_of
from landscape.viz.style import TESTING

NAMES = ("relu-gd-seed0", "relu-gd-seed1", "relu-gd-seed2")
LAYOUT = Layout((Slot("w", (40,)),))


@pytest.fixture
def plane() -> Plane:
    points = np.random.default_rng(0).normal(size=(3, 40))
    return plane_through(*points, layout=LAYOUT, orthogonal=True)


@pytest.fixture
def surface(plane: Plane) -> Surface:
    """Three pits, one at each solution."""
    grid = Grid.rectangle((41, 41), (-0.5, 1.5), (-0.5, 1.5))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    pits = [(a - x) ** 2 + (b - y) ** 2 for x, y in plane.settings["points"]]
    made = make_surface(0.02 + np.min(pits, axis=0), grid, run=NAMES[0])
    asked = {"others": list(NAMES[1:])}
    return replace(made, settings={**made.settings, "kind": "through", "asked": asked})


def diamonds(figure: Any) -> list[tuple[float, float]]:
    """Return where a flat figure has diamonds."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "D" and len(line.get_xdata())
    ]


def test_solutions_have_the_places_of_the_plane_and_the_names_of_the_request(
    surface: Surface, plane: Plane
) -> None:
    found = solutions_of(surface, plane)
    assert [one.letter for one in found] == ["A", "B", "C"]
    assert [one.name for one in found] == list(NAMES)
    np.testing.assert_array_equal([one.place for one in found], plane.settings["points"])
    assert labels_of(found) == ["A  seed0", "B  seed1", "C  seed2"]
    # The names of a user's own.
    named = replace(plane, settings={**plane.settings, "names": ["one", "two", "three"]})
    assert [one.name for one in solutions_of(surface, named)] == ["one", "two", "three"]
    # Without names letters alone.
    bare = solutions_of(replace(surface, settings={}), plane)
    assert [one.name for one in bare] == ["", "", ""]
    assert labels_of(bare) == []


def test_lines_and_other_planes_have_no_solutions(oblong: Surface) -> None:
    assert solutions_of(oblong) == ()
    line = replace(plane_of_line(), settings={"points": [[0.0], [1.0]]})
    assert solutions_of(oblong, line) == ()


def plane_of_line() -> Plane:
    return Plane(np.zeros(40), np.ones(40), None, LAYOUT, "between")


def test_contours_have_a_diamond_and_a_letter_at_every_solution(
    surface: Surface, plane: Plane
) -> None:
    figure = viz.contour(Panel(surface, plane))
    np.testing.assert_allclose(sorted(diamonds(figure)), sorted(plane.settings["points"]))
    axes = figure.axes[0]
    letters = {text.get_text(): text.xy for text in axes.texts}
    for letter, place in zip("ABC", plane.settings["points"], strict=True):
        np.testing.assert_allclose(letters[letter], place)
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["A  seed0", "B  seed1", "C  seed2"]
    assert diamonds(viz.contour(surface)) == []


def test_a_solutions_mark_has_the_colour_of_its_path(surface: Surface, plane: Plane) -> None:
    way = replace(make_path(np.array([[0.5, 0.5], [1.0, 0.0]]), np.ones(2)), run=NAMES[1])
    figure = viz.contour(Panel(surface, plane, (way,)))
    marks = [line for line in figure.axes[0].lines if line.get_marker() == "D"]
    colours = [line.get_color() for line in marks]
    style = viz.Style.named("paper")
    assert colours == [style.background, style.path_colours[0], style.background]


def test_a_path_that_led_to_a_solution_is_not_named_twice(surface: Surface, plane: Plane) -> None:
    ends = [np.array([[0.5, 0.5], list(place)]) for place in plane.settings["points"]]
    runs = (*NAMES[:2], "relu-gd-other")
    paths = [replace(make_path(end, np.ones(2)), run=run)
             for end, run in zip(ends, runs, strict=True)]  # fmt: skip
    found = names_of(
        paths, solutions_of(surface, plane), Window.around([surface]), viz.Style.named("paper")
    )
    assert [one.text for one in found] == ["other", "A  seed0", "B  seed1", "C  seed2"]
    assert [one.solution for one in found] == [False, True, True, True]


def test_a_legend_below_is_true_of_every_panel(surface: Surface, plane: Plane) -> None:
    def panel(*runs: str, marked: bool = False) -> DrawnPanel:
        paths = [replace(make_path(np.zeros((2, 2)), np.ones(2)), run=run) for run in runs]
        shown = Panel(surface, plane if marked else None, tuple(paths))
        return DrawnPanel.of(shown, HeightScale.of([surface]))

    style = viz.Style.named("paper")
    both = panel(*NAMES[:2], marked=True)
    assert next(one.text for one in common_names([both, both], style)) == "A  seed0"
    # Red is the first run in both.
    assert common_names([panel(NAMES[0]), both], style) != []
    assert common_names([panel(), both], style) != []
    # Red is another run in the second.
    assert common_names([both, panel(NAMES[1])], style) == []
    assert common_names([both, panel(*NAMES[1:])], style) == []


def test_the_caption_names_the_solutions_and_their_places(surface: Surface, plane: Plane) -> None:
    text = surface_caption(Panel(surface, plane))
    alpha, beta = plane.settings["points"][2]
    assert "Plane through three solutions, cross entropy" in text
    assert (
        "Diamonds, drawn on the surface: the solutions A relu-gd-seed0 at (0, 0), "
        f"B relu-gd-seed1 at (1, 0) and C relu-gd-seed2 at ({alpha:.3g}, {beta:.3g})."
    ) in text
    assert "drawn on the surface" not in surface_caption(Panel(surface, plane), shading="")
    # One outside is told, and not marked.
    far = replace(plane, settings={**plane.settings, "points": [[0, 0], [1, 0], [0.2, 7.0]]})
    assert "at (0.2, 7), outside the window." in surface_caption(Panel(surface, far))
    assert len(diamonds(viz.contour(Panel(surface, far)))) == 2


def test_solutions_of_one_panel_of_several_are_told_of_that_panel(
    surface: Surface, plane: Plane
) -> None:
    other = replace(surface, run="gelu-gd-seed0")
    text = surface_caption([Panel(surface, plane), other])
    assert "Panel 1: diamonds, drawn on the surface: the solutions A" in text
    assert text.count("iamonds") == 1


def test_marks_stand_on_the_surface(surface: Surface, plane: Plane) -> None:
    scale = HeightScale.of([surface])
    frame = Frame.around([surface], scale, FIGURE_STYLE)
    found = solutions_of(surface, plane)
    points = points_of(found, surface, frame)
    # The first two lie on grid points, whose heights are exact.
    np.testing.assert_allclose(points[:2, 2], frame.z(np.log10(0.02)), atol=1e-12)
    at = heights_at(np.array([one.place for one in found]), surface, "log")
    np.testing.assert_allclose(points[:, 2], frame.z(at))
    cut = scale.cut_at(0.5)
    low = points_of(found, replace_losses(surface, 5.0), Frame.around([surface], cut, FIGURE_STYLE))
    assert np.all(low[:, 2] == Frame.around([surface], cut, FIGURE_STYLE).z(cut.high))


def replace_losses(surface: Surface, value: float) -> Surface:
    return replace(surface, fields={"losses": np.full(surface.grid.shape, value)})


def test_hybrid_figures_mark_solutions_in_3d_on_the_floor_and_in_contours(
    surface: Surface, plane: Plane, rendering: None
) -> None:
    figure = viz.figure(Panel(surface, plane), viz.Look(style="testing"), dpi=72)
    # On the floor and on the surface, and as contours.
    assert len(diamonds(figure)) == 9
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["A  seed0", "B  seed1", "C  seed2"]
    letters = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [letters.count(letter) for letter in "ABC"] == [2, 2, 2]
    assert "the solutions A relu-gd-seed0" in viz.caption_of(figure)


def test_3d_pictures_differ_where_solutions_are_marked(
    surface: Surface, plane: Plane, rendering: None, tmp_path: Path
) -> None:
    shots = []
    for given in (None, plane):
        plotter = viz.surface(Panel(surface, given), viz.Look(style=TESTING), caption=False)
        shots.append(plotter.screenshot(return_img=True).astype(int))
        plotter.close()
    changed = np.abs(shots[1] - shots[0]).max(axis=2) > 60
    # Three marks with letters, and the legend: far more than noise, far less than the picture.
    assert 0.003 < changed.mean() < 0.08
