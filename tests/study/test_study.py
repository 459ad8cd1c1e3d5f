"""A small study from training to summary: complete, resumable to the bit, honest of divergence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from small_study import SMALL, Notes, Stops, content, counted, load, run_study

from landscape import grid
from landscape.config import DataConfig, PcaPlaneConfig, RandomPlaneConfig, SamplingConfig
from landscape.curvature import plane_sharpness
from landscape.evaluation import EngineChoice, engine
from landscape.store import StudyFile, StudyWriter, open_study
from landscape.study import Study, experiment
from landscape.study.windows import window_around

FORMAT = Path(__file__).parents[2] / "docs" / "format.md"
FLOATS = {"losses", "step_losses", "gradient_norms", "step_lengths", "learning_rates",
          "accuracies", "origin", "d_alpha", "d_beta", "alphas", "betas", "coordinates",
          "off_plane_distances", "distances", "plane_losses"}  # fmt: skip
DATA_SETS = {
    "runs": {"thetas", "steps", "losses", "accuracies", "step_losses", "gradient_norms",
             "step_lengths", "learning_rates", "layout"},
    "planes": {"origin", "d_alpha", "d_beta", "layout"},
    "surfaces": {"alphas", "betas", "losses", "accuracies", "status"},
    "projections": {"steps", "coordinates", "off_plane_distances", "distances", "losses",
                    "plane_losses"},
}  # fmt: skip
ATTRIBUTES = {
    "runs": set(),
    "planes": {"kind", "cosines"},
    "surfaces": {"fields", "plane", "run"},
    "projections": {"run", "plane"},
}


@pytest.fixture(autouse=True, scope="module")
def _small_tiles() -> Iterator[None]:
    """Cut every surface into five tiles, so that one can be interrupted in its middle."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grid, "TILE_POINTS", 8)
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return run_study(SMALL, tmp_path_factory.mktemp("study"))


# -- what is there --------------------------------------------------------------------------------


def test_every_run_has_its_planes_surfaces_paths_and_summary(study: StudyFile) -> None:
    runs = [key.name for key in SMALL.runs]
    assert study.runs() == sorted(runs)
    planes = sorted(f"{run}.{kind}" for run in runs for kind in ("random", "pca"))
    assert study.planes() == study.surfaces() == planes
    assert study.projections() == sorted(f"{plane.rpartition('.')[0]}@{plane}" for plane in planes)
    assert study.analyses("summary") == sorted(runs)
    assert study.analyses("engine") == ["choice", "training"]
    assert all(study.surface(name).complete for name in planes)
    assert study.surface("relu-gd-seed0.random").losses.shape == (5, 7)
    assert study.surface("relu-gd-seed0.pca").losses.shape == (7, 5)
    assert study.config == SMALL.to_dict()


def test_plain_h5py_finds_what_the_format_promises(study: StudyFile) -> None:
    text = FORMAT.read_text("utf-8")
    with h5py.File(study.path) as file:
        assert set(file) == {*DATA_SETS, "analyses"}
        assert set(file.attrs) == {"format", "format_version", "versions", "config",
                                   "data_sha256", "loss"}  # fmt: skip
        assert (file.attrs["format"], file.attrs["format_version"]) == ("lossoscope-study", 1)
        assert file.attrs["loss"] == "cross_entropy"
        assert file.attrs["data_sha256"] == load(SMALL.data).sha256
        assert json.loads(file.attrs["config"]) == SMALL.to_dict()
        for kind, names in DATA_SETS.items():
            for group in file[kind].values():
                assert {n for n in group if isinstance(group[n], h5py.Dataset)} == names
                assert set(group.attrs) == {"record", "settings", *ATTRIBUTES[kind]}
                assert isinstance(json.loads(group.attrs["settings"]), dict)
                for name in names - {"layout"}:
                    assert group[name].fletcher32
                    assert (group[name].dtype == "f8") is (name in FLOATS)
            assert all(f"`{name}`" in text for name in names | ATTRIBUTES[kind])


def test_settings_tell_how_each_record_was_made(study: StudyFile) -> None:
    run = study.trajectory("prelu-nesterov-seed0").settings
    assert (run["activation"], run["optimizer"], run["seed"]) == ("prelu", "nesterov", 0)
    assert (run["learning_rate"], run["momentum"]) == (0.03, 0.9)
    assert study.trajectory("prelu-gd-seed0").settings["momentum"] == 0.0
    assert run["network"]["input_shape"] == [13]
    assert run["network"]["outputs"] == 3
    assert run["examples"] == 178
    plane = study.plane("relu-gd-seed0.random")
    assert plane.settings["runs"] == ["relu-gd-seed0"]
    assert (plane.settings["seed"], plane.settings["normalisation"]) == (0, "filter")


