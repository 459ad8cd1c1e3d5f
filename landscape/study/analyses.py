"""Slope budgets of the runs of a study, added to its file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from landscape.activations import get
from landscape.budget import SlopeBudget
from landscape.config import StudyConfig
from landscape.kinks import random_segment, slope_budget
from landscape.naming import RunKey
from landscape.segment import Segment, step_segment
from landscape.store import StudyFile, StudyWriter
from landscape.store.paths import analysis_path
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.solutions import solution_model
from landscape.trajectory import Trajectory

KIND = "slope_budget"
# What is summarised, as median and range over the segments.
MEASURED = ("closure_error", "bend_share", "kink_share", "signed_kink", "signed_smooth", "off_by",
            "slope_change", "crossings")  # fmt: skip


def add_budgets(
    source: StudyFile,
    config: StudyConfig,
    *,
    load_data: Callable[[Any], Examples],
    runs: Iterable[str] = (),
    steps: int = 10,
    lines: int = 0,
    span: float = 0.5,
    samples: int = 17,
    reporter: Reporter | None = None,
) -> Path:
    """Measure slope budgets of runs that have none yet, and add them to the study.

    Args:
        source: the study.
        config: its configuration.
        load_data: called with ``config.data``.
        runs: names; none takes all that did not diverge.
        steps: optimizer steps of each run, spread evenly over its records.
        lines: random filter-normalised lines through each solution, seeds 0, 1, ...
        span: the lines go from -span to span.
        samples: places of the first pass along a segment; a line has four times as many.
        reporter: hears of progress.

    Raises:
        KeyError: if the study has no such run.
        ValueError: if the data are not those it was trained on.
    """
    reporter = reporter or Silent()
    chosen = _runs(source, runs)
    data = load_data(config.data)
    if data.sha256 != source.attributes.get("data_sha256"):
        raise ValueError(
            f"the data set {config.data.name} is not the one this study was trained on "
            f"(digest {data.sha256[:12]}, recorded {source.attributes.get('data_sha256')})"
        )
    with StudyWriter(source.path) as writer:
        reporter.stage("slope budgets", len(chosen) * (steps + lines))
        for name, trajectory in chosen:
            model = solution_model(trajectory)
            todo = [*_steps(name, trajectory, steps), *_lines(name, model, lines, span)]
            for identifier, segment in todo:
                path = analysis_path(KIND, identifier)
                if not writer.has(path):
                    budget = slope_budget(
                        model, trajectory.settings["loss"], data, segment,
                        samples=samples if segment.kind == "step" else 4 * samples,
                    )  # fmt: skip
                    writer.put_record(path, budget.to_analysis(run=name))
                reporter.advance(1)
        writer.publish()
    return source.path


def _runs(source: StudyFile, names: Iterable[str]) -> list[tuple[str, Trajectory]]:
    every = [(name, source.trajectory(name)) for name in (list(names) or source.runs())]
    return [(name, run) for name, run in every if run.diverged_at is None]


def _steps(name: str, trajectory: Trajectory, count: int) -> list[tuple[str, Segment]]:
    last = len(trajectory.steps) - 1
    records = np.unique(np.linspace(1, last, min(count, last)).round().astype(int))
    segments = (step_segment(trajectory, int(r)) for r in records) if count else ()
    return [(f"{name}.step{s.settings['step']}", s) for s in segments]


def _lines(name: str, model: Any, count: int, span: float) -> list[tuple[str, Segment]]:
    segments = (random_segment(model, seed=seed, span=span) for seed in range(count))
    return [(f"{name}.random{s.settings['seed']}_{span:g}", s) for s in segments]


def budgets(source: StudyFile) -> list[SlopeBudget]:
    """Return all slope budgets of a study."""
    return [
        SlopeBudget.from_analysis(source.analysis(KIND, name)) for name in source.analyses(KIND)
    ]


def report(source: StudyFile) -> dict[str, Any]:
    """Summarise the slope budgets of a study for machines.

    Returns:
        ``{"runs": {name: {"activation_class": ..., "slope_budget": {...}}}}``. Each quantity is a
        number for one segment, else ``{"median", "low", "high"}`` over the segments. Optimizer
        steps are under ``slope_budget``, random lines under ``slope_budget_random``.
    """
    found = budgets(source)
    runs: dict[str, Any] = {}
    for name in source.runs():
        own = [b for b in found if b.settings.get("run") == name]
        entry: dict[str, Any] = {"activation_class": _class_of(name)}
        for segment, key in (("step", KIND), ("random", f"{KIND}_random")):
            some = [b for b in own if b.settings.get("segment") == segment]
            if some:
                entry[key] = summary(some, segment)
        runs[name] = entry
    return {"runs": runs}


def summary(some: list[SlopeBudget], segment: str) -> dict[str, Any]:
    """Summarise budgets of one kind of segment as median and range."""
    values = {name: [float(getattr(b, name)) for b in some] for name in MEASURED}
    return {
        "segment": segment,
        "segments": len(some),
        "examples": some[0].examples,
        "samples": some[0].samples,
        "passed": sum(b.passed for b in some),
        "unseen": sorted({text for b in some for text in b.unseen}),
        **{name: _spread(v) for name, v in values.items()},
    }


def _spread(values: list[float]) -> Any:
    finite = [v for v in values if np.isfinite(v)]
    if len(values) == 1:
        return values[0] if finite else None
    if not finite:
        return None
    return {"median": float(np.median(finite)), "low": min(finite), "high": max(finite)}


def _class_of(run: str) -> str | None:
    try:
        return get(RunKey.parse(run).activation).smoothness.value
    except ValueError:
        return None
