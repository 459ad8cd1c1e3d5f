"""Writing a study: finished work goes to a journal, and from there, whole, into the HDF5 file."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, frozen_settings
from landscape.records.atomic import remove_leftovers, replacing, writable_folder
from landscape.records.surface import Status, Surface
from landscape.store import checking, codec, digests, tiles
from landscape.store.images import gathered, room_for, write_hdf5
from landscape.store.journal import Journal, Pieces
from landscape.store.lock import WriterLock, followed
from landscape.store.reader import FORMAT, VERSION, StudyFile
from landscape.store.seal import put_seal


class StudyWriter:
    """One experiment, growing. Use as a context manager: leaving it publishes what is done.

    Args:
        path: the study file; made if absent, continued if present.
        config: the configuration as plain values. None keeps that of the file.
        facts: more that must be the same when a study is continued, as the digest of its data.

    Raises:
        ValueError: if the file belongs to another experiment (the message tells what differs),
            is no study file, or is damaged.
        BlockingIOError: if another process is writing it.
        OSError: if the folder cannot be written.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        config: Mapping[str, Any] | None = None,
        facts: Mapping[str, str] | None = None,
    ) -> None:
        self.path = followed(Path(path))
        writable_folder(self.path.parent)
        self._lock = WriterLock(self.path.with_name(self.path.name + ".lock"))
        try:
            journal = self.path.with_name(self.path.name + ".journal")
            remove_leftovers(self.path)
            remove_leftovers(journal)
            self._published = StudyFile(self.path) if self.path.exists() else None
            self._refuse_damage()
            self._journal = Journal(journal)
        except BaseException:
            self._lock.release()
            raise
        try:
            self._identity = self._checked_identity(config, facts or {})
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not isinstance(error, OSError):
                self.publish()
        finally:
            self.close()

    def close(self) -> None:
        """Let others write; what is not published stays in the journal."""
        try:
            self._journal.close()
        finally:
            self._lock.release()

    def has(self, path: str) -> bool:
        """Whether the record at ``path`` is there and, for a surface, complete."""
        there = self._journal.size(path) > 0 or (
            self._published is not None and path in self._published.paths()
        )
        if not there or not path.startswith("surfaces/"):
            return there
        surface = self.find(path)
        return not isinstance(surface, Surface) or surface.complete

    def find(self, path: str) -> codec.Record | None:
        """Return the record at ``path`` with the tiles put so far, or None."""
        record = self._journal.record(path)
        if record is None and self._published is not None and path in self._published.paths():
            record = self._published.any_record(path)
        if isinstance(record, Surface):
            for indices, values in self._journal.tiles(path):
                tiles.check_fits(indices, values, record, self._journal.path)
                record = record.with_points(indices, values, Status.EVALUATED)
        return record

    def put_record(self, path: str, record: codec.Record) -> None:
        """Commit a record; it is safe from a kill when this returns."""
        self._journal.put_record(path, record)

    def put_tile(self, path: str, indices: NDArray[np.int64], values: dict[str, Floats]) -> None:
        """Commit a tile of a surface; it is safe from a kill when this returns.

        Raises:
            KeyError: if the surface was not put before.
        """
        if self._journal.record(path) is None and (
            self._published is None or path not in self._published.paths()
        ):
            raise KeyError(f"put the surface {path} before its tiles")
        self._journal.put_tile(path, indices, values)

    def put_training(self, path: str, piece: bytes, state: bytes) -> None:
        """Commit what a run has recorded since the last call, and the state to go on from.

        It is dropped when the record of the run is put.
        """
        self._journal.put_training(path, piece, state)

    def training(self, path: str) -> tuple[Pieces, bytes] | None:
        """Return all pieces and the last state of a run that is not finished, or None."""
        return self._journal.training(path)

    def pieces(self, path: str) -> Pieces:
        """Return all pieces of a run that is not finished, those that are still to come as well."""
        return Pieces(self._journal, path)

    def gather(
        self, shape: tuple[int, ...], dtype: np.dtype[Any], blocks: Iterable[NDArray[Any]]
    ) -> NDArray[Any]:
        """Join rows to an array, which lies in a file beside the study if it is large.

        Raises:
            OSError: if there is no room for it.
        """
        return gathered(shape, dtype, blocks, folder=self.path.parent)

    def publish(self) -> StudyFile:
        """Write everything to the study file, replacing it atomically, and return it.

        Raises:
            OSError: if there is no room; the old file and the journal stay whole.
        """
        pending = [] if self._journal.published else self._journal.paths()
        if self._published is None or pending:
            with room_for(self.path, "the study"), replacing(self.path) as temporary:
                write_hdf5(temporary, lambda new: self._fill(new, pending), self._size(pending))
                put_seal(temporary)
                checking.verify_written(temporary)
            self._published = StudyFile.just_published(self.path)
            self._journal.clear()
        return self._published

    def _size(self, pending: list[str]) -> int:
        """Bytes that the new file takes at most, the seal included."""
        old = self.path.stat().st_size if self._published is not None else 0
        return (1 << 20) + old + sum(self._journal.size(path) for path in pending) * 9 // 8

    def _fill(self, new: h5py.File, pending: list[str]) -> None:
        self._write_root(new)
        if self._published is not None:
            with checking.opened(self.path) as old:
                for path in self._published.paths():
                    if path not in pending:
                        old.copy(old[path], new, path)
        for path in pending:
            record = self.find(path)
            if record is not None:
                codec.write(new.create_group(path), record)
        digests.put_list(new, checking.record_paths(new))

    def _write_root(self, file: h5py.File) -> None:
        file.attrs["format"] = FORMAT
        file.attrs["format_version"] = VERSION
        file.attrs["versions"] = json.dumps(_versions())
        for name, value in self._identity.items():
            file.attrs[name] = value

    def _refuse_damage(self) -> None:
        problems = self._published.problems if self._published is not None else {}
        if problems:
            path, problem = next(iter(problems.items()))
            raise ValueError(
                f"{self.path} is damaged ({path}: {problem}); mend it with: "
                f"landscape repair {self.path}"
            )

    def _checked_identity(
        self, config: Mapping[str, Any] | None, facts: Mapping[str, str]
    ) -> dict[str, str]:
        """What makes this experiment this one, after comparing with what is stored."""
        stored = self._stored_identity()
        self._refuse_foreign_journal(stored)
        if config is None:
            if stored:
                self._journal.put_meta("identity", json.dumps(stored))
            return stored
        wanted = {"config": json.dumps(dict(frozen_settings(config)), sort_keys=True), **facts}
        if stored and stored != wanted:
            differences = "; ".join(_differences(stored, wanted))
            raise ValueError(
                f"{self.path} holds another experiment: {differences}. "
                "Choose another --out, or remove that study"
            )
        self._journal.put_meta("identity", json.dumps(wanted))
        return wanted

    def _refuse_foreign_journal(self, stored: dict[str, str]) -> None:
        text = self._journal.meta("identity")
        if self._published is None or not (stored and text) or self._journal.empty:
            return
        if json.loads(text) != stored:
            differences = "; ".join(_differences(stored, json.loads(text)))
            raise ValueError(
                f"the journal {self._journal.path} belongs to another study: {differences} "
                "(there: the study, here: the journal); move it to its own study, or remove it"
            )

    def _stored_identity(self) -> dict[str, str]:
        if self._published is not None:
            own = ("format", "format_version", "versions", digests.NAME)
            attributes = self._published.attributes.items()
            return {str(k): str(v) for k, v in attributes if k not in own}
        text = self._journal.meta("identity")
        return dict(json.loads(text)) if text and not self._journal.empty else {}


def _differences(stored: Mapping[str, str], wanted: Mapping[str, str]) -> list[str]:
    old, new = (_flat({**x, "config": json.loads(x.get("config", "{}"))}) for x in (stored, wanted))
    return [
        f"{key} is {old.get(key, 'absent')} there, {new.get(key, 'absent')} here"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in values.items():
        name = key if not prefix and key == "config" else prefix + key
        if isinstance(value, Mapping):
            flat |= _flat(value, "" if name == "config" else name + ".")
        else:
            flat[name] = json.dumps(value)
    return flat


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in ("lossoscope", "torch", "numpy", "h5py"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
