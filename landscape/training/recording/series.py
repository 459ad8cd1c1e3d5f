"""A trajectory from the checkpoints that a run has left."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.networks.parameters import unwrapped
from landscape.records.trajectory import Trajectory
from landscape.training.recording.appending import RecordingWriter
from landscape.training.recording.checkpoints import FOLDER_FILES, contents, raw_weights
from landscape.training.recording.ordering import Order, files_of, in_order, notes_beside
from landscape.training.recording.parameter_names import Ignored, fitted
from landscape.training.recording.recorded import read_recording
from landscape.training.recording.weights import Weights, plain

_Fit = Callable[[Path], tuple[dict[str, Tensor], Ignored]]


def trajectory_from_checkpoints(
    model: nn.Module,
    checkpoints: Path | str | Iterable[Path | str],
    *,
    pattern: str | None = None,
    key: str | None = None,
    prefix: str | None = None,
    ignore: Iterable[str] = (),
    recording: Path | str | None = None,
) -> Trajectory:
    """Make a trajectory of checkpoints; the model gives names and shapes and is not changed.

    They are ordered by what is noted inside all of them (``global_step``, ``step``,
    ``iteration``, ``epoch``), otherwise by the number in their names, so that 2 comes before 10.
    The first is the start of the trajectory, whatever its step. Two of one step are taken once if
    their weights are equal (as ``last.ckpt`` is). One checkpoint at a time is in memory; the
    vectors are written to disk and mapped from there. Losses are NaN: see
    :func:`landscape.evaluate_losses`.

    Args:
        model: the network that was saved; of a wrapped one (DataParallel,
            DistributedDataParallel, AveragedModel, torch.compile) the module inside.
        checkpoints: a folder, or paths of files and folders that ``read_checkpoint`` reads. Paths
            without a step inside or in the name are taken in the order given.
        pattern: of the names in the folder, as ``*.ckpt``; None takes every file that may be one,
            or the subfolders that hold one.
        key: the entry that holds the weights; see ``read_checkpoint``.
        prefix: what the names begin with; see ``load_into``.
        ignore: patterns of keys that are left out; see ``load_into``. Those that
            were are the setting ``ignored_keys``.
        recording: folder that keeps the vectors, for :func:`landscape.read_recording`. None takes
            a temporary file that goes with the trajectory; it is as large as all vectors.

    Raises:
        FileNotFoundError: if there are no checkpoints.
        ValueError: if one cannot be read or does not fit, if nothing tells their order, or two of
            one step differ.
    """
    order = _ordered(checkpoints, pattern)
    fit = partial(_fit, unwrapped(model), key=key, prefix=prefix, ignore=tuple(ignore))
    if recording is not None:
        return _written(model, order, Path(recording), fit)
    # The mapping keeps the file alive after its folder is gone.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        return _written(model, order, Path(folder), fit)


def _fit(
    model: nn.Module, path: Path, *, key: str | None, prefix: str | None, ignore: tuple[str, ...]
) -> tuple[dict[str, Tensor], Ignored]:
    return fitted(model, raw_weights(path, key), place=str(path), prefix=prefix, ignore=ignore)


def _ordered(checkpoints: Path | str | Iterable[Path | str], pattern: str | None) -> Order:
    given = not isinstance(checkpoints, str | Path)
    if isinstance(checkpoints, str | Path):
        folder = Path(checkpoints)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is no folder; give a folder, or a list of paths")
        paths = files_of(folder, pattern)
    else:
        paths = [Path(path) for path in checkpoints]
        if not paths or pattern is not None:
            raise ValueError("give at least one path; a pattern belongs to a folder")
    return in_order(paths, [_notes(path) for path in paths], given=given)


def _notes(path: Path) -> Mapping[str, Any]:
    if path.is_dir() and any((path / name).is_file() for name in FOLDER_FILES[:2]):
        return notes_beside(path)
    if path.suffix == ".safetensors":
        return {}
    # Mapped: the numbers of the weights are not read for this.
    return {**notes_beside(path), **contents(path, mapped=True)}


def _written(model: nn.Module, order: Order, folder: Path, fit: _Fit) -> Trajectory:
    weights = Weights(model)
    settings: dict[str, object] = {
        "checkpoints": [path.name for path in order.paths],
        "steps_from": order.by,
    }
    ignored: dict[str, None] = {}
    last: np.ndarray | None = None
    previous = -1
    with closing(RecordingWriter(folder, weights.header(settings))) as writer:
        for path, step in zip(order.paths, order.steps, strict=True):
            fitting, left_out = fit(path)
            ignored |= dict.fromkeys((*left_out.there, *left_out.kept))
            theta, buffers = _vector(weights, fitting)
            if step == previous:
                if last is not None and np.array_equal(theta, last, equal_nan=True):
                    continue
                raise ValueError(
                    f"two checkpoints are of {order.by} {step} and differ, one of them {path}; "
                    "leave one out by a pattern, or give a list of paths"
                )
            finite = bool(np.isfinite(theta).all())
            writer.put(step, theta, buffers, loss=None, finite=finite)
            last, previous = theta, step
    made = read_recording(folder)
    if not ignored:
        return made
    return replace(made, settings={**made.settings, "ignored_keys": list(ignored)})


def _vector(weights: Weights, fitting: Mapping[str, Tensor]) -> tuple[np.ndarray, bytes]:
    """Return parameters [P] and bytes of the buffers; what is not in the file is the model's."""
    parameters = dict(weights.model.named_parameters())
    tied = {
        id(p): fitting[name]
        for name, p in weights.model.named_parameters(remove_duplicate=False)
        if name in fitting
    }
    parts = [
        tied[id(parameters[s.name])].reshape(-1).to(weights.dtype) for s in weights.layout.slots
    ]
    buffers = [
        plain(fitting.get(name, b).to("cpu", b.dtype)).contiguous().numpy().tobytes()
        for name, b in weights.model.named_buffers()
    ]
    return torch.cat(parts).numpy(), b"".join(buffers)
