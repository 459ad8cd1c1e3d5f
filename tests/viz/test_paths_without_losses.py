"""A path whose losses nobody recorded lies on the surface, and the caption says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_path, make_surface

from landscape import Grid, Panel, Projection, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.drape import heights_at, laid, losses_on
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.mesh import surface_mesh
from landscape.viz.geometry.paths import bead_records, path_pieces
from landscape.viz.geometry.window import visible
from landscape.viz.scenes.scene import DrawnPanel
from landscape.viz.style import TESTING


def unknown(coordinates: np.ndarray) -> Projection:
    nan = np.full(len(coordinates), np.nan)
    path = make_path(coordinates, nan)
    return replace(path, off_plane_distances=nan, distances=nan)


@pytest.fixture
def bumpy() -> Surface:
    grid = Grid.rectangle((9, 13), (-1.0, 1.0), (-1.5, 1.5))
    rng = np.random.default_rng(3)
    return make_surface(np.exp(rng.normal(size=grid.shape)), grid)


@settings(deadline=None, max_examples=30)
@given(st.floats(-1, 1), st.floats(-2, 2))
def test_heights_of_a_plane_are_exact(alpha: float, beta: float) -> None:
    grid = Grid.rectangle((5, 9), (-1.0, 1.0), (-2.0, 2.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    surface = make_surface(10 + 2 * a - 3 * b, grid)
    (height,) = heights_at(np.array([[alpha, beta]]), surface, "linear")
    assert height == pytest.approx(10 + 2 * alpha - 3 * beta, abs=1e-12)


def test_heights_are_those_of_the_mesh_that_is_drawn(bumpy: Surface) -> None:
    """A ray straight down meets the mesh where ``heights_at`` says."""
    frame = Frame.around([bumpy], HeightScale.of([bumpy]), TESTING)
    mesh = surface_mesh(bumpy, frame)
    places = np.random.default_rng(0).uniform([-0.99, -1.49], [0.99, 1.49], size=(40, 2))
    z = frame.z(heights_at(places, bumpy, "log"))
    for (alpha, beta), height in zip(places, z, strict=True):
        x, y = float(frame.x(alpha)), float(frame.y(beta))
        (hit,), _ = mesh.ray_trace((x, y, 10.0), (x, y, -10.0), first_point=False)
        assert hit[2] == pytest.approx(height, abs=1e-5)


def test_there_is_no_height_outside_and_where_cells_are_cut_out(bumpy: Surface) -> None:
    losses = bumpy.losses.copy()
    losses[4, 6] = np.nan
    holed = replace(bumpy, fields={"losses": losses})
    places = np.array([[2.0, 0.0], [0.0, 0.0], [0.01, 0.01], [-0.9, -1.4]])
    assert np.isfinite(heights_at(places, holed, "log")).tolist() == [False, False, False, True]


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_every_point_of_a_laid_path_and_between_lies_on_the_surface(
    kind: str, bumpy: Surface
) -> None:
    way = unknown(np.array([[-0.9, -1.3], [0.7, 1.1], [0.33, -0.4], [0.0, 0.0]]))
    path = laid(way, bumpy, kind)  # type: ignore[arg-type]
    frame = Frame.around([bumpy], HeightScale.of([bumpy], kind=kind), TESTING)  # type: ignore[arg-type]
    (piece,) = path_pieces(path, frame)
    middles = (piece[1:] + piece[:-1]) / 2
    back = np.stack([middles[:, 0], middles[:, 1]], axis=1) / frame.unit
    back += [sum(frame.alpha) / 2, sum(frame.beta) / 2]
    on_it = frame.z(heights_at(back, bumpy, kind))  # type: ignore[arg-type]
    np.testing.assert_allclose(middles[:, 2], on_it, atol=1e-9)


def test_records_keep_their_marks_of_steps(bumpy: Surface) -> None:
    places = np.linspace([-0.9, -1.4], [0.9, 1.4], 31)
    way = unknown(places)
    path = laid(way, bumpy, "log")
    assert len(path.steps) > 31
    records, every, _ = bead_records(path)
    assert every == bead_records(way)[1]
    np.testing.assert_array_equal(path.coordinates[records], places[bead_records(way)[0]])
    assert path.coordinates[-1].tolist() == places[-1].tolist()


def test_a_path_that_is_hardly_in_the_plane_is_not_drawn_without_losses_either(
    bumpy: Surface,
) -> None:
    """The caption said so, and the picture showed it all the same."""
    t = np.linspace(-0.8, 0.0, 9)
    way = make_path(np.column_stack([t, t]), np.full(9, np.nan), off_plane=50.0)
    assert not visible(way)
    on_it = laid(way, bumpy, "linear")
    assert len(on_it.steps) > 9
    assert on_it.captured == pytest.approx(way.captured, rel=1e-12)
    assert not visible(on_it)


def test_a_path_with_a_known_loss_stays_as_it_is(bumpy: Surface) -> None:
    losses = np.array([np.nan, 2.0, np.nan])
    path = make_path(np.zeros((3, 2)), losses)
    assert laid(path, bumpy, "log") is path
    assert losses_on(path, bumpy, "log") is path.losses
    panel = Panel(bumpy, paths=(path,))
    assert DrawnPanel.of(panel, HeightScale.of([bumpy])).paths == (path,)


def test_the_caption_says_that_losses_and_distances_are_not_known(bumpy: Surface) -> None:
    way = unknown(np.linspace([-0.9, -1.4], [0.0, 0.0], 11))
    frame = Frame.around([bumpy], HeightScale.of([bumpy]), TESTING)
    text = surface_caption(Panel(bumpy, paths=(way,)), frame=frame)
    assert "Path on the surface, as its losses are not known" in text
    assert "how far off the plane it runs is not known" in text
    assert "true losses" not in text
    assert "100.0%" not in text
    flat = surface_caption(Panel(bumpy, paths=(way,)), shading="")
    assert "not known" in flat
    assert "on the surface" not in flat
    known = make_path(way.coordinates, np.ones(11))
    both = surface_caption(Panel(bumpy, paths=(way, known)), frame=frame)
    assert "Path at the true losses, with 100.0%" in both
    assert "Path on the surface" in both


def test_the_path_is_seen_in_3d_and_in_hybrid_figures(bumpy: Surface, rendering: None) -> None:
    way = unknown(np.linspace([-0.9, -1.4], [0.0, 0.0], 11))
    red = np.array([215, 25, 28])

    def count(image: np.ndarray) -> int:
        return int((np.abs(image[..., :3].astype(int) - red).max(axis=2) < 60).sum())

    plotter = viz.surface(Panel(bumpy, paths=(way,)), viz.Look(style=TESTING), caption=False)
    with_path = count(plotter.screenshot(return_img=True))
    plotter.close()
    plotter = viz.surface(bumpy, viz.Look(style=TESTING), caption=False)
    without = count(plotter.screenshot(return_img=True))
    plotter.close()
    assert with_path > without + 25
    figure = viz.figure(Panel(bumpy, paths=(way,)), viz.Look(style="testing"), dpi=72)
    pixels = figure.axes[0].images[0].get_array()
    assert count(np.asarray(pixels)) > 30


def test_a_mesh_file_has_the_path_on_the_surface(bumpy: Surface, tmp_path: object) -> None:
    import pyvista

    way = unknown(np.linspace([-0.9, -1.4], [0.0, 0.0], 11))
    _, beside = viz.export_mesh(Panel(bumpy, paths=(way,)), f"{tmp_path}/x.vtp", units="data")
    points = np.asarray(pyvista.read(beside).points)
    np.testing.assert_allclose(points[:, 2], heights_at(way.coordinates, bumpy, "log"), atol=1e-9)
    assert np.isnan(np.asarray(pyvista.read(beside).point_data["losses"])).all()
