"""What is above the limit is cut and told; known points between grid points are vertices."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.hatching import cut
from landscape.viz.geometry.mesh import surface_mesh
from landscape.viz.geometry.vertices import added_points, insert, known_points
from landscape.viz.style import TESTING


@pytest.fixture
def ramp() -> Surface:
    """1 to 5 along alpha: a plane, so that cuts are known exactly."""
    grid = Grid.rectangle((5, 4), (0.0, 4.0), (0.0, 3.0))
    return make_surface(1.0 + grid.axes[0][:, None] + np.zeros(4), grid)


def area(mesh: object) -> float:
    """Return the area of a mesh as seen from above."""
    corners = mesh.points[mesh.regular_faces]  # type: ignore[attr-defined]
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return float(np.abs(one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]).sum() / 2)


def test_a_clipped_scale_ends_at_its_limit(ramp: Surface) -> None:
    scale = HeightScale.of([ramp], kind="clipped", limit=3.5)
    assert (scale.kind, scale.low, scale.high, scale.clipped) == ("linear", 1.0, 3.5, True)
    logarithmic = HeightScale.of([ramp], limit=2.0)
    assert (logarithmic.kind, logarithmic.high) == ("log", pytest.approx(np.log10(2.0)))


def test_without_a_limit_the_upper_quartile_is_cut_but_no_path(ramp: Surface) -> None:
    assert HeightScale.of([ramp], kind="clipped").high == np.quantile(ramp.losses, 0.75)
    path = make_path(np.array([[1.0, 1.0], [2.0, 1.0]]), np.array([4.5, 2.0]))
    assert HeightScale.of([ramp], kind="clipped", paths=[path]).high == 4.5


def test_a_limit_above_everything_cuts_nothing_and_one_below_is_refused(ramp: Surface) -> None:
    assert HeightScale.of([ramp], kind="linear", limit=9.0) == HeightScale.of([ramp], kind="linear")
    with pytest.raises(ValueError, match=r"above the lowest loss, 1, got 0\.5"):
        HeightScale.of([ramp], kind="clipped", limit=0.5)


def test_the_surface_is_cut_exactly_where_it_passes_the_limit(ramp: Surface) -> None:
    scale = HeightScale.of([ramp], kind="clipped", limit=3.5)
    frame = Frame.around([ramp], scale, TESTING)
    mesh = surface_mesh(ramp, frame)
    below, top = cut(mesh, frame)
    share = 2.5 / 4
    assert area(below.triangulate()) / area(mesh) == pytest.approx(share, abs=1e-6)
    assert area(top.triangulate()) / area(mesh) == pytest.approx(1 - share, abs=1e-6)
    assert below.points[:, 2].max() == pytest.approx(float(frame.z(3.5)), abs=1e-6)
    np.testing.assert_allclose(top.points[:, 2], float(frame.z(3.5)), atol=1e-6)
    assert cut(mesh, Frame.around([ramp], HeightScale.of([ramp]), TESTING))[1] is None


@pytest.mark.usefixtures("rendering")
def test_the_flat_top_has_its_own_colour_a_rim_and_a_count(ramp: Surface) -> None:
    import pyvista

    scale = HeightScale.of([ramp], kind="clipped", limit=3.5)
    path = make_path(np.array([[3.0, 1.0], [2.0, 1.0], [0.5, 1.0]]), np.array([4.0, 3.0, 1.5]))
    plotter = viz.surface(Panel(ramp, paths=(path,)), viz.Look(height=scale, style=TESTING))
    actors = plotter.renderers[0].actors
    colour = actors["clipped"].prop.color.float_rgb
    assert colour == pytest.approx(pyvista.Color(TESTING.clipped).float_rgb)
    assert actors["surface"].mapper.dataset.points[:, 2].max() < float(scale.high) * 2
    parts = [a.mapper.dataset for a in actors.values() if hasattr(a.mapper, "dataset")]
    tops = [p.points[:, 2].max() for p in parts if "TubeNormals" in p.point_data]
    frame = Frame.around([ramp], scale, TESTING)
    assert tops
    assert max(tops) < float(frame.z(scale.high)) + 0.02
    rims = [p for p in parts if p.n_points and np.allclose(p.points[:, 2], frame.z(3.5), atol=1e-6)
            and np.allclose(p.points[:, 0], frame.x(2.5), atol=1e-6)]  # fmt: skip
    assert rims
    words = viz.caption_of(plotter)
    assert "Clipped at loss 3.5: 8 of 20 points are higher (hatched)." in words
    assert "1 point of the path is higher and not drawn on the surface." in words
    assert any(a.GetInput() == "clipped" for r in plotter.renderers for a in r.actors.values()
               if hasattr(a, "GetTextProperty"))  # fmt: skip
    plotter.close()


def test_a_flat_figure_hatches_what_is_above_the_limit(ramp: Surface) -> None:
    figure = viz.contour(ramp, viz.Look(height=HeightScale.of([ramp], kind="clipped", limit=3.5)))
    hatched = [
        c for c in figure.axes[0].collections if "////" in (getattr(c, "hatches", None) or ())
    ]
    assert len(hatched) == 1
    (path,) = hatched[0].get_paths()
    assert path.vertices[:, 0].min() == pytest.approx(2.5)
    assert "8 of 20 points are higher" in viz.caption_of(figure)


@pytest.mark.parametrize("limit", [2.0, 3.5])
def test_the_line_around_what_is_clipped_is_solid_also_below_a_loss_of_1(
    limit: float, ramp: Surface
) -> None:
    low = make_surface(ramp.losses / 5, ramp.grid)
    figure = viz.contour(low, viz.Look(height=HeightScale.of([low], kind="log", limit=limit / 5)))
    lines = [c for c in figure.axes[0].collections if type(c).__name__ == "QuadContourSet"
             and not c.filled]  # fmt: skip
    styles = [style for c in lines for style in c.get_linestyles()]
    assert styles
    assert all(dashes is None for _, dashes in styles)


def sharp() -> tuple[Surface, object]:
    """A bowl with its minimum, 1e-4, between the points of a coarse grid; a path ends there."""
    grid = Grid.rectangle((7, 6), (-1.0, 1.0), (-1.0, 1.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    centre = np.array([0.1, 0.05])
    surface = make_surface(1e-4 + (a - centre[0]) ** 2 + (b - centre[1]) ** 2, grid)
    path = make_path(np.array([[-0.7, 0.5], centre]), np.array([0.5, 5e-5]))
    return surface, replace(path, plane_losses=np.array([0.6, 1e-4]))


@pytest.mark.parametrize("shading", ["flat", "differences"])
def test_the_surface_reaches_the_end_of_the_path_at_its_loss_in_the_plane(shading: str) -> None:
    surface, path = sharp()
    scale = HeightScale.of([surface], paths=[path])  # type: ignore[list-item]
    frame = Frame.around([surface], scale, TESTING)
    known = known_points(surface, [path])  # type: ignore[list-item]
    mesh = surface_mesh(surface, frame, known=known, shading=shading)  # type: ignore[arg-type]
    plain = surface_mesh(surface, frame)
    assert mesh.n_points == plain.n_points + 1
    np.testing.assert_allclose(mesh.points[-1], [0.1, 0.05, frame.z(-4.0)], atol=1e-6)
    np.testing.assert_allclose(mesh.points[:-1], plain.points)
    assert mesh["losses"][-1] == 1e-4
    assert (mesh.regular_faces == plain.n_points).any(axis=1).sum() == 4 - 1
    # No hole and no overlap.
    assert area(mesh) == pytest.approx(area(plain))
    assert "grid points (loss in the plane 0.0001; the" in surface_caption(
        Panel(surface, paths=(path,))
    )  # type: ignore[list-item]
    if shading == "differences":
        np.testing.assert_allclose(np.linalg.norm(mesh["Normals"], axis=1), 1.0, atol=1e-6)


@pytest.mark.parametrize(
    ("place", "triangles"), [((0.25, 0.1), 3), ((0.5, 0.0), 2), ((0.5, 0.25), 4), ((0.0, 0.25), 2)]
)
def test_a_point_inside_on_the_rim_or_on_an_edge_leaves_no_hole(
    place: tuple[float, float], triangles: int
) -> None:
    x, y = np.meshgrid([0.0, 1.0], [0.0, 0.5, 1.0], indexing="ij")
    points = np.stack([x, y, np.zeros_like(x)], axis=-1).reshape(-1, 3)
    faces = np.array([[0, 3, 4], [0, 4, 1], [1, 4, 5], [1, 5, 2]])
    more, new = insert(points, faces, np.array([[*place, -1.0]]))
    corners = more[new][:, :, :2]
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    areas = (one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]) / 2
    assert areas.sum() == pytest.approx(1.0)
    assert areas.min() > 0
    assert (new == 6).any(axis=1).sum() == triangles


def test_points_of_the_grid_outside_it_or_in_a_hole_are_not_added() -> None:
    grid = Grid.square(5)
    losses = np.ones(grid.shape)
    losses[0, 0] = np.nan
    surface = make_surface(losses, grid)
    known = np.array([[0.0, 0.5, 1.0], [-0.9, -0.9, 1.0], [0.1, 0.1, -1.0], [0.1, 0.2, 0.3]])
    scale = HeightScale("log", -1.0, 0.0)
    np.testing.assert_array_equal(added_points(surface, known, scale), known[3:])
    away = make_path(np.array([[0.0, 0.0], [3.0, 0.0]]), np.ones(2))
    assert len(known_points(surface, [away])) == 0
