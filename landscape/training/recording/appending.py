"""Appending to a recording, alone, from the beginning or after one of its records."""

from __future__ import annotations

import os
import zlib
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from landscape.records.atomic import replacing, writable_folder, write_all
from landscape.training.recording.format import (
    BUFFERS,
    ENTRY,
    EVALUATED,
    FACTS,
    FINITE,
    HEADER,
    INDEX,
    STEPS,
    THETAS,
    Entries,
    Header,
    bytes_of,
    contents,
    entry_sum_of,
    step_facts,
)

_BINARY = getattr(os, "O_BINARY", 0)


class RecordingWriter:
    """Appends to a recording; one process at a time.

    Args:
        folder: made if absent.
        header: of the recording.
        fsync: whether every record is to be on the disk before the call returns.

    Raises:
        FileExistsError: if the folder holds a recording; :meth:`resume` continues it.
        OSError: if the folder cannot be written.
    """

    def __init__(self, folder: Path, header: Header, *, fsync: bool = False) -> None:
        writable_folder(folder)
        try:
            lock = os.open(folder / HEADER, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
        except FileExistsError:
            raise FileExistsError(
                f"{folder} holds a recording already; choose another folder, or continue it "
                "with resume=True"
            ) from None
        _lock(lock, folder)
        _write(lock, 0, header.to_json().encode())
        os.fsync(lock)
        self._open(folder, header, lock, fsync=fsync, flags=os.O_CREAT | os.O_TRUNC)
        self.records = 0

    @classmethod
    def resume(cls, folder: Path, header: Header, theta: NDArray[Any], *, fsync: bool) -> Self:
        """Continue a recording after its last record of these weights; drop later ones.

        Raises:
            ValueError: if it is of another model or precision, or has no such record.
            BlockingIOError: if another process is writing it.
        """
        stored = Header.read(folder)
        _check_same(folder, stored, header)
        lock = os.open(folder / HEADER, os.O_RDWR | _BINARY)
        try:
            _lock(lock, folder)
            entries = contents(folder, stored).entries
            row = _row_of(folder, stored, entries, theta)
            _keep(folder, stored, row + 1, len(entries))
            _fit_steps(folder, int(entries["step"][row]))
        except BaseException:
            os.close(lock)
            raise
        writer = cls.__new__(cls)
        writer._open(folder, stored, lock, fsync=fsync, flags=0)
        # The record is written once more: the same vector, and the buffers as they are now.
        writer.records, writer.last = row, entries[row].copy()
        return writer

    def _open(self, folder: Path, header: Header, lock: int, *, fsync: bool, flags: int) -> None:
        self.folder, self.header, self.fsync = folder, header, fsync
        self.last: Any = None
        self._files = {"lock": lock}
        for name in (THETAS, INDEX, STEPS, BUFFERS):
            self._files[name] = os.open(folder / name, os.O_RDWR | _BINARY | flags, 0o666)

    def put(
        self, step: int, theta: NDArray[Any], buffers: bytes, *, loss: float | None, finite: bool
    ) -> None:
        """Append a record; it survives a kill when this returns.

        Raises:
            OSError: if it cannot be written; the records before it stay whole.
        """
        data = np.ascontiguousarray(theta, dtype=self.header.theta_dtype).data.cast("B")
        if len(data) != self.header.theta_bytes or len(buffers) != self.header.buffer_bytes:
            raise ValueError("weights and buffers must be those of the header")
        row = self.records
        _write(self._files[THETAS], row * len(data), data)
        _write(self._files[BUFFERS], row % 2 * len(buffers), buffers)
        entry = np.zeros((), dtype=ENTRY)
        entry["step"], entry["loss"] = step, np.nan if loss is None else loss
        entry["flags"] = FINITE * finite | EVALUATED * (loss is not None)
        entry["theta_sum"], entry["buffers_sum"] = zlib.crc32(data), zlib.crc32(buffers)
        entry["entry_sum"] = entry_sum_of(entry)
        if self.fsync:
            for name in (THETAS, BUFFERS, STEPS):
                os.fsync(self._files[name])
        _write(self._files[INDEX], row * ENTRY.itemsize, entry.tobytes())
        if self.fsync:
            os.fsync(self._files[INDEX])
        self.records, self.last = row + 1, entry

    def put_facts(self, first: int, facts: NDArray[np.float64]) -> None:
        """Write the facts [n, 4] of the steps from ``first`` on."""
        data = np.ascontiguousarray(facts, dtype="<f8").tobytes()
        _write(self._files[STEPS], first * FACTS * 8, data)

    def close(self) -> None:
        """Bring everything to the disk and let go of the files."""
        try:
            for name, file in self._files.items():
                if name != "lock":
                    os.fsync(file)
        finally:
            for file in self._files.values():
                os.close(file)
            self._files = {}


def _check_same(folder: Path, stored: Header, wanted: Header) -> None:
    if stored.layout != wanted.layout:
        there, here = ({s.name: s.shape for s in h.layout.slots} for h in (stored, wanted))
        names = [n for n in {**there, **here} if there.get(n) != here.get(n)]
        name = names[0] if names else "the order"
        raise ValueError(
            f"{folder} records another model: {name} is {there.get(name, 'absent')} there, "
            f"{here.get(name, 'absent')} here; record this one in another folder"
        )
    if stored.dtype != wanted.dtype or dict(stored.buffers) != dict(wanted.buffers):
        what = "precision" if stored.dtype != wanted.dtype else "buffers"
        raise ValueError(
            f"{folder} records other {what} than this model's; record it in another folder"
        )


def _row_of(folder: Path, header: Header, entries: Entries, theta: NDArray[Any]) -> int:
    if not len(entries):
        raise ValueError(f"{folder} holds no complete record to go on from; remove it")
    data = np.ascontiguousarray(theta, dtype=header.theta_dtype).tobytes()
    for row in np.flatnonzero(entries["theta_sum"] == zlib.crc32(data))[::-1]:
        if bytes_of(folder / THETAS, row * header.theta_bytes, header.theta_bytes) == data:
            return int(row)
    raise ValueError(
        f"{folder} has no record of the model's present weights (the last is that of step "
        f"{entries['step'][-1]}); load the weights of a recorded step before resuming, or record "
        "in another folder"
    )


def _keep(folder: Path, header: Header, count: int, complete: int) -> None:
    """Drop what lies beyond the first ``count`` records."""
    for name, unit in ((INDEX, ENTRY.itemsize), (THETAS, header.theta_bytes)):
        path = folder / name
        if count == complete:
            os.truncate(path, count * unit)
            continue
        # Someone may have mapped the records that go: cutting their file would crash them.
        with replacing(path) as copy, path.open("rb") as old, copy.open("wb") as new:
            for start in range(0, count * unit, 1 << 24):
                new.write(old.read(min(1 << 24, count * unit - start)))


def _fit_steps(folder: Path, count: int) -> None:
    facts = step_facts(folder, count)
    missing = np.full((count - len(facts), FACTS), np.nan)
    (folder / STEPS).write_bytes(np.concatenate([facts, missing]).astype("<f8").tobytes())


def _write(file: int, offset: int, data: bytes | memoryview) -> None:
    os.lseek(file, offset, os.SEEK_SET)
    write_all(file, data)


def _lock(file: int, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(
            f"another recorder is writing {folder}; in a distributed run record in one process only"
        ) from None
    except OSError:
        # Some network file systems have no locks; recording goes on without.
        return
