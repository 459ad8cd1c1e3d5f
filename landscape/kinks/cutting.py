"""Cutting triangles along the zero sets of functions, one after another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.kinks.marching import Ints
from landscape.records.arrays import Floats
from landscape.records.grid import Grid

# A vertex nearer to a zero set than this share of an edge is on it.
_SNAP = 1e-7


@dataclass(slots=True)
class Triangles:
    """Triangles, and on which side of each function they lie.

    Attributes:
        points: [V, 2].
        faces: [T, 3].
        sides: 1 above zero, -1 below, 0 before the function has cut, [T, C].
    """

    points: Floats
    faces: Ints
    sides: NDArray[np.int8]

    @classmethod
    def of_grid(cls, grid: Grid, functions: int) -> Triangles:
        """Make two triangles of each cell; diagonals alternate, so that none is preferred."""
        index = np.arange(grid.size).reshape(grid.shape)
        a, b, c, d = (index[i : i + grid.shape[0] - 1, j : j + grid.shape[1] - 1].ravel()
                      for i, j in ((0, 0), (1, 0), (1, 1), (0, 1)))  # fmt: skip
        row, column = np.indices((grid.shape[0] - 1, grid.shape[1] - 1)).reshape(2, -1)
        even = (row + column) % 2 == 0
        first = np.where(even, (a, b, c), (a, b, d))
        second = np.where(even, (a, c, d), (b, c, d))
        faces = np.concatenate([first.T, second.T])
        sides = np.zeros((len(faces), functions), dtype=np.int8)
        return cls(grid.coordinates(np.arange(grid.size)), faces, sides)


def cut(
    mesh: Triangles,
    number: int,
    values: Floats,
    root: Callable[[Floats, Floats, Floats], Floats],
    inside: Callable[[Floats], Floats],
) -> tuple[Triangles, int]:
    """Cut along the zero set of one function.

    Args:
        mesh: what is cut.
        number: of the function.
        values: of it at the vertices, [V].
        root: from both ends of edges [E, 2] and the values there [E, 2] to the share at which the
            function is zero, [E].
        inside: the function at points [K, 2], asked where all corners of a triangle are on it.

    Returns:
        The finer mesh, and how many vertices were added at the end.
    """
    sign = _signs(values, mesh.faces)
    corners = sign[mesh.faces]
    mixed = (corners.max(axis=1) > 0) & (corners.min(axis=1) < 0)
    whole = mesh.faces[~mixed]
    kept_sides = mesh.sides[~mixed].copy()
    kept_sides[:, number] = _side(mesh.points, whole, corners[~mixed], inside)
    if not mixed.any():
        return Triangles(mesh.points, whole, kept_sides), 0
    edges, middle = _crossed(mesh.faces[mixed], sign)
    ends = mesh.points[edges]
    share = root(ends[:, 0], ends[:, 1], values[edges])
    added = ends[:, 0] + share[:, None] * (ends[:, 1] - ends[:, 0])
    points = np.concatenate([mesh.points, added])
    faces, parents, sides = _divided(mesh.faces[mixed], sign, middle, len(mesh.points), points)
    new_sides = mesh.sides[mixed][parents].copy()
    new_sides[:, number] = sides
    return Triangles(
        points, np.concatenate([whole, faces]), np.concatenate([kept_sides, new_sides])
    ), len(added)


def _signs(values: Floats, faces: Ints) -> Ints:
    """Return the sign at every vertex; 0 where the zero set passes it."""
    sign = np.sign(values).astype(np.int64)
    for i, j in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        near, far = values[faces[:, i]], values[faces[:, j]]
        close = (near * far < 0) & (np.abs(near) < _SNAP * np.abs(near - far))
        sign[faces[close, i]] = 0
    return sign


def _side(
    points: Floats, faces: Ints, corners: Ints, inside: Callable[[Floats], Floats]
) -> NDArray[np.int8]:
    side = np.sign(corners.sum(axis=1))
    lost = np.flatnonzero(side == 0)
    if len(lost):
        side[lost] = np.where(inside(points[faces[lost]].mean(axis=1)) > 0, 1, -1)
    return np.asarray(side, dtype=np.int8)


def _crossed(faces: Ints, sign: Ints) -> tuple[Ints, Ints]:
    """Return the distinct edges that are cut, [E, 2], and which one each side is, -1 for none."""
    sides = np.sort(np.stack([faces, np.roll(faces, -1, axis=1)], axis=2), axis=2)
    crossed = sign[sides[..., 0]] * sign[sides[..., 1]] < 0
    edges, which = np.unique(sides[crossed], axis=0, return_inverse=True)
    middle = np.full(faces.shape, -1, dtype=np.int64)
    middle[crossed] = which.reshape(-1)
    return edges, middle


def _divided(
    faces: Ints, sign: Ints, middle: Ints, first: int, points: Floats
) -> tuple[Ints, Ints, Ints]:
    """Return the parts of cut triangles, which triangle each was, and its side."""
    signs = sign[faces]
    rows = np.arange(len(faces))
    through = (signs == 0).any(axis=1)
    # Turn each so that its vertex on the zero set, or the one alone on its side, comes first.
    lone = np.where(through, np.argmax(signs == 0, axis=1),
                    np.argmax(signs == -np.sign(signs.sum(axis=1))[:, None], axis=1))  # fmt: skip
    turn = (lone[:, None] + np.arange(3)) % 3
    p, q, r = np.take_along_axis(faces, turn, axis=1).T
    m = np.where(middle < 0, 0, middle + first)
    pq, qr, rp = np.take_along_axis(m, turn, axis=1).T
    parts = []
    if through.any():
        t = through
        parts += [(rows[t], (p[t], q[t], qr[t]), sign[q[t]]),
                  (rows[t], (p[t], qr[t], r[t]), sign[r[t]])]  # fmt: skip
    if not through.all():
        rest = ~through
        p, q, r, pq, rp = (v[rest] for v in (p, q, r, pq, rp))
        # The shorter diagonal of the four-sided part.
        short = _apart(points, pq, r) <= _apart(points, q, rp)
        parts += [(rows[rest], (p, pq, rp), sign[p])]
        parts += [(rows[rest], (pq, q, np.where(short, r, rp)), sign[q]),
                  (rows[rest], (np.where(short, pq, q), r, rp), sign[q])]  # fmt: skip
    return (
        np.concatenate([np.stack(corner, axis=1) for _, corner, _ in parts]),
        np.concatenate([owner for owner, _, _ in parts]),
        np.concatenate([side for _, _, side in parts]),
    )


def _apart(points: Floats, starts: Ints, ends: Ints) -> Floats:
    return np.asarray(np.linalg.norm(points[starts] - points[ends], axis=1))
