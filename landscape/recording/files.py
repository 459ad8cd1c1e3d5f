"""A recording on disk: a folder to which weights are appended, readable whenever writing stops.

=================  ================================================================================
``recording.json`` what it is, the layout, the precision, the buffers, settings; written once
``thetas.bin``     parameter vectors one after another, [T, P], little-endian, nothing between
``index.bin``      32 bytes for each record: step, loss, flags, check sums
``steps.bin``      4 float64 for each step: loss, gradient norm, length, learning rate
``buffers.bin``    two slots, written in turn: the buffers of the last record and of the one before
=================  ================================================================================

A record is complete when its entry in the index is, which is written last; what lies beyond the
last complete entry is not part of the recording. After every record the bytes are with the
operating system, so that a killed process loses nothing that was recorded; with ``fsync`` they
are on the disk, so that a machine without power does not either.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from landscape.arrays import Json, frozen_settings
from landscape.files import replacing, writable_folder
from landscape.layout import Layout

FORMAT: Final = "lossoscope recording"
VERSION: Final = 1
ENTRY: Final = np.dtype(
    [("step", "<i8"), ("loss", "<f8"), ("flags", "<u4"), ("theta_sum", "<u4"),
     ("buffers_sum", "<u4"), ("entry_sum", "<u4")]
)  # fmt: skip
FACTS: Final = 4
FINITE, EVALUATED = 1, 2
_HEADER, _THETAS, _INDEX, _STEPS, _BUFFERS = (
    "recording.json", "thetas.bin", "index.bin", "steps.bin", "buffers.bin",
)  # fmt: skip
_BINARY = getattr(os, "O_BINARY", 0)

Entries = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What does not change while a recording grows.

    Attributes:
        layout: names and shapes of the P parameters.
        dtype: ``float32`` or ``float64``, of the parameter vectors on disk.
        buffers: shape and dtype of each buffer, by name, in the order of their bytes.
        settings: what the user notes, plain JSON values.
    """

    layout: Layout
    dtype: str
    buffers: Mapping[str, tuple[tuple[int, ...], str]] = field(default_factory=dict)
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype must be float32 or float64, got {self.dtype}")
        object.__setattr__(self, "settings", frozen_settings(self.settings))

    @property
    def theta_dtype(self) -> np.dtype[Any]:
        """The dtype of a parameter vector on disk."""
        return np.dtype(self.dtype).newbyteorder("<")

    @property
    def theta_bytes(self) -> int:
        """Bytes of a parameter vector."""
        return self.layout.size * self.theta_dtype.itemsize

    @property
    def buffer_bytes(self) -> int:
        """Bytes of all buffers."""
        return sum(_size(shape) * np.dtype(d).itemsize for shape, d in self.buffers.values())

    def split_buffers(self, data: bytes) -> dict[str, NDArray[Any]]:
        """Return the buffers by name from their bytes one after another."""
        found, start = {}, 0
        for name, (shape, dtype) in self.buffers.items():
            count = _size(shape)
            values = np.frombuffer(data, dtype=np.dtype(dtype), count=count, offset=start)
            found[name] = values.reshape(shape)
            start += values.nbytes
        return found

    def to_json(self) -> str:
        """Write the header as JSON."""
        return json.dumps(
            {
                "format": FORMAT,
                "version": VERSION,
                "dtype": self.dtype,
                "layout": json.loads(self.layout.to_json()),
                "buffers": [[n, list(shape), d] for n, (shape, d) in self.buffers.items()],
                "settings": dict(self.settings),
            }
        )

    @classmethod
    def read(cls, folder: Path) -> Header:
        """Read the header of a recording.

        Raises:
            FileNotFoundError: if the folder holds no recording.
            ValueError: if its header is not one, or of a later version.
        """
        path = folder / _HEADER
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} holds no recording (no {_HEADER}); name the folder that a "
                "TrajectoryRecorder wrote"
            )
        text = path.read_text()
        if not text:
            raise ValueError(
                f"{path} is empty: the recorder was killed as it began; remove {folder}"
            )
        try:
            found = json.loads(text)
            if found["format"] != FORMAT:
                raise KeyError("format")
            if found["version"] > VERSION:
                raise ValueError(
                    f"{path} has version {found['version']}, this package reads up to {VERSION}; "
                    "update it"
                )
            buffers = {name: (tuple(shape), d) for name, shape, d in found["buffers"]}
            layout = Layout.from_json(json.dumps(found["layout"]))
            return cls(layout, found["dtype"], buffers, found["settings"])
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path} is not the header of a recording ({type(error).__name__}: {error})"
            ) from None


@dataclass(frozen=True, slots=True)
class Contents:
    """What of a recording is complete.

    Attributes:
        entries: the index, of complete records only, [T].
        incomplete: whether bytes of a record lie beyond, torn or still being written.
    """

    entries: Entries
    incomplete: bool


