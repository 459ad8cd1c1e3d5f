"""Killed at any time, a study is resumed to the same bits; another experiment is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import warm
from small_study import SMALL, Stops, content, load
from torch import nn

from landscape import Grid, Problem, SamplingConfig, Study, Surface, open_study
from landscape.records import grid
from landscape.store import StudyWriter
from landscape.store.database import Database
from landscape.store.journal import Journal
from landscape.store.lock import WriterLock
from landscape.study.fingerprint import check_same
from landscape.study.request import Request
from landscape.study.user_surfaces import sample_user_network

SLOW = replace(SMALL, activations=("relu",), optimizers=("adam",))


def test_ctrl_c_within_training_is_resumed_within_training(tmp_path: Path) -> None:
    whole = Study(SLOW, tmp_path / "whole" / "study.h5", load, keep_seconds=0.0)
    whole.run()
    path = tmp_path / "cut" / "study.h5"
    with pytest.raises(KeyboardInterrupt):
        Study(SLOW, path, load, Stops(9), keep_seconds=0.0).run()
    writer = StudyWriter(path)
    saved = writer.training("runs/relu-adam-seed0")
    assert saved is not None
    assert len(saved[0]) == 10  # records after steps 1 to 10
    writer.close()
    assert path.with_name("study.h5.journal").exists()
    Study(SLOW, path, load).run()
    assert content(path) == content(whole.path)
    assert sorted(p.name for p in path.parent.iterdir()) == ["study.h5"]


@pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.long)])
def test_kills(kills: int) -> None:
    done = warm.run_module("benchmarks.kills", "--sampling", kills, "--training", kills)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"sampling: {kills} kills" in done.stdout
    assert f"training: {kills} kills" in done.stdout


def own(path: Path, *, weights: int = 0, data: int = 0, stop: int | None = None) -> None:
    """Sample a surface of a network, its weights and data drawn with these seeds."""
    torch.manual_seed(weights)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    torch.manual_seed(100 + data)
    examples = torch.randn(30, 3), torch.arange(30) % 2
    engine = SamplingConfig(strategy="loop", batch_size=30, threads=1)
    request = Request(run=None, kind="random", grid=Grid.square(9), identifier="s", curvature=False)
    reporter = Stops(stop) if stop is not None else Stops(10**9)
    problem = Problem(model, "cross_entropy", examples)
    sample_user_network(path, problem, request, engine=engine, reporter=reporter)


def test_an_unfinished_surface_is_continued_by_the_same_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "TILE_POINTS", 8)
    path = tmp_path / "study.h5"
    with pytest.raises(KeyboardInterrupt):
        own(path, stop=20)
    before = open_study(path).surface("s")
    assert not before.complete
    with pytest.raises(ValueError, match=r"begun with something else: the data \w{12} then"):
        own(path, data=1)
    with pytest.raises(
        ValueError, match=r"the id s is taken by .*: weights_sha256 is \w{12} there"
    ):
        own(path, weights=1)
    own(path)
    own(tmp_path / "whole.h5")
    after, whole = open_study(path).surface("s"), open_study(tmp_path / "whole.h5").surface("s")
    np.testing.assert_array_equal(after.losses, whole.losses)
    assert after.settings == whole.settings
    known = {"weights", "buffers", "directions", "data", "loss", "dtype", "device"}
    assert set(after.settings["fingerprint"]) == known


@pytest.mark.parametrize("name", ["weights", "buffers", "directions", "data", "loss", "dtype",
                                  "device"])  # fmt: skip
def test_what_differs_is_told(name: str) -> None:
    now = dict.fromkeys(
        ("weights", "buffers", "directions", "data", "loss", "dtype", "device"), "one"
    )
    surface = Surface.empty(Grid.square(3), settings={"fingerprint": {**now, name: "two"}})
    with pytest.raises(ValueError, match=r"begun with something else: the .* two then, one now"):
        check_same(surface, now, "s")
    check_same(Surface.empty(Grid.square(3), settings={"fingerprint": now}), now, "s")


def test_training_in_progress_belongs_to_its_experiment(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    writer = StudyWriter(path, config={"steps": 1})
    writer.put_training("runs/r", b"piece", b"state")
    writer.close()
    assert not path.exists()
    with pytest.raises(ValueError, match="steps is 1 there, 2 here"):
        StudyWriter(path, config={"steps": 2})


def test_a_second_process_is_refused_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    script = f"""if True:
        import os, sys
        from landscape.store import StudyWriter
        writer = StudyWriter({str(path)!r}, config={{}})
        print("open", flush=True)
        sys.stdin.read()
        os.kill(os.getpid(), 9)
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-c", script],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "HDF5_USE_FILE_LOCKING": "FALSE"},
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdin is not None
        assert child.stdout.readline() == "open\n"
        with pytest.raises(BlockingIOError, match=rf"another process .*process {child.pid} on "):
            StudyWriter(path, config={})
        child.stdin.close()
        child.wait()
    with StudyWriter(path, config={}):
        pass
    assert sorted(p.name for p in tmp_path.iterdir()) == ["study.h5"]


def test_a_lock_file_that_was_removed_meanwhile_is_no_lock(tmp_path: Path) -> None:
    first = WriterLock(tmp_path / "x.lock")
    with pytest.raises(BlockingIOError):
        WriterLock(tmp_path / "x.lock")
    first.release()
    first.release()
    assert list(tmp_path.iterdir()) == []
    WriterLock(tmp_path / "x.lock").release()


