"""The plane of a request, through a solution and, for some kinds, through others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from landscape.curvature.hessian import NotConvergedError, with_curvature
from landscape.evaluation.usual_window import FITTED, fitted_grid
from landscape.networks.architecture import check_one_network
from landscape.planes.between import line_between, plane_through
from landscape.planes.loss_planes import eigenvector_plane, gradient_plane
from landscape.planes.pca import pca_plane
from landscape.planes.random import random_plane
from landscape.planes.updates import update_plane
from landscape.planes.within import line_within
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.plane import Normalisation, Plane
from landscape.records.trajectory import Trajectory
from landscape.study.request import Request

# Of the curvatures noted beside random planes: their error is of the order of its square.
CURVATURE_TOLERANCE = 1e-2


def plane_of(
    problem: Problem, request: Request, paths: Mapping[str, Trajectory], others: Mapping[str, Any]
) -> Plane:
    """Make the plane of a request, or the line within it.

    Args:
        problem: the network at the solution; its loss and data are used by ``hessian`` and
            ``gradient``.
        request: which plane.
        paths: trajectories by the name of their run: that of the solution, if it has one, those of
            other solutions, and those that are only placed.
        others: other solutions by name, where they have no trajectory.

    Raises:
        ValueError: if the plane needs a path and there is none, a solution or path is of another
            network, or as the functions of :mod:`landscape.planes` say.
    """
    run = str(request.run)
    further = {name: place for name, place in {**others, **paths}.items() if name != run}
    if run in paths:
        check_one_network({run: paths[run], **further})
    # All losses are those of the model's network.
    check_one_network({"the model": problem.model, **further})
    plane = _made(problem, request, paths.get(run), {**paths, **others})
    if request.line:
        plane = line_within(plane, request.line[:2], request.line[2:])
    # Paths whose losses are with the statistics they end with, for captions.
    ended = [run for run, path in paths.items() if path.settings.get("loss_statistics") == "end"]
    return replace(plane, settings={**plane.settings, "end_statistics": ended}) if ended else plane


def _made(
    problem: Problem, request: Request, path: Trajectory | None, solutions: Mapping[str, Any]
) -> Plane:
    kind, model = request.kind, problem.model
    others = [solutions[name] for name in request.others]
    if kind == "between":
        return line_between(model, others[0])
    if kind == "through":
        return plane_through(model, others[0], others[1], orthogonal=True)
    if kind == "hessian":
        return eigenvector_plane(problem, length="curvature")
    if kind == "gradient":
        return gradient_plane(problem, seed=request.seed)
    if kind == "random":
        return random_plane(
            model, seed=request.seed, normalisation=cast("Normalisation", request.normalisation),
            which=request.parameters, axes=request.axes,
        )  # fmt: skip
    if path is None:
        raise ValueError(f"a {kind} plane is that of a path; give the checkpoints of one")
    if kind == "update":
        return update_plane(path)
    single = [name for name, other in zip(request.others, others, strict=True)
              if not isinstance(other, Trajectory)]  # fmt: skip
    if single:
        raise ValueError(
            f"a pca plane is made of paths, got the single solution {single[0]}; give a folder "
            "of its checkpoints, or --plane between or through for planes through solutions"
        )
    return pca_plane(path, *others, length=request.length)


def fitted(
    problem: Problem, request: Request, paths: Mapping[str, Trajectory], others: Mapping[str, Any]
) -> tuple[Request, Plane | None]:
    """Return the request with the window that holds what its plane is made of, and the plane.

    Args:
        problem: the network at the solution.
        request: which surface; its grid has the wanted shape.
        paths: as of :func:`plane_of`.
        others: likewise.

    Returns:
        The request as it is, and no plane, where the window depends on nothing but the kind.

    Raises:
        ValueError: as :func:`plane_of`.
    """
    if request.kind not in FITTED or request.line:
        return request, None
    plane = plane_of(problem, request, paths, others)
    evaluator = problem.evaluator(standard_errors=False)

    def loss(places: Floats) -> Floats:
        return np.array([evaluator(plane.points(place[None]))["losses"][0] for place in places])

    return replace(request, grid=fitted_grid(plane, request.grid.shape, loss)), plane


def curved(problem: Problem, plane: Plane) -> Plane:
    """Return a plane with the extreme curvatures of its centre, or with why it has none.

    They are ``settings["hessian"]``, or there is a sentence in ``settings["no_hessian"]``.
    """
    try:
        return with_curvature(problem, plane, tolerance=CURVATURE_TOLERANCE)
    except (ValueError, NotConvergedError) as error:
        return replace(plane, settings={**plane.settings, "no_hessian": str(error)})
