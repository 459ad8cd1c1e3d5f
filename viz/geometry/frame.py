"""From (alpha, beta, loss) to the box that is drawn, the same for all panels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.surface import Surface

from ..style import Style
from .height import HeightScale
from .window import Window


@dataclass(frozen=True, slots=True)
class Frame:
    """The window of coordinates, the height scale, and where they are drawn.

    The longer side of the window is 2 units long; alpha and beta have one scale, so that angles in
    the plane are true. The floor lies below the surface.

    Attributes:
        window: the coordinates shown.
        scale: from losses to heights.
        unit: units of the picture per unit of alpha and beta.
        rise: units of the picture per unit of height.
        floor: height of the floor in the picture.
    """

    window: Window
    scale: HeightScale
    unit: float
    rise: float
    floor: float = -0.42

    @classmethod
    def around(cls, surfaces: Sequence[Surface], scale: HeightScale, style: Style) -> Frame:
        """Make the frame that holds all surfaces.

        Raises:
            ValueError: for a surface without two axes.
        """
        return cls.over(Window.around(surfaces), scale, style)

    @classmethod
    def over(cls, window: Window, scale: HeightScale, style: Style) -> Frame:
        """Make the frame of a window."""
        unit = 2.0 / max(float(np.ptp(ends)) for ends in (window.alpha, window.beta))
        rise = float(2.0 * style.height / (scale.high - scale.low))
        return cls(window, scale, unit, rise, -0.26 if style.material == "clay" else -0.42)

    @property
    def alpha(self) -> tuple[float, float]:
        """First and last alpha."""
        return self.window.alpha

    @property
    def beta(self) -> tuple[float, float]:
        """First and last beta."""
        return self.window.beta

    def x(self, alpha: Floats | float) -> Floats:
        """Return where ``alpha`` is drawn, the middle of the window at 0."""
        return (np.asarray(alpha) - sum(self.alpha) / 2) * self.unit

    def y(self, beta: Floats | float) -> Floats:
        """Return where ``beta`` is drawn, the middle of the window at 0."""
        return (np.asarray(beta) - sum(self.beta) / 2) * self.unit

    def z(self, height: Floats | float) -> Floats:
        """Return where ``height`` is drawn, the lowest at 0."""
        return (np.asarray(height) - self.scale.low) * self.rise

    def points(self, coordinates: Floats, losses: Floats) -> Floats:
        """Return where points of a path are drawn, [T, 3], from coordinates [T, 2] and losses."""
        z = self.z(self.scale.of_losses(losses))
        return np.stack([self.x(coordinates[:, 0]), self.y(coordinates[:, 1]), z], axis=1)

    def box(self) -> Floats:
        """Return the corners of what is drawn, [8, 3]."""
        return np.array(
            [
                (x, y, z)
                for x in map(float, (self.x(self.alpha[0]), self.x(self.alpha[1])))
                for y in map(float, (self.y(self.beta[0]), self.y(self.beta[1])))
                for z in (self.floor, float(self.z(self.scale.high)))
            ]
        )
