"""Windows of one optimizer step around the solutions of a study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import loss_on_plane, sample
from landscape.kinks.microscope import StepWindow, minibatch_noise, window_of_step
from landscape.problem import Problem
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.residuals import Residual, remove_quadratic
from landscape.records.results import Analysis
from landscape.records.surface import Status, Surface
from landscape.store import StudyFile
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples

KIND = "microscope"
# Examples of the minibatches whose noise stands beside the residual.
MINIBATCH = 64
_MINIBATCHES = 16
_ENGINE = SamplingConfig(strategy="batched", chunk=8, batch_size=1024, compile="never", threads=1)


def window_of_run(
    problem: Problem,
    plane: Plane,
    step: StepWindow,
    *,
    data: Examples,
    points: int,
    progress: Callable[[int], None],
) -> Analysis:
    """Sample the window of one optimizer step around a solution, in float64.

    The noise of minibatches at the same points stands beside it, see
    :func:`landscape.minibatch_noise`.

    Args:
        problem: the network at the solution, its loss and data.
        plane: the random plane through it.
        step: the window, one for all runs of the study.
        data: the same data as arrays.
        points: of the window, each way.
        progress: called with the number of points of each tile.
    """
    problem = replace(problem, dtype=torch.float64)
    window = sample(problem, plane, grid=step.grid(points), engine=_ENGINE, progress=progress)
    inputs, targets = data.inputs, data.targets
    parts = [slice(i, i + MINIBATCH) for i in range(0, MINIBATCH * _MINIBATCHES, MINIBATCH)]
    losses = [
        loss_on_plane(replace(problem, data=(inputs[part], targets[part])), plane, engine=_ENGINE)
        for part in parts
        if len(targets[part]) > 1
    ]
    settings = {
        "step_run": step.run, "step_length": step.step_length, "batch_size": MINIBATCH,
        "noise": minibatch_noise(losses, step.width), "surface": dict(window.settings),
    }  # fmt: skip
    arrays = {"alphas": window.alphas, "betas": window.betas, "losses": window.losses}
    return Analysis(KIND, arrays, settings)


def step_window(source: StudyFile, config: StudyConfig) -> StepWindow:
    """Return the window of one optimizer step, one for all runs of a study.

    Raises:
        KeyError: if the study lacks random planes.
        ValueError: if every run diverged.
    """
    every = {key.name: source.trajectory(key.name) for key in config.runs}
    alive = {name: run for name, run in every.items() if run.diverged_at is None}
    if not alive:
        raise ValueError("every run of this study diverged; no step is typical of it")
    # Which run's step it is does not depend on the plane, but its width counts that run's filters.
    first = window_of_step(alive, source.plane(f"{next(iter(alive))}.random"))
    return window_of_step(alive, source.plane(f"{first.run}.random"))


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
