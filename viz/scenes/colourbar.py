"""The colour bar of a 3D picture, with losses as labels, decades on a log scale."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.records.arrays import Floats

from ..geometry.colouring import Colours
from ..geometry.height import HeightScale
from ..geometry.numbers import minus
from ..style import Style
from .text import inches, letter_shares, text_2d

_STEPS = 256
# Shares of the width: the bar's sides, and from it to the labels; the least width in inches.
_SIDES, _GAP = (0.18, 0.36), 0.10
_WIDTH = 0.6


def bar_width(titles: Sequence[str], labels: Sequence[str], style: Style) -> float:
    """Return the width in inches of the column of a colour bar, in which no text is cut.

    Args:
        titles: above bars, in lines that two spaces separate.
        labels: at their ticks.
        style: how they look.
    """
    lines = [line for title in titles for line in title.split("  ")]
    margin = 0.06 * style.letters
    return max(
        _WIDTH * style.letters,
        *((inches(line, style) + margin) / (1 - _SIDES[0]) for line in lines),
        *((inches(label, style) + margin) / (1 - _SIDES[1] - _GAP) for label in labels),
    )


def draw_colour_bar(
    plotter: Any, scale: HeightScale, style: Style, colours: Colours | None = None
) -> None:
    """Draw the bar upright into the active renderer, which it has to itself.

    Args:
        plotter: whose active renderer is drawn into.
        scale: of the heights.
        style: how it looks.
        colours: what surfaces are coloured by, if not by their heights.
    """
    heights, texts = scale.ticks(), scale.labels(scale.ticks())
    if colours is not None:
        scale, heights, texts = colours.scale, colours.ticks(), colours.labels()
    import pyvista

    (left, right), (bottom, top) = _SIDES, (0.16, 0.84)
    edges = np.linspace(bottom, top, _STEPS + 1)
    low = np.stack([np.full_like(edges, left), edges, np.zeros_like(edges)], axis=1)
    high = low.copy()
    high[:, 0] = right
    k = np.arange(_STEPS)
    quads = np.stack([k, k + _STEPS + 1, k + _STEPS + 2, k + 1], axis=1)
    bar = pyvista.PolyData.from_regular_faces(np.concatenate([low, high]), quads)
    bar.cell_data["colours"] = _painted((k + 0.5) / _STEPS, style, colours)
    bar.set_active_scalars("colours", preference="cell")
    shares = (heights - scale.low) / (scale.high - scale.low)
    places = bottom + shares * (top - bottom)
    ticks = np.array([[(right, y, 0), (right + 0.06, y, 0)] for y in places]).reshape(-1, 3)
    _add(plotter, bar, style, coloured=True)
    _add(plotter, pyvista.line_segments_from_points(ticks), style, coloured=False)
    above = top
    if scale.clipped and colours is None:
        highest = float(places.max()) if len(places) else 0.0
        above = _draw_cap(plotter, (left, right), top, highest, style)
    for text, place in zip(texts, places, strict=True):
        text_2d(plotter, minus(text), (right + _GAP, float(place)), style, align="left")
    # In a tall picture lines would stand apart.
    apart = min(0.065, 2.1 * letter_shares(plotter, style)[1])
    for line, text in enumerate(reversed(scale.title.split("  "))):
        place = above + 0.045 + apart * line
        text_2d(plotter, minus(text), (left, place), style, align="left")


def _painted(shares: Floats, style: Style, colours: Colours | None) -> Any:
    import matplotlib

    chosen = colours.colour_map if colours else style.colour_map
    colour_map = matplotlib.colormaps[chosen] if isinstance(chosen, str) else chosen
    return np.ascontiguousarray(colour_map(shares, bytes=True)[:, :3])


def _draw_cap(
    plotter: Any, sides: tuple[float, float], top: float, highest: float, style: Style
) -> float:
    """Draw what lies above the limit as a piece of its own; return where it ends.

    Its name stands beside it, or further up where the highest tick's label has no room below.
    """
    import pyvista

    left, right = sides
    low, high = top + 0.012, top + 0.042
    corners = np.array([(left, low, 0), (right, low, 0), (right, high, 0), (left, high, 0)])
    cap = pyvista.PolyData.from_regular_faces(corners, [[0, 1, 2, 3]])
    paint = np.array([pyvista.Color(style.clipped).int_rgb], dtype=np.uint8)
    cap.cell_data["colours"] = paint
    cap.set_active_scalars("colours", preference="cell")
    _add(plotter, cap, style, coloured=True)
    line = letter_shares(plotter, style)[1]
    place = max((low + high) / 2, highest + line)
    text_2d(plotter, "clipped", (right + _GAP, place), style, size=0.8, align="left")
    return max(high, place + line / 4)


def _add(plotter: Any, data: Any, style: Style, *, coloured: bool) -> None:
    import pyvista
    from vtkmodules.vtkRenderingCore import vtkActor2D, vtkCoordinate, vtkPolyDataMapper2D

    mapper = vtkPolyDataMapper2D()
    mapper.SetInputData(data)
    coordinate = vtkCoordinate()
    coordinate.SetCoordinateSystemToNormalizedViewport()
    mapper.SetTransformCoordinate(coordinate)
    mapper.SetScalarVisibility(coloured)
    actor = vtkActor2D()
    actor.SetMapper(mapper)
    actor.GetProperty().SetColor(*pyvista.Color(style.ink).float_rgb)
    actor.GetProperty().SetLineWidth(style.pixels(0.6))
    plotter.add_actor(actor, reset_camera=False, pickable=False)
