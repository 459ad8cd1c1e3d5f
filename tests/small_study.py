"""A study that takes a second, and what is in its file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py

from landscape import SamplingConfig, Study, StudyConfig, TrainingConfig, data
from landscape.store import StudyFile
from landscape.study.configuration import DataConfig, PcaPlaneConfig, RandomPlaneConfig
from landscape.study.reporting import Silent

# Everything about the engine is fixed, so that results can be compared bit by bit.
SMALL = StudyConfig(
    activations=("relu", "prelu"),
    optimizers=("gd", "nesterov"),
    target_loss=0.3,
    data=DataConfig(name="wine"),
    network={"kind": "mlp", "hidden": [5]},
    training=TrainingConfig(steps=12, record_every=2),
    random_plane=RandomPlaneConfig(points=(5, 7)),
    pca_plane=PcaPlaneConfig(points=(7, 5)),
    sampling=SamplingConfig(strategy="vmap", chunk=8, batch_size=64, threads=1),
)


def load(config: DataConfig) -> data.Batch:
    return data.load(config.name, standardise=config.standardise)


def run_study(config: StudyConfig, folder: Path, **options: Any) -> StudyFile:
    return Study(config, folder / "study.h5", load, **options).run()


class Stops(Silent):
    """Presses Ctrl-C after so many units of work."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise KeyboardInterrupt


class Notes(Silent):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.totals: dict[str, int] = {}
        self.done: dict[str, int] = {}

    def stage(self, name: str, total: int) -> None:
        self.name, self.totals[name], self.done[name] = name, total, 0

    def advance(self, units: int) -> None:
        self.done[self.name] += units

    def note(self, text: str) -> None:
        self.notes.append(text)


def counted(calls: list[Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function, with every call that came to its end noted in ``calls``."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        calls.append(args)
        return result

    return wrapped


def content(path: Path) -> dict[str, Any]:
    """Return every attribute and the bytes of every data set, by their places in the file.

    The list of all records is left out: it changes with every record that is added.
    """
    found: dict[str, Any] = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if name == "digests":
            return
        for key, value in item.attrs.items():
            found[f"{name}:{key}"] = str(value)
        if isinstance(item, h5py.Dataset):
            values = item[()]
            found[name] = values if isinstance(values, bytes) else values.tobytes()

    with h5py.File(path) as file:
        visit("", file)
        file.visititems(visit)
    return found
