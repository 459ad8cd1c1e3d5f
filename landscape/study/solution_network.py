"""The network of a run at its solution, with what it is evaluated on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from landscape.problem import Problem
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples
from landscape.study.solutions import solution_problem, trained_on


class SolutionNetwork:
    """The solution of a run, with its loss and the data of the study; loaded when first used.

    Args:
        source: the study.
        config: its configuration.
        run: name of the run.
        load_data: called with ``config.data``.
    """

    def __init__(
        self,
        source: StudyFile,
        config: StudyConfig,
        run: str,
        load_data: Callable[[Any], Examples],
    ) -> None:
        self.run = run
        self.config = config
        self._source = source
        self._load_data = load_data
        self._loaded: Problem | None = None

    @property
    def problem(self) -> Problem:
        """The network at the solution, its loss, and the data it was trained on.

        Raises:
            ValueError: if the data are others, or the network cannot be built again.
        """
        if self._loaded is None:
            data = trained_on(self._source, self.config, self._load_data)
            self._loaded = solution_problem(self.trajectory(self.run), data)
        return self._loaded

    def trajectory(self, run: str) -> Trajectory:
        """Read the path of a run of the same study.

        Raises:
            ValueError: if it diverged.
        """
        trajectory = self._source.trajectory(run)
        if trajectory.diverged_at is not None:
            raise ValueError(f"{run} diverged at step {trajectory.diverged_at}: no solution")
        return trajectory
