"""One writer at a time: a lock of the operating system, which goes with the process.

HDF5's own locks are switched off on many clusters.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

_HERE: set[Path] = set()


def followed(path: Path) -> Path:
    """Return where a link leads, so that a file has one lock and is not replaced by its link."""
    return path.resolve() if path.is_symlink() else path


class WriterLock:
    """The right to write a study, held until it is released or the process ends.

    Args:
        path: the lock file; it is made, and removed again.

    Raises:
        BlockingIOError: if somebody else holds it.
        OSError: if the lock file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        if self.path in _HERE:
            raise BlockingIOError(_refusal(path, f"process {os.getpid()}, this one"))
        self._descriptor = self._taken()
        _HERE.add(self.path)
        with suppress(OSError):  # who holds it is said where there is room for that
            os.ftruncate(self._descriptor, 0)
            os.write(self._descriptor, str(os.getpid()).encode())

    def release(self) -> None:
        """Give it back; a second time does nothing."""
        if self.path in _HERE:
            # Removed while still held: who has it open already will find that it is gone.
            self.path.unlink(missing_ok=True)
            os.close(self._descriptor)
            _HERE.discard(self.path)

    def _taken(self) -> int:
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                _lock(descriptor)
                if _same_file(descriptor, self.path):
                    return descriptor
            except OSError as error:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace")
                os.close(descriptor)
                if isinstance(error, BlockingIOError | PermissionError):
                    said = f"process {holder}" if holder.isdecimal() else "another process"
                    raise BlockingIOError(_refusal(self.path, said)) from None
                raise
            os.close(descriptor)


def _lock(descriptor: int) -> None:
    """Lock a whole file, without waiting; children that are forked do not inherit it."""
    if sys.platform == "win32":
        return  # the journal's own lock remains
    import fcntl

    fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _same_file(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _refusal(path: Path, who: str) -> str:
    study = path.name.removesuffix(".lock")
    return (
        f"another process is writing this study ({who}, study {path.with_name(study)}); "
        "wait until it has finished"
    )
