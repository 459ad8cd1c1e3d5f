"""One more surface of a study that is there."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.config import SamplingConfig, StudyConfig
from landscape.config.study import Length
from landscape.directions import line_within, select
from landscape.evaluation import BatchNorm, EngineChoice, PlaneEvaluator
from landscape.files import replacing, writable_folder
from landscape.grid import Grid
from landscape.naming import check_identifier
from landscape.plane import Plane
from landscape.resampling import NO_GRADIENTS, check_height, check_tolerance
from landscape.sampling import check_loss, place, plane_evaluator, with_gradients
from landscape.store import StudyFile, StudyWriter
from landscape.store.paths import plane_path, projection_path, surface_path
from landscape.study.fingerprint import check_same, fingerprint
from landscape.study.planes import OTHERS, PlaneRequest, curved, make_plane
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.solutions import solution_model
from landscape.study.work import SurfaceWork, nodes_path, same_grid
from landscape.surface import Surface
from landscape.trajectory import Trajectory

DTYPES = ("", "float32", "float64")
# Said of parameters as a whole; all else are names.
_WORDS = (("all",), ("trainable",))
OTHER_STATISTICS = (
    "the solutions differ in BatchNorm's statistics, and every point is evaluated with those of "
    "the first: the others' losses here are not their own; --batch-norm recalibrated finds the "
    "statistics anew at every point"
)


@dataclass(frozen=True, slots=True)
class Request:
    """Which surface.

    Attributes:
        run: name of the run; None for a network without one.
        kind: of the plane, see :class:`landscape.study.planes.PlaneRequest`.
        grid: coordinates; a random line or volume has one axis or three.
        seed: of the random directions.
        normalisation: of the random directions.
        which: names, layers or patterns of the parameters that random directions perturb.
        others: names of other solutions, for the kinds ``between`` and ``through``.
        placed: names of further runs whose paths are placed on the plane.
        identifier: id of plane and surface; "" makes one up.
        tolerance: 0 evaluates every point; otherwise the surface is resampled, see
            :func:`landscape.resampling.resample`.
        height: for which height the tolerance holds, ``log`` or ``linear``.
        gradients: whether derivatives along the axes are evaluated as well.
        batch_norm: see :func:`landscape.sample`.
        subset: number of examples, drawn with seed 0; 0 takes all.
        divergence: whether the divergence of the predictions is evaluated as well.
        curvature: whether a random plane carries the extreme curvatures of its centre.
        dtype: precision of the forward pass, ``float32`` or ``float64``; "" for the study's.
        length: of the directions of a ``pca`` plane, see :func:`landscape.pca_plane`.
        line: alpha and beta of one point of the plane, and of another: the surface is that along
            the line between them, its alpha 0 at the first and 1 at the second. () for the plane.
    """

    run: str | None
    kind: str
    grid: Grid
    seed: int = 0
    normalisation: str = "filter"
    which: tuple[str, ...] = ("all",)
    others: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()
    identifier: str = ""
    tolerance: float = 0.0
    height: str = "log"
    gradients: bool = False
    batch_norm: BatchNorm = "frozen"
    subset: int = 0
    divergence: bool = False
    curvature: bool = True
    dtype: str = ""
    length: Length = "unit"
    line: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        _check_line(self.line, self.kind, self.grid)
        if len(self.others) != OTHERS.get(self.kind, len(self.others)):
            raise ValueError(
                f"a {self.kind} plane is made with {OTHERS[self.kind]} other solutions, "
                f"got {len(self.others)}; name each with --other"
            )
        self.plane  # noqa: B018
        if self.tolerance:
            check_tolerance(self.tolerance)
            if self.gradients:
                raise ValueError(NO_GRADIENTS)
        check_height(self.height)
        if self.subset < 0:
            raise ValueError(f"the subset must have >= 1 examples, got {self.subset}")
        if self.dtype not in DTYPES:
            known = ", ".join(filter(None, DTYPES))
            raise ValueError(f"unknown dtype {self.dtype!r}; known: {known}")
        check_identifier(self.name, "surface")

    @property
    def plane(self) -> PlaneRequest:
        """Which plane."""
        return PlaneRequest(
            kind=self.kind, seed=self.seed, normalisation=self.normalisation,
            which=self.which[0] if self.which in _WORDS else self.which,
            axes=2 if self.line else len(self.grid.shape),
            length=self.length,
        )  # fmt: skip

    @property
    def name(self) -> str:
        """Id of plane and surface."""
        if self.identifier:
            return self.identifier
        shape = "x".join(map(str, self.grid.shape))
        ends = "_".join(f"{v:g}" for axis in self.grid.axes for v in (axis[0], axis[-1]))
        words = [f"{self.run or 'own'}.{self.kind}"]
        words[0] += f"{self.normalisation}{self.seed}" if self.kind == "random" else ""
        words[0] += self.length if self.length != "unit" else ""
        words += [shape, ends, *self.others]
        words += ["line", *(f"{v:g}" for v in self.line)] if self.line else []
        words += ["gradients"] if self.gradients else []
        words += [self.batch_norm] if self.batch_norm != "frozen" else []
        words += ["divergence"] if self.divergence else []
        words += [f"subset{self.subset}"] if self.subset else []
        words += [self.dtype] if self.dtype else []
        return "_".join(words)

    @property
    def asked(self) -> dict[str, Any]:
        """What makes the surface this one, as plain values."""
        asked: dict[str, Any] = {
            "run": self.run, "kind": self.kind, "others": list(self.others),
            "gradients": self.gradients, "batch_norm": self.batch_norm, "subset": self.subset,
        }  # fmt: skip
        if self.kind in ("random", "gradient"):
            asked["seed"] = self.seed
        if self.kind == "random":
            asked |= {"normalisation": self.normalisation, "which": list(self.which)}
        if self.length != "unit":
            asked["length"] = self.length
        if self.tolerance:
            asked |= {"tolerance": self.tolerance, "height": self.height}
        if self.dtype:
            asked["dtype"] = self.dtype
        if self.line:
            asked["line"] = list(self.line)
        return asked


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
    data = load_data(config.data)
    if data.sha256 != source.attributes.get("data_sha256"):
        raise ValueError(
            f"the data set {config.data.name} is not the one this study was trained on "
            f"(digest {data.sha256[:12]}, recorded {source.attributes.get('data_sha256')})"
        )
    model = solution_model(trajectory)
    select(model, request.plane.which)
    path = _target(source, out)
    with StudyWriter(path) as writer:
        surface_of(
            writer, request, model, trajectory.settings["loss"], data,
            paths=paths, dtype=getattr(torch, request.dtype or config.dtype), engine=engine,
            reporter=reporter,
        )  # fmt: skip
    return path, request.name


def surface_of(
    writer: StudyWriter,
    request: Request,
    model: torch.nn.Module,
    loss: Any,
    data: Any,
    *,
    paths: dict[str, Trajectory],
    others: dict[str, Any] | None = None,
    dtype: torch.dtype | None = None,
    engine: SamplingConfig,
    reporter: Reporter,
) -> None:
    """Put plane, surface and projections of a request into a study, as far as they are missing.

    Args:
        writer: of the study.
        request: which surface.
        model: at the solution.
        loss: as in :func:`landscape.sample`.
        data: likewise.
        paths: trajectories by the name of their run: that of the solution, if it has one, those
            of other solutions, and those that are placed.
        others: other solutions by name, where they have no trajectory.
        dtype: precision of the forward pass.
        engine: how points are evaluated.
        reporter: hears of progress.

    Raises:
        ValueError: if the id is taken by another surface, or the plane cannot be made.
    """
    name = request.name
    surface = writer.find(surface_path(name))
    if isinstance(surface, Surface) and not _same(surface, request):
        raise ValueError(f"the id {name} is taken by another surface; give a --name")
    plane = writer.find(plane_path(name))
    if not isinstance(plane, Plane):
        plane = _plane(request, model, loss, data, paths, {**paths, **(others or {})})
    found = surface if isinstance(surface, Surface) else writer.find(nodes_path(name))
    recorded = found.settings["engine"] if isinstance(found, Surface) else {}
    evaluator = plane_evaluator(
        model, loss, data, plane, dtype=dtype, config=engine,
        choice=EngineChoice(**recorded) if recorded else None, points=request.grid.size,
        batch_norm=request.batch_norm, subset=request.subset or None, divergence=request.divergence,
    )  # fmt: skip
    now = fingerprint(evaluator, plane, model)
    if isinstance(found, Surface):
        check_same(found, now, name)
    _compare(evaluator, plane, request, paths.get(str(request.run)), reporter)
    points = f"{request.grid.size:,} points of {request.run or 'the network'}"
    reporter.note(f"sampling {points}: {evaluator.choice}")
    if not writer.has(plane_path(name)):
        # After the evaluator, which tells what is wrong with model, loss and data.
        if request.kind == "random" and request.curvature and not request.line:
            plane = curved(plane, model, loss, data)
        if plane.settings.get("batch_statistics") == "differ" and request.batch_norm == "frozen":
            reporter.note(OTHER_STATISTICS)
        if "no_hessian" in plane.settings:
            reporter.note(f"without the Hessian's eigenvalues: {plane.settings['no_hessian']}")
        writer.put_record(plane_path(name), plane)
    SurfaceWork(
        writer, evaluator, plane, name, request.run, request.grid, request.tolerance,
        request.height, request.asked, reporter, now,
    ).done()  # fmt: skip
    for run in paths:
        placed = projection_path(run, name)
        if not writer.has(placed):
            record = place(evaluator, plane, paths[run], run=run, plane_id=name)
            writer.put_record(placed, record)


def _check_line(line: tuple[float, ...], kind: str, grid: Grid) -> None:
    if not line:
        return
    if len(line) != 4 or not np.isfinite(line).all():
        raise ValueError(
            "a line lies between two points of a plane, four finite numbers as 0 0 0.5 -0.5, got "
            f"{' '.join(f'{v:g}' for v in line)}"
        )
    if kind == "between":
        raise ValueError("between two solutions there is a line already; leave --line out")
    if len(grid.shape) != 1:
        raise ValueError(f"a line has 1 axis, got a grid of {len(grid.shape)}; write it as 201x1")


def _plane(
    request: Request,
    model: torch.nn.Module,
    loss: Any,
    data: Any,
    paths: dict[str, Trajectory],
    solutions: dict[str, Any],
) -> Plane:
    """Make the plane of a request, or the line within it."""
    plane = make_plane(
        request.plane, model, loss, data, trajectory=paths.get(str(request.run)),
        others=[solutions[other] for other in request.others],
    )  # fmt: skip
    return line_within(plane, request.line[:2], request.line[2:]) if request.line else plane


def _compare(
    evaluator: PlaneEvaluator,
    plane: Plane,
    request: Request,
    path: Trajectory | None,
    reporter: Reporter,
) -> None:
    """Note it where the loss at the solution is another than its path recorded."""
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
