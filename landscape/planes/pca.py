"""The plane in which a trajectory moves most."""

from __future__ import annotations

import numpy as np

from landscape.planes.principal import principal
from landscape.planes.random_walk import random_walk_variance
from landscape.records.choices import check_known
from landscape.records.plane import LENGTHS, Length, Plane
from landscape.records.trajectory import Trajectory

MEMORY = 1024


class StraightPathError(ValueError):
    """A path that moves in one direction only, or not at all: it has no plane of its own."""


def pca_plane(trajectory: Trajectory, *, length: Length = "unit", memory: int = MEMORY) -> Plane:
    """Make the plane through the solution along the two first principal components of the path.

    The rows theta_t - theta_end are centred by their mean, as in Li et al. (2018), section 7; the
    plane passes through theta_end, not through the mean. The directions point from the start to the
    solution: the start has alpha <= 0, and beta <= 0.

    A random walk, too, has most of its variance in two components (Antognini & Sohl-Dickstein
    2018): a high share alone says little. The shares of a walk with as many records, as long steps
    and as many dimensions stand beside those of the path.

    Args:
        trajectory: at least three records.
        length: ``unit`` directions make coordinates distances in parameter space;
            ``displacement`` makes both directions as long as the way from start to solution, so
            that paths of different lengths can be compared in one window.
        memory: mebibytes for the displacements of a path and for work space; a longer path, which
            may lie in a file, is gone through some parameters at a time.

    Raises:
        ValueError: for an unknown length, less than 1 MiB, or fewer than three records.
        StraightPathError: a ValueError for a path that is a straight line.

    Returns:
        The plane, with ``explained_variance`` (shares of the two components),
        ``random_walk_variance`` (the same of a matched random walk, see
        :func:`random_walk_variance`) and ``direction_length`` in its settings.
    """
    check_known("length", length, LENGTHS)
    if memory < 1:
        raise ValueError(f"memory must be >= 1 MiB, got {memory}")
    if len(trajectory.thetas) < 3:
        raise ValueError(
            f"a PCA plane needs at least 3 recorded points, got {len(trajectory.thetas)}; "
            "train for more steps or record more often"
        )
    solution = trajectory.solution
    components_of_path = principal(trajectory.thetas, solution, memory=memory << 20)
    if components_of_path.singular[1] <= 1e-12 * components_of_path.singular[0]:
        raise StraightPathError(
            "the path is a straight line: it has no second principal component; "
            "sample a random plane instead"
        )
    first = trajectory.start - solution
    components = (
        components_of_path.components
        * np.where(components_of_path.components @ first > 0, -1.0, 1.0)[:, None]
    )
    walk = random_walk_variance(components_of_path.steps, len(solution))
    scale = float(np.linalg.norm(first)) if length == "displacement" else 1.0
    return Plane(
        solution,
        components[0] * scale,
        components[1] * scale,
        trajectory.layout,
        "pca",
        {
            "explained_variance": [
                float(s) for s in components_of_path.singular**2 / components_of_path.total
            ],
            "random_walk_variance": [float(s) for s in walk],
            "records": len(trajectory.thetas),
            "direction_length": scale,
        },
    )
