"""What of a path is drawn in the window decides the scale; several paths are told apart."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import pyvista
from making import make_path, make_surface

from landscape import Grid, Panel, Projection, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.geometry.frame import Frame
from landscape.viz.scenes.colourbar import draw_colour_bar
from landscape.viz.style import PAPER, TESTING


@pytest.fixture
def bowl() -> Surface:
    grid = Grid.rectangle((7, 11), (-1.0, 1.0), (-2.0, 2.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(0.1 + a**2 + b**2, grid)


def straying(losses: np.ndarray, **options: Any) -> Projection:
    """Begins outside the window, has one record inside, leaves, and ends at the solution."""
    coordinates = np.array([[3.0, 0.0], [0.5, 0.4], [-3.0, 1.0], [0.0, 0.0]])
    return make_path(coordinates, losses, **options)


def texts(plotter: Any, panel: int = 0) -> dict[str, Any]:
    """Return the actors of a panel's texts by what they say."""
    actors = plotter.renderers[panel].actors.values()
    return {actor.GetInput(): actor for actor in actors if hasattr(actor, "GetTextProperty")}


def test_records_outside_the_window_do_not_stretch_the_height_scale(bowl: Surface) -> None:
    alone = HeightScale.of([bowl])
    path = straying(np.array([1e9, 1.0, 1e-9, 0.2]))
    assert HeightScale.of([bowl], paths=[path]) == alone
    inside = straying(np.array([1e9, 1e3, 1e-9, 0.2]))
    assert HeightScale.of([bowl], paths=[inside]).high == pytest.approx(3.0)


def test_of_a_path_that_is_not_drawn_only_the_marked_solution_counts(bowl: Surface) -> None:
    hidden = straying(np.array([1e9, 1e3, 1e-9, 0.01]), off_plane=80.0)
    scale = HeightScale.of([bowl], paths=[hidden])
    assert scale.low == pytest.approx(-2.0)
    assert scale.high == HeightScale.of([bowl]).high


@pytest.mark.usefixtures("rendering")
def test_the_picture_keeps_the_scale_of_what_it_shows(bowl: Surface) -> None:
    path = straying(np.array([1e9, 1.0, 1e-9, 0.2]))
    plotter = viz.surface(Panel(bowl, paths=(path,)), viz.Look(style=TESTING))
    limits = plotter.renderers[0].actors["surface"].mapper.scalar_range
    scale = HeightScale.of([bowl])
    assert limits == pytest.approx((scale.low, scale.high))
    plotter.close()


@pytest.mark.usefixtures("rendering")
def test_a_lone_record_inside_the_window_is_drawn_with_its_shadow(bowl: Surface) -> None:
    path = straying(np.array([1.0, 1.0, 1.0, 0.2]))
    frame = Frame.around([bowl], HeightScale.of([bowl], paths=[path]), TESTING)
    wanted = frame.points(path.coordinates, path.losses)[1]
    plotter = viz.surface(Panel(bowl, paths=(path,)), viz.Look(style=TESTING))
    mappers = [getattr(a, "mapper", None) for a in plotter.renderers[0].actors.values()]
    shown = [mapper.dataset for mapper in mappers if hasattr(mapper, "dataset")]
    centres = np.array([part.center for part in shown])
    assert np.linalg.norm(centres - wanted, axis=1).min() < 1e-4
    shadow = np.array([*wanted[:2], frame.floor])
    assert np.linalg.norm(centres - shadow, axis=1).min() < 0.01
    plotter.close()


NAMES = ("relu-gd-seed0", "relu-nesterov-seed0", "relu-adam-seed0")


def several(names: tuple[str, ...] = NAMES) -> list[Projection]:
    coordinates = np.array([[-0.8, 1.5], [-0.2, 0.9], [0.1, 0.0]])
    path = make_path(coordinates, np.array([3.0, 1.0, 0.2]))
    return [replace(path, run=name) for name in names]


@pytest.mark.usefixtures("rendering")
def test_several_paths_are_named_in_their_colours(bowl: Surface) -> None:
    import pyvista

    plotter = viz.surface(Panel(bowl, paths=several()), viz.Look(style=TESTING))
    actors = plotter.renderers[0].actors.values()
    said = [(a.GetInput(), a.GetTextProperty().GetColor(), a.GetPosition()) for a in actors
            if hasattr(a, "GetTextProperty")]  # fmt: skip
    names = {text: place[1] for text, _, place in said if text in ("gd", "nesterov", "adam")}
    keys = {place[1]: colour for text, colour, place in said if text == "■"}
    assert list(names) == ["gd", "nesterov", "adam"]
    for name, colour in zip(names, TESTING.path_colours, strict=False):
        assert keys[names[name]] == pytest.approx(pyvista.Color(colour).float_rgb)
    plotter.close()


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("names", [("relu-gd-seed0",), ("", "relu-gd-seed0")])
def test_a_single_or_a_nameless_path_needs_no_legend(names: tuple[str, ...], bowl: Surface) -> None:
    plotter = viz.surface(Panel(bowl, paths=several(names)), viz.Look(style=TESTING))
    assert "■" not in texts(plotter)
    plotter.close()
    assert viz.contour(Panel(bowl, paths=several(names))).axes[0].get_legend() is None


