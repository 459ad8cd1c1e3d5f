"""VTK crashes where it cannot render: a child process finds out first."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from landscape.viz import offscreen

VARIABLE = "VTK_DEFAULT_OPENGL_WINDOW"
from_scratch = pytest.mark.usefixtures("nothing_chosen")
CRASH = "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"


@pytest.fixture
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Forget which window was found, here and afterwards."""
    # Set before it is deleted: monkeypatch then removes what ensure() writes.
    monkeypatch.setenv(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    offscreen.ensure.cache_clear()
    yield
    offscreen.ensure.cache_clear()


def answering(monkeypatch: pytest.MonkeyPatch, codes: dict[str, int]) -> list[str]:
    """Let children end with a code for each window class; return the classes that were tried."""
    tried: list[str] = []

    def run(command: list[str], **options: Any) -> Any:
        tried.append(options["env"].get(VARIABLE, ""))
        return subprocess.CompletedProcess(command, codes.get(tried[-1], 139))

    monkeypatch.setattr(subprocess, "run", run)
    return tried


@from_scratch
def test_a_child_that_really_crashes_leaves_this_process_alive(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offscreen, "_PROBE", CRASH)
    assert offscreen.probe() is None
    with pytest.raises(RuntimeError, match=r"VTK finds no OpenGL.*apt-get install"):
        offscreen.ensure()


@from_scratch
def test_a_child_that_really_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(offscreen, "_PROBE", "import time; time.sleep(300)")
    monkeypatch.setattr(offscreen, "_SECONDS", 0.1)
    assert offscreen.probe() is None


@from_scratch
def test_a_child_that_draws_the_wrong_colour_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(offscreen, "_PROBE", "raise SystemExit(1)")
    assert offscreen.probe() is None


@from_scratch
def test_exit_139_of_every_window_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = answering(monkeypatch, {})
    with pytest.raises(RuntimeError, match="libegl1 libgl1-mesa-dri"):
        offscreen.ensure()
    assert sorted(tried) == ["", "vtkEGLRenderWindow", "vtkOSOpenGLRenderWindow"]
    assert VARIABLE not in os.environ


@from_scratch
def test_the_first_window_that_works_is_used_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = answering(monkeypatch, {"vtkOSOpenGLRenderWindow": 0})
    monkeypatch.delenv("DISPLAY", raising=False)
    offscreen.ensure()
    assert os.environ[VARIABLE] == "vtkOSOpenGLRenderWindow"
    count = len(tried)
    offscreen.ensure()
    assert len(tried) == count


@from_scratch
def test_a_window_the_user_has_named_is_the_only_one_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "vtkWin32OpenGLRenderWindow")
    tried = answering(monkeypatch, {"vtkEGLRenderWindow": 0})
    assert offscreen.probe() is None
    assert tried == ["vtkWin32OpenGLRenderWindow"]


@from_scratch
def test_a_display_is_asked_first_if_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    tried = answering(monkeypatch, {"": 0})
    monkeypatch.setenv("DISPLAY", ":0")
    assert offscreen.probe() == ""
    assert tried == [""]


@pytest.mark.usefixtures("rendering")
def test_modules_in_the_current_folder_are_not_picked_up_by_the_child(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "vtkmodules.py").write_text("raise SystemExit(3)\n")
    monkeypatch.chdir(tmp_path)
    assert offscreen.probe() is not None
