"""One more surface of a study that is there: added once, never mistaken for another."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from calling import refused
from small_study import SMALL, Stops, content, load, run_study
from torch import nn

from landscape import Grid, Problem, SamplingConfig, Subset, data, open_study
from landscape.data.batch import digest
from landscape.records import grid as grids
from landscape.store import StudyFile
from landscape.study.analyses import Wanted, add_analyses
from landscape.study.configuration import DataConfig
from landscape.study.explore import StudyAtlas
from landscape.study.request import Request
from landscape.study.run_surfaces import sample_run
from landscape.study.user_surfaces import sample_user_network

# Nesterov's runs diverge.
CONFIG = replace(
    SMALL,
    activations=("relu",),
    training=replace(SMALL.training, learning_rates={"nesterov": 1e30}),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return run_study(CONFIG, tmp_path_factory.mktemp("study"))


def request(**changes: Any) -> Request:
    grid = Grid.rectangle((3, 4), (-1, 1), (0, 1))
    return Request(**{"run": "relu-gd-seed0", "kind": "random", "grid": grid, **changes})


def add(study: StudyFile, wanted: Request, out: Path | None, **options: Any) -> StudyFile:
    path, name = sample_run(study, CONFIG, wanted, load_data=load, out=out, **options)
    assert name == wanted.name
    return open_study(path)


def test_one_more_surface_grows_a_copy_and_the_study_stays(
    study: StudyFile, tmp_path: Path
) -> None:
    before = study.path.read_bytes()
    wanted = request(seed=5)
    grown = add(study, wanted, tmp_path)
    assert study.path.read_bytes() == before
    surface = grown.surface(wanted.name)
    assert surface.losses.shape == (3, 4)
    assert (surface.run, surface.plane) == ("relu-gd-seed0", wanted.name)
    assert grown.plane(wanted.name).settings["seed"] == 5
    # Coordinate (0, 0) is the solution.
    final = study.trajectory("relu-gd-seed0").losses[-1]
    assert surface.losses[1, 0] == pytest.approx(final, rel=1e-5)
    assert grown.projection("relu-gd-seed0", wanted.name).coordinates.shape == (13, 2)
    assert set(grown.surfaces()) == {*study.surfaces(), wanted.name}
    was, now = content(study.path), content(grown.path)
    assert {key: now[key] for key in was} == was


def test_the_study_itself_grows_without_another_folder(study: StudyFile, tmp_path: Path) -> None:
    own = StudyFile(shutil.copy(study.path, tmp_path / "mine.h5"))
    grown = add(own, request(kind="pca", identifier="extra"), None)
    assert grown.path == own.path
    assert grown.plane("extra").kind == "pca"
    assert [p.name for p in tmp_path.iterdir()] == ["mine.h5"]


def test_the_same_request_again_changes_no_byte(study: StudyFile, tmp_path: Path) -> None:
    before = add(study, request(), tmp_path).path.read_bytes()
    assert add(study, request(), tmp_path).path.read_bytes() == before


def test_several_requests_gather_in_one_copy(study: StudyFile, tmp_path: Path) -> None:
    wanted = [request(), request(seed=1), request(normalisation="layer"), request(kind="pca"),
              request(grid=Grid.square(3)), request(grid=Grid.line(3))]  # fmt: skip
    for one in wanted:
        grown = add(study, one, tmp_path)
    assert len({one.name for one in wanted}) == len(wanted)
    assert {one.name for one in wanted} <= set(grown.surfaces())
    first, layer = (grown.plane(wanted[k].name) for k in (0, 2))
    assert not np.allclose(first.d_alpha, layer.d_alpha)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 6},
        {"normalisation": "none"},
        {"kind": "pca"},
        {"grid": Grid.rectangle((3, 4), (-1, 1), (0, 2))},
        {"grid": Grid.rectangle((4, 3), (-1, 1), (0, 1))},
        {"grid": Grid.line(3)},
        {"gradients": True},
    ],
    ids=["seed", "normalisation", "kind", "range", "shape", "axes", "gradients"],
)
def test_an_id_that_is_taken_is_refused(
    change: dict[str, Any], study: StudyFile, tmp_path: Path
) -> None:
    before = add(study, request(identifier="x"), tmp_path).path.read_bytes()
    with pytest.raises(ValueError, match="the id x is taken by another surface; give a --name"):
        add(study, request(identifier="x", **change), tmp_path)
    assert (tmp_path / "study.h5").read_bytes() == before


def test_an_interrupted_surface_continues_to_the_same_bits(
    study: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids, "TILE_POINTS", 8)
    wanted = request(grid=Grid.square(7))
    whole = add(study, wanted, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        add(study, wanted, tmp_path / "half", reporter=Stops(20))
    half = open_study(tmp_path / "half").surface(wanted.name)
    assert int((half.status > 0).sum()) == 24
    assert np.isnan(half.losses[half.status == 0]).all()
    assert content(add(study, wanted, tmp_path / "half").path) == content(whole.path)


def test_a_surface_with_derivatives_continues_to_the_same_bits_beside_the_plain_one(
    study: StudyFile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grids, "TILE_POINTS", 8)
    wanted = request(grid=Grid.square(7), gradients=True)
    engine = SamplingConfig(batch_size=64, threads=1)
    whole = add(study, wanted, tmp_path / "whole", engine=engine)
    with pytest.raises(KeyboardInterrupt):
        add(study, wanted, tmp_path / "half", engine=engine, reporter=Stops(20))
    half = open_study(tmp_path / "half").surface(wanted.name)
    assert int((half.status > 0).sum()) == 24
    assert content(add(study, wanted, tmp_path / "half").path) == content(whole.path)
    surface = whole.surface(wanted.name)
    assert surface.settings["engine"]["strategy"] == "gradient"
    plain = request(grid=Grid.square(7))
    beside = add(study, plain, tmp_path / "whole").surface(plain.name)
    np.testing.assert_allclose(beside.losses, surface.losses, rtol=1e-4)
    differences = np.gradient(beside.losses, beside.alphas, axis=0)
    found = surface.fields["gradient_alpha"]
    assert np.corrcoef(differences.ravel(), found.ravel())[0, 1] > 0.9


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"run": "elu-gd-seed0"}, KeyError, "known: relu-gd-seed0, relu-nesterov-seed0"),
        ({"run": "relu-nesterov-seed0"}, ValueError, "diverged at step 1: no solution"),
        ({"identifier": "../x"}, ValueError, "rename it"),
        ({"kind": "cube"}, ValueError, "known: random, pca, hessian"),
        ({"kind": "between"}, ValueError, "made with 1 other solutions, got 0"),
        ({"which": ("layer9.*",)}, ValueError, "layer9"),
        ({"kind": "pca", "grid": Grid.line(3)}, ValueError, "a pca plane has 2 axes"),
        ({"normalisation": ""}, ValueError, "known: filter, layer, global, none"),
        ({"tolerance": -1.0}, ValueError, "tolerance must be between 0 and 1, got -1.0"),
        ({"tolerance": float("nan")}, ValueError, "tolerance must be between 0 and 1, got nan"),
        ({"seed": -1}, ValueError, "the seed must be >= 0, got -1; leave it out for 0"),
        ({"tolerance": 0.01, "gradients": True}, ValueError, "never interpolated"),
        ({"height": "cubic"}, ValueError, "unknown height 'cubic'; known: log, linear"),
    ],
)
def test_impossible_surfaces_are_refused_before_anything_is_written(
    changes: dict[str, Any], error: type[Exception], message: str, study: StudyFile, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        add(study, request(**changes), tmp_path / "out")
    assert not (tmp_path / "out" / "study.h5").exists()


def test_other_data_than_the_studys_are_refused(study: StudyFile, tmp_path: Path) -> None:
    def other(_config: DataConfig) -> data.Batch:
        return data.load("breast_cancer")

    with pytest.raises(ValueError, match="not the one this study was trained on"):
        sample_run(study, CONFIG, request(), load_data=other, out=tmp_path)
    assert list(tmp_path.iterdir()) == []
    # Whatever is added, though the data fit.
    before = study.path.read_bytes()
    with pytest.raises(ValueError, match="not the one this study was trained on"):
        add_analyses(study, CONFIG, Wanted(steps=0, zoom=1), load_data=turned)
    with pytest.raises(ValueError, match="not the one this study was trained on"):
        add_analyses(study, CONFIG, Wanted(steps=1), load_data=turned)
    assert study.path.read_bytes() == before


def turned(config: DataConfig) -> data.Batch:
    """The study's own data, its targets in another order."""
    own = load(config)
    targets = own.targets[::-1].copy()
    return replace(own, targets=targets, sha256=digest(own.inputs, targets))


