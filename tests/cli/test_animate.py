"""``landscape animate``: films of a study."""

from __future__ import annotations

import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from calling import accepted, refused

RUN = "relu-gd-seed0"
SMALL = ["--size", "96x64", "--fps", "4", "--seconds", "1"]


@pytest.fixture
def films() -> None:
    pytest.importorskip("imageio_ffmpeg")


@pytest.mark.usefixtures("rendering", "films")
def test_a_descent_is_filmed_and_not_written_over(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "descent.mp4"
    command = ["animate", study, "--surface", f"{RUN}.pca", *SMALL, "--out", target]
    assert accepted(*command) == f"wrote {target}\n"
    before = target.read_bytes()
    assert before[4:8] == b"ftyp"
    assert "is there; choose another --out, or overwrite it with --force" in refused(*command)
    accepted(*command, "--force", "--pace", "distance", "--turn", "-90", "--height", "linear")
    assert target.read_bytes() != before


@pytest.mark.usefixtures("rendering", "films")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--kind", "movie"], "unknown kind of film 'movie'; known: descent, zoom, microscope"),
        (["--surface", "x"], "a descent needs one surface, as --surface ID; known: "),
        (["--size", "big"], "a size is written 1280x720, got 'big'"),
        (["--size", "95x64"], "must be even and >= 16 pixels, got 95x64"),
        (["--style", "neon"], "unknown style 'neon'; known: paper, slides, dark"),
        (["--out", "film.avi"], "a film is written as .mp4 or .gif"),
        (["--pace", "x"], "unknown pace 'x'; known: steps, distance"),
        (["--height", "x"], "unknown height 'x'; known: auto, log, linear"),
        (["--kind", "zoom", "--height", "linear"], "--pace and --height are for a descent"),
        (["--camera", "1,95"], "elevation must be between 0 and 90 degrees, got 95"),
        (["--select", "relu"], "--surface names surfaces, --select matches them"),
    ],
)
def test_wrong_requests_write_nothing(
    arguments: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    given = ["--surface", f"{RUN}.pca", *SMALL, "--out", tmp_path / "a.mp4", *arguments]
    assert message in refused("animate", study, *given, alone=False)
    assert list(tmp_path.iterdir()) == []


def test_without_a_surface_those_that_can_be_filmed_are_listed(study: Path) -> None:
    assert "no surface matches 'tanh'" in refused("animate", study, "--select", "tanh")


@pytest.mark.usefixtures("rendering", "films")
def test_a_film_is_chosen_by_its_activation_and_turns_through_the_camera(
    study: Path, tmp_path: Path
) -> None:
    chosen = ["animate", study, "--select", "relu", *SMALL, "--turn", 0]
    frames = []
    for camera in ("-58,40", "32,40"):
        target = tmp_path / f"film{camera}.gif"
        accepted(*chosen, "--camera", camera, "--out", target)
        frames.append(target.read_bytes())
    accepted(*chosen, "--out", tmp_path / "usual.gif")
    assert (tmp_path / "usual.gif").read_bytes() == frames[0] != frames[1]


def test_without_the_package_one_line_has_the_remedy(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    message = refused("animate", study, "--surface", f"{RUN}.pca", "--out", tmp_path / "a.mp4")
    assert message == (
        "landscape: films need the package imageio-ffmpeg: pip install 'lossoscope[video]'"
    )


@pytest.mark.usefixtures("rendering", "films")
def test_a_path_of_another_program_is_filmed_and_what_is_not_known_is_said(tmp_path: Path) -> None:
    surface, path = tmp_path / "surf.h5", tmp_path / "d.h5_proj_lstsq.h5"
    with h5py.File(surface, "w") as file:
        file["xcoordinates"], file["ycoordinates"] = np.linspace(-1, 1, 5), np.linspace(-1, 1, 4)
        file["train_loss"] = np.arange(1.0, 21.0).reshape(5, 4)
    with h5py.File(path, "w") as file:
        file["proj_xcoord"], file["proj_ycoord"] = np.linspace([0.9, 0.9], [0, 0], 5).T
    accepted("import", surface, path, "--out", tmp_path / "study.h5", "--name", "other")
    target = tmp_path / "film.gif"
    told = accepted("animate", tmp_path / "study.h5", "--surface", "other", *SMALL,
                    "--style", "dark", "--out", target)  # fmt: skip
    assert told.splitlines() == [
        f"wrote {target}", "the path lies on the surface, as its losses are not known"
    ]  # fmt: skip
