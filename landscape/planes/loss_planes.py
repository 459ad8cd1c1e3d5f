"""Planes that the loss itself chooses: its steepest descent, its sharpest directions."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from landscape.curvature.derivatives import gradient
from landscape.curvature.hessian import hessian_eigenpairs
from landscape.networks.acting import acting_weights
from landscape.networks.directions import normalise, random_direction
from landscape.networks.parameters import flatten
from landscape.planes.orthogonal import orthogonalised
from landscape.planes.updates import last_update
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.plane import Plane
from landscape.records.trajectory import Trajectory

Ends = Literal["top", "both"]
UnitLength = Literal["unit", "weights", "curvature"]
Companion = Literal["random", "update"]
# How far the quadratic rises within one length ``curvature``, in losses at the centre.
_RISE = 10.0


def eigenvector_plane(
    problem: Problem,
    *,
    ends: Ends = "top",
    length: UnitLength = "unit",
    **options: Any,
) -> Plane:
    """Make the plane of two eigenvectors of the Hessian, through the model's parameters.

    Close to the origin the loss is ``L + g'd + (l1 a^2 + l2 b^2) / 2`` with d = a v1 + b v2 and no
    mixed term. The eigenvectors are those of autograd's Hessian: at kinks (ReLU) it misses the
    jumps of the slope, and the sampled curvature may be another.

    Args:
        problem: network, loss and data; only read.
        ends: ``top`` takes the two largest eigenvalues, ``both`` the largest and the smallest: a
            saddle, where there is one.
        length: ``unit`` vectors make coordinates distances in parameter space; ``weights`` makes
            them multiples of the norm of the parameters that vary, comparable with a
            filter-normalised plane's; ``curvature`` makes them so long that the quadratic along the
            sharpest direction rises by 10 times the loss within one length, and at most as long as
            the weights: a window from -1 to 1 then shows the bowl.
        options: of :func:`landscape.hessian_eigenpairs`: ``varied``, ``tolerance``, ``seed``,
            ``most_products``, ``progress``.

    Returns:
        The plane; ``settings["hessian"]`` holds top and bottom eigenvalue, all that were found
        (two largest, one smallest) with their residuals, and how.

    Raises:
        NotConvergedError: if the eigenvectors are not found to the tolerance.
        ValueError: for unknown options, or as :func:`landscape.hessian_eigenpairs`.
    """
    check_known("ends", ends, get_args(Ends))
    check_known("length", length, get_args(UnitLength))
    theta = flatten(problem.model)
    pairs = hessian_eigenpairs(problem, **{**options, "top": 2, "bottom": 1})
    second = 1 if ends == "top" else 2
    scale = 1.0
    if length != "unit":
        scale = float(np.linalg.norm(theta[pairs.vectors.any(axis=0)]))
    if length == "curvature":
        loss = abs(float(problem.evaluator(standard_errors=False)(theta[None])["losses"][0]))
        sharpest = float(np.abs(pairs.values).max())
        # Without a loss or a curvature only the weights tell a length.
        if loss > 0 and sharpest > 0:
            scale = min(scale, float(np.sqrt(2 * _RISE * loss / sharpest)))
    settings = {"ends": ends, "direction_length": scale, "hessian": pairs.record()}
    first, other = pairs.vectors[0] * scale, pairs.vectors[second] * scale
    return Plane(theta, first, other, problem.layout, "hessian", settings)


def gradient_plane(
    problem: Problem,
    *,
    second: Companion = "random",
    trajectory: Trajectory | None = None,
    seed: int = 0,
    orthogonal: bool = False,
) -> Plane:
    """Make the plane of steepest descent and another direction, through the model's parameters.

    The first direction is the negative gradient of the mean loss: the loss falls towards positive
    alpha. It is made as long as the second direction, so that both axes have one unit;
    ``settings`` hold the norm of the gradient.

    Args:
        problem: network, loss and data; only read.
        second: ``random`` takes a random filter-normalised direction, ``update`` the last step of
            a trajectory.
        trajectory: for ``update``; it must have led to the model's parameters.
        seed: of the random direction.
        orthogonal: whether the second direction is made orthogonal to the first; it keeps its
            length.

    Raises:
        ValueError: for an unknown second direction, a trajectory that is missing or ends
            elsewhere, or where the gradient is zero.
    """
    check_known("second", second, get_args(Companion))
    layout, theta = problem.layout, flatten(problem.model)
    if second == "update":
        other = _update_to(theta, trajectory)
    else:
        draws = random_direction(layout, seed=seed, axis="beta")
        acting = acting_weights(problem.model, theta)
        other = normalise(draws, theta, layout, acting=acting)
    slope = gradient(problem, theta)
    norm, scale = float(np.linalg.norm(slope)), float(np.linalg.norm(other))
    if norm == 0.0:
        raise ValueError("the gradient is zero at this point; make the plane of eigenvectors")
    first = slope * (-scale / norm)
    if orthogonal:
        other = orthogonalised(other, first)
        other = other * (scale / np.linalg.norm(other))
    settings = {
        "gradient_norm": norm,
        "direction_length": scale,
        "second": second,
        "orthogonal": orthogonal,
        **({"seed": seed} if second == "random" else {}),
    }
    return Plane(theta, first, other, layout, "gradient", settings)


def _update_to(theta: Floats, trajectory: Trajectory | None) -> Floats:
    if trajectory is None:
        raise ValueError("the last update is that of a trajectory; give trajectory=")
    if trajectory.solution.shape != theta.shape or not np.allclose(
        trajectory.solution, theta, rtol=1e-5, atol=1e-7
    ):
        raise ValueError(
            "the trajectory must end at the model's parameters; load its solution into the model, "
            "or take second='random'"
        )
    return last_update(trajectory)[0]
