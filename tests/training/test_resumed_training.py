"""Training that is taken up again has the same bits as training that was never interrupted."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem, TrainingConfig, Trajectory, train
from landscape.training.training_checkpoint import TrainingCheckpoint

CONFIG = TrainingConfig(
    steps=30,
    record_every=2,
    record_pairs=False,
    batch_size=7,
    schedule="cosine",
    warmup_steps=4,
    weight_decay=0.01,
)
ARRAYS = ("thetas", "steps", "losses", "accuracies", "step_losses", "gradient_norms",
          "step_lengths", "learning_rates")  # fmt: skip


class Killed(Exception):
    pass


class Shelf:
    """Keeps what is saved; raises once, after so many calls."""

    def __init__(self, calls: int) -> None:
        self.pieces: list[bytes] = []
        self.state = b""
        self.calls = calls

    def save(self, piece: bytes, state: bytes) -> None:
        self.pieces.append(piece)
        self.state = state
        self.calls -= 1
        if self.calls == 0:
            raise Killed

    @property
    def saved(self) -> tuple[list[bytes], bytes] | None:
        return (self.pieces, self.state) if self.pieces else None


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        return nn.Sequential(
            nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Dropout(0.2), nn.Linear(6, 3)
        )


def trained(optimizer: str, keeping: TrainingCheckpoint | None, seed: int | None = 5) -> Trajectory:
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(20, 4, generator=generator), torch.arange(20) % 3
    if seed is not None:
        torch.manual_seed(seed)
    return train(
        Problem(network(), "cross_entropy", data),
        optimizer=optimizer,
        config=CONFIG,
        seed=1,
        keeping=keeping,
    )


def same(first: Trajectory, second: Trajectory) -> None:
    for name in ARRAYS:
        assert getattr(first, name).tobytes() == getattr(second, name).tobytes(), name
    assert list(first.buffers) == list(second.buffers)
    for name, values in first.buffers.items():
        np.testing.assert_array_equal(values, second.buffers[name])


@pytest.mark.parametrize("optimizer", ["gd", "sgd", "momentum", "nesterov", "adam", "adamw"])
@pytest.mark.parametrize("calls", [1, 7])
def test_resumed_training_has_the_same_bits(optimizer: str, calls: int) -> None:
    whole = trained(optimizer, None)
    shelf = Shelf(calls)
    with pytest.raises(Killed):
        trained(optimizer, TrainingCheckpoint(shelf.save, None, 0.0))
    torch.manual_seed(99)  # the state has the generator that dropout draws from
    resumed = TrainingCheckpoint(shelf.save, shelf.saved, 0.0)
    same(trained(optimizer, resumed, None), whole)
    assert len(shelf.pieces) == 15


def test_resuming_tells_the_steps_that_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf(3)
    with pytest.raises(Killed):
        trained("adam", TrainingCheckpoint(shelf.save, None, 0.0))
    steps: list[int] = []
    data = torch.zeros(20, 4), torch.arange(20) % 3
    train(
        Problem(network(), "cross_entropy", data),
        optimizer="adam",
        config=CONFIG,
        seed=1,
        progress=steps.append,
        keeping=TrainingCheckpoint(shelf.save, shelf.saved, 0.0),
    )
    assert steps == [6] + [1] * 24


def test_saving_waits_between_two_calls() -> None:
    shelf = Shelf(0)
    start = time.monotonic()
    trained("gd", TrainingCheckpoint(shelf.save, None, 3600.0))
    assert time.monotonic() - start < 3600
    assert not shelf.pieces


def test_a_global_generator_that_training_does_not_use_is_left_alone() -> None:
    data = torch.zeros(6, 2), torch.arange(6) % 2
    shelf = Shelf(2)

    def run(saved: Any) -> None:
        model = nn.Linear(2, 2)
        train(
            Problem(model, "cross_entropy", data),
            config=TrainingConfig(steps=9, record_every=3),
            keeping=TrainingCheckpoint(shelf.save, saved, 0.0),
        )

    with pytest.raises(Killed):
        run(None)
    torch.manual_seed(7)
    nn.Linear(2, 2)  # what run itself draws
    before = torch.get_rng_state()
    torch.manual_seed(7)
    run(shelf.saved)
    assert torch.equal(torch.get_rng_state(), before)
