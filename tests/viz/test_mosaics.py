"""Mosaics: one network in one figure, every number that of its record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_path, make_surface

from landscape import Grid, Panel, Surface, viz
from landscape.records.budget import SlopeBudget
from landscape.viz.measured.budget_bars import BENDS, KINKS, REST
from landscape.viz.paper.hybrid import FIGURE_STYLE

QUICK = replace(FIGURE_STYLE, anti_aliasing=False)


def make_budget(step: int, *, kink: float = 0.3, bend: float = 0.4) -> SlopeBudget:
    """A change of slope of 2 in one site of one unit."""
    return SlopeBudget(
        start=0.0, end=1.0, slope_change=1.0, signed_smooth=1 - kink, signed_kink=kink,
        smooth_variation=1.0, kink_variation=2 * kink, example_variation=1.0, bend=2 * bend,
        rest=2 - 2 * bend, closure_error=1e-3, net_residual=0.0, examples=40, samples=17,
        refinements=0, layers=("first:relu",), layer_crossings=np.array([5]),
        layer_kinks=np.array([2 * kink]), layer_signed=np.array([kink]),
        unit_offsets=np.array([0, 1]), unit_crossings=np.array([5]),
        unit_kinks=np.array([2 * kink]), settings={"segment": "step", "step": step},
    )  # fmt: skip


@pytest.fixture
def records() -> dict[str, Any]:
    grid = Grid.square(11)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    t = np.linspace(-0.9, 0.0, 12)
    flat = make_surface(0.001 + 0.1 * a**2 + b**2, grid)
    flat = Surface(grid, flat.fields, flat.status, settings={**flat.settings, "kind": "pca"})
    return {
        "panel": Panel(make_surface(0.1 + np.abs(a) + 5 * b**2, grid), title="ReLU"),
        "flat": Panel(flat, paths=(make_path(np.stack([t, t**2], axis=1), 0.002 + t**2),)),
        "budgets": [make_budget(3), make_budget(9, kink=0.0, bend=0.25)],
    }


def test_a_mosaic_shows_one_norm_the_line_and_the_budgets(
    records: dict[str, Any], rendering: None
) -> None:
    surface = records["panel"].surface
    figure = viz.mosaic(**records, look=viz.Look(style=QUICK), dpi=80)
    # Surface, contours, colour bar, line, budgets.
    solid, flat, bar, line, budgets = figure.axes
    assert solid.images
    ends = np.log10([records["flat"].surface.losses.min(), surface.losses.max()])
    for axes in (flat, bar):
        (mesh,) = [c for c in axes.collections if hasattr(c, "get_coordinates")]
        assert (mesh.norm.vmin, mesh.norm.vmax) == pytest.approx(tuple(ends))
    np.testing.assert_array_equal(line.lines[0].get_ydata(), viz.section(surface).losses)
    shown = [(round(p.get_x(), 9), round(p.get_width(), 9)) for p in budgets.patches]
    assert shown == [(0, 30), (30, 10), (40, 60), (0, 0), (0, 25), (25, 75)]
    colours = [text.get_label() for text in budgets.get_legend().get_patches()]
    assert colours == ["in kinks", "in smooth bends", "not in bends"]
    assert len({KINKS, BENDS, REST}) == 3
    assert [t.get_text() for t in budgets.get_yticklabels()] == ["step 3", "step 9"]
    titles = [t.get_text() for t in figure.texts]
    assert titles == ["ReLU", "(a) random plane", "(b) plane of the path",
                      "(c) along α in (a), at β = 0",
                      "(d) what the change of slope is made of"]  # fmt: skip


def test_without_more_it_shows_the_surface_twice_and_a_longer_line(
    records: dict[str, Any], rendering: None
) -> None:
    few = viz.mosaic(records["panel"].surface, viz.Look(style=QUICK), dpi=80, width=5.5)
    many = viz.mosaic(**records, look=viz.Look(style=QUICK), dpi=80, width=5.5)
    assert len(few.axes) == len(many.axes) - 1
    longer = [figure.axes[3].get_position().width for figure in (few, many)]
    assert longer[0] > 1.7 * longer[1]


def test_the_caption_tells_of_every_panel(records: dict[str, Any]) -> None:
    words = viz.caption_of(viz.mosaic(**records, dpi=30))
    assert words.startswith("ReLU. (a) Random plane")
    for part in ("(b) Plane of the path's first two", "(c) The loss along α in (a), at β = 0; dot",
                 "(d) What the change of slope", "40 examples, 17 samples",
                 "check passed"):  # fmt: skip
        assert part in words
    alone = viz.caption_of(viz.mosaic(records["panel"].surface, dpi=30))
    assert "(b) The same as contours." in alone
    assert "(d)" not in alone


def test_a_check_that_did_not_pass_is_hatched_and_told(
    records: dict[str, Any], rendering: None
) -> None:
    bad = replace(make_budget(3), closure_error=1.0)
    assert not bad.passed
    figure = viz.mosaic(records["panel"].surface, viz.Look(style=QUICK), budgets=[bad], dpi=80)
    bars = figure.axes[-1]
    assert {patch.get_hatch() for patch in bars.patches} == {"////"}
    assert [t.get_text() for t in bars.get_yticklabels()] == ["step 3 †"]
    assert "did not pass" in viz.caption_of(
        viz.mosaic(records["panel"].surface, budgets=[bad], dpi=30)
    )


def test_mistakes_are_told(records: dict[str, Any]) -> None:
    surface = records["panel"].surface
    with pytest.raises(ValueError, match=r"at least 5 in, got 3\.25"):
        viz.mosaic(surface, width=3.25)
    with pytest.raises(ValueError, match="at most 6 budgets, got 7"):
        viz.mosaic(surface, budgets=[make_budget(k) for k in range(7)])
    with pytest.raises(ValueError, match="give a line as line="):
        viz.mosaic(viz.section(surface))
    with pytest.raises(ValueError, match="a mosaic shows whole surfaces"):
        viz.mosaic(surface, viz.Look("clipped"))
