"""What ``landscape sample`` says about the centre of a surface."""

from __future__ import annotations

from pathlib import Path

import pytest
from calling import accepted, call, refused

from landscape import open_study

RUN = "relu-gd-seed0"
OWN = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))
    with torch.no_grad():
        model[2].weight.mul_(9)
        model[2].bias.mul_(9)
    return model

def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, 4, generator=generator)
    return inputs, build()(inputs).argmax(dim=1)

def lost():
    inputs, targets = data()
    inputs[3] = float("nan")
    return inputs, targets

def another():
    inputs, targets = data()
    return 9 * inputs, (targets + 1) % 3

def hole(output, target):
    values = nn.functional.cross_entropy(output, target)
    return torch.where(values < 1.0, values, torch.nan)

def never(output, target):
    return output.sum() * torch.nan
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(OWN, "utf-8")
    return str(path)


def words(own: str, data: str, out: Path, *more: object) -> list[object]:
    return ["sample", "--model", f"{own}:build", "--data", f"{own}:{data}", "--grid", 5,
            "--out", out / "own.h5", *more]  # fmt: skip


def centre_loss(out: Path) -> float:
    study = open_study(out / "own.h5")
    return float(study.surface(study.surfaces()[0]).losses[2, 2])


def test_loss_and_accuracy_at_the_centre_are_printed(own: str, tmp_path: Path) -> None:
    said = accepted(*words(own, "data", tmp_path))
    loss = centre_loss(tmp_path)
    assert f"centre: loss {loss:.3g}, accuracy 100 %; 0 of 25 losses are not finite" in said
    assert "hint" not in said


def test_the_centre_of_a_run_is_printed(study: Path, tmp_path: Path) -> None:
    said = accepted("sample", study, "--run", RUN, "--grid", 3, "--out", tmp_path, "--name", "a")
    surface = open_study(tmp_path).surface("a")
    assert f"centre: loss {surface.losses[1, 1]:.3g}, accuracy" in said


def test_wrong_data_give_a_hint_of_what_to_check(own: str, tmp_path: Path) -> None:
    said = accepted(*words(own, "another", tmp_path))
    (line,) = (line for line in said.splitlines() if line.startswith("hint: The loss at the"))
    assert "preprocessing" in line


def test_points_that_are_not_finite_are_counted(own: str, tmp_path: Path) -> None:
    said = accepted(*words(own, "data", tmp_path, "--loss", f"{own}:hole"))
    lost = int(said.split(" of 25 losses are not finite")[0].split()[-1])
    assert 0 < lost < 25
    assert "hint: " in said


@pytest.mark.parametrize(("data", "loss"), [("lost", ""), ("data", "never")])
def test_a_surface_of_nan_alone_ends_with_the_count(
    own: str, tmp_path: Path, data: str, loss: str
) -> None:
    result = call(*words(own, data, tmp_path, *(["--loss", f"{own}:{loss}"] if loss else [])))
    assert result.exit_code == 1
    assert "wrote surface" in result.stdout
    assert "all 25 losses are not finite" in result.stderr


def test_another_loss_than_expected_is_refused_before_the_grid(own: str, tmp_path: Path) -> None:
    said = refused(*words(own, "data", tmp_path, "--expected-loss", 5.0))
    assert "the loss at the centre must be within 1 % of 5" in said
    assert not (tmp_path / "own.h5").exists() or not open_study(tmp_path / "own.h5").surfaces()
    accepted(*words(own, "data", tmp_path))
    loss = centre_loss(tmp_path)
    for found in (0.995 * loss, 1.005 * loss):
        accepted(*words(own, "data", tmp_path, "--expected-loss", found))
    assert "must be" in refused(*words(own, "data", tmp_path, "--expected-loss", 1.02 * loss))


def test_another_loss_than_expected_of_a_run_is_refused(study: Path, tmp_path: Path) -> None:
    options = ["sample", study, "--run", RUN, "--grid", 3, "--out", tmp_path, "--name", "b"]
    loss = float(open_study(study).trajectory(RUN).losses[-1])
    assert "must be" in refused(*options, "--expected-loss", 1.02 * loss)
    assert "b" not in open_study(tmp_path).surfaces()
    accepted(*options, "--expected-loss", loss)


def test_the_expected_loss_is_not_that_of_a_line_beside_the_centre(
    study: Path, tmp_path: Path
) -> None:
    line = ["--line", 0.5, 0, 1, 0, "--grid", "5x1", "--out", tmp_path, "--expected-loss", 1.0]
    assert "leave one of the two out" in refused("sample", study, "--run", RUN, *line)
