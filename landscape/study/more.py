"""One more surface of a study that is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch

from landscape.config import StudyConfig
from landscape.config.study import NORMALISATIONS, Normalisation
from landscape.directions import pca_plane, random_plane
from landscape.evaluation import EngineChoice
from landscape.files import replacing, writable_folder
from landscape.grid import Grid
from landscape.plane import Plane
from landscape.sampling import empty_surface, place, plane_evaluator, sample_tiles
from landscape.store import StudyFile, StudyWriter
from landscape.store.paths import plane_path, projection_path, surface_path
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.solutions import solution_model
from landscape.surface import Surface
from landscape.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Request:
    """Which surface.

    Attributes:
        run: name of the run.
        kind: ``random`` or ``pca``.
        seed: of the random directions.
        normalisation: of the random directions.
        grid: coordinates.
        identifier: id of plane and surface; "" makes one up.
    """

    run: str
    kind: str
    grid: Grid
    seed: int = 0
    normalisation: str = "filter"
    identifier: str = ""

    def __post_init__(self) -> None:
        if self.kind not in ("random", "pca"):
            raise ValueError(f"unknown plane {self.kind!r}; known: random, pca")
        if self.normalisation not in NORMALISATIONS:
            raise ValueError(
                f"unknown normalisation {self.normalisation!r}; known: {', '.join(NORMALISATIONS)}"
            )

    @property
    def name(self) -> str:
        """Id of plane and surface."""
        if self.identifier:
            return self.identifier
        shape = "x".join(map(str, self.grid.shape))
        ends = "_".join(f"{v:g}" for axis in self.grid.axes for v in (axis[0], axis[-1]))
        detail = f"{self.normalisation}{self.seed}" if self.kind == "random" else ""
        return f"{self.run}.{self.kind}{detail}_{shape}_{ends}"


def sample_more(
    source: StudyFile,
    config: StudyConfig,
    request: Request,
    *,
    load_data: Callable[[Any], Examples],
    out: Path | None = None,
    reporter: Reporter | None = None,
) -> tuple[Path, str]:
    """Sample a surface and add it to the study, or to a copy of it in another folder.

    Returns:
        The study file and the id of the surface.

    Raises:
        KeyError: if the study has no such run.
        ValueError: if the run diverged, the data are not those it was trained on, or the id is
            taken by another surface.
    """
    reporter = reporter or Silent()
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
        recorded = surface.settings["engine"] if isinstance(surface, Surface) else {}
        evaluator = plane_evaluator(
            model,
            trajectory.settings["loss"],
            data,
            plane,
            dtype=getattr(torch, config.dtype),
            config=config.sampling,
            choice=EngineChoice(**recorded) if recorded else None,
            points=request.grid.size,
        )
        reporter.note(f"evaluating: {evaluator.choice}")
        if not isinstance(surface, Surface):
            writer.put_record(plane_path(request.name), plane)
            surface = empty_surface(
                evaluator, plane, request.grid, plane_id=request.name, run=request.run
            )
            writer.put_record(surface_path(request.name), surface)
        elif not _same(surface, request):
            raise ValueError(f"the id {request.name} is taken by another surface; give a --name")
        reporter.stage("sampling", request.grid.size)
        reporter.advance(int((surface.status > 0).sum()))
        for indices, values in sample_tiles(evaluator, surface):
            writer.put_tile(surface_path(request.name), indices, values)
            reporter.advance(len(indices))
        placed = place(evaluator, plane, trajectory, run=request.run, plane_id=request.name)
        writer.put_record(projection_path(request.run, request.name), placed)
    return path, request.name


def _plane(request: Request, trajectory: Trajectory, model: torch.nn.Module) -> Plane:
    if request.kind == "pca":
        return pca_plane(trajectory)
    normalisation = cast("Normalisation", request.normalisation)
    return random_plane(model, seed=request.seed, normalisation=normalisation)


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
    same_draws = (made.get("seed"), made.get("normalisation")) == wanted
    return same_axes and same_kind and (request.kind == "pca" or same_draws)
