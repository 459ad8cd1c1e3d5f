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
    azimuth, elevation = np.radians([style.azimuth, style.elevation])
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
    box = frame.box()
    across, upwards = box @ right, box @ up
    width, height = np.ptp(across), np.ptp(upwards)
    # Room for labels left, below and right, and for the title above.
    left, low, top, side = (letters * style.em for letters in (3.4, 3.0, 2.4, 2.6))
    centre_across = (across.max() + side + across.min() - left) / 2
    centre_up = (upwards.max() + top + upwards.min() - low) / 2
    focus = right * centre_across + up * centre_up + towards * float((box @ towards).mean())
    look_at(renderer, focus, towards, np.array([0.0, 0.0, 1.0]),
            height=float(max(height + low + top, (width + left + side) / aspect)))  # fmt: skip


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
