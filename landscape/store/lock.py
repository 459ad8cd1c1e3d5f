"""One writer at a time: a lock of the operating system, which goes with the process.

HDF5's own locks are switched off on many clusters.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import sys
from contextlib import suppress
from pathlib import Path

_HERE: set[Path] = set()
_HOLDER = re.compile(r"(\d+)(?: ([A-Za-z0-9._-]+))?")
_HOLDER_BYTES = 300
_UNLOCKED = ("FALSE", "0")


def followed(path: Path) -> Path:
    """Return where a link leads, so that a file has one lock and is not replaced by its link.

    Raises:
        OSError: if it leads in a circle, or to what is no file.
    """
    try:
        target = path.resolve() if path.is_symlink() else path
    except RuntimeError:
        raise OSError(errno.ELOOP, "links that lead in a circle", str(path)) from None
    if target.exists() and not target.is_file():
        raise OSError(f"{target} is no file, as a study must be; choose another")
    return target


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
            host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())
            os.write(self._descriptor, f"{os.getpid()} {host}".encode()[: _HOLDER_BYTES - 1])

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
                holder = _HOLDER.fullmatch(_content(descriptor))
                os.close(descriptor)
                if isinstance(error, BlockingIOError | PermissionError):
                    raise BlockingIOError(_refusal(self.path, _named(holder))) from None
                raise
            os.close(descriptor)

    def _refuse_other_content(self, descriptor: int) -> None:
        """Refuse a file that names no process: it would be written over, and removed."""
        content = _content(descriptor)
        if content and (len(content) == _HOLDER_BYTES or not _HOLDER.fullmatch(content)):
            raise OSError(f"{self.path} is not the lock of a study; move it elsewhere")


def refuse_held(path: Path) -> None:
    """Refuse a file that another program has locked, as HDF5 does while it writes.

    Such a file is neither readable nor damaged; how much of it is on the disk is not known.

    Raises:
        BlockingIOError: if it is locked; the message tells by whom, where the system does.
        OSError: if it cannot be opened.
    """
    if sys.platform == "win32" or os.environ.get("HDF5_USE_FILE_LOCKING", "").upper() in _UNLOCKED:
        return
    import fcntl

    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise in_use(path) from None
        except OSError:
            return  # a file system without locks


def in_use(path: Path) -> BlockingIOError:
    """Return the error that tells of a locked file."""
    return BlockingIOError(
        f"{path} is in use: {_flock_holder(path)} has it open for writing; wait until it has "
        "closed it"
    )


def _flock_holder(path: Path) -> str:
    """Return who has locked a file for itself, by the system's list of locks."""
    status = path.stat()
    wanted = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    with suppress(OSError):
        for line in Path("/proc/locks").read_text().splitlines():
            # 1: FLOCK ADVISORY WRITE <process> <device>:<inode> <first byte> <last byte>
            words = line.split()
            if len(words) == 8 and words[1] == "FLOCK" and words[5] == wanted:
                return f"process {words[4]}" + (", this one," * (words[4] == str(os.getpid())))
    return "another process"


def _content(descriptor: int) -> str:
    return os.pread(descriptor, _HOLDER_BYTES, 0).decode(errors="replace")


def _named(holder: re.Match[str] | None) -> str:
    if holder is None:
        return "another process"
    return f"process {holder[1]}" + (f" on {holder[2]}" if holder[2] else "")


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
