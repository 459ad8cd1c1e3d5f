"""Checkpoints of a training as its path: which come in which order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from training.recording.loops import network, recorded, vector
from training.recording.saved import prefixed, trained

from landscape import pca_plane, project, trajectory_from_checkpoints


def checkpoints(folder: Path, form: str, steps: list[int], wrap: Any = None) -> list[np.ndarray]:
    """Save a network per step under names of ``form``; return their weights."""
    wrap = wrap or (lambda model, step: model.state_dict())
    folder.mkdir(exist_ok=True)
    seen = []
    for step in steps:
        model = trained(step)
        torch.save(wrap(model, step), folder / form.format(step))
        seen.append(vector(model))
    return seen


def test_names_are_sorted_by_their_numbers(tmp_path: Path) -> None:
    steps = [2, 10, 1, 100]
    checkpoints(tmp_path, "net18-{}.pt", steps)
    model = network()
    before = vector(model)
    path = trajectory_from_checkpoints(model, tmp_path)
    assert path.steps.tolist() == [1, 2, 10, 100]
    for step, theta in zip(path.steps, path.thetas, strict=True):
        assert theta.tobytes() == vector(trained(step)).tobytes()
    assert isinstance(path.thetas, np.memmap)
    assert np.isnan(path.losses).all()
    np.testing.assert_array_equal(path.buffers["1.running_mean"], trained(100)[1].running_mean)
    assert path.settings["steps_from"] == "name"
    assert vector(model).tobytes() == before.tobytes()


def test_what_stands_inside_comes_before_names(tmp_path: Path) -> None:
    def wrap(model: nn.Module, step: int) -> Any:
        return {"state_dict": prefixed(model, "model."), "global_step": 500 - step, "epoch": 0}

    checkpoints(tmp_path, "epoch={}.ckpt", [1, 2, 3], wrap)
    torch.save(wrap(trained(1), 1), tmp_path / "last.ckpt")
    path = trajectory_from_checkpoints(network(), tmp_path, recording=tmp_path / "kept")
    assert path.steps.tolist() == [497, 498, 499]
    assert path.settings["steps_from"] == "global_step"
    assert path.thetas[0].tobytes() == vector(trained(3)).tobytes()
    torch.save(wrap(trained(7), 1), tmp_path / "other.ckpt")
    with pytest.raises(ValueError, match="two checkpoints are of global_step 499 and differ"):
        trajectory_from_checkpoints(network(), tmp_path)
    assert trajectory_from_checkpoints(network(), tmp_path, pattern="epoch*").steps[-1] == 499


def test_an_order_that_nothing_tells_is_refused_unless_given(tmp_path: Path) -> None:
    checkpoints(tmp_path, "run{0}-of-{0}0.pt", [1, 2])
    checkpoints(tmp_path, "best.pt", [3])
    with pytest.raises(ValueError, match=r"nothing tells the order of best\.pt, run1-of-10\.pt"):
        trajectory_from_checkpoints(network(), tmp_path)
    given = [tmp_path / n for n in ("run2-of-20.pt", "best.pt", "run1-of-10.pt")]
    path = trajectory_from_checkpoints(network(), given)
    assert path.steps.tolist() == [0, 1, 2]
    assert path.thetas[0].tobytes() == vector(trained(2)).tobytes()
    with pytest.raises(FileNotFoundError, match="holds no checkpoints"):
        trajectory_from_checkpoints(network(), tmp_path, pattern="*.ckpt")
    with pytest.raises(FileNotFoundError, match="is no folder"):
        trajectory_from_checkpoints(network(), tmp_path / "best.pt")
    with pytest.raises(ValueError, match="at least one path"):
        trajectory_from_checkpoints(network(), [])


def test_one_file_that_does_not_fit_is_named(tmp_path: Path) -> None:
    checkpoints(tmp_path, "net-{}.pt", [1, 2])
    torch.save(network(width=6).state_dict(), tmp_path / "net-3.pt")
    with pytest.raises(ValueError, match=r"net-3\.pt does not fit the model"):
        trajectory_from_checkpoints(network(), tmp_path)


def test_the_last_checkpoint_lands_on_the_origin(tmp_path: Path) -> None:
    checkpoints(tmp_path, "step_{}.pt", [8, 9, 10, 11])
    path = trajectory_from_checkpoints(network(), tmp_path)
    coordinates, off_plane, _ = project(path.thetas, pca_plane(path))
    np.testing.assert_array_equal(coordinates[-1], [0, 0])
    assert off_plane[-1] == 0
    np.testing.assert_array_equal(path.solution, vector(trained(11)).astype(np.float64))


def test_half_precision_checkpoints(tmp_path: Path) -> None:
    checkpoints(tmp_path, "{}.pt", [1, 2], lambda m, _: m.half().state_dict())
    path = trajectory_from_checkpoints(network(), tmp_path)
    assert path.thetas.dtype == np.float32
    np.testing.assert_array_equal(path.thetas[0], vector(trained(1).half()).astype(np.float32))
    assert path.buffers["1.running_mean"].dtype == np.float32


def test_a_recording_and_its_checkpoints_are_the_same_path(tmp_path: Path) -> None:
    model = network()
    seen = recorded(model, tmp_path / "run", 4, every=1)
    for step, theta in enumerate(seen):
        start = 0
        with torch.no_grad():
            for parameter in model.parameters():
                part = torch.from_numpy(theta[start : start + parameter.numel()])
                parameter.copy_(part.view_as(parameter))
                start += parameter.numel()
        torch.save({"model": model.state_dict(), "step": step}, tmp_path / f"{step}.pt")
    path = trajectory_from_checkpoints(network(), tmp_path, pattern="*.pt")
    assert path.thetas.tobytes() == np.stack(seen).tobytes()


def test_folders_of_a_trainer(tmp_path: Path) -> None:
    save = pytest.importorskip("safetensors.torch").save_file
    for step in (500, 1000):
        folder = tmp_path / f"checkpoint-{step}"
        folder.mkdir()
        save(trained(step).state_dict(), folder / "model.safetensors")
        torch.save({"state": {}}, folder / "optimizer.pt")
        (folder / "trainer_state.json").write_text(json.dumps({"global_step": step, "epoch": 0.5}))
    save(trained(1000).state_dict(), tmp_path / "model.safetensors")
    path = trajectory_from_checkpoints(network(), tmp_path)
    assert path.steps.tolist() == [500, 1000]
    assert path.settings["steps_from"] == "global_step"


@pytest.mark.parametrize("ending", [".pth.tar", ".t7", ".tar"])
def test_folders_of_the_endings_people_use(ending: str, tmp_path: Path) -> None:
    seen = checkpoints(tmp_path, "ep{}" + ending, [2, 10, 1])
    path = trajectory_from_checkpoints(network(), tmp_path)
    assert path.steps.tolist() == [1, 2, 10]
    assert path.thetas[1].tobytes() == seen[0].tobytes()
