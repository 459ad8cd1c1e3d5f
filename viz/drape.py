"""Lines laid on a surface: cut where its triangles end, so that they lie on them exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.surface import Surface
from viz.frame import Frame
from viz.height import surface_heights
from viz.mesh import alike_diagonals

Floats = NDArray[np.float64]


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
    points = np.stack([frame.x(ends[..., 0]), frame.y(ends[..., 1]), frame.z(z)], axis=-1)
    usable = np.isfinite(sum(corner)).ravel()
    return points[usable].reshape(-1, 3)


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
