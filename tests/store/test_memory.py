"""A study is as large as the disk, not as memory: vectors go to disk as they are recorded."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_study import SMALL, Stops, load, run_study

from landscape import SamplingConfig, Study, TrainingConfig, open_study
from landscape.records import projection
from landscape.store import images
from landscape.training import training_checkpoint

# 43,603 weights in float64: 349 kB a record.
LONG = replace(
    SMALL, activations=("relu",), optimizers=("adam",), dtype="float64",
    network={"kind": "mlp", "hidden": [200, 200]},
    training=TrainingConfig(steps=90, record_every=1),
    sampling=replace(SMALL.sampling, memory=1),
)  # fmt: skip
RUN = "relu-adam-seed0"


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("IN_MEMORY", "MAPPED"):
        monkeypatch.setattr(images, name, 1 << 16)
    monkeypatch.setattr(training_checkpoint, "PENDING", 1 << 18)
    monkeypatch.setattr(projection, "_ENTRIES", 1 << 16)


def peak(path: Path, steps: int) -> int:
    """Return the most memory that arrays take at one time in a whole study."""
    training = TrainingConfig(steps=steps, record_every=1)
    tracemalloc.start()
    Study(replace(LONG, training=training), path, load, keep_seconds=3600.0).run()
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


@pytest.mark.long
def test_memory_does_not_grow_with_the_number_of_records(
    tmp_path: Path, little_memory: None
) -> None:
    run_study(SMALL, tmp_path / "warm")
    peaks, sizes = [], []
    for steps in (30, 90):
        path = tmp_path / str(steps) / "study.h5"
        peaks.append(peak(path, steps))
        thetas = open_study(path).trajectory(RUN).thetas
        assert isinstance(thetas, np.memmap)
        sizes.append(thetas.nbytes)
        assert [p.name for p in path.parent.iterdir()] == ["study.h5"]
    assert peaks[1] - peaks[0] < 0.1 * (sizes[1] - sizes[0])


def test_its_vectors_are_those_of_a_run_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(LONG, sampling=SamplingConfig(strategy="vmap", chunk=8, batch_size=64,
                                                   threads=1))  # fmt: skip
    whole = Study(config, tmp_path / "whole.h5", load, keep_seconds=3600.0).run(sample=False)
    monkeypatch.setattr(images, "MAPPED", 0)
    monkeypatch.setattr(training_checkpoint, "PENDING", 1 << 18)
    path = tmp_path / "cut.h5"
    with pytest.raises(KeyboardInterrupt):
        Study(config, path, load, Stops(50), keep_seconds=3600.0).run(sample=False)
    done = Study(config, path, load, keep_seconds=3600.0).run(sample=False)
    a, b = whole.trajectory(RUN), done.trajectory(RUN)
    for name in ("thetas", "steps", "losses", "accuracies", "step_losses", "step_lengths"):
        assert getattr(a, name).tobytes() == getattr(b, name).tobytes()


def test_joined_rows_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.arange(12.0).reshape(4, 3)
    for most in (1 << 20, 0):
        monkeypatch.setattr(images, "MAPPED", most)
        found = images.gathered((4, 3), rows.dtype, [rows[:1], rows[1:]], folder=tmp_path)
        np.testing.assert_array_equal(found, rows)
        with pytest.raises(ValueError, match="needs 4 rows, got 2"):
            images.gathered((4, 3), rows.dtype, [rows[:2]], folder=tmp_path / "absent")
