"""What is drawn around a rendered surface as lines and text: floor, ticks, labels, marks of paths.

All places are points of the 3D picture, projected as the picture was. Lines on the floor are drawn
below the picture, which hides what lies behind the surface.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from landscape.records.results import Projection

from ..flat.lines import grey
from ..flat.ticks import POINT, extent, power_of_axes
from ..geometry.camera import axes_of_view
from ..geometry.frame import Frame
from ..geometry.numbers import tick_labels, ticks, with_power
from ..geometry.paths import bead_points, over_limit, path_pieces
from ..geometry.viewport import View
from ..geometry.window import visible
from ..style import Style
from .layer import coloured

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
TICK = 2.5 * POINT
_PAD = 2.0 * POINT
_LINE = 0.6
# What is drawn over what.
_BELOW, _ABOVE = 1.0, 3.0


@dataclass(frozen=True, slots=True)
class Margins:
    """Room that text takes around a view, in inches."""

    left: float
    right: float
    bottom: float

    @classmethod
    def of(cls, frame: Frame, size: float, count: int) -> Margins:
        """Measure the text around a frame.

        Args:
            frame: what is drawn.
            size: of tick labels in points.
            count: of ticks along each axis, about.
        """
        scale = frame.scale
        texts = [scale.title, *scale.labels(scale.ticks())]
        losses = max(extent(text, size)[0] for text in texts)
        power = power_of_axes(frame.alpha, frame.beta)
        flat = [text for ends in (frame.alpha, frame.beta)
                for text in tick_labels(ticks(ends, count), power)]  # fmt: skip
        wide, tall = np.max([extent(text, size) for text in flat], axis=0)
        around = TICK + _PAD
        left = around + max(losses, float(wide)) + 3.0 * POINT
        return cls(left, around + float(wide), around + float(tall) + 1.2 * size * POINT)


def room_beside(frame: Frame, size: float, count: int) -> float:
    """Return the room that beta's ticks, their labels and its name take beside contours, in inches.

    Args:
        frame: what is drawn.
        size: of tick labels in points; the name is a point larger.
        count: of ticks, about.
    """
    texts = tick_labels(ticks(frame.beta, count), power_of_axes(frame.alpha, frame.beta))
    wide = max((extent(text, size)[0] for text in texts), default=0.0)
    return TICK + _PAD + wide + 1.5 * (size + 1) * POINT


def draw_floor(
    axes: Axes, frame: Frame, view: View, isolines: Sequence[tuple[float, Floats]],
    paths: Sequence[Projection], style: Style, *, plain: bool = False,
) -> None:  # fmt: skip
    """Draw the floor's rim, and on it the isolines and the paths, as seen from above.

    Args:
        axes: in inches, the view's lower left corner at (0, 0).
        frame: what is drawn.
        view: how it is seen.
        isolines: heights and points [n, 3] of each.
        paths: on the surface.
        style: colours.
        plain: whether isolines have the ink's colour: the bar is that of another quantity.
    """
    import matplotlib
    from matplotlib.collections import LineCollection

    corners = _corners(frame)
    rim = view.on_paper(np.array([*corners, corners[0]]))
    axes.plot(*rim.T, color=grey(0.55), linewidth=_LINE * 0.8, zorder=_BELOW, clip_on=False)
    colours, scale = matplotlib.colormaps[style.colour_map], frame.scale
    flat = [view.on_paper(_on_floor(points, frame)) for _, points in isolines]
    shades = [
        grey(0.4) if plain else colours((level - scale.low) / (scale.high - scale.low))
        for level, _ in isolines
    ]
    axes.add_collection(LineCollection(flat, colors=shades, zorder=_BELOW + 0.1,
                                       linewidths=style.isoline_width * 0.9 * view.line_share,
                                       capstyle="round"))  # fmt: skip
    for path, colour in coloured(paths, style):
        for piece in path_pieces(path, frame) if visible(path) else ():
            axes.plot(*view.on_paper(_on_floor(piece, frame)).T, color=colour, linewidth=0.7,
                      zorder=_BELOW + 0.2)  # fmt: skip
        for place in bead_points(path, frame) if visible(path) else ():
            axes.plot(*view.on_paper(_on_floor(place[None], frame))[0], ".", color=colour,
                      markersize=2.2 * view.line_share, markeredgewidth=0,
                      zorder=_BELOW + 0.2)  # fmt: skip
        for place, face, edge in _marks(path, frame, colour):
            axes.plot(*view.on_paper(_on_floor(place[None], frame))[0], "o", color=face,
                      markeredgecolor=edge, markersize=2.2 * view.line_share, markeredgewidth=0.4,
                      zorder=_BELOW + 0.3)  # fmt: skip


def draw_marks(
    axes: Axes, frame: Frame, view: View, paths: Sequence[Projection], style: Style
) -> None:
    """Draw the ends of paths over everything, and paths that a surface hides as thin lines."""
    for path, colour in coloured(paths, style):
        for piece in path_pieces(path, frame) if visible(path) else ():
            single = len(piece) == 1
            axes.plot(*view.on_paper(piece).T, "o" if single else "-", color=colour, linewidth=0.5,
                      markersize=1.6, zorder=_ABOVE)  # fmt: skip
        for place, face, edge in _marks(path, frame, colour):
            axes.plot(*view.on_paper(place[None])[0], "o", color=face, markeredgecolor=edge,
                      markersize=3.8 * view.line_share, markeredgewidth=0.6,
                      zorder=_ABOVE + 0.2)  # fmt: skip


def draw_ticks(
    axes: Axes, frame: Frame, view: View, style: Style, *, size: float, count: int
) -> None:
    """Draw ticks and labels along the two edges that face the viewer, and the loss axis.

    Args:
        axes: in inches, the view's lower left corner at (0, 0).
        frame: what is drawn.
        view: how it is seen.
        style: its camera and ink.
        size: of tick labels in points.
        count: of ticks along alpha and beta, about.
    """
    x0, x1, y0, y1 = _ends(frame)
    towards = axes_of_view(style)[2]
    edge_x, edge_y = (x1 if towards[0] > 0 else x0), (y1 if towards[1] > 0 else y0)
    power = power_of_axes(frame.alpha, frame.beta)
    values = ticks(frame.alpha, count), ticks(frame.beta, count)
    along = [
        (np.array([(x, edge_y, frame.floor) for x in frame.x(values[0])]),
         np.array([0.0, np.sign(edge_y), 0.0]), values[0],
         np.array([(x0 + x1) / 2, edge_y, frame.floor]), "α"),
        (np.array([(edge_x, y, frame.floor) for y in frame.y(values[1])]),
         np.array([np.sign(edge_x), 0.0, 0.0]), values[1],
         np.array([edge_x, (y0 + y1) / 2, frame.floor]), "β"),
    ]  # fmt: skip
    for places, outwards, numbers, middle, name in along:
        out = np.array([outwards @ view.right, outwards @ view.up])
        out /= np.linalg.norm(out)
        texts = tick_labels(numbers, power)
        far = _edge(axes, view.on_paper(places), out, texts, style, size=size)
        place = view.on_paper(middle[None])[0] + out * (far + _support(name, size + 1, out))
        axes.text(place[0], place[1], with_power(name, power), ha="center", va="center",
                  style="italic", fontsize=size + 1, color=style.ink, zorder=_ABOVE)  # fmt: skip
    _loss_axis(axes, frame, view, style, size)


def _edge(
    axes: Axes, places: Floats, out: Floats, texts: Sequence[str], style: Style, *, size: float
) -> float:
    """Draw ticks and labels at places on paper; return how far out nothing of them reaches."""
    reach = [_reach(text, size, out) for text in texts]
    for place, text, half in zip(places, texts, reach, strict=True):
        axes.plot(*np.stack([place, place + out * TICK]).T, color=style.ink, linewidth=_LINE,
                  zorder=_ABOVE, clip_on=False)  # fmt: skip
        x, y = place + out * (TICK + _PAD + half)
        axes.text(x, y, text, ha="center", va="center_baseline",
                  fontsize=size, color=style.ink, zorder=_ABOVE)  # fmt: skip
    far = [half + _support(text, size, out) for text, half in zip(texts, reach, strict=True)]
    return TICK + _PAD + max(far, default=0.0)


def _support(text: str, size: float, out: Floats) -> float:
    """Return how far a text reaches from its middle, measured along direction ``out``."""
    return float(np.abs(out) @ np.array(extent(text, size))) / 2


def _reach(text: str, size: float, out: Floats) -> float:
    """Return how far from a label's edge its middle must lie in direction ``out``."""
    wide, tall = extent(text, size)
    # The edge that is met first decides.
    steps = [half / abs(part) for half, part in ((wide / 2, out[0]), (tall / 2, out[1]))
             if abs(part) > 1e-9]  # fmt: skip
    return float(min(steps))


