"""An SQLite file that one process writes, with every failure in words.

What is committed is on the disk when the call returns, and survives a kill.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from landscape.store import images
from landscape.store.lock import no_link

# A quota that is used up; a full disk has a code of its own.
_NO_ROOM = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE")


class Database:
    """The file of a journal, locked from the first access to the last.

    Args:
        path: the file; made if absent.
        tables: statements that make its tables where they are not there.
        version: of the tables.

    Raises:
        BlockingIOError: if another process is writing.
        OSError: if it cannot be opened, is damaged, of another version, or somebody else's.
    """

    def __init__(self, path: Path, tables: str, *, version: int) -> None:
        self.path = path
        for suffix in ("", "-wal", "-shm", "-journal"):
            no_link(path.with_name(path.name + suffix))
        try:
            self._file = sqlite3.connect(path, timeout=0, isolation_level=None)
        except sqlite3.Error as error:
            raise _explained(error, path) from None
        # Damaged text must not end in a UnicodeDecodeError; its digest tells.
        self._file.text_factory = lambda raw: raw.decode("utf-8", "replace")
        try:
            # Exclusive before WAL: the lock is then held from the first access to the last.
            self._file.execute("PRAGMA locking_mode = EXCLUSIVE")
            # Before anything is written: another program's database stays as it is.
            self._check_version(version)
            self._check_tables(tables)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.executescript(
                f"BEGIN EXCLUSIVE; {tables} PRAGMA user_version = {version}; COMMIT;"
            )
            self._check_whole()
        except (sqlite3.Error, OSError) as error:
            self._file.close()
            raise _explained(error, path) from None

    def ask(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Run a statement and return its rows.

        Raises:
            OSError: if it cannot be run; ENOSPC where there is no room.
        """
        try:
            return self._file.execute(statement, values).fetchall()
        except (sqlite3.Error, OverflowError) as error:
            raise _explained(error, self.path) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all that is asked within at once, or nothing of it."""
        self.ask("BEGIN IMMEDIATE")
        try:
            yield
            self.ask("COMMIT")
        except BaseException:
            if self._file.in_transaction:
                self._file.rollback()
            raise

    def damaged(self, what: str) -> OSError:
        """Return the error that tells of damage."""
        return OSError(f"the journal {self.path} is damaged ({what}); remove it to start anew")

    def close(self) -> None:
        """Let others write."""
        self._file.close()

    def _check_version(self, wanted: int) -> None:
        (version,) = self._file.execute("PRAGMA user_version").fetchone()
        tables = self._file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if version != wanted and (version or tables):
            raise OSError(
                f"the journal {self.path} is of another version of lossoscope; finish the study "
                "with that one, or remove the journal to start anew"
            )

    def _check_tables(self, wanted: str) -> None:
        """Refuse what is not this program's: views and triggers run when tables are used."""
        own = sqlite3.connect(":memory:")
        own.executescript(wanted)
        strange = _schema(self._file) - _schema(own)
        own.close()
        if strange:
            what = min(strange)[0]
            raise OSError(
                f"{self.path} is not a journal of this program (it holds the {what[:80]!a}); "
                "remove it to start anew"
            )

    def _check_whole(self) -> None:
        (answer,) = self._file.execute("PRAGMA quick_check(1)").fetchone()
        if answer != "ok":
            raise self.damaged(" ".join(str(answer).split()))


def _schema(database: sqlite3.Connection) -> set[tuple[str, str]]:
    rows = database.execute("SELECT type || ' ' || name, coalesce(sql, '') FROM sqlite_master")
    return {(str(what), " ".join(str(sql).split())) for what, sql in rows}


def _explained(error: Exception, path: Path) -> OSError:
    if isinstance(error, OSError):
        return error
    text = str(error)
    if "locked" in text:
        return BlockingIOError(
            f"another process is writing this study (journal {path}); wait until it has finished"
        )
    name = getattr(error, "sqlite_errorname", "")
    if "full" in text or name in _NO_ROOM:
        return OSError(errno.ENOSPC, images.no_room("the journal"), str(path))
    if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
        return OSError(f"the journal {path} is damaged ({text}); remove it to start anew")
    return OSError(f"cannot write the journal {path}: {text}")
