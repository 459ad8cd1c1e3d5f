"""The normals that are drawn are those of the drawn height, and creases stay creases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Surface, viz
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.height import Kind
from landscape.viz.geometry.mesh import surface_mesh
from landscape.viz.style import TESTING

# Not square, not evenly spaced: slopes must be divided by the right steps of the right axis.
GRID = Grid(
    (np.array([-1.0, -0.3, 0.1, 0.5, 1.0]), np.array([-2.0, -1.5, -0.2, 0.0, 0.7, 1.1, 2.0]))
)


def frame_of(surface: Surface, kind: Kind) -> Frame:
    return Frame.around([surface], HeightScale.of([surface], kind=kind), TESTING)


def upright(slope_alpha: np.ndarray, slope_beta: np.ndarray, frame: Frame) -> np.ndarray:
    """Return unit normals [n, 3] of a height with these slopes, drawn in a frame."""
    drawn = np.stack([slope_alpha, slope_beta], axis=-1).reshape(-1, 2) * frame.rise / frame.unit
    wanted = np.concatenate([-drawn, np.ones((len(drawn), 1))], axis=1)
    return wanted / np.linalg.norm(wanted, axis=1, keepdims=True)


@pytest.fixture
def valley() -> Surface:
    """1 + (alpha + 1)^2 + 10 (beta + 2)^2 with its slopes."""
    a, b = np.meshgrid(*GRID.axes, indexing="ij")
    losses = 1 + (a + 1) ** 2 + 10 * (b + 2) ** 2
    fields = {"losses": losses, "gradient_alpha": 2 * (a + 1), "gradient_beta": 20 * (b + 2)}
    return Surface(GRID, fields, np.ones(GRID.shape, dtype=np.uint8))


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_gradient_shading_has_the_normals_of_the_height_that_is_drawn(
    kind: Kind, valley: Surface
) -> None:
    frame = frame_of(valley, kind)
    # d(log10 L) = dL / (ln 10 L).
    s = 1 / (np.log(10) * valley.losses) if kind == "log" else np.ones(GRID.shape)
    wanted = upright(s * valley.fields["gradient_alpha"], s * valley.fields["gradient_beta"], frame)
    mesh = surface_mesh(valley, frame, shading="gradient")
    np.testing.assert_allclose(mesh.point_data.active_normals, wanted, atol=1e-12)


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_differences_are_exact_on_a_tilted_plane_of_the_height(kind: Kind) -> None:
    a, b = np.meshgrid(*GRID.axes, indexing="ij")
    tilted = 9 + 0.5 * a - 3 * b
    surface = make_surface(10**tilted if kind == "log" else tilted, GRID)
    frame = frame_of(surface, kind)
    found = surface_mesh(surface, frame, shading="differences").point_data.active_normals
    wanted = upright(np.full(GRID.shape, 0.5), np.full(GRID.shape, -3.0), frame)
    np.testing.assert_allclose(found, wanted, atol=1e-10)


def test_differences_beside_a_missing_value_use_the_side_that_is_there() -> None:
    a, b = np.meshgrid(*GRID.axes, indexing="ij")
    tilted = 9 + 0.5 * a - 3 * b
    tilted[2, 3] = np.nan
    surface = make_surface(tilted, GRID)
    frame = frame_of(surface, "linear")
    found = surface_mesh(surface, frame, shading="differences").point_data.active_normals
    wanted = upright(np.full(GRID.shape, 0.5), np.full(GRID.shape, -3.0), frame)
    others = np.arange(GRID.size) != 2 * 7 + 3
    np.testing.assert_allclose(found[others], wanted[others], atol=1e-10)


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("shading", ["flat", "differences", "gradient"])
def test_what_reaches_the_renderer_has_the_normals_asked_for_and_no_averaged_ones(
    shading: Any, valley: Surface
) -> None:
    plotter = viz.surface(valley, viz.Look(shading=shading, style=TESTING))
    actor = plotter.renderers[0].actors["surface"]
    plotter.render()
    drawn = actor.mapper.dataset
    normals = drawn.GetPointData().GetNormals()
    if shading == "flat":
        assert normals is None
        assert actor.prop.interpolation.name == "FLAT"
    else:
        wanted = surface_mesh(valley, frame_of(valley, "log"), shading=shading)
        assert actor.prop.interpolation.name != "FLAT"
        np.testing.assert_array_equal(
            drawn.point_data.active_normals, wanted.point_data.active_normals
        )
    # Splitting sharp edges would add vertices.
    assert drawn.n_points == GRID.size
    plotter.close()


def test_a_crease_keeps_its_angle_and_the_faces_beside_it_stay_plane() -> None:
    alphas, betas = GRID.axes[0][[0, 1, 3, 4]], GRID.axes[1]
    grid = Grid((np.concatenate([alphas[:2], [0.0], alphas[2:]]), betas))
    surface = make_surface(np.abs(grid.axes[0])[:, None] + np.zeros(len(betas)), grid)
    frame = frame_of(surface, "linear")
    mesh = surface_mesh(surface, frame)
    faces = np.asarray(mesh.compute_normals(point_normals=False)["Normals"])
    side = np.sign(mesh.cell_centers().points[:, 0])
    slope = frame.rise / frame.unit
    for sign in (-1, 1):
        wanted = np.array([-sign * slope, 0, 1]) / np.hypot(slope, 1)
        np.testing.assert_allclose(faces[side == sign], wanted + np.zeros((24, 3)), atol=1e-6)


def test_losses_of_zero_and_below_are_cut_out_of_a_log_mesh_and_kept_in_a_linear_one(
    oblong: Surface,
) -> None:
    losses = oblong.losses.copy()
    losses[0, 0], losses[2, 3] = 0.0, -3.0
    surface = make_surface(losses, oblong.grid)
    log, linear = (surface_mesh(surface, frame_of(surface, kind)) for kind in ("log", "linear"))
    assert log.n_cells == 2 * (4 * 8 - 1 - 4)
    assert not {0, 2 * 9 + 3} & set(log.regular_faces.ravel())
    assert linear.n_cells == 2 * 4 * 8
    assert "2 points cut out: not positive." in surface_caption(surface)


def test_mesh_contour_and_record_agree_on_which_axis_is_which(oblong: Surface) -> None:
    # The published error: non-square grids scrambled, axes transposed.
    def loss(alpha: Any, beta: Any) -> Any:
        return 1 + (alpha + 1) ** 2 + 10 * (beta + 2) ** 2

    a, b = np.meshgrid(oblong.alphas, oblong.betas, indexing="ij")
    np.testing.assert_array_equal(oblong.losses, loss(a, b))
    frame = frame_of(oblong, "linear")
    points = surface_mesh(oblong, frame).points
    np.testing.assert_allclose(points[:, 0], a.ravel() * frame.unit)
    np.testing.assert_allclose(points[:, 1], b.ravel() * frame.unit)
    height = frame.scale.low + points[:, 2] / frame.rise
    np.testing.assert_allclose(height, loss(a, b).ravel(), rtol=1e-12)
    filled = viz.contour(oblong, viz.Look(height="linear")).axes[0].collections[0]
    corners = filled.get_coordinates()  # rows go up (beta), columns to the right (alpha)
    drawn = np.asarray(filled.get_array()).reshape(corners.shape[:2])
    np.testing.assert_allclose(drawn, loss(corners[..., 0], corners[..., 1]), rtol=1e-12)
