"""The demo again, without graphics, and in a folder that holds another study."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from calling import accepted, call, refused

from landscape import open_study
from landscape.cli.demo import demo_config
from landscape.store import StudyWriter
from landscape.study.configuration import DataConfig, PcaPlaneConfig, RandomPlaneConfig


@pytest.fixture
def _no_graphics(monkeypatch: pytest.MonkeyPatch) -> None:
    def ensure() -> None:
        raise RuntimeError("VTK finds no OpenGL")

    monkeypatch.setattr("landscape.viz.offscreen.ensure", ensure)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do all that the quick demo does, with less of everything."""
    quick = demo_config(quick=True)
    small = replace(
        quick, data=DataConfig(name="wine"), activations=("relu",), optimizers=("gd",),
        network={"kind": "mlp", "hidden": [5]}, training=replace(quick.training, steps=4),
        random_plane=RandomPlaneConfig(points=(5, 5)), pca_plane=PcaPlaneConfig(points=(5, 5)),
    )  # fmt: skip
    module = sys.modules["landscape.cli.demo"]
    monkeypatch.setattr(module, "demo_config", lambda *, quick: small)


@pytest.mark.usefixtures("_small")
def test_a_demo_draws_every_surface_and_says_what_it_wrote(tmp_path: Path, rendering: None) -> None:
    said = accepted("demo", "--quick", "--out", tmp_path)
    written = [Path(line[6:]) for line in said.splitlines() if line.startswith("wrote ")]
    assert set(written) == set(tmp_path.iterdir())
    assert {p.stem for p in written} >= {"comparison-pca", "comparison-random", "contours-pca",
                                         "contours-random", "zoom", "residual", "index",
                                         "toy"}  # fmt: skip
    names = open_study(tmp_path).surfaces()
    assert names == ["relu-gd-seed0.pca", "relu-gd-seed0.random"]
    pictures = sorted((tmp_path / "surfaces").iterdir())
    assert [p.name for p in pictures] == [f"{names[0]}.{suffix}" for suffix in ("md", "png")]
    assert all(p.read_bytes().startswith(b"\x89PNG") for p in pictures[1::2])
    # One line of results, three of slope budgets.
    assert said.count("\nrelu-gd-seed0 ") == 4


@pytest.mark.usefixtures("_no_graphics", "_small")
def test_a_second_demo_draws_only_what_is_missing_or_old(tmp_path: Path) -> None:
    first = call("demo", "--quick", "--out", tmp_path)
    assert first.exit_code == 0, first.output
    assert "no 3D pictures: VTK finds no OpenGL" in first.stderr
    assert f"wrote {tmp_path / 'contours-random.pdf'}" in first.stdout
    assert "comparison" not in first.stdout
    path, picture = tmp_path / "study.h5", tmp_path / "contours-pca.pdf"
    before, drawn = path.read_bytes(), picture.read_bytes()
    picture.unlink()
    (tmp_path / "mine.png").write_bytes(b"mine")
    others = {p: p.stat().st_mtime_ns for p in tmp_path.glob("*.pdf")}
    said = accepted("demo", "--quick", "--out", tmp_path)
    assert f"wrote {picture}" in said
    assert f"3 pictures in {tmp_path} are newer than {path} and were not drawn again" in said
    assert path.read_bytes() == before
    assert picture.read_bytes() == drawn
    assert {p: p.stat().st_mtime_ns for p in others} == others
    times = {p: p.stat().st_mtime_ns for p in (path, *tmp_path.glob("*.p*"))}
    said = accepted("demo", "--quick", "--out", tmp_path)
    assert "wrote" not in said
    assert "4 pictures in" in said
    assert {p: p.stat().st_mtime_ns for p in times} == times
    assert (tmp_path / "mine.png").read_bytes() == b"mine"
    # A picture that is older than the study is drawn again.
    made = path.stat().st_mtime_ns
    os.utime(picture, ns=(made - 1, made - 1))
    said = accepted("demo", "--quick", "--out", tmp_path)
    assert said.count("wrote") == 2
    assert picture.stat().st_mtime_ns > made


@pytest.mark.parametrize("quick", [True, False])
def test_one_demo_is_refused_where_the_other_lies(quick: bool, tmp_path: Path) -> None:
    path = tmp_path / "study.h5"
    with StudyWriter(path, config=demo_config(quick=not quick).to_dict(), facts={"loss": "x"}):
        pass
    before = path.read_bytes()
    message = refused("demo", *(["--quick"] if quick else []), "--out", tmp_path, alone=False)
    there, here = (300, 30) if quick else (30, 300)
    assert f"{path} holds another experiment: activations is " in message
    assert f"training.steps is {there} there, {here} here" in message
    assert "Choose another --out, or remove that study" in message
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["study.h5"]


def test_the_demo_is_the_one_its_help_promises() -> None:
    config = demo_config()
    assert len(config.activations) == 8
    assert config.optimizers == ("gd", "nesterov")
    assert config.network["hidden"] == [32, 32]
    rates = config.training.learning_rates
    assert rates["gd"] == pytest.approx(rates["nesterov"] / (1 - config.training.momentum))
    # What decides the last bits is fixed, all but the number of threads.
    assert config.sampling.strategy != "auto"
    assert min(config.sampling.chunk, config.sampling.batch_size) > 0
    assert config.sampling.compile == "never"