def _loss_axis(axes: Axes, frame: Frame, view: View, style: Style, size: float) -> None:
    """Draw the loss axis at the corner that is leftmost in the view."""
    x, y, _ = min(_corners(frame), key=lambda c: float(np.dot(c, view.right)))
    scale = frame.scale
    ends = view.on_paper(np.array([(x, y, float(frame.z(h))) for h in (scale.low, scale.high)]))
    axes.plot(*ends.T, color=style.ink, linewidth=_LINE, zorder=_ABOVE, clip_on=False)
    heights = scale.ticks()
    apart = float(np.diff(heights).min()) * frame.rise * view.up[2] * view.scale if len(
        heights) > 1 else math.inf  # fmt: skip
    heights = heights[:: max(math.ceil(1.05 * size * POINT / apart), 1)]
    texts = scale.labels(heights)
    for height, text in zip(heights, texts, strict=True):
        place = view.on_paper(np.array([(x, y, float(frame.z(height)))]))[0]
        axes.plot([place[0] - TICK, place[0]], [place[1]] * 2, color=style.ink, linewidth=_LINE,
                  zorder=_ABOVE, clip_on=False)  # fmt: skip
        axes.text(place[0] - TICK - _PAD, place[1], text.replace("-", "−"), ha="right",
                  va="center_baseline", fontsize=size, color=style.ink, zorder=_ABOVE)  # fmt: skip
    # The name ends where the axis stands: right of it the surface may rise.
    top = ends[1, 1] + (0.5 * bool(len(heights)) + 0.4) * size * POINT
    axes.text(
        ends[1, 0], top, scale.title, ha="right", va="bottom", fontsize=size,
        color=style.ink, zorder=_ABOVE,
    )  # fmt: skip


def _marks(path: Projection, frame: Frame, colour: str) -> list[tuple[Floats, str, str]]:
    """Return place [3], face and rim of the start and the solution of a path."""
    points = frame.points(path.coordinates, path.losses)
    inside = frame.window.inside(path.coordinates) & np.all(np.isfinite(points), axis=1)
    inside &= ~over_limit(path, frame.scale)
    wanted = [(0, "white", "black")] if visible(path) else []
    wanted.append((-1, colour, "white"))
    return [(points[record], face, edge) for record, face, edge in wanted if inside[record]]


def _ends(frame: Frame) -> tuple[float, float, float, float]:
    x0, x1 = (float(frame.x(a)) for a in frame.alpha)
    y0, y1 = (float(frame.y(b)) for b in frame.beta)
    return x0, x1, y0, y1


def _corners(frame: Frame) -> list[tuple[float, float, float]]:
    x0, x1, y0, y1 = _ends(frame)
    return [(x, y, frame.floor) for x, y in ((x0, y0), (x1, y0), (x1, y1), (x0, y1))]


def _on_floor(points: Floats, frame: Frame) -> Floats:
    lowered = np.array(points, dtype=np.float64)
    lowered[:, 2] = frame.floor
    return lowered
