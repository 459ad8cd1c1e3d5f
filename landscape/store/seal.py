"""The seal: 82 bytes behind the HDF5 file, with the SHA-256 of all bytes before.

HDF5 ignores what lies behind its end. A sealed file is as it was published, which is known
before HDF5 parses the first byte of it. The seal guards against damage, not against forgery.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

MARK = b"lossoscope-sealed "
BYTES = len(MARK) + 64
_BLOCK = 1 << 22


def put_seal(path: Path) -> None:
    """Append the seal to a file.

    Raises:
        OSError: if there is no room.
    """
    seal = MARK + _digest(path, path.stat().st_size)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        while seal:
            seal = seal[os.write(descriptor, seal) :]
    finally:
        os.close(descriptor)


def sealed(path: Path) -> bool:
    """Whether the file ends with a seal that is right."""
    size = path.stat().st_size
    if size <= BYTES:
        return False
    with path.open("rb") as file:
        file.seek(-BYTES, os.SEEK_END)
        seal = file.read(BYTES)
    return seal.startswith(MARK) and seal == MARK + _digest(path, size - BYTES)


def _digest(path: Path, size: int) -> bytes:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while size:
            block = file.read(min(size, _BLOCK))
            if not block:
                break
            found.update(block)
            size -= len(block)
    return found.hexdigest().encode()
