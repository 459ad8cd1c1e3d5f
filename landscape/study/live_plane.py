"""A plane of a study of which any window and any line can be sampled, and kept in the study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.sampling import empty_surface, fill
from landscape.planes.within import line_within
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface
from landscape.store import StudyFile, StudyWriter
from landscape.study.reporting import Silent
from landscape.study.request import OTHERS, Request
from landscape.study.sample_command import sample_command
from landscape.study.solution_network import SolutionNetwork
from landscape.study.stored_surface import make_surface

OnTile = Callable[[Surface], None]
Cancelled = Callable[[], bool]
# A window narrower than this, in parameter space over the norm of the parameters, is sampled in
# float64. There float32 was off by 0.2 % of what a quadratic leaves; at a tenth of it by 5 %.
FLOAT64_BELOW = 0.03
USUAL_GRID = Grid.square(51)


@dataclass
class LivePlane:
    """A plane of which any window can be sampled, and the line between any two of its points.

    Attributes:
        source: the study.
        name: id of the surface, or how the plane was made.
        plane: the plane; None if the study does not have it.
        surface: what the study holds of it.
        paths: placed on it.
        network: what is sampled; None if the study cannot build it again.
        request: how ``landscape sample`` names this plane; its grid does not matter.
    """

    source: StudyFile
    name: str
    plane: Plane | None = None
    surface: Surface | None = None
    paths: tuple[Projection, ...] = ()
    network: SolutionNetwork | None = None
    request: Request | None = None
    _evaluators: dict[torch.dtype, PlaneEvaluator] = field(default_factory=dict, init=False)

    @property
    def title(self) -> str:
        """What pictures call it."""
        return self.name

    @property
    def live(self) -> bool:
        """Whether it can be sampled: whether plane and network are known."""
        return self.network is not None and self.plane is not None

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
        evaluator = self.evaluator(self.dtype_of(grid), grid.size)
        return self._sampled(evaluator, grid, on_tile, cancelled)

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
            second: alpha and beta of the other point.
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
        return self._sampled(evaluator, grid, on_tile, cancelled)

    def _sampled(
        self, evaluator: PlaneEvaluator, grid: Grid, on_tile: OnTile, cancelled: Cancelled
    ) -> Surface:
        surface = empty_surface(evaluator, grid, run=self._able()[0].run)

        def show(indices: NDArray[np.int64], values: dict[str, Floats]) -> bool:
            nonlocal surface
            surface = surface.with_points(indices, values, Status.EVALUATED)
            on_tile(surface)
            return cancelled()

        fill(evaluator, surface, show)
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
        if request.line:
            plane = line_within(plane, request.line[:2], request.line[2:])
        with StudyWriter(self.source.path) as writer:
            make_surface(
                writer, request, self._read(request, str(surface.settings["dtype"])),
                paths={run: network.trajectory(run) for run in request.runs},
                engine=network.config.sampling, reporter=Silent(), plane=plane,
                sampled=surface,
            )  # fmt: skip
        return request.name

    def command(self, surface: Surface) -> str:
        """Write the command that samples the same window or line; "" if there is none."""
        if self.request is None:
            return ""
        return sample_command(self._asking(surface), self.source.path)

    def _able(self) -> tuple[SolutionNetwork, Plane]:
        if self.network is None or self.plane is None:
            raise ValueError(
                f"{self.name} cannot be sampled anew: the study does not say how to build its "
                "network; it can be looked at only"
            )
        return self.network, self.plane

    def _asking(self, surface: Surface) -> Request:
        if self.request is None:
            kind = surface.settings.get("kind")
            raise ValueError(
                f"a plane of kind {kind!r} is not one that 'landscape sample' makes "
                f"({', '.join(OTHERS)}); it can be looked at, not kept"
            )
        network, _ = self._able()
        dtype = str(surface.settings["dtype"])
        ends = surface.settings.get("ends", []) if len(surface.grid.shape) == 1 else []
        line = tuple(float(value) for end in ends for value in end)
        return replace(self.request, grid=surface.grid, line=line,
                       dtype="" if dtype == network.config.dtype else dtype)  # fmt: skip

    def evaluator(self, dtype: torch.dtype, points: int) -> PlaneEvaluator:
        """Return what evaluates the plane in a precision, chosen for so many points at first."""
        if dtype not in self._evaluators:
            self._evaluators[dtype] = self._made(self._able()[1], dtype, points)
        return self._evaluators[dtype]

    def _made(self, plane: Plane, dtype: torch.dtype, points: int) -> PlaneEvaluator:
        network, _ = self._able()
        request = self.request or Request(run=network.run, kind="random", grid=USUAL_GRID)
        return PlaneEvaluator(
            self._read(request, str(dtype).removeprefix("torch.")), plane,
            config=request.engine(network.config.sampling), points=points,
            divergence=request.divergence,
        )  # fmt: skip

    def _read(self, request: Request, dtype: str) -> Problem:
        """Return the network's problem, read as a request says, in a precision."""
        return replace(request, dtype=dtype).read(self._able()[0].problem)


def request_of(surface: Surface) -> Request | None:
    """Return the request for a surface's plane; None if ``landscape sample`` makes no such one."""
    request = Request.of(surface, "")
    if request is None or surface.settings.get("kind") != request.kind:
        return None
    return replace(request, tolerance=0.0, height="log", dtype="", line=())
