"""Points of known loss between those of the grid, as vertices of the mesh.

The depth of a sharp minimum on a log axis depends on the grid: between its points the surface is
only as deep as they are. So the mesh passes through the ends of the paths.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.results import Projection
from landscape.records.surface import Surface

from .height import HeightScale, surface_heights
from .window import Window

# In shares of a cell: nearer points are the grid's own.
_SAME = 1e-6


def known_points(surface: Surface, paths: Sequence[Projection]) -> Floats:
    """Return (alpha, beta, loss in the plane) of the ends of paths in the window, [K, 3]."""
    window = Window.around([surface])
    ends = [
        (*path.coordinates[-1], path.plane_losses[-1])
        for path in paths
        if len(path.steps) and window.inside(path.coordinates)[-1]
    ]
    points = np.array(ends, dtype=np.float64).reshape(-1, 3)
    return points[np.isfinite(points).all(axis=1)]


def added_points(surface: Surface, known: Floats, scale: HeightScale) -> Floats:
    """Return those of the known points that become vertices of their own, [k, 3].

    Not those at a grid point, in a cell that is cut out, or without a height.
    """
    height = surface_heights(surface, scale.kind)
    chosen = []
    for point in known[np.isfinite(scale.of_losses(known[:, 2]))]:
        cell, share = _cell(surface, point)
        corners = height[cell[0] : cell[0] + 2, cell[1] : cell[1] + 2]
        at_corner = np.all(np.abs(share - np.round(share)) < _SAME)
        if np.isfinite(corners).all() and not at_corner:
            chosen.append(point)
    return np.array(chosen).reshape(-1, 3)


def insert(
    points: Floats, faces: NDArray[np.int64], added: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """Put points into a mesh: each becomes the tip of the triangles around it.

    Args:
        points: of the mesh, [n, 3].
        faces: its triangles, [m, 3].
        added: within them as seen from above, [k, 3].

    Returns:
        Points [n + k, 3] and triangles of the new mesh.
    """
    for point in added:
        shares = _barycentric(points[:, :2][faces], point[:2])
        hole = np.all(shares >= -_SAME, axis=1)
        edges = {(int(f[i]), int(f[(i + 1) % 3])) for f in faces[hole] for i in range(3)}
        rim = sorted(edge for edge in edges if edge[::-1] not in edges)
        fan = [(a, b, len(points)) for a, b in rim if _area(points[a], points[b], point) > 0]
        faces = np.concatenate([faces[~hole], np.array(fan, dtype=np.int64).reshape(-1, 3)])
        points = np.concatenate([points, point[None]])
    return points, faces


def _cell(surface: Surface, point: Floats) -> tuple[tuple[int, int], Floats]:
    """Return the cell that holds a point, and where in it, in shares of its sides."""
    cell, share = [], []
    for axis, value in zip(surface.grid.axes, point[:2], strict=True):
        k = int(np.clip(np.searchsorted(axis, value, side="right") - 1, 0, len(axis) - 2))
        cell.append(k)
        share.append((value - axis[k]) / (axis[k + 1] - axis[k]))
    return (cell[0], cell[1]), np.array(share)


def _barycentric(corners: Floats, point: Floats) -> Floats:
    """Return the shares of three corners [m, 3, 2] in a point [2], [m, 3]."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    away = point - corners[:, 0]
    area = first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0]
    u = (away[:, 0] * second[:, 1] - away[:, 1] * second[:, 0]) / area
    v = (first[:, 0] * away[:, 1] - first[:, 1] * away[:, 0]) / area
    return np.stack([1 - u - v, u, v], axis=1)


def _area(a: Floats, b: Floats, c: Floats) -> float:
    """Return the area of a triangle seen from above, 0 where its corners nearly lie in a line."""
    first, second = b[:2] - a[:2], c[:2] - a[:2]
    area = abs(float(first[0] * second[1] - first[1] * second[0])) / 2
    return area if area > _SAME * float(first @ first) else 0.0
