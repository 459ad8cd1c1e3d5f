"""The working journal: finished work, committed as it comes, in SQLite beside the study file.

HDF5 files written in place do not survive a kill; a write-ahead log does. What has been put here
is on record, on the disk, when the call returns. Every row carries a SHA-256, so that a damaged
journal gives an error or work to do again, never a wrong value.
"""

from __future__ import annotations

import errno
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.store import codec, guard, images, tiles
from landscape.store.checking import DAMAGE
from landscape.store.database import Database
from landscape.store.places import is_record_path
from landscape.store.tiles import Tile

_VERSION = 3
_TABLES = """
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL, digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS records (path TEXT, part INTEGER, image BLOB NOT NULL,
                                    digest TEXT NOT NULL, PRIMARY KEY (path, part));
CREATE TABLE IF NOT EXISTS sizes (path TEXT PRIMARY KEY, parts INTEGER, bytes INTEGER,
                                  digest TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tiles (path TEXT, first INTEGER, image BLOB NOT NULL,
                                  digest TEXT NOT NULL, PRIMARY KEY (path, first));
CREATE TABLE IF NOT EXISTS training (path TEXT, part INTEGER, image BLOB NOT NULL,
                                     digest TEXT NOT NULL, PRIMARY KEY (path, part));
"""
_PART = 1 << 23
# The parts of piece n of a training are n << 20, ...; those of its state -1, -2, ...
_STATE, _PIECE = -1, 20
_HEAD = 8