def test_contours_name_several_paths_in_their_colours(bowl: Surface) -> None:
    axes = viz.contour(Panel(bowl, paths=several())).axes[0]
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["gd", "nesterov", "adam"]
    colours = [handle.get_color() for handle in legend.get_lines()]
    assert colours == list(viz.Style().path_colours[:3])


def test_paths_that_are_not_drawn_are_named_in_the_caption_and_not_in_the_legend(
    bowl: Surface,
) -> None:
    first, off_plane, outside = several()
    off_plane = replace(off_plane, off_plane_distances=np.full(3, 90.0), distances=np.full(3, 91.0))
    outside = replace(outside, coordinates=outside.coordinates + 5.0)
    figure = viz.contour(Panel(bowl, paths=(first, off_plane, outside)))
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["gd"]
    (handle,) = legend.get_lines()
    assert handle.get_color() == viz.Style().path_colours[0]
    said = viz.caption_of(figure)
    assert "Path relu-adam-seed0 not drawn: it lies outside the window." in said
    assert "Path relu-nesterov-seed0 not drawn: 0.022 of its squared displacement lies" in said
    away = (outside, replace(outside, run="b"))
    both = viz.caption_of(viz.contour(Panel(bowl, paths=(first, *away))))
    assert "Paths relu-adam-seed0 and b not drawn: they lie outside the window." in both
    assert "points lie outside the window" not in both


def test_names_without_a_common_form_are_given_in_full(bowl: Surface) -> None:
    legend = viz.contour(Panel(bowl, paths=several(("mine", "relu-gd-seed0")))).axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["mine", "relu-gd-seed0"]


@pytest.mark.usefixtures("rendering")
def test_the_labels_of_alpha_and_beta_keep_apart_where_the_axes_meet(bowl: Surface) -> None:
    grid = Grid.square(7)
    surface = make_surface(np.ones(grid.shape) + grid.axes[0][:, None] ** 2, grid)
    style = viz.Style(panel_width=2.6, panel_height=2.1, dpi=100, anti_aliasing=False)
    plotter = viz.surface(surface, viz.Look(style=style))
    renderer = plotter.renderers[0]
    plotter.render()
    places = []
    for actor in renderer.actors.values():
        if hasattr(actor, "GetTextProperty") and actor.GetInput() in ("1", "−1"):
            place = actor.GetPositionCoordinate()
            if place.GetCoordinateSystemAsString() == "World":
                renderer.SetWorldPoint(*place.GetValue(), 1.0)
                renderer.WorldToDisplay()
                places.append(renderer.GetDisplayPoint()[:2])
    assert len(places) >= 4
    apart = min(
        np.hypot(p[0] - q[0], p[1] - q[1]) for i, p in enumerate(places) for q in places[:i]
    )
    # Two letters wide, and a gap between them.
    assert apart > 1.9 * style.pixels(style.font_size)
    plotter.close()


@pytest.mark.usefixtures("rendering")
def test_titles_of_small_panels_keep_off_the_upper_edge(bowl: Surface) -> None:
    style = viz.Style(panel_width=2.6, panel_height=2.1, dpi=150, anti_aliasing=False)
    plotter = viz.compare(
        [Panel(bowl, title="ReLU (kinked)"), Panel(bowl, title="ELU")], viz.Look(style=style)
    )
    image = np.asarray(plotter.screenshot(return_img=True))
    plotter.close()
    inked = np.flatnonzero((image < 128).any(axis=(1, 2)))
    assert inked[0] > 0.45 * style.pixels(style.font_size)


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("style", ["paper", "slides", "dark"])
def test_the_longest_title_of_a_colour_bar_keeps_off_the_right_edge(
    bowl: Surface, style: str
) -> None:
    plotter = viz.surface(bowl, viz.Look(height="linear", colour="slope", style=style))
    picture = np.asarray(plotter.screenshot(return_img=True), dtype=int)
    plotter.close()
    ground = picture[0, 0]
    strip = picture[:, -picture.shape[1] // 100 :]
    assert np.abs(strip - ground).max() < 8


@pytest.mark.parametrize("height", [400, 1200])
def test_lines_of_a_colour_bars_title_belong_together(rendering: None, height: int) -> None:
    """As far apart as the letters are high, not as the picture is."""
    plotter = pyvista.Plotter(off_screen=True, window_size=[200, height])
    style = replace(PAPER, dpi=100)
    draw_colour_bar(plotter, HeightScale("linear", 0.0, 1e-6, "residual"), style)
    titles = {
        actor.GetInput(): height * actor.GetPosition()[1]
        for actor in plotter.renderer.actors.values()
        if hasattr(actor, "GetInput") and isinstance(actor.GetInput(), str)
    }
    plotter.close()
    (power,) = (place for text, place in titles.items() if text.startswith("[10"))
    apart = titles["residual"] - power
    assert apart == pytest.approx(2.1 * style.pixels(style.font_size), rel=0.05)
