"""The path of an optimizer: parameter vectors every few steps, and facts of every step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, freeze, read_only
from landscape.records.layout import Layout
from landscape.records.presenting import Presented


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trajectory(Presented):
    """What a training run left behind.

    Attributes:
        thetas: recorded parameter vectors, [T, P], float32 or float64 as trained; the first is
            the initialisation, the last the solution. Vectors mapped from a file stay there.
        steps: optimizer steps taken before each record, [T]; the first is 0 unless the start was
            not recorded.
        losses: loss over the whole training set at each record, evaluation mode, [T]; NaN where
            it was not evaluated, see :func:`landscape.evaluate_losses`.
        accuracies: accuracy likewise as a fraction, [T]; None for a regression.
        step_losses: loss of the batch of each step, before the step, [S]; here and in the next
            three, NaN is what was not noted.
        gradient_norms: Euclidean norm of the gradient of each step, [S].
        step_lengths: Euclidean length of each step in parameter space, [S].
        learning_rates: learning rate of each step, [S].
        layout: names and shapes of the P parameters.
        buffers: the model's buffers at the end (BatchNorm statistics), by name.
        diverged_at: the step whose loss, gradient or weights were no longer finite, or None.
        settings: specification of network, training and data, plain JSON values.
    """

    thetas: NDArray[Any]
    steps: NDArray[np.int64]
    losses: Floats
    step_losses: Floats
    gradient_norms: Floats
    step_lengths: Floats
    learning_rates: Floats
    layout: Layout
    accuracies: Floats | None = None
    buffers: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    diverged_at: int | None = None
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        mapped = isinstance(self.thetas, np.memmap)
        thetas = self.thetas if mapped else np.asarray(self.thetas)
        if thetas.ndim != 2 or thetas.shape[1] != self.layout.size or not len(thetas):
            raise ValueError(
                f"thetas must have shape (T, P) = (T, {self.layout.size}), got {thetas.shape}"
            )
        object.__setattr__(self, "thetas", read_only(thetas))
        steps = np.asarray(self.steps, dtype=np.int64)
        if steps.shape != (len(thetas),) or steps[0] < 0 or np.any(np.diff(steps) <= 0):
            raise ValueError("steps must be >= 0 and increasing, one for each of the thetas")
        object.__setattr__(self, "steps", read_only(steps))
        of_records = ("losses", *(["accuracies"] if self.accuracies is not None else []))
        of_steps = ("step_losses", "gradient_norms", "step_lengths", "learning_rates")
        freeze(self, {**dict.fromkeys(of_records, (len(thetas),)),
                      **dict.fromkeys(of_steps, (len(self.step_losses),))})  # fmt: skip
        buffers = {name: read_only(np.asarray(b)) for name, b in self.buffers.items()}
        object.__setattr__(self, "buffers", MappingProxyType(buffers))

    @property
    def single_steps(self) -> NDArray[np.int64]:
        """Records that lie one optimizer step after the record before, increasing."""
        return np.flatnonzero(np.diff(self.steps) == 1) + 1

    def step_to(self, record: int) -> tuple[Floats, int]:
        """Return the mean optimizer step between the record before and a record.

        Args:
            record: its index, not that of the first; negative ones count from the end.

        Returns:
            The difference of the two over the steps between them, [P], and how many these are.

        Raises:
            IndexError: for a record that is not there.
            ValueError: for the first record, which no step leads to.
        """
        count = len(self.steps)
        index = record + count if record < 0 else record
        if not 0 <= index < count:
            raise IndexError(f"record must be between {-count} and {count - 1}, got {record}")
        if index == 0:
            raise ValueError("no step leads to the first record; give a later one")
        taken = int(self.steps[index] - self.steps[index - 1])
        after, before = (np.asarray(self.thetas[i], dtype=np.float64) for i in (index, index - 1))
        return (after - before) / taken, taken

    @property
    def start(self) -> Floats:
        """Parameters at the first record, [P]."""
        return np.asarray(self.thetas[0], dtype=np.float64)

    @property
    def solution(self) -> Floats:
        """Parameters after the last step, [P]."""
        return np.asarray(self.thetas[-1], dtype=np.float64)
