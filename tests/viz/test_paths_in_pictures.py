"""A path is drawn through its true points, or only marked where the plane does not hold it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.paths import TUBE
from landscape.viz.style import TESTING

pytestmark = pytest.mark.usefixtures("rendering")


@pytest.fixture
def bowl() -> Surface:
    grid = Grid.rectangle((7, 11), (-1.0, 1.0), (-2.0, 2.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return make_surface(0.1 + a**2 + b**2, grid)


COORDINATES = np.array([[-0.83, 1.57], [-0.21, 0.93], [0.37, -0.41], [0.11, 0.07]])
# Three orders of magnitude in one step: a spline would overshoot.
LOSSES = np.array([5.0, 4.9, 0.2, 0.15])


def drawn(plotter: Any) -> list[Any]:
    """Return the data sets that the first panel shows, without those of its surface."""
    actors = {n: a for n, a in plotter.renderers[0].actors.items() if n != "surface"}
    mappers = [getattr(actor, "mapper", None) for actor in actors.values()]
    return [mapper.dataset for mapper in mappers if hasattr(mapper, "dataset")]


def wanted_points(frame: Frame) -> np.ndarray:
    z = (np.log10(LOSSES) - frame.scale.low) * frame.rise
    return np.column_stack([COORDINATES * frame.unit, z])


def frame_with(surface: Surface, path: Any) -> Frame:
    return Frame.around([surface], HeightScale.of([surface], paths=[path]), TESTING)


def test_the_drawn_tube_and_its_line_pass_through_every_record_in_order(bowl: Surface) -> None:
    path = make_path(COORDINATES, LOSSES)
    wanted = wanted_points(frame_with(bowl, path))
    plotter = viz.surface(Panel(bowl, paths=(path,)), viz.Look(style=TESTING))
    parts = drawn(plotter)
    # VTK keeps points of lines in single precision.
    assert any(
        part.points.shape == wanted.shape and np.allclose(part.points, wanted, atol=1e-6)
        for part in parts
    )
    (tube,) = [part for part in parts if "TubeNormals" in part.point_data]
    # Rings around the records, around each of them and around nothing else.
    distances = np.linalg.norm(tube.points[:, None] - wanted[None], axis=2)
    np.testing.assert_allclose(distances.min(axis=0), TUBE, atol=1e-5)
    np.testing.assert_allclose(distances.min(axis=1), TUBE, atol=1e-5)
    plotter.close()


def test_start_and_end_of_a_path_are_marked_at_their_true_losses(bowl: Surface) -> None:
    path = make_path(COORDINATES, LOSSES)
    wanted = wanted_points(frame_with(bowl, path))
    plotter = viz.surface(Panel(bowl, paths=(path,)), viz.Look(style=TESTING))
    centres = np.array([part.center for part in drawn(plotter)])
    for record in (0, -1):
        assert np.linalg.norm(centres - wanted[record], axis=1).min() < 1e-4
    plotter.close()


def test_of_a_path_off_the_plane_only_the_end_is_marked(bowl: Surface) -> None:
    path = make_path(COORDINATES, LOSSES, off_plane=50.0)
    wanted = wanted_points(frame_with(bowl, path))
    plotter = viz.surface(Panel(bowl, paths=(path,)), viz.Look(style=TESTING))
    parts = drawn(plotter)
    assert not [part for part in parts if "TubeNormals" in part.point_data]
    centres = np.array([part.center for part in parts])
    assert np.linalg.norm(centres - wanted[-1], axis=1).min() < 1e-4
    assert np.linalg.norm(centres - wanted[0], axis=1).min() > 0.05
    plotter.close()


def test_no_drawn_part_of_a_path_leaves_the_window(bowl: Surface) -> None:
    coordinates = np.insert(COORDINATES, [2, 2], [[0.5, 9.0], [0.6, 8.0]], axis=0)
    path = make_path(coordinates, np.insert(LOSSES, [2, 2], 1.0))
    frame = frame_with(bowl, path)
    plotter = viz.surface(Panel(bowl, paths=(path,)), viz.Look(style=TESTING))
    tubes = [part for part in drawn(plotter) if "TubeNormals" in part.point_data]
    assert len(tubes) == 2
    for tube in tubes:
        assert np.abs(tube.points[:, 1]).max() < frame.y(2.0)
    text = surface_caption(Panel(bowl, paths=(path,)), frame=frame)
    assert "2 of its points lie outside the window" in text
    plotter.close()


def test_the_contour_of_a_path_off_the_plane_shows_its_end_alone(bowl: Surface) -> None:
    figure = viz.contour(Panel(bowl, paths=(make_path(COORDINATES, LOSSES, off_plane=50.0),)))
    mark, cross = figure.axes[0].lines
    assert cross.get_marker() == "+"
    np.testing.assert_array_equal(mark.get_xydata(), COORDINATES[-1:])


def test_equal_losses_are_drawn_equally_high_in_every_panel_and_row(bowl: Surface) -> None:
    others = [make_surface(bowl.losses * k, bowl.grid) for k in (10.0, 0.01)]
    plotter = viz.compare([bowl, *others], viz.Look(style=TESTING), columns=2)
    panels = [r for r in plotter.renderers if "surface" in r.actors]
    assert len(panels) == 3
    meshes = [r.actors["surface"].mapper.dataset for r in panels]
    low, high = np.log10([0.1 * 0.01, 5.1 * 10])
    # Height over width, which is 2.
    top = 2 * TESTING.height
    for mesh in meshes:
        share = (np.log10(mesh["losses"]) - low) / (high - low)
        np.testing.assert_allclose(mesh.points[:, 2], share * top, atol=1e-9)
    plotter.close()
