"""Windows of one optimizer step around the solutions of a study, added to its file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import loss_on_plane, sample
from landscape.kinks.microscope import StepWindow, minibatch_noise, window_of_step
from landscape.records.grid import Grid
from landscape.records.residuals import Residual, remove_quadratic
from landscape.records.results import Analysis
from landscape.records.surface import Status, Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import analysis_path
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.solution_network import solution_problem, trained_on

KIND = "microscope"
# Examples of the minibatches whose noise stands beside the residual.
MINIBATCH = 64
_MINIBATCHES = 16
_ENGINE = SamplingConfig(strategy="batched", chunk=8, batch_size=1024, compile="never", threads=1)


def add_microscopes(
    source: StudyFile,
    config: StudyConfig,
    *,
    load_data: Callable[[Any], Examples],
    runs: Sequence[str] = (),
    points: int = 101,
    reporter: Reporter | None = None,
) -> Path:
    """Sample the window of one optimizer step of runs that have none yet, in float64.

    The window is one for all runs of the study, see :func:`landscape.window_of_step`.

    Args:
        source: the study; the runs need random planes.
        config: its configuration.
        load_data: called with ``config.data``.
        runs: names; none takes all that did not diverge.
        points: of the window, each way.
        reporter: hears of progress.

    Raises:
        ValueError: if the data are not those it was trained on.
    """
    reporter = reporter or Silent()
    data = trained_on(source, config, load_data)
    alive, step = _alive(source, config), step_window(source, config)
    runs = list(runs) or list(alive)
    parts = [(data.inputs[i : i + MINIBATCH], data.targets[i : i + MINIBATCH])
             for i in range(0, MINIBATCH * _MINIBATCHES, MINIBATCH)]  # fmt: skip
    reporter.stage("microscope", len(runs) * points**2)
    with StudyWriter(source.path) as writer:
        for name in runs:
            path = analysis_path(KIND, name)
            if not writer.has(path):
                plane = source.plane(f"{name}.random")
                problem = replace(solution_problem(alive[name], data), dtype=torch.float64)
                window = sample(problem, plane, grid=step.grid(points), engine=_ENGINE,
                                progress=reporter.advance)  # fmt: skip
                few = [
                    loss_on_plane(replace(problem, data=part), plane, engine=_ENGINE)
                    for part in parts
                    if len(part[1]) > 1
                ]
                settings = {
                    "run": name, "step_run": step.run, "step_length": step.step_length,
                    "batch_size": MINIBATCH, "noise": minibatch_noise(few, step.width),
                    "surface": dict(window.settings),
                }  # fmt: skip
                arrays = {
                    "alphas": window.alphas, "betas": window.betas, "losses": window.losses,
                }  # fmt: skip
                writer.put_record(path, Analysis(KIND, arrays, settings))
            else:
                reporter.advance(points**2)
        writer.publish()
    return source.path


def step_window(source: StudyFile, config: StudyConfig) -> StepWindow:
    """Return the window of one optimizer step, one for all runs of a study.

    Raises:
        KeyError: if the study lacks random planes.
        ValueError: if every run diverged.
    """
    alive = _alive(source, config)
    if not alive:
        raise ValueError("every run of this study diverged; no step is typical of it")
    # Which run's step it is does not depend on the plane, but its width counts that run's filters.
    first = window_of_step(alive, source.plane(f"{next(iter(alive))}.random"))
    return window_of_step(alive, source.plane(f"{first.run}.random"))


def _alive(source: StudyFile, config: StudyConfig) -> dict[str, Trajectory]:
    every = {key.name: source.trajectory(key.name) for key in config.runs}
    return {name: run for name, run in every.items() if run.diverged_at is None}


def residual_of(analysis: Analysis) -> Residual:
    """Return what is left in a stored window without its best-fitting quadratic."""
    return remove_quadratic(window_of(analysis))


def window_of(analysis: Analysis) -> Surface:
    """Return a stored window as a surface."""
    arrays, settings = analysis.arrays, analysis.settings
    losses = np.asarray(arrays["losses"])
    grid = Grid((np.asarray(arrays["alphas"]), np.asarray(arrays["betas"])))
    status = np.full(losses.shape, Status.EVALUATED, dtype=np.uint8)
    return Surface(grid, {"losses": losses}, status, run=settings["run"],
                   settings=settings["surface"])  # fmt: skip
