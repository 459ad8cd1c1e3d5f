"""Figures for papers are coloured by what they are asked for; isolines stay those of the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import matplotlib
import numpy as np
import pytest
from figures import clashes
from making import make_path, make_surface
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb

from landscape import Grid, Panel, Surface, viz
from landscape.records.surface import Status
from landscape.viz.geometry.colouring import colours_of
from landscape.viz.paper.hybrid import FIGURE_STYLE
from landscape.viz.style import DARK

# A colour is as bright as its map has it, whatever the light.
PLAIN = replace(FIGURE_STYLE, anti_aliasing=False, ambient=1.0, diffuse=0.0, isolines=False)
QUICK = replace(FIGURE_STYLE, anti_aliasing=False)


@pytest.fixture
def pair() -> list[Surface]:
    """Two bowls whose accuracy is 0.2 on the left and 0.9 on the right, and the other way round."""
    grid = Grid.square(21)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    made = []
    for sign in (1, -1):
        plain = make_surface(0.01 + a**2 + (2 + sign) * b**2, grid)
        accuracies = np.where(sign * a < 0, 0.2, 0.9)
        made.append(Surface(grid, {**plain.fields, "accuracies": accuracies}, plain.status,
                            settings=plain.settings))  # fmt: skip
    return made


def meshes(figure: Any) -> list[Any]:
    return [c for axes in figure.axes for c in axes.collections if hasattr(c, "get_coordinates")]


def test_surface_contours_and_bar_have_the_colours_of_the_field(
    pair: list[Surface], rendering: None
) -> None:
    figure = viz.figure(pair, viz.Look(colour="accuracies", style=PLAIN), dpi=100)
    assert {(mesh.norm.vmin, mesh.norm.vmax) for mesh in meshes(figure)} == {(0.2, 0.9)}
    assert len(meshes(figure)) == 3
    for surface, mesh in zip(pair, meshes(figure), strict=False):
        np.testing.assert_array_equal(mesh.get_array(), surface.fields["accuracies"].T)
    bar = figure.axes[-1]
    assert bar.get_ylabel() == "accuracy"
    shades = matplotlib.colormaps[PLAIN.colour_map]([0.0, 1.0])[:, :3] * 255
    for axes, sides in zip((a for a in figure.axes if a.images), ((0, 1), (1, 0)), strict=True):
        pixels = np.asarray(axes.images[0].get_array())
        # Left and right of the picture's middle column, a quarter of it away from the rim.
        row = pixels[pixels.shape[0] // 2]
        for place, side in zip((0.3, 0.7), sides, strict=True):
            seen = row[round(place * len(row)), :3]
            assert np.abs(seen - shades[side]).max() < 16, (place, seen)


def test_isolines_are_those_of_the_loss_and_plain_on_the_floor(
    pair: list[Surface], rendering: None
) -> None:
    plain = viz.figure(pair[0], viz.Look(style=QUICK), dpi=80)
    coloured = viz.figure(pair[0], viz.Look(colour="accuracies", style=QUICK), dpi=80)
    floors = [next(c for c in figure.axes[0].collections if isinstance(c, LineCollection))
              for figure in (plain, coloured)]  # fmt: skip
    for one, other in zip(*(floor.get_segments() for floor in floors), strict=True):
        np.testing.assert_array_equal(one, other)
    colours = [np.unique(np.round(floor.get_colors(), 6), axis=0) for floor in floors]
    assert len(colours[0]) > 3
    assert len(colours[1]) == 1
    (shade,) = colours[1]
    assert np.ptp(shade[:3]) == 0.0


def test_plain_isolines_on_a_dark_floor_are_seen(pair: list[Surface], rendering: None) -> None:
    style = replace(DARK, anti_aliasing=False)
    figure = viz.figure(pair[0], viz.Look(colour="slope", style=style), dpi=80)
    floor = next(c for c in figure.axes[0].collections if isinstance(c, LineCollection))
    lightness = float(np.mean(floor.get_colors()[0][:3]))
    assert lightness > 0.3 + float(np.mean(to_rgb(DARK.background)))


def test_the_caption_says_what_the_colours_are(pair: list[Surface]) -> None:
    colours = colours_of(pair, "curvature", FIGURE_STYLE)
    assert colours is not None
    told = viz.caption_of(viz.figure(pair, viz.Look(colour="curvature"), dpi=30))
    assert all(sentence in told for sentence in colours.sentences)
    assert len(colours.sentences) >= 2
    assert "Height: log loss" in told
    difference = viz.caption_of(
        viz.figure(pair, viz.Look(colour="difference", reference=pair[1]), dpi=30)
    )
    assert "log10 of the ratio of the losses to the reference" in difference


def test_the_drawn_caption_begins_the_told_one(pair: list[Surface], rendering: None) -> None:
    look = viz.Look(colour="difference", reference=pair[1], style=QUICK)
    words = viz.caption_of(viz.figure(pair, look, dpi=72))
    drawn = viz.figure(pair, look, dpi=72, caption=True)
    said = max((text.get_text() for text in drawn.texts), key=len)
    drawn_words = " ".join(said.split())
    assert words.startswith(f"{drawn_words} 21 x 21 points")


@pytest.mark.parametrize("width", [3.25, 5.5])
def test_names_of_classes_have_room_beside_the_bar(
    width: float, pair: list[Surface], rendering: None
) -> None:
    status = np.full(pair[0].grid.shape, Status.EVALUATED, dtype=np.uint8)
    status[::2] = Status.INTERPOLATED
    mixed = replace(pair[0], status=status)
    figure = viz.figure(mixed, viz.Look(colour="status", style=QUICK), dpi=80, width=width)
    bar = figure.axes[-1]
    labels = (bar.get_yticklabels(), bar.get_xticklabels())[width < 4]
    assert [text.get_text() for text in labels] == ["evaluated", "interpolated"]
    assert clashes(figure) == []
    counts = figure.axes[1].collections[0].get_array()
    np.testing.assert_array_equal(counts, (status == Status.INTERPOLATED).T)


def test_mistakes_are_told(pair: list[Surface]) -> None:
    with pytest.raises(ValueError, match="unknown colour 'hue'; known: losses, slope"):
        viz.figure(pair, viz.Look(colour="hue"))
    with pytest.raises(
        ValueError, match="'difference' needs a reference, got none; give one surface"
    ):
        viz.caption_of(viz.figure(pair, viz.Look(colour="difference"), dpi=30))
    with pytest.raises(ValueError, match="two references"):
        viz.mosaic(pair[0], viz.Look(colour="difference", reference=pair[0]), flat=pair[1])


def test_a_mosaic_has_one_range_of_the_field_and_says_it_once(
    pair: list[Surface], rendering: None
) -> None:
    figure = viz.mosaic(pair[0], viz.Look(colour="slope", style=QUICK), flat=pair[1], dpi=72)
    colours = colours_of(pair, "slope", QUICK)
    assert colours is not None
    limits = {(mesh.norm.vmin, mesh.norm.vmax) for mesh in meshes(figure)}
    assert limits == {(colours.scale.low, colours.scale.high)}
    shown = meshes(figure)[0].get_array()
    np.testing.assert_allclose(np.ma.filled(shown, np.nan), colours.values[1].T)
    told = viz.caption_of(viz.mosaic(pair[0], viz.Look(colour="slope"), flat=pair[1], dpi=30))
    assert told.count("Colour: slope") == 1
    assert "Isolines: log loss. " in told
    assert viz.caption_of(figure) == told
    alone = viz.mosaic(pair[0], viz.Look(colour="accuracies", style=QUICK), dpi=72)
    np.testing.assert_array_equal(meshes(alone)[0].get_array(), pair[0].fields["accuracies"].T)


def test_a_mosaic_holds_the_whole_path_and_one_without_losses(
    pair: list[Surface], rendering: None
) -> None:
    t = np.linspace(-0.9, 0.0, 12)
    places = np.stack([t, 0 * t], axis=1)
    high = make_path(places, 0.01 + 900.0 * t**2)
    bar = viz.mosaic(Panel(pair[0], paths=(high,)), viz.Look(style=QUICK), dpi=72).axes[2]
    assert bar.get_ylim()[1] == pytest.approx(np.log10(high.losses.max()))
    nan = np.full(12, np.nan)
    unknown = replace(high, losses=nan, plane_losses=nan, distances=nan, off_plane_distances=nan)
    figure = viz.mosaic(Panel(pair[0], paths=(unknown,)), viz.Look(style=QUICK), dpi=72)
    (line,) = [one for one in figure.axes[0].lines
               if one.get_color() == QUICK.path_colour(0) and len(one.get_xdata()) > 12
               and one.get_zorder() > 2]  # fmt: skip
    assert len(line.get_xdata()) >= 12
    assert "Path on the surface, as its losses are not known" in viz.caption_of(figure)


def test_a_mosaic_marks_the_solutions_that_its_caption_names(
    pair: list[Surface], rendering: None
) -> None:
    through = {"kind": "through", "points": [[0.0, 0.0], [0.8, 0.0], [-0.4, 0.6]],
               "names": ["a-0", "a-1", "a-2"]}  # fmt: skip
    surface = replace(pair[0], settings={**pair[0].settings, **through})
    figure = viz.mosaic(surface, viz.Look(style=QUICK), dpi=72)
    assert "the solutions A a-0 at (0, 0), B a-1" in viz.caption_of(figure)
    for axes, wanted in zip(figure.axes[:2], (6, 3), strict=True):
        assert sum(line.get_marker() == "D" for line in axes.lines) >= wanted
