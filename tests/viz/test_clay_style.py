"""The clay style: light alone shows the shape, walls name the activation, no colour bar."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvista
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz.geometry.clay_material import draw_walls
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.mesh import surface_mesh
from landscape.viz.scenes.scene import DrawnPanel
from landscape.viz.style import BASES, OTHER_BASE, PAPER, TESTING, Style, base_of

SMALL = TESTING.of_clay()
LOOK = viz.Look(style=SMALL)


class Kept:
    """A plotter that keeps meshes instead of drawing them."""

    def __init__(self) -> None:
        self.meshes: list[Any] = []

    def add_mesh(self, mesh: Any, **_: Any) -> Any:
        self.meshes.append(mesh)
        return pyvista.Actor(pyvista.DataSetMapper(mesh))


def colours(image: np.ndarray, wanted: str, near: int = 60) -> int:
    """Count pixels whose red, green and blue have the proportions of a colour."""
    target = np.array([int(wanted[k : k + 2], 16) for k in (1, 3, 5)], dtype=float)
    pixels = image[..., :3].astype(float)
    bright = pixels.max(axis=-1, keepdims=True)
    scaled = pixels / np.maximum(bright, 1) * target.max()
    apart = np.abs(scaled - target).sum(axis=-1)
    return int(((apart < near) & (bright[..., 0] > 40)).sum())


def test_clay_is_a_look_of_the_surface_beside_letters_and_ground() -> None:
    clay, dark = Style.named("clay"), Style.named("dark+clay")
    assert clay.material == dark.material == "clay"
    for name in ("background", "ink", "font", "font_size", "dpi", "panel_width"):
        assert getattr(clay, name) == getattr(PAPER, name)
        assert getattr(dark, name) == getattr(Style.named("dark"), name)
    assert Style.of("slides").material == "coloured"
    with pytest.raises(ValueError, match=r"unknown style 'clay\+dark'.*slides\+clay, dark\+clay"):
        Style.of("clay+dark")
    with pytest.raises(ValueError, match="unknown material 'wood'; known: coloured, clay"):
        replace(PAPER, material="wood")  # type: ignore[arg-type]


def test_a_file_of_a_style_may_change_clay(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('base = "dark+clay"\nelevation = 50')
    style = Style.of(str(tmp_path / "mine.toml"))
    assert (style.material, style.elevation) == ("clay", 50)
    assert style.background == Style.named("dark").background


@pytest.mark.parametrize(
    ("activation", "base"),
    [("relu", "relu"), ("leaky_relu_0.1", "leaky_relu"), ("smelu_0.01", "smelu"), ("gelu", "gelu")],
)
def test_an_activation_with_a_parameter_has_the_colour_of_its_kind(
    activation: str, base: str
) -> None:
    assert base_of(activation) == BASES[base]
    for unknown in ("", "mine", "relu6x"):
        assert base_of(unknown) == OTHER_BASE


@pytest.mark.parametrize("name", ["paper", "dark"])
def test_names_in_the_bases_colours_can_be_read(name: str) -> None:
    style = Style.named(name)
    ground = luminance(style.background)
    for base in (*BASES.values(), OTHER_BASE):
        low, high = sorted((luminance(style.legible(base)) + 0.05, ground + 0.05))
        assert high / low >= 4.5
    # What can be read stays as it is.
    assert PAPER.legible(BASES["relu"]) == BASES["relu"]
    assert PAPER.legible(BASES["gelu"]) == BASES["gelu"]


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2.2."""
    parts = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_walls_have_the_colour_of_the_runs_activation(oblong: Surface) -> None:
    for run, base in (("gelu-gd-seed0", BASES["gelu"]), (None, OTHER_BASE), ("my run", OTHER_BASE)):
        assert DrawnPanel(replace(oblong, run=run)).base == base


