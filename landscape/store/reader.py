"""Reading a study file. Needs h5py and numpy only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import h5py

from landscape.plane import Plane
from landscape.results import Analysis, Projection
from landscape.store import codec
from landscape.store.paths import (
    GROUPS,
    analysis_path,
    plane_path,
    projection_path,
    run_path,
    surface_path,
)
from landscape.surface import Surface
from landscape.trajectory import Trajectory

FORMAT = "lossoscope-study"
VERSION = 1
# What h5py raises for damaged or foreign files.
_DAMAGE = (OSError, KeyError, RuntimeError, ValueError, TypeError)

R = TypeVar("R", bound=codec.Record)


class StudyFile:
    """Read access to a study file; every call opens and closes the file.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is not a study file, or of a newer format.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        with self._open() as file:
            self.attributes: dict[str, Any] = dict(file.attrs)

    @property
    def config(self) -> dict[str, Any]:
        """The study's configuration as plain values; empty if it was made without one."""
        return dict(json.loads(self.attributes.get("config", "{}")))

    def runs(self) -> list[str]:
        """Names of the runs."""
        return self._names("runs")

    def planes(self) -> list[str]:
        """Ids of the planes."""
        return self._names("planes")

    def surfaces(self) -> list[str]:
        """Ids of the surfaces."""
        return self._names("surfaces")

    def projections(self) -> list[str]:
        """``<run>@<plane>`` of every trajectory placed on a plane."""
        return self._names("projections")

    def analyses(self, kind: str) -> list[str]:
        """Ids of the analyses of one kind."""
        return self._names(f"analyses/{kind}")

    def trajectory(self, run: str) -> Trajectory:
        """Read a run.

        Raises:
            KeyError: if there is none of that name; the message lists the known.
            ValueError: if it is damaged.
        """
        return self.record(run_path(run), Trajectory)

    def plane(self, identifier: str) -> Plane:
        """Read a plane; raises like :meth:`trajectory`."""
        return self.record(plane_path(identifier), Plane)

    def surface(self, identifier: str) -> Surface:
        """Read a surface; raises like :meth:`trajectory`."""
        return self.record(surface_path(identifier), Surface)

    def projection(self, run: str, plane: str) -> Projection:
        """Read a trajectory's place on a plane; raises like :meth:`trajectory`."""
        return self.record(projection_path(run, plane), Projection)

    def analysis(self, kind: str, identifier: str) -> Analysis:
        """Read an analysis; raises like :meth:`trajectory`."""
        return self.record(analysis_path(kind, identifier), Analysis)

    def paths(self) -> list[str]:
        """Paths of all records."""
        found = [f"{group}/{name}" for group in GROUPS[:-1] for name in self._names(group)]
        kinds = self._names("analyses")
        return found + [f"analyses/{k}/{name}" for k in kinds for name in self.analyses(k)]

    def record(self, path: str, kind: type[R]) -> R:
        """Read the record at ``path``, which must be a ``kind``; raises like :meth:`trajectory`."""
        record = self.any_record(path)
        if not isinstance(record, kind):
            raise ValueError(f"{self.path}: {path} is not a {kind.__name__.lower()}")
        return record

    def any_record(self, path: str) -> codec.Record:
        """Read the record at ``path``, of any kind; raises like :meth:`trajectory`."""
        with self._open() as file:
            if path not in file:
                group = path.rpartition("/")[0]
                known = ", ".join(file.get(group, {})) or "none"
                raise KeyError(f"{self.path} has no {path}; known: {known}")
            try:
                return codec.read(file[path])
            except _DAMAGE as error:
                raise ValueError(f"{self.path}: {path} is damaged: {error}") from None

    def _names(self, group: str) -> list[str]:
        with self._open() as file:
            return sorted(file[group]) if group in file else []

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        if not self.path.is_file():
            raise FileNotFoundError(
                f"there is no study file {self.path}; make one with: landscape run --out FOLDER"
            )
        if not h5py.is_hdf5(self.path):
            raise ValueError(f"{self.path} is not a study file: it is not HDF5")
        try:
            file = h5py.File(self.path, "r")
        except OSError as error:
            reason = str(error).partition("(")[2].rstrip(")") or str(error)
            raise ValueError(f"{self.path} is damaged or truncated: {reason}") from None
        with file:
            try:
                self._check(file)
                yield file
            except (OSError, RuntimeError) as error:
                raise ValueError(f"{self.path} is damaged: {error}") from None

    def _check(self, file: h5py.File) -> None:
        name, version = file.attrs.get("format"), file.attrs.get("format_version")
        if name != FORMAT:
            raise ValueError(f"{self.path} is HDF5, but not a study file (no format={FORMAT!r})")
        if version != VERSION:
            raise ValueError(
                f"{self.path} has format version {version}, this program reads {VERSION}; "
                "use another version of lossoscope"
            )


def open_study(path: Path | str) -> StudyFile:
    """Open a study file for reading: the file itself, or a folder with a ``study.h5``.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if it is not a study file.
    """
    path = Path(path)
    return StudyFile(path / "study.h5" if path.is_dir() else path)
