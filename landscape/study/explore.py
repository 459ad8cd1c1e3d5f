"""Looking around in a study: any window of any of its planes, sampled anew by its networks."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from landscape.config import SamplingConfig, StudyConfig
from landscape.evaluation import PlaneEvaluator
from landscape.grid import Grid
from landscape.plane import Plane
from landscape.results import Projection
from landscape.sampling import (
    empty_surface,
    place,
    plane_evaluator,
    sample_tiles,
    with_gradients,
)
from landscape.store import StudyFile, StudyWriter
from landscape.store.paths import plane_path, surface_path
from landscape.study.more import Request, surface_of
from landscape.study.planes import OTHERS, curved, make_plane
from landscape.study.reporting import Examples, Silent
from landscape.study.solution_network import SolutionNetwork
from landscape.surface import Status, Surface

OnTile = Callable[[Surface], None]
Cancelled = Callable[[], bool]
# A window narrower than this, in parameter space over the norm of the parameters, is sampled in
# float64. There float32 was off by 0.2 % of what a quadratic leaves; at a tenth of it by 5 %.
FLOAT64_BELOW = 0.03
_GRID = Grid.square(51)


class LivePlane:
    """A plane of which any window can be sampled.

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

    def dtype_of(self, grid: Grid) -> torch.dtype:
        """Return the precision in which a window is sampled.

        float64 below :data:`FLOAT64_BELOW`, otherwise that of the study.
        """
        network, plane = self._able()
        usual: torch.dtype = getattr(torch, network.config.dtype)
        norm = float(np.linalg.norm(plane.origin))
        lengths = np.linalg.norm(plane.directions, axis=1)
        width = max(float(np.ptp(axis)) * length
                    for axis, length in zip(grid.axes, lengths, strict=True))  # fmt: skip
        return torch.float64 if width < FLOAT64_BELOW * norm else usual

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
        surface = empty_surface(evaluator, plane, grid, run=self._run())
        for indices, values in sample_tiles(evaluator, surface):
            surface = surface.with_points(indices, values, Status.EVALUATED)
            on_tile(surface)
            if cancelled():
                break
        return surface

    def keep(self, surface: Surface) -> str:
        """Put a window into the study, as ``landscape sample`` does, and return its id.

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
        if request.kind == "random" and not {"hessian", "no_hessian"} & set(plane.settings):
            plane = curved(plane, network.model, network.loss, network.data)
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
                writer, request, network.model, network.loss, network.data,
                paths={run: network.trajectory(run) for run in self._runs(request)},
                dtype=getattr(torch, str(surface.settings["dtype"])),
                engine=network.config.sampling, reporter=Silent(),
            )  # fmt: skip
        return name

    def command(self, surface: Surface) -> str:
        """Write the command that samples the same window; "" if there is none."""
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
        return replace(self._request, grid=surface.grid,
                       dtype="" if dtype == network.config.dtype else dtype)  # fmt: skip

    def _evaluator(self, dtype: torch.dtype, points: int) -> PlaneEvaluator:
        if dtype not in self._evaluators:
            network, plane = self._able()
            request = self._request or Request(run=network.run, kind="random", grid=_GRID)
            self._evaluators[dtype] = plane_evaluator(
                network.model, network.loss, network.data, plane, dtype=dtype,
                config=_engine(network.config.sampling, request), points=points,
                batch_norm=request.batch_norm, subset=request.subset or None,
                divergence=request.divergence,
            )  # fmt: skip
        return self._evaluators[dtype]


class StudyAtlas:
    """Every surface of a study over a plane, and new planes through its solutions.

    Args:
        source: the study.
        config: its configuration; None if it has none: its surfaces can then only be looked at.
        load_data: called with ``config.data`` when something is sampled first.
    """

    def __init__(
        self,
        source: StudyFile,
        config: StudyConfig | None,
        *,
        load_data: Callable[[Any], Examples],
    ) -> None:
        self._source = source
        self._config = config
        self._load_data = load_data
        self._networks: dict[str, SolutionNetwork] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the surfaces over planes."""
        found = [n for n in self._source.surfaces() if not n.endswith(".nodes")]
        return tuple(n for n in found if len(self._source.surface(n).grid.shape) == 2)

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs that new planes can go through."""
        return tuple(self._source.runs()) if self._config is not None else ()

    def open(self, name: str) -> LivePlane:
        """Return a plane of the study by the id of a surface over it.

        Raises:
            KeyError: if there is no such surface.
            ValueError: if it is not over a plane.
        """
        source, surface = self._source, self._source.surface(name)
        if len(surface.grid.shape) != 2:
            raise ValueError(f"{name} has {len(surface.grid.shape)} axes; a plane has 2")
        plane = source.plane(surface.plane) if surface.plane in source.planes() else None
        placed = [p.partition("@") for p in source.projections()]
        paths = tuple(source.projection(run, on) for run, _, on in placed if on == surface.plane)
        # The path of the surface's own run first: colours go by this order.
        paths = tuple(sorted(paths, key=lambda path: path.run != surface.run))
        network = self._network(surface.run) if surface.run in self.runs else None
        request = request_of(surface) if network else None
        return LivePlane(source, name, plane=plane, surface=surface, paths=paths,
                         network=network, request=request)  # fmt: skip

    def make(self, **choice: Any) -> LivePlane:
        """Make a new plane through a solution; its paths are placed on it.

        Args:
            choice: ``run``, ``kind``, ``seed``, ``normalisation``, ``others`` of
                :class:`landscape.study.more.Request`.

        Raises:
            KeyError: if there is no such run.
            ValueError: if the plane cannot be made.
        """
        if self._config is None:
            raise ValueError("this study does not say how to build its networks: no new planes")
        request = Request(grid=_GRID, **choice)
        network = self._network(str(request.run))
        others = [network.trajectory(other) for other in request.others]
        own = network.trajectory(network.run)
        plane = make_plane(request.plane, network.model, network.loss, network.data,
                           trajectory=own, others=others)  # fmt: skip
        name = request.name.partition(f"_{_GRID.shape[0]}x")[0]
        live = LivePlane(self._source, "_".join([name, *request.others]), plane=plane,
                         network=network, request=request)  # fmt: skip
        evaluator = live._evaluator(getattr(torch, self._config.dtype), _GRID.size)
        live.paths = tuple(
            place(evaluator, plane, network.trajectory(run), run=run, plane_id=live.name)
            for run in dict.fromkeys([network.run, *request.others])
        )
        return live

    def _network(self, run: str | None) -> SolutionNetwork:
        if self._config is None or run is None:
            raise ValueError("a network is built from the configuration of a study and a run")
        if run not in self._networks:
            # One at a time: networks and their data are large.
            self._networks = {
                run: SolutionNetwork(self._source, self._config, run, self._load_data)
            }
        return self._networks[run]


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