# -- what must agree ------------------------------------------------------------------------------


def test_the_centre_of_a_surface_is_the_solution(study: StudyFile) -> None:
    for name in study.surfaces():
        surface = study.surface(name)
        (i,), (j,) = (np.flatnonzero(axis == 0) for axis in surface.grid.axes)
        final = study.trajectory(str(surface.run)).losses[-1]
        assert surface.losses[i, j] == pytest.approx(final, rel=1e-5)
        placed = study.projection(str(surface.run), str(surface.plane))
        np.testing.assert_allclose(placed.coordinates[-1], 0, atol=1e-6)
        assert placed.plane_losses[-1] == pytest.approx(final, rel=1e-5)


def test_paths_keep_their_losses_and_their_way(study: StudyFile) -> None:
    for name in study.projections():
        placed = study.projection(*name.split("@"))
        path = study.trajectory(placed.run)
        np.testing.assert_array_equal(placed.losses, path.losses)
        np.testing.assert_array_equal(placed.steps, path.steps)
        away = np.linalg.norm(path.thetas.astype(float) - path.solution, axis=1)
        np.testing.assert_allclose(placed.distances, away)
    planes = [study.projection("relu-gd-seed0", f"relu-gd-seed0.{k}") for k in ("pca", "random")]
    # Two random directions among 88 hold little of a path, its principal ones nearly all.
    assert planes[0].captured > 0.98
    assert planes[1].captured < 0.5


def test_all_activations_start_from_the_same_weights(study: StudyFile) -> None:
    relu, prelu = (study.trajectory(f"{name}-gd-seed0") for name in ("relu", "prelu"))
    shared = {slot.name: part for slot, part in prelu.layout.parts()}
    assert len(shared) == len(relu.layout.slots) + 1
    for slot, part in relu.layout.parts():
        np.testing.assert_array_equal(relu.thetas[0][part], prelu.thetas[0][shared[slot.name]])
    assert not np.array_equal(relu.thetas[-1][part], prelu.thetas[-1][shared[slot.name]])
    # The optimizer starts there too.
    nesterov = study.trajectory("relu-nesterov-seed0")
    np.testing.assert_array_equal(relu.thetas[0], nesterov.thetas[0])


def test_all_activations_draw_the_same_directions(study: StudyFile) -> None:
    relu, prelu = (study.plane(f"{name}-gd-seed0.random") for name in ("relu", "prelu"))
    shared = {slot.name: part for slot, part in prelu.layout.parts()}
    for slot, part in relu.layout.parts():
        if slot.filter_axis is None:
            continue
        for first, second in ((relu.d_alpha, prelu.d_alpha), (relu.d_beta, prelu.d_beta)):
            rows = [slot.as_filters(v) for v in (first[part], second[shared[slot.name]])]
            units = [r / np.linalg.norm(r, axis=1, keepdims=True) for r in rows]
            np.testing.assert_allclose(units[0], units[1], atol=1e-12)
            # Normalised by other weights, they have other lengths.
            assert not np.allclose(rows[0], rows[1])


def test_all_paths_lie_in_one_window(study: StudyFile) -> None:
    paths = [study.projection(k.name, f"{k.name}.pca").coordinates for k in SMALL.runs]
    window = window_around(paths, SMALL.pca_plane.points, margin=SMALL.pca_plane.margin)
    for key in SMALL.runs:
        grid = study.surface(f"{key.name}.pca").grid
        for axis, wanted in zip(grid.axes, window.axes, strict=True):
            np.testing.assert_allclose(axis, wanted, atol=1e-12)


def test_summaries_are_the_numbers_of_the_records(study: StudyFile) -> None:
    reached = []
    for key in SMALL.runs:
        run = study.trajectory(key.name)
        told = study.analysis("summary", key.name).settings
        assert run.accuracies is not None
        below = [k for k, loss in enumerate(run.step_losses) if loss <= 0.3]
        reached.append(bool(below))
        assert dict(told) == {
            "run": key.name,
            "final_loss": run.losses[-1],
            "accuracy": run.accuracies[-1],
            "sharpness": plane_sharpness(study.surface(f"{key.name}.random")),
            "steps_to_target": below[0] if below else None,
            "target_loss": 0.3,
            "captured": study.projection(key.name, f"{key.name}.pca").captured,
            "diverged_at": None,
        }
    assert set(reached) == {True, False}, "choose a target that some runs reach and some do not"


# -- again, interrupted, otherwise ----------------------------------------------------------------