def test_what_a_problem_says_of_its_reading_is_not_lost_in_a_request(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    draws = torch.Generator().manual_seed(0)
    pair = torch.randn(20, 3, generator=draws), torch.arange(20) % 2
    plain = Problem(model, data=pair, dtype=torch.float64, metrics={})
    asked = request(run=None, batch_norm="batch", subset=8)
    for said in (plain, replace(plain, batch_norm="batch", subset=Subset(8))):
        read = asked.read(said)
        assert (read.batch_norm, read.subset) == ("batch", Subset(8))
        assert (read.dtype, read.metrics, read.data) == (torch.float64, {}, said.data)
    assert replace(asked, dtype="float32").read(plain).dtype == torch.float32
    for change in ({"subset": Subset(8, seed=3)}, {"subset": Subset(9)},
                   {"batch_norm": "recalibrated"}):  # fmt: skip
        with pytest.raises(ValueError, match="the request must say what the problem says"):
            asked.read(replace(plain, **change))
        with pytest.raises(ValueError, match="say it in the request"):
            sample_user_network(tmp_path / "own.h5", replace(plain, **change), request(run=None))
    assert list(tmp_path.iterdir()) == []


def test_a_surface_resampled_for_another_height_is_another_surface(
    study: StudyFile, tmp_path: Path
) -> None:
    wanted = request(grid=Grid.square(41), tolerance=0.01, height="linear", identifier="resampled")
    grown = add(study, wanted, tmp_path)
    assert "resampled" in grown.surface("resampled").settings
    before = grown.path.read_bytes()
    assert add(study, wanted, tmp_path).path.read_bytes() == before
    with pytest.raises(ValueError, match="taken by another surface"):
        add(study, replace(wanted, height="log"), tmp_path)


@pytest.mark.parametrize(
    ("kind", "others", "grid"),
    [
        ("hessian", (), Grid.square(3)),
        ("gradient", (), Grid.square(3)),
        ("update", (), Grid.square(3)),
        ("between", ("prelu-gd-seed0",), Grid.line(5)),
    ],
)
def test_other_planes_of_a_study(
    kind: str, others: tuple[str, ...], grid: Grid, study: StudyFile, tmp_path: Path
) -> None:
    if others:
        with pytest.raises(KeyError, match="prelu"):
            add(study, request(kind=kind, grid=grid, others=others), tmp_path / "none")
        return
    wanted = request(kind=kind, grid=grid)
    grown = add(study, wanted, tmp_path)
    assert grown.plane(wanted.name).kind == kind
    surface = grown.surface(wanted.name)
    assert surface.losses[1, 1] == pytest.approx(
        study.trajectory("relu-gd-seed0").losses[-1], rel=1e-5
    )


def test_three_solutions_and_their_paths_on_one_plane(tmp_path: Path) -> None:
    config = replace(SMALL, activations=("relu",), optimizers=("gd", "momentum", "nesterov"))
    one = run_study(config, tmp_path / "three")
    runs = [f"relu-{optimizer}-seed0" for optimizer in config.optimizers]
    wanted = request(kind="through", others=tuple(runs[1:]))
    path, name = sample_run(one, config, wanted, load_data=load)
    grown = open_study(path)
    points = np.array(grown.plane(name).settings["points"])
    for run, place in zip(runs, points, strict=True):
        placed = grown.projection(run, name)
        assert placed.coordinates[-1] == pytest.approx(place, abs=1e-5)
        assert placed.off_plane_distances[-1] == pytest.approx(0, abs=1e-4)
        assert placed.plane_losses[-1] == pytest.approx(placed.losses[-1], rel=1e-4)


def test_a_random_plane_carries_the_ends_of_the_spectrum_of_its_centre(
    study: StudyFile, tmp_path: Path
) -> None:
    wanted = request(seed=3)
    settings = add(study, wanted, tmp_path).surface(wanted.name).settings
    assert settings["hessian"]["top"] > settings["hessian"]["bottom"]
    without = request(seed=3, curvature=False, identifier="without")
    assert "hessian" not in add(study, without, tmp_path).surface("without").settings


def test_a_subset_and_the_choice_of_parameters_are_recorded(
    study: StudyFile, tmp_path: Path
) -> None:
    wanted = request(subset=20, which=("*.weight",))
    surface = add(study, wanted, tmp_path).surface(wanted.name)
    assert surface.settings["subset"]["examples"] == 20
    assert np.all(surface.fields["standard_errors"] > 0)
    assert all(name.endswith("weight") for name in surface.settings["selected"])


@pytest.fixture(scope="module")
def two_networks(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    config = replace(SMALL, activations=("relu", "gelu"), optimizers=("gd",), seeds=(0, 1))
    return run_study(config, tmp_path_factory.mktemp("networks"))


BETWEEN = {"kind": "between", "grid": Grid.line(3, (0.0, 1.0))}


@pytest.mark.parametrize(
    ("changes", "options"),
    [
        ({**BETWEEN, "others": ("gelu-gd-seed0",)},
         ["--plane", "between", "--run", "gelu-gd-seed0"]),
        ({"kind": "through", "others": ("relu-gd-seed1", "gelu-gd-seed0")},
         ["--plane", "through", "--run", "relu-gd-seed1", "--run", "gelu-gd-seed0"]),
        ({"placed": ("gelu-gd-seed0",)}, ["--run", "gelu-gd-seed0"]),
    ],
    ids=["between", "through", "also"],
)  # fmt: skip
def test_a_gelu_solution_is_not_evaluated_in_the_relu_network(
    changes: dict[str, Any], options: list[str], two_networks: StudyFile, tmp_path: Path
) -> None:
    said = "activation is relu in relu-gd-seed0, gelu in gelu-gd-seed0"
    before = two_networks.path.read_bytes()
    with pytest.raises(ValueError, match=said):
        sample_run(two_networks, SMALL, request(**changes), load_data=load)
    assert two_networks.path.read_bytes() == before
    told = refused("sample", two_networks.path, "--run", "relu-gd-seed0", *options)
    assert said in told


def test_solutions_of_one_network_share_a_line(two_networks: StudyFile, tmp_path: Path) -> None:
    wanted = request(**BETWEEN, others=("relu-gd-seed1",), placed=("relu-gd-seed1",))
    path, name = sample_run(two_networks, SMALL, wanted, load_data=load, out=tmp_path)
    assert open_study(path).plane(name).settings["networks"] == "same"
    assert "relu-gd-seed1@" + name in open_study(path).projections()


def test_the_explorer_makes_no_plane_through_other_networks(two_networks: StudyFile) -> None:
    config = replace(SMALL, activations=("relu", "gelu"), optimizers=("gd",), seeds=(0, 1))
    atlas = StudyAtlas(two_networks, config, load_data=load)
    others = ("relu-gd-seed1", "gelu-gd-seed1")
    with pytest.raises(ValueError, match="activation is relu in relu-gd-seed0, gelu in gelu-gd"):
        atlas.make(run="relu-gd-seed0", kind="through", others=others)
