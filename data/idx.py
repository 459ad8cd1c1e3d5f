"""The IDX format of MNIST and its kin, read strictly: a file is never trusted for its size."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MOST_BYTES = 4 << 30


def read_idx(path: Path) -> NDArray[Any]:
    """Read an IDX file, plain or gzip-compressed by its suffix ``.gz``.

    Raises:
        ValueError: if it is not IDX, truncated, or longer than its header says.
        OSError: if it cannot be read.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            head = file.read(4)
            if len(head) < 4 or head[:2] != b"\0\0" or head[2] not in _TYPES or not head[3]:
                raise ValueError(
                    f"{path} is not an IDX file: it starts with {head.hex() or 'nothing'}"
                )
            sizes = file.read(4 * head[3])
            if len(sizes) < 4 * head[3]:
                raise ValueError(f"{path} is truncated: its header ends early")
            shape = struct.unpack(f">{head[3]}I", sizes)
            kind = np.dtype(_TYPES[head[2]])
            wanted = math.prod(shape) * kind.itemsize
            if wanted > _MOST_BYTES:
                raise ValueError(f"{path} claims {wanted:,} bytes; at most 4 GiB are read")
            # One byte more tells a file that is longer than it says, without unpacking it all.
            content = file.read(wanted + 1)
    except (EOFError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if len(content) != wanted:
        found = "more" if len(content) > wanted else f"{len(content):,}"
        raise ValueError(f"{path} must hold {wanted:,} bytes of {shape}, got {found}")
    return np.frombuffer(content, dtype=kind).reshape(shape).astype(kind.newbyteorder("="))
