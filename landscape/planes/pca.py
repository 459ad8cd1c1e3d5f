"""The plane in which trajectories move most."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape.networks.architecture import check_one_network
from landscape.planes.points import Space
from landscape.planes.principal import principal
from landscape.planes.random_walk import random_walk_variance
from landscape.records.choices import check_known
from landscape.records.plane import LENGTHS, Length, Plane
from landscape.records.trajectory import Trajectory

MEMORY = 1024


class StraightPathError(ValueError):
    """A path that moves in one direction only, or not at all: it has no plane of its own."""


def pca_plane(
    trajectory: Trajectory, *others: Trajectory, length: Length = "unit", memory: int = MEMORY
) -> Plane:
    """Make the plane through the solution along the two first principal components of paths.

    The rows theta_t - theta_end are centred by their mean, as in Li et al. (2018), section 7; the
    plane passes through theta_end, not through the mean. The directions point from the start to the
    solution: the start has alpha <= 0, and beta <= 0. The rows of further paths of the same network
    are joined to those of the first, and every row counts alike; the solution and the start are
    those of the first.

    A random walk, too, has most of its variance in two components (Antognini & Sohl-Dickstein
    2018): a high share alone says little. The shares of a walk with as many records, as long steps
    and as many dimensions stand beside those of a single path.

    Args:
        trajectory: the path whose end the plane passes through.
        others: further paths that the plane is made for.
        length: ``unit`` directions make coordinates distances in parameter space;
            ``displacement`` makes both directions as long as the way from start to solution, so
            that paths of different lengths can be compared in one window.
        memory: mebibytes for the displacements of the paths and for work space; a longer path,
            which may lie in a file, is gone through some parameters at a time.

    Raises:
        ValueError: for an unknown length, less than 1 MiB, fewer than three records together, or
            paths of different networks.
        StraightPathError: a ValueError for paths that lie on one straight line.

    Returns:
        The plane, with ``explained_variance`` (shares of the two components), ``extent`` (lowest
        and highest coordinates of the paths), ``records``, ``paths`` (how many),
        ``direction_length`` and, of a single path, ``random_walk_variance`` (the same of a matched
        random walk, see :func:`random_walk_variance`) in its settings.
    """
    check_known("length", length, LENGTHS)
    if memory < 1:
        raise ValueError(f"memory must be >= 1 MiB, got {memory}")
    paths = [path.thetas for path in (trajectory, *others)]
    check_one_network({"the first path": trajectory,
                       **{f"path {i}": path for i, path in enumerate(others, 2)}})  # fmt: skip
    Space.of([trajectory, *others], None)
    if (records := sum(map(len, paths))) < 3:
        raise ValueError(
            f"a PCA plane needs at least 3 recorded points, got {records}; train for more steps, "
            "record more often, or sample a random plane"
        )
    solution = trajectory.solution
    found = principal(paths, solution, memory=memory << 20)
    if found.singular[1] <= 1e-12 * found.singular[0]:
        raise StraightPathError(
            "the path is a straight line: it has no second principal component; "
            "sample a random plane instead"
        )
    first = trajectory.start - solution
    signs = np.where(found.components @ first > 0, -1.0, 1.0)
    scale = float(np.linalg.norm(first)) if length == "displacement" else 1.0
    first_axis, second_axis = found.components * (signs * scale)[:, None]
    places = (found.coordinates - found.coordinates[len(paths[0]) - 1]) * signs / scale
    settings: dict[str, Any] = {
        "explained_variance": [float(s) for s in found.singular**2 / found.total],
        "records": records,
        "paths": len(paths),
        "extent": [places.min(axis=0).tolist(), places.max(axis=0).tolist()],
        "direction_length": scale,
    }
    if not others:
        walk = random_walk_variance(found.steps, len(solution))
        settings["random_walk_variance"] = [float(s) for s in walk]
    return Plane(solution, first_axis, second_axis, trajectory.layout, "pca", settings)
