"""Marks of the solutions that a plane was made through: a diamond and a letter, over everything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..geometry.drape import heights_at
from ..geometry.frame import Frame
from ..geometry.paths import draw_disc, draw_in_front
from ..geometry.solution_points import Solution, colour_of, places_of, seen
from ..style import Style
from .text import text_3d

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DIAMOND = 0.036


def points_of(solutions: Sequence[Solution], surface: Surface, frame: Frame) -> Floats:
    """Return where solutions are drawn on a surface, [K, 3].

    Over a flat top of a clipped one they lie on the top; NaN where the surface has no height.
    """
    places = places_of(solutions)
    height = heights_at(places, surface, frame.scale.kind)
    z = frame.z(np.minimum(height, frame.scale.high))
    return np.stack([frame.x(places[:, 0]), frame.y(places[:, 1]), z], axis=1)


def draw_solutions(
    plotter: Any,
    solutions: Sequence[Solution],
    surface: Surface,
    paths: Sequence[Projection],
    frame: Frame,
    style: Style,
) -> None:
    """Draw a diamond on the surface and on the floor for each solution, with its letter."""
    import pyvista

    inside = seen(solutions, frame.window)
    for solution, point in zip(inside, points_of(inside, surface, frame), strict=True):
        colour = colour_of(solution, paths, style)
        for radius, face, lift in ((0.030, style.ink, 0.005), (0.020, colour, 0.007)):
            draw_disc(plotter, point, frame, radius, face, lift=lift, corners=4)
        if not np.isfinite(point[2]):
            continue
        for radius, face in ((1.35 * _DIAMOND, style.ink), (_DIAMOND, colour)):
            solid = pyvista.PlatonicSolid("octahedron", radius=radius, center=tuple(point))
            draw_in_front(plotter.add_mesh(solid, color=face, lighting=False, culling="back"))
        above = (*point[:2], point[2] + 1.6 * _DIAMOND + style.em)
        text_3d(plotter, solution.letter, above, style, size=1.1, grounded=True)


def mark_solutions(
    axes: Axes,
    solutions: Sequence[Solution],
    places: Floats,
    paths: Sequence[Projection],
    style: Style,
    *,
    zorder: float,
    size: float = 4.6,
    lettered: bool = True,
) -> None:
    """Draw a diamond with its letter at places of a flat figure.

    Args:
        axes: what is drawn into.
        solutions: K of them.
        places: of each in the axes' coordinates, [K, 2]; NaN where there is none.
        paths: of the panel, for colours.
        style: how they look.
        zorder: of the marks.
        size: of the diamonds in points.
        lettered: whether letters are drawn.
    """
    from matplotlib.patheffects import withStroke

    for solution, place in zip(solutions, places, strict=True):
        if not np.isfinite(place).all():
            continue
        axes.plot(*place, "D", color=colour_of(solution, paths, style), markeredgecolor=style.ink,
                  markeredgewidth=0.7, markersize=size, zorder=zorder, clip_on=False)  # fmt: skip
        if lettered:
            axes.annotate(
                solution.letter, place, (0.9 * size, 0.9 * size), textcoords="offset points",
                ha="center", va="center", fontsize=7.5, fontweight="bold", color=style.ink,
                zorder=zorder + 0.1, annotation_clip=False,
                path_effects=[withStroke(linewidth=1.8, foreground=style.background)],
            )  # fmt: skip
