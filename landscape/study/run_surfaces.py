"""One more surface around the solution of a run, in its study or in a copy of the study."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import with_gradients
from landscape.networks.selection import select
from landscape.records.atomic import replacing, writable_folder
from landscape.store import StudyFile, StudyWriter
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.request import Request
from landscape.study.requested_plane import fitted
from landscape.study.solution_network import solution_of, solution_problem, trained_on
from landscape.study.stored_surface import make_surface


def sample_run(
    source: StudyFile,
    config: StudyConfig,
    request: Request,
    *,
    load_data: Callable[[Any], Examples],
    fit: bool = False,
    out: Path | None = None,
    engine: SamplingConfig | None = None,
    reporter: Reporter | None = None,
) -> tuple[Path, str]:
    """Sample a surface and add it to the study, or to a copy of it in another folder.

    Args:
        source: the study.
        config: its configuration.
        request: which surface, of which run.
        load_data: called with ``config.data``.
        fit: whether the window is to hold what the plane is made of, whatever the request says;
            see :func:`landscape.study.requested_plane.fitted`.
        out: another folder; None lets the study itself grow.
        engine: how points are evaluated; None takes the study's settings.
        reporter: receives stages, progress and notes.

    Returns:
        The study file and the id of the surface.

    Raises:
        KeyError: if the study has no such run.
        ValueError: if the run diverged, the data are not those it was trained on, or the id is
            taken by another surface.
    """
    if request.run is None:
        raise ValueError("a surface of a study belongs to one of its runs; name it with run=")
    engine = engine or request.engine(config.sampling)
    if request.gradients:
        engine = with_gradients(engine)
    request = replace(request, gradients=engine.strategy == "gradient")
    paths = {run: solution_of(source, run) for run in request.runs}
    problem = solution_problem(paths[request.runs[0]], trained_on(source, config, load_data))
    select(problem.model, request.parameters)
    path, problem, plane = _target(source, out), request.read(problem), None
    if fit:
        request, plane = fitted(problem, request, paths, {})
    with StudyWriter(path) as writer:
        make_surface(
            writer, request, problem, paths=paths, engine=engine, reporter=reporter or Silent(),
            plane=plane,
        )  # fmt: skip
    return path, request.name


def _target(source: StudyFile, out: Path | None) -> Path:
    """Return the file to write: the study itself, or its copy in another folder."""
    if out is None:
        return source.path
    target = writable_folder(out) / "study.h5"
    if not target.exists():
        with replacing(target) as temporary:
            shutil.copyfile(source.path, temporary)
    return target
