"""The picture of the explorer as a browser asks for it: at its own size, after its own moves."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Any

import numpy as np

from viz.explorer.scene import Scene
from viz.geometry.camera import move, turn

# Pixels of a side: from what can be drawn to what a browser shows.
_LEAST, _MOST = 16, 4096
# Factors between what was asked for last and next, and quality of JPEG at rest and in motion.
_MOST_ZOOM = 64.0
_STILL, _MOVING = 95, 75


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser wants to see.

    Attributes:
        width: of its picture, in pixels.
        height: likewise.
        azimuth: by which it was turned since it asked last, in degrees.
        elevation: likewise.
        zoom: factor by which it was magnified since.
        right: by which it was moved since, in heights of the picture.
        up: likewise.
        moving: whether more of this is to come, so that speed counts more than beauty.

    Raises:
        ValueError: for what is no number.
    """

    width: int
    height: int
    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0
    right: float = 0.0
    up: float = 0.0
    moving: bool = False

    @classmethod
    def of(cls, *sent: Any) -> Wish:
        """Make sense of what was sent, in the order of the attributes."""
        *numbers, moving = sent
        values = [float(number) for number in numbers]
        if len(values) != len(fields(cls)) - 1 or not all(map(math.isfinite, values)):
            raise ValueError(f"a picture needs {len(fields(cls)) - 1} numbers, got {sent!r}")
        width, height, azimuth, elevation, zoom, right, up = values
        width, height = (round(min(max(side, _LEAST), _MOST)) for side in (width, height))
        zoom = min(max(zoom, 1 / _MOST_ZOOM), _MOST_ZOOM)
        return cls(width, height, azimuth, elevation, zoom, right, up, moving is True)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height

    @property
    def moves(self) -> bool:
        """Whether the camera is to be moved."""
        return (self.azimuth, self.elevation, self.zoom, self.right, self.up) != (0, 0, 1, 0, 0)


def move_camera(scene: Scene, wish: Wish) -> None:
    """Turn, move and zoom as was wished."""
    renderer = scene.plotter.renderers[0]
    turn(renderer, wish.azimuth, wish.elevation)
    move(renderer, wish.right, wish.up, zoom=wish.zoom)


def jpeg(scene: Scene, *, moving: bool = False) -> bytes:
    """Draw a scene at the size of its window and return the picture, faster while it moves."""
    import pyvista
    from PIL import Image
    from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

    for renderer in scene.plotter.renderers:
        if moving:
            renderer.disable_anti_aliasing()
        else:
            renderer.enable_anti_aliasing("ssaa")
    window = scene.plotter.render_window
    window.Render()
    seen = vtkWindowToImageFilter()
    seen.SetInput(window)
    seen.SetInputBufferTypeToRGB()
    seen.ReadFrontBufferOff()
    seen.ShouldRerenderOff()
    seen.Update()
    image = seen.GetOutput()
    width, height, _ = image.GetDimensions()
    pixels = pyvista.convert_array(image.GetPointData().GetScalars()).reshape(height, width, 3)
    file = BytesIO()
    # Counted from below. Thin coloured lines need the full resolution of colours.
    picture = Image.fromarray(np.ascontiguousarray(pixels[::-1]))
    picture.save(file, "JPEG", quality=_MOVING if moving else _STILL,
                 subsampling=2 if moving else 0)  # fmt: skip
    return file.getvalue()
