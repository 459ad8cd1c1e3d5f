"""The picture of the explorer as a browser asks for it: of its size, background and camera."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Any

import numpy as np

from ..geometry.camera import move, turn
from .live_scene import Scene

# Pixels of a side: from what can be drawn to what a browser shows.
_LEAST, _MOST = 16, 4096
# Pixels of a picture to one of the page.
_COARSEST, _FINEST = 0.25, 4.0
_MOST_ZOOM = 64.0
# Quality of JPEG at rest and in motion.
_STILL, _MOVING = 95, 75
# What browsers prefer, as the name of a style.
GROUNDS = {"light": "paper", "dark": "dark"}


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser wants to see.

    Attributes:
        width: of its picture, in pixels.
        height: likewise.
        ratio: pixels of the picture to one of the page, by which letters and lines are larger.
        azimuth: by which the camera was turned there, in degrees.
        elevation: likewise.
        zoom: factor by which the picture was magnified.
        right: by which it was moved then, in its heights.
        up: likewise.
        ground: behind the surface, ``light`` or ``dark``.
        moving: whether more of this is to come, so that speed counts more than beauty.

    Raises:
        ValueError: for what is no number, or an unknown ground.
    """

    width: int
    height: int
    ratio: float = 1.0
    azimuth: float = 0.0
    elevation: float = 0.0
    zoom: float = 1.0
    right: float = 0.0
    up: float = 0.0
    ground: str = "light"
    moving: bool = False

    def __post_init__(self) -> None:
        if self.ground not in GROUNDS:
            raise ValueError(f"unknown ground {self.ground!r}; known: {', '.join(GROUNDS)}")

    @classmethod
    def of(cls, *sent: Any) -> Wish:
        """Make sense of what was sent, in the order of the attributes."""
        *numbers, ground, moving = sent
        values = [float(number) for number in numbers]
        if len(values) != len(fields(cls)) - 2 or not all(map(math.isfinite, values)):
            raise ValueError(f"a picture needs {len(fields(cls)) - 2} numbers, got {sent!r}")
        width, height, ratio, azimuth, elevation, zoom, right, up = values
        width, height = (round(min(max(side, _LEAST), _MOST)) for side in (width, height))
        ratio = min(max(ratio, _COARSEST), _FINEST)
        zoom = min(max(zoom, 1 / _MOST_ZOOM), _MOST_ZOOM)
        return cls(width, height, ratio, azimuth, elevation, zoom, right, up, str(ground),
                   moving is True)  # fmt: skip

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.width, self.height


class Since:
    """The number of the first picture that shows what is there now."""

    def __init__(self) -> None:
        self._what: tuple[Any, ...] = ()
        self._first = 0

    def note(self, picture: int, *what: Any) -> None:
        """Hear of what the picture of this number shows."""
        if what != self._what:
            self._what, self._first = what, picture

    def holds(self, picture: Any) -> bool:
        """Whether a picture of this number shows it."""
        return float(picture) >= self._first


def place_camera(scene: Scene, wish: Wish) -> None:
    """Turn, magnify and move the camera as was wished, from where it was in the beginning."""
    scene.turn_back()
    renderer = scene.plotter.renderers[0]
    turn(renderer, wish.azimuth, wish.elevation)
    move(renderer, wish.right / wish.zoom, wish.up / wish.zoom, zoom=wish.zoom)


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
