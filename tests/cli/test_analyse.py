"""Slope budgets from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from calling import accepted, call, refused
from torch import nn

from landscape import open_study
from landscape.records.budget import SlopeBudget

OWN = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.{activation}(), nn.Linear(6, 3))

def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, 4, generator=generator)
    return inputs, torch.randint(0, 3, (40,), generator=generator)

def smooth_l1(output, target):
    return (output[:, 0] - target).abs()

number = 3
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(OWN.format(activation="ReLU"), "utf-8")
    return path


@pytest.fixture(scope="module")
def analysed(study: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A study with slope budgets that nobody writes to, tables beside it, and what was said."""
    folder = tmp_path_factory.mktemp("analysed")
    path = Path(shutil.copy(study, folder / "study.h5"))
    words = ["--steps", 3, "--lines", 2, "--out", folder / "tables"]
    return path, accepted("analyse", path, *words)


def test_budgets_are_stored_summarised_and_not_measured_twice(analysed: tuple[Path, str]) -> None:
    path, said = analysed
    assert "relu-gd-seed0" in said
    assert "3 steps" in said
    assert "2 lines" in said
    before = path.read_bytes()
    found = json.loads(accepted("analyse", path, "--steps", 3, "--lines", 2, "--json"))
    assert path.read_bytes() == before
    run = found["runs"]["relu-gd-seed0"]
    assert run["activation_class"] == "C0"
    for key in ("closure_error", "bend_share", "kink_share", "signed_kink", "signed_smooth",
                "net_residual", "crossings"):  # fmt: skip
        assert set(run["slope_budget"][key]) == {"median", "low", "high"}
    assert run["slope_budget"]["passed"] == 3
    assert run["slope_budget_random"]["crossings"]["low"] > 0
    stored = open_study(path)
    assert len(stored.analyses("slope_budget")) == 5
    for name in stored.analyses("slope_budget"):
        budget = SlopeBudget.from_analysis(stored.analysis("slope_budget", name))
        assert budget.passed
        total = budget.signed_smooth + budget.signed_kink + budget.net_residual
        assert total == pytest.approx(budget.slope_change)
    for ending in ("csv", "md", "tex"):
        assert "3 steps" in (path.parent / "tables" / f"slope-budget.{ending}").read_text("utf-8")


