"""Pictures of residuals, by numbers: scales, light, insets, lines and what captions say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from making import make_surface

from landscape import Grid, Surface, remove_quadratic, viz
from landscape.records.residuals import Residual
from landscape.records.window_scaling import ResidualScaling
from landscape.viz import HeightScale
from landscape.viz.closeups.microscopy import draw_relief
from landscape.viz.geometry.numbers import label
from landscape.viz.geometry.relief import Relief, ground_colours
from landscape.viz.style import TESTING, font_file

GRID = Grid.square(21, span=5e-4)


def surface_of(size: float, *, slopes: bool = False) -> Surface:
    a, b = np.meshgrid(*GRID.axes, indexing="ij")
    losses = 2 + 0.1 * a + a * a + size * np.abs(a + 0.3 * b)
    if not slopes:
        return make_surface(losses, GRID)
    sign = size * np.sign(a + 0.3 * b)
    fields = {"losses": losses, "gradient_alpha": 0.1 + 2 * a + sign, "gradient_beta": 0.3 * sign}
    return Surface(GRID, fields, np.ones(GRID.shape, dtype=np.uint8))


def residual_of(size: float) -> Residual:
    return remove_quadratic(surface_of(size))


@pytest.fixture
def pair() -> list[Residual]:
    """Two creases of one shape, the second 100 times lower."""
    return [residual_of(1e-3), residual_of(1e-5)]


@pytest.fixture
def scaling() -> ResidualScaling:
    widths = np.geomspace(1e-4, 1.0, 9)
    centres = np.zeros((20, 2))
    quadratic = np.tile(widths**2, (20, 1))
    residual = quadratic * widths * np.linspace(0.5, 1.5, 20)[:, None]
    return ResidualScaling(centres, widths, residual, quadratic, np.full(20, 1e-9))


def titled(
    residuals: list[Residual], *titles: str, full: list[Surface] | None = None
) -> list[viz.Closeup]:
    every = full or [None] * len(residuals)
    return [viz.Closeup((r,), t, f) for r, t, f in zip(residuals, titles, every, strict=True)]


def meshes(axes: Any) -> list[Any]:
    from matplotlib.collections import QuadMesh

    return [c for c in axes.collections if isinstance(c, QuadMesh)]


def test_one_scale_holds_all_panels_and_is_symmetrical(pair: list[Residual]) -> None:
    assert Relief.of(pair).limit == pair[0].peak
    figure = viz.microscope(titled(pair, "high", "low"))
    bar = figure.axes[-1]
    assert bar.get_ylim() == pytest.approx((-pair[0].peak, pair[0].peak))


def test_the_side_that_faces_the_upper_left_is_lit(pair: list[Residual]) -> None:
    a, b = np.meshgrid(*GRID.axes, indexing="ij")
    residual = remove_quadratic(make_surface(2 + 1e-3 * np.abs(a), GRID))
    light = Relief.of([residual]).light(residual)
    # A valley along beta: its right side rises to the right and looks to the left.
    middle = slice(8, 10), slice(None)
    assert light[11, 10] > 0.1
    assert light[8, 10] < -0.1
    assert np.ptp(light[middle], axis=1).max() < 1e-9
    turned = remove_quadratic(make_surface(2 + 1e-3 * np.abs(b), GRID))
    light = Relief.of([turned]).light(turned)
    # Its lower side falls upwards and looks up.
    assert light[10, 8] > 0.1
    assert light[10, 11] < -0.1


def test_the_darkest_slope_keeps_the_colour_of_its_height(pair: list[Residual]) -> None:
    relief = Relief(pair[0].peak, 1e6)
    assert relief.light(pair[0]).min() == -1
    share = np.clip(sum(pair[0].shown[i : 20 + i, j : 20 + j] for i in (0, 1) for j in (0, 1))
                    / 4 / relief.limit, -1, 1)  # fmt: skip
    flat = ground_colours()(0.5 + 0.5 * share)[..., :3]
    assert np.all(relief.colours(pair[0]) >= 0.5 * flat - 1e-12)


def test_a_crease_is_as_narrow_as_the_line_between_two_cells() -> None:
    a, _ = np.meshgrid(*GRID.axes, indexing="ij")
    residual = remove_quadratic(make_surface(2 + 1e-3 * np.abs(a), GRID))
    steps = np.abs(np.diff(Relief.of([residual]).light(residual)[:, 5]))
    assert steps[9] > 4 * np.delete(steps, 9).max()


def test_colours_are_those_of_the_cell_and_holes_are_grey(pair: list[Residual]) -> None:
    relief = Relief.of(pair)
    values = pair[0].values.copy()
    values[3, 7] = np.nan
    holed = Residual(GRID, values, pair[0].coefficients, pair[0].centre, pair[0].rms,
                     pair[0].quadratic_rms, pair[0].loss_range, pair[0].rounding)  # fmt: skip
    colours = relief.colours(holed)
    assert colours.shape == (20, 20, 3)
    np.testing.assert_array_equal(colours[2:4, 6:8], 0.85)
    assert not np.any(np.all(colours == 0.85, axis=-1)[4:, :])
    assert colours.min() >= 0
    assert colours.max() <= 1


def test_a_flat_panel_has_an_inset_magnified_by_a_power_of_2(pair: list[Residual]) -> None:
    relief = Relief.of(pair)
    assert relief.factor(pair[0]) == 1
    assert relief.factor(pair[1]) == 64
    # Magnified, it uses between half of the scale and all of it.
    assert 0.5 < pair[1].peak * 64 / relief.limit <= 1
    np.testing.assert_allclose(
        relief.magnified(100).colours(pair[1]), relief.colours(pair[0]), atol=1e-4
    )
    figure = viz.microscope(pair)
    high, low = figure.axes[:2]
    assert not high.child_axes
    (inset,) = low.child_axes
    assert "64" in "".join(text.get_text() for text in low.texts)
    shown = np.asarray(meshes(inset)[0].get_array()).reshape(-1, 3)
    plain = np.asarray(meshes(low)[0].get_array()).reshape(-1, 3)
    assert shown.std(axis=0).max() > 10 * plain.std(axis=0).max()
    assert not viz.microscope(pair, inset=False).axes[1].child_axes


def test_what_is_only_rounding_is_drawn_flat_and_says_so(pair: list[Residual]) -> None:
    from matplotlib.figure import Figure

    noise = residual_of(0.0)
    relief = Relief.of([pair[0], noise])
    assert relief.factor(noise) == 1
    assert np.ptp(relief.colours(noise).reshape(-1, 3), axis=0).max() == 0
    axes = Figure().add_subplot()
    assert draw_relief(axes, noise, relief) == 1
    assert [text.get_text() for text in axes.texts] == ["rounding only"]
    with pytest.raises(ValueError, match="more than rounding, got none"):
        viz.microscope([noise])


def test_a_figure_has_axes_in_powers_of_ten_and_is_not_blank(
    pair: list[Residual], tmp_path: Path
) -> None:
    from PIL import Image

    full = [make_surface(1 + np.add.outer(x := np.linspace(-1, 1, 9) ** 2, x), Grid.square(9))] * 2
    figure = viz.microscope(titled(pair, "ReLU", "GELU", full=full), isolines=8)
    path = viz.save(figure, tmp_path / "microscope.png")
    image = np.asarray(Image.open(path).convert("RGB"), dtype=float)
    assert image.std() > 20
    below = [axes for axes in figure.axes if "10^{-4}" in axes.get_xlabel()]
    assert len(below) == 2
    ticks = [t.get_text() for t in below[0].get_xticklabels()]
    assert "0" in ticks
    assert set(ticks) <= {"−5", "−4", "−2", "−2.5", "0", "2", "2.5", "4", "5"}
    assert [axes.get_title() for axes in figure.axes[:2]] == ["ReLU", "GELU"]
    assert any("% of loss range" in text.get_text() for text in below[0].texts)


def test_zooms_have_a_row_for_each_network_and_a_scale_for_each_column(
    pair: list[Residual], tmp_path: Path
) -> None:
    full = make_surface(1 + np.add.outer(x := np.linspace(-1, 1, 9) ** 2, x), Grid.square(9))
    rows = [(pair[0], pair[0]), (pair[0], pair[1])]
    closeups = [viz.Closeup(row, t, full) for row, t in zip(rows, ("ReLU", "GELU"), strict=True)]
    figure = viz.microscope(closeups)
    panels, bars = figure.axes[:6], figure.axes[6:]
    assert len(bars) == 3
    assert [axes.get_title() for axes in panels[:3]] == [
        "loss, width 2", "residual, width 0.001", "residual, width 0.001"]  # fmt: skip
    assert panels[0].get_ylabel().startswith("ReLU")
    assert panels[3].get_ylabel().startswith("GELU")
    assert [len(axes.child_axes) for axes in panels] == [0, 0, 0, 0, 0, 1]
    assert viz.save(figure, tmp_path / "zooms.pdf").stat().st_size > 1000


def test_lines_stop_where_only_rounding_is_left(scaling: ResidualScaling) -> None:
    figure = viz.residual_scaling([scaling] * 2, titles=["ReLU", "GELU"], kinked=[True, False],
                                  step=1e-2)  # fmt: skip
    axes = figure.axes[0]
    solid, dashed = axes.lines[:2]
    assert (solid.get_linestyle(), dashed.get_linestyle()) == ("-", "--")
    x, y = solid.get_data()
    # 1e-3 cubed is 1e-9: below 4 times that nothing is shown.
    assert np.isnan(y[x < 1.5e-3]).all()
    np.testing.assert_allclose(y[x > 2e-3], x[x > 2e-3])
    texts = [text.get_text() for text in axes.get_legend().get_texts()]
    assert texts == ["ReLU  (+1.00)", "GELU  (+1.00)"]
    assert axes.lines[2].get_xdata()[0] == 1e-2
    assert any("rounding" in text.get_text() for text in axes.texts)


def test_the_caption_says_how_small_it_is(pair: list[Residual]) -> None:
    closeups = titled(pair, "ReLU", "GELU")
    noisy = [replace(one, noise=n) for one, n in zip(closeups, (1e-3, 2e-3), strict=True)]
    step = viz.StepFacts("relu-gd-seed0", 0.0107, batch_size=64)
    said = viz.caption_of(viz.microscope(noisy, step=step))
    for part in ("Window 0.001 of the direction wide, 21 x 21 points", "one optimizer step",
                 "median of run relu-gd-seed0, length 0.011", "1,797 examples, float64",
                 "minus its best-fitting quadratic", "What is visible here is not large",
                 "minibatch of 64", "ReLU 0.001, GELU 0.002", "GELU x 64"):  # fmt: skip
        assert part in said
    spread = [float(np.ptp(r.values)) for r in pair]
    assert f"ReLU {100 * spread[0] / pair[0].loss_range:.2g} %" in said
    assert f"{1e-3 / spread[0]:,.0f}"[:1] in said.rpartition("that is ")[2]
    plain = viz.caption_of(viz.microscope(titled([pair[0], residual_of(0.0)], "a", "b")))
    assert "optimizer" not in plain
    assert "minibatch" not in plain
    assert "b rounding only" in plain


def test_lists_of_other_lengths_are_refused(pair: list[Residual], scaling: ResidualScaling) -> None:
    with pytest.raises(ValueError, match="at least one residual"):
        viz.microscope([])
    with pytest.raises(ValueError, match="at least one residual, got none"):
        viz.Closeup(())
    with pytest.raises(ValueError, match="as many residuals as the others, got 1, 2"):
        viz.microscope([viz.Closeup(tuple(pair)), pair[0]])
    with pytest.raises(ValueError, match="must have 1 residual, got 2"):
        viz.microscope_3d([viz.Closeup(tuple(pair))])
    with pytest.raises(ValueError, match="full must be given for every close-up or for none"):
        viz.microscope([viz.Closeup((pair[0],), full=surface_of(1.0)), pair[1]])
    with pytest.raises(TypeError, match="residuals must be Residuals, got Surface"):
        viz.Closeup((surface_of(1.0),))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="full must be a Surface or None, got Residual"):
        viz.Closeup(tuple(pair), full=pair[0])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the microscope is coloured by the losses"):
        viz.microscope(pair, viz.Look(colour="slope"))
    with pytest.raises(ValueError, match="kinked must be as many as scalings"):
        viz.residual_scaling([scaling], titles=["a"], kinked=[])
    with pytest.raises(ValueError, match="1 to 8 lines, got 0"):
        viz.residual_scaling([], titles=[], kinked=[])
    other = remove_quadratic(make_surface(surface_of(1e-3).losses, Grid.square(21)))
    with pytest.warns(UserWarning, match="different windows"):
        viz.microscope([pair[0], other])


def test_powers_of_ten_are_written_once_and_with_a_font_that_has_them() -> None:
    scale = HeightScale("linear", -7e-8, 7e-8, "residual")
    assert scale.title == "residual  [10⁻⁸]"
    assert scale.labels(np.array([-6e-8])) == ["-6"]
    assert HeightScale("log", -8.0, 0.0).title == "loss"
    from matplotlib.ft2font import FT2Font

    for text in (label(1e6), label(1e-9), "αβ−×"):
        known = FT2Font(font_file(text)).get_charmap()
        assert all(ord(letter) in known for letter in text)


@pytest.mark.usefixtures("rendering")
def test_in_3d_all_panels_share_one_scale_and_flat_ones_have_an_inset(
    pair: list[Residual], tmp_path: Path
) -> None:
    full = [make_surface(1 + np.add.outer(x := np.linspace(-1, 1, 9) ** 2, x), Grid.square(9))] * 2
    closeups = titled(pair, "a", "b", full=full)
    plotter = viz.microscope_3d(closeups, viz.Look(style=TESTING), caption=True)
    assert "What is visible here is not large" in viz.caption_of(plotter)
    panels = [r for r in plotter.renderers if "surface" in r.actors]
    assert len(panels) == 4
    for renderer in panels[2:]:
        limits = renderer.actors["surface"].mapper.scalar_range
        assert limits == pytest.approx((-pair[0].peak, pair[0].peak))
    tops = [np.ptp(r.actors["surface"].mapper.dataset.points[:, 2]) for r in panels[2:]]
    assert tops[0] == pytest.approx(100 * tops[1], rel=1e-3)
    assert [("inset" in r.actors) for r in panels] == [False, False, False, True]
    inset = panels[3].actors["inset"].mapper.dataset
    np.testing.assert_allclose(inset["heights"], 64 * pair[1].values.ravel())
    # Half as large, and 64 times as high.
    assert np.ptp(inset.points[:, 2]) == pytest.approx(32 * tops[1], rel=1e-3)
    assert viz.save(plotter, tmp_path / "microscope.png").stat().st_size > 1000


@pytest.mark.usefixtures("rendering")
def test_in_3d_exact_slopes_are_those_of_the_residual() -> None:
    residual = remove_quadratic(surface_of(1e-3, slopes=True))
    plotter = viz.microscope_3d([residual], viz.Look(shading="gradient", style=TESTING))
    (panel,) = [r for r in plotter.renderers if "surface" in r.actors]
    mesh = panel.actors["surface"].mapper.dataset
    normals = mesh.point_data["Normals"].reshape(21, 21, 3)
    rise = np.diff(mesh.points[:, 2].reshape(21, 21), axis=0) / np.diff(
        mesh.points[:, 0].reshape(21, 21), axis=0
    )
    # Away from the crease, the slope between two points is the mean of theirs.
    slope = -normals[..., 0] / normals[..., 2]
    np.testing.assert_allclose(rise[-4:, -4:], (slope[-4:, -4:] + slope[-5:-1, -4:]) / 2, atol=1e-4)
    plotter.close()


def test_a_flat_figure_writes_powers_of_ten_with_letters_it_has(tmp_path: Path) -> None:
    # A letter that no font has is a warning, and warnings are errors here.
    losses = np.geomspace(1e-6, 1e9, 25).reshape(5, 5)
    figure = viz.contour(make_surface(losses, Grid.square(5)))
    viz.save(figure, tmp_path / "contour.png")
    labels = [text.get_text() for text in figure.axes[-1].get_yticklabels()]
    assert "10⁶" in labels
