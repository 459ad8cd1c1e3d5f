"""Surfaces of networks of the user's own, in a study file that may hold several networks."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import with_gradients
from landscape.networks.parameters import flatten
from landscape.planes.points import Space
from landscape.problem import Problem
from landscape.records.plane import Plane
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyWriter
from landscape.store.digests import array_digest
from landscape.store.places import plane_path, run_path, surface_path
from landscape.study.reporting import Reporter, Silent
from landscape.study.request import Request
from landscape.study.requested_plane import fitted
from landscape.study.stored_surface import make_surface

# What decides the values of a surface; the rest says where it is from. Data are compared later.
_DECISIVE = ("weights_sha256", "others_sha256", "loss")


def sample_user_network(
    path: Path,
    problem: Problem,
    request: Request,
    *,
    fit: bool = False,
    paths: dict[str, Trajectory] | None = None,
    others: dict[str, Any] | None = None,
    names: Mapping[str, Any] | None = None,
    engine: SamplingConfig | None = None,
    reporter: Reporter | None = None,
) -> str:
    """Sample a surface of any network into a study file, which is made or continued.

    The file may hold surfaces of several networks, checkpoints, losses and data sets. Each surface
    and its plane note theirs as the setting ``own``: ``names``, and digests of the weights. Where
    the usual id belongs to another surface, the id gets a digest, unless the request has a name.

    Args:
        path: the study file.
        problem: the network at the solution, with its loss and data.
        request: which surface; its ``run`` is the name of the path that led to the solution, or
            None.
        fit: whether the window is to hold what the plane is made of, whatever the request says;
            see :func:`landscape.study.requested_plane.fitted`.
        paths: trajectories by name, which are stored and placed on the plane.
        others: further solutions by name, for planes between and through them.
        names: of model, data, loss and checkpoint, plain values that are noted.
        engine: how points are evaluated; None measures briefly.
        reporter: receives stages, progress and notes.

    Returns:
        The id of the surface.

    Raises:
        ValueError: if the file is no study of own networks, the name is taken by a surface of
            other weights, loss or data (the message tells what differs), the name of a path by
            another path, or as :func:`landscape.sample`.
    """
    engine = engine or SamplingConfig()
    if request.gradients:
        engine = with_gradients(engine)
    paths, problem, plane = paths or {}, request.read(problem), None
    # Raises what is wrong with network, loss and data before there is a file.
    problem.evaluator(standard_errors=False)
    if fit:
        request, plane = fitted(problem, request, paths, others or {})
    user = _identity(problem.model, others or {}, names or {})
    with StudyWriter(path, config={"own": {}}) as writer:
        request = _with_free_name(writer, request, user)
        for name, trajectory in paths.items():
            _put_path(writer, name, trajectory)
        make_surface(
            writer, request, problem, paths=paths, others=others, engine=engine,
            reporter=reporter or Silent(), user=user, plane=plane,
        )  # fmt: skip
    return request.name


def _identity(model: Any, others: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """Return what distinguishes this network, checkpoint, loss and data from others."""
    space = Space.of([model], None)
    solutions = {name: array_digest(space.point(o, name).theta) for name, o in others.items()}
    return {**names, "weights_sha256": array_digest(flatten(model)), "others_sha256": solutions}


def _with_free_name(writer: StudyWriter, request: Request, user: Mapping[str, Any]) -> Request:
    """Return the request with a name that no surface of something else has."""
    differences = _differences(writer, request.name, user)
    if request.identifier:
        decisive = [d for d in differences if d.partition(" ")[0] in _DECISIVE]
        if decisive:
            raise ValueError(
                f"the id {request.name} is taken by a surface of something else: "
                f"{'; '.join(differences)}. Give another --name"
            )
    elif differences:
        digest = hashlib.sha256(json.dumps(user, sort_keys=True).encode()).hexdigest()
        return replace(request, identifier=f"{request.name}_{digest[:8]}")
    return request


def _differences(writer: StudyWriter, name: str, user: Mapping[str, Any]) -> list[str]:
    """Return in words what is not the same in the surface, or plane, of a name; [] if none is."""
    for path in (surface_path(name), plane_path(name)):
        record = writer.find(path)
        if isinstance(record, Surface | Plane):
            there = record.settings.get("own", {})
            return [
                f"{key} is {_short(there.get(key))} there, {_short(user.get(key))} here"
                for key in sorted({*there, *user})
                if there.get(key) != user.get(key)
            ]
    return []


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_short(v)}" for name, v in value.items()) or "none"
    text = "absent" if value is None else str(value)
    return text[:12] if re.fullmatch(r"[0-9a-f]{64}", text) else text or "none"


def _put_path(writer: StudyWriter, name: str, trajectory: Trajectory) -> None:
    """Put a path into the study, unless it is there.

    Its record keeps the losses over the data that it came with first; what is placed on a plane
    has those over the data of the surface.

    Raises:
        ValueError: if another path has its name.
    """
    there = writer.find(run_path(name))
    if there is None:
        writer.put_record(run_path(name), trajectory)
    elif not isinstance(there, Trajectory) or not _same_path(there, trajectory):
        raise ValueError(
            f"{writer.path} holds another path of the name {name}; give this one another name, "
            "with --checkpoints NAME=FOLDER"
        )


def _same_path(one: Trajectory, other: Trajectory) -> bool:
    return (
        one.layout == other.layout
        and np.array_equal(one.steps, other.steps)
        and all(np.array_equal(a, b) for a, b in zip(one.thetas, other.thetas, strict=True))
    )
