"""Close-ups of the solutions of a study: windows from the whole surface to one optimizer step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import loss_on_plane
from landscape.kinks.microscope import StepWindow, minibatch_noise, window_of_step
from landscape.kinks.zooming import close_up, median_descent
from landscape.networks import activations
from landscape.problem import Problem
from landscape.records.close_up import CloseUp
from landscape.records.grid import Grid
from landscape.records.naming import RunKey
from landscape.records.plane import Plane
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples

# Examples of the minibatches whose noise stands beside the residual.
MINIBATCH = 64
_MINIBATCHES = 16
_ENGINE = SamplingConfig(strategy="batched", chunk=8, batch_size=1024, compile="never", threads=1)


def close_up_of_run(
    name: str,
    problem: Problem,
    plane: Plane,
    trajectory: Trajectory,
    grid: Grid,
    step: StepWindow,
    full_width: float,
    *,
    data: Examples,
    progress: Callable[[int], None],
) -> CloseUp:
    """Sample a window around the solution of a run, in float64.

    In the window of one step the noise of minibatches stands beside it, see
    :func:`landscape.minibatch_noise`.

    Args:
        name: of the run.
        problem: the network at the solution, its loss and data.
        plane: the random plane through it.
        trajectory: of the run.
        grid: the window.
        step: the window of one step, one for all runs of the study.
        full_width: of the random plane, in multiples of its directions.
        data: the same data as arrays.
        progress: called with the number of examples of each finished part of the kink map.
    """
    activation = RunKey.parse(name).activation
    closeup = replace(
        close_up(problem, plane, grid, progress=progress),
        title=activations.get(activation).label, activation=activation, run=name,
        full_width=full_width, step_width=step.width, descent=median_descent(trajectory),
    )  # fmt: skip
    if not closeup.is_one_step:
        return closeup
    noise = _noise(replace(problem, dtype=torch.float64), plane, step, data)
    return replace(closeup, noise=noise, batch_size=MINIBATCH)


def _noise(problem: Problem, plane: Plane, step: StepWindow, data: Examples) -> float:
    parts = [slice(i, i + MINIBATCH) for i in range(0, MINIBATCH * _MINIBATCHES, MINIBATCH)]
    losses = [
        loss_on_plane(
            replace(problem, data=(data.inputs[part], data.targets[part])), plane, engine=_ENGINE
        )
        for part in parts
        if len(data.targets[part]) > 1
    ]
    return minibatch_noise(losses, step.width) if len(losses) > 1 else 0.0


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
