"""Captions say what is drawn and count what is not; pictures draw what captions say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface
from matplotlib.colors import to_rgba

from landscape import Grid, Panel, Projection, Surface, viz
from landscape.records.kink_map import KinkMap
from landscape.records.window_scaling import ResidualScaling
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.flat.lines import drawing, line_colours
from landscape.viz.geometry.colouring import colours_of
from landscape.viz.geometry.drape import drape
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.paths import bead_points, bead_records
from landscape.viz.kinks.density import kink_density
from landscape.viz.paper.hybrid import FIGURE_STYLE
from landscape.viz.style import DARK, TESTING

QUICK = replace(FIGURE_STYLE, anti_aliasing=False)


@pytest.fixture
def bowl() -> Surface:
    grid = Grid.square(21)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(0.01 + a**2 + b**2, grid)


def walk(losses: np.ndarray) -> Projection:
    t = np.linspace(-0.9, 0.0, len(losses))
    return make_path(np.stack([t, 0.3 * t], axis=1), losses)


def frame_of(surface: Surface, path: Projection, **options: Any) -> Frame:
    scale = HeightScale.of([surface], paths=[path], **options)
    return Frame.around([surface], scale, QUICK)


# -- paths ----------------------------------------------------------------------------------------


def test_the_beads_that_a_figures_caption_tells_of_are_drawn(
    bowl: Surface, rendering: None
) -> None:
    path = walk(np.linspace(1.5, 0.02, 25))
    figure = viz.figure(
        Panel(bowl, paths=(path,)), viz.Look(style=QUICK), dpi=200, width=3.25, contours=False
    )
    records, every, _ = bead_records(path)
    assert f"a bead every {every} steps" in viz.caption_of(figure)
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert len(dots) == len(records) == 4
    # The rendered path is wider at a bead than between two of them.
    pixels = np.asarray(figure.axes[0].images[0].get_array()).astype(int)
    red = np.array([int(255 * v) for v in to_rgba(QUICK.path_colour(0))[:3]])
    columns = (np.abs(pixels[..., :3] - red).max(axis=2) < 70).sum(axis=0)
    there = columns[columns > 0]
    assert there.max() > 1.3 * np.median(there)


def test_beads_are_records_that_are_drawn(bowl: Surface) -> None:
    losses = np.linspace(1.5, 0.02, 25)
    losses[bead_records(walk(losses))[0][1]] = np.nan
    path = walk(losses)
    assert len(bead_points(path, frame_of(bowl, path))) == 3
    scale = HeightScale.of([bowl], kind="linear", limit=0.5)
    frame = Frame.around([bowl], scale, QUICK)
    there = path.losses[bead_records(path)[0]] <= 0.5
    assert len(bead_points(path, frame)) == there.sum()


def test_marks_of_records_above_the_limit_are_not_drawn(bowl: Surface, rendering: None) -> None:
    path = walk(np.linspace(1.5, 0.02, 25))
    scale = HeightScale.of([bowl], kind="linear", limit=0.5)
    figure = viz.figure(Panel(bowl, paths=(path,)), viz.Look(height=scale, style=QUICK), dpi=72)
    solid, flat = figure.axes[:2]
    faces = [to_rgba(line.get_markerfacecolor()) for line in solid.lines
             if line.get_marker() == "o"]  # fmt: skip
    assert to_rgba("white") not in faces
    assert len(faces) == 2
    # Contours have no heights: there the start is drawn.
    assert any(line.get_marker() == "o" and line.get_markerfacecolor() == "white"
               for line in flat.lines)  # fmt: skip


def test_only_a_picture_with_heights_leaves_out_what_is_above_the_limit(bowl: Surface) -> None:
    path = walk(np.linspace(1.5, 0.02, 25))
    scale = HeightScale.of([bowl], kind="linear", limit=0.5)
    frame = Frame.around([bowl], scale, QUICK)
    high = int((path.losses > 0.5).sum())
    solid = surface_caption(Panel(bowl, paths=(path,)), scale=scale, frame=frame)
    assert f"{high} points of the path are higher and not drawn on the surface." in solid
    assert "not drawn" not in surface_caption(Panel(bowl, paths=(path,)), scale=scale, shading="")
    # What lies outside the window is told once.
    aside = make_path(path.coordinates + np.array([-0.5, 0.0]), path.losses)
    inside = frame.window.inside(aside.coordinates)
    told = surface_caption(Panel(bowl, paths=(aside,)), scale=scale, frame=frame)
    assert f"{int(((path.losses > 0.5) & inside).sum())} points of the path are higher" in told
    assert f"{int((~inside).sum())} of its points lie outside the window." in told


@pytest.mark.parametrize(
    ("height", "lost", "said"),
    [
        ("log", [np.nan, np.inf, 0.0], "3 of its points are not drawn on the surface, whose losses "
         "are not finite and positive."),
        ("linear", [np.nan, np.inf, 0.0], "2 of its points are not drawn on the surface, whose "
         "losses are not finite."),
        ("log", [np.nan], "1 of its points is not drawn on the surface, whose loss is not finite "
         "and positive."),
        ("log", [], ""),
    ],
)  # fmt: skip
def test_records_without_a_height_are_counted(
    height: Any, lost: list[float], said: str, bowl: Surface
) -> None:
    losses = np.linspace(1.5, 0.02, 25)
    losses[5 : 5 + len(lost)] = lost
    path = walk(losses)
    told = surface_caption(Panel(bowl, paths=(path,)), frame=frame_of(bowl, path, kind=height))
    assert (said in told) if said else ("not drawn" not in told)
    assert "not drawn" not in surface_caption(Panel(bowl, paths=(path,)), shading="")


def test_the_bar_of_a_clipped_figure_shows_the_colour_of_what_is_cut_off(
    bowl: Surface, rendering: None
) -> None:
    scale = HeightScale.of([bowl], kind="linear", limit=0.5)
    bars = [viz.figure(bowl, viz.Look(height=height, style=QUICK), dpi=72).axes[-1]
            for height in (scale, "log")]  # fmt: skip
    colours = [[to_rgba(patch.get_facecolor()) for patch in bar.patches] for bar in bars]
    assert to_rgba(QUICK.clipped) in colours[0]
    assert to_rgba(QUICK.clipped) not in colours[1]


def test_the_hatching_of_a_flat_top_is_as_wide_in_a_finer_picture(
    bowl: Surface, rendering: None
) -> None:
    scale = HeightScale.of([bowl], kind="linear", limit=0.5)
    shares = []
    for dpi in (150, 450):
        figure = viz.figure(bowl, viz.Look(height=scale), dpi=dpi, width=3.25, contours=False)
        pixels = np.asarray(figure.axes[0].images[0].get_array()).astype(int)
        opaque = pixels[..., 3] == 255
        grey = opaque & (np.ptp(pixels[..., :3], axis=2) < 12)
        dark = grey & (pixels[..., 0] < 175) & (pixels[..., 0] > 110)
        shares.append(dark.sum() / grey.sum())
    assert min(shares) > 0.03
    assert shares[1] == pytest.approx(shares[0], rel=0.5)


def test_kink_lines_over_a_cut_surface_lie_on_its_flat_top(bowl: Surface) -> None:
    scale = HeightScale.of([bowl], kind="linear", limit=0.5)
    frame = Frame.around([bowl], scale, TESTING)
    points = drape(np.array([[-1.0, -0.9, 1.0, 0.7]]), bowl, frame)
    assert points[:, 2].max() == pytest.approx(float(frame.z(0.5)))


# -- colours --------------------------------------------------------------------------------------


def test_values_below_a_log_range_and_zeros_are_counted() -> None:
    grid = Grid.square(21)
    slope = np.exp(np.linspace(-9, 3, grid.size)).reshape(grid.shape)
    slope[3, :4] = 0.0
    plain = make_surface(np.ones(grid.shape), grid)
    fields = {**plain.fields, "gradient_alpha": slope, "gradient_beta": np.zeros(grid.shape)}
    surface = Surface(grid, fields, plain.status, settings=plain.settings)
    colours = colours_of([surface], "slope", TESTING)
    assert colours is not None
    least = 10**colours.scale.low
    below = int(((slope > 0) & (slope < least)).sum())
    assert below >= 4
    told = " ".join(colours.sentences)
    assert f"Colours begin at {least:.3g}: {below} values are below." in told
    assert "Grey: 4 values of 0, which a log scale has not." in told
    assert "without slope" not in told


def test_single_values_are_told_in_the_singular() -> None:
    grid = Grid.square(11)
    slope = np.exp(np.linspace(-9, 3, grid.size)).reshape(grid.shape)
    slope[3, 4] = 0.0
    plain = make_surface(np.ones(grid.shape), grid)
    fields = {**plain.fields, "gradient_alpha": slope, "gradient_beta": np.zeros(grid.shape)}
    surface = Surface(grid, fields, plain.status, settings=plain.settings)
    colours = colours_of([surface], "slope", TESTING)
    assert colours is not None
    assert "Grey: 1 value of 0, which a log scale has not." in colours.sentences
    losses = np.linspace(0.0, 1.0, grid.size).reshape(grid.shape)
    losses[5, 5] = 500.0
    other = np.ones(grid.shape)
    other[0, 0] = np.nan
    colours = colours_of([make_surface(losses, grid)], "difference", TESTING, height="linear",
                         reference=make_surface(other, grid))  # fmt: skip
    assert colours is not None
    assert colours.sentences[-2].startswith("Colours end at ±0.98")
    assert "Cross-hatched: 1 point without difference." in colours.sentences


def test_a_difference_of_surfaces_over_other_planes_is_told(bowl: Surface) -> None:
    def told(**settings: Any) -> str:
        other = replace(bowl, settings={**bowl.settings, **settings})
        colours = colours_of([bowl], "difference", TESTING, reference=other)
        assert colours is not None
        return " ".join(colours.sentences)

    assert "Subtract with care" not in told()
    assert "Subtract with care: their planes have the seeds 3 and 4." in told(seed=4)
    assert "Subtract with care: their planes are of different kinds" in told(kind="pca")
    mine = replace(bowl, run="relu-gd-seed0", plane="one")
    colours = colours_of([mine], "difference", TESTING, reference=replace(mine, plane="two"))
    assert colours is not None
    assert "two planes of one run" in colours.sentences[1]


def test_cells_below_the_colours_of_a_density_are_counted() -> None:
    edges = np.linspace(-1, 1, 21)
    density = np.exp(np.linspace(-9, 3, 400)).reshape(20, 20)
    none = np.empty(0)
    kinks = KinkMap(
        segments=np.empty((0, 4)), jumps=none, layer=none, example=none, unit=none, knots=none,
        layers=("0:relu",), straight=(True,), alphas=edges, betas=edges, density=density,
        signed_density=density, counts=density, examples=3, curves=0, found=0,
    )  # fmt: skip
    figure = kink_density(kinks)
    (mesh,) = figure.axes[0].collections
    below = int((density < mesh.norm.vmin).sum())
    assert below == 4
    assert f": {below} cells with kinks are below." in viz.caption_of(figure)


# -- residuals ------------------------------------------------------------------------------------


def scaling(rounding: float = 1e-12) -> Any:
    widths = np.geomspace(0.01, 1, 5)
    return ResidualScaling(
        centres=np.zeros((3, 2)), widths=widths, residual_rms=np.tile(widths**2, (3, 1)),
        quadratic_rms=np.tile(widths, (3, 1)), rounding=np.full(3, rounding),
    )  # fmt: skip


def test_lines_of_residuals_are_seen_on_a_dark_ground() -> None:
    figure = viz.residual_scaling([scaling()] * 7, titles=list("abcdefg"), kinked=[True] * 7,
                                  style="dark")  # fmt: skip
    with drawing(DARK):
        wanted = line_colours()
    assert [line.get_color() for line in figure.axes[0].lines[:7]] == list(wanted[:7])


def test_the_caption_of_residuals_tells_of_what_is_drawn() -> None:
    plain = viz.caption_of(viz.residual_scaling([scaling()] * 2, titles=["a", "b"],
                                                kinked=[True, False]))  # fmt: skip
    assert "Medians over 3 places" in plain
    assert "Solid: activations with kinks; dashed: without." in plain
    assert not any(word in plain for word in ("Grey", "Dotted", "Lines end", "for widths"))
    rough = viz.residual_scaling([scaling(1e-4)], titles=["a"], kinked=[True], step=0.1,
                                 fitted=(0.05, 1.0))  # fmt: skip
    told = viz.caption_of(rough)
    for part in ("Lines end where", "Grey: what would be rounding.", "one optimizer step, 0.1.",
                 "the slope for widths from 0.05 to 1 on"):  # fmt: skip
        assert part in told, told
    assert len([c for c in rough.axes[0].collections if c.get_zorder() == 0]) == 1
