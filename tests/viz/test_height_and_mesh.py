from __future__ import annotations

import numpy as np
import pytest
from making import make_path

from landscape import Grid, Surface
from landscape.records.surface import Status
from landscape.viz import HeightScale
from landscape.viz.captions.surfaces import surface_caption
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.height import left_out, surface_heights
from landscape.viz.geometry.mesh import normals, surface_mesh, triangles
from landscape.viz.geometry.numbers import label
from landscape.viz.style import TESTING


def surface_of(losses: np.ndarray, grid: Grid, **fields: np.ndarray) -> Surface:
    status = np.full(grid.shape, Status.EVALUATED, dtype=np.uint8)
    return Surface(grid, {"losses": losses, **fields}, status)


def test_non_square_grids_are_not_scrambled_and_axes_not_transposed(oblong: Surface) -> None:
    frame = Frame.around([oblong], HeightScale.of([oblong], kind="linear"), TESTING)
    mesh = surface_mesh(oblong, frame)
    x, y, z = mesh.points.T
    alpha = x / frame.unit
    beta = y / frame.unit
    np.testing.assert_allclose(
        mesh["losses"], 1 + (alpha + 1) ** 2 + 10 * (beta + 2) ** 2, rtol=1e-5
    )
    np.testing.assert_allclose(z, (mesh["losses"] - frame.scale.low) * frame.rise, atol=1e-5)
    assert mesh.n_cells == 2 * 4 * 8


def test_log_heights_are_those_of_the_losses(oblong: Surface) -> None:
    scale = HeightScale.of([oblong])
    frame = Frame.around([oblong], scale, TESTING)
    mesh = surface_mesh(oblong, frame)
    wanted = (np.log10(oblong.losses.ravel()) - scale.low) * frame.rise
    np.testing.assert_allclose(mesh.points[:, 2], wanted, atol=1e-6)
    assert (scale.low, scale.high) == (0.0, np.log10(oblong.losses.max()))


def test_gradient_shading_has_the_normals_of_the_displayed_log_height() -> None:
    grid = Grid.rectangle((4, 6), (0.0, 1.0), (-1.0, 2.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    losses = np.exp(a - 2 * b)
    surface = surface_of(losses, grid, gradient_alpha=losses, gradient_beta=-2 * losses)
    frame = Frame.around([surface], HeightScale.of([surface]), TESTING)
    slope = np.array([1.0, -2.0]) / np.log(10) * frame.rise / frame.unit
    wanted = np.array([-slope[0], -slope[1], 1.0])
    found = normals(surface, frame, surface_heights(surface, "log"), "gradient")
    np.testing.assert_allclose(found - wanted / np.linalg.norm(wanted), 0, atol=1e-12)
    # The same plane of log height, by differences.
    found = normals(surface, frame, surface_heights(surface, "log"), "differences")
    np.testing.assert_allclose(found - wanted / np.linalg.norm(wanted), 0, atol=1e-12)


def test_a_crease_is_not_averaged_away_by_default() -> None:
    grid = Grid.rectangle((5, 5), (-1.0, 1.0), (-1.0, 1.0))
    losses = np.abs(grid.axes[0])[:, None] + np.zeros(5)
    surface = surface_of(losses, grid)
    frame = Frame.around([surface], HeightScale.of([surface], kind="linear"), TESTING)
    mesh = surface_mesh(surface, frame)
    assert mesh.point_data.active_normals_name is None
    faces = mesh.compute_normals(cell_normals=True, point_normals=False)["Normals"]
    slope = frame.rise / frame.unit
    angle = np.degrees(np.arccos(np.clip(faces @ faces.T, -1, 1))).max()
    assert angle == pytest.approx(2 * np.degrees(np.arctan(slope)), abs=1e-3)


def test_gradient_shading_without_gradients_names_the_missing_field(oblong: Surface) -> None:
    frame = Frame.around([oblong], HeightScale.of([oblong]), TESTING)
    with pytest.raises(ValueError, match="needs the field 'gradient_alpha'"):
        surface_mesh(oblong, frame, shading="gradient")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_cells_without_a_finite_value_are_cut_out_and_never_replaced(
    bad: float, oblong: Surface
) -> None:
    losses = oblong.losses.copy()
    losses[2, 3] = bad
    surface = surface_of(losses, oblong.grid)
    scale = HeightScale.of([surface])
    mesh = surface_mesh(surface, Frame.around([surface], scale, TESTING))
    point = 2 * 9 + 3
    assert mesh.n_cells == 2 * (4 * 8 - 4)
    assert point not in mesh.regular_faces
    np.testing.assert_equal(mesh["losses"][point], bad)
    assert left_out([surface], "log") == {"NaN or infinite": 1}


@pytest.mark.parametrize(
    ("low", "high", "apart"),
    [(-2.0, 1.1, 0.25), (-1.3, 2.7, 0.25), (-3.0, 4.0, 0.5), (-4.2, 7.8, 0.5), (-4.2, 8.0, 1.0),
     (-2.0, 15.9, 1.0), (-2.0, 16.1, 2.0), (-1.7, 38.3, 3.0), (-20.0, 290.0, 18.0)],
)  # fmt: skip
def test_isolines_of_many_decades_are_round_and_stay_apart(
    low: float, high: float, apart: float
) -> None:
    """The distances are those of ``isolines()`` in viz/web/src/scale.js."""
    levels = HeightScale("log", low, high).levels()
    np.testing.assert_allclose(np.diff(levels), apart)
    np.testing.assert_allclose(levels / apart, np.round(levels / apart), atol=1e-9)
    assert levels[0] - apart < low <= levels[0]
    assert levels[-1] < high <= levels[-1] + apart + 1e-12
    assert len(levels) <= (25 if high - low <= 12 else 18)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.02), (-1.9, -1.5), (0.301, 1.05), (0.0, 1e-7)])
