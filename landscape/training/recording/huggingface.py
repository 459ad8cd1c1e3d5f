"""Recording inside a Trainer of Hugging Face transformers."""

# ruff: noqa: ARG002 - a hook is given more than it needs

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.records.trajectory import Trajectory
from landscape.training.recording.recorder import TrajectoryRecorder
from landscape.training.recording.weights import gradient_norm

try:
    from transformers import TrainerCallback
except ModuleNotFoundError:
    TrainerCallback = object


class RecorderCallback(TrainerCallback):  # type: ignore[misc]
    """Records the path of the model that a Trainer trains.

    ``Trainer(..., callbacks=[RecorderCallback("path", every=10)])``. Gradient norms are those
    after clipping, rates those with which the step was taken. The Trainer does not tell callbacks
    the loss of a step: it is NaN; the losses of the records come from
    :func:`landscape.evaluate_losses`. A distributed run is recorded in its first process; sharded
    weights are refused. A Trainer that is interrupted leaves the records up to there.

    Args:
        path: folder of the recording.
        options: those of :class:`landscape.TrajectoryRecorder`, without ``optimizer``.

    Raises:
        ModuleNotFoundError: without the package transformers.
    """

    def __init__(self, path: Path | str, **options: Any) -> None:
        if TrainerCallback is object:
            raise ModuleNotFoundError(
                "RecorderCallback needs the package transformers; "
                "pip install 'lossoscope[huggingface]'"
            )
        super().__init__()
        self.path = Path(path)
        self.recorder: TrajectoryRecorder | None = None
        self._options = options
        self._rate = math.nan
        self._norm: Tensor | None = None

    def trajectory(self) -> Trajectory:
        """Return what has been recorded.

        Raises:
            RuntimeError: before training.
        """
        if self.recorder is None:
            raise RuntimeError("nothing was recorded in this process; call trainer.train first")
        return self.recorder.trajectory()

    def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Begin the recording."""
        if state.is_world_process_zero:
            recorder = TrajectoryRecorder(given["model"], self.path, **self._options)
            self.recorder = recorder.__enter__()

    def on_optimizer_step(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Note rate and gradient before they are gone."""
        if self.recorder is not None:
            self._rate = float(given["optimizer"].param_groups[0]["lr"])
            self._norm = gradient_norm(list(given["model"].parameters()))

    def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Note the step."""
        if self.recorder is not None:
            self.recorder.step(learning_rate=self._rate, gradient_norm=self._norm)

    def on_train_end(self, args: Any, state: Any, control: Any, **given: Any) -> None:
        """Record the last state."""
        if self.recorder is not None:
            self.recorder.__exit__(None, None, None)
