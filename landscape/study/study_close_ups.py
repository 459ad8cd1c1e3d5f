"""Close-ups of the solutions of a study: windows from the whole surface to one optimizer step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Literal

import numpy as np
import torch

from landscape.claims.swapped import control_of
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import loss_on_plane
from landscape.kinks.microscope import StepWindow, minibatch_noise, window_of_step
from landscape.kinks.zooming import close_up, median_descent, zoom_grids
from landscape.networks import activations
from landscape.planes.custom import custom_plane
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.close_up import CloseUp
from landscape.records.grid import Grid
from landscape.records.naming import RunKey
from landscape.records.plane import Plane
from landscape.records.projection import project
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples
from landscape.study.solution_network import solution_model, solution_problem

# Called with the examples of a kink map that are done.
Progress = Callable[[int], None]
# Examples of the minibatches whose noise stands beside the residual.
MINIBATCH = 64
_MINIBATCHES = 16
# Half the window around two steps, over the largest coordinate of where they led.
_ROOM = 1.25
_ENGINE = SamplingConfig(strategy="batched", chunk=8, batch_size=1024, compile="never", threads=1)


Of = Literal["random", "swapped", "steps"]
OF: tuple[Of, ...] = ("random", "swapped", "steps")


@dataclass(kw_only=True)
class CloseUpsOfRun:
    """The windows of a run that can be looked at, each sampled in float64 when asked for.

    Attributes:
        run: its name.
        trajectory: its path.
        data: what it was trained on, as arrays.
        plane: returns the random plane through the solution.
        step: returns the window of one step, one for all runs of the study.
        full_width: of the random plane, in multiples of its directions.
        levels: how many windows, from the whole random plane down to one step; 1 for that alone.
        points: of the narrowest window, each way.
    """

    run: str
    trajectory: Trajectory
    data: Examples
    plane: Callable[[], Plane]
    step: Callable[[], StepWindow]
    full_width: float
    levels: int
    points: int

    def windows(self, of: Of) -> Iterator[tuple[str, Callable[[Progress], CloseUp]]]:
        """Yield an id, ``<run>.<of>.<width>.<points>``, for each window, and what samples it.

        Args:
            of: ``random`` is the random plane through the solution; ``swapped`` the same weights
                in the same plane with the activation's smooth copy, nothing for an activation
                without kinks or copy; ``steps`` the plane of the last two consecutive steps.
        """
        sample = {"random": self._random, "swapped": self._swapped, "steps": self._steps}[of]
        if of == "swapped" and self._copy is None:
            return
        for grid in self._grids(of):
            width = float(np.ptp(grid.axes[0]))
            yield f"{self.run}.{of}.{width:.4g}.{len(grid.axes[0])}", partial(sample, grid)

    def _grids(self, of: Of) -> list[Grid]:
        if of == "steps":
            path = plane_of_steps(self.trajectory)[1]
            return [Grid.square(self.points, _ROOM * float(np.abs(path).max()))]
        return zoom_grids(self.step().width, levels=self.levels, full_width=self.full_width,
                          points=self.points)  # fmt: skip

    @property
    def _activation(self) -> str:
        return RunKey.parse(self.run).activation

    @property
    def _copy(self) -> str | None:
        kinks = activations.get(self._activation).kinks
        return control_of(self._activation) if kinks else None

    @cached_property
    def _problem(self) -> Problem:
        return solution_problem(self.trajectory, self.data)

    def _random(self, grid: Grid, progress: Progress) -> CloseUp:
        closeup = close_up(self._problem, self.plane(), grid, progress=progress)
        label = activations.get(self._activation).label
        closeup = self._told(closeup, label, self._activation)
        if not closeup.is_one_step:
            return closeup
        return replace(closeup, noise=self._noise(), batch_size=MINIBATCH)

    def _swapped(self, grid: Grid, progress: Progress) -> CloseUp:
        other = str(self._copy)
        problem = replace(self._problem, model=solution_model(self.trajectory, activation=other))
        closeup = close_up(problem, self.plane(), grid, progress=progress)
        told = self._told(closeup, activations.get(other).label, other)
        return replace(told, weights_of=activations.get(self._activation).label)

    def _steps(self, grid: Grid, progress: Progress) -> CloseUp:
        plane, path = plane_of_steps(self.trajectory)
        closeup = close_up(self._problem, plane, grid, progress=progress)
        label = activations.get(self._activation).label
        told = self._told(closeup, label, self._activation)
        return replace(told, full_width=0.0, step_width=1.0, path=path)

    def _told(self, closeup: CloseUp, title: str, activation: str) -> CloseUp:
        return replace(
            closeup, title=title, activation=activation, run=self.run, full_width=self.full_width,
            step_width=self.step().width, descent=median_descent(self.trajectory),
        )  # fmt: skip

    def _noise(self) -> float:
        """Return what the choice of a minibatch changes, see :func:`landscape.minibatch_noise`."""
        problem = replace(self._problem, dtype=torch.float64)
        inputs, targets = self.data.inputs, self.data.targets
        parts = [slice(i, i + MINIBATCH) for i in range(0, MINIBATCH * _MINIBATCHES, MINIBATCH)]
        losses = [
            loss_on_plane(replace(problem, data=(inputs[part], targets[part])), self.plane(),
                          engine=_ENGINE)
            for part in parts if len(targets[part]) > 1
        ]  # fmt: skip
        return minibatch_noise(losses, self.step().width) if len(losses) > 1 else 0.0


def plane_of_steps(trajectory: Trajectory) -> tuple[Plane, Floats]:
    """Return the plane of the last two consecutive steps, and the coordinates of its 3 points.

    The first direction is the earlier step, the second is orthogonal to it and as long; the origin
    is between the steps.

    Returns:
        The plane, and where the optimizer was, [3, 2].

    Raises:
        ValueError: if no two consecutive steps are on record, or they are parallel.
    """
    steps = np.asarray(trajectory.steps)
    ends = np.flatnonzero((np.diff(steps)[1:] == 1) & (np.diff(steps)[:-1] == 1)) + 2
    if not len(ends):
        raise ValueError("two consecutive steps must be on record; train with record_every = 1")
    places = np.asarray(trajectory.thetas[ends[-1] - 2 : ends[-1] + 1], dtype=np.float64)
    first, second = np.diff(places, axis=0)
    across = custom_plane(places[1], [first, second], layout=trajectory.layout, orthogonal=True)
    second = across.directions[1] * np.linalg.norm(first) / np.linalg.norm(across.directions[1])
    settings = {"step": int(steps[ends[-1] - 2])}
    plane = custom_plane(places[1], [first, second], layout=trajectory.layout, kind="steps",
                         settings=settings)  # fmt: skip
    return plane, project(places, plane)[0]


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
