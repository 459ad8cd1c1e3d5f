"""The frame of a 3D panel: floor, ticks along alpha and beta, and the loss axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from landscape.records.arrays import Floats

from ..geometry.camera import axes_of_view
from ..geometry.frame import Frame
from ..geometry.numbers import power_of_ten, ticks, with_power
from ..geometry.paths import draw_segments
from ..style import Style
from .text import text_2d, text_3d


def draw_frame(plotter: Any, frame: Frame, style: Style) -> None:
    """Draw the floor's rim with ticks along alpha and beta, and the loss axis at the left."""
    x0, x1 = (float(frame.x(a)) for a in frame.alpha)
    y0, y1 = (float(frame.y(b)) for b in frame.beta)
    floor = frame.floor
    segments = [((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)),
                ((x0, y1), (x0, y0))]  # fmt: skip
    lines = [((*a, floor), (*b, floor)) for a, b in segments]
    towards = axes_of_view(style)[2]
    # Labels stand at the two edges that face the viewer, outside the window.
    edge_x, out_x = (x1, 1.0) if towards[0] > 0 else (x0, -1.0)
    edge_y, out_y = (y1, 1.0) if towards[1] > 0 else (y0, -1.0)
    tick, near, far = 0.45 * style.em, 1.7 * style.em, 4.0 * style.em
    power = power_of_ten(max(map(abs, (*frame.alpha, *frame.beta))))
    for value in ticks(frame.alpha, 4):
        x = float(frame.x(value))
        lines.append(((x, edge_y, floor), (x, edge_y + out_y * tick, floor)))
        here = (_off_corner(x, edge_x, style), edge_y + out_y * near, floor)
        text_3d(plotter, f"{value / 10.0**power:.4g}", here, style)
    for value in ticks(frame.beta, 4):
        y = float(frame.y(value))
        lines.append(((edge_x, y, floor), (edge_x + out_x * tick, y, floor)))
        here = (edge_x + out_x * near, _off_corner(y, edge_y, style), floor)
        text_3d(plotter, f"{value / 10.0**power:.4g}", here, style)
    text_3d(plotter, "α", ((x0 + x1) / 2, edge_y + out_y * far, floor), style, size=1.25)
    text_3d(plotter, "β", (edge_x + out_x * far, (y0 + y1) / 2, floor), style, size=1.25)
    if power:
        text_2d(plotter, with_power("α, β", power), (0.14, 0.05), style, size=0.85)
    lines += _draw_loss_axis(plotter, (x0, x1), (y0, y1), frame, style)
    draw_segments(plotter, np.array(lines, dtype=np.float64).reshape(-1, 3), style, 0.6, style.ink)


def _off_corner(place: float, corner: float, style: Style) -> float:
    """Move a label away from the corner where the two axes' labels meet."""
    room = 0.9 * style.em
    away = -1.0 if corner > 0 else 1.0
    return corner + away * max(abs(place - corner), room)


def _draw_loss_axis(
    plotter: Any, xs: tuple[float, float], ys: tuple[float, float], frame: Frame, style: Style
) -> list[Any]:
    """Write at the loss axis, at the corner that is leftmost in the view; return its lines."""
    right = axes_of_view(style)[0]
    corner = min(((x, y) for x in xs for y in ys), key=lambda c: c @ right[:2])
    low, high = float(frame.z(frame.scale.low)), float(frame.z(frame.scale.high))
    outward = -right * 0.45 * style.em
    lines: list[Any] = [((*corner, low), (*corner, high))]
    places = _thinned(frame.scale.ticks(), frame, style)
    for height, text in zip(places, frame.scale.labels(places), strict=True):
        here = np.array([*corner, float(frame.z(height))])
        lines.append((tuple(here), tuple(here + outward)))
        text_3d(plotter, text, tuple(here + 1.5 * outward), style, align="right")
    # Above the axis, and a line above a label that stands at its very end.
    top = max([high + 1.3 * style.em, *(float(frame.z(h)) + 1.8 * style.em for h in places)])
    above = np.array([*corner, top]) + outward
    parts = frame.scale.title.split("  ")
    # With a power of ten below it, the title is wide and moves to the right.
    for line, text in enumerate(reversed(parts)):
        shift = np.array([0.0, 0.0, 1.7 * style.em * line]) - outward * 4 * (len(parts) - 1)
        text_3d(plotter, text, tuple(above + shift), style, align="right")
    return lines


def _thinned(heights: Floats, frame: Frame, style: Style) -> Floats:
    """Leave out ticks of the loss axis whose labels would overlap in the view."""
    if len(heights) < 2:
        return heights
    apart = float(np.diff(heights).min()) * frame.rise * axes_of_view(style)[1][2]
    return heights[:: max(math.ceil(1.3 * style.em / apart), 1)]
