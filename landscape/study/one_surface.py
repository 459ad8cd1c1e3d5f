"""One more surface of a study that is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.passes import EngineChoice
from landscape.evaluation.sampling import check_loss, place_on, plane_evaluator, with_gradients
from landscape.networks.architecture import check_one_network
from landscape.networks.selection import select
from landscape.planes.within import line_within
from landscape.problem import Problem
from landscape.records.atomic import replacing, writable_folder
from landscape.records.plane import Plane
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import plane_path, projection_path, surface_path
from landscape.study.configuration import StudyConfig
from landscape.study.fingerprint import check_same, fingerprint
from landscape.study.plane_request import curved, make_plane
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.request import Request as Request
from landscape.study.solutions import solution_problem, trained_on
from landscape.study.surface_work import SurfaceWork, nodes_path, same_grid

OTHER_STATISTICS = (
    "the solutions differ in BatchNorm's statistics, and every point is evaluated with those of "
    "the first: the others' losses here are not their own; --batch-norm recalibrated finds the "
    "statistics anew at every point"
)


def sample_more(
    source: StudyFile,
    config: StudyConfig,
    request: Request,
    *,
    load_data: Callable[[Any], Examples],
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
        out: another folder; None lets the study itself grow.
        engine: how points are evaluated; None takes the study's settings.
        reporter: hears of progress.

    Returns:
        The study file and the id of the surface.

    Raises:
        KeyError: if the study has no such run.
        ValueError: if the run diverged, the data are not those it was trained on, or the id is
            taken by another surface.
    """
    reporter = reporter or Silent()
    if request.run is None:
        raise ValueError("a surface of a study belongs to one of its runs; name it with run=")
    request, engine = _engine(request, engine, config)
    names = dict.fromkeys([str(request.run), *request.others, *request.placed])
    paths = {name: _alive(source, name) for name in names}
    trajectory = paths[str(request.run)]
    problem = solution_problem(trajectory, trained_on(source, config, load_data))
    select(problem.model, request.plane.which)
    path = _target(source, out)
    with StudyWriter(path) as writer:
        surface_of(
            writer, request, request.read(problem), paths=paths, engine=engine, reporter=reporter,
        )  # fmt: skip
    return path, request.name


def surface_of(
    writer: StudyWriter,
    request: Request,
    problem: Problem,
    *,
    paths: dict[str, Trajectory],
    others: dict[str, Any] | None = None,
    engine: SamplingConfig,
    reporter: Reporter,
    own: Mapping[str, Any] | None = None,
) -> None:
    """Put plane, surface and projections of a request into a study, as far as they are missing.

    Args:
        writer: of the study.
        request: which surface.
        problem: the network at the solution, with loss and data, read as the request says.
        paths: trajectories by the name of their run: that of the solution, if it has one, those
            of other solutions, and those that are placed.
        others: other solutions by name, where they have no trajectory.
        engine: how points are evaluated.
        reporter: hears of progress.
        own: what plane and surface note of a network of the user's own.

    Raises:
        ValueError: if the id is taken by another surface, the plane cannot be made, another
            solution or path is of another network than the model's, or the loss at the centre is
            not the expected one.
    """
    name = request.name
    surface = writer.find(surface_path(name))
    if isinstance(surface, Surface) and not _same(surface, request):
        raise ValueError(f"the id {name} is taken by another surface; give a --name")
    _check_networks(request, problem.model, paths, others or {})
    plane = writer.find(plane_path(name))
    if not isinstance(plane, Plane):
        plane = _plane(problem, request, paths, {**paths, **(others or {})})
        plane = _with_statistics(plane, paths)
        plane = replace(plane, settings={**plane.settings, **({"own": dict(own)} if own else {})})
    found = surface if isinstance(surface, Surface) else writer.find(nodes_path(name))
    recorded = found.settings["engine"] if isinstance(found, Surface) else {}
    evaluator = plane_evaluator(
        problem, plane, config=engine, choice=EngineChoice(**recorded) if recorded else None,
        points=request.grid.size, divergence=request.divergence,
    )  # fmt: skip
    now = fingerprint(evaluator, plane, problem.model)
    if isinstance(found, Surface):
        check_same(found, now, name, finished=own is not None)
    _check_centre(evaluator, plane, request, paths.get(str(request.run)), reporter)
    points = f"{request.grid.size:,} points of {request.run or 'the network'}"
    reporter.note(f"sampling {points}: {evaluator.choice}")
    if not writer.has(plane_path(name)):
        # After the evaluator, which tells what is wrong with model, loss and data.
        if request.kind == "random" and request.curvature and not request.line:
            plane = curved(problem, plane)
        if plane.settings.get("batch_statistics") == "differ" and request.batch_norm == "frozen":
            reporter.note(OTHER_STATISTICS)
        if "no_hessian" in plane.settings:
            reporter.note(f"without the Hessian's eigenvalues: {plane.settings['no_hessian']}")
        writer.put_record(plane_path(name), plane)
    SurfaceWork(
        writer, evaluator, plane, name, request.run, request.grid, request.tolerance,
        request.height, request.asked, reporter, now, own or {},
    ).done()  # fmt: skip
    for run in paths:
        placed = projection_path(run, name)
        if not writer.has(placed):
            record = place_on(evaluator, plane, paths[run], run=run, plane_id=name)
            writer.put_record(placed, record)


