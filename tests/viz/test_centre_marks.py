"""The network's own weights are marked in every picture, once, and their loss is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, remove_quadratic, viz
from landscape.viz import HeightScale
from landscape.viz.captions.beside import as_markdown, latex_caption
from landscape.viz.films.film import Stage, film_style
from landscape.viz.geometry.centre_mark import crossed
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.solution_points import Solution
from landscape.viz.scenes.cross import arms_of
from landscape.viz.scenes.scene import DrawnPanel
from landscape.viz.style import TESTING

NOTED = {"losses": 0.0114, "accuracies": 0.985}


def bowl(grid: Grid | None = None, **settings: Any) -> Surface:
    grid = grid or Grid.square(11)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    made = make_surface(0.0114 + a**2 + b**2, grid)
    return replace(made, settings={**made.settings, "centre": NOTED, **settings})


def path_to(end: tuple[float, float]) -> Any:
    way = np.linspace((-0.8, 0.6), end, 5)
    return make_path(way, 0.0114 + np.sum(way**2, axis=1))


def crosses(figure: Any) -> list[tuple[float, float]]:
    """Return where a flat figure has crosses."""
    return [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0]))
        for axes in figure.axes
        for line in axes.lines
        if line.get_marker() == "+"
    ]


def actors(plotter: Any) -> list[str]:
    """Return the names of what a 3D picture marks the centre with, and close it."""
    found = [name for one in plotter.renderers for name in one.actors if name.startswith("centre")]
    plotter.close()
    return found


def test_contours_have_a_cross_at_the_centre() -> None:
    figure = viz.contour(bowl())
    assert crosses(figure) == [(0.0, 0.0)]
    assert "Cross: the network's own weights, loss 0.0114, accuracy 98.5 %." in viz.caption_of(
        figure
    )


def test_an_end_of_a_path_at_the_centre_is_no_second_mark() -> None:
    figure = viz.contour(Panel(bowl(), paths=(path_to((0.0, 0.0)),)))
    assert crosses(figure) == []
    text = viz.caption_of(figure)
    assert "The path ends at the network's own weights, loss 0.0114, accuracy 98.5 %." in text
    assert "Cross" not in text
    elsewhere = viz.contour(Panel(bowl(), paths=(path_to((0.4, 0.0)),)))
    assert crosses(elsewhere) == [(0.0, 0.0)]


def test_a_solution_at_the_centre_is_no_second_mark() -> None:
    assert not crossed(bowl(), (), [Solution("A", "", (0.0, 0.0))])
    assert crossed(bowl(), (), [Solution("B", "", (1.0, 0.0))])
    points = [[0.0, 0.0], [1.0, 0.0], [0.3, 0.8]]
    figure = viz.contour(bowl(kind="through", points=points))
    assert crosses(figure) == []
    assert "A is the network itself, loss 0.0114" in viz.caption_of(figure)


def test_a_window_without_the_centre_has_no_cross_and_says_so() -> None:
    figure = viz.contour(bowl(Grid.rectangle((5, 5), (0.2, 1.0), (-1.0, 1.0))))
    assert crosses(figure) == []
    assert "own weights lie outside the window, loss 0.0114" in viz.caption_of(figure)


@pytest.mark.parametrize("settings", [{"kind": "segment"}, {"residual": True}])
def test_what_is_no_network_has_no_cross(settings: dict[str, Any]) -> None:
    assert not crossed(bowl(**settings), ())


def test_a_surface_without_a_noted_centre_is_marked_without_a_value() -> None:
    surface = bowl(Grid.square(10))
    old = replace(surface, settings={k: v for k, v in surface.settings.items() if k != "centre"})
    figure = viz.contour(old)
    assert crosses(figure) == [(0.0, 0.0)]
    assert "Cross: the network's own weights. " in viz.caption_of(figure)


def test_several_panels_say_the_range_of_their_losses() -> None:
    other = replace(bowl(), settings={**bowl().settings, "centre": {"losses": 0.05}})
    figure = viz.contour([bowl(), other])
    assert len(crosses(figure)) == 2
    assert "Crosses: the networks' own weights, losses 0.0114 to 0.05." in viz.caption_of(figure)


def test_a_loss_that_is_not_finite_is_said() -> None:
    surface = bowl(centre={"losses": float("nan")})
    assert "own weights, loss not finite." in viz.caption_of(viz.contour(surface))


def test_captions_for_papers_say_the_loss_in_words(tmp_path: Path) -> None:
    text = viz.caption_of(viz.figure(bowl(), dpi=30))
    assert "own weights, loss 0.0114, accuracy 98.5 %" in as_markdown(text)
    assert r"own weights, loss 0.0114, accuracy 98.5 \%" in latex_caption(text, "figure")
    mosaic = viz.caption_of(viz.mosaic(bowl(), dpi=30))
    assert mosaic.count("loss 0.0114") == 1


def test_the_cross_of_a_3d_picture_lies_on_the_surface_and_on_the_floor() -> None:
    surface = bowl(Grid.rectangle((11, 9), (-1.0, 1.0), (-0.4, 1.0)))
    frame = Frame.around([surface], HeightScale.of([surface]), TESTING)
    above, floor = arms_of(surface, frame)
    middle = above.reshape(-1, 3).mean(axis=0)
    assert middle[:2] == pytest.approx([frame.x(0.0), frame.y(0.0)])
    lowest = frame.z(np.log10(surface.losses.min()))
    assert lowest <= middle[2] < lowest + 0.3
    assert floor[..., 2].max() < frame.floor + 0.01
    pit = replace(surface, fields={"losses": np.full(surface.grid.shape, np.nan)})
    assert len(arms_of(pit, frame)) == 1


def test_3d_pictures_have_the_cross(rendering: None) -> None:
    names = ["centre rim", "centre line", "centre floor"]
    assert actors(viz.surface(bowl(), viz.Look(style=TESTING))) == names
    assert (
        actors(viz.surface(Panel(bowl(), paths=(path_to((0.0, 0.0)),)), viz.Look(style=TESTING)))
        == []
    )
    assert actors(viz.compare([bowl(), bowl()], viz.Look(style=TESTING))) == 2 * names
    residual = remove_quadratic(bowl()).surface()
    assert actors(viz.surface(residual, viz.Look(height="linear", style=TESTING))) == []


def test_films_and_the_figures_of_papers_have_the_cross(rendering: None) -> None:
    surface = bowl()
    frame = Frame.around([surface], HeightScale.of([surface]), TESTING)
    stage = Stage((160, 120), film_style((160, 120), TESTING))
    for ends, wanted in (((0.0, 0.0), 0), ((0.4, 0.0), 3)):
        panel = DrawnPanel(surface, through=(path_to(ends),))
        stage.draw(panel, frame, TESTING, "flat")
        there = [name for name in stage.plotter.renderer.actors if name.startswith("centre")]
        assert len(there) == wanted
    stage.close()
    plain, marked = (
        viz.figure(one, viz.Look(style=replace(TESTING, elevation=40.0)), dpi=30, contours=False)
        for one in (replace(surface, settings={}), surface)
    )
    assert len(marked.axes[0].lines) == len(plain.axes[0].lines) + 2


def test_a_line_without_a_point_at_the_centre_has_a_cross_there() -> None:
    def line(points: int, **settings: Any) -> Surface:
        grid = Grid((np.linspace(-1, 1, points),))
        made = make_surface(0.0114 + grid.axes[0] ** 2, grid)
        return replace(made, settings={**made.settings, "centre": NOTED, **settings})

    beside = viz.line(line(10))
    assert crosses(beside) == [(0.0, 0.0114)]
    assert "own weights, loss 0.0114, accuracy 98.5 %." in viz.caption_of(beside)
    assert crosses(viz.line(line(11))) == []
    assert crosses(viz.line(line(10, kind="segment", ends=((0, 0), (1, 1))))) == []
    assert crosses(viz.line(line(10, section_beta=0.1))) == []
    assert crosses(viz.line(line(10, centre={"losses": 0.0}))) == []
