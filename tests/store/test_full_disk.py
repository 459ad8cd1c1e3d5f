"""A full disk is a clear error: the old study stays whole, finished work is kept and continued."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import warm

from landscape import Grid, Surface, open_study
from landscape.records.results import Analysis
from landscape.store import StudyWriter, images
from landscape.store.checking import check_file
from landscape.store.database import Database

GRID = Grid.square(101)
# Puts 79 tiles of 128 points and a large analysis, telling each tile when it is acknowledged.
SCRIPT = """if True:
    import resource, sys
    import numpy as np
    from landscape.cli.mistakes import one_line_errors
    from landscape.records.grid import Grid
    from landscape.records.results import Analysis
    from landscape.store import StudyWriter, images
    from landscape.records.surface import Surface, Status

    path, limit, in_memory = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    images.IN_MEMORY = in_memory
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    @one_line_errors
    def work():
        with StudyWriter(path, config={}) as writer:
            surface = writer.find("surfaces/s")
            if surface is None:
                surface = Surface.empty(Grid.square(101))
                writer.put_record("surfaces/s", surface)
            for tile in surface.grid.tiles():
                if (surface.status.reshape(-1)[tile] == Status.MISSING).any():
                    writer.put_tile("surfaces/s", tile, {"losses": tile * 0.5})
                    print(int(tile[0]), flush=True)
            if not writer.has("analyses/x/a"):
                writer.put_record("analyses/x/a", Analysis("x", {"a": np.arange(20000.0)}, {}))
    import typer
    try:
        work()
    except typer.Exit as ending:
        sys.exit(ending.exit_code)
"""


def work(path: Path, limit: int, in_memory: int = 1 << 28) -> subprocess.CompletedProcess[str]:
    return warm.run(SCRIPT, path, limit, in_memory)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("analyses/x/old", Analysis("x", {"a": np.arange(9.0)}, {}))
    return path


def continued(path: Path, told: set[int]) -> None:
    """Check that nothing that was acknowledged is done again, and that the end is right."""
    done = work(path, 0)
    assert done.returncode == 0, done.stderr
    assert not told & set(map(int, done.stdout.split()))
    study = open_study(path)
    np.testing.assert_array_equal(study.surface("s").losses.ravel(), np.arange(GRID.size) * 0.5)
    assert study.analysis("x", "old").arrays["a"][-1] == 8
    assert check_file(path).problems == {}
    assert sorted(p.name for p in path.parent.iterdir() if p.is_file()) == ["study.h5"]


@pytest.mark.parametrize(
    ("limit", "in_memory"),
    [(1 << 12, 1 << 28), (1 << 16, 1 << 28), (120_000, 1 << 28), (200_000, 1 << 28),
     (300_000, 1 << 28), (330_000, 0)],
)  # fmt: skip
def test_a_limit_on_the_size_of_files(path: Path, limit: int, in_memory: int) -> None:
    before = path.read_bytes()
    done = work(path, limit, in_memory)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert done.stderr.count("\n") == 1
    assert "room" in done.stderr
    assert path.read_bytes() == before
    assert not (path.parent / "study.h5.lock").exists()
    continued(path, set(map(int, done.stdout.split())))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("mounting is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("free", [10_000, 100_000, 250_000, 600_000])
@pytest.mark.parametrize("in_memory", [1 << 28, 0])
def test_a_full_disk(small_disk: Path, free: int, in_memory: int) -> None:
    path = small_disk / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("analyses/x/old", Analysis("x", {"a": np.arange(9.0)}, {}))
    before = path.read_bytes()
    found = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(bytes(found.f_bavail * found.f_frsize - free))
    done = work(path, 0, in_memory)
    assert done.returncode == 1, (done.returncode, done.stderr)
    assert "room" in done.stderr
    assert path.read_bytes() == before
    (small_disk / "filler").unlink()
    done = work(path, 0)
    assert done.returncode == 0
    assert open_study(path).surface("s").complete


def test_large_studies_are_streamed_into_reserved_room(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "IN_MEMORY", 0)
    calls: list[Any] = []
    reserve = images.reserve
    monkeypatch.setattr(images, "reserve", lambda *args: (calls.append(args), reserve(*args)))
    with StudyWriter(path) as writer:
        writer.put_record("surfaces/s", Surface.empty(GRID))
        writer.put_record("analyses/x/b", Analysis("x", {"a": np.arange(300_000.0)}, {}))
    # The record on its way into the journal, twice, and the study.
    assert len(calls) == 3
    assert path.stat().st_size < min(size for _, size in calls[-1:]) < 3 * path.stat().st_size
    assert check_file(path).sealed
    with h5py.File(path) as file:
        assert file["analyses/x/b/a"].fletcher32
    np.testing.assert_array_equal(
        open_study(path).analysis("x", "b").arrays["a"], np.arange(300_000.0)
    )


def test_a_study_whose_journal_cannot_be_dropped_for_want_of_room_is_not_written_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = Database.ask

    def full(database: Database, query: str, *values: Any) -> Any:
        if query.startswith("DELETE") and "WHERE" not in query:
            raise OSError(errno.ENOSPC, "No space left on device")
        return ask(database, query, *values)

    monkeypatch.setattr(Database, "ask", full)
    with StudyWriter(path) as writer:
        writer.put_record("analyses/x/new", Analysis("x", {"a": np.arange(9.0)}, {}))
        writer.publish()
        first = path.stat()
    assert path.stat().st_ino == first.st_ino
    assert path.stat().st_mtime_ns == first.st_mtime_ns
    assert open_study(path).analysis("x", "new").arrays["a"][-1] == 8
    assert [p.name for p in path.parent.iterdir()] == ["study.h5"]


@pytest.mark.long
def test_the_script_that_fills_disks() -> None:
    done = warm.run_module("benchmarks.full_disk", "--fills", 1, "--only", "sampling")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| sampling | limit on files | " in done.stdout
    assert "landscape analyse" not in done.stdout
