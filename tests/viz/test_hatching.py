"""Where a surface has no colour it is cross-hatched: a difference of 0 in the shade is grey too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from making import make_surface
from matplotlib.patches import PathPatch

from landscape import Grid, Surface, viz
from landscape.viz import Style
from landscape.viz.geometry.hatching import hatches
from landscape.viz.geometry.mesh import triangles
from landscape.viz.style import STYLES, TESTING

MISSING = [(2, 3), (2, 4), (9, 9)]


@pytest.fixture
def bowls() -> list[Surface]:
    """A bowl, and one just like it that lacks three points of which two are neighbours."""
    grid = Grid.square(11)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    losses = 1 + a**2 + b**2
    lacking = losses.copy()
    lacking[tuple(np.transpose(MISSING))] = np.nan
    return [make_surface(losses, grid), make_surface(lacking, grid)]


def lines_of(plotter: Any) -> list[Any]:
    actors = [actor for each in plotter.renderers for actor in each.actors.values()]
    meshes = [a.mapper.dataset for a in actors if hasattr(getattr(a, "mapper", None), "dataset")]
    return [mesh for mesh in meshes if hasattr(mesh, "n_lines") and mesh.n_lines]


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize("style", sorted(set(STYLES) - {"clay"}))
def test_cells_without_a_difference_are_covered_and_hatched(
    style: str, bowls: list[Surface]
) -> None:
    look = replace(Style.named(style), dpi=60, anti_aliasing=False, isolines=False)
    whole, lacking = bowls
    plain, marked = (
        viz.surface(
            whole, viz.Look(colour="difference", reference=other, style=look), caption=False
        )
        for other in (whole, lacking)
    )
    cover = marked.renderers[0].actors["missing"].mapper.dataset
    corners = np.ravel_multi_index(tuple(np.transpose(MISSING)), whole.grid.shape)
    touching = np.isin(triangles(np.log10(whole.losses)), corners).any(axis=1)
    assert cover.n_cells == touching.sum() > 3 * 4
    assert "missing" not in plain.renderers[0].actors
    # Two directions of lines and a rim, none of them where everything has its difference.
    assert len(lines_of(marked)) == len(lines_of(plain)) + 3
    difference = np.abs(
        np.asarray(marked.screenshot(return_img=True)).astype(int)
        - np.asarray(plain.screenshot(return_img=True)).astype(int)
    )
    assert difference.max() > 60
    for plotter in (plain, marked):
        plotter.close()


def test_hatching_is_even_and_crosses_at_right_angles() -> None:
    import pyvista

    sheet = pyvista.Plane(i_size=1.0, j_size=1.0).triangulate()
    single, crossed = list(hatches(sheet)), list(hatches(sheet, crossed=True))
    assert len(single) == 1
    assert len(crossed) == 2
    for lines, sign in zip(crossed, (1, -1), strict=True):
        across = lines.points[:, 0] + sign * lines.points[:, 1]
        levels = np.unique(np.round(across, 6))
        assert len(levels) > 10
        np.testing.assert_allclose(np.diff(levels), np.diff(levels)[0], atol=1e-5)


def test_flat_figures_hatch_the_same_cells_and_what_was_cut_out(bowls: list[Surface]) -> None:
    whole, lacking = bowls
    figures = [viz.contour(one, viz.Look(colour="difference", reference=other))
               for one, other in ((whole, lacking), (lacking, whole), (whole, whole))]  # fmt: skip
    shapes = [[p for p in f.axes[0].patches if isinstance(p, PathPatch)] for f in figures]
    assert [len(found) for found in shapes] == [1, 1, 0]
    for (patch,) in shapes[:2]:
        assert patch.get_hatch() == "xxxx"
        # Six cells around two neighbours, four around a single point; five vertices each.
        assert len(patch.get_path().vertices) == 5 * 10
    told = [viz.caption_of(figure) for figure in figures]
    assert "Cross-hatched: 3 points without difference." in told[0]
    assert "3 points cut out (cross-hatched): NaN or infinite." in told[1]
    assert "hatched" not in told[2]


def test_a_map_that_has_no_grey_needs_no_hatching(bowls: list[Surface]) -> None:
    figure = viz.contour(bowls[1], viz.Look(colour="slope", style=TESTING))
    assert not [p for p in figure.axes[0].patches if isinstance(p, PathPatch)]
    assert "cut out: NaN or infinite" in viz.caption_of(figure)