def test_a_finished_study_is_left_alone(study: StudyFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def work(*_: object, **__: object) -> None:
        raise AssertionError("nothing is left to do")

    for name in ("train", "sample_tiles", "place", "plane_evaluator", "summarise"):
        monkeypatch.setattr(experiment, name, work)
    before, inode = study.path.read_bytes(), study.path.stat().st_ino
    again = run_study(SMALL, study.path.parent)
    assert again.path.read_bytes() == before
    assert again.path.stat().st_ino == inode
    assert [p.name for p in study.path.parent.iterdir()] == ["study.h5"]


@pytest.mark.parametrize("after", [3, 30, 56, 330], ids=["first", "third", "tile", "placing"])
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
    assert heard.totals == {"training": 48, "sampling": 4 * 35, "placing paths": 4}
    assert heard.done == heard.totals
    assert any(note.startswith("evaluating: vmap, 8 points a pass") for note in heard.notes)
    assert "relu-gd-seed0 diverged at step 1" in heard.notes


def test_bars_of_a_continued_study_reach_their_end(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_study(SMALL, tmp_path, reporter=Stops(60))
    heard = Notes()
    run_study(SMALL, tmp_path, reporter=heard)
    assert heard.totals == {"training": 0, "sampling": 8 * 35, "placing paths": 8}
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
    monkeypatch.setattr(experiment, "choose_threads", lambda *_: 2)
    with pytest.raises(KeyboardInterrupt):
        run_study(config, tmp_path, reporter=Stops(3))
    monkeypatch.setattr(experiment, "choose_threads", lambda *_: 1)
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


# -- divergence, regressions, fewer planes --------------------------------------------------------


@pytest.mark.parametrize("all_of_them", [True, False])
def test_a_run_that_diverges_is_marked_and_the_others_go_on(
    all_of_them: bool, tmp_path: Path
) -> None:
    rates = {"gd": 1e30, "nesterov": 1e30 if all_of_them else 0.03}
    training = replace(SMALL.training, learning_rates=rates)
    done = run_study(replace(SMALL, training=training), tmp_path)
    for key in SMALL.runs:
        run, diverges = done.trajectory(key.name), all_of_them or key.optimizer == "gd"
        assert (run.diverged_at is not None) is diverges
        assert np.isfinite(run.thetas).all()
        assert len(run.step_losses) == (run.diverged_at if diverges else 12)
        assert run.steps[-1] == len(run.step_losses)
        told = done.analysis("summary", key.name).settings
        assert told["diverged_at"] == run.diverged_at
        assert (told["sharpness"] is None) is diverges
        for kind in ("random", "pca"):
            assert (f"{key.name}.{kind}" in done.surfaces()) is not diverges
    assert all(done.surface(name).complete for name in done.surfaces())
    before = done.path.read_bytes()
    assert run_study(replace(SMALL, training=training), tmp_path).path.read_bytes() == before


def test_a_regression_has_no_accuracies(tmp_path: Path) -> None:
    training = replace(SMALL.training, learning_rates={"gd": 0.01})
    config = replace(SMALL, data=DataConfig(name="diabetes"), activations=("elu",),
                     optimizers=("gd",), training=training)  # fmt: skip
    done = run_study(config, tmp_path)
    run = done.trajectory("elu-gd-seed0")
    assert run.accuracies is None
    assert run.losses[-1] < run.losses[0]
    assert set(done.surface("elu-gd-seed0.random").fields) == {"losses"}
    assert done.attributes["loss"] == "mse"
    assert done.analysis("summary", "elu-gd-seed0").settings["accuracy"] is None


def test_planes_that_are_not_wanted_are_not_made(tmp_path: Path) -> None:
    none = replace(SMALL, activations=("relu",), optimizers=("gd",),
                   random_plane=RandomPlaneConfig(points=()),
                   pca_plane=PcaPlaneConfig(points=()))  # fmt: skip
    done = run_study(none, tmp_path / "none")
    assert done.surfaces() == done.planes() == []
    assert done.analysis("summary", "relu-gd-seed0").settings["sharpness"] is None
    assert Study(none, tmp_path / "x.h5", load).points == 0
    only = replace(none, pca_plane=SMALL.pca_plane)
    assert run_study(only, tmp_path / "pca").surfaces() == ["relu-gd-seed0.pca"]


def test_a_network_that_cannot_take_the_data_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use an image data set, or the network 'mlp'"):
        run_study(replace(SMALL, network={"kind": "cnn"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_too_short_for_a_plane_are_refused_before_work(tmp_path: Path) -> None:
    short = replace(SMALL, training=replace(SMALL.training, steps=2))
    with pytest.raises(ValueError, match=r"at least 3 records of each run, got 2; raise training"):
        run_study(short, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(Study(short, tmp_path / "study.h5", load).run(sample=False).runs()) == 4
