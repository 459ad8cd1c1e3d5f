"""The installed command in processes of its own: imports, Ctrl-C, a folder with files of ours."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from calling import COMMAND, ENGINE, ENVIRONMENT, TINY, spawn

from landscape import open_study

HEAVY = {"torch", "numpy", "scipy", "h5py", "pyvista", "vtkmodules", "matplotlib", "sklearn"}


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_is_light(arguments: list[str], tmp_path: Path) -> None:
    done = spawn([COMMAND, *arguments], tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "landscape.cli" in imported
    assert not HEAVY & imported
    if arguments == ["--help"]:
        for command in ("demo", "run", "sample", "render", "analyse", "info", "check"):
            assert f"\n  {command} " in done.stdout


# Its parts are tested in one process: exit code, checkpoints, and the study that is continued.
@pytest.mark.long
def test_ctrl_c_leaves_no_half_file_and_the_same_command_finishes(tmp_path: Path) -> None:
    command = [COMMAND, "run", "--data", "wine", "--activation", "relu", "--seed", "0", "--seed",
               "1", "--seed", "2", "--steps", "450", "--grid", "5", *ENGINE,
               "--out", "out"]  # fmt: skip
    # A shell that runs in the background has its children ignore Ctrl-C.
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        env=ENVIRONMENT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    log = tmp_path / "out" / "study.h5.journal-wal"
    deadline = time.monotonic() + 100
    # More than the checkpoints of one run that was slow: a run of 151 records is there, or two.
    while not (log.exists() and log.stat().st_size > 2_000_000) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert said == ""
    assert "Traceback" not in errors
    ours = [line for line in errors.splitlines() if line.startswith("landscape: ")]
    assert ours == ["landscape: interrupted; finished work is saved, the same command continues it"]
    # A run that was under way keeps its checkpoints in the journal.
    left = {p.name for p in (tmp_path / "out").iterdir()} - {"study.h5.journal"}
    assert left == {"study.h5"}
    half = open_study(tmp_path / "out")
    assert "relu-gd-seed0" in half.runs()
    assert half.projections() == []
    done = spawn(command, tmp_path)
    assert "3 runs, 6 surfaces" in done.stdout, done.stderr
    whole = open_study(tmp_path / "out")
    assert all(whole.surface(name).complete for name in whole.surfaces())
    assert (
        whole.trajectory("relu-gd-seed0").thetas == half.trajectory("relu-gd-seed0").thetas
    ).all()


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A folder with files that have names of ours."""
    for name in ("data", "viz", "landscape_", "study"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('the wrong file')\n")
    return tmp_path


def works_on(study: str, folder: Path) -> None:
    for command in (
        [sys.executable, "-c", f"import landscape; landscape.open_study({study!r}).runs()"],
        [sys.executable, "-P", "-m", "landscape.cli", "info", study],
    ):
        after = spawn(command, folder)
        assert after.returncode == 0, after.stderr


# Installed packages are tested alike for every commit.
@pytest.mark.long
def test_files_of_the_same_names_are_not_imported(crowded: Path) -> None:
    done = spawn([COMMAND, "run", *TINY, "--out", "out"], crowded)
    assert done.returncode == 0, done.stderr
    works_on("out", crowded)


@pytest.mark.long
def test_the_demo_does_the_whole_job_in_a_folder_with_files_of_the_same_names(
    crowded: Path, tmp_path: Path
) -> None:
    done = spawn([COMMAND, "demo", "--quick", "--out", "out"], tmp_path)
    assert done.returncode == 0, done.stderr
    out = Path("out")
    written = [out / "study.h5", out / "contours-pca.pdf", out / "contours-pca.md",
               out / "contours-random.pdf", out / "contours-random.md",
               out / "toy.html", out / "index.html"]  # fmt: skip
    if "no 3D pictures" not in done.stderr:
        written += [out / f"{kind}.{suffix}" for kind in ("zoom", "residual")
                    for suffix in ("png", "tex", "md")]  # fmt: skip
        written += [out / f"comparison-{plane}.{suffix}" for plane in ("pca", "random")
                    for suffix in ("png", "md")]  # fmt: skip
        written.append(out / "surfaces")
        pictures = sorted((tmp_path / out / "surfaces").glob("*.png"))
        names = [f"{name}.png" for name in open_study(tmp_path / out).surfaces()
                 if name.endswith(".pca")]  # fmt: skip
        assert [p.name for p in pictures] == names
        assert len(names) == 4
        assert all(p.read_bytes().startswith(b"\x89PNG") for p in pictures)
    lines = done.stdout.splitlines()
    assert [line for line in lines if line.startswith("wrote ")] == [f"wrote {p}" for p in written]
    assert sorted(p.name for p in (tmp_path / out).iterdir()) == sorted(p.name for p in written)
    for path in written[1:5:2]:
        assert (tmp_path / path).read_bytes().startswith(b"%PDF")
    for heading in ("final loss", "accuracy", "sharpness", "steps to 0.1", "in PCA plane"):
        assert heading in done.stdout
    for run in ("relu-gd", "relu-nesterov", "gelu-gd", "gelu-nesterov"):
        # Descents have a line in the table of slope budgets as well.
        assert sum(line.startswith(f"{run}-seed0 ") for line in lines) == 1 + 3 * run.endswith(
            "-gd"
        )
    assert "3 steps" in done.stdout
    assert "minibatch of 64" in (tmp_path / out / "residual.md").read_text("utf-8")
    assert '"zoom":null' not in (tmp_path / out / "index.html").read_text("utf-8")
    works_on("out", tmp_path)


@pytest.mark.parametrize("arguments", [["run", "--show"], ["info", "--activations", "all"]])
def test_a_reader_that_stops_early_ends_it_quietly(arguments: list[str], tmp_path: Path) -> None:
    process = subprocess.Popen([COMMAND, *arguments], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(timeout=300) == 1
