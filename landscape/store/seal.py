"""The seal: 82 bytes behind the HDF5 file, with the SHA-256 of all bytes before.

HDF5 ignores what lies behind its end. A sealed file is as it was published, which is known
before HDF5 parses the first byte of it. The seal guards against damage, not against forgery:
anybody can seal a file that crashes HDF5. Trusted without a look are therefore only seals that
this user's own programs have made, or have found sound; they are noted in the user's cache.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

MARK = b"lossoscope-sealed "
BYTES = len(MARK) + 64
_BLOCK = 1 << 22
_NOTED = 1 << 20


def put_seal(path: Path) -> None:
    """Append the seal to a file.

    Raises:
        OSError: if there is no room.
    """
    seal = MARK + _digest(path, path.stat().st_size).encode()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        while seal:
            seal = seal[os.write(descriptor, seal) :]
    finally:
        os.close(descriptor)


def seal_of(path: Path) -> str:
    """Return the digest in the seal of a file, "" if it has none, or one that is not right."""
    size = path.stat().st_size
    if size <= BYTES:
        return ""
    with path.open("rb") as file:
        file.seek(-BYTES, os.SEEK_END)
        seal = file.read(BYTES)
    if not seal.startswith(MARK):
        return ""
    digest = _digest(path, size - BYTES)
    return digest if seal == MARK + digest.encode() else ""


def sealed(path: Path) -> bool:
    """Whether the file ends with a seal that is right."""
    return seal_of(path) != ""


def known(seal: str) -> bool:
    """Whether this user's programs have made or checked the file with this seal."""
    try:
        return seal.encode() in _notes().read_bytes().split(b"\n")
    except (OSError, RuntimeError):
        return False


def remember(seal: str) -> None:
    """Note a seal as known; where the cache cannot be written, files are checked every time."""
    with suppress(OSError, RuntimeError):
        path = _notes()
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.stat().st_size > _NOTED:
            path.unlink()
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, seal.encode() + b"\n")
        finally:
            os.close(descriptor)


def _notes() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "lossoscope" / "known-studies"


def _digest(path: Path, size: int) -> str:
    hashed = hashlib.sha256()
    with path.open("rb") as file:
        while size:
            block = file.read(min(size, _BLOCK))
            if not block:
                break
            hashed.update(block)
            size -= len(block)
    return hashed.hexdigest()
