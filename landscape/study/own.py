"""Surfaces of a network of the user's own, in a study file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from landscape.config import SamplingConfig
from landscape.parameters import flatten
from landscape.problem import Problem
from landscape.sampling import with_gradients
from landscape.store import StudyWriter
from landscape.store.paths import run_path
from landscape.study.more import surface_of
from landscape.study.reporting import Reporter, Silent
from landscape.study.request import Request
from landscape.trajectory import Trajectory


def sample_own(
    path: Path,
    problem: Problem,
    request: Request,
    *,
    paths: dict[str, Trajectory] | None = None,
    others: dict[str, Any] | None = None,
    told: dict[str, Any] | None = None,
    engine: SamplingConfig | None = None,
    reporter: Reporter | None = None,
) -> str:
    """Sample a surface of any network into a study file, which is made or continued.

    Args:
        path: the study file.
        problem: the network at the solution, with its loss and data.
        request: which surface; its ``run`` is the name of the path that led to the solution, or
            None.
        paths: trajectories by name, which are stored and placed on the plane.
        others: further solutions by name, for planes between and through them.
        told: what to note about model, data and loss, plain values.
        engine: how points are evaluated; None measures briefly.
        reporter: hears of progress.

    Returns:
        The id of the surface.

    Raises:
        ValueError: if the file belongs to another network, or as :func:`landscape.sample`.
    """
    engine = engine or SamplingConfig()
    if request.gradients:
        engine = with_gradients(engine)
    paths, problem = paths or {}, request.read(problem)
    # What is wrong with network, loss and data is told before there is a file.
    problem.evaluator()
    digest = hashlib.sha256(flatten(problem.model).tobytes()).hexdigest()
    facts = {"weights_sha256": digest}
    with StudyWriter(path, config={"own": told or {}}, facts=facts) as writer:
        for name, trajectory in paths.items():
            if not writer.has(run_path(name)):
                writer.put_record(run_path(name), trajectory)
        surface_of(
            writer, request, problem, paths=paths, others=others, engine=engine,
            reporter=reporter or Silent(),
        )  # fmt: skip
    return request.name
