"""The demo again, without graphics, and in a folder that holds another study."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from calling import accepted, call, refused

from landscape.cli.demo import demo_config
from landscape.store import StudyWriter
from viz import offscreen


@pytest.fixture
def _no_graphics(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(offscreen, "probe", lambda: None)
    offscreen.ensure.cache_clear()
    yield
    offscreen.ensure.cache_clear()


@pytest.mark.usefixtures("_no_graphics")
def test_a_second_demo_leaves_the_study_alone_and_draws_again(tmp_path: Path) -> None:
    first = call("demo", "--quick", "--out", tmp_path)
    assert first.exit_code == 0, first.output
    assert "no 3D pictures: " in first.stderr
    assert f"wrote {tmp_path / 'contours-random.pdf'}" in first.stdout
    assert "comparison" not in first.stdout
    path, picture = tmp_path / "study.h5", tmp_path / "contours-pca.pdf"
    before, drawn = path.read_bytes(), picture.read_bytes()
    picture.unlink()
    (tmp_path / "mine.png").write_bytes(b"mine")
    assert accepted("demo", "--quick", "--out", tmp_path) == first.stdout
    assert path.read_bytes() == before
    assert picture.read_bytes() == drawn
    assert (tmp_path / "mine.png").read_bytes() == b"mine"


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
