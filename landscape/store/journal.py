"""The working journal: finished work, committed as it comes, in SQLite beside the study file.

HDF5 files written in place do not survive a kill; a write-ahead log does. What has been put here
is on record when the call returns. One process at a time: the lock is SQLite's own and goes with
the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.arrays import Floats
from landscape.store import codec

_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records (path TEXT PRIMARY KEY, image BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS tiles (path TEXT, first INTEGER, image BLOB NOT NULL,
                                  PRIMARY KEY (path, first));
"""
Tile = tuple[NDArray[np.int64], dict[str, Floats]]


class Journal:
    """Records and tiles on their way into a study file.

    Args:
        path: the database; made if absent.

    Raises:
        BlockingIOError: if another process is writing.
        OSError: if it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._database = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            # Exclusive before WAL: the lock is then held from the first access to the last.
            self._database.execute("PRAGMA locking_mode = EXCLUSIVE")
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript("BEGIN EXCLUSIVE;" + _TABLES + "COMMIT;")
        except sqlite3.Error as error:
            self._database.close()
            raise _explained(error, path) from None

    def meta(self, name: str) -> str | None:
        """Return a note, or None."""
        rows = self._ask("SELECT value FROM meta WHERE name = ?", name)
        return str(rows[0][0]) if rows else None

    def put_meta(self, name: str, value: str) -> None:
        """Write a note."""
        self._ask("INSERT OR REPLACE INTO meta VALUES (?, ?)", name, value)

    def put_record(self, path: str, record: codec.Record) -> None:
        """Commit a record under ``path``; tiles put before it are dropped."""
        image = BytesIO()
        with h5py.File(image, "w") as file:
            codec.write(file.create_group("record"), record)
        with self._transaction():
            self._ask("DELETE FROM tiles WHERE path = ?", path)
            self._ask("INSERT OR REPLACE INTO records VALUES (?, ?)", path, image.getvalue())

    def put_tile(self, path: str, indices: NDArray[np.int64], values: dict[str, Floats]) -> None:
        """Commit a tile of the surface under ``path``."""
        image = BytesIO()
        np.savez(image, __indices__=indices, **values)  # type: ignore[arg-type]
        row = (path, int(indices[0]), image.getvalue())
        self._ask("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?)", *row)

    def paths(self) -> list[str]:
        """Paths with a record or tiles."""
        query = "SELECT path FROM records UNION SELECT path FROM tiles ORDER BY 1"
        return [str(row[0]) for row in self._ask(query)]

    def record(self, path: str) -> codec.Record | None:
        """Return the record under ``path``, without tiles, or None."""
        rows = self._ask("SELECT image FROM records WHERE path = ?", path)
        if not rows:
            return None
        with h5py.File(BytesIO(rows[0][0]), "r") as file:
            return codec.read(file["record"])

    def tiles(self, path: str) -> Iterator[Tile]:
        """Yield the tiles of the surface under ``path``."""
        for (image,) in self._ask("SELECT image FROM tiles WHERE path = ? ORDER BY first", path):
            with np.load(BytesIO(image), allow_pickle=False) as arrays:
                values = {name: arrays[name] for name in arrays.files if name != "__indices__"}
                yield arrays["__indices__"], values

    def clear(self) -> None:
        """Drop all records and tiles."""
        with self._transaction():
            self._ask("DELETE FROM records")
            self._ask("DELETE FROM tiles")

    def close(self) -> None:
        """Close the journal, and remove it if it holds nothing."""
        empty = not self.paths()
        if empty:
            # Removed while still locked, so that nobody else can have begun to write to it.
            self.path.unlink(missing_ok=True)
        self._database.close()
        if empty:
            self.path.with_name(self.path.name + "-wal").unlink(missing_ok=True)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._ask("BEGIN")
        try:
            yield
        except BaseException:
            self._database.rollback()
            raise
        self._ask("COMMIT")

    def _ask(self, statement: str, *values: object) -> list[tuple[bytes, ...]]:
        try:
            return self._database.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise _explained(error, self.path) from None


def _explained(error: sqlite3.Error, path: Path) -> OSError:
    if "locked" in str(error):
        return BlockingIOError(
            f"another process is writing this study (journal {path}); wait until it has finished"
        )
    if "not a database" in str(error) or "malformed" in str(error):
        return OSError(f"the journal {path} is damaged ({error}); remove it to start anew")
    return OSError(f"cannot write the journal {path}: {error}")
