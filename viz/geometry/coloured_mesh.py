"""Putting the values that a surface is coloured by onto its mesh: by points, cells or classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.surface import Surface

from .frame import Frame

Floats = NDArray[np.float64]


def coloured(mesh: Any, surface: Surface, values: Floats, frame: Frame, *, classes: bool) -> Any:
    """Return a mesh with the data ``colours``.

    Args:
        mesh: of the surface.
        surface: two-dimensional.
        values: of points, [A, B], blended between them; or of cells, [A - 1, B - 1], constant in
            each. Vertices between grid points get the value of the nearest.
        frame: where the mesh is drawn.
        classes: whether the values are classes: every place has that of its nearest corner.
    """
    if values.shape != surface.grid.shape:
        cells = _places(mesh.cell_centers().points, surface, frame, nearest=False)
        mesh.cell_data["colours"] = values[cells]
        return mesh
    at = _places(np.asarray(mesh.points), surface, frame, nearest=True)
    if classes:
        return _by_corners(mesh, values[at])
    mesh.point_data["colours"] = values[at]
    return mesh


def _places(
    points: Floats, surface: Surface, frame: Frame, *, nearest: bool
) -> tuple[NDArray[np.int64], ...]:
    """Return the grid points nearest to points of the picture, or the cells that hold them."""
    lines = (frame.x(surface.alphas), frame.y(surface.betas))
    found = []
    for axis, here in zip(lines, points.T, strict=False):
        edges = (axis[1:] + axis[:-1]) / 2 if nearest else axis[1:-1]
        found.append(np.searchsorted(edges, here))
    return tuple(found)


def _by_corners(mesh: Any, values: Floats) -> Any:
    """Cut each triangle into six, two for each corner, which give its value to them."""
    import pyvista

    corners = np.asarray(mesh.regular_faces)
    a, b, c = corners.T
    count = len(corners)
    # Rows: corners, middles of the edges (ab, bc, ca), middle of the triangle.
    shares = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5],
                       [0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]])  # fmt: skip
    small = np.array([[0, 3, 6], [0, 6, 5], [1, 4, 6], [1, 6, 3], [2, 5, 6], [2, 6, 4]])

    def blended(data: Floats) -> Floats:
        return np.concatenate([r[0] * data[a] + r[1] * data[b] + r[2] * data[c] for r in shares])

    faces = (np.arange(count)[:, None, None] + small[None] * count).reshape(-1, 3)
    cut = pyvista.PolyData.from_regular_faces(
        blended(np.asarray(mesh.points, dtype=np.float64)), faces
    )
    for name in ("losses", "heights"):
        cut.point_data[name] = blended(np.asarray(mesh.point_data[name]))
    cut.cell_data["colours"] = np.repeat(values[corners], 2, axis=1).ravel()
    return cut
