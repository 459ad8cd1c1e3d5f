"""One surface as contours in axes that are there: colours, isolines, what is clipped, paths."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.grid import Grid
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..geometry.centre_mark import crossed
from ..geometry.colouring import Colours
from ..geometry.hatching import mark_missing
from ..geometry.height import HeightScale, surface_heights
from ..geometry.paths import bead_records
from ..geometry.solution_points import Solution, places_of, seen
from ..geometry.window import Window, visible
from ..scenes.cross import mark_centre
from ..scenes.legends import names_of
from ..scenes.solution_marks import mark_solutions
from ..style import Style
from .lines import setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_contours(
    axes: Axes,
    surface: Surface,
    paths: Sequence[Projection],
    scale: HeightScale,
    style: Style,
    *,
    solutions: Sequence[Solution] = (),
    colours: Colours | None = None,
    number: int = 0,
) -> Any:
    """Draw one surface with its isolines and paths into axes; return what a colour bar needs.

    Args:
        axes: what is drawn into.
        surface: two-dimensional.
        paths: on it.
        scale: of its height.
        style: colours.
        solutions: that its plane was made through.
        colours: of all panels, instead of those of the height.
        number: which of the colours' surfaces this is.
    """
    height = np.ma.masked_invalid(surface_heights(surface, scale.kind))
    axes.set_facecolor(style.missing)
    filled = _filled(axes, surface, height, scale, style, colours, number)
    if colours is not None and colours.diverging:
        values = np.where(np.ma.getmaskarray(height), np.nan, colours.values[number])
        mark_missing(axes, surface.alphas, surface.betas, values, style)
    draw_isolines(axes, surface.grid, height, scale.levels(), colors=style.isoline_colour,
                  linewidths=style.isoline_width * 0.8, alpha=0.7)  # fmt: skip
    if scale.clipped:
        _mark_clipped(axes, surface, height, scale, style)
    for place, path in enumerate(paths):
        _path(axes, path, style.path_colour(place), style.background)
    window = Window.around([surface])
    marked = seen(solutions, window)
    mark_solutions(axes, marked, places_of(marked), paths, style, zorder=4.0)
    if crossed(surface, paths, solutions):
        mark_centre(axes, (0.0, 0.0), style.ink, style.background, zorder=3.9)
    handles = [name.handle(style) for name in names_of(paths, solutions, window, style)]
    if handles:
        axes.legend(handles=handles, loc="upper right", fontsize=0.75 * setting("font.size"),
                    framealpha=0.8, handlelength=1.2)  # fmt: skip
    axes.set_aspect("equal")
    axes.set_xlim(surface.alphas[0], surface.alphas[-1])
    axes.set_ylim(surface.betas[0], surface.betas[-1])
    return filled


def draw_isolines(axes: Axes, grid: Grid, height: Any, levels: Any, **look: Any) -> None:
    """Draw lines of equal height at those levels that lie inside.

    Args:
        axes: what is drawn into.
        grid: of two axes.
        height: masked where there is none, [A, B].
        levels: of the lines, rising.
        look: of the lines, as matplotlib's ``contour`` takes it.
    """
    inside = [v for v in levels if height.count() and height.min() < v < height.max()]
    if inside:
        axes.contour(*grid.axes, height.T, levels=inside, linestyles="solid", corner_mask=False,
                     **look)  # fmt: skip


def _filled(
    axes: Axes,
    surface: Surface,
    height: Any,
    scale: HeightScale,
    style: Style,
    colours: Colours | None,
    number: int,
) -> Any:
    """Fill the plane with the colours of the height or of something else."""
    place = (surface.alphas, surface.betas)
    if colours is None:
        return axes.pcolormesh(*place, height.T, cmap=style.colour_map, shading="gouraud",
                               vmin=scale.low, vmax=scale.high, rasterized=True)  # fmt: skip
    values = np.ma.masked_invalid(colours.values[number])
    if values.shape == height.shape:
        values = np.ma.masked_where(np.ma.getmaskarray(height) & (not colours.names), values)
    # Values of cells and classes have no values between them.
    smooth = "nearest" if colours.names else "gouraud"
    shading: Any = smooth if values.shape == height.shape else "flat"
    return axes.pcolormesh(*place, values.T, cmap=colours.colour_map, shading=shading,
                           vmin=colours.scale.low, vmax=colours.scale.high,
                           rasterized=True)  # fmt: skip


def _mark_clipped(
    axes: Axes, surface: Surface, height: Any, scale: HeightScale, style: Style
) -> None:
    """Mark what lies above the limit: neutral, hatched, with a line around it."""
    import matplotlib

    if not height.count() or height.max() <= scale.high:
        return
    place = (surface.alphas, surface.betas, height.T)
    above = float(height.max()) + 1e-9 * (1 + abs(float(height.max())))
    with matplotlib.rc_context({"hatch.linewidth": 0.4, "hatch.color": style.isoline_colour}):
        axes.contourf(*place, levels=[scale.high, above],
                      colors=[style.clipped], hatches=["////"], corner_mask=False)  # fmt: skip
    axes.contour(*place, levels=[scale.high], colors=style.isoline_colour, linestyles="solid",
                 linewidths=style.isoline_width * 2, corner_mask=False)  # fmt: skip


def _path(axes: Axes, path: Projection, colour: str, halo: str) -> None:
    alpha, beta = path.coordinates.T
    if visible(path):
        axes.plot(alpha, beta, color=halo, linewidth=1.8, alpha=0.7)
        axes.plot(alpha, beta, color=colour, linewidth=1.0)
        beads = bead_records(path)[0]
        axes.plot(alpha[beads], beta[beads], ".", color=colour, markersize=3.2,
                  markeredgecolor="white", markeredgewidth=0.3)  # fmt: skip
        axes.plot(alpha[0], beta[0], "o", color="white", markeredgecolor="black", markersize=4)
    axes.plot(alpha[-1], beta[-1], "o", color=colour, markeredgecolor="white", markersize=4,
              markeredgewidth=0.6)  # fmt: skip
