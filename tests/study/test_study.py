from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import data
from landscape.config import (
    DataConfig,
    PcaPlaneConfig,
    RandomPlaneConfig,
    SamplingConfig,
    StudyConfig,
    TrainingConfig,
)
from landscape.grid import Grid
from landscape.store import StudyFile, open_study
from landscape.study import Study, more
from landscape.study.reporting import Silent

SMALL = StudyConfig(
    activations=("relu", "prelu"),
    optimizers=("gd", "nesterov"),
    data=DataConfig(name="wine"),
    network={"kind": "mlp", "hidden": [5]},
    training=TrainingConfig(steps=12, record_every=2),
    random_plane=RandomPlaneConfig(points=(5, 7)),
    pca_plane=PcaPlaneConfig(points=(7, 5)),
    sampling=SamplingConfig(strategy="vmap", chunk=8, threads=1),
)


def load(config: DataConfig) -> data.Batch:
    return data.load(config.name, standardise=config.standardise)


def run(config: StudyConfig, folder: Path, **options: Any) -> StudyFile:
    return Study(config, folder / "study.h5", load, **options).run()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return run(SMALL, tmp_path_factory.mktemp("study"))


def test_every_run_has_its_planes_surfaces_paths_and_summary(study: StudyFile) -> None:
    runs = [key.name for key in SMALL.runs]
    assert study.runs() == sorted(runs)
    planes = sorted(f"{run}.{kind}" for run in runs for kind in ("random", "pca"))
    assert study.planes() == study.surfaces() == planes
    assert study.projections() == sorted(f"{plane.rpartition('.')[0]}@{plane}" for plane in planes)
    assert study.analyses("summary") == sorted(runs)
    assert all(study.surface(name).complete for name in planes)
    assert study.surface("relu-gd-seed0.random").losses.shape == (5, 7)
    assert study.config == SMALL.to_dict()


def test_the_centre_of_a_surface_is_the_solution(study: StudyFile) -> None:
    for name in study.surfaces():
        surface = study.surface(name)
        (i,), (j,) = (np.flatnonzero(axis == 0) for axis in surface.grid.axes)
        final = study.trajectory(str(surface.run)).losses[-1]
        assert surface.losses[i, j] == pytest.approx(final, rel=1e-5)
        placed = study.projection(str(surface.run), str(surface.plane))
        np.testing.assert_allclose(placed.coordinates[-1], 0, atol=1e-6)
        assert placed.plane_losses[-1] == pytest.approx(final, rel=1e-5)


def test_all_activations_start_from_the_same_weights_and_draw_the_same_directions(
    study: StudyFile,
) -> None:
    relu, prelu = (study.trajectory(f"{name}-gd-seed0") for name in ("relu", "prelu"))
    shared = {slot.name: part for slot, part in prelu.layout.parts()}
    for slot, part in relu.layout.parts():
        np.testing.assert_array_equal(relu.start[part], prelu.start[shared[slot.name]])
    planes = [study.plane(f"{name}-gd-seed0.random") for name in ("relu", "prelu")]
    row, other = (p.d_alpha[: 5 * 13].reshape(5, 13) for p in planes)
    units = [r / np.linalg.norm(r, axis=1, keepdims=True) for r in (row, other)]
    np.testing.assert_allclose(units[0], units[1], atol=1e-12)


def test_all_paths_lie_in_one_window(study: StudyFile) -> None:
    grids = [study.surface(name).grid for name in study.surfaces() if name.endswith("pca")]
    for grid in grids[1:]:
        for axis, first in zip(grid.axes, grids[0].axes, strict=True):
            np.testing.assert_array_equal(axis, first)


def test_a_finished_study_is_left_alone(study: StudyFile) -> None:
    before = study.path.read_bytes()
    run(SMALL, study.path.parent)
    assert study.path.read_bytes() == before


class Stops(Silent):
    """Presses Ctrl-C after so many units of work."""

    def __init__(self, after: int) -> None:
        self.left = after

    def advance(self, units: int) -> None:
        self.left -= units
        if self.left < 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("after", [3, 30, 60, 130])
