"""A recording as a trajectory: its weights stay on disk."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from landscape.records.plurals import counted
from landscape.records.trajectory import Trajectory
from landscape.training.recording import format as files
from landscape.training.recording.format import EVALUATED, FINITE, Header


def read_recording(path: Path | str, *, verify: bool = False) -> Trajectory:
    """Return what a :class:`landscape.TrajectoryRecorder` wrote, up to the last complete record.

    The weights are mapped, not read: memory does not grow with their number. Losses that were not
    evaluated are NaN; see :func:`landscape.evaluate_losses`. A record whose weights are not finite
    ends the trajectory, as in :func:`landscape.train`: ``diverged_at`` is the first step since the
    record before with a loss or gradient that is not finite, otherwise the step of that record.

    Args:
        path: the recorder's folder.
        verify: whether the check sum of every record is compared, which reads all of them.

    Raises:
        FileNotFoundError: if there is no recording.
        ValueError: if it holds no complete record, or, when verified, a damaged one.

    Warns:
        RuntimeWarning: if the last record is incomplete and dropped.
    """
    folder = Path(path)
    header = Header.read(folder)
    recording = files.contents(folder, header)
    entries = recording.entries
    if recording.incomplete:
        _warn(
            f"the last record of {folder} is incomplete (killed while writing, or being written "
            f"now); it is dropped, {counted(len(entries), 'complete record')} remain"
        )
    if verify:
        _verify(folder, header, entries)
    finite = (entries["flags"] & FINITE).astype(bool)
    count = len(entries) if finite.all() else int(np.argmin(finite))
    if not count:
        reason = "weights that are not finite" if len(entries) else "no complete record"
        raise ValueError(f"{folder} begins with {reason}; there is no trajectory")
    steps = entries["step"][:count].astype(np.int64)
    facts = files.step_facts(folder, int(entries["step"][-1]))
    diverged = None if finite.all() else _divergence(facts, steps, int(entries["step"][count]))
    evaluated = (entries["flags"][:count] & EVALUATED).astype(bool)
    buffers = files.stored_buffers(folder, header, count - 1, entries[count - 1])
    if buffers is None:
        _warn(f"the buffers of {folder} are not those of its last record; they are left out")
    kept = facts[: steps[-1]]
    return Trajectory(
        thetas=files.mapped_thetas(folder, header, count),
        steps=steps,
        losses=np.where(evaluated, entries["loss"][:count], np.nan),
        step_losses=kept[:, 0],
        gradient_norms=kept[:, 1],
        step_lengths=kept[:, 2],
        learning_rates=kept[:, 3],
        layout=header.layout,
        buffers=buffers or {},
        diverged_at=diverged,
        settings=header.settings,
    )


def _warn(text: str) -> None:
    warnings.warn(text, RuntimeWarning, stacklevel=3)


def _verify(folder: Path, header: Header, entries: files.Entries) -> None:
    damaged = [
        int(entry["step"])
        for row, entry in enumerate(entries)
        if files.theta_sum(folder, header, row) != entry["theta_sum"]
    ]
    if damaged:
        raise ValueError(
            f"{folder} is damaged: the weights of step {', '.join(map(str, damaged[:5]))} are not "
            "those that were recorded"
        )


def _divergence(facts: np.ndarray, steps: np.ndarray, step: int) -> int:
    # A step without a loss is NaN as well, and so says nothing: only infinite values, and NaN
    # among steps that otherwise have losses, tell.
    last = int(steps[-1])
    for column in (0, 1):
        values = facts[:, column]
        if np.isfinite(values[: last + 1]).any():
            broken = np.flatnonzero(~np.isfinite(values[last:step]))
            if len(broken):
                step = min(step, last + int(broken[0]))
    return step
