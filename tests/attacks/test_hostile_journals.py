"""What stands beside a study and is not what this program put there is refused, and not touched."""

import os
import sqlite3
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from landscape import Grid, Surface
from landscape.records.results import Analysis
from landscape.store import StudyWriter
from landscape.store.database import Database
from landscape.store.journal import _TABLES, _VERSION, Journal

PRECIOUS = "a line that is worth much\n"


def refused(folder: Path, match: str) -> None:
    """Check that a writer says no in one line, whatever it is asked for."""

    def write() -> None:
        with StudyWriter(folder / "study.h5", config={"seed": 1}) as writer:
            writer.put_record("analyses/x/a", Analysis("x", {}, {}))
            writer.find("surfaces/s")
            writer.publish()

    with pytest.raises((OSError, ValueError), match=match) as caught:
        write()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["lock", "journal", "journal-wal", "journal-shm"])
@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_written_through_a_link(tmp_path: Path, name: str, there: bool) -> None:
    precious = tmp_path / "precious"
    if there:
        precious.write_text(PRECIOUS)
    (tmp_path / f"study.h5.{name}").symlink_to(precious)
    refused(tmp_path, rf"{name} is a link; this program made none there")
    assert precious.exists() is there
    assert not there or precious.read_text() == PRECIOUS


@pytest.mark.parametrize("name", ["lock", "journal"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_pipes_and_folders_are_refused(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    make(tmp_path / f"study.h5.{name}")
    refused(tmp_path, f"{name} is no file")


def test_a_file_with_the_name_of_a_lock_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "study.h5.lock").write_text(PRECIOUS)
    refused(tmp_path, "is not the lock of a study")
    assert (tmp_path / "study.h5.lock").read_text() == PRECIOUS
    (tmp_path / "study.h5.lock").write_text("12345")  # what a killed process leaves
    with StudyWriter(tmp_path / "study.h5", config={}):
        pass


def test_a_study_must_be_a_file(tmp_path: Path) -> None:
    (tmp_path / "study.h5").symlink_to("study.h5")
    refused(tmp_path, "links that lead in a circle")
    (tmp_path / "study.h5").unlink()
    (tmp_path / "study.h5").symlink_to("/dev/full")
    refused(tmp_path, "/dev/full is no file")
    (tmp_path / "study.h5").unlink()
    (tmp_path / ".study.h5.abcdefgh.h5").mkdir()  # no leftover of ours
    with StudyWriter(tmp_path / "study.h5", config={}):
        pass


def test_a_database_of_another_program_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "study.h5.journal"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE bookmarks (url TEXT)")
    database.close()
    before = path.read_bytes()
    refused(tmp_path, "another version of lossoscope")
    assert path.read_bytes() == before


ENDLESS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x, x, x FROM c"


@pytest.mark.parametrize(
    "statement",
    [
        f"DROP TABLE meta; CREATE VIEW meta(name, value, digest) AS {ENDLESS}",
        f"DROP TABLE sizes; CREATE VIEW sizes(path, parts, bytes) AS {ENDLESS}",
        "CREATE TRIGGER t AFTER INSERT ON records BEGIN DELETE FROM records; END",
        "CREATE TRIGGER t AFTER INSERT ON meta BEGIN SELECT load_extension('x'); END",
        "CREATE INDEX i ON tiles (hex(zeroblob(400000000)))",
        "DROP TABLE tiles; CREATE TABLE tiles (path TEXT, first AS (1), image, digest)",
    ],
)
def test_views_triggers_and_other_tables_are_refused(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "study.h5.journal"
    Database(path, _TABLES, version=_VERSION).close()
    with sqlite3.connect(path) as database:
        database.executescript(statement)
    database.close()
    refused(tmp_path, "is not a journal of this program")


@pytest.mark.parametrize(
    "place", ["../../evil", "surfaces/../s", "surfaces/<b>", "s", "analyses/x"]
)
def test_records_at_no_place_of_a_record_are_refused(tmp_path: Path, place: str) -> None:
    journal = Journal(tmp_path / "study.h5.journal")
    journal.put_record(place, Surface.empty(Grid.square(3)))
    journal.close()
    refused(tmp_path, "is no place of a record")


def with_tile(folder: Path, image: Callable[[Journal], None]) -> None:
    journal = Journal(folder / "study.h5.journal")
    journal.put_record("surfaces/s", Surface.empty(Grid.square(3)))
    image(journal)
    journal.close()


@pytest.mark.parametrize(
    ("indices", "values"),
    [
        (np.array([9]), {"losses": np.zeros(1)}),
        (np.array([-1]), {"losses": np.zeros(1)}),
        (np.array([0, 1]), {"other": np.zeros(2)}),
        (np.array([0, 1]), {"losses": np.zeros(3)}),
        (np.array([0, 1]), {"losses": np.zeros(1)}),
    ],
)
def test_tiles_that_do_not_fit_are_refused(
    tmp_path: Path, indices: np.ndarray, values: dict[str, np.ndarray]
) -> None:
    with_tile(tmp_path, lambda journal: journal.put_tile("surfaces/s", indices, values))
    refused(tmp_path, "holds a tile of another surface")


def test_a_tile_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    image = BytesIO()
    with zipfile.ZipFile(image, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__indices__.npy", bytes(1 << 24))
    with_tile(tmp_path, lambda journal: journal._put("tiles", "surfaces/s", 0, image.getvalue()))
    refused(tmp_path, "a tile is compressed")


def test_a_tile_of_no_arrays_is_refused(tmp_path: Path) -> None:
    image = BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        archive.writestr("__indices__.npy", b"text")
    with_tile(tmp_path, lambda journal: journal._put("tiles", "surfaces/s", 0, image.getvalue()))
    refused(tmp_path, "something else than arrays")


def test_a_tile_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    head = b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }".ljust(117)
    image = BytesIO()
    with zipfile.ZipFile(image, "w") as archive:
        archive.writestr("__indices__.npy", b"\x93NUMPY\x01\x00v\x00" + head + b"\n")
    with_tile(tmp_path, lambda journal: journal._put("tiles", "surfaces/s", 0, image.getvalue()))
    refused(tmp_path, "a tile cannot be read")
