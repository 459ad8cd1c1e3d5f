"""A small study, and how to change it as somebody would who means harm."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np

from landscape import Grid, Surface
from landscape.records.results import Analysis
from landscape.store import StudyWriter
from landscape.store.seal import put_seal

SECRET = np.full((3, 3), 42.0)


def written(folder: Path) -> Path:
    """Write a study, and a file beside it that nothing of the study may reach."""
    path = folder / "study.h5"
    grid = Grid.square(3)
    losses = np.arange(9.0).reshape(3, 3)
    with StudyWriter(path, config={"seed": 1}) as writer:
        record = Surface(grid, {"losses": losses}, np.ones((3, 3), dtype=np.uint8))
        writer.put_record("surfaces/s", record)
        writer.put_record("analyses/summary/r", Analysis("summary", {"a": np.arange(3)}, {}))
    with h5py.File(folder / "secret.h5", "w") as file:
        file["losses"] = SECRET
    return path


def forged(path: Path, change: Callable[[h5py.File], None]) -> None:
    """Change a study, and seal it again as its maker would: the seal is no signature."""
    with h5py.File(path, "r+") as file:
        change(file)
    put_seal(path)
