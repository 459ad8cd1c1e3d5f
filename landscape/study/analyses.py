"""Analyses of the runs of a study, added to its file; what is there is not measured again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from landscape.claims.swapped import control_of, swap_control
from landscape.curvature.expected_hessian import CHECK, DIRECTIONS, expected_hessian_check
from landscape.curvature.spectrum import STARTS, spectral_density
from landscape.kinks import (
    along_path,
    curvature_against_scale,
    kink_map,
    slope_budget,
    spread_records,
)
from landscape.kinks.microscope import StepWindow
from landscape.kinks.path_following import NODES, BatchOf
from landscape.networks import activations
from landscape.planes.network_segments import random_segment
from landscape.problem import Problem
from landscape.records.close_up import KIND as CLOSE_UP
from landscape.records.close_up import CloseUp
from landscape.records.naming import RunKey
from landscape.records.plane import Plane
from landscape.records.results import Analysis
from landscape.records.segment import Segment, step_segment
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import analysis_path
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.solution_network import solution_problem, trained_on
from landscape.study.study_close_ups import OF, CloseUpsOfRun, Of, step_window
from landscape.training.loop import batch_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which analyses of a run.

    Attributes:
        steps: optimizer steps with slope budgets, spread evenly over the run's records.
        lines: random filter-normalised lines with slope budgets, seeds 0, 1, ...
        span: the lines go from -span to span.
        samples: places of the first pass along a step; a line has four times as many, curvature
            against scale thirty times.
        path: single steps along which the change of slope is followed, spread evenly; at ``steps``
            of them linear range and sharpness are measured too. 0 leaves it out.
        swap: single steps that are measured again with the activation's copy (smooth for kinked)
            on the same weights; activations without one are left out.
        centres: of curvature against scale, along the line with seed 0; 0 leaves it out.
        map_points: lines of the kink map in the window of one optimizer step; 0 leaves it out.
        zoom: close-ups, from the whole random plane down to the window of one optimizer step; 1
            for that window alone, 0 leaves them out.
        zoom_points: of the window of one step, each way, besides those on kinks.
        zoom_of: what the close-ups are of, see :meth:`CloseUpsOfRun.windows`.
        spectrum: Lanczos steps of the Hessian's spectral density at the solution; 0 leaves it out.
        scale: the loss is averaged over a cloud before that: root mean square length of its steps
            in parameter space, or ``step`` for the length of the last step that is on record; a
            Monte Carlo check is added. None takes autograd's Hessian.

    Raises:
        ValueError: for a scale without a spectrum, or one that is not positive and finite.
    """

    steps: int = 10
    lines: int = 0
    span: float = 0.5
    samples: int = 17
    path: int = 0
    swap: int = 0
    centres: int = 0
    map_points: int = 0
    zoom: int = 0
    zoom_points: int = 81
    zoom_of: tuple[Of, ...] = OF[:1]
    spectrum: int = 0
    scale: float | Literal["step"] | None = None

    def __post_init__(self) -> None:
        if self.scale is None:
            return
        if not self.spectrum:
            raise ValueError(
                f"a scale is that of a spectrum, got scale {self.scale} and no spectrum; ask for "
                "one by so many Lanczos steps (60 is usual)"
            )
        if self.scale != "step" and not 0 < self.scale < math.inf:
            raise ValueError(f"scale must be > 0 and finite, or 'step', got {self.scale}")


# Called with the units of work that are done.
Progress = Callable[[int], None]
# Stages of the work as progress names them, in their order, and what is counted.
_STAGES = {
    "slope_budget": "slope budgets (examples)",
    "along_path": "paths (products)",
    "swap_control": "swapped activations (steps)",
    "curvature_scale": "curvature against scale (runs)",
    "expected_hessian": "checks of averaged Hessians (directions)",
    "spectrum": "spectra (products)",
    "kink_map": "kink maps (examples)",
    CLOSE_UP: "close-ups (examples)",
}


@dataclass(frozen=True, slots=True)
class Task:
    """One record that is to be in the file.

    Attributes:
        kind: of the record.
        identifier: of the record.
        units: of its work.
        measure: called with what is to hear of each unit; makes the record.
    """

    kind: str
    identifier: str
    units: int
    measure: Callable[[Progress], Analysis]

    @property
    def path(self) -> str:
        """Where the record is stored."""
        return analysis_path(self.kind, self.identifier)


