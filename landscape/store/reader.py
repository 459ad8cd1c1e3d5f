"""Reading a study file. Needs h5py and numpy only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import h5py

from landscape.records.choices import known_names
from landscape.records.plane import Plane
from landscape.records.presenting import Presented, in_short
from landscape.records.results import Analysis, Projection
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory
from landscape.store import checking, codec, guard
from landscape.store.checking import DAMAGE, FORMAT, VERSION, WHOLE, Findings
from landscape.store.places import (
    analysis_path,
    plane_path,
    projection_path,
    run_path,
    surface_path,
)
from landscape.store.seal import known, remember, seal_of

__all__ = ["FORMAT", "VERSION", "StudyFile", "open_study"]

R = TypeVar("R", bound=codec.Record)
T = TypeVar("T")
_Stamp = tuple[int, int, int, int]
_SOUND = Findings({}, 0, digests=True, sealed=True)


class StudyFile(Presented):
    """Read access to a study file; every call opens and closes the file.

    A file that this user has not published or checked before, byte for byte, is first checked in a
    child process, so that damage and malice end in an error that names the part, never in a crash
    or a wrong value.

    Args:
        path: the file.
        verify: whether the file is checked before it is read.

    Raises:
        FileNotFoundError: if there is no such file.
        BlockingIOError: if another process is writing it in place.
        ValueError: if it is not a study file, of a newer format, or damaged as a whole.
    """

    def __init__(self, path: Path | str, *, verify: bool = True) -> None:
        self.path = Path(path)
        self.verify = verify
        self._checked: tuple[_Stamp, Findings] | None = None
        with self._open() as file:
            self.attributes: dict[str, Any] = self._refusing(lambda: guard.attributes(file))

    @classmethod
    def just_published(cls, path: Path) -> StudyFile:
        """Open a file that was verified a moment ago."""
        study = cls(path, verify=False)
        study.verify = True
        study._checked = (_stamp(path), _SOUND)
        return study

    def _texts(self) -> dict[str, str]:
        listed = {"runs": self.runs(), "planes": self.planes(), "surfaces": self.surfaces(),
                  "paths on planes": self.projections()}  # fmt: skip
        return {
            "path": str(self.path),
            **{name: in_short(ids) for name, ids in listed.items() if ids},
        }

    def __repr__(self) -> str:
        # Of a file that may be gone by now: nothing is read.
        return f"StudyFile({str(self.path)!r})"

    @property
    def problems(self) -> dict[str, str]:
        """What is damaged, by path; empty where nothing is, or nothing was verified."""
        return dict(self._checked[1].problems) if self._checked else {}

    @property
    def config(self) -> dict[str, Any]:
        """The study's configuration as plain values; empty if it was made without one.

        Raises:
            ValueError: if it is none.
        """
        try:
            config = dict(json.loads(self.attributes.get("config", "{}")))
            guard.check_texts(config)
            return config
        except (ValueError, TypeError, RecursionError):
            raise ValueError(
                f"{self.path} is damaged: its configuration is no JSON object"
            ) from None

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
        with self._open() as file:
            listed = self._refusing(lambda: checking.record_paths(file))
        # What is lost is damage, not absence.
        return listed + sorted(self.problems.keys() - set(listed))

    def record(self, path: str, kind: type[R]) -> R:
        """Read the record at ``path``, which must be a ``kind``; raises like :meth:`trajectory`."""
        record = self.any_record(path)
        if not isinstance(record, kind):
            raise ValueError(f"{self.path}: {path} is not a {kind.__name__.lower()}")
        return record

    def any_record(self, path: str) -> codec.Record:
        """Read the record at ``path``, of any kind; raises like :meth:`trajectory`."""
        with self._open() as file:
            if path in self.problems:
                raise ValueError(
                    f"{self.path}: {path} is damaged: {self.problems[path]}; mend it with: "
                    f"landscape check --repair {self.path}"
                )
            try:
                if checking.holds(file, path):
                    return codec.read(checking.at(file, path))
            except DAMAGE as error:
                raise ValueError(f"{self.path}: {path} is damaged: {error}") from None
            known = self._names_in(file, path.rpartition("/")[0])
            raise KeyError(f"{self.path} has no {path}; {known_names(known)}")

    def _names(self, group: str) -> list[str]:
        with self._open() as file:
            return self._names_in(file, group)

    def _names_in(self, file: h5py.File, group: str) -> list[str]:
        def listed() -> list[str]:
            return guard.names(checking.at(file, group)) if checking.holds(file, group) else []

        damaged = [path.rpartition("/") for path in self.problems]
        lost = {name for above, _, name in damaged if above == group}
        return sorted(lost | set(self._refusing(listed)))

    def _refusing(self, listing: Callable[[], T]) -> T:
        try:
            return listing()
        except DAMAGE as error:
            raise ValueError(f"{self.path} is damaged: {error}") from None

    @contextmanager
    def _open(self) -> Iterator[h5py.File]:
        if self.verify and self.path.is_file():
            self._check()
        with checking.opened(self.path) as file:
            yield file

    def _check(self) -> None:
        stamp = _stamp(self.path)
        if self._checked is not None and self._checked[0] == stamp:
            return
        seal = seal_of(self.path)
        findings = _SOUND if seal and known(seal) else checking.check_file(self.path)
        if WHOLE in findings.problems:
            raise ValueError(
                f"{self.path} is damaged: {findings.problems[WHOLE]}; see what is left with: "
                f"landscape check {self.path}"
            )
        if seal and not findings.problems:
            remember(seal)
        self._checked = (stamp, findings)


def _stamp(path: Path) -> _Stamp:
    status = path.stat()
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def open_study(path: Path | str, *, verify: bool = True) -> StudyFile:
    """Open a study file for reading: the file itself, or a folder with a ``study.h5``.

    Args:
        path: the file or its folder.
        verify: whether the file is checked against its digests before it is read.

    Raises:
        FileNotFoundError: if there is none.
        BlockingIOError: if another process is writing it in place.
        ValueError: if it is not a study file, or damaged as a whole.
    """
    path = Path(path)
    return StudyFile(path / "study.h5" if path.is_dir() else path, verify=verify)
