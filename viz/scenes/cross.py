"""The mark of the network's own weights: a small cross along the axes, over everything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.surface import Surface

from ..geometry.centre_mark import ORIGIN
from ..geometry.drape import heights_at
from ..geometry.frame import Frame
from ..geometry.paths import draw_in_front, draw_segments
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Of the longer side of a panel, which is 2; points of lines and of their rims.
_ARM = 0.05
_LINE, _RIM = 1.5, 3.3
# Depth units by which the rim lies behind the cross.
_BEHIND = 6000.0


def arms_of(surface: Surface, frame: Frame) -> list[Floats]:
    """Return the arms of the cross on the surface and of that on the floor, [2, 2, 3] each.

    Level, along alpha and beta; over a flat top on the top; only on the floor where the surface has
    no height.
    """
    x, y = float(frame.x(0.0)), float(frame.y(0.0))
    height = float(np.minimum(heights_at(ORIGIN, surface, frame.scale.kind)[0], frame.scale.high))
    arms = np.array([[[-1.0, 0, 0], [1, 0, 0]], [[0, -1, 0], [0, 1, 0]]])
    heights = [float(frame.z(height))] * bool(np.isfinite(height))
    above = [np.array([x, y, z]) + _ARM * arms for z in heights]
    return [*above, np.array([x, y, frame.floor + 0.004]) + 0.7 * _ARM * arms]


def draw_cross(plotter: Any, surface: Surface, frame: Frame, style: Style) -> None:
    """Draw the cross on the surface, seen through it, and on the floor."""
    *above, floor = arms_of(surface, frame)
    for arms in above:
        draw_rimmed(plotter, arms.reshape(-1, 3), style, _LINE, _RIM, name="centre")
    draw_segments(plotter, floor.reshape(-1, 3), style, 0.8 * _LINE, style.ink, name="centre floor")


def draw_rimmed(
    plotter: Any, ends: Floats, style: Style, width: float, rim: float, *, name: str
) -> None:
    """Draw lines over everything in the ink's colour, on a wider rim of the background's.

    Args:
        plotter: whose active renderer is drawn into.
        ends: of the lines, [2 n, 3].
        style: how they look.
        width: of the lines in points.
        rim: likewise.
        name: of the actors, one for the lines and one for the rim.
    """
    for part, points, colour, behind in (("rim", rim, style.background, _BEHIND),
                                         ("line", width, style.ink, 0.0)):  # fmt: skip
        actor = draw_segments(plotter, ends, style, points, colour, name=f"{name} {part}")
        draw_in_front(actor, behind=behind)


def mark_cross(
    axes: Axes, arms: Floats, style: Style, *, zorder: float, width: float = 1.0
) -> None:
    """Draw the cross of a 3D picture as lines over it.

    Args:
        axes: what is drawn into.
        arms: ends of both in the axes' coordinates, [2, 2, 2].
        style: how it looks.
        zorder: of the cross.
        width: of its lines in points.
    """
    # One line with a gap: the rim lies under both arms.
    ends = np.insert(arms.reshape(4, 2), 2, np.nan, axis=0)
    axes.plot(*ends.T, color=style.ink, linewidth=width, zorder=zorder, clip_on=False,
              solid_capstyle="butt", path_effects=[_rim(width, style.background)])  # fmt: skip


def mark_centre(
    axes: Axes, place: tuple[float, float], ink: str, ground: str, *, zorder: float
) -> None:
    """Draw the cross of a flat figure, whose size does not depend on the window.

    Args:
        axes: what is drawn into.
        place: in the axes' coordinates.
        ink: colour of the cross.
        ground: colour of its rim.
        zorder: of the cross.
    """
    axes.plot(*place, "+", color=ink, markersize=6.0, markeredgewidth=1.0, zorder=zorder,
              clip_on=False, path_effects=[_rim(1.0, ground)])  # fmt: skip


def _rim(width: float, colour: str) -> Any:
    from matplotlib.patheffects import withStroke

    return withStroke(linewidth=width + 1.4, foreground=colour)
