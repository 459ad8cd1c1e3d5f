"""The plane that a request names, of a network with its loss and its path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from landscape.curvature.hessian import NotConvergedError, with_curvature
from landscape.networks.selection import Which
from landscape.planes.between import line_between, plane_through
from landscape.planes.loss_planes import eigenvector_plane, gradient_plane
from landscape.planes.pca import pca_plane
from landscape.planes.random import random_plane
from landscape.planes.updates import update_plane
from landscape.problem import Problem
from landscape.records.plane import LENGTHS, NORMALISATIONS, Length, Normalisation, Plane
from landscape.records.trajectory import Trajectory

# With how many other solutions each kind is made.
OTHERS = {"random": 0, "pca": 0, "hessian": 0, "gradient": 0, "update": 0, "between": 1,
          "through": 2}  # fmt: skip
_NEED_A_PATH = ("pca", "update")
# Of the curvatures noted beside random planes: their error is of the order of its square.
CURVATURE_TOLERANCE = 1e-2


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaneRequest:
    """Which plane.

    Attributes:
        kind: ``random``; ``pca`` of the path; ``hessian``, its two largest eigenvectors;
            ``gradient`` and a random direction; ``update``, the two last steps; ``between`` this
            solution and another, a line; ``through`` this and two others.
        seed: of random directions.
        normalisation: of random directions.
        which: the parameters that random directions perturb.
        axes: of a random line, plane or volume.
        length: of the directions of a ``pca`` plane, see :func:`landscape.pca_plane`.
    """

    kind: str = "random"
    seed: int = 0
    normalisation: str = "filter"
    which: Which = "all"
    axes: int = 2
    length: Length = "unit"

    def __post_init__(self) -> None:
        if self.kind not in OTHERS:
            raise ValueError(f"unknown plane {self.kind!r}; known: {', '.join(OTHERS)}")
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(
                f"unknown normalisation {self.normalisation!r}; known: {', '.join(NORMALISATIONS)}"
            )
        if self.length not in LENGTHS:
            raise ValueError(f"unknown length {self.length!r}; known: {', '.join(LENGTHS)}")
        if self.seed < 0:
            raise ValueError(f"the seed must be >= 0, got {self.seed}; leave it out for 0")
        wanted = 1 if self.kind == "between" else 2
        if self.kind != "random" and self.axes != wanted:
            axes, how = ("1 axis", "51x1") if wanted == 1 else ("2 axes", "51x51")
            raise ValueError(
                f"a {self.kind} plane has {axes}, got a grid of {self.axes}; write it as {how}"
            )


def make_plane(
    problem: Problem,
    request: PlaneRequest,
    *,
    trajectory: Trajectory | None = None,
    others: Sequence[Any] = (),
) -> Plane:
    """Make the plane through a model's parameters.

    Args:
        problem: the network at the solution; its loss and data are used by ``hessian`` and
            ``gradient``.
        request: which plane.
        trajectory: the path that led to the solution, for ``pca`` and ``update``.
        others: solutions as models, trajectories, vectors or state dicts, for ``between`` and
            ``through``.

    Raises:
        ValueError: if a path or another solution is missing, or as the functions of
            :mod:`landscape.planes` and :mod:`landscape.planes.loss_planes` say.
    """
    kind, model = request.kind, problem.model
    if len(others) != OTHERS[kind]:
        raise ValueError(
            f"a {kind} plane is made with {OTHERS[kind]} other solutions, got {len(others)}"
        )
    if kind == "between":
        return line_between(model, others[0])
    if kind == "through":
        return plane_through(model, others[0], others[1], orthogonal=True)
    if kind == "hessian":
        return eigenvector_plane(problem, length="weights")
    if kind == "gradient":
        return gradient_plane(problem, seed=request.seed)
    if kind in _NEED_A_PATH:
        if trajectory is None:
            raise ValueError(f"a {kind} plane is that of a path; give the checkpoints of one")
        if kind == "update":
            return update_plane(trajectory)
        return pca_plane(trajectory, length=request.length)
    return random_plane(
        model, seed=request.seed, normalisation=cast("Normalisation", request.normalisation),
        which=request.which, axes=request.axes,
    )  # fmt: skip


def curved(problem: Problem, plane: Plane) -> Plane:
    """Return a plane with the extreme curvatures of its centre, or with why it has none.

    They are ``settings["hessian"]``, or there is a sentence in ``settings["no_hessian"]``.
    """
    try:
        return with_curvature(problem, plane, tolerance=CURVATURE_TOLERANCE)
    except (ValueError, NotConvergedError) as error:
        return replace(plane, settings={**plane.settings, "no_hessian": str(error)})
