"""A study called again: left alone, continued to the bit, or refused with what differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_study import SMALL, Notes, Stops, content, counted, load, run_study

from landscape import SamplingConfig, Study, open_study
from landscape.evaluation import engine
from landscape.evaluation.passes import EngineChoice
from landscape.store import StudyFile, StudyWriter
from landscape.study import experiment, setup
from landscape.study.configuration import DataConfig, PcaPlaneConfig

pytestmark = pytest.mark.usefixtures("small_tiles")


def test_a_finished_study_is_left_alone(study: StudyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("nothing is left to do")

    for name in ("train", "make_surface", "summarise"):
        monkeypatch.setattr(experiment, name, work)
    before, inode = study.path.read_bytes(), study.path.stat().st_ino
    again = run_study(SMALL, study.path.parent)
    assert again.path.read_bytes() == before
    assert again.path.stat().st_ino == inode
    assert [p.name for p in study.path.parent.iterdir()] == ["study.h5"]


@pytest.mark.parametrize(
    "after",
    [pytest.param(3, id="first", marks=pytest.mark.long), pytest.param(30, id="third"),
     pytest.param(56, id="tile"), pytest.param(320, id="last tile", marks=pytest.mark.long)],
)  # fmt: skip
def test_an_interrupted_study_continues_to_the_same_bits(
    after: int, study: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[Any] = []
    tiles: list[Any] = []
    monkeypatch.setattr(experiment, "train", counted(trained, experiment.train))
    monkeypatch.setattr(StudyWriter, "put_tile", counted(tiles, StudyWriter.put_tile))
    with pytest.raises(KeyboardInterrupt):
        run_study(SMALL, tmp_path, reporter=Stops(after))
    assert [p.name for p in tmp_path.iterdir()] == ["study.h5"]
    half = open_study(tmp_path)
    assert len(half.runs()) == min(after // 12, 4)
    assert set(half.paths()) < set(study.paths())
    continued = run_study(SMALL, tmp_path)
    assert content(continued.path) == content(study.path)
    # Nothing was done twice.
    assert len(trained) == 4
    assert len(tiles) == 8 * 5


def test_training_first_and_sampling_later_is_the_same_study(
    study: StudyFile, tmp_path: Path
) -> None:
    trained = Study(SMALL, tmp_path / "study.h5", load).run(sample=False)
    assert len(trained.runs()) == 4
    assert trained.surfaces() == trained.planes() == trained.analyses("summary") == []
    assert content(run_study(SMALL, tmp_path).path) == content(study.path)


def test_a_reporter_hears_of_all_the_work(tmp_path: Path) -> None:
    heard = Notes()
    rates = {"gd": 1e30}
    config = replace(SMALL, training=replace(SMALL.training, learning_rates=rates))
    run_study(config, tmp_path, reporter=heard)
    assert heard.totals == {"training": 48, "sampling": 4 * 35}
    assert heard.done == heard.totals
    assert any(note.startswith("evaluating: vmap, 8 points a pass") for note in heard.notes)
    assert "relu-gd-seed0 diverged at step 1" in heard.notes


def test_bars_of_a_continued_study_reach_their_end(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(SMALL, tmp_path, reporter=Stops(60))
    heard = Notes()
    run_study(SMALL, tmp_path, reporter=heard)
    assert heard.totals == {"training": 0, "sampling": 8 * 35}
    assert heard.done == heard.totals


def test_the_engine_is_chosen_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(SMALL, sampling=SamplingConfig(threads=1))
    chosen = EngineChoice(strategy="copy", batch_size=50, threads=1, points_per_second=7.0)
    calls: list[Any] = []
    monkeypatch.setattr(engine, "choose_engine", counted(calls, lambda *_, **__: chosen))
    with pytest.raises(KeyboardInterrupt):
        run_study(config, tmp_path, reporter=Stops(60))
    assert len(calls) == 1

    def otherwise(*_: object, **__: object) -> EngineChoice:
        raise AssertionError("the choice is in the study")

    monkeypatch.setattr(engine, "choose_engine", otherwise)
    done = run_study(config, tmp_path)
    assert done.analysis("engine", "choice").settings == chosen.to_dict()
    engines = [done.surface(name).settings["engine"] for name in done.surfaces()]
    assert engines == [chosen.to_dict()] * 8


def test_the_threads_of_training_are_chosen_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sums by other threads have other last bits."""
    config = replace(SMALL, activations=("relu",), pca_plane=PcaPlaneConfig(points=()),
                     training=replace(SMALL.training, steps=2))  # fmt: skip
    monkeypatch.setattr(setup, "choose_threads", lambda *_: 2)
    with pytest.raises(KeyboardInterrupt):
        run_study(config, tmp_path, reporter=Stops(3))
    monkeypatch.setattr(setup, "choose_threads", lambda *_: 1)
    used: list[int] = []
    train = experiment.train

    def watched(*args: Any, **kwargs: Any) -> Any:
        used.append(torch.get_num_threads())
        return train(*args, **kwargs)

    monkeypatch.setattr(experiment, "train", watched)
    done = run_study(config, tmp_path)
    assert used == [2]
    assert done.analysis("engine", "training").settings["threads"] == 2
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"training": replace(SMALL.training, steps=13)}, r"training\.steps is 12 there, 13 here"),
        ({"activations": ("relu", "elu")}, r'activations is \["relu", "prelu"\] there, \["relu",'),
        ({"data": DataConfig(name="moons")}, r'data\.name is "wine" there, "moons" here; data_sha'),
    ],
)
def test_another_experiment_is_refused_with_what_differs(
    change: dict[str, Any], message: str, study: StudyFile
) -> None:
    before = study.path.read_bytes()
    with pytest.raises(ValueError, match=message):
        run_study(replace(SMALL, **change), study.path.parent)
    assert study.path.read_bytes() == before
    assert [p.name for p in study.path.parent.iterdir()] == ["study.h5"]


def test_the_same_name_with_other_examples_is_another_experiment(study: StudyFile) -> None:
    def other(config: DataConfig) -> Any:
        return replace(load(config), sha256="0" * 64)

    with pytest.raises(ValueError, match=r"data_sha256 is .* there, \"0000"):
        Study(SMALL, study.path, other).run()
