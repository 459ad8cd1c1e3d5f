"""``landscape view``: what it refuses, and when it opens a window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from calling import accepted, refused

from landscape import open_study
from landscape.cli import view
from landscape.cli.options import Chosen


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--surface", "nothing"], "has no surface nothing; known: relu-gd-seed0.pca"),
        (["--select", "gelu"], "no surface matches 'gelu'; known: relu-gd-seed0.pca"),
        (["--host", "0.0.0.0"], "keep 127.0.0.1 and use ssh -L, or add --allow-network"),
        (["--host", "example.org"], "must be an address such as 127.0.0.1"),
        (["--points", "1"], "3 to 301 points each way, got 1"),
        (["--points", "1000"], "3 to 301 points each way, got 1000"),
        (["--port", "99999999"], "the port must be from 0 to 65535, got 99999999"),
        (["--port", "-1"], "the port must be from 0 to 65535, got -1"),
        (["--host", "192.0.2.1", "--allow-network"], "--host must be an address of this machine"),
        (["--surface", "relu-gd-seed0.pca", "--select", "relu"], "give one of the two"),
    ],
)
def test_mistakes_are_told_in_a_line(study: Path, arguments: list[str], said: str) -> None:
    assert said in refused("view", study, "--browser", *arguments)


def test_ports_and_hosts_are_checked_before_work_and_for_a_window_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "has_display", lambda: True)
    missing = tmp_path / "none.h5"
    assert "from 0 to 65535, got 65536" in refused("view", missing, "--port", "65536")
    assert "must be an address" in refused("view", missing, "--host", "nonsense")


@pytest.mark.parametrize(
    ("grid", "name", "said"),
    [
        ("5x1", "relu-gd-seed0.randomfilter0_5_-1_1", "is a line, and 'view' shows surfaces over "
         "a plane; draw it with 'landscape render"),
        ("3x3x3", "relu-gd-seed0.randomfilter0_3x3x3_-1_1_-1_1_-1_1", "has 3 axes, and 'view' "
         "shows surfaces over a plane, which has 2; known: relu-gd-seed0.pca"),
    ],
)  # fmt: skip
def test_lines_and_volumes_are_told_as_what_they_are(
    study: Path, tmp_path: Path, grid: str, name: str, said: str
) -> None:
    accepted("sample", study, "--run", "relu-gd-seed0", "--grid", grid, "--out", tmp_path)
    assert said in refused("view", tmp_path, "--browser", "--surface", name)


def test_no_study_no_view(tmp_path: Path) -> None:
    assert "there is no study file" in refused("view", tmp_path / "none.h5")


def test_what_is_missing_is_named(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trame", None)
    monkeypatch.setitem(sys.modules, "trame.app", None)
    assert "pip install 'lossoscope[app]'" in refused("view", study, "--browser")


@pytest.mark.parametrize(
    ("options", "first"),
    [({}, "random"), ({"select": "relu"}, "random"), ({"select": "*.pca"}, "pca"),
     ({"surface": ["relu-gd-seed0.pca"]}, "pca")],
)  # fmt: skip
def test_it_begins_where_it_is_told(study: Path, options: Any, first: str) -> None:
    names = ("relu-gd-seed0.pca", "relu-gd-seed0.random")
    chosen = Chosen(study=study, **options)
    assert view.first_surface(names, open_study(study), chosen) == f"relu-gd-seed0.{first}"


@pytest.mark.parametrize(
    ("environment", "there"),
    [({}, False), ({"DISPLAY": ":0"}, True), ({"WAYLAND_DISPLAY": "wayland-0"}, True)],
)
def test_a_window_needs_a_display(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], there: bool
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert view.has_display() is there


def test_the_help_names_the_choices(capsys: Any) -> None:
    text = accepted("view", "--help")
    for word in ("--browser", "--host", "--allow-network", "--port", "--surface", "--select"):
        assert word in text
