"""A surface in the making: every finished tile goes to the journal at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.resampling import coarser, resample, with_known
from landscape.evaluation.sampling import empty_surface, sample_tiles
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.plurals import counted
from landscape.records.surface import Status, Surface
from landscape.store import StudyWriter
from landscape.store.places import analysis_path, surface_path
from landscape.study.fingerprint import noted
from landscape.study.reporting import Reporter


@dataclass(frozen=True, slots=True)
class SurfaceWork:
    """What is needed to sample a surface and to continue it.

    Attributes:
        writer: of the study.
        evaluator: of the network on the plane.
        plane: the plane.
        identifier: of plane and surface.
        run: whose solution it is; None for a network without a run.
        grid: coordinates.
        tolerance: 0 evaluates every point; otherwise the surface is resampled.
        height: for which height the tolerance holds.
        asked: what makes this surface this one, plain values, noted in its settings.
        reporter: hears of progress.
        fingerprint: what else decides its values, noted likewise.
        own: of which network of the user's own it is, noted likewise; empty for a run.
    """

    writer: StudyWriter
    evaluator: PlaneEvaluator
    plane: Plane
    identifier: str
    run: str | None
    grid: Grid
    tolerance: float
    height: str
    asked: dict[str, Any]
    reporter: Reporter
    fingerprint: dict[str, str]
    own: Mapping[str, Any] = field(default_factory=dict)

    def done(self) -> None:
        """Sample or resample the surface, unless it is there already."""
        path = surface_path(self.identifier)
        if not self.tolerance:
            if not self.writer.has(path):
                self._sample()
            return
        nodes = self.writer.find(nodes_path(self.identifier))
        if isinstance(nodes, Surface) and not nodes.complete:
            self._complete(nodes_path(self.identifier), nodes, "Chebyshev points")
        found = self.writer.find(path)
        if isinstance(found, Surface) and not found.complete and "resampled" not in found.settings:
            self._sample()  # interpolation did not reach the tolerance
        decay = analysis_path("spectral_decay", self.identifier)
        if not (self.writer.has(path) and self.writer.has(decay)):
            # Points of a resampled surface that damage took are interpolated again.
            self._resample()

    def _sample(self) -> Surface:
        """Evaluate every point that is missing."""
        path = surface_path(self.identifier)
        surface = self.writer.find(path)
        if not isinstance(surface, Surface):
            surface = self._empty(self.grid)
            self.writer.put_record(path, surface)
        return self._complete(path, surface, "sampling")

    def _resample(self) -> None:
        """Evaluate at Chebyshev points and interpolate the rest, or else evaluate every point."""
        result = resample(
            self.evaluator,
            self.plane,
            self.grid,
            tolerance=self.tolerance,
            height=self.height,
            plane_id=self.identifier,
            run=self.run,
            sample_nodes=self._nodes,
            sample_rest=lambda _empty: self._sample(),
        )
        if result.converged:
            self.writer.put_record(surface_path(self.identifier), self._noted(result.surface))
            said = result.surface.settings["resampled"]
            self.reporter.note(
                f"{counted(said['evaluations'], 'point')} evaluated, the other "
                f"{int(np.sum(result.surface.status == Status.INTERPOLATED)):,} interpolated, "
                f"estimated error {said['estimated_error']:.1g} of the range"
            )
        else:
            self.reporter.note("interpolation did not reach the tolerance: every point evaluated")
        self.writer.put_record(analysis_path("spectral_decay", self.identifier), result.analysis())

    def _nodes(self, grid: Grid, known: Surface | None) -> Surface:
        path = nodes_path(self.identifier)
        surface = self.writer.find(path)
        if not isinstance(surface, Surface) or surface.grid.size < grid.size:
            surface = with_known(self._empty(grid), known)
            self.writer.put_record(path, surface)
        elif surface.grid.size > grid.size:
            # An earlier call got further: the coarser level is part of it.
            return coarser(surface, grid)
        return self._complete(path, surface, "Chebyshev points")

    def _empty(self, grid: Grid) -> Surface:
        return self._noted(
            empty_surface(
                self.evaluator, self.plane, grid, plane_id=self.identifier, run=self.run
            )
        )  # fmt: skip

    def _noted(self, surface: Surface) -> Surface:
        settings = noted(surface.settings, self.fingerprint)
        own = {"own": dict(self.own)} if self.own else {}
        return replace(surface, settings={**settings, "asked": self.asked, **own})

    def _complete(self, path: str, surface: Surface, stage: str) -> Surface:
        self.reporter.stage(stage, surface.grid.size)
        self.reporter.advance(int((surface.status > 0).sum()))
        for indices, values in sample_tiles(self.evaluator, surface):
            missing = int((surface.status.reshape(-1)[indices] == 0).sum())
            self.writer.put_tile(path, indices, values)
            surface = surface.with_points(indices, values, Status.EVALUATED)
            self.reporter.advance(missing)
        return surface


def nodes_path(identifier: str) -> str:
    """Return where the Chebyshev points of a resampled surface are stored."""
    return surface_path(f"{identifier}.nodes")


def same_grid(surface: Surface, grid: Grid) -> bool:
    """Whether a surface has these coordinates."""
    return surface.grid.shape == grid.shape and all(
        (a == b).all() for a, b in zip(surface.grid.axes, grid.axes, strict=True)
    )