def add_analyses(
    source: StudyFile,
    config: StudyConfig,
    wanted: Wanted,
    *,
    load_data: Callable[[Any], Examples],
    runs: Iterable[str] = (),
    reporter: Reporter | None = None,
) -> Path:
    """Measure what is wanted of runs that have not got it yet, and add it to the study.

    Args:
        source: the study.
        config: its configuration.
        wanted: which analyses.
        load_data: called with ``config.data``.
        runs: names; none takes all that did not diverge.
        reporter: receives stages, progress and notes.

    Raises:
        KeyError: if the study has no such run, or lacks the random plane of a map or window.
        ValueError: if the data are not those it was trained on.
    """
    reporter = reporter or Silent()
    chosen = _runs(source, runs)
    data = trained_on(source, config, load_data)
    # All trajectories are read for it: once, and only where it is needed.
    step = cache(partial(step_window, source, config))
    with StudyWriter(source.path) as writer:
        full_width = 2 * config.random_plane.span
        analysts = [Analyst(source, writer, step, full_width, wanted, data, *run, reporter)
                    for run in chosen]  # fmt: skip
        tasks = [task for analyst in analysts for task in analyst.tasks()]
        missing = [task for task in tasks if not writer.has(task.path)]
        for kind, name in _STAGES.items():
            some = [task for task in missing if task.kind == kind]
            if some:
                reporter.stage(name, sum(task.units for task in some))
            for task in some:
                writer.put_record(task.path, _measured(task, reporter))
        writer.publish()
    return source.path


def _measured(task: Task, reporter: Reporter) -> Analysis:
    """Do a task, and report its units: no more of them, and in the end no fewer."""
    left = task.units

    def progress(units: int) -> None:
        nonlocal left
        units = min(units, left)
        left -= units
        reporter.advance(units)

    analysis = task.measure(progress)
    progress(left)
    return analysis


def _runs(source: StudyFile, names: Iterable[str]) -> list[tuple[str, Trajectory]]:
    every = [(name, source.trajectory(name)) for name in (list(names) or source.runs())]
    return [(name, run) for name, run in every if run.diverged_at is None]


