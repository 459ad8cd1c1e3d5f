"""The package as it is installed, in a folder whose files have the names of its parts."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BUILD = "import sys, hatchling.build as build; getattr(build, f'build_{sys.argv[1]}')(sys.argv[2])"
SCRIPT = """
import sys
import landscape
from landscape import data, viz
from landscape.viz.geometry.height import HeightScale
assert viz.HeightScale is HeightScale and landscape.viz is viz
assert data.load("wine").inputs.shape == (178, 13)
assert not {"data", "viz"} & set(sys.modules), "a second copy"
print(landscape.__file__, viz.__file__, data.__file__)
"""


@pytest.fixture(scope="module", params=["wheel", "editable"])
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the programs of an environment that has this package and its needs."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp(request.param)
    build = [sys.executable, "-P", "-c", BUILD, request.param, str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=300)
    venv.create(folder / "env", symlinks=True)
    (site,) = (folder / "env").glob("lib/python*/site-packages")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    # What it needs comes from the environment of the tests, whose own .pth files are not read.
    (site / "needs.pth").write_text(sysconfig.get_paths()["purelib"] + "\n", "utf-8")
    command = folder / "env" / "bin" / "landscape"
    python = folder / "env" / "bin" / "python"
    command.write_text(f"#!{python}\nfrom landscape.cli import main\nmain()\n", "utf-8")
    command.chmod(0o755)
    return command.parent


@pytest.fixture
def full_folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    for name in ("data.py", "viz.py", "data/__init__.py"):
        (tmp_path / name).write_text("raise RuntimeError('the user\\'s file was imported')\n")
    return tmp_path


def run(command: list[str], folder: Path, *, path: bool) -> str:
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    environment |= {"PYTHONPATH": "."} if path else {}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("path", [False, True], ids=["plain", "PYTHONPATH"])
def test_parts_are_imported_in_a_folder_full_of_their_names(
    installed: Path, full_folder: Path, path: bool
) -> None:
    (full_folder / "script.py").write_text(SCRIPT, "utf-8")
    places = run([str(installed / "python"), "script.py"], full_folder, path=path).split()
    wheel = "site-packages/landscape/__init__.py" in places[0]
    roots = [Path(places[0]).parents[0 if wheel else 1]] * 2
    assert [Path(p).parents[1] for p in places[1:]] == roots


def test_the_command_works_in_a_folder_full_of_their_names(
    installed: Path, full_folder: Path
) -> None:
    small = ["--data", "wine", "--steps", "2", "--grid", "3", "--activation", "relu"]
    command = str(installed / "landscape")
    run([command, "run", *small, "--out", "study"], full_folder, path=True)
    run([command, "render", "study", "--kind", "contour"], full_folder, path=False)
    assert [path for path in full_folder.rglob("*.pdf") if path.stat().st_size > 1000]


def test_a_wheel_puts_one_package_into_site_packages(installed: Path) -> None:
    (site,) = installed.parent.glob("lib/python*/site-packages")
    tops = {p.name for p in site.iterdir() if p.is_dir() and p.suffix != ".dist-info"}
    editable = any(site.glob("_*.pth"))
    assert tops - {"__pycache__", "pip", "setuptools"} == (set() if editable else {"landscape"})
    assert editable or (site / "landscape" / "viz" / "web" / "dist" / "viewer.js").is_file()


def imported(file: Path) -> set[str]:
    """Return what a file imports: whole modules, and names of the package itself."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module))
            if node.module == "landscape":
                found |= {f"landscape.{alias.name}" for alias in node.names}
    return found


def test_no_file_imports_a_part_as_a_package_of_its_own() -> None:
    folders = ("benchmarks", "data", "docs", "examples", "landscape", "tests", "viz")
    for file in (file for folder in folders for file in (ROOT / folder).rglob("*.py")):
        tops = {name.partition(".")[0] for name in imported(file)}
        # Only a type checker reads these two lines.
        assert file == ROOT / "landscape" / "__init__.py" or not tops & {"data", "viz"}, file


def test_only_the_command_knows_data_and_viz() -> None:
    for file in (ROOT / "landscape").rglob("*.py"):
        parts = {".".join(name.split(".")[:2]) for name in imported(file)}
        if "cli" not in file.relative_to(ROOT).parts:
            assert not parts & {"landscape.viz", "landscape.data"}, file
