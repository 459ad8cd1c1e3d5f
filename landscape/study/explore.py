"""Looking around in a study: every surface over a plane, and new planes through its solutions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch

from landscape.evaluation.sampling import place_on
from landscape.store import StudyFile
from landscape.study.configuration import StudyConfig
from landscape.study.live_plane import USUAL_GRID, LivePlane, request_of
from landscape.study.reporting import Examples
from landscape.study.request import Request
from landscape.study.requested_plane import plane_of
from landscape.study.solution_network import SolutionNetwork


@dataclass
class StudyAtlas:
    """Every surface of a study over a plane, and new planes through its solutions.

    Attributes:
        source: the study.
        config: its configuration; None if it has none: its surfaces can then only be looked at.
        load_data: called with ``config.data`` when something is sampled first.
    """

    source: StudyFile
    config: StudyConfig | None
    load_data: Callable[[Any], Examples]
    _networks: dict[str, SolutionNetwork] = field(default_factory=dict, init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Ids of the surfaces over planes."""
        names = [n for n in self.source.surfaces() if not n.endswith(".nodes")]
        return tuple(n for n in names if len(self.source.surface(n).grid.shape) == 2)

    @property
    def runs(self) -> tuple[str, ...]:
        """Names of the runs that new planes can go through."""
        return tuple(self.source.runs()) if self.config is not None else ()

    def open(self, name: str) -> LivePlane:
        """Return a plane of the study by the id of a surface over it.

        Raises:
            KeyError: if there is no such surface.
            ValueError: if it is not over a plane.
        """
        source, surface = self.source, self.source.surface(name)
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
                :class:`landscape.study.request.Request`.

        Raises:
            KeyError: if there is no such run.
            ValueError: if the plane cannot be made, or another solution is of another network.
        """
        if self.config is None:
            raise ValueError("this study does not say how to build its networks: no new planes")
        request = Request(grid=USUAL_GRID, **choice)
        network = self._network(str(request.run))
        paths = {run: network.trajectory(run) for run in request.runs}
        plane = plane_of(network.problem, request, paths, {})
        name = request.name.partition(f"_{USUAL_GRID.shape[0]}x")[0]
        live = LivePlane(self.source, "_".join([name, *request.others]), plane=plane,
                         network=network, request=request)  # fmt: skip
        evaluator = live.evaluator(getattr(torch, self.config.dtype), USUAL_GRID.size)
        live.paths = tuple(
            place_on(evaluator, path, run=run, plane_id=live.name) for run, path in paths.items()
        )
        return live

    def _network(self, run: str | None) -> SolutionNetwork:
        if self.config is None or run is None:
            raise ValueError("a network is built from the configuration of a study and a run")
        if run not in self._networks:
            # One at a time: networks and their data are large.
            self._networks = {run: SolutionNetwork(self.source, self.config, run, self.load_data)}
        return self._networks[run]
