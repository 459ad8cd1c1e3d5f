"""Placing points of parameter space on a plane, by least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.plane import Plane

_ENTRIES = 1 << 24


def project(thetas: NDArray[np.floating], plane: Plane) -> tuple[Floats, Floats, Floats]:
    """Find the nearest point of the plane for each parameter vector.

    With D = (d_alpha, d_beta) the coordinates solve the normal equations
    ``D D' (alpha, beta)' = D (theta - origin)``. The Gram matrix D D' makes them right for
    directions of any length and angle.

    Args:
        thetas: parameter vectors, [T, P].
        plane: the plane.

    Returns:
        Coordinates [T, axes] in multiples of the directions, distances from the plane [T], and
        distances from the origin [T], both Euclidean.

    Raises:
        ValueError: if the vectors do not have the plane's length.
    """
    thetas = np.asarray(thetas)
    if thetas.ndim != 2 or thetas.shape[1] != len(plane.origin):
        raise ValueError(
            f"thetas must have shape (T, P) = (T, {len(plane.origin)}), got {thetas.shape}"
        )
    directions = plane.directions
    # The lengths of the two directions may differ by orders of magnitude; unit ones condition well.
    lengths = np.linalg.norm(directions, axis=1)
    units = directions / lengths[:, None]
    gram = units @ units.T
    along = np.empty((len(thetas), len(units)))
    off_plane, distances = np.empty(len(thetas)), np.empty(len(thetas))
    # Some rows at a time: the vectors of a long recording lie in a file, larger than memory.
    rows = max(_ENTRIES // thetas.shape[1], 1)
    for start in range(0, len(thetas), rows):
        part = slice(start, start + rows)
        displacement = thetas[part].astype(np.float64) - plane.origin
        along[part] = np.linalg.solve(gram, units @ displacement.T).T
        off_plane[part] = np.linalg.norm(displacement - along[part] @ units, axis=1)
        distances[part] = np.linalg.norm(displacement, axis=1)
    return along / lengths, off_plane, distances
