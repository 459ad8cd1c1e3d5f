"""Writing HDF5 so that a full disk is an error, not a crash.

h5py crashes the process when a disk fills up under an open file. Small files are therefore built
in memory; for large ones the room is reserved first.
"""

from __future__ import annotations

import errno
import math
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.atomic import reserve, write_into

IN_MEMORY = 1 << 28
# Larger arrays are mapped from a temporary file, not held in memory.
MAPPED = 1 << 28
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def gathered(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    blocks: Iterable[NDArray[Any]],
    *,
    folder: Path | None = None,
) -> NDArray[Any]:
    """Join blocks of rows to an array; a large one is mapped from a file that has no name.

    Args:
        shape: of the whole.
        dtype: likewise.
        blocks: rows, in order.
        folder: for the file; None, and one that cannot be written, gives that for temporary files.

    Raises:
        OSError: if there is no room.
        ValueError: if the blocks are not the whole.
    """
    if math.prod(shape) * dtype.itemsize <= MAPPED:
        whole, row = np.empty(shape, dtype), 0
        for block in blocks:
            whole[row : row + len(block)] = block
            row += len(block)
    else:
        with _nameless(folder) as file, room_for(folder or Path(), "an array larger than memory"):
            # Written, not mapped: a full disk under a mapping kills the process.
            for block in blocks:
                file.write(np.ascontiguousarray(block, dtype).data)
            file.flush()
            row = file.tell() // (math.prod(shape[1:]) * dtype.itemsize)
            whole = np.memmap(file, dtype=dtype, mode="r+", shape=(row, *shape[1:]))
    if row != shape[0]:
        raise ValueError(f"an array of shape {shape} needs {shape[0]} rows, got {row}")
    return whole


def _nameless(folder: Path | None) -> IO[bytes]:
    try:
        return tempfile.TemporaryFile(dir=folder)
    except OSError:
        return tempfile.TemporaryFile()


@contextmanager
def room_for(path: Path, what: str) -> Iterator[None]:
    """Say what has no room, and that nothing is lost.

    Raises:
        OSError: with the number of the original one.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise OSError(error.errno, no_room(what), str(path)) from None


def no_room(what: str) -> str:
    """Return the message for a full disk or a quota that is used up."""
    return (
        f"no room for {what}; what was finished is safe, the same command continues when there is "
        "room"
    )


def write_hdf5(path: Path, fill: Callable[[h5py.File], None], size: int) -> None:
    """Write an HDF5 file to a path that may be overwritten.

    Args:
        path: an existing file.
        fill: writes the content into an empty file.
        size: bytes it takes at most.

    Raises:
        OSError: if there is no room.
    """
    if size <= IN_MEMORY:
        image = BytesIO()
        with h5py.File(image, "w") as file:
            fill(file)
        write_into(path, image.getbuffer())
        return
    with h5py.File(path, "w"):
        pass
    # Mode "w" would give the room back; closing gives back what is left over.
    reserve(path, size)
    with h5py.File(path, "r+") as file:
        fill(file)
        file.flush()
        used = file.id.get_filesize()
    if used > size:
        raise RuntimeError(f"{path} took {used:,} bytes where {size:,} were reserved")
