"""Kills, full disks and damage lose no record that was complete; recordings go on after them."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from training.recording.loops import network, recorded, steps_of

from landscape import TrajectoryRecorder, read_recording

_CHILD = """
import sys, torch
from torch import nn
from landscape import TrajectoryRecorder
torch.manual_seed(0)
model = nn.Linear(300, 200)
with TrajectoryRecorder(model, sys.argv[1], every=1) as recorder:
    step = 0
    while True:
        step += 1
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.fill_(step)
        recorder.step(float(step))
        print(step, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 7, 40])
def test_a_kill_loses_nothing_that_was_recorded(tmp_path: Path, lines: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-P", "-c", _CHILD, str(tmp_path / "run")],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert child.stdout is not None
    for _ in range(lines):
        acknowledged = int(child.stdout.readline())
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # the kill may fall within a record
        path = read_recording(tmp_path / "run", verify=True)
    assert path.steps[-1] >= acknowledged
    assert path.steps.tolist() == list(range(len(path.steps)))
    for step in path.steps[1:]:
        assert np.all(path.thetas[step] == step)
    np.testing.assert_array_equal(path.step_losses, path.steps[1:])


@pytest.mark.parametrize(
    ("file", "cut"),
    [("thetas.bin", 1), ("thetas.bin", 100), ("index.bin", 1), ("index.bin", 32)],
)
def test_a_torn_record_is_dropped_and_said(tmp_path: Path, file: str, cut: int) -> None:
    seen = recorded(network(), tmp_path, 6, every=2, pairs=False)
    os.truncate(tmp_path / file, (tmp_path / file).stat().st_size - cut)
    with pytest.warns(RuntimeWarning, match="incomplete .* dropped, 3 complete records remain"):
        path = read_recording(tmp_path)
    assert path.steps.tolist() == [0, 2, 4]
    assert len(path.step_losses) == 4
    assert path.thetas[-1].tobytes() == seen[4].tobytes()
    assert "1.running_mean" in path.buffers


def test_a_record_whose_bytes_never_came_is_dropped(tmp_path: Path) -> None:
    """What a loss of power may leave: the entry is there, the weights are zeros."""
    recorded(network(), tmp_path, 6, every=2, pairs=False)
    path = tmp_path / "thetas.bin"
    data = path.read_bytes()
    path.write_bytes(data[: -len(data) // 4] + bytes(len(data) // 4))
    with pytest.warns(RuntimeWarning, match="3 complete records remain"):
        assert read_recording(tmp_path).steps.tolist() == [0, 2, 4]


def test_verifying_finds_damage_in_the_middle(tmp_path: Path) -> None:
    recorded(network(), tmp_path, 6, every=2, pairs=False)
    data = bytearray((tmp_path / "thetas.bin").read_bytes())
    data[len(data) // 4 + 5] ^= 1
    (tmp_path / "thetas.bin").write_bytes(data)
    with pytest.raises(ValueError, match="the weights of step 2 are not those that were recorded"):
        read_recording(tmp_path, verify=True)


def test_a_resumed_recording_equals_one_in_one_go(tmp_path: Path) -> None:
    recorded(network(), tmp_path / "whole", 9, every=2, pairs=False)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with TrajectoryRecorder(
        model, tmp_path / "parts", every=2, pairs=False, resume=True
    ) as recorder:
        for loss in steps_of(model, optimizer, 5):
            recorder.step(loss)
            if recorder.steps == 4:
                saved = copy.deepcopy(model.state_dict())
    mapped = recorder.trajectory()
    assert mapped.steps.tolist() == [0, 2, 4, 5]
    before = mapped.thetas.tobytes()
    # As after a crash: the user's own checkpoint is older than the recording.
    model.load_state_dict(saved)
    with TrajectoryRecorder(
        model, tmp_path / "parts", every=2, pairs=False, resume=True
    ) as recorder:
        assert recorder.steps == 4
        for loss in steps_of(model, optimizer, 9, start=4):
            recorder.step(loss)
    one, two = (read_recording(tmp_path / n, verify=True) for n in ("whole", "parts"))
    np.testing.assert_array_equal(one.steps, two.steps)
    np.testing.assert_array_equal(one.step_losses, two.step_losses)
    assert one.thetas.tobytes() == two.thetas.tobytes()
    # A record was dropped under the eyes of the first: what it had mapped is still there.
    assert mapped.thetas.tobytes() == before


def test_resuming_after_a_kill_in_the_middle_of_a_record(tmp_path: Path) -> None:
    model = network()
    recorded(model, tmp_path, 4, every=2, pairs=False)
    with (tmp_path / "thetas.bin").open("ab") as file:
        file.write(b"half of a record")
    with TrajectoryRecorder(model, tmp_path, every=2, pairs=False, resume=True) as recorder:
        assert recorder.steps == 4
        recorder.step(1.0)
    path = read_recording(tmp_path, verify=True)
    assert path.steps.tolist() == [0, 2, 4, 5]
    assert path.step_losses[-1] == 1.0


def test_what_cannot_be_resumed_is_refused_and_left_alone(tmp_path: Path) -> None:
    model = network()
    recorded(model, tmp_path, 4, every=2, pairs=False)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(FileExistsError, match="or continue it with resume=True"):
        TrajectoryRecorder(model, tmp_path).__enter__()
    with pytest.raises(ValueError, match=r"0\.weight is \(5, 4\) there, \(6, 4\) here"):
        TrajectoryRecorder(network(width=6), tmp_path, resume=True).__enter__()
    with pytest.raises(ValueError, match="other precision"):
        TrajectoryRecorder(model, tmp_path, resume=True, dtype=torch.float64).__enter__()
    other = network()
    with torch.no_grad():
        other[0].weight.add_(1)
    with pytest.raises(ValueError, match=r"no record of the model's present weights .* step 4"):
        TrajectoryRecorder(other, tmp_path, resume=True).__enter__()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before
    os.truncate(tmp_path / "index.bin", 0)
    with pytest.raises(ValueError, match="no complete record to go on from"):
        TrajectoryRecorder(model, tmp_path, resume=True).__enter__()


def test_two_recorders_of_one_folder_are_refused(tmp_path: Path) -> None:
    model = network()
    with (
        TrajectoryRecorder(model, tmp_path),
        pytest.raises(BlockingIOError, match="another recorder is writing"),
    ):
        TrajectoryRecorder(model, tmp_path, resume=True).__enter__()


def test_a_full_disk_is_an_error_and_the_records_stay(tmp_path: Path) -> None:
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + _CHILD
    )
    child = subprocess.run(
        [sys.executable, "-P", "-c", code, str(tmp_path / "run")],
        capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert "OSError: [Errno 27]" in child.stderr
    with pytest.warns(RuntimeWarning, match="incomplete"):
        path = read_recording(tmp_path / "run", verify=True)
    assert path.steps[-1] == int(child.stdout.split()[-1]) == (1 << 20) // (60_200 * 4) - 1
