"""``landscape export``: which files, and whose files are not written over."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from calling import accepted, refused

from landscape import open_study

RUN = "relu-gd-seed0"


@pytest.mark.parametrize(
    ("suffix", "files"),
    [
        ("glb", [f"{RUN}.pca.glb", f"{RUN}.random.glb"]),
        ("vtp", [f"{RUN}.pca-paths.vtp", f"{RUN}.pca.vtp", f"{RUN}.random-paths.vtp",
                 f"{RUN}.random.vtp"]),
    ],
)  # fmt: skip
def test_every_surface_over_a_plane_is_written(
    suffix: str, files: list[str], study: Path, tmp_path: Path
) -> None:
    said = accepted("export", study, "--format", suffix, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == files
    assert said.count("wrote ") == len(files)


def test_one_surface_goes_to_one_file(study: Path, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "mine.csv"
    accepted("export", study, "--select", "*.pca", "--format", "csv", "--out", target, "--no-paths")
    assert [path.name for path in target.parent.iterdir()] == ["mine.csv"]
    with target.open(newline="") as file:
        rows = list(csv.DictReader(file))
    surface = open_study(study).surface(f"{RUN}.pca")
    assert [float(row["losses"]) for row in rows] == surface.losses.ravel().tolist()


@pytest.mark.parametrize("suffix", ["glb", "obj", "stl", "vtp", "csv"])
def test_a_file_of_somebody_else_is_not_written_over(
    suffix: str, study: Path, tmp_path: Path
) -> None:
    target = tmp_path / f"a.{suffix}"
    command = ["export", study, "--surface", f"{RUN}.pca", "--format", suffix, "--out", target]
    target.write_text("mine")
    assert "was not written by an export" in refused(*command, alone=False)
    assert target.read_text() == "mine"
    accepted(*command, "--force")
    written = target.read_bytes()
    assert written != b"mine"
    accepted(*command)
    assert target.read_bytes() == written


def test_nor_is_a_file_beside_it(study: Path, tmp_path: Path) -> None:
    (tmp_path / "a-paths.vtp").write_text("mine")
    command = ["export", study, "--surface", f"{RUN}.pca", "--format", "vtp"]
    message = refused(*command, "--out", tmp_path / "a.vtp", alone=False)
    assert "a-paths.vtp is there and was not written" in message
    assert not (tmp_path / "a.vtp").exists()
    accepted(*command, "--out", tmp_path / "a.vtp", "--no-paths")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "fbx"], "unknown format 'fbx'; known: glb, obj, stl, vtp, csv, li2018, html"),
        (["--select", "gelu*"], f"no surface matches 'gelu*'; known: {RUN}.pca, {RUN}.random"),
        (["--select", "*", "--surface", f"{RUN}.pca"], "give one of the two"),
        (["--surface", "x"], "has no surfaces/x"),
        (["--height", "x"], "unknown height 'x'; known: auto, log, linear"),
        (["--units", "x"], "unknown units 'x'; known: picture, data"),
        (["--normals", "x"], "unknown shading 'x'"),
        (["--size", "0"], "size must be finite and > 0, got 0.0"),
        (["--format", "csv", "--size", "3"], "holds the samples as they are"),
        (
            ["--format", "html", "--height", "linear"],
            "is of a mesh: a page has these",
        ),
        (["--format", "stl", "--normals", "flat"], "an stl has a normal for each triangle alone"),
    ],
)
def test_wrong_requests_write_nothing(
    arguments: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert message in refused("export", study, *arguments, "--out", out, alone=False)
    assert not out.exists() or list(out.iterdir()) == []


def test_the_name_of_a_file_must_suit(study: Path, tmp_path: Path) -> None:
    message = refused("export", study, "--out", tmp_path / "a.glb")
    assert "is one file, got 2 to write" in message
    message = refused("export", study, "--surface", f"{RUN}.pca", "--out", tmp_path / "a.obj")
    assert "--format glb is written as .glb, got 'a.obj'" in message