def contents(folder: Path, header: Header) -> Contents:
    """Find the complete records of a recording: whole entries, and the last vector as recorded."""
    index = _bytes(folder / _INDEX)
    whole = np.frombuffer(index[: len(index) // ENTRY.itemsize * ENTRY.itemsize], dtype=ENTRY)
    stored = _length(folder / _THETAS) // header.theta_bytes
    count = 0
    while count < min(len(whole), stored) and _entry_sum(whole[count]) == whole[count]["entry_sum"]:
        count += 1
    # Without fsync a machine that lost its power may have the entry and not the vector.
    while count and theta_sum(folder, header, count - 1) != whole[count - 1]["theta_sum"]:
        count -= 1
    beyond = len(index) > count * ENTRY.itemsize
    beyond |= _length(folder / _THETAS) > count * header.theta_bytes
    return Contents(whole[:count], beyond)


def theta_sum(folder: Path, header: Header, row: int) -> int:
    """Return the check sum of a parameter vector as it is on disk."""
    return zlib.crc32(_bytes(folder / _THETAS, row * header.theta_bytes, header.theta_bytes))


def mapped_thetas(folder: Path, header: Header, count: int) -> NDArray[Any]:
    """Return the first ``count`` parameter vectors, [count, P], left on disk."""
    shape = (count, header.layout.size)
    return np.memmap(folder / _THETAS, dtype=header.theta_dtype, mode="r", shape=shape)


def step_facts(folder: Path, count: int) -> NDArray[np.float64]:
    """Return loss, gradient norm, length and rate of the first ``count`` steps, [<=count, 4]."""
    data = _bytes(folder / _STEPS, 0, count * FACTS * 8)
    whole = len(data) // (FACTS * 8) * FACTS * 8
    return np.frombuffer(data[:whole], dtype="<f8").reshape(-1, FACTS).astype(np.float64)


def stored_buffers(
    folder: Path, header: Header, row: int, entry: Any
) -> dict[str, NDArray[Any]] | None:
    """Return the buffers of a record, one of the last two; None if they are not those."""
    data = _bytes(folder / _BUFFERS, row % 2 * header.buffer_bytes, header.buffer_bytes)
    return header.split_buffers(data) if zlib.crc32(data) == entry["buffers_sum"] else None


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
            lock = os.open(folder / _HEADER, os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY, 0o666)
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
        lock = os.open(folder / _HEADER, os.O_RDWR | _BINARY)
        try:
            _lock(lock, folder)
            found = contents(folder, stored)
            row = _row_of(folder, stored, found.entries, theta)
            _keep(folder, stored, row + 1, len(found.entries))
            _fit_steps(folder, int(found.entries["step"][row]))
        except BaseException:
            os.close(lock)
            raise
        writer = cls.__new__(cls)
        writer._open(folder, stored, lock, fsync=fsync, flags=0)
        # The record is written once more: the same vector, and the buffers as they are now.
        writer.records, writer.last = row, found.entries[row].copy()
        return writer

    def _open(self, folder: Path, header: Header, lock: int, *, fsync: bool, flags: int) -> None:
        self.folder, self.header, self.fsync = folder, header, fsync
        self.last: Any = None
        self._files = {"lock": lock}
        for name in (_THETAS, _INDEX, _STEPS, _BUFFERS):
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
        _write(self._files[_THETAS], row * len(data), data)
        _write(self._files[_BUFFERS], row % 2 * len(buffers), buffers)
        entry = np.zeros((), dtype=ENTRY)
        entry["step"], entry["loss"] = step, np.nan if loss is None else loss
        entry["flags"] = FINITE * finite | EVALUATED * (loss is not None)
        entry["theta_sum"], entry["buffers_sum"] = zlib.crc32(data), zlib.crc32(buffers)
        entry["entry_sum"] = _entry_sum(entry)
        if self.fsync:
            for name in (_THETAS, _BUFFERS, _STEPS):
                os.fsync(self._files[name])
        _write(self._files[_INDEX], row * ENTRY.itemsize, entry.tobytes())
        if self.fsync:
            os.fsync(self._files[_INDEX])
        self.records, self.last = row + 1, entry

    def put_facts(self, first: int, facts: NDArray[np.float64]) -> None:
        """Write the facts [n, 4] of the steps from ``first`` on."""
        data = np.ascontiguousarray(facts, dtype="<f8").tobytes()
        _write(self._files[_STEPS], first * FACTS * 8, data)

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


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
    data = np.ascontiguousarray(theta, dtype=header.theta_dtype).tobytes()
    for row in np.flatnonzero(entries["theta_sum"] == zlib.crc32(data))[::-1]:
        if _bytes(folder / _THETAS, row * header.theta_bytes, header.theta_bytes) == data:
            return int(row)
    last = f"the last is that of step {entries['step'][-1]}" if len(entries) else "it holds none"
    raise ValueError(
        f"{folder} has no record of the model's present weights ({last}); load the weights of a "
        "recorded step before resuming, or record in another folder"
    )


def _keep(folder: Path, header: Header, count: int, complete: int) -> None:
    """Drop what lies beyond the first ``count`` records."""
    for name, unit in ((_INDEX, ENTRY.itemsize), (_THETAS, header.theta_bytes)):
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
    (folder / _STEPS).write_bytes(np.concatenate([facts, missing]).astype("<f8").tobytes())


def _entry_sum(entry: Any) -> int:
    return zlib.crc32(entry.tobytes()[: ENTRY.fields["entry_sum"][1]])  # type: ignore[index]


def _write(file: int, offset: int, data: bytes | memoryview) -> None:
    os.lseek(file, offset, os.SEEK_SET)
    rest = memoryview(data)
    while len(rest):
        # A nearly full disk takes a part without an error; the next write tells.
        rest = rest[os.write(file, rest) :]


def _bytes(path: Path, offset: int = 0, count: int = -1) -> bytes:
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(count)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))


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
