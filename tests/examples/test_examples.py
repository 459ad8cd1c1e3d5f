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


def rendering() -> bool:
    try:
        offscreen.ensure()
    except RuntimeError:
        return False
    return True


def run(script: Path, folder: Path, *options: str) -> str:
    command = [sys.executable, "-P", "-W", "error", str(script), *options]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def check_picture(path: Path) -> None:
    from PIL import Image

    if path.suffix == ".png":
        assert np.asarray(Image.open(path).convert("L")).std() > 5
    else:
        assert path.read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_every_example_runs_and_writes_what_it_says(script: Path, tmp_path: Path) -> None:
    if "viz.surface(" in script.read_text("utf-8") and not rendering():
        pytest.skip("VTK finds no OpenGL here")
    said = run(script, tmp_path, "--quick", "--out", "pictures")
    written = re.findall(r"^wrote (pictures/\S+\.(?:png|pdf))$", said, flags=re.MULTILINE)
    assert written
    for name in written:
        check_picture(tmp_path / name)


def test_there_are_examples_and_their_table_names_all() -> None:
    assert len(EXAMPLES) >= 6
    table = (ROOT / "examples" / "README.md").read_text("utf-8")
    assert all(f"`{path.name}`" in table for path in EXAMPLES)


def blocks(document: str) -> list[str]:
    text = (ROOT / document).read_text("utf-8")
    return re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def test_the_code_of_the_readme_makes_the_pictures_it_names(tmp_path: Path) -> None:
    if not rendering():
        pytest.skip("VTK finds no OpenGL here")
    script = tmp_path / "readme.py"
    script.write_text("\n".join(blocks("README.md")), "utf-8")
    run(script, tmp_path)
    for name in ("elu.png", "elu.pdf"):
        check_picture(tmp_path / name)


def test_the_reader_in_the_format_document_reads_a_study(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "landscape", "run", "--data", "wine", "--steps", "4",
               "--grid", "4", "--activation", "relu", "--set", "training.record_every=1",
               "--out", str(tmp_path)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    script = tmp_path / "reader.py"
    call = "contour('study.h5', 'relu-gd-seed0.random', 'contour.png')\n"
    script.write_text("\n".join([*blocks("docs/format.md"), call]), "utf-8")
    run(script, tmp_path)
    check_picture(tmp_path / "contour.png")
