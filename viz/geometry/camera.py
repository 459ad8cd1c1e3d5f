"""One camera for all panels: parallel projection, fitted to the box that is drawn."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.records.arrays import Floats

from ..style import Style
from .frame import Frame

# At the zenith nothing is upright.
_STEEPEST = np.radians(89.9)


def axes_of_view(style: Style) -> tuple[Floats, Floats, Floats]:
    """Return the unit vectors (right, up, towards the camera) of a style's view."""
    azimuth, elevation = np.radians([style.azimuth, style.over(()).elevation])
    towards = np.array(
        [
            np.cos(elevation) * np.cos(azimuth),
            np.cos(elevation) * np.sin(azimuth),
            np.sin(elevation),
        ]
    )
    right = np.array([-np.sin(azimuth), np.cos(azimuth), 0.0])
    return right, np.cross(towards, right), towards


def aim(renderer: Any, frame: Frame, style: Style, *, aspect: float | None = None) -> None:
    """Point the camera of a renderer at a frame so that its box and labels fit.

    Args:
        renderer: a pyvista renderer.
        frame: what is drawn.
        style: its view.
        aspect: width over height of the renderer; by default that of the style's panels.
    """
    right, up, towards = axes_of_view(style)
    aspect = aspect or style.panel_width / style.panel_height
    (left, across), (low, upwards) = _reach(frame, style)
    depth = float((frame.box() @ towards).mean())
    focus = right * (left + across) / 2 + up * (low + upwards) / 2 + towards * depth
    look_at(renderer, focus, towards, np.array([0.0, 0.0, 1.0]),
            height=max(upwards - low, (across - left) / aspect))  # fmt: skip


def snug(frame: Frame, style: Style) -> tuple[float, float]:
    """Return width and height in inches of a panel that holds a frame without an empty rim.

    One of them is the style's, the other no larger.
    """
    (left, right), (low, high) = _reach(frame, style)
    ratio = (right - left) / (high - low)
    width, height = style.panel_width, style.panel_height
    return min(width, height * ratio), min(height, width / ratio)


def _reach(frame: Frame, style: Style) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return from where to where a frame's box and its text reach, across and upwards."""
    right, up, _ = axes_of_view(style)
    across, upwards = frame.box() @ right, frame.box() @ up
    # Room for labels left, below and right, and for the title above.
    left, low, top, side = (letters * style.em for letters in (3.4, 2.3, 2.4, 2.6))
    return ((float(across.min() - left), float(across.max() + side)),
            (float(upwards.min() - low), float(upwards.max() + top)))  # fmt: skip


def look_at(renderer: Any, focus: Floats, towards: Floats, up: Floats, *, height: float) -> None:
    """Point the camera of a renderer at a place, in parallel projection.

    Args:
        renderer: a pyvista renderer.
        focus: the place, [3].
        towards: unit vector from the place to the camera, [3].
        up: what is upright, [3].
        height: of what is seen, in units of the picture.
    """
    camera = renderer.camera
    camera.focal_point = tuple(focus)
    camera.position = tuple(focus + 10.0 * towards)
    camera.up = tuple(up)
    camera.parallel_projection = True
    camera.parallel_scale = height / 2
    renderer.reset_camera_clipping_range()


def turn(renderer: Any, azimuth: float, elevation: float) -> None:
    """Turn the camera of a renderer about its focus; what is above stays above.

    Args:
        renderer: a pyvista renderer.
        azimuth: by how many degrees about the vertical.
        elevation: by how many degrees upwards; it ends shortly before the zenith and the nadir.
    """
    camera = renderer.camera
    focus = np.array(camera.focal_point)
    across, along, above = camera.position - focus
    distance = float(np.linalg.norm([across, along, above]))
    turned = np.arctan2(along, across) + np.radians(azimuth)
    raised = np.arcsin(above / distance) + np.radians(elevation)
    raised = np.clip(raised, -_STEEPEST, _STEEPEST)
    flat = np.cos(raised)
    towards = np.array([flat * np.cos(turned), flat * np.sin(turned), np.sin(raised)])
    camera.position = tuple(focus + distance * towards)
    camera.up = (0.0, 0.0, 1.0)
    renderer.reset_camera_clipping_range()


def move(renderer: Any, right: float, up: float, *, zoom: float = 1.0) -> None:
    """Move what the camera of a renderer sees, and magnify it.

    Args:
        renderer: a pyvista renderer, with a parallel projection.
        right: by how many heights of the picture.
        up: likewise.
        zoom: factor.
    """
    camera = renderer.camera
    focus, position = np.array(camera.focal_point), np.array(camera.position)
    towards = (position - focus) / np.linalg.norm(position - focus)
    rightwards = np.cross(camera.up, towards)
    rightwards /= np.linalg.norm(rightwards)
    height = 2 * camera.parallel_scale
    step = height * (right * rightwards + up * np.cross(towards, rightwards))
    camera.focal_point, camera.position = tuple(focus - step), tuple(position - step)
    camera.parallel_scale = camera.parallel_scale / zoom
    renderer.reset_camera_clipping_range()