def _check_networks(
    request: Request, model: nn.Module, paths: dict[str, Trajectory], others: dict[str, Any]
) -> None:
    """Refuse solutions and paths of other networks: all losses are those of the model's."""
    run = str(request.run)
    own = paths.get(run)
    more = {name: place for name, place in {**others, **paths}.items() if name != run}
    if own is not None:
        check_one_network({run: own, **more})
    check_one_network({"the model": model, **more})


def _plane(
    problem: Problem,
    request: Request,
    paths: dict[str, Trajectory],
    solutions: dict[str, Any],
) -> Plane:
    """Make the plane of a request, or the line within it."""
    plane = make_plane(
        problem, request.plane, trajectory=paths.get(str(request.run)),
        others=[solutions[other] for other in request.others],
    )  # fmt: skip
    return line_within(plane, request.line[:2], request.line[2:]) if request.line else plane


def _with_statistics(plane: Plane, paths: dict[str, Trajectory]) -> Plane:
    """Note the paths whose losses are with the statistics they end with, for captions."""
    ended = [run for run, path in paths.items() if path.settings.get("loss_statistics") == "end"]
    return replace(plane, settings={**plane.settings, "end_statistics": ended}) if ended else plane


def _check_centre(
    evaluator: PlaneEvaluator,
    plane: Plane,
    request: Request,
    path: Trajectory | None,
    reporter: Reporter,
) -> None:
    """Check the loss at the centre, and note it where the path recorded another.

    Raises:
        ValueError: if it is not the expected one.
    """
    if request.expected_loss is not None:
        check_loss(evaluator, plane, request.expected_loss)
    if path is None or request.batch_norm != "frozen" or request.subset:
        return
    if np.isfinite(path.losses[-1]) and np.array_equal(plane.origin, path.solution):
        try:
            check_loss(evaluator, plane, float(path.losses[-1]))
        except ValueError as error:
            reporter.note(str(error))


def _alive(source: StudyFile, run: str) -> Trajectory:
    trajectory = source.trajectory(run)
    if trajectory.diverged_at is not None:
        raise ValueError(f"{run} diverged at step {trajectory.diverged_at}: no solution")
    return trajectory


def _engine(
    request: Request, engine: SamplingConfig | None, config: StudyConfig
) -> tuple[Request, SamplingConfig]:
    """Return how points are evaluated, and the request with what that gives."""
    if request.gradients and engine is None:
        # What the study prescribes for the loss alone does not bind.
        engine = replace(config.sampling, strategy="auto", compile="never")
    engine = engine or config.sampling
    if request.gradients:
        engine = with_gradients(engine)
    return replace(request, gradients=engine.strategy == "gradient"), engine


def _target(source: StudyFile, out: Path | None) -> Path:
    """Return the file to write: the study itself, or its copy in another folder."""
    if out is None:
        return source.path
    target = writable_folder(out) / "study.h5"
    if not target.exists():
        with replacing(target) as temporary:
            shutil.copyfile(source.path, temporary)
    return target


def _same(surface: Surface, request: Request) -> bool:
    return same_grid(surface, request.grid) and surface.settings.get("asked") == request.asked
