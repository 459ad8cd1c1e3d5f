"""A plane of a study of which any window and any line can be sampled, and kept in the study."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import (
    empty_surface,
    plane_evaluator,
    sample_tiles,
    with_gradients,
)
from landscape.planes.within import line_within
from landscape.problem import Problem
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import plane_path, surface_path
from landscape.study.one_surface import surface_of
from landscape.study.plane_request import OTHERS, curved
from landscape.study.reporting import Silent
from landscape.study.request import Request
from landscape.study.solution_network import SolutionNetwork

OnTile = Callable[[Surface], None]
Cancelled = Callable[[], bool]
# A window narrower than this, in parameter space over the norm of the parameters, is sampled in
# float64. There float32 was off by 0.2 % of what a quadratic leaves; at a tenth of it by 5 %.
FLOAT64_BELOW = 0.03
USUAL_GRID = Grid.square(51)


class LivePlane:
    """A plane of which any window can be sampled, and the line between any two of its points.

    Args:
        source: the study.
        name: id of the surface, or how the plane was made.
        plane: the plane; None if the study does not have it.
        surface: what the study holds of it.
        paths: placed on it.
        network: what is sampled; None if the study cannot build it again.
        request: how ``landscape sample`` names this plane; its grid does not matter.
    """

    def __init__(
        self,
        source: StudyFile,
        name: str,
        *,
        plane: Plane | None = None,
        surface: Surface | None = None,
        paths: tuple[Projection, ...] = (),
        network: SolutionNetwork | None = None,
        request: Request | None = None,
    ) -> None:
        self.name = name
        self.title = name
        self.plane = plane
        self.surface = surface
        self.paths = paths
        self._source = source
        self._network = network
        self._request = request
        self._evaluators: dict[torch.dtype, PlaneEvaluator] = {}

    @property
    def live(self) -> bool:
        """Whether it can be sampled: whether plane and network are known."""
        return self._network is not None and self.plane is not None

    def dtype_of(self, grid: Grid) -> torch.dtype:
        """Return the precision in which a window is sampled.

        float64 below :data:`FLOAT64_BELOW`, otherwise that of the study.
        """
        _, plane = self._able()
        lengths = np.linalg.norm(plane.directions, axis=1)
        width = max(float(np.ptp(axis)) * length
                    for axis, length in zip(grid.axes, lengths, strict=True))  # fmt: skip
        return self._dtype(width)

    def _dtype(self, width: float) -> torch.dtype:
        network, plane = self._able()
        usual: torch.dtype = getattr(torch, network.config.dtype)
        return torch.float64 if width < FLOAT64_BELOW * np.linalg.norm(plane.origin) else usual

    def sample(self, grid: Grid, on_tile: OnTile, cancelled: Cancelled) -> Surface:
        """Sample a window, coarse to fine.

        Args:
            grid: the window.
            on_tile: called with the unfinished surface after every tile.
            cancelled: asked after every tile; the surface then stays unfinished.

        Raises:
            ValueError: if the network cannot be built again from the study.
        """
        _, plane = self._able()
        evaluator = self._evaluator(self.dtype_of(grid), grid.size)
        return self._sampled(evaluator, plane, grid, on_tile, cancelled)

    def sample_line(
        self,
        first: tuple[float, float],
        second: tuple[float, float],
        points: int,
        on_tile: OnTile,
        cancelled: Cancelled,
    ) -> Surface:
        """Sample the line from one point of the plane to another, as ``sample --line`` does.

        Args:
            first: its alpha and beta.
            second: likewise.
            points: on the line, its ends among them.
            on_tile: called with the unfinished line after every tile.
            cancelled: asked after every tile; the line then stays unfinished.

        Returns:
            A surface of one axis, 0 at the first point and 1 at the second.

        Raises:
            ValueError: if the points are the same, or the network cannot be built again.
        """
        _, plane = self._able()
        line, grid = line_within(plane, first, second), Grid.line(points, (0.0, 1.0))
        evaluator = self._made(line, self._dtype(line.settings["distance"]), points)
        return self._sampled(evaluator, line, grid, on_tile, cancelled)

    def _sampled(
        self,
        evaluator: PlaneEvaluator,
        plane: Plane,
        grid: Grid,
        on_tile: OnTile,
        cancelled: Cancelled,
    ) -> Surface:
        surface = empty_surface(evaluator, plane, grid, run=self._run())
        for indices, values in sample_tiles(evaluator, surface):
            surface = surface.with_points(indices, values, Status.EVALUATED)
            on_tile(surface)
            if cancelled():
                break
        return surface

    def keep(self, surface: Surface) -> str:
        """Put a window or a line into the study, as ``landscape sample`` does, and return its id.

        Raises:
            ValueError: if it is unfinished, the id is taken by another surface, or the plane is
                not of a kind that ``landscape sample`` makes.
            BlockingIOError: if another process is writing the study.
            OSError: if there is no room.
        """
        network, plane = self._able()
        if not surface.complete:
            raise ValueError("only a finished surface can be kept; wait until it is sampled")
        request = self._asking(surface)
        plane = replace(plane, settings=_without_window(plane.settings))
        if request.line:
            plane = line_within(plane, request.line[:2], request.line[2:])
        elif request.kind == "random" and not {"hessian", "no_hessian"} & set(plane.settings):
            plane = curved(request.read(network.problem), plane)
        name = request.name
        settings = {**_without_window(surface.settings), **plane.settings, "asked": request.asked}
        with StudyWriter(self._source.path) as writer:
            if writer.find(surface_path(name)) is None:
                if writer.find(plane_path(name)) is None:
                    writer.put_record(plane_path(name), plane)
                whole = replace(surface, plane=name, run=request.run, settings=settings)
                writer.put_record(surface_path(name), whole)
            # Checks that the id is this surface's, and places the paths.
            surface_of(
                writer, request, self._read(request, str(surface.settings["dtype"])),
                paths={run: network.trajectory(run) for run in self._runs(request)},
                engine=network.config.sampling, reporter=Silent(),
            )  # fmt: skip
        return name

    def command(self, surface: Surface) -> str:
        """Write the command that samples the same window or line; "" if there is none."""
        if self._request is None:
            return ""
        request = self._asking(surface)
        words = ["landscape", "sample", str(self._source.path), "--run", str(request.run)]
        words += ["--plane", request.kind]
        for other in request.others:
            words += ["--other", other]
        if request.kind in ("random", "gradient") and request.seed:
            words += ["--seed", str(request.seed)]
        if request.kind == "random" and request.normalisation != "filter":
            words += ["--normalisation", request.normalisation]
        words += ["--length", request.length] if request.kind == "pca" else []
        for which in () if request.which == ("all",) else request.which:
            words += ["--which", which]
        if request.line:
            words += ["--line", *map(repr, request.line), "--grid", f"{request.grid.size}x1"]
        else:
            words += ["--grid", "x".join(map(str, request.grid.shape))]
            for name, axis in zip(("--alpha", "--beta"), request.grid.axes, strict=True):
                words += [name, repr(float(axis[0])), repr(float(axis[-1]))]
        words += ["--dtype", request.dtype] if request.dtype else []
        words += ["--gradients"] if request.gradients else []
        words += ["--batch-norm", request.batch_norm] if request.batch_norm != "frozen" else []
        words += ["--subset", str(request.subset)] if request.subset else []
        words += ["--divergence"] if request.divergence else []
        return shlex.join(words)

    def _able(self) -> tuple[SolutionNetwork, Plane]:
        if self._network is None or self.plane is None:
            raise ValueError(
                f"{self.name} cannot be sampled anew: the study does not say how to build its "
                "network; it can be looked at only"
            )
        return self._network, self.plane

    def _run(self) -> str | None:
        return None if self._network is None else self._network.run

    def _runs(self, request: Request) -> list[str]:
        return list(dict.fromkeys([str(request.run), *request.others, *request.placed]))

    def _asking(self, surface: Surface) -> Request:
        if self._request is None:
            kind = surface.settings.get("kind")
            raise ValueError(
                f"a plane of kind {kind!r} is not one that 'landscape sample' makes "
                f"({', '.join(OTHERS)}); it can be looked at, not kept"
            )
        network, _ = self._able()
        dtype = str(surface.settings["dtype"])
        ends = surface.settings.get("ends", []) if len(surface.grid.shape) == 1 else []
        line = tuple(float(value) for end in ends for value in end)
        return replace(self._request, grid=surface.grid, line=line,
                       dtype="" if dtype == network.config.dtype else dtype)  # fmt: skip

    def _evaluator(self, dtype: torch.dtype, points: int) -> PlaneEvaluator:
        if dtype not in self._evaluators:
            self._evaluators[dtype] = self._made(self._able()[1], dtype, points)
        return self._evaluators[dtype]

    def _made(self, plane: Plane, dtype: torch.dtype, points: int) -> PlaneEvaluator:
        network, _ = self._able()
        request = self._request or Request(run=network.run, kind="random", grid=USUAL_GRID)
        return plane_evaluator(
            self._read(request, str(dtype).removeprefix("torch.")), plane,
            config=_engine(network.config.sampling, request), points=points,
            divergence=request.divergence,
        )  # fmt: skip

    def _read(self, request: Request, dtype: str) -> Problem:
        """Return the network's problem, read as a request says, in a precision."""
        return replace(request, dtype=dtype).read(self._able()[0].problem)


