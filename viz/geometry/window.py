"""The window of coordinates that is shown, and which records of a path are drawn in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.results import Projection
from landscape.records.surface import Surface

Mask = NDArray[np.bool_]
# A path of which less than this share lies in the plane is not drawn: its shadow would mislead.
LEAST_CAPTURED = 0.05


@dataclass(frozen=True, slots=True)
class Window:
    """Ends of the axes.

    Attributes:
        alpha: first and last alpha.
        beta: first and last beta.
    """

    alpha: tuple[float, float]
    beta: tuple[float, float]

    @classmethod
    def around(cls, surfaces: Sequence[Surface]) -> Window:
        """Make the window that holds all surfaces.

        Raises:
            ValueError: for a surface without two axes.
        """
        for surface in surfaces:
            if len(surface.grid.shape) != 2:
                raise ValueError(
                    f"a surface must have 2 axes to be drawn, got {len(surface.grid.shape)}"
                )
        return cls(
            (min(s.alphas[0] for s in surfaces), max(s.alphas[-1] for s in surfaces)),
            (min(s.betas[0] for s in surfaces), max(s.betas[-1] for s in surfaces)),
        )

    def inside(self, coordinates: Floats) -> Mask:
        """Return which coordinates [T, 2] lie in the window."""
        low, high = np.array([self.alpha, self.beta]).T
        room = 1e-9 * (high - low)
        within = (coordinates >= low - room) & (coordinates <= high + room)
        return np.asarray(np.all(within, axis=1))


def ends_of(grid: Grid) -> tuple[tuple[float, float], ...]:
    """Return the first and last coordinate along each axis of a grid."""
    return tuple((float(axis[0]), float(axis[-1])) for axis in grid.axes)


def visible(path: Projection) -> bool:
    """Return whether a path lies in the plane enough to be drawn."""
    return path.captured >= LEAST_CAPTURED


def lost_outside(path: Projection, window: Window) -> bool:
    """Return whether a path that lies in the plane is not drawn, as no record is in the window."""
    return visible(path) and not window.inside(path.coordinates).any()


def is_drawn(path: Projection, window: Window) -> bool:
    """Return whether more of a path is drawn than the mark at its end."""
    return visible(path) and not lost_outside(path, window)


def drawn_records(path: Projection, window: Window) -> Mask:
    """Return which records of a path are drawn, [T]: those inside, or else the solution alone."""
    inside = window.inside(path.coordinates)
    if not visible(path):
        inside[:-1] = False
    return inside
