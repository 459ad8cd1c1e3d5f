"""A smaller window of a surface cut along its kinks: triangles are clipped, sides stay apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.kink_cut_surface import KinkCutSurface

Corners = NDArray[np.int64]


def cropped(surface: KinkCutSurface, width: float) -> KinkCutSurface:
    """Return the part of a surface in a square window around its middle.

    Losses and gradients at its rim are interpolated linearly within each triangle.

    Args:
        surface: what is cropped.
        width: full width of the window; a wider one leaves the surface as it is.
    """
    ends = np.array(surface.window)
    if width >= float(np.ptp(ends, axis=1).max()) * (1 - 1e-9):
        return surface
    middle = ends.mean(axis=1)
    # Columns: alpha, beta, loss, and the two gradients.
    values = np.column_stack([surface.coordinates, surface.losses, surface.gradients])
    triangles = np.asarray(surface.triangles)
    for axis in (0, 1):
        for sign in (-1.0, 1.0):
            values, triangles = _clip(values, triangles, axis, sign, middle[axis], width / 2)
    used, again = np.unique(triangles, return_inverse=True)
    values = values[used]
    return replace(
        surface, coordinates=values[:, :2], losses=values[:, 2], gradients=values[:, 3:],
        triangles=again.reshape(-1, 3),
    )  # fmt: skip


def _clip(
    values: Floats, triangles: Corners, axis: int, sign: float, middle: float, half: float
) -> tuple[Floats, Corners]:
    """Keep what lies on one side of a line parallel to an axis."""
    room = half - sign * (values[:, axis] - middle)
    inside = room[triangles] >= 0
    count = inside.sum(axis=1)
    parts = [triangles[count == 3]]
    for inner in (1, 2):
        mixed = triangles[count == inner]
        if not len(mixed):
            continue
        # The corner that is alone on its side comes first.
        alone = np.argmax(inside[count == inner] == (inner == 1), axis=1)
        turn = (alone[:, None] + np.arange(3)) % 3
        p, q, r = np.take_along_axis(mixed, turn, axis=1).T
        ends = []
        for other in (q, r):
            share = (room[p] / (room[p] - room[other]))[:, None]
            crossing = (1 - share) * values[p] + share * values[other]
            crossing[:, axis] = middle + sign * half
            ends.append(len(values) + np.arange(len(p)))
            values = np.concatenate([values, crossing])
            room = np.concatenate([room, np.zeros(len(p))])
        pq, rp = ends
        if inner == 1:
            parts.append(np.stack([p, pq, rp], axis=1))
        else:
            parts += [np.stack([pq, q, r], axis=1), np.stack([pq, r, rp], axis=1)]
    return values, np.concatenate(parts)