def test_a_journal_of_another_version_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "study.h5.journal"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE meta (name TEXT)")
    database.close()
    with pytest.raises(OSError, match="another version"):
        Journal(path)


def test_training_pieces_that_do_not_fit_are_damage(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "j"
    journal = Journal(path)
    journal.put_training("runs/r", b"a", b"state")
    journal.put_training("runs/r", b"b", b"state2")
    saved = journal.training("runs/r")
    assert saved is not None
    assert (list(saved[0]), saved[1]) == ([b"a", b"b"], b"state2")
    assert journal.training("runs/q") is None
    journal.close()
    changes: list[tuple[str, Any]] = [
        ("DELETE FROM training WHERE part = ?", 1 << 20),
        ("UPDATE training SET image = x'00' WHERE part = ?", 0),
        ("DELETE FROM training WHERE part = ?", -1),
    ]
    for change, part in changes:
        with sqlite3.connect(path) as database:
            database.execute(change, (part,))
        database.close()
        journal = Journal(path)
        with pytest.raises(OSError, match="damaged"):
            list((journal.training("runs/r") or [[]])[0])
        journal.close()


ANALYSE = """if True:
    import os, sys
    from landscape.cli import app
    from landscape.store import StudyWriter

    path, left = sys.argv[1], int(sys.argv[2])
    put = StudyWriter.put_record

    def put_and_die(writer, where, record):
        global left
        put(writer, where, record)
        print(where, flush=True)
        left -= 1
        if not left:
            os.kill(os.getpid(), 9)

    StudyWriter.put_record = put_and_die
    app(["analyse", path, "--steps", "3", "--lines", "1", "--measure", "path", "--json"])
"""


def test_a_killed_analysis_goes_on_where_it_was(tmp_path: Path) -> None:
    path, whole = tmp_path / "study.h5", tmp_path / "whole.h5"
    Study(SLOW, path, load).run()
    whole.write_bytes(path.read_bytes())

    def analyse(study: Path, left: int) -> list[str]:
        done = warm.run(ANALYSE, study, left)
        assert done.returncode == (-9 if left > 0 else 0), done.stderr
        return [line for line in done.stdout.splitlines() if line.startswith("analyses/")]

    wanted = analyse(whole, 0)
    before = path.read_bytes()
    first = analyse(path, 2)
    assert first == wanted[:2]
    assert path.read_bytes() == before
    assert analyse(path, 0) == wanted[2:]
    assert len(wanted) == 5
    assert content(path) == content(whole)
    assert not path.with_name("study.h5.journal").exists()


def test_a_published_journal_that_cannot_be_cleared_is_removed_with_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.h5"
    writer = StudyWriter(path, config={})
    writer.put_record("surfaces/s", Surface.empty(Grid.square(3)))
    ask = Database.ask

    def full(database: Database, statement: str, *values: object) -> Any:
        if statement.startswith("DELETE FROM sizes"):
            raise OSError(28, "no room for the journal")
        return ask(database, statement, *values)

    monkeypatch.setattr(Database, "ask", full)
    writer.publish()
    assert writer.find("surfaces/s") is not None
    writer.close()
    assert [p.name for p in tmp_path.iterdir()] == ["study.h5"]
    monkeypatch.undo()
    assert open_study(path).surfaces() == ["s"]


def test_a_state_larger_than_a_part_is_joined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("landscape.store.journal._PART", 10)
    journal = Journal(tmp_path / "j")
    pieces, state = [bytes(range(35)), b"", b"x" * 20], bytes(range(100))
    for piece in pieces:
        journal.put_training("runs/r", piece, b"longer than the last one" * 20)
    journal.put_training("runs/r", b"end", state)
    saved = journal.training("runs/r")
    assert saved is not None
    assert list(saved[0]) == [*pieces, b"end"]
    assert saved[1] == state
    journal.close()


def test_a_link_to_a_study_leads_to_one_lock_and_stays_a_link(tmp_path: Path) -> None:
    path, link = tmp_path / "study.h5", tmp_path / "link.h5"
    with StudyWriter(path, config={}):
        pass
    link.symlink_to(path.name)
    writer = StudyWriter(path)
    with pytest.raises(BlockingIOError):
        StudyWriter(link)
    writer.close()
    with StudyWriter(link) as writer:
        writer.put_record("surfaces/s", Surface.empty(Grid.square(3)))
    assert link.is_symlink()
    assert open_study(path).surfaces() == ["s"]


def test_the_journal_of_another_study_is_refused(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.h5", "b.h5")]
    for seed, path in enumerate(paths):
        with StudyWriter(path, config={"seed": seed}):
            pass
    writer = StudyWriter(paths[0])
    writer.put_record("surfaces/s", Surface.empty(Grid.square(3)))
    writer.close()
    journals = [path.with_name(path.name + ".journal") for path in paths]
    journals[1].write_bytes(journals[0].read_bytes())
    with pytest.raises(ValueError, match=r"b.h5.journal belongs to another study: seed is 1 there"):
        StudyWriter(paths[1])
    assert journals[1].exists()
    journals[1].unlink()
    with StudyWriter(paths[0]):
        pass
    assert open_study(paths[0]).surfaces() == ["s"]
    assert open_study(paths[1]).surfaces() == []
