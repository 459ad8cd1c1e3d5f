"""Recording the path of a training loop of the user's, while it runs."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from landscape.networks.parameters import evaluation_mode
from landscape.records.choices import check_least
from landscape.records.trajectory import Trajectory
from landscape.training.recording.appending import RecordingWriter
from landscape.training.recording.format import EVALUATED, FACTS
from landscape.training.recording.recorded import read_recording
from landscape.training.recording.weights import Weights, gradient_norm, length

# Numbers of that many steps are kept on the model's device before they are written.
_PENDING_STEPS = 256


class TrajectoryRecorder:
    """Writes the weights of a model to disk every few steps of any training loop.

    The first record is the state at entry, the last that at exit. Each record is followed by one
    of the next step, so that both ends of single optimizer steps are there; ``pairs=False`` leaves
    these out. The model is read and never changed. Weights go to disk as they come: memory holds
    one copy of them during a record, none between records. A loop that is killed leaves every
    record; see :func:`landscape.read_recording`. A loop that ends by an exception leaves those up
    to there, without one of the state at that moment, which may lie within a step. Once the weights
    are no longer finite, nothing more is recorded.

    >>> import tempfile
    >>> model = nn.Linear(3, 1)
    >>> optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with TrajectoryRecorder(model, folder, every=2, optimizer=optimizer) as recorder:
    ...         for _ in range(5):
    ...             loss = model(torch.ones(8, 3)).square().mean()
    ...             optimizer.zero_grad()
    ...             loss.backward()
    ...             optimizer.step()
    ...             recorder.step(loss)
    ...     trajectory = recorder.trajectory()
    >>> trajectory.steps.tolist(), trajectory.thetas.shape
    ([0, 1, 2, 3, 4, 5], (6, 4))

    Args:
        model: any module; of a wrapped one (DataParallel, DistributedDataParallel, AveragedModel,
            torch.compile) the module inside is recorded, under its own names.
        path: folder of the recording, made if absent.
        every: steps between records.
        pairs: whether the weights one step after each record are recorded too, so that single
            optimizer steps can be measured (:func:`landscape.step_segment`). It doubles the number
            of records.
        dtype: precision on disk, float32 or float64; None loses nothing of the model's weights.
        optimizer: whose learning rate is noted (of its first group), as it is when
            :meth:`step` is called: before the scheduler moves.
        evaluate: called with the model, in evaluation mode and without gradients, at each record;
            returns the loss over the training set. It takes its time; or evaluate afterwards, by
            :func:`landscape.evaluate_losses`.
        step_lengths: whether the length of every step is measured. That keeps a second copy of
            the weights beside the model and passes over both in each step; otherwise lengths are
            NaN.
        settings: what to note in the trajectory, plain JSON values.
        resume: whether a recording at ``path`` is continued. The model must have the weights of
            one of its records, bit by bit; the last such record is where it goes on, and later
            ones are dropped. Where there is no recording, one begins.
        fsync: whether each record waits for the disk, so that it survives loss of power. A killed
            process loses no record either way; everything is synchronised once at the end.

    Raises:
        ValueError: for a model that cannot be recorded, or ``every`` below 1.
    """

    def __init__(
        self,
        model: nn.Module,
        path: Path | str,
        *,
        every: int = 10,
        pairs: bool = True,
        dtype: torch.dtype | None = None,
        optimizer: torch.optim.Optimizer | None = None,
        evaluate: Callable[[nn.Module], float] | None = None,
        step_lengths: bool = False,
        settings: Mapping[str, Any] | None = None,
        resume: bool = False,
        fsync: bool = False,
    ) -> None:
        check_least(1, every=every)
        self.path = Path(path)
        self.every = every
        self.pairs = pairs
        self._weights = Weights(model, dtype)
        self._optimizer = optimizer
        self._evaluate = evaluate
        self._settings = dict(settings or {})
        self._resume, self._fsync = resume, fsync
        self._writer: RecordingWriter | None = None
        self._pending: list[tuple[float | Tensor, ...]] = []
        self._before: list[Tensor] | None = [] if step_lengths else None
        self._steps = 0
        self._finite = True

    @property
    def steps(self) -> int:
        """Optimizer steps taken so far, those of resumed recordings included."""
        return self._steps

    def __enter__(self) -> Self:
        """Begin or continue the recording with a record of the weights as they are.

        Raises:
            FileExistsError: if there is a recording and it is not to be resumed.
            ValueError: if it cannot be resumed; the message says why.
            BlockingIOError: if another recorder is writing it.
            OSError: if the folder cannot be written.
        """
        theta, buffers = self._weights.read()
        header = self._weights.header(self._settings)
        loss = None
        if self._resume and (self.path / "recording.json").exists():
            self._writer = RecordingWriter.resume(self.path, header, theta, fsync=self._fsync)
            entry = self._writer.last
            self._steps = int(entry["step"])
            loss = float(entry["loss"]) if entry["flags"] & EVALUATED else None
        else:
            self._writer = RecordingWriter(self.path, header, fsync=self._fsync)
            self._steps = 0
        self._pending, self._finite = [], True
        try:
            self._put(theta, buffers, self._loss() if loss is None else loss)
            if self._before is not None:
                self._before = [p.clone() for p in self._weights.parameters()]
        except BaseException:
            self._close()
            raise
        return self

    def step(
        self,
        loss: float | Tensor | None = None,
        *,
        learning_rate: float | None = None,
        gradient_norm: float | Tensor | None = None,
    ) -> None:
        """Note that an optimizer step was taken; record the weights when it is time.

        Call it once after each ``optimizer.step()``, before gradients are set to zero (their norm
        is noted, NaN without any) and before a scheduler moves.

        Args:
            loss: of the batch, before the step; NaN where none is given.
            learning_rate: instead of the optimizer's.
            gradient_norm: instead of that of the gradients which the parameters hold; NaN saves
                the time of computing it.

        Raises:
            RuntimeError: outside the ``with`` block.
            ValueError: if the loss is not one number, or the parameters are others than before.
            OSError: if a record cannot be written; those before it stay whole.
        """
        self._running()
        if not self._finite:
            return
        with torch.no_grad():
            self._pending.append(
                (
                    _number(loss, "loss"),
                    self._gradient_norm() if gradient_norm is None else _number(gradient_norm, ""),
                    self._step_length(),
                    self._rate() if learning_rate is None else float(learning_rate),
                )
            )
        self._steps += 1
        if self._steps % self.every <= self.pairs:
            self._record()
        elif len(self._pending) >= _PENDING_STEPS:
            self._flush()

    def trajectory(self) -> Trajectory:
        """Return what has been recorded; the weights stay on disk.

        Raises:
            FileNotFoundError: if nothing was recorded.
        """
        return read_recording(self.path)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record the last state, unless an exception ends the loop; close the files."""
        try:
            if self._writer is not None and error is None and self._finite:
                self._finish()
        finally:
            self._close()

    def _finish(self) -> None:
        last = self._running().last
        if int(last["step"]) != self._steps:
            self._record()
            return
        theta, _ = self._weights.read()
        if zlib.crc32(np.ascontiguousarray(theta).data) != last["theta_sum"]:
            warnings.warn(
                f"the weights have changed since step {self._steps} and no step was noted; the "
                "last record is that of before. Call recorder.step() after every optimizer.step()",
                RuntimeWarning,
                stacklevel=3,
            )

    def _record(self) -> None:
        theta, buffers = self._weights.read()
        self._put(theta, buffers, self._loss())

    def _put(self, theta: np.ndarray, buffers: bytes, loss: float | None) -> None:
        writer = self._running()
        self._flush()
        self._finite = bool(np.isfinite(theta).all())
        writer.put(self._steps, theta, buffers, loss=loss, finite=self._finite)

    def _flush(self) -> None:
        """Write the numbers of the steps since the last time."""
        if not self._pending:
            return
        facts = [value for row in self._pending for value in row]
        waiting = [(i, v) for i, v in enumerate(facts) if isinstance(v, Tensor)]
        if waiting:
            device = waiting[0][1].device
            values = torch.stack([v.to(device) for _, v in waiting]).cpu().tolist()
            for (i, _), value in zip(waiting, values, strict=True):
                facts[i] = value
        table = np.array(facts, dtype=np.float64).reshape(-1, FACTS)
        self._running().put_facts(self._steps - len(table), table)
        self._pending = []

    def _loss(self) -> float | None:
        if self._evaluate is None:
            return None
        # Batches drawn while evaluating must not change those that are trained on.
        state = torch.get_rng_state()
        try:
            with evaluation_mode(self._weights.model), torch.no_grad():
                return float(self._evaluate(self._weights.model))
        finally:
            torch.set_rng_state(state)

    def _gradient_norm(self) -> float | Tensor:
        norm = gradient_norm(list(self._weights.model.parameters()))
        return math.nan if norm is None else _number(norm, "gradient norm")

    def _step_length(self) -> float | Tensor:
        if self._before is None:
            return math.nan
        now = self._weights.parameters()
        moved = length([p - q for p, q in zip(now, self._before, strict=True)])
        for p, q in zip(now, self._before, strict=True):
            q.copy_(p)
        return _number(moved, "step length")

    def _rate(self) -> float:
        return math.nan if self._optimizer is None else float(self._optimizer.param_groups[0]["lr"])

    def _running(self) -> RecordingWriter:
        if self._writer is None:
            raise RuntimeError("the recorder is not running; call it inside its with block")
        return self._writer

    def _close(self) -> None:
        writer, self._writer, self._before = self._writer, None, self._before and []
        if writer is not None:
            writer.close()


def _number(value: float | Tensor | None, name: str) -> float | Tensor:
    """Return a number; one on another device stays there, so that training does not wait."""
    if value is None:
        return math.nan
    if not isinstance(value, Tensor):
        return float(value)
    if value.numel() != 1:
        raise ValueError(f"{name} must be one number, got shape {tuple(value.shape)}")
    value = value.detach().reshape(())
    if value.device.type == "cpu":
        return float(value)
    # A copy: a compiled loop may use the same memory for the next loss.
    wide = torch.float32 if value.device.type == "mps" else torch.float64
    return value.to(wide, copy=True)
