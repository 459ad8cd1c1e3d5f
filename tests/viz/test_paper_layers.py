"""What is rendered for a paper lies where lines and text are projected to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import make_surface
from papers import QUICK, bowl_and_roof, by_hand, descent, framed

from landscape import Projection, Surface
from landscape.viz.geometry.mesh import surface_mesh
from landscape.viz.geometry.viewport import View
from landscape.viz.paper import layer as layers
from landscape.viz.paper.hybrid import FIGURE_STYLE
from landscape.viz.paper.layer import Solid, render
from landscape.viz.scenes.scene import DrawnPanel


@pytest.fixture
def pair() -> list[Surface]:
    return bowl_and_roof()


@pytest.fixture
def path() -> Projection:
    return descent()


def test_the_projection_is_the_cameras(pair: list[Surface], rendering: None) -> None:
    import pyvista
    from vtkmodules.vtkRenderingCore import vtkCoordinate

    frame = framed(pair)
    view = View.of(frame, QUICK, width=2.0, room=0.05)
    points = np.random.default_rng(0).uniform(-1, 1, (20, 3))
    on_paper = view.on_paper(points)
    np.testing.assert_allclose(on_paper, by_hand(points, view, frame), atol=1e-12)
    plotter = pyvista.Plotter(off_screen=True, window_size=[400, 300])
    lower, size = np.array([0.3, 0.1]), np.array([4.0, 3.0])
    view.aim(plotter.renderer, lower, size)
    for point, expected in zip(points, (on_paper - lower) / size * [400, 300], strict=True):
        coordinate = vtkCoordinate()
        coordinate.SetCoordinateSystemToWorld()
        coordinate.SetValue(*point)
        shown = coordinate.GetComputedDoubleDisplayValue(plotter.renderer)
        np.testing.assert_allclose(shown, expected, atol=1e-6)
    plotter.close()


def test_the_box_fills_the_view_but_for_its_rim(pair: list[Surface]) -> None:
    frame = framed(pair)
    view = View.of(frame, QUICK, width=2.0, room=0.05)
    places = view.on_paper(frame.box())
    np.testing.assert_allclose(places.min(axis=0), [0.05, 0.05], atol=1e-12)
    np.testing.assert_allclose(places.max(axis=0), [1.95, view.height - 0.05], atol=1e-12)
    with pytest.raises(ValueError, match="width > 2 room"):
        View.of(frame, QUICK, width=0.1, room=0.05)


def test_the_rendered_silhouette_is_the_projected_surfaces(
    pair: list[Surface], rendering: None
) -> None:
    frame = framed(pair)
    view = View.of(frame, QUICK, width=2.0, room=0.05)
    style = replace(QUICK, isolines=False)
    for surface in pair:
        shown = render(Solid(DrawnPanel(surface), frame, view, style, "flat", 300))
        mesh = surface_mesh(surface, frame)
        places = view.on_paper(np.asarray(mesh.points))
        left, right, bottom, top = shown.extent
        edges = [places[:, 0].min(), places[:, 0].max(), places[:, 1].min(), places[:, 1].max()]
        np.testing.assert_allclose([left, right, bottom, top], edges, atol=1.5 / 300)
        # Opaque where a grid point is, empty in the corners of the picture.
        rows = np.clip(((top - places[:, 1]) * 300).astype(int), 0, shown.pixels.shape[0] - 1)
        columns = np.clip(((places[:, 0] - left) * 300).astype(int), 0, shown.pixels.shape[1] - 1)
        inner = np.zeros(surface.grid.shape, dtype=bool)
        inner[1:-1, 1:-1] = True
        # Where the surface folds away from the viewer, points lie on its very rim.
        assert np.mean(shown.pixels[rows, columns, 3][inner.ravel()] == 255) > 0.98
        assert shown.pixels[-1, 0, 3] == 0


def test_tiles_and_one_picture_are_the_same(
    pair: list[Surface], path: Projection, rendering: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = framed(pair)
    view = View.of(frame, FIGURE_STYLE, width=1.0, room=0.05)
    panel = DrawnPanel(pair[0], (path,))
    whole = render(Solid(panel, frame, view, FIGURE_STYLE, "flat", 150))
    monkeypatch.setattr(layers, "_TILE", 120)
    tiled = render(Solid(panel, frame, view, FIGURE_STYLE, "flat", 150))
    assert whole.extent == tiled.extent
    differ = np.abs(whole.pixels.astype(int) - tiled.pixels.astype(int)).max(axis=-1)
    assert np.mean(differ > 8) < 0.002


def test_half_covered_pixels_have_the_colour_of_what_covers_them(
    pair: list[Surface], rendering: None
) -> None:
    flat = make_surface(np.full(pair[0].grid.shape, 0.3), pair[0].grid)
    frame = framed(pair)
    view = View.of(frame, FIGURE_STYLE, width=1.0, room=0.05)
    style = replace(FIGURE_STYLE, isolines=False)
    shown = render(Solid(DrawnPanel(flat), frame, view, style, "flat", 150))
    opacity = shown.pixels[..., 3]
    full = shown.pixels[opacity == 255][:, :3]
    rim = shown.pixels[(opacity > 0) & (opacity < 255)][:, :3]
    assert len(rim) > 50
    assert np.abs(rim - full.mean(axis=0)).max() < 20


def test_a_hole_is_seen_through(pair: list[Surface], rendering: None) -> None:
    losses = np.array(pair[0].losses)
    losses[10:20, 5:15] = np.nan
    holed = Surface(pair[0].grid, {"losses": losses}, pair[0].status)
    frame = framed(pair)
    view = View.of(frame, QUICK, width=1.0, room=0.05)
    counts = [
        int(
            (render(Solid(DrawnPanel(s), frame, view, QUICK, "flat", 100)).pixels[..., 3] > 0).sum()
        )
        for s in (pair[0], holed)
    ]
    assert counts[1] < 0.9 * counts[0]