def test_walls_reach_from_every_rim_to_the_floor() -> None:
    grid = Grid.square(6)
    losses = np.ones(grid.shape) + grid.axes[0][:, None] ** 2
    losses[2, 2] = np.nan
    surface = make_surface(losses, grid)
    frame = Frame.around([surface], LOOK.scale([surface]), SMALL)
    plotter = Kept()
    draw_walls(plotter, surface_mesh(surface, frame), frame.floor, "#b84a00")
    (walls,) = plotter.meshes
    corners = np.asarray(walls.points)[np.asarray(walls.regular_faces)]
    np.testing.assert_allclose(corners[:, 2:, 2], frame.floor, atol=1e-6)
    np.testing.assert_allclose(corners[:, [3, 2], :2], corners[:, :2, :2], atol=1e-6)
    assert corners[:, :2, 2].min() >= -1e-6
    wide = np.linalg.norm((corners[:, 1] - corners[:, 0])[:, :2], axis=1)
    # The sides of the square, and the hole of 2 x 2 cells around the missing point.
    assert wide.sum() == pytest.approx(4 * 2 + 4 * 2 * 0.4, rel=1e-6)


def test_clay_is_never_shaded_flat_and_has_no_other_colours(oblong: Surface) -> None:
    assert LOOK.shading == "differences"
    assert viz.Look(style=SMALL, shading="gradient").shading == "gradient"
    assert viz.Look(style="paper").shading == "flat"
    with pytest.raises(ValueError, match="clay is of one colour, got colour 'slope'"):
        viz.surface(oblong, replace(LOOK, colour="slope"))


@pytest.mark.usefixtures("rendering")
def test_a_surface_of_clay_is_ivory_on_the_activations_colour(oblong: Surface) -> None:
    path = make_path(
        np.array([[-0.8, -1.5], [0.4, 0.5], [0.8, 1.5]]), np.array([60.0, 60.0, 130.0])
    )
    panels = [Panel(replace(oblong, run=f"{a}-gd-seed0"), paths=(path,)) for a in ("relu", "gelu")]
    for panel, mine, others in zip(panels, ("relu", "gelu"), ("gelu", "relu"), strict=True):
        plotter = viz.surface(panel, LOOK, caption=False)
        # Without the column of a colour bar.
        width = plotter.window_size[0]
        assert width <= round(SMALL.panel_width * SMALL.dpi)
        image = np.asarray(plotter.screenshot(return_img=True))
        plotter.close()
        assert colours(image, BASES[mine], 40) > 500 > 20 > colours(image, BASES[others], 40)
        assert colours(image, "#d7191c", 40) > 10
    both = viz.compare(panels, LOOK, caption=False)
    assert both.window_size[0] == pytest.approx(2 * width, abs=1)
    both.close()


@pytest.mark.usefixtures("rendering")
def test_a_figure_of_clay_has_neither_contours_nor_a_colour_bar(
    oblong: Surface, tmp_path: Path
) -> None:
    figure = viz.figure(replace(oblong, run="relu-gd-seed0"), viz.Look(style="clay"), dpi=40)
    assert len(figure.axes) == 1
    words = viz.caption_of(figure)
    assert "contours" not in words
    assert words.endswith(
        "Light alone shows the shape; the colour of the walls names the activation."
    )
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert colours(image[image[..., 3] > 250][None], BASES["relu"], 40) > 500
    # The loss is still read from its axis.
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "loss" in texts
    assert {"10", "100"} & set(texts)
    left, right, low, high = figure.axes[0].images[0].get_extent()
    assert image.shape[1] / (right - left) == pytest.approx(40)
    assert image.shape[0] / (high - low) == pytest.approx(40)
    svg = viz.save(figure, tmp_path / "x.svg").read_text(encoding="utf-8")
    assert svg.count("data:image/png;base64") == 1
    assert ">loss</text>" in svg


@pytest.mark.usefixtures("rendering")
def test_the_top_of_a_clipped_surface_stands_on_walls_too(oblong: Surface) -> None:
    look = viz.Look(style=SMALL, height="clipped", limit=50.0)
    plotter = viz.surface(replace(oblong, run="relu-gd-seed0"), look, caption=False)
    walls = plotter.renderer.actors["walls"].mapper.dataset
    plotter.close()
    points = np.asarray(walls.points)
    frame = Frame.around([oblong], look.scale([oblong]), SMALL)
    assert points[:, 2].max() == pytest.approx(float(frame.z(frame.scale.high)), abs=1e-5)
    corners = points[np.asarray(walls.regular_faces)]
    wide = np.linalg.norm((corners[:, 1] - corners[:, 0])[:, :2], axis=1)
    # Around the window, 1 by 2 units; none inside, where the flat top begins.
    assert wide.sum() == pytest.approx(6.0, rel=1e-4)