class Journal:
    """Records, tiles and training in progress, on their way into a study file.

    Args:
        path: the database; made if absent.

    Raises:
        BlockingIOError: if another process is writing.
        OSError: if it cannot be opened, is damaged, or of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._published = False
        self._database = Database(path, _TABLES, version=_VERSION)

    def meta(self, name: str) -> str | None:
        """Return a note, or None."""
        rows = self._database.ask("SELECT value, digest FROM meta WHERE name = ?", name)
        if not rows:
            return None
        value = str(rows[0][0])
        self._check(rows[0][1], "meta", name, value.encode())
        return value

    def put_meta(self, name: str, value: str) -> None:
        """Write a note."""
        digest = _digest("meta", name, value.encode())
        self._database.ask("INSERT OR REPLACE INTO meta VALUES (?, ?, ?)", name, value, digest)

    def put_record(self, path: str, record: codec.Record) -> None:
        """Commit a record under ``path``; tiles and training put before it are dropped."""
        size = codec.stored_bytes(record)
        with self._image_of(record, size) as image, self._database.transaction():
            for table in ("tiles", "training", "records"):
                self._database.ask(f"DELETE FROM {table} WHERE path = ?", path)  # noqa: S608
            parts = 0
            while part := image.read(_PART):
                self._put("records", path, parts, part)
                parts += 1
            digest = _digest("sizes", path, f"{parts} {size}".encode())
            self._database.ask(
                "INSERT OR REPLACE INTO sizes VALUES (?, ?, ?, ?)", path, parts, size, digest
            )

    def put_tile(self, path: str, indices: NDArray[np.int64], values: dict[str, Floats]) -> None:
        """Commit a tile of the surface under ``path``."""
        self._put("tiles", path, int(indices[0]), tiles.packed(indices, values))

    def put_training(self, path: str, piece: bytes, state: bytes) -> None:
        """Commit what a run has recorded since the last time, and the state to go on from."""
        number = self._pieces(path)
        with self._database.transaction():
            self._database.ask("DELETE FROM training WHERE path = ? AND part < 0", path)
            self._put_parts(path, number << _PIECE, 1, piece)
            # The state knows how many pieces belong to it.
            self._put_parts(path, _STATE, -1, (number + 1).to_bytes(_HEAD, "big") + state)

    def training(self, path: str) -> tuple[Pieces, bytes] | None:
        """Return the pieces and the last state of a run in progress, or None."""
        if not self._database.ask("SELECT 1 FROM training WHERE path = ? LIMIT 1", path):
            return None
        state = self._joined(path, _STATE, -1)
        if int.from_bytes(state[:_HEAD], "big") != self._pieces(path):
            raise self._database.damaged(f"training of {path}")
        return Pieces(self, path), state[_HEAD:]

    def paths(self) -> list[str]:
        """Paths with a record or tiles."""
        query = "SELECT path FROM sizes UNION SELECT path FROM tiles ORDER BY 1"
        stored = [str(row[0]) for row in self._database.ask(query)]
        strange = [path for path in stored if not is_record_path(path)]
        if strange:
            raise self._database.damaged(f"{strange[0][:80]!a} is no place of a record")
        return stored

    @property
    def empty(self) -> bool:
        """Whether nothing is kept here."""
        return not self.paths() and not self._training_kept

    @property
    def published(self) -> bool:
        """Whether all that is kept is in the study, where it could only not be dropped."""
        return self._published

    @property
    def _training_kept(self) -> bool:
        return bool(self._database.ask("SELECT 1 FROM training LIMIT 1"))

    def size(self, path: str) -> int:
        """Return the bytes that the record under ``path`` takes in a file at most."""
        return self._size(path)[1]

    def record(self, path: str) -> codec.Record | None:
        """Return the record under ``path``, without tiles, or None."""
        parts, _ = self._size(path)
        if not parts:
            return None
        with tempfile.SpooledTemporaryFile(images.IN_MEMORY, dir=str(self.path.parent)) as image:
            for number in range(parts):
                image.write(self._part("records", path, number))
            image.seek(0)
            # Every byte is as it was put; that this program put it, nothing vouches for.
            try:
                with h5py.File(image, "r") as file:
                    return codec.read(guard.subgroup(file, "record"))
            except DAMAGE as error:
                raise self._database.damaged(f"{path}: {error}") from None

    def tiles(self, path: str) -> Iterator[Tile]:
        """Yield the tiles of the surface under ``path``."""
        query = "SELECT first, image, digest FROM tiles WHERE path = ? ORDER BY first"
        for first, image, digest in self._database.ask(query, path):
            if not isinstance(image, bytes):
                raise self._database.damaged(path)
            self._check(digest, "tiles", f"{path} {first}", image)
            try:
                yield tiles.unpacked(image)
            except ValueError as error:
                raise self._database.damaged(f"{path}: {error}") from None

    def clear(self) -> None:
        """Drop all records and tiles, which are in the study now; training in progress stays.

        Even dropping takes room. Where there is none they stay until the journal is closed, and
        read as the same as those in the study.
        """
        try:
            with self._database.transaction():
                for table in ("records", "sizes", "tiles"):
                    self._database.ask(f"DELETE FROM {table}")  # noqa: S608
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            self._published = True

    def close(self) -> None:
        """Close the journal, and remove it if it holds nothing."""
        try:
            empty = not self._training_kept and (self._published or self.empty)
        except OSError:
            empty = False
        if empty:
            # Removed while still locked, so that nobody else can have begun to write to it.
            self.path.unlink(missing_ok=True)
        self._database.close()
        if empty:
            self.path.with_name(self.path.name + "-wal").unlink(missing_ok=True)

    @contextmanager
    def _image_of(self, record: codec.Record, size: int) -> Iterator[IO[bytes]]:
        """Give a record as HDF5, in memory or, if it is large, in a file beside the journal."""
        if size <= images.IN_MEMORY:
            image = BytesIO()
            with h5py.File(image, "w") as file:
                codec.write(file.create_group("record"), record)
            image.seek(0)
            yield image
            return
        with tempfile.NamedTemporaryFile(
            dir=self.path.parent, prefix=f".{self.path.name}.", suffix=self.path.suffix
        ) as file:
            with images.room_for(self.path, "the journal"):
                images.write_hdf5(
                    Path(file.name),
                    lambda new: codec.write(new.create_group("record"), record),
                    size,
                )
            yield file

    def _size(self, path: str) -> tuple[int, int]:
        rows = self._database.ask("SELECT parts, bytes, digest FROM sizes WHERE path = ?", path)
        if not rows:
            return 0, 0
        parts, size, digest = rows[0]
        self._check(digest, "sizes", path, f"{parts} {size}".encode())
        return int(parts), int(size)

    def _put(self, table: str, path: str, number: int, image: bytes) -> None:
        self._published = False
        digest = _digest(table, f"{path} {number}", image)
        self._database.ask(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)",  # noqa: S608
                  path, number, image, digest)  # fmt: skip

    def _put_parts(self, path: str, first: int, step: int, image: bytes) -> None:
        """Put what may be larger than SQLite takes at once, its length before it."""
        image = len(image).to_bytes(_HEAD, "big") + image
        for number, start in enumerate(range(0, len(image), _PART)):
            self._put("training", path, first + step * number, image[start : start + _PART])

    def _joined(self, path: str, first: int, step: int) -> bytes:
        image = self._part("training", path, first)
        size = _HEAD + int.from_bytes(image[:_HEAD], "big")
        numbers = range(1, -(-size // _PART))
        parts = [self._part("training", path, first + step * number) for number in numbers]
        whole = b"".join([image, *parts])
        if len(whole) != size:
            raise self._database.damaged(f"training of {path}")
        return whole[_HEAD:]

    def _pieces(self, path: str) -> int:
        query = "SELECT count(DISTINCT part >> ?) FROM training WHERE path = ? AND part >= 0"
        return int(self._database.ask(query, _PIECE, path)[0][0])

    def _part(self, table: str, path: str, number: int) -> bytes:
        query = f"SELECT image, digest FROM {table} WHERE path = ? AND part = ?"  # noqa: S608
        rows = self._database.ask(query, path, number)
        if not rows or not isinstance(rows[0][0], bytes):
            raise self._database.damaged(path)
        self._check(rows[0][1], table, f"{path} {number}", rows[0][0])
        return rows[0][0]

    def _check(self, digest: Any, table: str, key: str, image: bytes) -> None:
        if digest != _digest(table, key, image):
            raise self._database.damaged(key)


@dataclass(frozen=True, slots=True)
class Pieces:
    """What a run in progress has recorded, piece by piece; each is read when its turn comes.

    Attributes:
        journal: where they are.
        path: of the run.
    """

    journal: Journal
    path: str

    def __len__(self) -> int:
        return self.journal._pieces(self.path)

    def __iter__(self) -> Iterator[bytes]:
        for number in range(len(self)):
            yield self.journal._joined(self.path, number << _PIECE, 1)


def _digest(table: str, key: str, image: bytes) -> str:
    hashed = hashlib.sha256(f"{table} {key}\n".encode())
    hashed.update(image)
    return hashed.hexdigest()
