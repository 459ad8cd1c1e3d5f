"""The one way to make a surface in a study file: its plane, its points, the paths placed on it.

What is there already is kept; an unfinished surface continues to the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.passes import EngineChoice
from landscape.evaluation.resampling import coarser, resample_on
from landscape.evaluation.sampling import check_loss, empty_surface, fill, place_on
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.plurals import counted
from landscape.records.results import Analysis
from landscape.records.surface import Status, Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyWriter
from landscape.store.places import analysis_path, plane_path, projection_path, surface_path
from landscape.study.fingerprint import NAME, check_same, fingerprint
from landscape.study.reporting import Reporter
from landscape.study.request import Request
from landscape.study.requested_plane import curved, plane_of

OTHER_STATISTICS = (
    "the solutions differ in BatchNorm's statistics, and every point is evaluated with those of "
    "the first: the others' losses here are not their own; --batch-norm recalibrated finds the "
    "statistics anew at every point"
)


def make_surface(
    writer: StudyWriter,
    request: Request,
    problem: Problem,
    *,
    paths: Mapping[str, Trajectory],
    others: Mapping[str, Any] | None = None,
    engine: SamplingConfig,
    reporter: Reporter,
    user: Mapping[str, Any] | None = None,
    choice_path: str = "",
    points: int = 0,
    plane: Plane | None = None,
    sampled: Surface | None = None,
) -> None:
    """Put the plane, surface and placed paths of a request into a study, unless they are there.

    Args:
        writer: of the study.
        request: which surface.
        problem: the network at the solution, with loss and data, read as the request says.
        paths: trajectories by the name of their run: that of the solution, if it has one, those
            of other solutions, and those that are only placed.
        others: other solutions by name, where they have no trajectory.
        engine: how points are evaluated.
        reporter: receives stages, progress and notes.
        user: what plane and surface note of a network of the user's, as the setting ``own``.
        choice_path: where the study keeps one choice of the engine for all its surfaces; "" lets
            each surface keep its own.
        points: number of points that the choice serves; 0 for those of this surface.
        plane: of the request, where it was made already.
        sampled: finished surface on that plane, where it was made in memory.

    Raises:
        ValueError: if the id is taken by another surface, the plane cannot be made, another
            solution or path is of another network than the model's, or the loss at the centre is
            not the expected one.
    """
    name, noted = request.name, {"own": dict(user)} if user else {}
    stored = _stored(writer, request) or sampled
    there = writer.find(plane_path(name))
    if isinstance(there, Plane):
        plane = there
    else:
        plane = plane or plane_of(problem, request, paths, others or {})
        plane = replace(plane, settings={**plane.settings, **noted})
    chosen = _recorded_choice(writer, stored, choice_path)
    evaluator = PlaneEvaluator(
        problem, plane, config=engine, choice=chosen, points=points or request.grid.size,
        divergence=request.divergence,
    )  # fmt: skip
    noted |= {NAME: fingerprint(evaluator), "asked": request.asked}
    if stored is not None:
        check_same(stored, noted[NAME], name, finished=user is not None)
    _check_centre(evaluator, request, paths.get(str(request.run)), reporter)
    _note_choice(writer, request, evaluator, reporter, choice_path)
    if not writer.has(plane_path(name)):
        # After the evaluator, which refuses unusable models, losses and data.
        plane = _described(problem, plane, request, reporter)
        writer.put_record(plane_path(name), plane)
    empty = empty_surface(evaluator, request.grid, plane_id=name, run=request.run)
    empty = replace(empty, settings={**empty.settings, **plane.settings, **noted})
    if sampled and not writer.has(surface_path(name)):
        fields, status = sampled.fields, sampled.status
        writer.put_record(surface_path(name), replace(empty, fields=fields, status=status))
    _Filling(writer, request, evaluator, empty, reporter).finish()
    for run, trajectory in paths.items():
        if not writer.has(projection_path(run, name)):
            projection = place_on(evaluator, trajectory, run=run, plane_id=name)
            writer.put_record(projection_path(run, name), projection)


def nodes_path(identifier: str) -> str:
    """Return where the Chebyshev points of a resampled surface are stored."""
    return surface_path(f"{identifier}.nodes")


def _stored(writer: StudyWriter, request: Request) -> Surface | None:
    """Return what the study holds of the surface: its points, or its Chebyshev points.

    Raises:
        ValueError: if the id is taken by another surface.
    """
    surface = writer.find(surface_path(request.name))
    if isinstance(surface, Surface):
        if surface.settings.get("asked") != request.asked or not _same(surface.grid, request.grid):
            raise ValueError(f"the id {request.name} is taken by another surface; give a --name")
        return surface
    nodes = writer.find(nodes_path(request.name))
    return nodes if isinstance(nodes, Surface) else None


def _same(one: Grid, other: Grid) -> bool:
    return one.shape == other.shape and all(map(np.array_equal, one.axes, other.axes))


def _recorded_choice(
    writer: StudyWriter, stored: Surface | None, choice_path: str
) -> EngineChoice | None:
    """Return the choice of the engine that is on record."""
    if not choice_path:
        return None if stored is None else EngineChoice(**stored.settings["engine"])
    kept = writer.find(choice_path)
    return EngineChoice(**kept.settings) if isinstance(kept, Analysis) else None


def _note_choice(
    writer: StudyWriter, request: Request, evaluator: PlaneEvaluator, reporter: Reporter, path: str
) -> None:
    """Report how points are evaluated; record it where one choice serves all surfaces."""
    if not path:
        points = f"{counted(request.grid.size, 'point')} of {request.run or 'the network'}"
        reporter.note(f"sampling {points}: {evaluator.choice}")
    elif not writer.has(path):
        reporter.note(f"evaluating: {evaluator.choice}")
        writer.put_record(path, Analysis("engine", {}, evaluator.choice.to_dict()))


def _check_centre(
    evaluator: PlaneEvaluator, request: Request, path: Trajectory | None, reporter: Reporter
) -> None:
    """Check the loss at the centre, and note it where the path recorded another.

    Raises:
        ValueError: if it is not the expected one.
    """
    if request.expected_loss is not None:
        check_loss(evaluator, request.expected_loss)
    if path is None or request.batch_norm != "frozen" or request.subset:
        return
    if np.isfinite(path.losses[-1]) and np.array_equal(evaluator.plane.origin, path.solution):
        try:
            check_loss(evaluator, float(path.losses[-1]))
        except ValueError as error:
            reporter.note(str(error))


def _described(problem: Problem, plane: Plane, request: Request, reporter: Reporter) -> Plane:
    """Return a new plane with the curvatures of its centre, and report what its user must know."""
    described = {"hessian", "no_hessian"} & plane.settings.keys()
    if request.kind == "random" and request.curvature and not (request.line or described):
        plane = curved(problem, plane)
    if plane.settings.get("batch_statistics") == "differ" and request.batch_norm == "frozen":
        reporter.note(OTHER_STATISTICS)
    if "no_hessian" in plane.settings:
        reporter.note(f"without the Hessian's eigenvalues: {plane.settings['no_hessian']}")
    return plane


@dataclass(frozen=True, slots=True)
class _Filling:
    """Evaluates the points of a surface that are missing in a study."""

    writer: StudyWriter
    request: Request
    evaluator: PlaneEvaluator
    empty: Surface
    reporter: Reporter

    def finish(self) -> None:
        """Sample or resample the surface, unless it is there already."""
        request = self.request
        decay = analysis_path("spectral_decay", request.name)
        if not request.tolerance:
            self._complete(self.empty, False)
        elif not (self.writer.has(surface_path(request.name)) and self.writer.has(decay)):
            result = resample_on(
                self.evaluator, self.empty, tolerance=request.tolerance, height=request.height,
                complete=self._complete,
            )  # fmt: skip
            if result.converged:
                self.writer.put_record(surface_path(request.name), result.surface)
            self._report(result.surface)
            self.writer.put_record(decay, result.analysis())

    def _complete(self, surface: Surface, is_nodes: bool) -> Surface:
        """Evaluate the points of a surface, or of its Chebyshev points, that are not stored."""
        path = (nodes_path if is_nodes else surface_path)(self.request.name)
        stored = self.writer.find(path)
        if not isinstance(stored, Surface) or stored.grid.size < surface.grid.size:
            stored = surface
            self.writer.put_record(path, surface)
        if not stored.complete:
            stored = self._filled(path, stored, "Chebyshev points" if is_nodes else "sampling")
        # An earlier call may have got to a finer level, of which this one is a part.
        larger = stored.grid.size > surface.grid.size
        return coarser(stored, surface.grid) if larger else stored

    def _filled(self, path: str, surface: Surface, stage: str) -> Surface:
        missing = surface.status.reshape(-1) == Status.MISSING
        self.reporter.stage(stage, len(missing))
        self.reporter.advance(int(np.sum(~missing)))

        def put(indices: NDArray[np.int64], values: dict[str, Floats]) -> None:
            self.writer.put_tile(path, indices, values)
            self.reporter.advance(int(np.sum(missing[indices])))

        return fill(self.evaluator, surface, put)

    def _report(self, surface: Surface) -> None:
        facts = surface.settings.get("resampled")
        if facts is None:
            self.reporter.note("interpolation did not reach the tolerance: every point evaluated")
            return
        self.reporter.note(
            f"{counted(facts['evaluations'], 'point')} evaluated, the other "
            f"{int(np.sum(surface.status == Status.INTERPOLATED)):,} interpolated, "
            f"estimated error {facts['estimated_error']:.1g} of the range"
        )
