"""Sampling a network of one's own from the command line."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from calling import accepted, call, refused
from torch import nn

import landscape
from landscape import open_study

OWN = """
import torch
from torch import nn

def build():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3))

def data():
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(40, 4, generator=generator)
    return inputs, torch.randint(0, 3, (40,), generator=generator)

def own_loss(model, batch):
    inputs, targets = batch
    return nn.functional.cross_entropy(model(inputs), targets)
"""


@pytest.fixture
def own(tmp_path: Path) -> str:
    path = tmp_path / "mine.py"
    path.write_text(OWN, "utf-8")
    return str(path)


def network() -> nn.Module:
    space: dict = {}
    exec(OWN, space)
    return space["build"]()


def examples():
    space: dict = {}
    exec(OWN, space)
    return space["data"]()


def recorded(folder: Path, *, seed: int, rate: float) -> nn.Module:
    model = network()
    torch.manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    inputs, targets = examples()
    with landscape.TrajectoryRecorder(model, folder, every=1) as recorder:
        for _ in range(5):
            optimizer.zero_grad()
            loss = nn.functional.cross_entropy(model(inputs + 0.1 * torch.randn(40, 4)), targets)
            loss.backward()
            optimizer.step()
            recorder.step(loss)
    return model


def test_a_surface_from_two_functions_and_a_checkpoint(own: str, tmp_path: Path) -> None:
    model = network()
    with torch.no_grad():
        model[0].weight.mul_(2)
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, tmp_path / "model.pt")
    options = ["--model", f"{own}:build", "--data", f"{own}:data", "--grid", 3,
               "--checkpoint", tmp_path / "model.pt", "--out", tmp_path / "mine.h5"]  # fmt: skip
    said = accepted("sample", *options)
    assert "wrote surface own.randomfilter0_3x3_-1_1_-1_1" in said
    study = open_study(tmp_path / "mine.h5")
    surface = study.surface(study.surfaces()[0])
    model.eval()
    wanted = nn.functional.cross_entropy(model(examples()[0]), examples()[1])
    assert surface.losses[1, 1] == pytest.approx(wanted.item(), rel=1e-5)
    assert surface.settings["hessian"]["top"] > 0
    before = (tmp_path / "mine.h5").read_bytes()
    accepted("sample", *options)
    assert (tmp_path / "mine.h5").read_bytes() == before
    # Other weights are another surface.
    said = accepted("sample", *options[:-4], "--out", options[-1])
    assert "wrote surface own.randomfilter0_3x3_-1_1_-1_1_" in said
    assert len(open_study(tmp_path / "mine.h5").surfaces()) == 2


def test_two_recorded_paths_on_one_plane_and_the_picture(
    own: str, tmp_path: Path, rendering: None
) -> None:
    model = recorded(tmp_path / "slow", seed=0, rate=0.1)
    recorded(tmp_path / "fast", seed=1, rate=0.3)
    accepted(
        "sample", "--model", f"{own}:build", "--data", f"{own}:data", "--loss", f"{own}:own_loss",
        "--checkpoints", f"slow={tmp_path / 'slow'}", "--checkpoints", f"fast={tmp_path / 'fast'}",
        "--plane", "pca", "--grid", 5, "--batch-norm", "frozen", "--out", tmp_path,
    )  # fmt: skip
    study = open_study(tmp_path / "study.h5")
    assert study.runs() == ["fast", "slow"]
    (name,) = study.surfaces()
    slow, fast = (study.projection(run, name) for run in ("slow", "fast"))
    assert slow.coordinates[-1] == pytest.approx([0, 0], abs=1e-6)
    assert slow.captured > 0.9
    assert np.isfinite(fast.losses).all()
    model.eval()
    wanted = nn.functional.cross_entropy(model(examples()[0]), examples()[1])
    assert slow.losses[-1] == pytest.approx(wanted.item(), rel=1e-5)
    assert "png" in accepted("render", tmp_path / "study.h5")


def test_a_line_to_other_weights(own: str, tmp_path: Path) -> None:
    other = network()
    with torch.no_grad():
        other[3].bias.add_(1)
    torch.save(other.state_dict(), tmp_path / "other.pt")
    words = ["sample", "--model", f"{own}:build", "--data", f"{own}:data", "--plane", "between",
             "--checkpoints", f"other={tmp_path / 'other.pt'}", "--out", tmp_path]  # fmt: skip
    accepted(*words, "--span", "0:1", "--grid", "5x1")
    study = open_study(tmp_path / "study.h5")
    surface = study.surface(study.surfaces()[0])
    wanted = nn.functional.cross_entropy(other.eval()(examples()[0]), examples()[1])
    assert surface.losses[-1] == pytest.approx(wanted.item(), rel=1e-5)
    # Of weights alone it is not known in which network they were trained.
    accepted("render", tmp_path / "study.h5", "--kind", "line", "--surface", study.surfaces()[0],
             "--out", tmp_path)  # fmt: skip
    caption = (tmp_path / "line.md").read_text(encoding="utf-8")
    assert "Solutions given as weights alone are evaluated in the first one's network." in caption
    # As many points as are asked for, not as many as are usual.
    accepted(*words, "--resample", 131, "--name", "fine")
    assert open_study(tmp_path / "study.h5").surface("fine").grid.shape == (131,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give either a study with --run, or --model with --data"),
        (["--model", "OWN:build"], "--model needs --data"),
        (["--model", "OWN:nothing", "--data", "OWN:data"], "has no function 'nothing'"),
        (["--model", "OWN:build", "--data", "OWN:data", "--loss", "hinge"], "unknown loss"),
        (["--model", "OWN:build", "--data", "OWN:data", "--plane", "pca"], "that of a path"),
        (["--model", "OWN:build", "--data", "OWN:data", "--which", "layer9"], "layer9"),
        (["--model", "OWN:build", "--data", "OWN:data", "--batch-norm", "off"], "frozen, batch"),
        (["--model", "OWN:build", "--data", "OWN:data", "--checkpoints", "x"], "needs NAME=PATH"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(own: str, tmp_path: Path, options: list[str], message: str) -> None:
    given = [option.replace("OWN", own) for option in options]
    assert message in refused("sample", *given, "--grid", 3, "--out", tmp_path / "none.h5")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("raise RuntimeError('no such table')", "failed with RuntimeError: no such table"),
        ("return torch.zeros(3, 4), torch.zeros(2)", "must have the same length, got 3 and 2"),
        ("return torch.zeros(3, 5), torch.zeros(3).long()", "fails on the inputs float32 [3, 5]"),
        ("return torch.zeros(3, 4), torch.full((3,), 7)", "the loss cross_entropy fails"),
        ("return []", "the data hold no examples"),
    ],
)
def test_data_that_do_not_fit_leave_no_file_behind(
    own: str, tmp_path: Path, line: str, message: str
) -> None:
    """A file that notes the wrong data refuses the right ones."""
    Path(own).write_text(OWN.replace("inputs = torch.randn", f"{line}\n    inputs = torch.randn"))
    options = ["--model", f"{own}:build", "--data", f"{own}:data", "--grid", 3]
    assert message in refused("sample", *options, "--out", tmp_path / "mine.h5")
    assert sorted(path.name for path in tmp_path.glob("*.h5*")) == []


def sampled(own: str, *options: object) -> str:
    return accepted("sample", "--model", f"{own}:build", "--data", f"{own}:data", *options)


def test_the_path_lies_in_the_usual_window_of_its_own_plane(own: str, tmp_path: Path) -> None:
    recorded(tmp_path / "long", seed=0, rate=3.0)
    sampled(own, "--checkpoints", f"long={tmp_path / 'long'}", "--plane", "pca", "--grid", 3,
            "--out", tmp_path)  # fmt: skip
    study = open_study(tmp_path / "study.h5")
    (name,) = study.surfaces()
    path, grid = study.projection("long", name), study.surface(name).grid
    assert study.plane(name).settings["direction_length"] > 1.5
    # Its losses were evaluated afterwards, with the statistics that it ends with.
    assert study.plane(name).settings["end_statistics"] == ["long"]
    for axis, places in zip(grid.axes, path.coordinates.T, strict=True):
        assert axis[0] <= places.min()
        assert places.max() <= axis[-1]


def test_a_path_that_ends_elsewhere_has_no_plane_around_a_checkpoint(
    own: str, tmp_path: Path
) -> None:
    recorded(tmp_path / "one", seed=0, rate=0.1)
    other = recorded(tmp_path / "two", seed=1, rate=0.3)
    torch.save(other.state_dict(), tmp_path / "two.pt")
    options = ["--model", f"{own}:build", "--data", f"{own}:data", "--grid", 3,
               "--checkpoint", tmp_path / "two.pt", "--out", tmp_path]  # fmt: skip
    paths = {name: ["--checkpoints", f"{name}={tmp_path / name}"] for name in ("one", "two")}
    said = refused("sample", *options, *paths["one"], "--plane", "pca")
    assert "the path one must end at the weights of" in said
    accepted("sample", *options, *paths["one"], "--plane", "random", "--name", "around")
    study = open_study(tmp_path / "study.h5")
    assert study.surface("around").run is None
    assert study.projection("one", "around").distances[-1] > 0.1
    accepted("sample", *options, *paths["two"], "--plane", "pca", "--name", "its")
    assert open_study(tmp_path / "study.h5").surface("its").run == "two"


def test_figures_of_a_network_of_ones_own_name_their_surfaces(own: str, tmp_path: Path) -> None:
    recorded(tmp_path / "mine", seed=0, rate=0.1)
    sampled(own, "--checkpoints", f"mine={tmp_path / 'mine'}", "--grid", 3, "--name", "flat",
            "--out", tmp_path)  # fmt: skip
    study = tmp_path / "study.h5"
    for kind, name in (("contour", "contours.pdf"), ("line", "line.pdf")):
        for chosen in (["--surface", "flat"], []):
            said = accepted("render", study, "--kind", kind, *chosen, "--out", tmp_path)
            assert f"wrote {tmp_path / name}" in said
    assert "holds a network of your own" in refused("analyse", study)
    assert "a network of your own: model" in accepted("info", study)


def test_other_solutions_with_statistics_of_their_own_are_told(own: str, tmp_path: Path) -> None:
    other = network().train()
    other(examples()[0] + 3)
    with torch.no_grad():
        other[3].bias.add_(1)
    torch.save(other.state_dict(), tmp_path / "other.pt")
    between = [
        "--plane",
        "between",
        "--checkpoints",
        f"other={tmp_path / 'other.pt'}",
        "--out",
        tmp_path,
    ]
    begun = ["sample", "--model", f"{own}:build", "--data", f"{own}:data", *between]
    told = "the others' losses here are not their own"
    assert told in " ".join(call(*begun, "--grid", "3x1").output.split())
    anew = call(*begun, "--grid", "3x1", "--batch-norm", "recalibrated")
    assert anew.exit_code == 0
    assert told not in " ".join(anew.output.split())
    assert "write it as 51x1" in refused(*begun, "--grid", 5)


def test_keys_are_ignored_by_an_option_and_told(own: str, tmp_path: Path) -> None:
    model = network()
    with torch.no_grad():
        model[0].weight.mul_(2)
    extra = {"aux.weight": torch.ones(2)}
    torch.save({**model.state_dict(), **extra}, tmp_path / "model.pth.tar")
    torch.save({**network().state_dict(), **extra}, tmp_path / "other.pth.tar")
    words = ["--model", f"{own}:build", "--data", f"{own}:data",
             "--checkpoint", tmp_path / "model.pth.tar"]  # fmt: skip
    sample = ["sample", *words, "--plane", "between", "--grid", "3x1",
              "--span", "0:1", "--checkpoints", f"b={tmp_path / 'other.pth.tar'}",
              "--out", tmp_path / "s.h5"]  # fmt: skip
    assert "--ignore-keys PATTERN" in refused(*sample)
    told = call(*sample, "--ignore-keys", "aux.*")
    assert told.exit_code == 0, told.output
    assert told.stderr.count("ignored 1 key of the checkpoint: aux.weight") == 2
    surface = open_study(tmp_path / "s.h5").surface(open_study(tmp_path / "s.h5").surfaces()[0])
    wanted = nn.functional.cross_entropy(model.eval()(examples()[0]), examples()[1])
    assert surface.losses[0] == pytest.approx(float(wanted.detach()), rel=1e-5)
    told = call("analyse", *words, "--lines", 0, "--ignore-keys", "aux.*", "--json")
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)
    assert "aux.weight" in told.stderr


@pytest.mark.parametrize("pattern", ["ep*.pth.tar", "ep?.pth.tar", "*/ep*.pth.tar"])
def test_a_path_by_a_pattern_of_its_checkpoints(own: str, tmp_path: Path, pattern: str) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    for epoch in (0, 1, 2):
        model = network()
        with torch.no_grad():
            model[3].bias.add_(epoch)
        torch.save({"state_dict": model.state_dict()}, folder / f"ep{epoch}.pth.tar")
    torch.save(network().state_dict(), folder / "best.pth.tar")
    place = (tmp_path if "/" in pattern else folder) / pattern
    sampled(own, "--checkpoints", f"a={place}", "--plane", "pca", "--grid", 3,
            "--out", tmp_path / "s.h5")  # fmt: skip
    path = open_study(tmp_path / "s.h5").trajectory("a")
    assert path.steps.tolist() == [0, 1, 2]
    wanted = nn.functional.cross_entropy(model.eval()(examples()[0]), examples()[1])
    assert path.losses[-1] == pytest.approx(float(wanted.detach()), rel=1e-5)
    assert "holds no checkpoints (no*.pt)" in refused(
        "sample", "--model", f"{own}:build", "--data", f"{own}:data",
        "--checkpoints", f"a={folder}/no*.pt", "--plane", "pca",
    )  # fmt: skip


def test_a_folder_whose_name_looks_like_a_pattern(own: str, tmp_path: Path) -> None:
    recorded(tmp_path / "run[1]", seed=0, rate=0.1)
    sampled(own, "--checkpoints", f"a={tmp_path / 'run[1]'}", "--grid", 3, "--out", tmp_path)
    assert open_study(tmp_path / "study.h5").runs() == ["a"]


def checkpointed(folder: Path, *, towards: float, files: int = 4) -> None:
    """Save a path that moves two layers, each at its own pace."""
    folder.mkdir()
    for step in range(files):
        model = network()
        with torch.no_grad():
            model[0].bias.add_(towards * step)
            model[3].bias.add_(0.3 * step**2)
        torch.save(model.state_dict(), folder / f"step{step}.pt")


def test_folders_of_checkpoints_alone_make_one_plane_with_all_paths_in_its_window(
    own: str, tmp_path: Path, rendering: None
) -> None:
    checkpointed(tmp_path / "a", towards=1.0)
    checkpointed(tmp_path / "b", towards=-0.8)
    out = tmp_path / "my study"
    words = ["--checkpoints", f"adam={tmp_path / 'a'}", "--checkpoints", f"sgd={tmp_path / 'b'}",
             "--out", out]  # fmt: skip
    said = sampled(own, *words, "--grid", 7)
    study = open_study(out / "study.h5")
    (name,) = study.surfaces()
    assert study.plane(name).kind == "pca"
    assert study.plane(name).settings["paths"] == 2
    surface = study.surface(name)
    for run in ("adam", "sgd"):
        path = study.projection(run, name)
        # The points differ in two directions only.
        assert path.captured == pytest.approx(1.0)
        np.testing.assert_allclose(path.losses, path.plane_losses, rtol=1e-4)
        for axis, places in zip(surface.grid.axes, path.coordinates.T, strict=True):
            assert axis[0] < places.min()
            assert places.max() < axis[-1]
    # The command that is printed draws both paths, under a title for people.
    following = shlex.split(said.strip().splitlines()[-1].removeprefix("next: landscape "))
    drawn = accepted(*following)
    assert drawn == f"wrote {out / name}.png\nwrote {out / name}.md\n"
    contours = ["render", out, "--kind", "contour", "--out", tmp_path / "c.svg"]
    assert "not drawn" not in accepted(*contours)
    picture = (tmp_path / "c.svg").read_text("utf-8")
    for text in ("PCA plane of adam and sgd", "adam", "sgd"):
        assert f"<!-- {text}" in picture or text in picture
    assert "Plane of 2 paths' first two" in (tmp_path / "c.md").read_text("utf-8")
    # The same command finds its surface again.
    before = (out / "study.h5").read_bytes()
    sampled(own, *words, "--grid", 7)
    assert (out / "study.h5").read_bytes() == before


def test_a_window_that_is_asked_for_is_kept(own: str, tmp_path: Path) -> None:
    checkpointed(tmp_path / "a", towards=1.0)
    sampled(own, "--checkpoints", f"a={tmp_path / 'a'}", "--grid", 3, "--span", "2",
            "--out", tmp_path)  # fmt: skip
    study = open_study(tmp_path / "study.h5")
    assert study.surface(study.surfaces()[0]).grid.axes[0].tolist() == [-2.0, 0.0, 2.0]


def test_files_of_weights_alone_make_the_line_or_the_plane_through_them(
    own: str, tmp_path: Path
) -> None:
    checkpointed(tmp_path / "a", towards=1.0)
    files = [tmp_path / "a" / f"step{step}.pt" for step in (1, 3)]
    first, second = ([f"--checkpoints={name}={f}"] for name, f in zip("bc", files, strict=True))
    sampled(own, *first, "--grid", "5x1", "--out", tmp_path)
    sampled(own, *first, *second, "--grid", 5, "--out", tmp_path)
    study = open_study(tmp_path / "study.h5")
    kinds = {study.plane(name).kind: name for name in study.surfaces()}
    assert set(kinds) == {"between", "through"}
    surface, plane = study.surface(kinds["through"]), study.plane(kinds["through"])
    places = np.array(plane.settings["points"])
    for axis, mine in zip(surface.grid.axes, places.T, strict=True):
        assert axis[0] < mine.min()
        assert mine.max() < axis[-1]


def test_paths_that_are_given_wrongly_are_told(own: str, tmp_path: Path) -> None:
    checkpointed(tmp_path / "a", towards=1.0)
    checkpointed(tmp_path / "short", towards=1.0, files=1)
    (tmp_path / "empty").mkdir()
    (tmp_path / "other").mkdir()
    torch.save(nn.Linear(4, 3).state_dict(), tmp_path / "other" / "x.pt")

    def told(*places: str) -> str:
        words = [f"--checkpoints={place.replace('=', f'={tmp_path}/')}" for place in places]
        return refused("sample", "--model", f"{own}:build", "--data", f"{own}:data", *words,
                       "--out", tmp_path / "none.h5")  # fmt: skip

    assert "names each path once, got a=" in told("a=a", "a=short")
    assert "holds no checkpoints" in told("a=a", "b=empty")
    assert "does not fit the model" in told("a=a", "b=other")
    assert "at least 3 recorded points, got 1" in told("a=short")
    assert "is made of paths, got the single solution b" in told("a=a", "b=a/step1.pt")
    assert not (tmp_path / "none.h5").exists()


NEGATIVE = """
def below(output, target):
    return nn.functional.cross_entropy(output, target) - 1.2
"""


def test_losses_that_a_log_height_cuts_out_are_counted_on_the_terminal(
    own: str, tmp_path: Path
) -> None:
    Path(own).write_text(OWN + NEGATIVE, "utf-8")
    sampled(own, "--loss", f"{own}:below", "--grid", 9, "--name", "low", "--out", tmp_path)
    losses = open_study(tmp_path / "study.h5").surface("low").losses
    cut = int(np.sum(losses <= 0))
    assert 0 < cut < 81
    words = ["render", tmp_path, "--kind", "contour", "--out", tmp_path / "low.svg"]
    assert f"low: {cut} of 81 losses are not positive and cut out" in accepted(
        *words, "--height", "log"
    )
    assert "not positive" not in accepted(*words, "--height", "auto")
    assert "Colours and isolines: loss." in " ".join(
        (tmp_path / "low.md").read_text("utf-8").split()
    )