@dataclass
class Analyst:
    """Measures one run of a study."""

    source: StudyFile
    writer: StudyWriter
    step: Callable[[], StepWindow]
    full_width: float
    wanted: Wanted
    data: Examples
    name: str
    trajectory: Trajectory
    reporter: Reporter

    def tasks(self) -> Iterator[Task]:
        """Yield what is wanted, in an order in which each finds what it needs."""
        wanted, name = self.wanted, self.name
        examples = len(self.data.targets)
        for identifier, segment in self._segments():
            yield Task("slope_budget", identifier, examples, partial(self._budget, segment))
        if wanted.path:
            units = len(self._records(wanted.path)) * (NODES + 1)
            identifier = f"{name}.{wanted.path}.{wanted.steps}"
            yield Task("along_path", identifier, units, self._path)
        if wanted.swap and self._control:
            identifier = f"{name}.{self._control}.{wanted.swap}"
            yield Task("swap_control", identifier, len(self._records(wanted.swap)), self._swap)
        if wanted.centres:
            yield Task("curvature_scale", f"{name}.{wanted.centres}", 1, self._scales)
        if wanted.spectrum:
            if self._scale is not None:
                yield Task("expected_hessian", self._spectrum_id, DIRECTIONS, self._check)
            units = (STARTS + 1) * wanted.spectrum
            yield Task("spectrum", self._spectrum_id, units, self._spectrum)
        if wanted.map_points:
            yield Task("kink_map", f"{name}.{wanted.map_points}", examples, self._map)
        for of in wanted.zoom_of if wanted.zoom else ():
            for identifier, look in self._close_ups.windows(of):
                yield Task(CLOSE_UP, identifier, examples, partial(self._looked, look))

    @cached_property
    def _problem(self) -> Problem:
        return solution_problem(self.trajectory, self.data)

    def _records(self, count: int) -> list[int]:
        """Return where steps end that are looked at."""
        return spread_records(self.trajectory, count)

    def _segments(self) -> Iterator[tuple[str, Segment]]:
        for record in self._records(self.wanted.steps) if self.wanted.steps else []:
            segment = step_segment(self.trajectory, record)
            yield f"{self.name}.step{segment.settings['step']}", segment
        for seed in range(self.wanted.lines):
            span = self.wanted.span
            line = random_segment(self._problem.model, seed=seed, span=span)
            yield f"{self.name}.random{seed}_{span:g}", line

    def _budget(self, segment: Segment, progress: Progress) -> Analysis:
        samples = self.wanted.samples * (1 if segment.kind == "step" else 4)
        budget = slope_budget(self._problem, segment, samples=samples, progress=progress)
        return budget.to_analysis(run=self.name)

    def _path(self, progress: Progress) -> Analysis:
        wanted, records = self.wanted, self._records(self.wanted.path)
        return self._mine(
            along_path(self._trained, self.trajectory, records=records, checks=wanted.steps,
                       samples=wanted.samples, batch_of=self._batch_of, progress=progress)
        )  # fmt: skip

    @property
    def _control(self) -> str | None:
        return control_of(RunKey.parse(self.name).activation)

    def _swap(self, progress: Progress) -> Analysis:
        own = RunKey.parse(self.name).activation
        knots = [kink.place for kink in activations.get(own).kinks] or [0.0]
        return self._mine(
            swap_control(self._trained, self.trajectory, str(self._control), activation=own,
                         knots=knots, records=self._records(self.wanted.swap),
                         batch_of=self._batch_of, progress=progress)
        )  # fmt: skip

    @property
    def _trained(self) -> Problem:
        """The problem whose loss a step goes down: BatchNorm with the statistics of its batch."""
        return replace(self._problem, batch_norm="batch")

    @cached_property
    def _batch_of(self) -> BatchOf | None:
        """The minibatch of each step; None where a step takes all examples."""
        run = self.trajectory.settings
        if not 0 < run["batch_size"] < run["examples"]:
            return None
        return batch_at(self._problem, batch_size=run["batch_size"], seed=run["seed"])

    def _scales(self, _: Progress) -> Analysis:
        line = random_segment(self._problem.model, span=self.wanted.span)
        return self._mine(
            curvature_against_scale(
                self._problem, line, centres=self.wanted.centres, samples=30 * self.wanted.samples
            )
        )

    @property
    def _spectrum_id(self) -> str:
        scale = f".scale_{self.wanted.scale}" if self.wanted.scale is not None else ""
        return f"{self.name}.{self.wanted.spectrum}{scale}"

    @cached_property
    def _last_step(self) -> Segment:
        """The last single step on record in which the optimizer moved."""
        return step_segment(self.trajectory, self._records(len(self.trajectory.steps))[-1])

    @cached_property
    def _scale(self) -> float | None:
        """The size of the cloud that the loss is averaged over.

        Raises:
            ValueError: if it is larger than the weights, or no single step is on record.
        """
        wanted = self.wanted.scale
        scale = self._last_step.length if wanted == "step" else wanted
        most = float(np.linalg.norm(self.trajectory.solution))
        if scale is not None and scale > most:
            raise ValueError(
                f"scale must be at most the length of the parameters of {self.name}, {most:.4g}, "
                f"got {scale:.4g}; give the length of a step"
            )
        return scale

    def _check(self, progress: Progress) -> Analysis:
        scale = cast("float", self._scale)
        return self._mine(expected_hessian_check(self._problem, scale=scale, progress=progress))

    def _spectrum(self, progress: Progress) -> Analysis:
        spectrum = self._mine(
            spectral_density(
                self._problem, steps=self.wanted.spectrum, scale=self._scale, progress=progress
            )
        )
        if self._scale is None:
            return spectrum
        step = self._last_step.settings["step"] if self.wanted.scale == "step" else None
        check = self.writer.find(analysis_path("expected_hessian", self._spectrum_id))
        if not isinstance(check, Analysis):
            raise KeyError(f"the check of the averaged Hessian of {self.name} is missing")
        noted = {"scale_step": step, "check": {name: check.settings[name] for name in CHECK}}
        return replace(spectrum, settings={**spectrum.settings, **noted})

    @cached_property
    def _close_ups(self) -> CloseUpsOfRun:
        return CloseUpsOfRun(
            run=self.name, trajectory=self.trajectory, data=self.data, plane=lambda: self._plane,
            step=self.step, full_width=self.full_width, levels=self.wanted.zoom,
            points=self.wanted.zoom_points,
        )  # fmt: skip

    def _looked(self, look: Callable[[Progress], CloseUp], progress: Progress) -> Analysis:
        return self._mine(look(progress).to_analysis())

    def _mine(self, analysis: Analysis) -> Analysis:
        return replace(analysis, settings={**analysis.settings, "run": self.name})

    @property
    def _plane(self) -> Plane:
        return self.source.plane(f"{self.name}.random")

    def _map(self, progress: Progress) -> Analysis:
        return kink_map(
            self._problem, self._plane, grid=self.step().grid(self.wanted.map_points),
            settings={"run": self.name}, progress=progress,
        ).to_analysis()  # fmt: skip
