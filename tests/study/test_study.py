"""A small study from training to summary: complete, consistent, honest of divergence."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from small_study import SMALL, Notes, load, run_study

from landscape import Study, plane_sharpness
from landscape.networks import build
from landscape.networks.parameters import assign
from landscape.records.windows import window_around
from landscape.store import StudyFile
from landscape.study.configuration import DataConfig, PcaPlaneConfig, RandomPlaneConfig

FORMAT = Path(__file__).parents[2] / "docs" / "format.md"
FLOATS = {"losses", "step_losses", "gradient_norms", "step_lengths", "learning_rates",
          "accuracies", "origin", "d_alpha", "d_beta", "alphas", "betas", "coordinates",
          "off_plane_distances", "distances", "plane_losses"}  # fmt: skip
DATA_SETS = {
    "runs": {"thetas", "steps", "losses", "accuracies", "step_losses", "gradient_norms",
             "step_lengths", "learning_rates", "layout"},
    "planes": {"origin", "d_alpha", "d_beta", "layout"},
    "surfaces": {"alphas", "betas", "losses", "accuracies", "status", "tile_sha256"},
    "projections": {"steps", "coordinates", "off_plane_distances", "distances", "losses",
                    "plane_losses"},
}  # fmt: skip
ATTRIBUTES = {
    "runs": set(),
    "planes": {"kind", "cosines"},
    "surfaces": {"fields", "plane", "run"},
    "projections": {"run", "plane"},
}
WINE = load(SMALL.data)
pytestmark = pytest.mark.usefixtures("small_tiles")


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
        assert set(file) == {*DATA_SETS, "analyses", "digests"}
        assert set(file.attrs) == {"format", "format_version", "versions", "config", "sha256",
                                   "data_sha256", "loss"}  # fmt: skip
        assert (file.attrs["format"], file.attrs["format_version"]) == ("lossoscope-study", 1)
        assert file.attrs["loss"] == "cross_entropy"
        assert file.attrs["data_sha256"] == load(SMALL.data).sha256
        assert json.loads(file.attrs["config"]) == SMALL.to_dict()
        for kind, names in DATA_SETS.items():
            for group in file[kind].values():
                assert {n for n in group if isinstance(group[n], h5py.Dataset)} == names
                assert set(group.attrs) == {"record", "settings", "sha256", *ATTRIBUTES[kind]}
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
    asked = study.surface("relu-gd-seed0.random").settings["asked"]
    assert (asked["run"], asked["kind"], asked["seed"]) == ("relu-gd-seed0", "random", 0)
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


def test_a_run_whose_path_is_straight_goes_without_its_plane_and_the_others_go_on(
    tmp_path: Path,
) -> None:
    # Nesterov's steps are too small to move any weight.
    training = replace(SMALL.training, learning_rates={"nesterov": 1e-300})
    config = replace(SMALL, activations=("relu",), training=training)
    notes = Notes()
    done = run_study(config, tmp_path, reporter=notes)
    assert [note for note in notes.notes if "PCA" in note] == [
        "relu-nesterov-seed0 has no PCA plane: the path is a straight line: it has no second "
        "principal component; sample a random plane instead"
    ]
    assert done.surfaces() == ["relu-gd-seed0.pca", "relu-gd-seed0.random",
                               "relu-nesterov-seed0.random"]  # fmt: skip
    assert all(done.surface(name).complete for name in done.surfaces())
    assert done.analysis("summary", "relu-nesterov-seed0").settings["captured"] is None
    before = done.path.read_bytes()
    assert run_study(config, tmp_path).path.read_bytes() == before
    still = replace(config, optimizers=("nesterov",))
    assert run_study(still, tmp_path / "still").surfaces() == ["relu-nesterov-seed0.random"]


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


def test_classes_are_trained_and_sampled_by_mean_squared_error_on_request(
    tmp_path: Path,
) -> None:
    config = replace(SMALL, loss="mse", activations=("relu",), optimizers=("gd",))
    done = run_study(config, tmp_path)
    assert done.attributes["loss"] == "mse"
    run = done.trajectory("relu-gd-seed0")
    assert run.settings["loss"] == "mse"
    inputs, classes = (torch.tensor(part) for part in (WINE.inputs, WINE.targets))
    model = build("mlp", input_shape=(13,), hidden=(5,), outputs=3, dtype=torch.float64)
    assign(model, run.solution)
    outputs = model(inputs).detach()
    wanted = torch.nn.functional.mse_loss(outputs, torch.eye(3, dtype=torch.float64)[classes])
    assert run.losses[-1] == pytest.approx(float(wanted), rel=1e-5)
    assert run.accuracies is not None
    assert run.accuracies[-1] == pytest.approx(
        float((outputs.argmax(dim=1) == classes).double().mean())
    )
    surface = done.surface("relu-gd-seed0.random")
    assert set(surface.fields) == {"losses", "accuracies"}
    assert surface.losses[2, 3] == pytest.approx(float(wanted), rel=1e-5)


def test_values_are_not_trained_by_cross_entropy(tmp_path: Path) -> None:
    config = replace(SMALL, loss="cross_entropy", data=DataConfig(name="diabetes"))
    with pytest.raises(ValueError, match="cross_entropy needs classes, got diabetes"):
        run_study(config, tmp_path)


def test_planes_that_are_not_wanted_are_not_made(tmp_path: Path) -> None:
    none = replace(SMALL, activations=("relu",), optimizers=("gd",),
                   random_plane=RandomPlaneConfig(points=()),
                   pca_plane=PcaPlaneConfig(points=()))  # fmt: skip
    done = run_study(none, tmp_path / "none")
    assert done.surfaces() == done.planes() == []
    assert done.analysis("summary", "relu-gd-seed0").settings["sharpness"] is None
    assert Study(none, tmp_path / "x.h5", load).setup.points == 0
    only = replace(none, pca_plane=SMALL.pca_plane)
    assert run_study(only, tmp_path / "pca").surfaces() == ["relu-gd-seed0.pca"]


def test_a_network_that_cannot_take_the_data_is_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use an image data set, or the network 'mlp'"):
        run_study(replace(SMALL, network={"kind": "cnn"}), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_too_short_for_a_plane_are_refused_before_work(tmp_path: Path) -> None:
    short = replace(SMALL, training=replace(SMALL.training, steps=1))
    with pytest.raises(ValueError, match=r"at least 3 records of each run, got 2; raise training"):
        run_study(short, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(Study(short, tmp_path / "study.h5", load).run(sample=False).runs()) == 4
