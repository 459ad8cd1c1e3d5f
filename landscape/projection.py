"""Placing points of parameter space on a plane, by least squares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from landscape.arrays import Floats
from landscape.plane import Plane


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
    displacement = thetas.astype(np.float64) - plane.origin
    along = np.linalg.solve(gram, units @ displacement.T).T
    outside = displacement - along @ units
    return (
        along / lengths,
        np.asarray(np.linalg.norm(outside, axis=1)),
        np.asarray(np.linalg.norm(displacement, axis=1)),
    )
