"""Writing a file whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BLOCK = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` to write to, and move it into place at the end.

    The file is flushed to disk before it replaces the old one, and the folder after. If the body
    raises, the old file stays and the temporary one is removed.

    Raises:
        OSError: if the folder does not exist or cannot be written, or the disk is full.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp makes private files; give the usual permissions.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_bytes(path: Path, data: memoryview | bytes) -> None:
    """Replace ``path`` by ``data``, whole or not at all.

    Raises:
        OSError: if it cannot be written completely.
    """
    with replacing(path) as temporary:
        write_into(temporary, data)


def write_into(path: Path, data: memoryview | bytes) -> None:
    """Write ``data`` over an existing file, in place.

    Raises:
        OSError: if it cannot be written completely.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_TRUNC)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: memoryview | bytes) -> None:
    """Write ``data`` where an open file stands.

    Raises:
        OSError: if it cannot be written completely.
    """
    rest = memoryview(data)
    while len(rest):
        # A nearly full disk takes a part without an error; the next write fails.
        rest = rest[os.write(descriptor, rest) :]


def reserve(path: Path, size: int) -> None:
    """Make a file at least ``size`` bytes long, with room for all of them on the disk.

    What already stands in it stays. Writing into the file later cannot run out of room, on file
    systems that write in place.

    Raises:
        OSError: if there is no room.
    """
    descriptor = os.open(path, os.O_RDWR)
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(descriptor, 0, size)
            return
        place = os.lseek(descriptor, 0, os.SEEK_END)
        while place < size:
            place += os.write(descriptor, bytes(min(size - place, _BLOCK)))
    finally:
        os.close(descriptor)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files of :func:`replacing` that a killed process left beside ``path``."""
    name = re.compile(re.escape(f".{path.name}.") + "[a-z0-9_]{8}" + re.escape(path.suffix))
    for file in path.parent.iterdir():
        if name.fullmatch(file.name) and file.is_file() and not file.is_symlink():
            file.unlink(missing_ok=True)


def writable_folder(folder: Path) -> Path:
    """Make ``folder`` if needed and return it.

    Raises:
        OSError: if it cannot be made or written; the message names it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            error.errno,
            f"cannot write to the folder: {error.strerror}; choose another",
            str(folder),
        ) from None
    return folder


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
