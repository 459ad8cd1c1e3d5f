"""Where points of a 3D picture lie on paper: parallel projection, in inches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.records.arrays import Floats

from ..style import Style
from .camera import axes_of_view, look_at
from .frame import Frame


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A rectangle of paper through which a frame is seen.

    Attributes:
        right: unit vector of the picture that points to the right on paper, [3].
        up: unit vector that points upwards, [3].
        towards: unit vector that points to the viewer, [3].
        corner: what of (right, up) lies at the lower left corner, in units of the picture.
        width: in inches.
        height: in inches.
        scale: inches per unit of the picture.
    """

    right: Floats
    up: Floats
    towards: Floats
    corner: tuple[float, float]
    width: float
    height: float
    scale: float

    @classmethod
    def of(cls, frame: Frame, style: Style, *, width: float, room: float) -> View:
        """Make the view in which a frame's box fills the width.

        Args:
            frame: what is drawn.
            style: its camera.
            width: in inches; the height follows.
            room: left free at all sides, in inches, for marks at the rim.

        Raises:
            ValueError: if the room leaves no width.
        """
        if not width > 2 * room > 0:
            raise ValueError(f"a view needs width > 2 room > 0, got {width} and {room} inches")
        right, up, towards = axes_of_view(style)
        box = frame.box()
        across, upwards = box @ right, box @ up
        scale = (width - 2 * room) / float(np.ptp(across))
        corner = (float(across.min()) - room / scale, float(upwards.min()) - room / scale)
        return cls(right, up, towards, corner, width,
                   float(np.ptp(upwards)) * scale + 2 * room, scale)  # fmt: skip

    @property
    def line_share(self) -> float:
        """By how much marks and isolines are smaller in a small view."""
        return min(max(self.width / 1.7, 0.6), 1.0)

    def on_paper(self, points: Floats) -> Floats:
        """Return where points [n, 3] lie, [n, 2] in inches from the lower left corner."""
        places = np.asarray(points, dtype=np.float64)
        both = np.stack([places @ self.right, places @ self.up], axis=-1)
        return np.asarray((both - np.array(self.corner)) * self.scale)

    def aim(self, renderer: Any, lower: Floats, size: Floats) -> None:
        """Point a renderer's camera at a part of the paper.

        Args:
            renderer: a pyvista renderer.
            lower: lower left corner of the part in inches, [2].
            size: width and height of the part in inches, [2].
        """
        middle = np.array(self.corner) + (np.asarray(lower) + np.asarray(size) / 2) / self.scale
        focus = middle[0] * self.right + middle[1] * self.up
        look_at(renderer, focus, self.towards, self.up, height=float(size[1] / self.scale))
