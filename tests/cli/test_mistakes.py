"""A mistake is one line with the remedy, exit code 2, no traceback, and nothing written."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest
from calling import TINY, accepted, call, refused

from landscape.records.results import Analysis
from landscape.store import StudyWriter

RUN = "relu-gd-seed0"
LINE = ["--line", "0", "0", "0.5", "-0.5"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "relo"], "unknown activation 'relo' (did you mean 'relu'?); known: "),
        (["--activation", "relo", "--show"], "unknown activation 'relo'"),
        (["--activation", "ReLU"], "got 'ReLU'; did you mean 'relu'?"),
        (
            ["--activation", "relu", "--activation", "relu"],
            "activations must be at least one, each",
        ),
        (["--data", "mnist_6k"], "unknown data set"),
        (["--data", "cifar10", "--set", "data.folder=nowhere"], "looked for data_batch_1"),
        (["--optimizer", "rmsprop"], "unknown optimizer 'rmsprop'; known: gd, sgd"),
        (["--optimizer", "sgd"], "sgd needs batch_size >= 1"),
        (["--network", "gru"], "unknown network 'gru'; known: mlp, cnn, resnet"),
        (["--network", "cnn", "--data", "wine"], "use an image data set, or the network 'mlp'"),
        (["--grid", "1"], "two numbers >= 2"),
        (["--grid", "5x"], "a grid is written 51, 51x41, 17x17x17, or 101x1 (a line), got '5x'"),
        (["--grid", "5x5x5"], "the grid of a plane is written 51 or 51x41, got '5x5x5'"),
        (
            ["--grid", "many"],
            "17x17x17, or 101x1 (a line), got 'many'",
        ),
        (["--grid", ""], "a grid is written 51, 51x41, 17x17x17, or 101x1 (a line), got ''"),
        (["--span", "0"], "span must be finite and > 0, got 0.0"),
        (["--span", "-1"], "span must be finite and > 0, got -1.0"),
        (["--span", "nan"], "span must be finite and > 0, got nan"),
        (["--steps", "0"], "steps must be >= 1, got 0"),
        (["--steps", "1"], "at least 3 records of each run, got 2; raise training.steps"),
        (["--batch-size", "-1"], "batch_size must be >= 0"),
        (["--learning-rate", "-1"], "must be finite and > 0"),
        (["--seed", "-1"], "seed must be >= 0"),
        (["--set", "steps"], "--set needs KEY=VALUE, as training.steps=500, got 'steps'"),
        (["--set", "=3"], "unknown setting ''; known: activations"),
        (["--set", "training.stepz=3"], "unknown setting 'training.stepz'; known: training.steps"),
        (["--set", "training.steps.x=3"], "steps is no table"),
        (["--set", "training.steps=many"], "training.steps must be an integer, got 'many'"),
        (["--set", "random_plane.normalisation=none_"], "known: filter, layer, global, none"),
        (["--set", "network.kind=[1]"], "unknown network [1]; known: mlp"),
        (["--set", "training.steps=5\ndtype='float64'"], 'needs one value, got "training.steps=5'),
        (["--set", "data.name=wine\ndtype=float64"], "a line break; repeat --set for each"),
        (["--set", "training.steps=5\n[data]"], "a line break; repeat --set for each"),
        (["--set", "random_plane.seed=-1"], "seed of the random plane must be >= 0, got -1"),
        (["--set", "target_loss=nan"], "target_loss must be finite"),
        (["--set", 'data.standardise="no"'], "unknown standardisation"),
        (["--config", "absent.toml"], "absent.toml: No such file or directory; write one with: "),
        (["--config", "."], "cannot read the configuration .: Is a directory"),
    ],
)
def test_wrong_settings_write_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    late = arguments == ["--steps", "1"]
    assert message in refused("run", *arguments, "--out", "out", alone=not late)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps = = 3", "x.toml is not valid TOML: "),
        (
            "[training]\nstep = 3",
            "unknown setting 'training.step'; known: training.steps, training",
        ),
        ("[training]\nsteps = '3'", "training.steps must be an integer, got '3'"),
        ("activations = ['swish']", "unknown activation 'swish'"),
    ],
)
def test_wrong_configuration_files_write_nothing(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(text)
    assert message in refused("run", "--config", path, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments", [["run", *TINY], ["run", "--train-only", "--data", "wine"], ["demo", "--quick"]]
)
def test_a_folder_that_cannot_be_written_is_named(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file" / "out", tmp_path / "file"):
        message = refused(*arguments, "--out", folder, alone=False)
        assert "cannot write to the folder: " in message
        assert f"choose another: {folder}" in message
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("command", [["sample", "--run", RUN, "--grid", "3"],
                                     ["render", "--kind", "contour"]])  # fmt: skip
def test_so_it_is_when_a_study_is_there(command: list[str], study: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    out = tmp_path / "file" / "out"
    message = refused(command[0], study, *command[1:], "--out", out, alone=False)
    assert f"choose another: {out}" in message


@pytest.mark.parametrize("command", [["info"], ["render"], ["sample", "--run", RUN]])
def test_anything_else_than_a_study_is_named(
    command: list[str], study: Path, tmp_path: Path
) -> None:
    paths = {name: tmp_path / f"{name}.h5" for name in ("absent", "cut", "text", "other", "empty")}
    paths["cut"].write_bytes(study.read_bytes()[:3000])
    paths["text"].write_text("hello")
    paths["empty"].write_bytes(b"")
    with h5py.File(paths["other"], "w") as file:
        file["x"] = 1
    messages = {
        "absent": "there is no study file {}; make one with: landscape run --out FOLDER",
        "cut": "{} is damaged or truncated",
        "text": "{} is not a study file: it is not HDF5",
        "empty": "{} is not a study file: it is not HDF5",
        "other": "{} is HDF5, but not a study file",
    }
    for name, path in paths.items():
        message = refused(command[0], path, *command[1:])
        assert messages[name].format(path) in message
    assert "there is no study file" in refused(command[0], tmp_path, *command[1:])


def test_run_does_not_write_over_what_is_no_study(tmp_path: Path) -> None:
    (tmp_path / "study.h5").write_text("mine")
    message = refused("run", *TINY, "--out", tmp_path, alone=False)
    assert "is not a study file" in message
    assert (tmp_path / "study.h5").read_text() == "mine"


def test_a_study_without_a_configuration_is_told_apart_from_one_with_defaults(
    tmp_path: Path,
) -> None:
    with StudyWriter(tmp_path / "study.h5") as study:
        study.put_record("analyses/mine/x", Analysis("mine", {"a": np.ones(3)}))
    assert "format 1" in accepted("info", tmp_path)
    for arguments in (["info", tmp_path, "--config"], ["sample", tmp_path, "--run", RUN]):
        assert "holds no configuration" in refused(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "--run", RUN, "--plane", "x"], "known: random, pca"),
        (["sample", "--run", RUN, "--plane", "pca", "--grid", "9x1"], "a pca plane has 2 axes"),
        (["sample", "--run", RUN, "--normalisation", "f"], "known: filter, layer, global, none"),
        (["sample", "--run", RUN, "--span", "1:-1"], "range of alpha must be finite and incr"),
        (["sample", "--run", RUN, "--span", "0:1x0:nan"], "range of beta must be finite and incr"),
        (["sample", "--run", RUN, "--grid", "1"], "at least 2 points along alpha, got 1"),
        (["sample", "--run", RUN, "--grid", "3x"], "a grid is written 51, 51x41, 17x17x17, or"),
        (["sample", "--run", RUN, "--grid", "3x3x3x3"], "a grid is written 51, 51x41"),
        (["sample", "--run", RUN, "--grid", "-3"], "a grid is written 51, 51x41"),
        (["sample", "--run", RUN, "--name", "../x"], "rename it"),
        (["sample", "--run", RUN, "--resample", "1"], "at least 2 points along alpha, got 1"),
        (["sample", "--run", RUN, "--seed", "-1"], "the seed must be >= 0, got -1"),
        (["sample", "--run", RUN, "--gradients", "--resample", "41"], "never interpolated"),
        (["sample", "--run", RUN, "--resample", "3"], "from 26 points along each axis on, got 3"),
        (["sample", "--run", RUN, "--resample", "25"], "along each axis on, got 25 x 25; sample"),
        (["sample", "--run", RUN, *LINE, "--resample", "129"], "from 130 points along each axis"),
        (["sample", "--run", RUN, "--resample", "41", "--grid", "9"], "so does --grid; give one"),
        (["sample", "--run", RUN, "--plane", "through", "--run", RUN], "2 other solutions, got 1"),
        (["sample", "--run", RUN, "--checkpoints", "a=b"], "--checkpoints is of --model; with a"),
        (["sample", "--run", RUN, *LINE, "--span", "0:1x0:1"], "each axis of the grid, 1, got 2"),
        (["sample", "--run", RUN, "--grid", "9x1", "--span", "0:1x0:1"], "of the grid, 1, got 2"),
        (["sample", "--run", RUN, "--span", "0:1x0:1x0:1"], "each axis of the grid, 2, got 3"),
        (["sample", "--run", RUN, "--span", "0 1"], "written 0.5, -1:1 or -1:1x0:2 (first:last"),
        (["sample", "--run", RUN, "--loss", "mse"], "--loss is of --model; a study has its own"),
        (["sample", "--run", RUN, "--checkpoint", "x.pt"], "--checkpoint is of --model"),
        (["render", "--kind", "movie"], "known: surface, compare, matrix, contour, hybrid"),
        (["render", "--surface", "nothing", "--kind", "contour"], f"known: {RUN}.pca"),
        (["render", "--kind", "contour", "--height", "x"], "known: auto, log, linear"),
        (
            ["render", "--kind", "contour", "--shading", "x"],
            "--shading does nothing with",
        ),
        (["render", "--style", "neon"], "unknown style 'neon'; known: paper, slides, dark"),
        (["render", "--colour", "difference"], f"as difference:ID; known: {RUN}.pca"),
        (["render", "--colour", "slope:x", "--kind", "contour"], "unknown colour 'slope:x'; known"),
        (["render", "--kind", "contour", "--colour", "hue"], "unknown colour 'hue'; known: losses"),
        (["render", "--height", "log:high"], "cut at a loss, as log:2.5, got 'log:high'"),
        (["render", "--kind", "contour", "--size", "3x3"], "a size of two sides, are for 3D"),
        (["render", "--kind", "surface", "--venue", "icml"], "are for figures: contour, hybrid"),
        (["render", "--colour", "kinks"], "make one with 'landscape analyse --measure map'"),
        (["render", "--camera", "nan,40"], "azimuth must be a finite number of degrees"),
    ],
)
def test_wrong_requests_write_nothing(
    arguments: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert message in refused(arguments[0], study, *arguments[1:], "--out", out)
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("x.jpg", ["--surface", f"{RUN}.pca"], "surface is written as .png, got 'x.jpg'"),
        ("x.tiff", ["--kind", "contour"], "contour is written as .pdf, .svg, .png, got 'x.tiff'"),
    ],
)
def test_files_of_other_formats_are_refused_before_anything_is_drawn(
    name: str, options: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    assert message in refused("render", study, *options, "--out", tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_is_named_without_quotation_marks(study: Path, tmp_path: Path) -> None:
    message = refused("render", study, "--surface", "x", "--kind", "contour", "--out", tmp_path)
    known = f"{RUN}.pca, {RUN}.random"
    assert message == f"landscape: {study} has no surfaces/x; known: {known}"


@pytest.mark.usefixtures("rendering")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--surface", "nothing"], f"known: {RUN}.pca"),
        (["--shading", "x"], "unknown shading 'x'; known: flat, differences, gradient"),
        (["--height", "x"], "unknown height 'x'; known: auto, log, linear"),
    ],
)
def test_wrong_pictures_are_refused(
    arguments: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    assert message in refused("render", study, *arguments, "--out", tmp_path, alone=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "study.h5"], "--run"),
        (["render"], "Missing argument"),
        (["nothing"], "No such command 'nothing'"),
        (["run", "--steps", "many"], "--steps"),
        (["run", "--stepz", "3"], "No such option: --stepz"),
        (["sample", "study.h5", "--run", RUN, "--line", "1"], "--line"),
    ],
)
def test_wrong_usage_shows_no_traceback(arguments: list[str], message: str) -> None:
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert isinstance(result.exception, SystemExit)
