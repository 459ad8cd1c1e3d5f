"""A file that another process holds is in use, and is not called damaged."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from calling import accepted, refused

from landscape import open_study
from landscape.records.results import Analysis
from landscape.store import StudyWriter
from landscape.store.foreign import read_foreign
from landscape.store.lock import WriterLock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")
HOLD = """
import sys, h5py
file = h5py.File(sys.argv[1], sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(path: Path, mode: str) -> Iterator[int]:
    """Let a child process hold a file open; give its number."""
    with subprocess.Popen(
        [sys.executable, "-P", "-c", HOLD, str(path), mode],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        yield child.pid
        child.communicate()


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config={}) as writer:
        writer.put_record("analyses/some/one", Analysis("some", {"a": np.arange(3.0)}))
    return path


WAYS: dict[str, Callable[[Path], Any]] = {
    "open": open_study,
    "open without a check": lambda p: open_study(p, verify=False),
    "write": lambda p: StudyWriter(p, config={}),
    "read as foreign": read_foreign,
}


@pytest.mark.parametrize("mode", ["r+", "w"])
@pytest.mark.parametrize("way", WAYS)
def test_a_held_study_is_in_use_and_not_damaged(way: str, mode: str, study: Path) -> None:
    with held(study, mode) as process:
        with pytest.raises(BlockingIOError, match=r"is in use: .* wait until") as caught:
            WAYS[way](study)
        assert "damaged" not in str(caught.value)
        if Path("/proc/locks").exists() and str(process) in Path("/proc/locks").read_text():
            assert f"process {process} has it open" in str(caught.value)
    if mode == "r+":
        assert open_study(study).analyses("some") == ["one"]


@pytest.mark.parametrize("command", [["check"], ["check", "--repair"], ["info"]])
def test_commands_say_that_a_study_is_in_use(command: list[str], study: Path) -> None:
    with held(study, "r+"):
        before = study.read_bytes()
        assert "is in use: " in refused(*command, study)
        assert study.read_bytes() == before
    assert sorted(path.name for path in study.parent.iterdir()) == ["study.h5"]
    assert "1 record," in accepted("check", study)


def test_a_file_of_another_program_is_in_use_too(tmp_path: Path) -> None:
    path = tmp_path / "model_surface.h5"
    with h5py.File(path, "w") as file:
        file["xcoordinates"] = file["train_loss"] = np.arange(3.0)
    with held(path, "a"):
        assert "model_surface.h5 is in use" in refused("import", path, "--out", tmp_path / "s.h5")
    accepted("import", path, "--out", tmp_path / "s.h5")


def test_an_open_study_that_is_locked_later_is_in_use(study: Path) -> None:
    found = open_study(study)
    with held(study, "r+"), pytest.raises(BlockingIOError, match="is in use"):
        found.analysis("some", "one")
    assert found.analysis("some", "one").arrays["a"].tolist() == [0, 1, 2]


def test_finished_work_stays_when_the_study_is_locked_at_the_end(study: Path) -> None:
    def writing(process_holds: bool) -> None:
        with StudyWriter(study, config={}) as writer:
            writer.put_record("analyses/some/two", Analysis("some", {"a": np.ones(1)}))
            if process_holds:
                with held(study, "r+"):
                    writer.publish()

    with pytest.raises(BlockingIOError, match="is in use"):
        writing(True)
    writing(False)
    assert open_study(study).analyses("some") == ["one", "two"]


def test_a_reader_does_not_hold_a_study(study: Path) -> None:
    with held(study, "r"):
        assert open_study(study).analyses("some") == ["one"]
        accepted("check", study)


@pytest.mark.parametrize(("locking", "code"), [("FALSE", 0), ("TRUE", 1)])
def test_locks_that_the_user_switched_off_are_not_asked(
    locking: str, code: int, study: Path
) -> None:
    read = "import sys; from landscape.store import open_study; open_study(sys.argv[1])"
    with held(study, "r+"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", read, str(study)], check=False, capture_output=True,
            env={**os.environ, "HDF5_USE_FILE_LOCKING": locking},
        )  # fmt: skip
    assert done.returncode == code, done.stderr


def test_who_writes_a_study_is_named_with_the_machine(tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    code = (
        "import sys; from landscape.store.lock import WriterLock\n"
        "lock = WriterLock(__import__('pathlib').Path(sys.argv[1]))\n"
        "print('held', flush=True); sys.stdin.read(); lock.release()"
    )
    with subprocess.Popen(
        [sys.executable, "-P", "-c", code, str(path) + ".lock"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        child.stdout.readline()
        with pytest.raises(BlockingIOError, match=rf"process {child.pid} on [A-Za-z0-9._-]+, "):
            StudyWriter(path, config={})
        child.communicate()
    WriterLock(tmp_path / "study.h5.lock").release()
    for text in ("12 host; rm", "x", "12 " + "h" * 400):
        (tmp_path / "study.h5.lock").write_text(text)
        with pytest.raises(OSError, match="is not the lock of a study"):
            WriterLock(tmp_path / "study.h5.lock")
    for text in ("12", "12 some-host.org"):  # left by a process that was killed
        (tmp_path / "study.h5.lock").write_text(text)
        WriterLock(tmp_path / "study.h5.lock").release()
