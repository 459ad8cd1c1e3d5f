"""Surfaces are coloured by fields, slopes, curvature, status, differences and kinks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Surface, viz
from landscape.records.kink_map import KinkMap
from landscape.records.surface import Status
from landscape.viz import HeightScale
from landscape.viz.geometry.colouring import colours_of
from landscape.viz.geometry.differences import laplacian
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.mesh import coloured, surface_mesh
from landscape.viz.geometry.reference import cell_density
from landscape.viz.style import TESTING


@pytest.fixture
def bowl() -> Surface:
    """2 + 3 alpha^2 + 5 beta^2 on an oblong, uneven grid: all differences are exact."""
    alphas = np.array([-1.0, -0.7, -0.1, 0.2, 0.4, 1.0])
    betas = np.linspace(-2.0, 2.0, 9)
    grid = Grid((alphas, betas))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    plain = make_surface(2 + 3 * a**2 + 5 * b**2, grid)
    fields = {**plain.fields, "gradient_alpha": 6 * a, "gradient_beta": 10 * b,
              "accuracies": 1 - a**2 / 2}  # fmt: skip
    return Surface(grid, fields, plain.status, settings=plain.settings)


def kink_map(alphas: np.ndarray, betas: np.ndarray, density: np.ndarray) -> KinkMap:
    none = np.empty(0)
    return KinkMap(
        segments=np.empty((0, 4)), jumps=none, layer=none, example=none, unit=none, knots=none,
        layers=("0:relu",), straight=(True,), alphas=alphas, betas=betas, density=density,
        signed_density=density, counts=density, examples=3, curves=0, found=0,
    )  # fmt: skip


def test_slopes_are_the_stored_gradients_else_differences(bowl: Surface) -> None:
    exact = np.hypot(bowl.fields["gradient_alpha"], bowl.fields["gradient_beta"])
    found = colours_of([bowl], "slope", TESTING)
    assert found is not None
    assert found.scale.kind == "log"
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(10 ** found.values[0][exact > 0], exact[exact > 0])
    assert "stored gradients" in found.sentences[0]
    plain = make_surface(bowl.losses, bowl.grid)
    told = colours_of([plain], "slope", TESTING)
    assert told is not None
    assert "differences of the grid" in told.sentences[0]


def test_the_curvature_of_a_quadratic_is_exact_and_the_rim_has_none(bowl: Surface) -> None:
    found = laplacian(np.array(bowl.losses), bowl.grid.axes)
    np.testing.assert_allclose(found[1:-1, 1:-1], 16.0)
    assert np.isnan(found).sum() == 6 * 9 - 4 * 7
    colours = colours_of([bowl], "curvature", TESTING)
    assert colours is not None
    assert colours.scale.low == -colours.scale.high
    assert colours.scale.high == pytest.approx(16.0)
    assert any(f"Cross-hatched: {6 * 9 - 4 * 7} points" in text for text in colours.sentences)


def test_few_peaks_do_not_wash_out_a_symmetric_range_and_are_counted() -> None:
    grid = Grid.square(21)
    a = np.meshgrid(*grid.axes, indexing="ij")[0]
    losses = np.ones(grid.shape) + 0.1 * a
    losses[3, 4] = 500.0
    colours = colours_of([make_surface(losses, grid)], "difference", TESTING, height="linear",
                         reference=make_surface(np.ones(grid.shape), grid))  # fmt: skip
    assert colours is not None
    assert colours.scale.high < 0.11
    assert any("1 value is beyond." in text for text in colours.sentences)
    assert colours.values[0][3, 4] == 499.0


def test_a_difference_is_in_decades_on_a_log_height(bowl: Surface) -> None:
    ten = make_surface(bowl.losses * 10, bowl.grid, run="other")
    colours = colours_of([bowl, ten], "difference", TESTING, reference=ten)
    assert colours is not None
    np.testing.assert_allclose(colours.values[0], -1.0)
    np.testing.assert_allclose(colours.values[1], 0.0, atol=1e-12)
    assert (colours.scale.low, colours.scale.high) == pytest.approx((-1.0, 1.0))
    assert "ratio of the losses to other" in colours.sentences[0]


def test_kink_density_keeps_its_integral_on_another_grid(bowl: Surface) -> None:
    rng = np.random.default_rng(0)
    kinks = kink_map(np.linspace(-1, 1, 8), np.linspace(-2, 2, 5), rng.random((7, 4)))
    found = cell_density(bowl, kinks)
    assert found.shape == (5, 8)

    def integral(density: np.ndarray, alphas: np.ndarray, betas: np.ndarray) -> float:
        return float((density * np.outer(np.diff(alphas), np.diff(betas))).sum())

    assert integral(found, *bowl.grid.axes) == pytest.approx(
        integral(kinks.density, kinks.alphas, kinks.betas)
    )
    same = kink_map(*bowl.grid.axes, rng.random((5, 8)))
    np.testing.assert_allclose(cell_density(bowl, same), same.density)


def test_cells_keep_one_colour_and_points_their_own(bowl: Surface) -> None:
    frame = Frame.around([bowl], HeightScale.of([bowl]), TESTING)
    cells = np.arange(5 * 8, dtype=float).reshape(5, 8)
    mesh = coloured(surface_mesh(bowl, frame), bowl, cells, frame, classes=False)
    for value, face in zip(mesh.cell_data["colours"], mesh.regular_faces, strict=True):
        row, column = np.unravel_index(face, bowl.grid.shape)
        assert cells[row.min(), column.min()] == value
    points = np.arange(6 * 9, dtype=float).reshape(6, 9)
    mesh = coloured(surface_mesh(bowl, frame), bowl, points, frame, classes=False)
    np.testing.assert_array_equal(mesh.point_data["colours"], points.ravel())


def test_classes_are_not_blended(bowl: Surface) -> None:
    status = np.full(bowl.grid.shape, Status.INTERPOLATED, dtype=np.uint8)
    status[2, 3] = Status.EVALUATED
    surface = Surface(bowl.grid, dict(bowl.fields), status)
    colours = colours_of([surface], "status", TESTING)
    assert colours is not None
    assert colours.names == ("evaluated", "interpolated")
    assert "1 evaluated, 53 interpolated" in colours.sentences[0]
    frame = Frame.around([surface], HeightScale.of([surface]), TESTING)
    plain = surface_mesh(surface, frame)
    mesh = coloured(plain, surface, colours.values[0], frame, classes=True)
    assert mesh.n_cells == 6 * plain.n_cells
    assert set(np.unique(mesh.cell_data["colours"])) == {0.0, 1.0}
    corner = 2 * 9 + 3
    touching = (plain.regular_faces == corner).any(axis=1).sum()
    assert (mesh.cell_data["colours"] == 0.0).sum() == 2 * touching
    np.testing.assert_allclose(mesh.points[:, 2].max(), plain.points[:, 2].max())


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("colour", ["accuracies", "slope", "curvature", "status", "kinks"])
def test_all_panels_have_one_range_of_the_colour_and_their_heights(
    colour: str, bowl: Surface
) -> None:
    other = Surface(bowl.grid, {n: f * 0.5 for n, f in bowl.fields.items()}, bowl.status)
    density = np.linspace(0, 3, 40).reshape(5, 8)
    reference: Any = kink_map(*bowl.grid.axes, density) if colour == "kinks" else None
    plotter = viz.compare(
        [bowl, other], viz.Look(colour=colour, reference=reference, style=TESTING)
    )
    panels = [r for r in plotter.renderers if "surface" in r.actors]
    mappers = [r.actors["surface"].mapper for r in panels]
    colours = colours_of([bowl, other], colour, TESTING, reference=reference)
    assert colours is not None
    for mapper in mappers:
        assert mapper.scalar_range == pytest.approx((colours.scale.low, colours.scale.high))
        assert mapper.array_name == "colours"
    assert len({tuple(r.camera.position) for r in panels}) == 1
    assert colours.sentences == () or colours.sentences[0] in viz.caption_of(plotter)
    image = np.asarray(plotter.screenshot(return_img=True))
    assert image.std() > 5
    plotter.close()


@pytest.mark.parametrize(
    ("colour", "reference", "message"),
    [
        ("height", None, "unknown colour 'height'; known: losses, slope, curvature, status"),
        ("difference", None, "needs reference=, one surface or one for each"),
        ("kinks", "surface", "needs reference=, one kink map"),
        ("difference", "small", "must have one grid to be subtracted"),
        ("kinks", "window", "must span one window"),
    ],
)
def test_what_cannot_be_a_colour_is_said(
    colour: str, reference: str | None, message: str, bowl: Surface
) -> None:
    grid = Grid.square(4)
    others: dict[str | None, Any] = {
        None: None, "surface": bowl, "small": make_surface(np.ones((4, 4)), grid),
        "window": kink_map(*grid.axes, np.ones((3, 3))),
    }  # fmt: skip
    with pytest.raises(ValueError, match=message):
        colours_of([bowl], colour, TESTING, reference=others[reference])


def test_losses_are_no_colour_of_their_own(bowl: Surface) -> None:
    assert colours_of([bowl], "losses", TESTING) is None
