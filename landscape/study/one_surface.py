"""One more surface of a study that is there."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.passes import EngineChoice
from landscape.evaluation.resampling import coarser, resample, with_known
from landscape.evaluation.sampling import (
    check_loss,
    empty_surface,
    place_on,
    plane_evaluator,
    sample_tiles,
    with_gradients,
)
from landscape.networks.architecture import check_one_network
from landscape.networks.parameters import flatten
from landscape.networks.selection import select
from landscape.planes.points import Space
from landscape.planes.within import line_within
from landscape.problem import Problem
from landscape.records.atomic import replacing, writable_folder
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.plurals import counted
from landscape.records.surface import Status, Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile, StudyWriter
from landscape.store.digests import array_digest
from landscape.store.places import (
    analysis_path,
    plane_path,
    projection_path,
    run_path,
    surface_path,
)
from landscape.study.configuration import StudyConfig
from landscape.study.fingerprint import check_same, fingerprint, noted
from landscape.study.plane_request import curved, make_plane
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.request import Request as Request
from landscape.study.solution_network import solution_problem, trained_on


@dataclass(frozen=True, slots=True)
class SurfaceWork:
    """What is needed to sample a surface and to continue it.

    Attributes:
        writer: of the study.
        evaluator: of the network on the plane.
        plane: the plane.
        identifier: of plane and surface.
        run: whose solution it is; None for a network without a run.
        grid: coordinates.
        tolerance: 0 evaluates every point; otherwise the surface is resampled.
        height: for which height the tolerance holds.
        asked: what makes this surface this one, plain values, noted in its settings.
        reporter: hears of progress.
        fingerprint: what else decides its values, noted likewise.
        own: of which network of the user's own it is, noted likewise; empty for a run.
    """

    writer: StudyWriter
    evaluator: PlaneEvaluator
    plane: Plane
    identifier: str
    run: str | None
    grid: Grid
    tolerance: float
    height: str
    asked: dict[str, Any]
    reporter: Reporter
    fingerprint: dict[str, str]
    own: Mapping[str, Any] = field(default_factory=dict)

    def done(self) -> None:
        """Sample or resample the surface, unless it is there already."""
        path = surface_path(self.identifier)
        if not self.tolerance:
            if not self.writer.has(path):
                self._sample()
            return
        nodes = self.writer.find(nodes_path(self.identifier))
        if isinstance(nodes, Surface) and not nodes.complete:
            self._complete(nodes_path(self.identifier), nodes, "Chebyshev points")
        found = self.writer.find(path)
        if isinstance(found, Surface) and not found.complete and "resampled" not in found.settings:
            self._sample()  # interpolation did not reach the tolerance
        decay = analysis_path("spectral_decay", self.identifier)
        if not (self.writer.has(path) and self.writer.has(decay)):
            # Points of a resampled surface that damage took are interpolated again.
            self._resample()

    def _sample(self) -> Surface:
        """Evaluate every point that is missing."""
        path = surface_path(self.identifier)
        surface = self.writer.find(path)
        if not isinstance(surface, Surface):
            surface = self._empty(self.grid)
            self.writer.put_record(path, surface)
        return self._complete(path, surface, "sampling")

    def _resample(self) -> None:
        """Evaluate at Chebyshev points and interpolate the rest, or else evaluate every point."""
        result = resample(
            self.evaluator,
            self.plane,
            self.grid,
            tolerance=self.tolerance,
            height=self.height,
            plane_id=self.identifier,
            run=self.run,
            sample_nodes=self._nodes,
            sample_rest=lambda _empty: self._sample(),
        )
        if result.converged:
            self.writer.put_record(surface_path(self.identifier), self._noted(result.surface))
            said = result.surface.settings["resampled"]
            self.reporter.note(
                f"{counted(said['evaluations'], 'point')} evaluated, the other "
                f"{int(np.sum(result.surface.status == Status.INTERPOLATED)):,} interpolated, "
                f"estimated error {said['estimated_error']:.1g} of the range"
            )
        else:
            self.reporter.note("interpolation did not reach the tolerance: every point evaluated")
        self.writer.put_record(analysis_path("spectral_decay", self.identifier), result.analysis())

    def _nodes(self, grid: Grid, known: Surface | None) -> Surface:
        path = nodes_path(self.identifier)
        surface = self.writer.find(path)
        if not isinstance(surface, Surface) or surface.grid.size < grid.size:
            surface = with_known(self._empty(grid), known)
            self.writer.put_record(path, surface)
        elif surface.grid.size > grid.size:
            # An earlier call got further: the coarser level is part of it.
            return coarser(surface, grid)
        return self._complete(path, surface, "Chebyshev points")

    def _empty(self, grid: Grid) -> Surface:
        return self._noted(
            empty_surface(
                self.evaluator, self.plane, grid, plane_id=self.identifier, run=self.run
            )
        )  # fmt: skip

    def _noted(self, surface: Surface) -> Surface:
        settings = noted(surface.settings, self.fingerprint)
        own = {"own": dict(self.own)} if self.own else {}
        return replace(surface, settings={**settings, "asked": self.asked, **own})

    def _complete(self, path: str, surface: Surface, stage: str) -> Surface:
        self.reporter.stage(stage, surface.grid.size)
        self.reporter.advance(int((surface.status > 0).sum()))
        for indices, values in sample_tiles(self.evaluator, surface):
            missing = int((surface.status.reshape(-1)[indices] == 0).sum())
            self.writer.put_tile(path, indices, values)
            surface = surface.with_points(indices, values, Status.EVALUATED)
            self.reporter.advance(missing)
        return surface


def nodes_path(identifier: str) -> str:
    """Return where the Chebyshev points of a resampled surface are stored."""
    return surface_path(f"{identifier}.nodes")


def same_grid(surface: Surface, grid: Grid) -> bool:
    """Whether a surface has these coordinates."""
    return surface.grid.shape == grid.shape and all(
        (a == b).all() for a, b in zip(surface.grid.axes, grid.axes, strict=True)
    )


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
    points = f"{counted(request.grid.size, 'point')} of {request.run or 'the network'}"
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


# What decides the values of a surface; the rest says where it is from. Data are compared later.
_DECISIVE = ("weights_sha256", "others_sha256", "loss")


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

    The file may hold surfaces of several networks, checkpoints, losses and data sets. Each surface
    and its plane note theirs as the setting ``own``: what is told, and digests of the weights.
    A surface whose usual id is another's gets an id of its own, unless the request has a name.

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
        ValueError: if the file is no study of own networks, the name is taken by a surface of
            other weights, loss or data (the message tells what differs), the name of a path by
            another path, or as :func:`landscape.sample`.
    """
    engine = engine or SamplingConfig()
    if request.gradients:
        engine = with_gradients(engine)
    paths, problem = paths or {}, request.read(problem)
    # What is wrong with network, loss and data is told before there is a file.
    problem.evaluator(standard_errors=False)
    own = _identity(problem.model, others or {}, told or {})
    with StudyWriter(path, config={"own": {}}) as writer:
        request = _with_free_name(writer, request, own)
        for name, trajectory in paths.items():
            _put_path(writer, name, trajectory)
        surface_of(
            writer, request, problem, paths=paths, others=others, engine=engine,
            reporter=reporter or Silent(), own=own,
        )  # fmt: skip
    return request.name


