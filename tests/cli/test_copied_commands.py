"""A command copied from a page, run as it is, makes a picture from the page's own camera."""

from __future__ import annotations

import itertools
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import browsing
import numpy as np
import pytest
from calling import accepted

from landscape import open_study, viz
from landscape.viz import Style
from landscape.viz.geometry import viewport
from landscape.viz.geometry.camera import axes_of_view
from landscape.viz.geometry.frame import Frame
from landscape.viz.scenes import scene

NAME = "relu-gd-seed0.random"


def test_a_copied_command_sees_the_corners_where_the_page_does(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, launch: Any, rendering: None
) -> None:
    target = tmp_path / "page.html"
    accepted("export", study, "--format", "html", "--select", NAME, "--out", target)
    browser = launch()
    size = {"width": 900, "height": 700}
    page = browsing.open_page(browser, viewport=size, offline=True)
    page.goto(target.as_uri())
    browsing.until(page, "window.lossoscope?.ready")
    page.evaluate("lossoscope.setCamera({azimuth: 123.4, elevation: 27.25})")
    ends = open_study(study).surface(NAME).grid.shape
    corners = list(itertools.product(*[(0, n - 1) for n in ends]))
    seen = np.array([page.evaluate(f"lossoscope.pixelOf(0, {i}, {j})") for i, j in corners])
    commands = dict(page.evaluate("lossoscope.commands()"))
    browser.close()

    shutil.copy(study, tmp_path)
    monkeypatch.chdir(tmp_path)
    for name, suffix in (("Picture", "png"), ("Figure for a paper", "pdf")):
        used = cameras(monkeypatch)
        *first, command = commands[name].split(" && ")
        for line in first:
            subprocess.run(line, shell=True, check=True)
        program, *words = shlex.split(command)
        assert program == "landscape"
        accepted(*words, "--out", tmp_path / f"picture.{suffix}")
        assert (tmp_path / f"picture.{suffix}").stat().st_size > 1000
        assert used
        for frame, style in used:
            placed = on_picture(frame, style, open_study(study).surface(NAME), corners)
            np.testing.assert_allclose(shape_of(placed), shape_of(seen * [1, -1]), atol=2e-3)


def cameras(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Frame, Style]]:
    """Note with which frame and style cameras are aimed from now on."""
    used: list[tuple[Frame, Style]] = []
    aim, of = viz.geometry.camera.aim, viewport.View.of

    def noted_aim(renderer: Any, frame: Frame, style: Style, **options: Any) -> None:
        used.append((frame, style))
        aim(renderer, frame, style, **options)

    def noted_view(frame: Frame, style: Style, **options: Any) -> Any:
        used.append((frame, style))
        return of(frame, style, **options)

    monkeypatch.setattr(scene, "aim", noted_aim)
    monkeypatch.setattr(viewport.View, "of", noted_view)
    return used


def on_picture(frame: Frame, style: Style, surface: Any, corners: Any) -> Any:
    """Return where corners of a surface lie in a picture, up to its unit."""
    right, up, _ = axes_of_view(style)
    points = [
        (float(frame.x(surface.alphas[i])), float(frame.y(surface.betas[j])),
         float(frame.z(frame.scale.of_losses(surface.losses[[i], [j]])[0])))
        for i, j in corners
    ]  # fmt: skip
    return np.array(points) @ np.stack([right, up], axis=1)


def shape_of(places: Any) -> Any:
    """Return places without where they are and how large, which depends on the page alone."""
    moved = places - places.mean(axis=0)
    return moved / np.linalg.norm(moved)
