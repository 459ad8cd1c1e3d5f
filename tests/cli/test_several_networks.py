"""Networks, checkpoints and data sets of the user's, side by side in one study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from calling import TINY, accepted, refused
from torch import nn

from landscape import Grid, Problem, TrajectoryRecorder, open_study
from landscape.study.request import Request
from landscape.study.user_surfaces import sample_user_network

OWN = """
import torch
from torch import nn

def build(width=5):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 3))

def wide():
    return build(7)

def pairs(seed, count):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(count, 4, generator=generator)
    return inputs, torch.randint(0, 3, (count,), generator=generator)

def train():
    return pairs(1, 40)

def test():
    return pairs(2, 20)

def loss(output, target):
    return nn.functional.cross_entropy(output, target, reduction="none")

def other_loss(output, target):
    return 2 * loss(output, target)
"""
BASE = "own.randomfilter0_3x3_-1_1_-1_1"


@pytest.fixture
def own(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(OWN, "utf-8")
    return str(tmp_path / "mine.py")


def weights(folder: Path, scale: float) -> Path:
    space: dict = {}
    exec(OWN, space)
    model = space["build"]()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    torch.save(model.state_dict(), folder / f"scale{scale}.pt")
    return folder / f"scale{scale}.pt"


def words(own: str, folder: Path, *, model: str = "build", data: str = "train") -> list[object]:
    return ["sample", "--model", f"{own}:{model}", "--data", f"{own}:{data}", "--grid", 3,
            "--out", folder / "study.h5"]  # fmt: skip


def test_train_and_test_and_two_checkpoints_and_two_networks_in_one_study(
    own: str, tmp_path: Path
) -> None:
    study = tmp_path / "study.h5"
    calls = [
        [*words(own, tmp_path), "--name", "train"],
        [*words(own, tmp_path, data="test"), "--name", "test"],
        [*words(own, tmp_path), "--checkpoint", weights(tmp_path, 2.0), "--name", "late"],
        [*words(own, tmp_path, model="wide"), "--name", "wide"],
        [*words(own, tmp_path), "--loss", f"{own}:other_loss", "--name", "twice"],
    ]
    before: dict[str, bytes] = {}
    for call in calls:
        accepted(*call)
        found = open_study(study)
        assert all(found.surface(n).losses.tobytes() == data for n, data in before.items())
        before = {name: found.surface(name).losses.tobytes() for name in found.surfaces()}
    assert list(before) == ["late", "test", "train", "twice", "wide"]
    assert len(set(before.values())) == 5
    assert found.surface("test").settings["examples"] == 20
    np.testing.assert_allclose(found.surface("twice").losses, 2 * found.surface("train").losses)
    assert found.surface("test").settings["own"]["data"] == f"{own}:test"
    assert found.surface("late").settings["own"]["checkpoint"] == str(tmp_path / "scale2.0.pt")
    assert found.plane("wide").layout.size == 7 * 5 + 8 * 3
    # The same directions: what differs is the data alone.
    np.testing.assert_array_equal(found.plane("test").directions, found.plane("train").directions)
    whole = study.read_bytes()
    for call in calls:
        accepted(*call)
    assert study.read_bytes() == whole
    said = accepted("info", study)
    assert f"model {own}:build, data {own}:test, loss cross_entropy: test" in said
    assert f"model {own}:wide, data {own}:train, loss cross_entropy: wide" in said


@pytest.mark.filterwarnings("ignore:their losses are over different numbers of examples")
def test_they_are_drawn_side_by_side(own: str, tmp_path: Path, rendering: None) -> None:
    accepted(*words(own, tmp_path), "--name", "train")
    accepted(*words(own, tmp_path, data="test"), "--name", "test")
    said = accepted("render", tmp_path / "study.h5", "--kind", "compare")
    assert "comparison.png" in said
    assert (tmp_path / "comparison.png").stat().st_size > 10_000


@pytest.mark.parametrize("what", ["data", "checkpoint", "loss"])
def test_ids_are_made_up_for_what_differs(what: str, own: str, tmp_path: Path) -> None:
    other = {
        "data": words(own, tmp_path, data="test"),
        "checkpoint": [*words(own, tmp_path), "--checkpoint", weights(tmp_path, 2.0)],
        "loss": [*words(own, tmp_path), "--loss", f"{own}:loss"],
    }[what]
    accepted(*words(own, tmp_path))
    accepted(*other)
    names = open_study(tmp_path / "study.h5").surfaces()
    assert names[0] == BASE
    assert names[1].startswith(f"{BASE}_")
    accepted(*other)
    accepted(*words(own, tmp_path))
    assert open_study(tmp_path / "study.h5").surfaces() == names


def test_a_name_that_is_taken_by_something_else_is_refused_with_what_differs(
    own: str, tmp_path: Path
) -> None:
    name = ["--name", "a"]
    accepted(*words(own, tmp_path), *name)
    whole = (tmp_path / "study.h5").read_bytes()
    said = refused(*words(own, tmp_path), *name, "--checkpoint", weights(tmp_path, 2.0))
    assert "the id a is taken by a surface of something else: checkpoint is none there, " in said
    assert "weights_sha256 is " in said
    said = refused(*words(own, tmp_path), *name, "--loss", f"{own}:loss")
    assert f"loss is cross_entropy there, {own}:loss here" in said
    said = refused(*words(own, tmp_path, data="test"), *name, alone=False)
    assert "the surface a was made with something else: the data " in said
    said = refused(*words(own, tmp_path), *name, "--seed", 1)
    assert "the id a is taken by another surface" in said
    assert (tmp_path / "study.h5").read_bytes() == whole


def test_other_weights_under_one_name_are_told_apart(own: str, tmp_path: Path) -> None:
    line = [*words(own, tmp_path), "--plane", "between", "--grid", "3x1", "--name", "a"]
    accepted(*line, "--checkpoints", f"b={weights(tmp_path, 2.0)}")
    accepted(*line, "--checkpoints", f"b={weights(tmp_path, 2.0)}")
    said = refused(*line, "--checkpoints", f"b={weights(tmp_path, 3.0)}")
    assert "others_sha256 is b " in said


def recorded(folder: Path, *, seed: int) -> None:
    space: dict = {}
    exec(OWN, space)
    model = space["build"]()
    generator = torch.Generator().manual_seed(seed)
    with TrajectoryRecorder(model, folder, every=1) as recorder, torch.no_grad():
        for _ in range(3):
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
            recorder.step()


def test_a_path_serves_train_and_test_and_its_name_no_other_path(own: str, tmp_path: Path) -> None:
    recorded(tmp_path / "one", seed=1)
    recorded(tmp_path / "two", seed=2)
    path = ["--plane", "pca", "--checkpoints", f"run={tmp_path / 'one'}"]
    accepted(*words(own, tmp_path), *path, "--name", "train")
    accepted(*words(own, tmp_path, data="test"), *path, "--name", "test")
    study = open_study(tmp_path / "study.h5")
    losses = [study.projection("run", name).losses for name in ("train", "test")]
    assert np.isfinite(losses).all()
    assert not np.allclose(*losses)
    assert study.trajectory("run").losses.tolist() == losses[0].tolist()
    said = refused(*words(own, tmp_path), "--plane", "pca", "--name", "third",
                   "--checkpoints", f"run={tmp_path / 'two'}")  # fmt: skip
    assert "holds another path of the name run; give this one another name" in said


def test_a_plane_of_other_weights_is_not_taken_for_an_interrupted_one(tmp_path: Path) -> None:
    """A call that ends between plane and surface, then one of other weights."""

    class Stops:
        def stage(self, name: str, total: int) -> None:
            raise KeyboardInterrupt

        def advance(self, units: int) -> None: ...

        def note(self, text: str) -> None: ...

    def sampled(scale: float, reporter: object = None) -> str:
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        with torch.no_grad():
            model.weight.mul_(scale)
        request = Request(run=None, kind="random", grid=Grid.square(3), curvature=False,
                          identifier="s")  # fmt: skip
        problem = Problem(model, data=(torch.ones(4, 3), torch.tensor([0, 1, 0, 1])))
        return sample_user_network(tmp_path / "s.h5", problem, request, reporter=reporter)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        sampled(1.0, Stops())
    with pytest.raises(ValueError, match=r"the id s is taken by .*: weights_sha256 is"):
        sampled(2.0)
    assert sampled(1.0) == "s"


def test_a_study_of_runs_takes_no_network_of_ones_own(own: str, tmp_path: Path) -> None:
    accepted("run", *TINY, "--out", tmp_path)
    whole = (tmp_path / "study.h5").read_bytes()
    assert "holds another experiment" in refused(*words(own, tmp_path))
    assert (tmp_path / "study.h5").read_bytes() == whole
