"""One writer at a time: a lock of the operating system, which goes with the process.

HDF5's own locks are switched off on many clusters.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path

_HERE: set[Path] = set()
_PID_BYTES = 32


def followed(path: Path) -> Path:
    """Return where a link leads, so that a file has one lock and is not replaced by its link.

    Raises:
        OSError: if it leads in a circle, or to what is no file.
    """
    try:
        found = path.resolve() if path.is_symlink() else path
    except RuntimeError:
        raise OSError(errno.ELOOP, "links that lead in a circle", str(path)) from None
    if found.exists() and not found.is_file():
        raise OSError(f"{found} is no file, as a study must be; choose another")
    return found


def no_link(path: Path) -> None:
    """Refuse what stands where this program keeps a file beside a study, and is none.

    Through a link, what is written here would go into a file elsewhere.

    Raises:
        OSError: if it is a link, a folder, a device or a pipe.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        what = "a link" if stat.S_ISLNK(mode) else "no file"
        raise OSError(f"{path} is {what}; this program made none there: remove it")


class WriterLock:
    """The right to write a study, held until it is released or the process ends.

    Args:
        path: the lock file; it is made, and removed again.

    Raises:
        BlockingIOError: if somebody else holds it.
        OSError: if the lock file cannot be made, or something else has its name.
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
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        while True:
            no_link(self.path)
            descriptor = os.open(self.path, flags, 0o666)
            try:
                self._refuse_other_content(descriptor)
                _lock(descriptor)
                if _same_file(descriptor, self.path):
                    return descriptor
            except OSError as error:
                holder = os.pread(descriptor, _PID_BYTES, 0).decode(errors="replace")
                os.close(descriptor)
                if isinstance(error, BlockingIOError | PermissionError):
                    said = f"process {holder}" if holder.isdecimal() else "another process"
                    raise BlockingIOError(_refusal(self.path, said)) from None
                raise
            os.close(descriptor)

    def _refuse_other_content(self, descriptor: int) -> None:
        """Refuse a file that holds more than a number: it would be written over, and removed."""
        content = os.pread(descriptor, _PID_BYTES, 0)
        if content and (len(content) == _PID_BYTES or not content.isdigit()):
            raise OSError(f"{self.path} is not the lock of a study; move it elsewhere")


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
