"""Running a study: train every run, lay the planes, sample them, place the paths.

Every task asks first whether its record is there, so that the same call continues a study that
was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.evaluation.choice import threads
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.passes import EngineChoice
from landscape.evaluation.sampling import empty_surface, place_on, plane_evaluator, sample_tiles
from landscape.planes.pca import StraightPathError, pca_plane
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.presenting import Presented, in_short
from landscape.records.projection import project
from landscape.records.results import Analysis, Projection
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import (
    analysis_path,
    plane_path,
    projection_path,
    run_path,
    surface_path,
)
from landscape.study.configuration import StudyConfig
from landscape.study.fingerprint import check_same, fingerprint, noted
from landscape.study.plane_request import PlaneRequest, curved, make_plane
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.setup import Setup
from landscape.study.solution_network import solution_model
from landscape.study.summary import summarise
from landscape.study.windows import window_around
from landscape.training.loop import train
from landscape.training.training_checkpoint import TrainingCheckpoint


@dataclass(slots=True, repr=False)
class Study(Presented):
    """An experiment: a configuration, a file, and a way to load its data.

    Args:
        config: what to train and sample.
        path: the study file.
        load_data: called with ``config.data``; gives the examples.
        reporter: hears of progress.
        keep_seconds: least time between two checkpoints of a training run.

    Raises:
        ValueError: if network and data do not fit.
    """

    config: StudyConfig
    path: Path
    load_data: Callable[[Any], Examples]
    reporter: Reporter = field(default_factory=Silent)
    keep_seconds: float = 2.0
    setup: Setup = field(init=False)

    def __post_init__(self) -> None:
        self.setup = Setup(self.config, self.load_data(self.config.data))

    def _texts(self) -> dict[str, str]:
        config = self.config
        return {
            "path": str(self.path), "data": config.data.name, "network": in_short(config.network),
            "activations": in_short(config.activations), "optimizers": in_short(config.optimizers),
        }  # fmt: skip

    def run(self, *, sample: bool = True) -> StudyFile:
        """Do what is not done yet, publish, and return the study.

        Args:
            sample: whether planes are sampled after training.

        Raises:
            ValueError: if the file holds another experiment, or runs are too short for planes.
            OSError: if it cannot be written.
        """
        if sample and self.config.pca_plane.points and self.config.training.records < 3:
            raise ValueError(
                f"a PCA plane needs at least 3 records of each run, got "
                f"{self.config.training.records}; raise training.steps, lower "
                "training.record_every, or leave the plane out with pca_plane.points=[]"
            )
        with StudyWriter(self.path, config=self.config.to_dict(), facts=self.setup.facts) as writer:
            self._train(writer)
            if sample:
                planes = self._lay_planes(writer)
                self._sample(writer, planes)
                self._place(writer, planes)
                self._summarise(writer, planes)
            return writer.publish()

    # -- tasks -------------------------------------------------------------------------------

    def _train(self, writer: StudyWriter) -> None:
        todo = [key for key in self.config.runs if not writer.has(run_path(key.name))]
        self.reporter.stage("training", len(todo) * self.config.training.steps)
        number = self._training_threads(writer) if todo else 0
        for key in todo:
            model = self.setup.network(key.activation, seed=key.seed)
            with threads(number):
                trajectory = train(
                    self.setup.problem(model),
                    optimizer=key.optimizer,
                    config=self.config.training,
                    seed=key.seed,
                    settings=self.setup.run_settings(key),
                    progress=self.reporter.advance,
                    keeping=self._keeping(writer, run_path(key.name)),
                )
            writer.put_record(run_path(key.name), trajectory)
            if trajectory.diverged_at is not None:
                self.reporter.note(f"{key.name} diverged at step {trajectory.diverged_at}")
                self.reporter.advance(self.config.training.steps - trajectory.diverged_at)

    def _keeping(self, writer: StudyWriter, path: str) -> TrainingCheckpoint:
        def save(piece: bytes, state: bytes) -> None:
            writer.put_training(path, piece, state)

        return TrainingCheckpoint(
            save, writer.training(path), self.keep_seconds,
            read=lambda: writer.pieces(path), gather=writer.gather,
        )  # fmt: skip

    def _training_threads(self, writer: StudyWriter) -> int:
        """Return the number of threads as recorded, or one or all, whichever is faster now."""
        path = analysis_path("engine", "training")
        found = writer.find(path)
        if isinstance(found, Analysis):
            return int(found.settings["threads"])
        number, _ = self.setup.speed()
        writer.put_record(path, Analysis("engine", {}, {"threads": number}))
        return number

    def _lay_planes(self, writer: StudyWriter) -> list[_Task]:
        """Make the planes of all runs that did not diverge, each with its grid.

        A run whose path is straight goes without a PCA plane; a note says so.
        """
        random, pca = self.config.random_plane, self.config.pca_plane
        tasks, paths = [], []
        for run, trajectory in self._finished(writer):
            if random.points:
                shape = (random.points[0], random.points[1])
                ends = (-random.span, random.span)
                grid = Grid.rectangle(shape, ends, ends)
                tasks.append(_Task(run, f"{run}.random", "random", grid))
            if pca.points:
                task = _Task(run, f"{run}.pca", "pca", None)
                try:
                    plane = self._plane(writer, task, trajectory)
                except StraightPathError as error:
                    self.reporter.note(f"{run} has no PCA plane: {error}")
                    continue
                tasks.append(task)
                paths.append(project(trajectory.thetas, plane)[0])
        for task in tasks:
            if task.grid is None:
                task.grid = window_around(paths, pca.points, margin=pca.margin)
        return tasks

    def _plane(self, writer: StudyWriter, task: _Task, trajectory: Trajectory) -> Plane:
        found = writer.find(plane_path(task.plane))
        if isinstance(found, Plane):
            return found
        if task.kind == "pca":
            plane = pca_plane(
                trajectory,
                length=self.config.pca_plane.length,
                memory=self.config.sampling.memory,
            )
        else:
            random = self.config.random_plane
            request = PlaneRequest(seed=random.seed, normalisation=random.normalisation)
            problem = self.setup.problem(solution_model(trajectory))
            plane = curved(problem, make_plane(problem, request))
        plane = replace(plane, settings={**plane.settings, "runs": [task.run]})
        writer.put_record(plane_path(task.plane), plane)
        return plane

    def _sample(self, writer: StudyWriter, tasks: list[_Task]) -> None:
        todo = [task for task in tasks if not writer.has(surface_path(task.plane))]
        self.reporter.stage("sampling", sum(t.grid.size for t in todo if t.grid is not None))
        for task in todo:
            trajectory = _trajectory(writer, task.run)
            plane = self._plane(writer, task, trajectory)
            evaluator = self._evaluator(writer, plane, trajectory)
            path = surface_path(task.plane)
            surface = writer.find(path)
            now = fingerprint(
                evaluator, plane, solution_model(trajectory), data=self.setup.data.sha256
            )
            if isinstance(surface, Surface):
                check_same(surface, now, task.plane)
            else:
                grid = task.grid or Grid.square()
                surface = empty_surface(evaluator, plane, grid, plane_id=task.plane, run=task.run)
                surface = replace(surface, settings=noted(surface.settings, now))
                writer.put_record(path, surface)
            self.reporter.advance(int(np.count_nonzero(surface.status)))
            for indices, values in sample_tiles(evaluator, surface):
                writer.put_tile(path, indices, values)
                self.reporter.advance(len(indices))

    def _place(self, writer: StudyWriter, tasks: list[_Task]) -> None:
        todo = [t for t in tasks if not writer.has(projection_path(t.run, t.plane))]
        self.reporter.stage("placing paths", len(todo))
        for task in todo:
            trajectory = _trajectory(writer, task.run)
            plane = self._plane(writer, task, trajectory)
            evaluator = self._evaluator(writer, plane, trajectory)
            projection = place_on(evaluator, plane, trajectory, run=task.run, plane_id=task.plane)
            writer.put_record(projection_path(task.run, task.plane), projection)
            self.reporter.advance(1)

    def _summarise(self, writer: StudyWriter, tasks: list[_Task]) -> None:
        for key in self.config.runs:
            path = analysis_path("summary", key.name)
            if writer.has(path):
                continue
            own = {task.kind: task.plane for task in tasks if task.run == key.name}
            surface = writer.find(surface_path(own["random"])) if "random" in own else None
            placed = writer.find(projection_path(key.name, own["pca"])) if "pca" in own else None
            summary = summarise(
                key.name,
                _trajectory(writer, key.name),
                target_loss=self.config.target_loss,
                surface=surface if isinstance(surface, Surface) else None,
                captured=placed.captured if isinstance(placed, Projection) else None,
            )
            writer.put_record(path, Analysis("summary", {}, summary.to_dict()))

    # -- parts -------------------------------------------------------------------------------

    def _finished(self, writer: StudyWriter) -> Iterator[tuple[str, Trajectory]]:
        # One at a time: each may be as large as what is held in memory.
        for key in self.config.runs:
            run = _trajectory(writer, key.name)
            if run.diverged_at is None:
                yield key.name, run

    def _evaluator(
        self, writer: StudyWriter, plane: Plane, trajectory: Trajectory
    ) -> PlaneEvaluator:
        """Evaluate as recorded, or as a brief measurement finds best, which is then recorded."""
        path = analysis_path("engine", "choice")
        found = writer.find(path)
        evaluator = plane_evaluator(
            self.setup.problem(solution_model(trajectory)),
            plane,
            config=self.config.sampling,
            choice=EngineChoice(**found.settings) if isinstance(found, Analysis) else None,
            points=self.setup.points,
        )
        if found is None:
            self.reporter.note(f"evaluating: {evaluator.choice}")
            writer.put_record(path, Analysis("engine", {}, evaluator.choice.to_dict()))
        return evaluator


@dataclass(slots=True)
class _Task:
    """One plane to sample."""

    run: str
    plane: str
    kind: str
    grid: Grid | None


def _trajectory(writer: StudyWriter, run: str) -> Trajectory:
    found = writer.find(run_path(run))
    if not isinstance(found, Trajectory):
        raise TypeError(f"the run {run} is not in the study; train it first")
    return found
