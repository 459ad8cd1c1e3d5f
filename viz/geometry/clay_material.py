"""Clay: an ivory surface in raking light, on walls in the colour of its network."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from landscape.records.arrays import Floats

from ..style import CLAY
from .hatching import draw_behind

# Azimuth and elevation in degrees, colour and intensity of the two lights. They stand still when
# the camera turns.
KEY = (35.0, 25.0, "#fff1d8", 0.90)
FILL = (205.0, 55.0, "#b9ccff", 0.33)
TOP: Mapping[str, Any] = MappingProxyType(
    {"color": CLAY, "ambient": 0.2, "diffuse": 0.92, "specular": 0.12, "specular_power": 20}
)
WALL: Mapping[str, Any] = MappingProxyType({"ambient": 0.5, "diffuse": 0.6, "specular": 0.0})


def direction(azimuth: float, elevation: float) -> Floats:
    """Return the unit vector towards a light or a camera, from angles in degrees."""
    a, e = np.radians([azimuth, elevation])
    return np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])


def light_clay(plotter: Any) -> None:
    """Shine the key light and the fill in the plotter's active renderer only."""
    import pyvista

    plotter.renderer.remove_all_lights()
    for azimuth, elevation, colour, intensity in (KEY, FILL):
        lamp = pyvista.Light(position=tuple(10 * direction(azimuth, elevation)),
                             focal_point=(0, 0, 0), color=colour, intensity=intensity)  # fmt: skip
        lamp.positional = False
        plotter.add_light(lamp, only_active=True)


def draw_walls(plotter: Any, mesh: Any, floor: float, colour: str) -> None:
    """Draw walls from the rims of a mesh, and of its holes, down to the floor.

    Args:
        plotter: whose active renderer is drawn into.
        mesh: of the surface; every rim is an edge of one triangle alone.
        floor: height of the floor in the picture.
        colour: of the walls.
    """
    import pyvista

    rims = mesh.extract_feature_edges(boundary_edges=True, non_manifold_edges=False,
                                      feature_edges=False, manifold_edges=False)  # fmt: skip
    if not rims.n_lines:
        return
    points = np.asarray(rims.points, dtype=np.float64)
    first, last = np.asarray(rims.lines).reshape(-1, 3)[:, 1:].T
    below = points * [1, 1, 0] + [0, 0, floor]
    faces = np.stack([first, last, len(points) + last, len(points) + first], axis=1)
    walls = pyvista.PolyData.from_regular_faces(np.concatenate([points, below]), faces)
    # Behind the surface, at whose rim they end, whatever the angle.
    draw_behind(plotter.add_mesh(walls, color=colour, name="walls", **WALL), 3.0)