def request_of(surface: Surface) -> Request | None:
    """Return how ``landscape sample`` is asked for the plane of a surface; None if it is not."""
    settings = surface.settings
    asked = {**settings.get("asked", {})}
    kind = asked.get("kind", settings.get("kind"))
    if kind not in OTHERS or OTHERS[kind] != len(asked.get("others", [])):
        return None
    return Request(
        run=surface.run, kind=kind, grid=surface.grid,
        seed=int(settings.get("seed", 0)) if kind in ("random", "gradient") else 0,
        normalisation=str(settings.get("normalisation", "filter")) if kind == "random"
        else "filter",
        which=tuple(asked.get("which", ["all"])), others=tuple(asked.get("others", [])),
        gradients=bool(asked.get("gradients", False)),
        batch_norm=asked.get("batch_norm", "frozen"), subset=int(asked.get("subset", 0)),
        divergence="divergences" in surface.fields,
        length="unit" if settings.get("direction_length", 1.0) == 1.0 else "displacement",
    )  # fmt: skip


def _engine(engine: SamplingConfig, request: Request) -> SamplingConfig:
    """As the command does: what the study prescribes for the loss alone does not bind."""
    if not request.gradients:
        return engine
    return with_gradients(replace(engine, strategy="auto", compile="never"))


def _without_window(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what only says for which runs the experiment made the plane."""
    return {key: value for key, value in settings.items() if key != "runs"}
