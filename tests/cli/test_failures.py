"""What is not the user's fault, or was meant: one line, its own exit code, nothing lost."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from calling import TINY, accepted, call, refused

from landscape import Study, open_study
from landscape.store import images
from landscape.viz import offscreen

RUN = "relu-gd-seed0"


def test_a_full_disk_is_exit_code_1_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, _data: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(images, "write_into", full)
    message = refused("run", *TINY, "--out", tmp_path, code=1, alone=False)
    assert "no room for the study; what was finished is safe" in message
    assert str(tmp_path / "study.h5") in message
    monkeypatch.undo()

    def work(*_: object, **__: object) -> None:
        raise AssertionError("nothing is left to do")

    monkeypatch.setattr("landscape.study.experiment.train", work)
    accepted("run", *TINY, "--out", tmp_path)
    assert open_study(tmp_path).surface(f"{RUN}.pca").complete


def test_without_graphics_3d_pictures_are_exit_code_1_and_contours_are_drawn(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offscreen, "probe", lambda: None)
    offscreen.ensure.cache_clear()
    message = refused("render", study, "--out", tmp_path, code=1, alone=False)
    assert "apt-get install" in message
    assert "apt-get install" in refused_doctor()
    accepted("render", study, "--kind", "contour", "--surface", f"{RUN}.pca", "--out", tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["contours.md", "contours.pdf"]
    monkeypatch.undo()
    offscreen.ensure.cache_clear()


def refused_doctor() -> str:
    result = call("info", "--machine")
    assert result.exit_code == 1
    return str(result.stderr)


def test_ctrl_c_is_exit_code_130(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Study, "run", stop)
    message = refused("run", *TINY, "--out", tmp_path, code=130, alone=False)
    assert message == (
        "landscape: interrupted; finished work is saved, the same command continues it"
    )


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_without_its_place_in_the_code(study: Path, tmp_path: Path) -> None:
    """The random plane and that of the path have different windows."""
    both = [part for kind in ("pca", "random") for part in ("--surface", f"{RUN}.{kind}")]
    result = call("render", study, "--kind", "contour", *both, "--out", tmp_path)
    assert result.exit_code == 0
    told = "the surfaces span different windows; their planes are of different kinds (pca, random)"
    assert result.stderr == f"landscape: {told}: compare with care\n"


def test_the_traceback_is_there_for_those_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANDSCAPE_DEBUG", "1")
    result = call("run", "--steps", "0")
    assert isinstance(result.exception, ValueError)
