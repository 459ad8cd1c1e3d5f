"""A line between two points in the live explorer: ends on the surface, a curve on the page."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.surface import Status, Surface

from ..browser.packing import base64_of
from ..geometry.drape import drape, heights_at
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, surface_heights
from ..geometry.numbers import distinct
from ..geometry.paths import BALL, draw_ball
from ..geometry.solution_points import solutions_of
from ..scenes.cross import draw_rimmed
from ..scenes.text import text_3d
from ..style import Style
from .moment import Moment, Point

# Labels at the curve in a corner.
_MOST_TICKS = 5
# Ends of lines on a plane whose solutions are called A, B, C.
_LETTERS, _OTHERS = ("A", "B"), ("P", "Q")


def letters_of(surface: Surface | None) -> tuple[str, str]:
    """Return what the ends of a line are called: not as the solutions of the plane."""
    return _OTHERS if surface is not None and solutions_of(surface) else _LETTERS


def draw_line(
    plotter: Any, ends: tuple[Point, ...], surface: Surface, frame: Frame, style: Style
) -> None:
    """Draw the ends of a line on a surface, and where the line runs between them.

    Args:
        plotter: what is drawn into.
        ends: none, one or two.
        surface: as it is drawn; what lies outside its window is left out.
        frame: where it is drawn.
        style: how.
    """
    inside = within(ends, frame) if len(ends) == 2 else None
    if inside is not None:
        pieces = drape(inside.reshape(1, 4), surface, frame)
        if len(pieces):
            draw_rimmed(plotter, pieces, style, 3.8, 7.0, name="chosen")
    heights = heights_at(np.array(ends).reshape(-1, 2), surface, frame.scale.kind)
    for letter, (alpha, beta), height in zip(letters_of(surface), ends, heights, strict=False):
        if not np.isfinite(height):
            continue
        point = np.array([frame.x(alpha), frame.y(beta), frame.z(height)])
        draw_ball(plotter, point, BALL, style.background, lighting=False)
        draw_ball(plotter, point, 0.8 * BALL, style.ink, lighting=False)
        above = (*point[:2], point[2] + 1.6 * BALL + style.em)
        text_3d(plotter, letter, above, style, size=1.1, grounded=True)


def within(ends: tuple[Point, ...], frame: Frame) -> Floats | None:
    """Return the part of a line that lies in a window, [2, 2]; None if there is none."""
    first, second = np.array(ends)
    low = np.array([frame.alpha[0], frame.beta[0]])
    high = np.array([frame.alpha[1], frame.beta[1]])
    enter, leave = 0.0, 1.0
    for start, step, a, b in zip(first, second - first, low, high, strict=True):
        if step == 0.0:
            if not a <= start <= b:
                return None
            continue
        shares = sorted(((a - start) / step, (b - start) / step))
        enter, leave = max(enter, shares[0]), min(leave, shares[1])
    if enter >= leave:
        return None
    part = first + np.array([[enter], [leave]]) * (second - first)
    return np.asarray(np.clip(part, low, high))


def corner(render_window: Any) -> Any:
    """Return a renderer over the upper left corner of a window.

    One of its own: in those of the picture, which are drawn larger and shrunk, letters would shrink
    too.
    """
    from vtkmodules.vtkRenderingCore import vtkRenderer

    renderer, layer = vtkRenderer(), max(render_window.GetNumberOfLayers(), 2)
    render_window.SetNumberOfLayers(layer + 1)
    renderer.SetLayer(layer)
    renderer.SetViewport(0.0, 0.72, 0.27, 1.0)
    renderer.InteractiveOff()
    render_window.AddRenderer(renderer)
    return renderer


def draw_curve(renderer: Any, line: Surface, letters: tuple[str, str], height: str) -> None:
    """Draw the losses along a line, as far as they are sampled.

    Args:
        renderer: which it fills.
        line: of one axis, from 0 to 1.
        letters: what its ends are called.
        height: ``log`` or ``linear``.
    """
    from vtkmodules.vtkChartsCore import vtkAxis, vtkChart, vtkChartXY
    from vtkmodules.vtkRenderingContext2D import vtkContextActor

    done = line.status != Status.MISSING
    kind: Kind = "log" if height == "log" and bool(np.any(line.losses[done] > 0)) else "linear"
    heights = surface_heights(line, kind)
    if not np.isfinite(heights).any():
        return
    chart = vtkChartXY()
    chart.GetBackgroundBrush().SetColorF(1.0, 1.0, 1.0, 0.9)
    curve = chart.AddPlot(vtkChart.LINE)
    # Where a sampled loss has no height there is a gap, as on the page.
    curve.SetInputData(_table(line.alphas[done], heights[done]), 0, 1)
    curve.SetColorF(0.10, 0.37, 0.71)
    curve.SetWidth(2.5)
    sideways, upwards = chart.GetAxis(vtkAxis.BOTTOM), chart.GetAxis(vtkAxis.LEFT)
    sideways.SetTitle(f"{letters[0]} (0) to {letters[1]} (1)")
    sideways.SetMinimum(0.0)
    sideways.SetMaximum(1.0)
    _label(upwards, HeightScale.of([line], kind=kind))
    for axis in (sideways, upwards):
        axis.SetBehavior(vtkAxis.FIXED)
        axis.SetGridVisible(False)
    actor = vtkContextActor()
    actor.GetScene().AddItem(chart)
    actor.GetScene().SetRenderer(renderer)
    renderer.AddActor(actor)


def _label(axis: Any, scale: HeightScale) -> None:
    """Label an axis with losses that stand apart; charts have no raised digits."""
    import pyvista
    from vtkmodules.vtkCommonCore import vtkStringArray

    room = 0.05 * (scale.high - scale.low)
    ticks = scale.ticks()
    ticks = ticks[:: math.ceil(len(ticks) / _MOST_TICKS)]
    axis.SetMinimum(scale.low - room)
    axis.SetMaximum(scale.high + room)
    names = vtkStringArray()
    for text in distinct(map(scale.loss_at, ticks.tolist()), 3):
        names.InsertNextValue(text)
    axis.SetCustomTickPositions(pyvista.convert_array(np.ascontiguousarray(ticks)), names)
    axis.SetTitle("loss")


def _table(shares: Floats, losses: Floats) -> Any:
    import pyvista
    from vtkmodules.vtkCommonDataModel import vtkTable

    table = vtkTable()
    for name, values in (("share", shares), ("loss", losses)):
        column = pyvista.convert_array(np.ascontiguousarray(values))
        column.SetName(name)
        table.AddColumn(column)
    return table


def line_attributes(moment: Moment) -> dict[str, Any]:
    """Return what the page needs of the line.

    Returns:
        ``line_ends``, the chosen points as JSON; ``line_letters``, what they are called;
        ``line_shares``, ``line_losses`` and ``line_accuracies`` of the points that are sampled, in
        base64 as little-endian float64 ("" for none); ``line_there``, whether there is a line.
        Of a line in another plane than the one that is seen, nothing.
    """
    line = moment.line if moment.line_seen else None
    there = line is not None and bool(np.any(line.status != Status.MISSING))
    sampled = {"line_shares": "", "line_losses": "", "line_accuracies": ""}
    if line is not None and there:
        done = line.status != Status.MISSING
        sampled["line_shares"] = _packed(line.alphas[done])
        sampled["line_losses"] = _packed(line.losses[done])
        if "accuracies" in line.fields:
            sampled["line_accuracies"] = _packed(line.fields["accuracies"][done])
    return {
        **sampled,
        "line_ends": json.dumps(moment.ends if moment.line_seen else ()),
        "line_letters": " ".join(letters_of(moment.surface)),
        "line_there": there,
    }


def _packed(values: Floats) -> str:
    return base64_of(np.ascontiguousarray(values, dtype="<f8").tobytes())