def test_single_steps_are_followed_and_swapped(study: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    said = accepted("analyse", path, "--measure", "swap", "--steps", 1, "--out", tmp_path)
    lines = [line.split() for line in said.splitlines() if line.startswith("relu-gd-seed0 ")]
    stored = open_study(path)
    (name,) = (name for name in stored.analyses("along_path") if name.startswith("relu-gd-seed0"))
    found = stored.analysis("along_path", name)
    assert found.settings["loss_over"] == "all examples"
    table = (tmp_path / "along-path.csv").read_text("utf-8").splitlines()
    own = [line for line in table if line.startswith("relu-gd-seed0,")]
    assert table[0] == "run,steps,change,kinks,missed,error,cost,swapped,undone"
    # Of one step there is one row, of more the first and the last third.
    rows = 1 if len(found.arrays["steps"]) == 1 else 2
    assert len([line for line in lines if "to" in line]) == len(own) == rows


def test_an_unknown_run_is_refused(study: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    before = path.read_bytes()
    assert "elu-gd-seed9" in refused("analyse", path, "--run", "elu-gd-seed9")
    assert path.read_bytes() == before


def test_a_network_of_ones_own(own: Path, tmp_path: Path) -> None:
    torch.manual_seed(5)
    model = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    weights = {f"module.{k}": v for k, v in model.state_dict().items()}
    torch.save({"state_dict": weights, "epoch": 3}, tmp_path / "model.pt")
    arguments = ["analyse", "--model", f"{own}:build", "--data", f"{own}:data", "--lines", 1]
    said = accepted(*arguments, "--checkpoint", tmp_path / "model.pt")
    assert "autograd is off by" in said
    assert said.count("passed") == 2
    assert said != accepted(*arguments)
    step, line = json.loads(accepted(*arguments, "--json", "--loss", f"{own}:smooth_l1"))
    assert step["settings"]["segment"] == "gradient"
    assert line["crossings"] > 0
    assert line["passed"]
    assert "(loss):abs" in line["layers"]


FLAT = {
    "dead units": ("model[0].bias.data.fill_(-99); model[2].bias.data.zero_()",
                   "output.square().sum(1)"),
    "a loss of zero": ("pass", "0 * output[:, 0]"),
    "differences of itself": ("pass", "output[:, 0] - output[:, 0]"),
    "a rectified loss that is off": ("pass", "torch.relu(output[:, 0] - 1e3)"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FLAT)
def test_a_gradient_of_zero_leaves_the_random_lines(tmp_path: Path, kind: str) -> None:
    change, loss = FLAT[kind]
    path = tmp_path / "flat.py"
    body = OWN.format(activation="ReLU").replace("return nn.Seq", "model = nn.Seq")
    body = body.replace("\ndef data", f"    {change}\n    return model\n\ndef data", 1)
    path.write_text(body + f"\ndef flat(output, target):\n    return {loss}\n", "utf-8")
    arguments = ["analyse", "--model", f"{path}:build", "--data", f"{path}:data", "--lines", 2,
                 "--loss", f"{path}:flat"]  # fmt: skip
    said = accepted(*arguments)
    assert said.count("the gradient is zero at these weights") == 1
    assert said.count("random (seed") == said.count("passed") == 2
    assert "nan" not in said


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--model", "{own}:bild", "has no function 'bild'; it has: build, data, smooth_l1"),
        ("--model", "{own}:number", "has no function 'number'"),
        ("--model", "{own}", "write FILE.py:FUNCTION"),
        ("--model", "{folder}/none.py:build", "there is no file"),
        ("--checkpoint", "{own}", "is not a file of weights alone"),
        ("--checkpoint", "{folder}/other.pt", "does not fit the model"),
        ("--loss", "cross", "unknown loss 'cross'"),
    ],
)
def test_mistakes_have_one_line(
    own: Path, tmp_path: Path, option: str, value: str, said: str
) -> None:
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pt")
    options = {"--model": f"{own}:build", "--data": f"{own}:data",
               option: value.format(own=own, folder=tmp_path)}  # fmt: skip
    assert said in refused("analyse", *(part for pair in options.items() for part in pair))


def test_an_activation_that_jumps_is_refused_by_name(own: Path) -> None:
    own.write_text(OWN.format(activation="Hardshrink"), "utf-8")
    message = refused("analyse", "--model", f"{own}:build", "--data", f"{own}:data")
    assert "hardshrink in 1 jumps in value" in message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either a study, or --model with --data"),
        (["STUDY", "--model", "OWN:build", "--data", "OWN:data"], "give either a study, or --mo"),
        (["--model", "OWN:build"], "--model needs --data FILE.py:FUNCTION"),
        (["--model", "OWN:build", "--data", "OWN:data", "--steps", 3], "--steps is of a study"),
        (["--model", "OWN:build", "--data", "OWN:data", "--run", "x"], "--run is of a study"),
        (
            ["--model", "OWN:build", "--data", "OWN:data", "--measure", "map"],
            "--measure is of a study",
        ),
        (
            ["--model", "OWN:build", "--data", "OWN:data", "--scale", "step"],
            "--scale is of a study",
        ),
        (["--model", "OWN:build", "--data", "OWN:data", "--out", "t"], "--out is of a study"),
        (["--model", "OWN:build", "--data", "OWN:data", "--style", "dark"], "--style is of a st"),
        (["STUDY", "--data", "OWN:data"], "--data is of --model; a study has its own"),
        (["STUDY", "--rate", 0.1], "--rate is of --model; a study has its own"),
        (["STUDY", "--checkpoint", "x.pt"], "--checkpoint is of --model; a study has its own"),
    ],
)
def test_a_study_and_a_network_of_ones_own_have_options_of_their_own(
    own: Path, study: Path, options: list[object], message: str
) -> None:
    given = [str(o).replace("OWN", str(own)).replace("STUDY", str(study)) for o in options]
    before = study.read_bytes()
    assert message in refused("analyse", *given)
    assert study.read_bytes() == before


def test_help_says_that_files_are_run() -> None:
    assert "The Python files named are run" in " ".join(call("analyse", "--help").stdout.split())


def test_slope_budgets_and_close_ups_are_drawn(analysed: tuple[Path, str], tmp_path: Path) -> None:
    path, out = Path(shutil.copy(analysed[0], tmp_path / "study.h5")), tmp_path / "figures"
    options = ["--steps", 3, "--lines", 2, "--measure", "zoom=1"]
    said = accepted("analyse", path, *options, "--out", out)
    names = {p.name for p in out.iterdir()}
    assert all(f"figures/{name}" in said for name in names)
    budgets = ["slope-budget", "slope-budget-lines", "slope-budget-layers-relu-gd-seed0"]
    assert {f"{stem}.{ending}" for stem in budgets for ending in ("pdf", "md")} <= names
    assert {"microscope.pdf", "microscope.md"} <= names


