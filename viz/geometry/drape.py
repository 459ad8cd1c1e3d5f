"""Lines laid on a surface: cut where its triangles end, so that they lie on them exactly.

Among them are paths whose losses nobody recorded: they have no height of their own.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.results import Projection
from landscape.records.surface import Surface

from .frame import Frame
from .height import Kind, surface_heights
from .mesh import alike_diagonals
from .window import Window


def drape(segments: Floats, surface: Surface, frame: Frame) -> Floats:
    """Return segments in the picture, on the triangles of a surface's mesh.

    Args:
        segments: (alpha, beta) of both ends, [S, 4].
        surface: two-dimensional.
        frame: where it is drawn.

    Returns:
        Ends of the pieces, [2 n, 3]; pieces over cells that are cut out are left out.
    """
    height = surface_heights(surface, frame.scale.kind)
    ends = np.asarray(segments, dtype=np.float64).reshape(-1, 2, 2)
    for axis, lines in enumerate(surface.grid.axes):
        for line in lines[1:-1]:
            ends = _split(ends, ends[..., axis] - line)
    row, column, u, v = _within(ends, surface)
    along = alike_diagonals(height)[row, column]
    ends = _split(ends, np.where(along[:, None], u - v, u + v - 1))
    row, column, u, v = _within(ends, surface)
    along = alike_diagonals(height)[row, column][:, None]
    corner = [height[row + i, column + j][:, None] for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    z = _in_triangle(corner, u, v, along)
    # Over what is cut off a clipped surface, lines lie on its flat top.
    z = np.minimum(z, frame.scale.high) if frame.scale.clipped else z
    points = np.stack([frame.x(ends[..., 0]), frame.y(ends[..., 1]), frame.z(z)], axis=-1)
    usable = np.isfinite(sum(corner)).ravel()
    return points[usable].reshape(-1, 3)


def heights_at(coordinates: Floats, surface: Surface, kind: Kind) -> Floats:
    """Return the heights of points on the triangles of a surface's mesh, [K].

    Args:
        coordinates: alpha and beta of each, [K, 2].
        surface: two-dimensional.
        kind: of the heights; they are what is interpolated, not the losses.

    Returns:
        Heights, NaN outside the window and in cells that are cut out.
    """
    height = surface_heights(surface, kind)
    places = np.asarray(coordinates, dtype=np.float64).reshape(-1, 2)
    ends = np.repeat(places[:, None], 2, axis=1)
    row, column, u, v = _within(ends, surface)
    along = alike_diagonals(height)[row, column][:, None]
    corner = [height[row + i, column + j][:, None] for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
    heights = _in_triangle(corner, u, v, along)[:, 0]
    usable = np.isfinite(np.sum(corner, axis=0)[:, 0]) & Window.around([surface]).inside(places)
    return np.where(usable, heights, np.nan)


def lossless(path: Projection) -> bool:
    """Return whether none of a path's losses is known, as of one that another program wrote."""
    return bool(len(path.losses)) and not np.isfinite(path.losses).any()


def losses_on(path: Projection, surface: Surface, kind: Kind) -> Floats:
    """Return the losses of a path, [T]; of one without any those of the surface there."""
    if not lossless(path):
        return path.losses
    heights = heights_at(path.coordinates, surface, kind)
    return np.asarray(10.0**heights if kind == "log" else heights)


def laid(path: Projection, surface: Surface, kind: Kind) -> Projection:
    """Return a path without losses as it lies on a surface; any other as it is.

    Points are added where the path passes from a triangle of the mesh to the next; they have the
    step of the record before them, so that marks of steps stay at the records, and no distances, so
    that the share in the plane stays that of the records.
    """
    if not lossless(path):
        return path
    count = len(path.steps)
    records = np.column_stack([path.coordinates, np.arange(count)])
    ends = np.stack([records[:-1], records[1:]], axis=1)
    for axis, lines in enumerate(surface.grid.axes):
        for line in lines:
            ends = _split(ends, ends[..., axis] - line)
    row, column, u, v = _within(ends, surface)
    along = alike_diagonals(surface_heights(surface, kind))[row, column]
    ends = _split(ends, np.where(along[:, None], u - v, u + v - 1))
    points = np.concatenate([records, ends.reshape(-1, 3)])
    points = points[np.unique(points[:, 2], return_index=True)[1]]
    unknown = np.full(len(points), np.nan)
    before = np.floor(points[:, 2]).astype(np.int64)
    recorded = points[:, 2] == before
    denser = replace(
        path,
        steps=path.steps[before],
        coordinates=points[:, :2],
        losses=unknown,
        off_plane_distances=np.where(recorded, path.off_plane_distances[before], np.nan),
        distances=np.where(recorded, path.distances[before], np.nan),
        plane_losses=unknown,
    )
    return replace(denser, losses=losses_on(denser, surface, kind))


def _split(ends: Floats, side: Floats) -> Floats:
    """Cut segments [S, 2, 2] where a linear function, given at their ends [S, 2], is zero."""
    through = side[:, 0] * side[:, 1] < 0
    cut, at = ends[through], side[through]
    middle = cut[:, 0] + (at[:, 0] / (at[:, 0] - at[:, 1]))[:, None] * (cut[:, 1] - cut[:, 0])
    halves = [np.stack([cut[:, 0], middle], axis=1), np.stack([middle, cut[:, 1]], axis=1)]
    return np.concatenate([ends[~through], *halves])


def _within(
    ends: Floats, surface: Surface
) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, Floats]:
    """Return the cell of each segment [S], and its ends in shares of the cell [S, 2]."""
    cells, shares = [], []
    for axis, lines in enumerate(surface.grid.axes):
        middle = ends[..., axis].mean(axis=1)
        cell = np.clip(np.searchsorted(lines, middle) - 1, 0, len(lines) - 2)
        step = lines[cell + 1] - lines[cell]
        cells.append(cell)
        shares.append((ends[..., axis] - lines[cell][:, None]) / step[:, None])
    return cells[0], cells[1], shares[0], shares[1]


def _in_triangle(corner: list[Floats], u: Floats, v: Floats, along: NDArray[np.bool_]) -> Floats:
    """Interpolate in the triangle that holds the middle of each segment."""
    h00, h10, h11, h01 = corner
    middle_u, middle_v = u.mean(axis=1, keepdims=True), v.mean(axis=1, keepdims=True)
    below = h00 + u * (h10 - h00) + v * (h11 - h10)
    above = h00 + v * (h01 - h00) + u * (h11 - h01)
    near = h00 + u * (h10 - h00) + v * (h01 - h00)
    far = h11 + (1 - u) * (h01 - h11) + (1 - v) * (h10 - h11)
    return np.where(
        along,
        np.where(middle_u >= middle_v, below, above),
        np.where(middle_u + middle_v <= 1, near, far),
    )
