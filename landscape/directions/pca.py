"""The plane in which a trajectory moves most."""

from __future__ import annotations

import numpy as np

from landscape.arrays import Floats
from landscape.plane import Plane
from landscape.trajectory import Trajectory


def pca_plane(trajectory: Trajectory) -> Plane:
    """Make the plane through the solution along the two first principal components of the path.

    The rows theta_t - theta_end are centred by their mean, as in Li et al. (2018), section 7; the
    plane passes through theta_end, not through the mean. The directions have unit length, so that
    coordinates are distances in parameter space, and point from the start to the solution: the
    start has alpha <= 0, and beta <= 0.

    A random walk, too, has most of its variance in two components (Antognini & Sohl-Dickstein
    2018): a high share alone says little.

    Args:
        trajectory: at least three records.

    Raises:
        ValueError: for fewer than three records, or a path without two dimensions.

    Returns:
        The plane, with ``explained_variance`` (shares of the two components) in its settings.
    """
    if len(trajectory.thetas) < 3:
        raise ValueError(
            f"a PCA plane needs at least 3 recorded points, got {len(trajectory.thetas)}; "
            "train for more steps or record more often"
        )
    solution = trajectory.solution
    rows = trajectory.thetas.astype(np.float64) - solution
    if not np.all(np.isfinite(rows)):
        raise ValueError("the trajectory holds NaN or infinity; it has no PCA plane")
    components, shares = _principal(rows - rows.mean(axis=0))
    start = rows[0] @ components.T
    components = components * np.where(start > 0, -1.0, 1.0)[:, None]
    return Plane(
        solution,
        components[0],
        components[1],
        trajectory.layout,
        "pca",
        {"explained_variance": [float(s) for s in shares], "records": len(rows)},
    )


def _principal(rows: Floats) -> tuple[Floats, Floats]:
    """First two principal directions [2, P] of centred rows [T, P], and their shares [2]."""
    _, singular, right = np.linalg.svd(rows, full_matrices=False)
    if singular[1] <= 1e-12 * singular[0]:
        raise ValueError("the path is a straight line: it has no second principal component")
    return right[:2], singular[:2] ** 2 / np.sum(singular**2)