def test_an_interrupted_study_continues_to_the_same_bits(
    after: int, study: StudyFile, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(SMALL, tmp_path, reporter=Stops(after))
    continued = run(SMALL, tmp_path)
    assert not (tmp_path / "study.h5.journal").exists()
    for name in study.surfaces():
        np.testing.assert_array_equal(continued.surface(name).losses, study.surface(name).losses)
    for name in study.runs():
        np.testing.assert_array_equal(
            continued.trajectory(name).thetas, study.trajectory(name).thetas
        )


def test_another_configuration_is_refused_with_what_differs(study: StudyFile) -> None:
    before = study.path.read_bytes()
    other = replace(SMALL, training=replace(SMALL.training, steps=13))
    with pytest.raises(ValueError, match=r"training\.steps is 12 there, 13 here"):
        run(other, study.path.parent)
    assert study.path.read_bytes() == before


@pytest.mark.parametrize("all_of_them", [True, False])
def test_a_run_that_diverges_is_marked_and_the_others_go_on(
    all_of_them: bool, tmp_path: Path
) -> None:
    rates = {"gd": 1e30, "nesterov": 1e30 if all_of_them else 0.03}
    training = replace(SMALL.training, learning_rates=rates)
    done = run(replace(SMALL, training=training), tmp_path)
    assert done.trajectory("relu-gd-seed0").diverged_at is not None
    assert np.isfinite(done.trajectory("relu-gd-seed0").thetas).all()
    assert (len(done.surfaces()) == 0) is all_of_them
    assert len(done.analyses("summary")) == 4


def test_a_regression_has_no_accuracies(tmp_path: Path) -> None:
    training = replace(SMALL.training, learning_rates={"gd": 0.01})
    config = replace(
        SMALL, data=DataConfig(name="diabetes"), activations=("elu",), training=training
    )
    done = run(config, tmp_path)
    assert done.trajectory("elu-gd-seed0").accuracies is None
    assert set(done.surface("elu-gd-seed0.random").fields) == {"losses"}
    assert done.attributes["loss"] == "mse"


def test_a_network_that_cannot_take_the_data_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use an image data set, or the network 'mlp'"):
        run(replace(SMALL, network={"kind": "cnn"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def request(**changes: Any) -> more.Request:
    grid = Grid.rectangle((3, 4), (-1, 1), (0, 1))
    return more.Request(**{"run": "relu-gd-seed0", "kind": "random", "grid": grid, **changes})


def test_one_more_surface_grows_a_copy_and_the_study_stays(
    study: StudyFile, tmp_path: Path
) -> None:
    before = study.path.read_bytes()
    path, name = more.sample_more(study, SMALL, request(seed=5), load_data=load, out=tmp_path)
    assert study.path.read_bytes() == before
    grown = open_study(path)
    assert grown.surface(name).losses.shape == (3, 4)
    assert set(grown.surfaces()) == {*study.surfaces(), name}
    assert grown.plane(name).settings["seed"] == 5
    with pytest.raises(ValueError, match="taken by another surface"):
        more.sample_more(
            grown, SMALL, request(seed=6, identifier=name), load_data=load, out=tmp_path
        )


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"run": "elu-gd-seed0"}, KeyError, "known: prelu-gd-seed0"),
        ({"kind": "hessian"}, ValueError, "known: random, pca"),
        ({"normalisation": ""}, ValueError, "known: filter, layer, none"),
    ],
)
def test_impossible_surfaces_are_refused(
    changes: dict[str, Any], error: type[Exception], message: str, study: StudyFile, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        more.sample_more(study, SMALL, request(**changes), load_data=load, out=tmp_path)


def test_other_data_than_the_studys_are_refused(study: StudyFile, tmp_path: Path) -> None:
    def other(_config: DataConfig) -> data.Batch:
        return data.load("breast_cancer")

    with pytest.raises(ValueError, match="not the one this study was trained on"):
        more.sample_more(study, SMALL, request(), load_data=other, out=tmp_path)


def test_a_configuration_survives_toml_with_every_default_visible(tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(SMALL.to_toml(), encoding="utf-8")
    assert StudyConfig.from_toml(path) == SMALL
    for word in ("momentum", "span", "normalisation", "standardise", "initialisation", "threads"):
        assert f"{word} =" in SMALL.to_toml()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"activation": ["relu"]}, "unknown setting activation; known: activations"),
        ({"training": {"step": 3}}, "unknown setting training.step; known: steps"),
        ({"training": {"steps": 3.5}}, "training.steps must be an integer, got 3.5"),
        ({"training": 3}, "training must be a table, got 3"),
        ({"optimizers": "gd"}, "optimizers must be a list"),
        ({"optimizers": ["rmsprop"]}, "known: gd, sgd"),
        ({"random_plane": {"span": float("nan")}}, "span must be finite and > 0, got nan"),
        ({"random_plane": {"points": [1, 5]}}, "two numbers >= 2"),
        ({"network": {"kind": "gru"}}, "known: mlp, cnn, resnet"),
        ({"network": {"kind": "mlp", "outputs": 3}}, "follows from the activations and the data"),
        ({"sampling": {"strategy": "fast"}}, "unknown strategy 'fast'"),
        ({"seeds": [0, 0]}, "each once"),
    ],
)
def test_impossible_configurations_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        StudyConfig.from_dict(values)