def _identity(model: Any, others: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what tells this network, checkpoint, loss and data from others."""
    space = Space.of([model], None)
    solutions = {name: array_digest(space.point(o, name).theta) for name, o in others.items()}
    return {**told, "weights_sha256": array_digest(flatten(model)), "others_sha256": solutions}


def _with_free_name(writer: StudyWriter, request: Request, own: dict[str, Any]) -> Request:
    """Return the request with a name that no surface of something else has."""
    differences = _differences(writer, request.name, own)
    if request.identifier:
        decisive = [d for d in differences if d.partition(" ")[0] in _DECISIVE]
        if decisive:
            raise ValueError(
                f"the id {request.name} is taken by a surface of something else: "
                f"{'; '.join(differences)}. Give another --name"
            )
    elif differences:
        digest = hashlib.sha256(json.dumps(own, sort_keys=True).encode()).hexdigest()
        return replace(request, identifier=f"{request.name}_{digest[:8]}")
    return request


def _differences(writer: StudyWriter, name: str, own: Mapping[str, Any]) -> list[str]:
    """Return in words what is not the same in the surface, or plane, of a name; [] if none is."""
    for path in (surface_path(name), plane_path(name)):
        record = writer.find(path)
        if isinstance(record, Surface | Plane):
            there = record.settings.get("own", {})
            return [
                f"{key} is {_short(there.get(key))} there, {_short(own.get(key))} here"
                for key in sorted({*there, *own})
                if there.get(key) != own.get(key)
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
