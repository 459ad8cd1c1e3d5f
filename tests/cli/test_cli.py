from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import h5py
import pytest
from typer.testing import CliRunner

from landscape.cli import app
from landscape.store import open_study

COMMAND = str(Path(sys.executable).parent / "landscape")
TINY = ["--data", "wine", "--activation", "relu", "--steps", "4", "--grid", "3",
        "--set", "training.record_every=1"]  # fmt: skip


def call(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def refused(*arguments: Any) -> str:
    """Call, expecting one line on the error stream and exit code 2; return the line."""
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("landscape: ")]
    assert len(lines) == 1, result.stderr
    assert "Traceback" not in result.output
    return lines[0]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli")
    result = call("run", *TINY, "--out", folder)
    assert result.exit_code == 0, result.output
    return folder / "study.h5"


def test_help_is_light() -> None:
    script = (
        "import sys\n"
        "from landscape.cli import app\n"
        "try:\n    app(['--help'])\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'numpy', 'h5py', 'pyvista', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", script], check=True, capture_output=True, text=True, timeout=60
    )
    for command in ("demo", "run", "train", "sample", "render", "info"):
        assert command in done.stdout


def test_a_folder_with_its_own_data_and_viz_breaks_nothing(tmp_path: Path) -> None:
    for name in ("data", "viz"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong file')\n")
    for command in (
        [COMMAND, "run", *TINY, "--out", "out"],
        [COMMAND, "render", "out", "--kind", "contour"],
        [sys.executable, "-c", "import landscape; landscape.Grid"],
        [sys.executable, "-P", "-m", "landscape", "info", "out"],
    ):
        done = subprocess.run(
            command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
    hidden = subprocess.run(
        [sys.executable, "-m", "landscape", "run", *TINY, "--out", "other"],
        cwd=tmp_path, check=False, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert hidden.returncode == 2 or "the wrong file" in hidden.stderr


def test_ctrl_c_leaves_no_half_file_and_the_same_command_finishes(tmp_path: Path) -> None:
    arguments = [COMMAND, "run", "--activation", "relu", "--optimizer", "gd", "--steps", "3000",
                 "--grid", "5", "--out", "out"]  # fmt: skip
    # A shell that runs in the background has its children ignore Ctrl-C.
    process = subprocess.Popen(
        arguments, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    journal = tmp_path / "out" / "study.h5.journal"
    deadline = time.monotonic() + 60
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "the same command continues it" in errors
    assert [p.name for p in (tmp_path / "out").iterdir() if p.suffix != ".h5"] == []
    again = subprocess.run(
        arguments, cwd=tmp_path, check=True, capture_output=True, text=True, timeout=120
    )
    assert "1 runs, 2 surfaces" in again.stdout
    assert open_study(tmp_path / "out").surface("relu-gd-seed0.pca").complete


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--activation", "relo"], "unknown activation 'relo' (did you mean 'relu'?); known: "),
        (["--data", "mnist_6k"], "unknown data set"),
        (["--optimizer", "rmsprop"], "unknown optimizer 'rmsprop'; known: gd, sgd"),
        (["--network", "gru"], "unknown network 'gru'; known: mlp, cnn, resnet"),
        (["--optimizer", "sgd"], "sgd needs batch_size >= 1"),
        (["--grid", "1"], ">= 2"),
        (["--grid", "5x"], "a grid is written 51 or 51x41, got '5x'"),
        (["--span", "0"], "span must be finite and > 0, got 0.0"),
        (["--span", "-1"], "span must be finite and > 0, got -1.0"),
        (["--span", "nan"], "span must be finite and > 0, got nan"),
        (["--steps", "0"], "steps must be >= 1, got 0"),
        (["--learning-rate", "-1"], "must be finite and > 0"),
        (["--seed", "-1"], "seed must be >= 0"),
        (["--set", "steps"], "--set needs KEY=VALUE"),
        (["--set", "training.stepz=3"], "unknown setting training.stepz; known: steps"),
        (["--set", "training.steps.x=3"], "steps is no table"),
        (["--set", 'data.standardise="no"'], "unknown standardisation"),
        (["--config", "absent.toml"], "absent.toml"),
        (["--data", "cifar10", "--folder", "nowhere"], "looked for data_batch_1"),
    ],
)
def test_wrong_settings_are_one_line_and_write_nothing(
    arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused("run", *arguments, "--out", "out")
    assert not (tmp_path / "out" / "study.h5").exists()


def test_a_config_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("steps = = 3")
    assert f"{path} is not valid TOML" in refused("run", "--config", path, "--out", tmp_path / "o")


def test_a_rate_that_diverges_is_a_result(tmp_path: Path) -> None:
    result = call("run", *TINY, "--learning-rate", "1e30", "--out", tmp_path)
    assert result.exit_code == 0, result.output
    table = call("info", tmp_path).output
    assert "diverged at step" in table


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refused("run", *TINY, "--out", tmp_path / "file" / "out")
    assert "cannot write to the folder" in message
    assert "choose another" in message


@pytest.mark.parametrize("command", ["info", "render"])
def test_anything_else_than_a_study_is_one_line(command: str, study: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(study.read_bytes()[:3000])
    text = tmp_path / "text.h5"
    text.write_text("hello")
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["x"] = 1
    for path, message in (
        (tmp_path / "absent.h5", "there is no study file"),
        (cut, "damaged or truncated"),
        (text, "is not a study file: it is not HDF5"),
        (other, "is HDF5, but not a study file"),
    ):
        assert message in refused(command, path)


def test_the_configuration_of_a_study_can_be_run_again(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.toml"
    path.write_text(call("info", study, "--config").output, encoding="utf-8")
    shown = call("run", "--config", path, "--show").output
    assert shown == path.read_text("utf-8")


def test_options_win_over_the_file(study: Path, tmp_path: Path) -> None:
    path = tmp_path / "again.toml"
    path.write_text(call("info", study, "--config").output, encoding="utf-8")
    shown = call("run", "--config", path, "--steps", "9", "--show").output
    assert "steps = 9" in shown
    assert 'name = "wine"' in shown


def test_sample_adds_a_surface_that_render_draws(study: Path, tmp_path: Path) -> None:
    result = call("sample", study, "--run", "relu-gd-seed0", "--grid", "3x4", "--seed", "2",
                  "--name", "extra", "--out", tmp_path)  # fmt: skip
    assert result.exit_code == 0, result.output
    grown = open_study(tmp_path)
    assert grown.surface("extra").losses.shape == (3, 4)
    for suffix in ("pdf", "svg", "png"):
        drawn = call("render", tmp_path, "--surface", "extra", "--kind", "contour",
                     "--format", suffix)  # fmt: skip
        assert drawn.exit_code == 0, drawn.output
        assert (tmp_path / f"contours.{suffix}").stat().st_size > 1000


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "STUDY", "--run", "elu-gd-seed0"], "known: relu-gd-seed0"),
        (["sample", "STUDY", "--run", "relu-gd-seed0", "--plane", "x"], "known: random, pca"),
        (["sample", "STUDY", "--run", "relu-gd-seed0", "--normalisation", "f"], "known: filter"),
        (["sample", "STUDY", "--run", "relu-gd-seed0", "--alpha", "1", "-1"], "increasing"),
        (["sample", "STUDY", "--run", "relu-gd-seed0", "--name", "../x"], "rename it"),
        (["render", "STUDY", "--kind", "movie"], "known: surface, compare, contour"),
        (["render", "STUDY", "--surface", "nothing"], "known: relu-gd-seed0.pca"),
        (["render", "STUDY", "--kind", "contour", "--height", "x"], "known: log, linear"),
        (["render", "STUDY", "--format", "pdf"], "written as png"),
        (["render", "STUDY", "--kind", "contour", "--format", "tiff"], ".svg"),
    ],
)
def test_wrong_requests_are_one_line(
    arguments: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    given = [str(study) if a == "STUDY" else a for a in arguments]
    assert message in refused(*given, "--out", tmp_path)


def test_a_missing_option_is_a_usage_error_without_traceback(study: Path) -> None:
    result = call("sample", study)
    assert result.exit_code == 2
    assert "--run" in result.stderr


def test_training_alone_writes_paths_that_run_samples(tmp_path: Path) -> None:
    trained = [a for a in TINY if a not in ("--grid", "3")]
    assert call("train", *trained, "--out", tmp_path).exit_code == 0
    assert open_study(tmp_path).surfaces() == []
    message = refused("run", *trained, "--steps", "5", "--out", tmp_path)
    assert "training.steps is 4 there, 5 here" in message


def test_the_quick_demo_does_the_whole_job_twice(tmp_path: Path) -> None:
    environment = {**os.environ, "COLUMNS": "200"}
    command = [COMMAND, "demo", "--quick", "--out", str(tmp_path)]
    first = subprocess.run(
        command, check=True, capture_output=True, text=True, timeout=200, env=environment
    )
    for word in ("relu-gd-seed0", "gelu-nesterov-seed0", "final", "accuracy", "sharpness",
                 f"wrote {tmp_path / 'study.h5'}", "contours-pca.pdf"):  # fmt: skip
        assert word in first.stdout
    assert (tmp_path / "contours-pca.pdf").read_bytes().startswith(b"%PDF")
    if "no 3D pictures" not in first.stderr:
        assert len(list((tmp_path / "surfaces").glob("*.png"))) == 8
        assert (tmp_path / "comparison-pca.png").is_file()
    before = (tmp_path / "study.h5").read_bytes()
    (tmp_path / "mine.png").write_bytes(b"mine")
    subprocess.run(command, check=True, capture_output=True, timeout=200)
    assert (tmp_path / "study.h5").read_bytes() == before
    assert (tmp_path / "mine.png").read_bytes() == b"mine"
    other = subprocess.run(
        [COMMAND, "demo", "--out", str(tmp_path)], check=False, capture_output=True, text=True,
        timeout=200,
    )  # fmt: skip
    assert other.returncode == 2
    assert "holds another experiment" in other.stderr
    assert "Traceback" not in other.stderr


def test_lines_volumes_and_resampled_surfaces_are_sampled_by_the_same_command(
    study: Path, tmp_path: Path
) -> None:
    run = ["sample", study, "--run", "relu-gd-seed0", "--out", tmp_path]
    for name, options, shape in (
        ("line", ["--grid", "9x1"], (9,)),
        ("volume", ["--grid", "3x4x5", "--gamma", "0", "2"], (3, 4, 5)),
        ("fine", ["--resample", "41", "--tolerance", "0.01", "--height", "linear"], (41, 41)),
    ):
        result = call(*run, "--name", name, *options)
        assert result.exit_code == 0, result.output
        assert open_study(tmp_path).surface(name).losses.shape == shape
    grown = open_study(tmp_path)
    assert grown.surface("volume").grid.axes[2][-1] == 2.0
    assert grown.surface("fine").settings["resampled"]["tolerance"] == 0.01
    assert grown.surface("fine.nodes").complete
    assert grown.analysis("spectral_decay", "fine").arrays["decay"].max() == 1.0
    # Once there, it is left alone; with another tolerance it is another surface.
    before = grown.path.read_bytes()
    assert call(*run, "--name", "fine", *options).exit_code == 0
    assert grown.path.read_bytes() == before
    assert "taken by another surface" in refused(*run, "--name", "fine", *options[:2])
    drawn = call("render", tmp_path, "--kind", "contour", "--out", tmp_path / "pictures")
    assert drawn.exit_code == 0, drawn.output


def test_the_engine_says_what_it_chose_and_can_be_told(study: Path, tmp_path: Path) -> None:
    run = ["sample", study, "--run", "relu-gd-seed0", "--grid", "3", "--out", tmp_path]
    told = call(*run, "--strategy", "loop", "--threads", "1", "-v")
    assert "evaluating: loop, 1 point a pass" in told.stderr
    assert "unknown strategy 'fast'" in refused(*run, "--strategy", "fast", "--name", "x")
