"""What newcomers type: one line with the remedy, before any work, and nothing is harmed."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import TINY, accepted, refused

OWN = """
import torch

def network():
    return torch.nn.Linear(4, 3)

def examples():
    return torch.ones(6, 4), torch.arange(6) % 3

def wide():
    return torch.ones(6, 5), torch.arange(6) % 3

def holes():
    return torch.full((6, 4), float("nan")), torch.arange(6) % 3

def number():
    return 3

def fixed():
    return torch.nn.ReLU()

def failing():
    return 1 / 0
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    file = tmp_path / "own.py"
    file.write_text(OWN, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("model", "data", "options", "message"),
    [
        ("number", "examples", (), "own.py:number must return a torch.nn.Module, got int"),
        ("fixed", "examples", (), "the model has no parameters; nothing can be varied"),
        ("failing", "examples", (), "failed with ZeroDivisionError: division by zero in line 23; "),
        ("network", "failing", (), "own.py:failing failed with ZeroDivisionError"),
        ("network", "wide", (), "the model fails on the inputs "),
        ("network", "holes", (), "the gradient must be finite, it holds NaN or infinity"),
        ("network", "examples", ("--rate", "nan"), "must be finite and > 0, got nan"),
        ("network", "examples", ("--rate", "0"), "the rate of a step of descent must be finite"),
        ("network", "examples", ("--span", "0"), "the span of a random line must be finite and"),
    ],
)
def test_networks_and_data_that_cannot_be_used(
    own: Path, model: str, data: str, options: tuple[str, ...], message: str
) -> None:
    said = refused("analyse", "--model", f"{own}:{model}", "--data", f"{own}:{data}", *options)
    assert message in said


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import argparse\nargparse.ArgumentParser().parse_args(['x'])\n",
            'if __name__ == "__main__":',
        ),
        ("def (", "failed with SyntaxError: "),
        ("import torch\nimport no_such_package\n", "ModuleNotFoundError: No module named 'no_such"),
        ("x = 1\ny = undefined\n", "NameError: name 'undefined' is not defined in line 2; mend it"),
    ],
)
def test_files_that_cannot_be_run(tmp_path: Path, own: Path, text: str, message: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(text, encoding="utf-8")
    said = refused("sample", "--model", f"{script}:network", "--data", f"{own}:examples",
                   alone=False)  # fmt: skip
    assert message in said.splitlines()[-1]


def test_wrong_syntax_elsewhere_is_not_told_with_a_line_of_this_file(
    tmp_path: Path, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_helper.py").write_text("x = 1\ny = 2\ndef (\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    script = tmp_path / "script.py"
    script.write_text("import broken_helper\n", encoding="utf-8")
    said = refused("sample", "--model", f"{script}:network", "--data", f"{own}:examples",
                   alone=False)  # fmt: skip
    assert "(broken_helper.py, line 3); mend it" in said


@pytest.mark.parametrize("command", ["render", "analyse"])
def test_an_absent_style_tells_what_there_is(command: str, study: Path, tmp_path: Path) -> None:
    said = refused(command, study, "--style", tmp_path / "nope.toml")
    assert "cannot read the style" in said
    assert (
        "No such file or directory; name one of paper, slides, dark, testing, clay, or a TOML"
        in said
    )


def test_an_unknown_style_is_refused_before_the_table_is_printed(tmp_path: Path) -> None:
    plate = tmp_path / "plate.pdf"
    relu = ["info", "--activations", "relu"]
    said = refused(*relu, "--figure", plate, "--style", "nope")
    assert "unknown style 'nope'; known: paper, slides, dark, testing, clay, slides+clay" in said
    assert "cannot read the style nope.toml: " in refused(*relu, "--style", "nope.toml")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["notes.pdf", "notes.md"])
def test_a_plate_replaces_no_file_of_the_users(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text("mine", encoding="utf-8")
    plate = tmp_path / "notes.pdf"
    draw = ["info", "--activations", "relu", "--figure", plate]
    said = refused(*draw)
    assert f"{name}" in said
    assert "was not written by this program" in said
    assert (tmp_path / name).read_text(encoding="utf-8") == "mine"
    accepted(*draw, "--force")
    accepted(*draw)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--measure", "map=1"], "--measure map must be at least 2, got '1'; 33 is usual"),
        (["--measure", "scales=1"], "--measure scales must be at least 2"),
        (["--measure", "zoom=0"], "--measure zoom must be at least 1, got '0'; 4 is usual"),
        (["--measure", "creases"], "unknown measure 'creases'; known: path"),
        (["--measure", "path=many"], "--measure path must be at least 1, got 'many'"),
        (["--measure", "maps"], "unknown measure 'maps' (did you mean 'map'?); known: path"),
        (["--out", "FILE"], "cannot write to the folder"),
    ],
)
def test_analyses_that_cannot_be_made_are_refused_before_work(
    options: list[str], message: str, study: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    given = [str(tmp_path / "file") if word == "FILE" else word for word in options]
    before = study.read_bytes()
    assert message in refused("analyse", study, "--steps", "1", *given)
    assert study.read_bytes() == before


@pytest.mark.parametrize("options", [["--dpi", "100000"], ["--size", "1000x1000"]])
def test_pictures_that_no_renderer_takes_are_refused(options: list[str], study: Path) -> None:
    said = refused("render", study, *options)
    assert "a panel must be at most 8,192 pixels wide" in said
    assert "lower one of them" in said


def test_a_batch_larger_than_the_data_is_refused(tmp_path: Path) -> None:
    """It trained on all examples, and the study said that batches had 1,000."""
    said = refused("run", *TINY, "--optimizer", "sgd", "--batch-size", "1000", "--out", tmp_path,
                   alone=False)  # fmt: skip
    assert "at most the 178 examples of wine, got 1,000; lower --batch-size" in said
    assert not list(tmp_path.iterdir())


def test_adamw_without_weight_decay_is_not_adam_under_another_name(tmp_path: Path) -> None:
    said = refused("run", *TINY, "--optimizer", "adam", "--optimizer", "adamw", "--out", tmp_path,
                   alone=False)  # fmt: skip
    assert "adamw needs a weight decay > 0, without one it is adam; give" in said
    accepted("run", *TINY, "--optimizer", "adamw", "--set", "training.weight_decay=0.01",
             "--out", tmp_path)  # fmt: skip


def test_a_folder_is_no_file_of_claims_and_an_absent_study_can_be_made(tmp_path: Path) -> None:
    said = refused("claims", "--quick", "--out", tmp_path)
    assert f"name the file, as {tmp_path / 'claims.h5'}" in said
    for options in ([], ["--repair"]):
        said = refused("check", *options, tmp_path / "nothing.h5")
        assert "there is no study file" in said
        assert "make one with: landscape run --out FOLDER" in said
