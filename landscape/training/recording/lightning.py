"""Recording inside a Trainer of Lightning."""

# ruff: noqa: ARG002 - a hook is given more than it needs

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from landscape.records.trajectory import Trajectory
from landscape.training.recording.recorder import TrajectoryRecorder
from landscape.training.recording.weights import gradient_norm

try:
    from lightning.pytorch import Callback
except ModuleNotFoundError:
    Callback = object


class RecorderCallback(Callback):  # type: ignore[misc]
    """Records the path of a LightningModule, or of a network inside it.

    ``Trainer(callbacks=[RecorderCallback("path", every=10)])``. Steps are those of the optimizer:
    accumulated batches are one, and the loss noted is the sum that was minimised by it. Gradient
    norms are those before clipping, rates those with which the step was taken. A distributed run
    is recorded in its first process; sharded weights are refused. A Trainer that is interrupted
    leaves the records up to there.

    Args:
        path: folder of the recording.
        module: gives the network to be recorded, as ``lambda module: module.net``; None takes the
            whole LightningModule.
        options: those of :class:`landscape.TrajectoryRecorder`, without ``optimizer``.

    Raises:
        ModuleNotFoundError: without the package lightning.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        module: Callable[[Any], nn.Module] | None = None,
        **options: Any,
    ) -> None:
        if Callback is object:
            raise ModuleNotFoundError(
                "RecorderCallback needs the package lightning; pip install 'lossoscope[lightning]'"
            )
        super().__init__()
        self.path = Path(path)
        self.recorder: TrajectoryRecorder | None = None
        self._module = module or (lambda whole: whole)
        self._options = options
        self._seen = 0
        self._loss: Tensor | None = None
        self._norm: Tensor | None = None
        self._rate = math.nan

    def trajectory(self) -> Trajectory:
        """Return what has been recorded.

        Raises:
            RuntimeError: before training.
        """
        if self.recorder is None:
            raise RuntimeError("nothing was recorded in this process; call trainer.fit first")
        return self.recorder.trajectory()

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Begin the recording."""
        if trainer.is_global_zero:
            self._forget()
            self._seen = trainer.global_step
            self.recorder = TrajectoryRecorder(
                self._module(pl_module), self.path, **self._options
            ).__enter__()

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: Any) -> None:
        """Note rate and gradient as they are for this step."""
        if self.recorder is not None:
            self._rate = float(optimizer.param_groups[0]["lr"])
            self._norm = gradient_norm(list(self._module(pl_module).parameters()))

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Note the step, if the optimizer took one."""
        if self.recorder is None:
            return
        loss = outputs.get("loss") if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor):
            part = loss.detach()
            self._loss = part.clone() if self._loss is None else self._loss + part
        if trainer.global_step == self._seen:
            return
        self._seen = trainer.global_step
        self.recorder.step(self._loss, learning_rate=self._rate, gradient_norm=self._norm)
        self._forget()

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """Record the last state."""
        if self.recorder is not None:
            self.recorder.__exit__(None, None, None)

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Close the recording without a last state."""
        if self.recorder is not None:
            self.recorder.__exit__(type(exception), exception, exception.__traceback__)

    def _forget(self) -> None:
        self._loss, self._norm, self._rate = None, None, math.nan
