"""One more surface of a study that is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from landscape.config import SamplingConfig, StudyConfig
from landscape.config.study import NORMALISATIONS, Normalisation
from landscape.directions import pca_plane, random_plane
from landscape.evaluation import EngineChoice, PlaneEvaluator
from landscape.files import replacing, writable_folder
from landscape.grid import Grid
from landscape.naming import check_identifier
from landscape.plane import Plane
from landscape.resampling import (
    NO_GRADIENTS,
    check_height,
    check_tolerance,
    coarser,
    resample,
    with_known,
)
from landscape.sampling import (
    empty_surface,
    place,
    plane_evaluator,
    sample_tiles,
    with_gradients,
)
from landscape.store import StudyFile, StudyWriter
from landscape.store.paths import analysis_path, plane_path, projection_path, surface_path
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.solutions import solution_model
from landscape.surface import Status, Surface
from landscape.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Request:
    """Which surface.

    Attributes:
        run: name of the run.
        kind: ``random`` or ``pca``.
        seed: of the random directions.
        normalisation: of the random directions.
        grid: coordinates; a random line or volume has one axis or three.
        identifier: id of plane and surface; "" makes one up.
        tolerance: 0 evaluates every point; otherwise the surface is resampled, see
            :func:`landscape.resampling.resample`.
        height: for which height the tolerance holds, ``log`` or ``linear``.
        gradients: whether derivatives along the axes are evaluated as well.
    """

    run: str
    kind: str
    grid: Grid
    seed: int = 0
    normalisation: str = "filter"
    identifier: str = ""
    tolerance: float = 0.0
    height: str = "log"
    gradients: bool = False

    def __post_init__(self) -> None:
        if self.kind not in ("random", "pca"):
            raise ValueError(f"unknown plane {self.kind!r}; known: random, pca")
        if self.kind == "pca" and len(self.grid.shape) != 2:
            raise ValueError(f"a pca plane has 2 axes, got a grid of {len(self.grid.shape)}")
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(
                f"unknown normalisation {self.normalisation!r}; known: {', '.join(NORMALISATIONS)}"
            )
        if self.tolerance:
            check_tolerance(self.tolerance)
            if self.gradients:
                raise ValueError(NO_GRADIENTS)
        check_height(self.height)
        if self.seed < 0:
            raise ValueError(f"the seed must be >= 0, got {self.seed}; leave it out for 0")
        check_identifier(self.name, "surface")

    @property
    def name(self) -> str:
        """Id of plane and surface."""
        if self.identifier:
            return self.identifier
        shape = "x".join(map(str, self.grid.shape))
        ends = "_".join(f"{v:g}" for axis in self.grid.axes for v in (axis[0], axis[-1]))
        detail = f"{self.normalisation}{self.seed}" if self.kind == "random" else ""
        gradients = "_gradients" if self.gradients else ""
        return f"{self.run}.{self.kind}{detail}_{shape}_{ends}{gradients}"


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
        request: which surface.
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
    request, engine = _engine(request, engine, config)
    trajectory = source.trajectory(request.run)
    if trajectory.diverged_at is not None:
        raise ValueError(f"{request.run} diverged at step {trajectory.diverged_at}: no solution")
    data = load_data(config.data)
    if data.sha256 != source.attributes.get("data_sha256"):
        raise ValueError(
            f"the data set {config.data.name} is not the one this study was trained on "
            f"(digest {data.sha256[:12]}, recorded {source.attributes.get('data_sha256')})"
        )
    model = solution_model(trajectory)
    plane = _plane(request, trajectory, model)
    path = _target(source, out)
    with StudyWriter(path) as writer:
        surface = writer.find(surface_path(request.name))
        if isinstance(surface, Surface) and not _same(surface, request):
            raise ValueError(f"the id {request.name} is taken by another surface; give a --name")
        found = surface if isinstance(surface, Surface) else writer.find(_nodes_path(request))
        recorded = found.settings["engine"] if isinstance(found, Surface) else {}
        evaluator = plane_evaluator(
            model,
            trajectory.settings["loss"],
            data,
            plane,
            dtype=getattr(torch, config.dtype),
            config=engine,
            choice=EngineChoice(**recorded) if recorded else None,
            points=request.grid.size,
        )
        reporter.note(f"evaluating: {evaluator.choice}")
        work = _Work(writer, evaluator, plane, request, reporter)
        if not writer.has(surface_path(request.name)):
            writer.put_record(plane_path(request.name), plane)
            work.sample() if surface is not None or not request.tolerance else work.resample()
        placed = projection_path(request.run, request.name)
        if not writer.has(placed):
            record = place(evaluator, plane, trajectory, run=request.run, plane_id=request.name)
            writer.put_record(placed, record)
    return path, request.name


@dataclass(frozen=True, slots=True)
class _Work:
    """A surface in the making: every finished tile goes to the journal at once."""

    writer: StudyWriter
    evaluator: PlaneEvaluator
    plane: Plane
    request: Request
    reporter: Reporter

    def sample(self) -> Surface:
        """Evaluate every point that is missing."""
        path = surface_path(self.request.name)
        surface = self.writer.find(path)
        if not isinstance(surface, Surface):
            surface = self._empty(self.request.grid)
            self.writer.put_record(path, surface)
        return self._complete(path, surface, "sampling")

    def resample(self) -> None:
        """Evaluate at Chebyshev points and interpolate the rest, or else evaluate every point."""
        result = resample(
            self.evaluator,
            self.plane,
            self.request.grid,
            tolerance=self.request.tolerance,
            height=self.request.height,
            plane_id=self.request.name,
            run=self.request.run,
            sample_nodes=self._nodes,
            sample_rest=lambda _empty: self.sample(),
        )
        if result.converged:
            self.writer.put_record(surface_path(self.request.name), result.surface)
            said = result.surface.settings["resampled"]
            self.reporter.note(
                f"{said['evaluations']:,} points evaluated, the other "
                f"{int(np.sum(result.surface.status == Status.INTERPOLATED)):,} interpolated, "
                f"estimated error {said['estimated_error']:.1g} of the range"
            )
        else:
            self.reporter.note("interpolation did not reach the tolerance: every point evaluated")
        self.writer.put_record(
            analysis_path("spectral_decay", self.request.name), result.analysis()
        )

    def _nodes(self, grid: Grid, known: Surface | None) -> Surface:
        path = _nodes_path(self.request)
        surface = self.writer.find(path)
        if not isinstance(surface, Surface) or surface.grid.size < grid.size:
            surface = with_known(self._empty(grid), known)
            self.writer.put_record(path, surface)
        elif surface.grid.size > grid.size:
            # An earlier call got further: the coarser level is part of it.
            return coarser(surface, grid)
        return self._complete(path, surface, "Chebyshev points")

    def _empty(self, grid: Grid) -> Surface:
        request = self.request
        return empty_surface(
            self.evaluator, self.plane, grid, plane_id=request.name, run=request.run
        )

    def _complete(self, path: str, surface: Surface, stage: str) -> Surface:
        self.reporter.stage(stage, surface.grid.size)
        self.reporter.advance(int((surface.status > 0).sum()))
        for indices, values in sample_tiles(self.evaluator, surface):
            missing = int((surface.status.reshape(-1)[indices] == 0).sum())
            self.writer.put_tile(path, indices, values)
            surface = surface.with_points(indices, values, Status.EVALUATED)
            self.reporter.advance(missing)
        return surface


def _nodes_path(request: Request) -> str:
    return surface_path(f"{request.name}.nodes")


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


def _plane(request: Request, trajectory: Trajectory, model: torch.nn.Module) -> Plane:
    if request.kind == "pca":
        return pca_plane(trajectory)
    normalisation = cast("Normalisation", request.normalisation)
    axes = len(request.grid.shape)
    return random_plane(model, seed=request.seed, normalisation=normalisation, axes=axes)


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
    same_axes = surface.grid.shape == request.grid.shape and all(
        (a == b).all() for a, b in zip(surface.grid.axes, request.grid.axes, strict=True)
    )
    made = surface.settings
    same_kind = made.get("kind") == request.kind and surface.run == request.run
    wanted = (request.seed, request.normalisation)
    resampled = made.get("resampled", {})
    asked = {"tolerance": request.tolerance, "height": request.height}
    if resampled and any(resampled.get(name) != value for name, value in asked.items()):
        return False
    if request.gradients != ("gradient_alpha" in surface.fields):
        return False
    same_draws = (made.get("seed"), made.get("normalisation")) == wanted
    return same_axes and same_kind and (request.kind == "pca" or same_draws)
