"""A panel's surface once more, smaller, its heights magnified, in the upper right corner."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from landscape.records.surface import Surface

from ..geometry.camera import axes_of_view
from ..geometry.differences import GRADIENTS
from ..geometry.frame import Frame
from ..geometry.mesh import Shading, draw_surface, surface_mesh
from ..geometry.paths import draw_segments
from ..style import Style
from .text import text_3d

_SIZE = 0.5
# From the middle of the picture, in its units.
_RIGHT, _UP = 0.74, 0.68


def magnified(surface: Surface, factor: float) -> Surface:
    """Return a surface whose losses, and slopes if it has them, are ``factor`` times as large."""
    scaled = {"losses", *GRADIENTS}
    fields = {n: f * factor if n in scaled else f for n, f in surface.fields.items()}
    return replace(surface, fields=fields)


def draw_inset(
    plotter: Any, surface: Surface, factor: int, frame: Frame, style: Style, *, shading: Shading
) -> None:
    """Draw a surface magnified, half as large, before everything, with its factor beside it.

    In parallel projection under distant light, what is moved towards the camera and scaled as a
    whole looks as it would in a panel of its own.
    """
    right, up, towards = axes_of_view(style)
    mesh = surface_mesh(magnified(surface, factor), frame, shading=shading)
    middle = np.array([0.0, 0.0, float(frame.z((frame.scale.low + frame.scale.high) / 2))])
    place = middle + _RIGHT * right + _UP * up + 4.0 * towards
    # Depth is flattened no less than the rest: normals stay as they are.
    mesh.points = place + _SIZE * (np.asarray(mesh.points, dtype=np.float64) - middle)
    draw_surface(plotter, mesh, frame, style, name="inset", smooth=shading != "flat")
    x0, x1 = (float(frame.x(a)) for a in frame.alpha)
    y0, y1 = (float(frame.y(b)) for b in frame.beta)
    rim = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    rim = np.column_stack([rim, np.full(4, middle[2])])
    rim = place + _SIZE * (rim - middle)
    edges = np.stack([rim, np.roll(rim, -1, axis=0)], axis=1).reshape(-1, 3)
    draw_segments(plotter, edges, style, 0.4, style.ink)
    across, upwards = rim @ right, rim @ up
    beside = float(across.min() + 0.2 * np.ptp(across))
    above = float(upwards.mean() + 0.6 * np.ptp(upwards))
    corner = beside * right + above * up + 4.5 * towards
    text_3d(plotter, f"× {factor:,}", tuple(corner), style, align="right")