def test_few_decades_have_isolines_too(low: float, high: float) -> None:
    levels = HeightScale("log", low, high).levels()
    assert 5 <= len(levels) <= 12
    assert low <= levels[0] < levels[-1] <= high


def test_the_name_of_the_loss_axis_stands_clear_of_a_label_at_its_end(rendering: None) -> None:
    import pyvista

    from landscape.viz.scenes.axes import draw_frame

    grid = Grid.square(5)
    a = np.meshgrid(*grid.axes, indexing="ij")[0]
    surface = surface_of(10 ** (1.5 * a), grid)
    for high in (1.0, 1.4):
        frame = Frame.around([surface], HeightScale("log", -1.0, high), TESTING)
        plotter = pyvista.Plotter(off_screen=True)
        draw_frame(plotter, frame, TESTING)
        found = {actor.GetInput(): actor.GetPositionCoordinate().GetValue()[2]
                 for actor in plotter.actors.values() if hasattr(actor, "GetInput")}  # fmt: skip
        plotter.close()
        assert found["loss"] - found["10"] >= 1.75 * TESTING.em
        assert found["loss"] - float(frame.z(high)) >= 1.25 * TESTING.em


def test_losses_of_zero_and_below_have_no_place_on_a_log_axis(oblong: Surface) -> None:
    losses = oblong.losses.copy()
    losses[0, 0], losses[4, 8] = 0.0, -3.0
    surface = surface_of(losses, oblong.grid)
    assert left_out([surface], "log") == {"not positive": 2}
    assert left_out([surface], "linear") == {}
    assert HeightScale.of([surface], kind="linear").low == -3.0


@pytest.mark.parametrize(
    ("lowest", "highest", "kind"),
    [(0.01, 1.001, "log"), (0.01, 0.999, "linear"), (0.0, 5.0, "linear"), (-3.0, -1e-3, "linear"),
     (np.inf, 5.0, "linear")],
)  # fmt: skip
def test_auto_heights_are_log_over_more_than_two_decades_of_positive_losses(
    oblong: Surface, lowest: float, highest: float, kind: str
) -> None:
    losses = np.full(oblong.grid.shape, highest)
    losses[0, 0] = lowest
    surface = surface_of(losses, oblong.grid)
    scale = HeightScale.of([surface], kind="auto")
    assert scale == HeightScale.of([surface], kind=kind)  # type: ignore[arg-type]
    said = surface_caption(surface, scale=scale, shading="")
    assert ("Colours and isolines: log loss." in said) == (kind == "log")


def test_auto_heights_show_what_is_drawn_of_a_path(oblong: Surface) -> None:
    surface = surface_of(np.linspace(1.0, 2.0, oblong.grid.size).reshape(oblong.grid.shape),
                         oblong.grid)  # fmt: skip
    inside = np.array([[surface.alphas[0], surface.betas[0]], [surface.alphas[1], 0.0]])
    low = make_path(inside, np.array([1.0, 1e-3]))
    assert HeightScale.of([surface], kind="auto", paths=[low]).kind == "log"
    away = make_path(inside + 100.0, np.array([1.0, 1e-3]))
    assert HeightScale.of([surface], kind="auto", paths=[away]).kind == "linear"


def test_missing_points_are_left_out_whatever_their_value(oblong: Surface) -> None:
    status = oblong.status.copy()
    status[1, 1], status[1, 2] = Status.MISSING, Status.FAILED
    surface = Surface(oblong.grid, dict(oblong.fields), status)
    assert left_out([surface], "log") == {"not evaluated": 2}
    assert np.isnan(surface_heights(surface, "log")[1, 1:3]).all()


def test_every_cell_is_split_along_the_diagonal_that_bends_less() -> None:
    height = np.array([[0.0, 1.0], [1.0, 5.0]])
    faces = triangles(height)
    shared = set(faces[0]) & set(faces[1])
    assert shared == {1, 2}


def test_one_scale_holds_all_surfaces_and_paths(oblong: Surface) -> None:
    more = surface_of(oblong.losses * 100, oblong.grid)
    scale = HeightScale.of([oblong, more])
    assert scale.high == pytest.approx(np.log10(oblong.losses.max() * 100))
    assert scale.low == 0.0


def test_a_flat_surface_is_drawn_flat_not_blown_up(oblong: Surface) -> None:
    scale = HeightScale.of([surface_of(np.full(oblong.grid.shape, 2.0), oblong.grid)])
    assert scale.high - scale.low == 1.0


def test_nothing_to_draw_is_said(oblong: Surface) -> None:
    surface = surface_of(-oblong.losses, oblong.grid)
    with pytest.raises(ValueError, match=r"no finite value to draw: .*; use a linear height"):
        HeightScale.of([surface])
    with pytest.raises(ValueError, match="known: auto, log, linear"):
        HeightScale.of([oblong], kind="sqrt")  # type: ignore[arg-type]


@pytest.mark.parametrize(("low", "high"), [(-2.3, 1.5), (-8.0, 9.0), (0.01, 0.3)])
def test_ticks_lie_inside_and_are_labelled_by_losses(low: float, high: float) -> None:
    scale = HeightScale("log", low, high)
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 8
    assert ((ticks >= low - 1e-6) & (ticks <= high + 1e-6)).all()
    assert label(100.0) == "100"
    assert label(2.5e-7) == "2.5·10⁻⁷"
