"""``landscape export --format html`` and ``demo --toy``: what is in the pages, and where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import browsing
import h5py
import numpy as np
import pytest
from calling import accepted, refused
from making import make_surface

from landscape import Grid, open_study
from landscape.cli.choosing import kinked_beside_smooth
from landscape.store import StudyWriter

RUN = "relu-gd-seed0"


def told_by(path: Path) -> dict[str, Any]:
    found = re.search(r'id="lossoscope-data">(.*?)</script>', path.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_a_study_becomes_one_page(study: Path, tmp_path: Path) -> None:
    said = accepted("export", study, "--format", "html", "--out", tmp_path)
    target = tmp_path / f"{study.stem}.html"
    assert said.strip() == f"wrote {target}"
    told = told_by(target)
    assert {panel["id"] for panel in told["panels"]} == {f"{RUN}.pca", f"{RUN}.random"}
    assert all(panel["kinked"] for panel in told["panels"])
    assert told["panels"][0]["title"] == "ReLU (kinked), gradient descent"
    assert sorted(path["plane"] for path in told["paths"]) == [f"{RUN}.pca", f"{RUN}.random"]
    assert [len(panel["paths"]) for panel in told["panels"]] == [1, 1]
    assert told["source"] == study.name


def test_a_page_begins_with_a_kinked_and_a_smooth_run_of_one_optimizer(tmp_path: Path) -> None:
    path, grid = tmp_path / "study.h5", Grid.square(3)
    runs = ["tanh-gd-seed0", "gelu-adam-seed0", "relu-gd-seed0", "gelu-gd-seed0"]
    with StudyWriter(path, config={"seed": 0}) as writer:
        for run in runs:
            surface = make_surface(np.ones(grid.shape), grid, run)
            writer.put_record(f"surfaces/{run}.random", surface)
    study = open_study(path)
    names = [f"{run}.random" for run in runs]
    assert kinked_beside_smooth(study, names) == [f"{RUN}.random", "gelu-gd-seed0.random"]
    assert kinked_beside_smooth(study, names[:3]) == [f"{RUN}.random", "tanh-gd-seed0.random"]
    # No kinked run with a smooth one of its optimizer, and none at all.
    assert kinked_beside_smooth(study, names[1:3]) == names[1:3]
    assert kinked_beside_smooth(study, names[:2]) == names[:2]


def test_surfaces_are_chosen_and_paths_left_out(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "one.html"
    accepted("export", study, "--format", "html", "--select", "*.pca", "--no-paths",
             "--out", target)  # fmt: skip
    told = told_by(target)
    assert [panel["id"] for panel in told["panels"]] == [f"{RUN}.pca"]
    assert told["paths"] == []


def test_the_toy_is_written(tmp_path: Path) -> None:
    accepted("demo", "--toy", "--out", tmp_path)
    assert told_by(tmp_path / "toy.html")["mode"] == "toy"


@pytest.mark.parametrize("command", [["demo", "--toy"], ["export", "STUDY", "--format", "html"]])
def test_a_page_of_somebody_else_is_not_written_over(
    command: list[str], study: Path, tmp_path: Path
) -> None:
    target = tmp_path / "mine.html"
    target.write_text("mine")
    words: list[Any] = [study if word == "STUDY" else word for word in command]
    assert "was not written by this program" in refused(*words, "--out", target)
    assert target.read_text() == "mine"
    if "export" in command:
        accepted(*words, "--out", target, "--force")
    else:
        target.unlink()
        accepted(*words, "--out", target)
    assert target.stat().st_size > 100_000
    accepted(*words, "--out", target)


def test_wrong_names_and_options_are_refused(study: Path, tmp_path: Path) -> None:
    command = ["export", study, "--format", "html"]
    assert "written as .html" in refused(*command, "--out", tmp_path / "a.png")
    assert "has these choices inside" in refused(*command, "--normals", "flat")
    assert "written as .html" in refused("demo", "--toy", "--out", tmp_path / "a.png")
    assert "--quick is of the whole demo" in refused("demo", "--toy", "--quick")


def test_a_surface_of_another_program_without_accuracy_opens(tmp_path: Path, launch: Any) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["xcoordinates"], file["ycoordinates"] = np.linspace(-1, 1, 5), np.linspace(-1, 1, 4)
        losses = np.arange(1.0, 21.0).reshape(5, 4)
        losses[0, 0] = np.nan
        file["train_loss"] = losses
    accepted("import", tmp_path / "other.h5", "--out", tmp_path / "study.h5", "--name", "other")
    target = tmp_path / "page.html"
    accepted("export", tmp_path / "study.h5", "--format", "html", "--out", target)
    (panel,) = told_by(target)["panels"]
    assert list(panel["levels"][0]["fields"]) == ["losses"]
    browser = launch()
    page = browsing.open_page(browser, offline=True)
    page.goto(target.as_uri())
    browsing.until(page, "window.lossoscope?.ready || window.lossoscope?.error")
    assert page.evaluate("lossoscope.error") is None
    reading = page.evaluate("lossoscope.reading(0, 1.0, 1.0)")
    assert "accuracy" not in reading
    assert reading["loss"] == 20.0
    browser.close()