@pytest.mark.long
def test_everything_that_was_analysed_is_drawn(
    study: Path, tmp_path: Path, rendering: None
) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    measure = "path,scales=2,zoom=2,map=5"
    options = ["--steps", 2, "--lines", 1, "--measure", measure]
    said = accepted("analyse", path, *options, "--out", tmp_path / "figures")
    names = {p.name for p in (tmp_path / "figures").iterdir()}
    assert all(f"figures/{name}" in said for name in names)
    run = "relu-gd-seed0"
    for stem in ("slope-budget", "slope-budget-lines", f"slope-budget-layers-{run}", "along-path",
                 "curvature-scale"):  # fmt: skip
        assert {f"{stem}.pdf", f"{stem}.md"} <= names
    assert {f"kinks-{run}.pdf", f"kinks-{run}.md", "microscope.pdf", "zoom.pdf", "zoom.md"} <= names
    assert "kink" in (tmp_path / "figures" / f"kinks-{run}.md").read_text("utf-8").lower()


def test_the_spectrum_is_measured_once_and_drawn(study: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    out = tmp_path / "figures"
    said = accepted("analyse", path, "--steps", 0, "--measure", "spectrum=5", "--out", out,
                    "--style", "dark")  # fmt: skip
    assert f"wrote {out / 'spectrum.pdf'}" in said
    words = (out / "spectrum.md").read_text("utf-8")
    assert "Spectral density of autograd's Hessian" in words
    assert "\n- B. Ghorbani, S. Krishnan, Y. Xiao: An Investigation" in words
    found = open_study(path).analysis("spectrum", "relu-gd-seed0.5")
    assert found.arrays["nodes"].shape == (4, 5)
    assert found.settings["run"] == "relu-gd-seed0"
    accepted("analyse", path, "--steps", 0, "--measure", "spectrum=5")
    assert open_study(path).analyses("spectrum") == ["relu-gd-seed0.5"]
    np.testing.assert_array_equal(
        open_study(path).analysis("spectrum", "relu-gd-seed0.5").arrays["nodes"],
        found.arrays["nodes"],
    )
    assert "unknown style 'neon'" in refused("analyse", path, "--style", "neon")


def test_the_spectrum_of_an_averaged_loss_is_told_with_its_check(
    study: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    options = ["--steps", 0, "--measure", "spectrum=5", "--out", tmp_path]
    accepted("analyse", path, *options)
    said = accepted("analyse", path, *options, "--scale", "step")
    lines = (tmp_path / "spectra.csv").read_text("utf-8").splitlines()
    assert lines[0] == "run,scale,mean,rms,error,noise,autograd"
    assert [line.split(",")[1] for line in lines[1:3]] == [
        "none", next(line.split(",")[1] for line in lines if "(step 4)" in line)
    ]  # fmt: skip
    found = open_study(path).analysis("spectrum", "relu-gd-seed0.5.scale_step").settings
    assert f"{found['scale']:.3g} (step 4)" in said
    assert f"{found['check']['rms_error']:.1%}" in said
    words = (tmp_path / "spectrum-scale-step.md").read_text("utf-8")
    assert "Spectral density of the Hessian, averaged over a cloud of parameters" in words
    assert "(the length of step 4), " + found["check"]["text"] in words
    assert "autograd's Hessian (without" in (tmp_path / "spectrum.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scale", "step"], "a scale is that of a spectrum, got scale step and no spectrum"),
        (
            ["--measure", "spectrum=5", "--scale", "half"],
            "--scale must be 'step' or a length > 0, got",
        ),
        (
            ["--measure", "spectrum=5", "--scale", "-1"],
            "scale must be > 0 and finite, or 'step', got -1.0",
        ),
        (
            ["--measure", "spectrum=5", "--scale", "1e4"],
            "scale must be at most the length of the parameters",
        ),
    ],
)
def test_scales_without_sense_are_refused(
    options: list[object], message: str, study: Path, tmp_path: Path
) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    before = path.read_bytes()
    assert message in refused("analyse", path, *options)
    assert path.read_bytes() == before


def test_a_study_that_was_not_analysed_has_nothing_to_draw(study: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(study, tmp_path / "study.h5"))
    said = refused("analyse", path, "--steps", 0, "--out", tmp_path / "figures")
    assert "nothing of this study was analysed yet" in said
