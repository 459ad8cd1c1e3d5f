"""``landscape view``: what it refuses, and when it opens a window."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from calling import accepted, refused

from landscape.cli import view
from landscape.store import open_study


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--surface", "nothing"], "has no surface nothing; known: relu-gd-seed0.pca"),
        (["--run", "gelu-gd-seed0"], "has no surface of the run gelu-gd-seed0; runs: relu-gd"),
        (["--host", "0.0.0.0"], "keep 127.0.0.1 and use ssh -L, or add --allow-network"),
        (["--host", "example.org"], "must be an address such as 127.0.0.1"),
        (["--points", "1000"], "3 to 301 points each way, got 1000"),
    ],
)
def test_mistakes_are_told_in_a_line(study: Path, arguments: list[str], said: str) -> None:
    assert said in refused("view", study, "--browser", *arguments)


def test_no_study_no_view(tmp_path: Path) -> None:
    assert "there is no study file" in refused("view", tmp_path / "none.h5")


def test_what_is_missing_is_named(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trame", None)
    monkeypatch.setitem(sys.modules, "trame.app", None)
    assert "pip install 'lossoscope[app]'" in refused("view", study, "--browser")


class Names:
    def __init__(self, *names: str) -> None:
        self.names = names


def test_it_begins_where_it_is_told(study: Path) -> None:
    source, every = open_study(study), Names("relu-gd-seed0.pca", "relu-gd-seed0.random")
    assert view.first_surface(every, source, "", "") == "relu-gd-seed0.pca"
    assert view.first_surface(every, source, "", "relu-gd-seed0") == "relu-gd-seed0.random"
    assert view.first_surface(every, source, "relu-gd-seed0.pca", "relu-gd-seed0").endswith("pca")
    with pytest.raises(ValueError, match="has no surface over a plane"):
        view.first_surface(Names(), source, "", "")


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
    for word in ("--browser", "--host", "--allow-network", "--port", "--surface", "--run"):
        assert word in text
