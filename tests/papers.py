"""Surfaces of figures for papers, and their projection by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from making import make_path, make_surface

from landscape import Grid, Projection, Surface
from landscape.viz import HeightScale
from landscape.viz.geometry.frame import Frame
from landscape.viz.geometry.viewport import View
from landscape.viz.paper.hybrid import FIGURE_STYLE

QUICK = replace(FIGURE_STYLE, anti_aliasing=False, elevation=40.0)


def bowl_and_roof() -> list[Surface]:
    """A bowl and a roof with a crease, over a window longer than wide."""
    grid = Grid.rectangle((31, 21), (-1.5, 1.5), (-1.0, 1.0))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    return [make_surface(0.01 + a**2 + b**2, grid), make_surface(0.05 + 3 * np.abs(a + b), grid)]


def descent() -> Projection:
    t = np.linspace(0.0, 1.0, 25)
    coordinates = np.stack([-1.2 + 1.2 * t, 0.5 * np.sin(3 * t) * (1 - t)], axis=1)
    return make_path(coordinates, 0.02 + (coordinates**2).sum(axis=1))


def framed(surfaces: list[Surface]) -> Frame:
    return Frame.around(surfaces, HeightScale.of(surfaces), QUICK)


def by_hand(points: np.ndarray, view: View, frame: Frame) -> np.ndarray:
    """Project with plain trigonometry: turn by the azimuth, then tilt by the elevation."""
    azimuth, elevation = np.radians([QUICK.azimuth, QUICK.elevation])

    def turned(p: np.ndarray) -> np.ndarray:
        across = -p[:, 0] * np.sin(azimuth) + p[:, 1] * np.cos(azimuth)
        away = -(p[:, 0] * np.cos(azimuth) + p[:, 1] * np.sin(azimuth))
        return np.stack([across, away * np.sin(elevation) + p[:, 2] * np.cos(elevation)], axis=1)

    box = turned(frame.box())
    room = (view.width - np.ptp(box[:, 0]) * view.scale) / 2
    return (turned(points) - box.min(axis=0)) * view.scale + room
