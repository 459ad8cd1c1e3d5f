"""The order of checkpoints: by the step noted inside, otherwise by the number in the name."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from landscape.training.recording.checkpoints import FOLDER_FILES

_NOTES = ("global_step", "step", "iteration", "iter", "epoch")
_LABELS = ("global_?step", "step", "iteration", "iter", "checkpoint", "ckpt", "epoch")
_SUFFIXES = (".pt", ".pth", ".tar", ".t7", ".ckpt", ".bin", ".safetensors")
# What trainers leave beside the weights.
_BESIDE = re.compile(r"^(optimizer|scheduler|scaler|rng_state|training_args|trainer_state)")


@dataclass(frozen=True, slots=True)
class Order:
    """Checkpoints in order.

    Attributes:
        paths: files or folders.
        steps: of each, not decreasing.
        by: where the steps are from, as ``global_step`` or ``name``.
    """

    paths: tuple[Path, ...]
    steps: tuple[int, ...]
    by: str


def files_of(folder: Path, pattern: str | None) -> list[Path]:
    """Return the checkpoints in a folder, unordered: those of a pattern, or all there are.

    Subfolders that hold a checkpoint come before files: what a trainer saves beside them is its
    last state once more.

    Raises:
        FileNotFoundError: if there are none.
    """
    if pattern is not None:
        checkpoints = sorted(folder.glob(pattern))
    else:
        inside = sorted(folder.iterdir())
        checkpoints = [
            p for p in inside if p.is_dir() and any((p / n).is_file() for n in FOLDER_FILES)
        ]
        checkpoints = checkpoints or [p for p in inside if _is_weights(p)]
    if not checkpoints:
        wanted = pattern or ", ".join(_SUFFIXES)
        raise FileNotFoundError(f"{folder} holds no checkpoints ({wanted}); name another pattern")
    return checkpoints


def in_order(paths: list[Path], notes: list[Mapping[str, Any]], *, given: bool) -> Order:
    """Put checkpoints in order.

    Args:
        paths: at least one.
        notes: what stands in each beside the weights.
        given: whether the order of ``paths`` is somebody's choice, to be taken if nothing tells.

    Raises:
        ValueError: if nothing tells the order.
    """
    inside = {key: [_whole(n.get(key)) for n in notes] for key in _NOTES}
    known = {key: [s for s in steps if s is not None] for key, steps in inside.items()}
    known = {key: steps for key, steps in known.items() if len(steps) == len(paths)}
    named = _by_name([p.name for p in paths])
    for by, steps in (*known.items(), ("name", named)):
        if steps is not None and len(set(steps)) == len(paths):
            return _sorted(paths, steps, by)
    if known:
        # Equal steps: the caller sees whether the weights are equal, too.
        by, steps = next(iter(known.items()))
        return _sorted(paths, steps, by)
    if given or len(paths) == 1:
        return Order(tuple(paths), tuple(range(len(paths))), "order")
    names = ", ".join(p.name for p in paths[:4])
    raise ValueError(
        f"nothing tells the order of {names}: no step or epoch is noted inside, and their names do "
        "not differ by one number; give a list of paths in order, or a pattern that leaves out "
        "the odd one"
    )


def notes_beside(path: Path) -> Mapping[str, Any]:
    """Return what a trainer of Hugging Face notes in a checkpoint's folder."""
    state = path / "trainer_state.json"
    try:
        notes = json.loads(state.read_text()) if state.is_file() else {}
    except json.JSONDecodeError:
        notes = {}
    return notes if isinstance(notes, dict) else {}


def _is_weights(path: Path) -> bool:
    return path.is_file() and path.suffix in _SUFFIXES and not _BESIDE.match(path.name)


def _sorted(paths: list[Path], steps: list[int], by: str) -> Order:
    order = sorted(range(len(paths)), key=lambda i: (steps[i], paths[i].name))
    return Order(tuple(paths[i] for i in order), tuple(steps[i] for i in order), by)


def _whole(value: object) -> int | None:
    if isinstance(value, Tensor) and value.numel() == 1 and not value.is_floating_point():
        value = value.item()
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _by_name(names: list[str]) -> list[int] | None:
    """Return the number that orders the names, if one does.

    >>> _by_name(["epoch=1-step=20.ckpt", "epoch=0-step=10.ckpt"])
    [20, 10]
    >>> _by_name(["net18-10.pt", "net18-9.pt"])
    [10, 9]
    >>> _by_name(["net-10.pt", "best.pt"]) is None
    True
    """
    for label in _LABELS:
        matches = [re.search(rf"(?<![a-z]){label}[-_=.]?(\d+)", n, re.IGNORECASE) for n in names]
        steps = [int(match[1]) for match in matches if match]
        if len(steps) == len(names) == len(set(steps)):
            return steps
    if len({re.sub(r"\d+", "#", name) for name in names}) > 1:
        return None
    columns = list(zip(*(map(int, re.findall(r"\d+", name)) for name in names), strict=True))
    varied = [column for column in columns if len(set(column)) > 1]
    return list(varied[0]) if len(varied) == 1 else None
