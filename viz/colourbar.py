"""The colour bar of a 3D picture, with losses as labels, decades on a log scale."""

from __future__ import annotations

from typing import Any

import numpy as np

from viz.height import HeightScale
from viz.style import Style
from viz.text import set_font

_STEPS = 256


def draw_colour_bar(plotter: Any, scale: HeightScale, style: Style) -> None:
    """Draw the bar upright into the active renderer, which it has to itself."""
    import matplotlib
    import pyvista
    from vtkmodules.vtkRenderingCore import vtkActor2D, vtkCoordinate, vtkPolyDataMapper2D

    left, right, bottom, top = 0.18, 0.36, 0.16, 0.84
    edges = np.linspace(bottom, top, _STEPS + 1)
    low = np.stack([np.full_like(edges, left), edges, np.zeros_like(edges)], axis=1)
    high = low.copy()
    high[:, 0] = right
    k = np.arange(_STEPS)
    quads = np.stack([k, k + _STEPS + 1, k + _STEPS + 2, k + 1], axis=1)
    bar = pyvista.PolyData.from_regular_faces(np.concatenate([low, high]), quads)
    colours = matplotlib.colormaps[style.colour_map]((k + 0.5) / _STEPS, bytes=True)[:, :3]
    bar.cell_data["colours"] = np.ascontiguousarray(colours)
    bar.set_active_scalars("colours", preference="cell")
    heights = scale.ticks()
    shares = (heights - scale.low) / (scale.high - scale.low)
    places = bottom + shares * (top - bottom)
    ticks = np.array([[(right, y, 0), (right + 0.06, y, 0)] for y in places]).reshape(-1, 3)
    for data, coloured in ((bar, True), (pyvista.line_segments_from_points(ticks), False)):
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
    for text, place in zip(scale.labels(heights), places, strict=True):
        _write(plotter, text, (right + 0.10, float(place)), style)
    for line, text in enumerate(reversed(scale.title.split("  "))):
        _write(plotter, text, (left, top + 0.045 + 0.065 * line), style)


def _write(plotter: Any, text: str, position: tuple[float, float], style: Style) -> None:
    from vtkmodules.vtkRenderingCore import vtkTextActor

    actor = vtkTextActor()
    actor.SetInput(text.replace("-", "−"))
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    set_font(actor.GetTextProperty(), text, style, 1.0)
    actor.GetTextProperty().SetJustificationToLeft()
    actor.GetTextProperty().SetVerticalJustificationToCentered()
    plotter.add_actor(actor, reset_camera=False, pickable=False)
