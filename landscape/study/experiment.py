"""Running a study: train every run, then make its surfaces.

A task is done when its record is in the file, so that the same call continues a study that was
interrupted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from landscape.evaluation.choice import threads
from landscape.planes.pca import StraightPathError, pca_plane
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.presenting import Presented, in_short
from landscape.records.projection import project
from landscape.records.results import Analysis, Projection
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory
from landscape.records.windows import window_around
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import (
    analysis_path,
    plane_path,
    projection_path,
    run_path,
    surface_path,
)
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples, Reporter, Silent, WithinStage
from landscape.study.request import Request
from landscape.study.setup import Setup
from landscape.study.solution_network import solution_model
from landscape.study.stored_surface import make_surface
from landscape.study.summary import summarise
from landscape.training.loop import train
from landscape.training.training_checkpoint import TrainingCheckpoint


@dataclass(slots=True, repr=False)
class Study(Presented):
    """An experiment: a configuration, a file, and a way to load its data.

    Args:
        config: what to train and sample.
        path: the study file.
        load_data: called with ``config.data``; gives the examples.
        reporter: receives stages, progress and notes.
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
                self._sample(writer, self._requests(writer))
                self._summarise(writer)
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
        recorded = writer.find(path)
        if isinstance(recorded, Analysis):
            return int(recorded.settings["threads"])
        number, _ = self.setup.speed()
        writer.put_record(path, Analysis("engine", {}, {"threads": number}))
        return number

    def _requests(self, writer: StudyWriter) -> list[Request]:
        """Return the surfaces of all runs that did not diverge.

        PCA planes are made at once, since one window holds the paths of all. A run whose path is
        straight goes without a PCA plane; a note says so.
        """
        random, pca = self.config.random_plane, self.config.pca_plane
        requests, paths = [], {}
        for run, trajectory in self._finished(writer):
            if random.points:
                ends = (-random.span, random.span)
                requests.append(Request(
                    run=run, kind="random", identifier=f"{run}.random", seed=random.seed,
                    normalisation=random.normalisation, grid=Grid.over(random.points, (ends, ends)),
                ))  # fmt: skip
            if pca.points:
                try:
                    paths[run] = project(trajectory.thetas, self._pca(writer, run, trajectory))[0]
                except StraightPathError as error:
                    self.reporter.note(f"{run} has no PCA plane: {error}")
        if paths:
            window = window_around(list(paths.values()), pca.points, margin=pca.margin)
            requests += [Request(run=run, kind="pca", identifier=f"{run}.pca", length=pca.length,
                                 grid=window) for run in paths]  # fmt: skip
        return requests

    def _pca(self, writer: StudyWriter, run: str, trajectory: Trajectory) -> Plane:
        plane = writer.find(plane_path(f"{run}.pca"))
        if not isinstance(plane, Plane):
            length, memory = self.config.pca_plane.length, self.config.sampling.memory
            plane = pca_plane(trajectory, length=length, memory=memory)
            writer.put_record(plane_path(f"{run}.pca"), plane)
        return plane

    def _sample(self, writer: StudyWriter, requests: list[Request]) -> None:
        """Make the surfaces, all by the engine's choice for the first."""
        missing = [request for request in requests if not writer.has(surface_path(request.name))]
        self.reporter.stage("sampling", sum(request.grid.size for request in missing))
        for request in requests:
            run, name = str(request.run), request.name
            parts = (surface_path(name), plane_path(name), projection_path(run, name))
            if not all(map(writer.has, parts)):
                trajectory = _trajectory(writer, run)
                make_surface(
                    writer, request, self.setup.problem(solution_model(trajectory)),
                    paths={run: trajectory}, engine=self.config.sampling,
                    reporter=WithinStage(self.reporter),
                    choice_path=analysis_path("engine", "choice"), points=self.setup.points,
                )  # fmt: skip

    def _summarise(self, writer: StudyWriter) -> None:
        for key in self.config.runs:
            path = analysis_path("summary", key.name)
            if writer.has(path):
                continue
            surface = writer.find(surface_path(f"{key.name}.random"))
            placed = writer.find(projection_path(key.name, f"{key.name}.pca"))
            summary = summarise(
                key.name,
                _trajectory(writer, key.name),
                target_loss=self.config.target_loss,
                surface=surface if isinstance(surface, Surface) else None,
                captured=placed.captured if isinstance(placed, Projection) else None,
            )
            writer.put_record(path, Analysis("summary", {}, asdict(summary)))

    # -- parts -------------------------------------------------------------------------------

    def _finished(self, writer: StudyWriter) -> Iterator[tuple[str, Trajectory]]:
        # One at a time: each may be as large as what is held in memory.
        for key in self.config.runs:
            run = _trajectory(writer, key.name)
            if run.diverged_at is None:
                yield key.name, run


def _trajectory(writer: StudyWriter, run: str) -> Trajectory:
    trajectory = writer.find(run_path(run))
    if not isinstance(trajectory, Trajectory):
        raise TypeError(f"the run {run} is not in the study; train it first")
    return trajectory
