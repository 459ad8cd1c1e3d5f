"""Kink curves in pictures: what is drawn, where it lies, and what the captions say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Surface, viz
from landscape.records.kink_map import KinkMap
from landscape.viz import HeightScale
from landscape.viz.geometry.drape import drape
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.mesh import surface_mesh
from landscape.viz.kinks.density import density_caption, kink_density
from landscape.viz.kinks.kink_lines import DrawnKinks, layer_colour
from landscape.viz.style import TESTING

_PER_SEGMENT = ("jumps", "layer", "example", "unit", "knots")
GRID = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))


def make_map(**changes: Any) -> KinkMap:
    """Three curves of two layers: jumps 1, -0.1 and 1e-5."""
    cells = (4, 8)
    facts: dict[str, Any] = {
        "segments": [[-1.0, -2.0, 1.0, 2.0], [-1.0, 0.3, 1.0, 0.3], [0.2, -2.0, 0.2, 2.0]],
        "jumps": [1.0, -0.1, 1e-5], "layer": [0, 1, 1], "example": [3, 3, 5], "unit": [0, 1, 1],
        "knots": np.zeros(3), "layers": ("first:relu", "second:relu"), "straight": (True, False),
        "alphas": GRID.axes[0], "betas": GRID.axes[1], "density": np.ones(cells),
        "signed_density": -np.ones(cells), "counts": np.ones(cells), "examples": 10, "curves": 3,
        "found": 3, **changes,
    }  # fmt: skip
    return KinkMap(**facts)


def make_many() -> KinkMap:
    none = dict.fromkeys(_PER_SEGMENT, np.zeros(0))
    density = np.linspace(0, 3, 32).reshape(4, 8)
    facts = {"density": density, "curves": 31_454, "found": 10**6, "listed": False}
    return make_map(segments=np.zeros((0, 4)), **none, **facts)


# -- the flat figure ------------------------------------------------------------------------------


def test_lines_are_drawn_by_layer_and_weight_and_the_rest_is_told(oblong: Surface) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_hex

    figure = viz.kink_contour(oblong, make_map())
    axes = figure.axes[0]
    lines = [c for c in axes.collections if type(c) is LineCollection]
    drawn = {
        to_hex(c.get_color()[0]): (np.array(c.get_segments()), c.get_linewidth()[0]) for c in lines
    }
    assert set(drawn) == {layer_colour(0), layer_colour(1)}
    np.testing.assert_allclose(drawn[layer_colour(0)][0], [[[-1, -2], [1, 2]]])
    np.testing.assert_allclose(drawn[layer_colour(1)][0], [[[-1, 0.3], [1, 0.3]]])
    assert drawn[layer_colour(0)][1] > 1.3 * drawn[layer_colour(1)][1]
    assert [t.get_text() for t in axes.get_legend().get_texts()] == ["first:relu", "second:relu"]
    said = viz.caption_of(figure)
    for words in ("2 of 3 curves are drawn", "1 stays below 0.001 of the largest jump",
                  "first:relu (1), second:relu (2)", "(largest 1)"):  # fmt: skip
        assert words in said


def test_paths_keep_their_legend_beside_that_of_the_layers(oblong: Surface) -> None:
    from matplotlib.legend import Legend

    ways = [replace(make_path(np.array([[-0.5, -1.0], [0.5, 1.0]]), [3.0, 1.0]), run=run)
            for run in ("relu-gd-seed0", "relu-adam-seed0")]  # fmt: skip
    axes = viz.kink_contour(viz.Panel(oblong, paths=tuple(ways)), make_map()).axes[0]
    legends = [each for each in axes.get_children() if isinstance(each, Legend)]
    texts = [{text.get_text() for text in each.get_texts()} for each in legends]
    assert {"gd", "adam"} in texts
    assert {"first:relu", "second:relu"} in texts


def test_many_curves_become_a_density_with_its_unit(oblong: Surface, tmp_path: Path) -> None:
    for kinks, most in ((make_many(), 2000), (make_map(), 2)):
        figure = viz.kink_contour(oblong, kinks, most=most)
        label = figure.axes[1].get_ylabel()
        assert "kink density" in label
        assert "loss / unit" in label
        values = figure.axes[0].collections[0].get_array()
        np.testing.assert_allclose(np.ma.filled(values, 0.0), kinks.density.T)
        said = viz.caption_of(figure)
        assert f"more than the {most:,} that are drawn as lines" in said
        assert f"{kinks.curves:,} curves" in said
    assert viz.save(kink_density(make_many()), tmp_path / "density.png").stat().st_size > 5000


def test_what_is_not_on_a_map_is_in_the_captions(oblong: Surface) -> None:
    kinks = make_map(left_out=("pool:max_pool2d",), unseen=("sort in head",))
    texts = [density_caption(kinks, None, None, None),
             viz.caption_of(viz.kink_contour(oblong, kinks))]  # fmt: skip
    for text in texts:
        assert "switches of pool:max_pool2d" in text
        assert "Could not be watched: sort in head." in text
    assert "mean 1, with signs -1." in texts[0]


def test_a_map_without_jumps_draws_no_lines(oblong: Surface) -> None:
    drawn = DrawnKinks.of(make_map(jumps=np.zeros(3)), 1e-3)
    assert not drawn.drawn.any()
    assert viz.kink_contour(oblong, make_map(jumps=np.zeros(3))).axes[0].get_legend() is None


def test_mistakes_are_told(oblong: Surface) -> None:
    shifted = make_surface(oblong.losses, Grid.rectangle((5, 9), (-1.0, 1.1), (-2.0, 2.0)))
    with pytest.raises(ValueError, match="must span one window"):
        viz.kink_contour(shifted, make_map())
    with pytest.raises(ValueError, match="least must be between 0 and 1, got 2"):
        viz.kink_contour(oblong, make_map(), least=2)
    with pytest.raises(ValueError, match="1,000,000 were too many; draw its density"):
        viz.kink_surface(oblong, make_many())
    with pytest.raises(ValueError, match="kink lines need a coloured surface, got style clay"):
        viz.kink_surface(oblong, make_map(), viz.Look(style="clay"))
    with pytest.raises(ValueError, match="must have shape"):
        make_map(jumps=[1.0, 2.0])
    with pytest.raises(ValueError, match="layer must be 0 to 1, got 2"):
        make_map(layer=[0, 1, 2])
    with pytest.raises(ValueError, match="found must be the number of segments, 3, got 9"):
        make_map(found=9)


# -- on the surface -------------------------------------------------------------------------------


def test_draped_lines_lie_on_the_triangles(oblong: Surface) -> None:
    frame = Frame.around([oblong], HeightScale.of([oblong]), TESTING)
    lines = np.array([[-0.93, -1.7, 0.88, 1.9], [-1.0, 0.3, 1.0, 0.3], [0.5, -2.0, 0.5, 2.0]])
    points = drape(lines, oblong, frame).reshape(-1, 2, 3)
    # Nothing is lost: the pieces are as long as the lines.
    flat = np.linalg.norm(np.diff(points[..., :2], axis=1)[:, 0], axis=1).sum() / frame.unit
    assert flat == pytest.approx(np.hypot(*(lines[:, 2:] - lines[:, :2]).T).sum(), rel=1e-12)
    mesh = surface_mesh(oblong, frame)
    corners = np.asarray(mesh.points, dtype=float)[mesh.regular_faces]
    for share in (0.0, 0.31, 1.0):
        for x, y, z in points[:, 0] + share * (points[:, 1] - points[:, 0]):
            assert z == pytest.approx(height_of(corners, x, y), abs=2e-6)


def height_of(corners: np.ndarray, x: float, y: float) -> float:
    """Height of triangles [T, 3, 3] over a place."""
    a, b, c = (corners[:, k] for k in range(3))
    edges = np.stack([b - a, c - a], axis=2)[:, :2]
    u, v = np.linalg.solve(edges, (np.array([x, y]) - a[:, :2])[..., None])[..., 0].T
    k = int(np.argmax(np.minimum(np.minimum(u, v), 1 - u - v)))
    return float(a[k, 2] + u[k] * (b - a)[k, 2] + v[k] * (c - a)[k, 2])


def test_lines_over_a_hole_are_left_out(oblong: Surface) -> None:
    losses = oblong.losses.copy()
    losses[2, 4] = np.nan
    holed = make_surface(losses, GRID)
    frame = Frame.around([holed], HeightScale.of([holed]), TESTING)
    points = drape(np.array([[-1.0, 0.1, 1.0, 0.1]]), holed, frame).reshape(-1, 2, 3)
    alpha = points[..., 0] / frame.unit
    assert np.abs(alpha).min() == pytest.approx(0.5)


# -- pictures -------------------------------------------------------------------------------------


def test_labels_have_the_digits_that_tell_them_apart() -> None:
    scale = HeightScale("linear", 0.01137, 0.0114)
    assert scale.labels(np.array([0.011376, 0.01138, 0.011384])) == [
        "0.011376", "0.01138", "0.011384",
    ]  # fmt: skip
    assert scale.title == "loss"


@pytest.mark.usefixtures("rendering")
def test_pictures_in_3d_are_not_blank_and_hold_every_line(oblong: Surface, tmp_path: Path) -> None:
    look = viz.Look(style=TESTING)
    plotter = viz.kink_surface(viz.Panel(oblong, title="ReLU"), make_map(), look)
    viz.save(plotter, tmp_path / "lines.png")
    from PIL import Image

    image = np.asarray(Image.open(tmp_path / "lines.png").convert("RGB"), dtype=int)
    orange = np.abs(image - [255, 111, 60]).sum(axis=2) < 60
    assert orange.sum() > 20


@pytest.mark.usefixtures("rendering")
def test_the_colour_bar_has_room_for_the_labels_of_a_narrow_range(oblong: Surface) -> None:
    usual = viz.surface(oblong, viz.Look(height=HeightScale("linear", 0.0, 3.0)), caption=False)
    narrow = viz.surface(
        oblong, viz.Look(height=HeightScale("linear", 0.01137, 0.0114)), caption=False
    )
    try:
        assert narrow.window_size[0] > usual.window_size[0] + 20
        assert narrow.window_size[1] == usual.window_size[1]
    finally:
        usual.close()
        narrow.close()


def test_a_map_without_kinks_says_so(oblong: Surface) -> None:
    none = dict.fromkeys(_PER_SEGMENT, np.zeros(0))
    empty = make_map(segments=np.zeros((0, 4)), **none, layers=(), straight=(), curves=0, found=0)
    said = viz.caption_of(viz.kink_contour(oblong, empty))
    assert "No unit of an example passes a kink here." in said
    assert "Layers" not in said
    assert "curves are drawn" not in said
