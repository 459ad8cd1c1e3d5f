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
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Json, frozen_settings
from landscape.records.layout import Layout

FORMAT: Final = "lossoscope recording"
VERSION: Final = 1
ENTRY: Final = np.dtype(
    [("step", "<i8"), ("loss", "<f8"), ("flags", "<u4"), ("theta_sum", "<u4"),
     ("buffers_sum", "<u4"), ("entry_sum", "<u4")]
)  # fmt: skip
FACTS: Final = 4
FINITE, EVALUATED = 1, 2
HEADER, THETAS, INDEX, STEPS, BUFFERS = (
    "recording.json", "thetas.bin", "index.bin", "steps.bin", "buffers.bin",
)  # fmt: skip

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
        buffers, start = {}, 0
        for name, (shape, dtype) in self.buffers.items():
            count = _size(shape)
            values = np.frombuffer(data, dtype=np.dtype(dtype), count=count, offset=start)
            buffers[name] = values.reshape(shape)
            start += values.nbytes
        return buffers

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
        path = folder / HEADER
        if not path.is_file():
            raise FileNotFoundError(
                f"{folder} holds no recording (no {HEADER}); name the folder that a "
                "TrajectoryRecorder wrote"
            )
        text = path.read_text()
        if not text:
            raise ValueError(
                f"{path} is empty: the recorder was killed as it began; remove {folder}"
            )
        try:
            header = json.loads(text)
            if header["format"] != FORMAT:
                raise KeyError("format")
            if header["version"] > VERSION:
                raise ValueError(
                    f"{path} has version {header['version']}, this package reads up to {VERSION}; "
                    "update it"
                )
            buffers = {name: (tuple(shape), d) for name, shape, d in header["buffers"]}
            layout = Layout.from_json(json.dumps(header["layout"]))
            return cls(layout, header["dtype"], buffers, header["settings"])
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
    index = bytes_of(folder / INDEX)
    whole = np.frombuffer(index[: len(index) // ENTRY.itemsize * ENTRY.itemsize], dtype=ENTRY)
    stored = _length(folder / THETAS) // header.theta_bytes
    count = 0
    while (
        count < min(len(whole), stored) and entry_sum_of(whole[count]) == whole[count]["entry_sum"]
    ):
        count += 1
    # Without fsync a machine that lost its power may have the entry and not the vector.
    while count and theta_sum(folder, header, count - 1) != whole[count - 1]["theta_sum"]:
        count -= 1
    beyond = len(index) > count * ENTRY.itemsize
    beyond |= _length(folder / THETAS) > count * header.theta_bytes
    return Contents(whole[:count], beyond)


def theta_sum(folder: Path, header: Header, row: int) -> int:
    """Return the check sum of a parameter vector as it is on disk."""
    return zlib.crc32(bytes_of(folder / THETAS, row * header.theta_bytes, header.theta_bytes))


def mapped_thetas(folder: Path, header: Header, count: int) -> NDArray[Any]:
    """Return the first ``count`` parameter vectors, [count, P], left on disk."""
    shape = (count, header.layout.size)
    return np.memmap(folder / THETAS, dtype=header.theta_dtype, mode="r", shape=shape)


def step_facts(folder: Path, count: int) -> NDArray[np.float64]:
    """Return loss, gradient norm, length and rate of the first ``count`` steps, [<=count, 4]."""
    data = bytes_of(folder / STEPS, 0, count * FACTS * 8)
    whole = len(data) // (FACTS * 8) * FACTS * 8
    return np.frombuffer(data[:whole], dtype="<f8").reshape(-1, FACTS).astype(np.float64)


def stored_buffers(
    folder: Path, header: Header, row: int, entry: Any
) -> dict[str, NDArray[Any]] | None:
    """Return the buffers of a record, one of the last two; None if they are not those."""
    data = bytes_of(folder / BUFFERS, row % 2 * header.buffer_bytes, header.buffer_bytes)
    return header.split_buffers(data) if zlib.crc32(data) == entry["buffers_sum"] else None


def entry_sum_of(entry: Any) -> int:
    """Return the check sum of the other fields of an entry."""
    return zlib.crc32(entry.tobytes()[: ENTRY.fields["entry_sum"][1]])  # type: ignore[index]


def bytes_of(path: Path, offset: int = 0, count: int = -1) -> bytes:
    """Return ``count`` bytes of a file from ``offset`` on, or fewer; none if it is absent."""
    if not path.exists():
        return b""
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(count)


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape, dtype=np.int64))
