"""Kinks of losses that couple their examples are refused; what is random is not called coupled."""

from __future__ import annotations

import logging
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from landscape import (
    Grid,
    Problem,
    TrainingConfig,
    random_plane,
    random_segment,
    sample,
    slope_budget,
    train,
)
from landscape.kinks import along_path, curvature_against_scale, kink_map


class Written(nn.Module):
    """Two layers with a function of the user's between them."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.last = nn.Linear(3, 5).double(), nn.Linear(5, 2).double()
        self.function = function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.last(self.function(self.first(inputs)))


def pair(examples: int = 12) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(1)
    return torch.randn(examples, 3, generator=draws).double(), torch.arange(examples) % 2


RANDOM: dict[str, Problem] = {
    "a rectifier with random slopes": Problem(
        Written(lambda z: functional.rrelu(z, training=True)), data=pair()
    ),
    "dropout that evaluation mode does not switch off": Problem(
        Written(lambda z: functional.dropout(z, 0.5, training=True)), data=pair()
    ),
    "noise": Problem(Written(lambda z: torch.relu(z + torch.randn_like(z))), data=pair()),
    "a random loss": Problem(
        Written(torch.relu),
        lambda output, target: functional.cross_entropy(output * torch.rand(()), target),
        pair(),
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_random_network_is_neither_coupled_nor_miscopied(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    problem = RANDOM[name]
    with caplog.at_level(logging.WARNING):
        assert not problem.coupled
    assert not caplog.records
    with pytest.raises(ValueError, match="is not deterministic"):
        sample(problem, random_plane(problem.model), grid=Grid.square(3))


COUPLED: dict[str, Problem] = {
    "class weights": Problem(
        Written(torch.relu), nn.CrossEntropyLoss(torch.tensor([1.0, 3.0]).double()), pair()
    ),
    "a root of the mean": Problem(
        Written(torch.relu), lambda o, t: functional.cross_entropy(o, t).sqrt(), pair()
    ),
    "outputs without their mean": Problem(
        Written(torch.relu),
        lambda o, t: functional.cross_entropy(o - o.mean(0), t, reduction="none"), pair(),
    ),
    "statistics of the batch": Problem(
        nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2)).double(),
        data=pair(), batch_norm="batch",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_examples_are_refused_whatever_is_measured(name: str) -> None:
    problem = COUPLED[name]
    segment = random_segment(problem.model, span=0.1)
    for measure in (
        lambda: slope_budget(problem, segment, samples=3),
        lambda: curvature_against_scale(problem, segment, centres=2),
        lambda: kink_map(problem, random_plane(problem.model), grid=Grid.square(3)),
    ):
        with pytest.raises(ValueError, match="depends on the others in its batch"):
            measure()


@pytest.mark.parametrize("coupled", [True, False])
def test_examples_of_sequences_of_several_lengths_are_looked_at(coupled: bool) -> None:
    """Batches that cannot be joined: nothing was looked at, and a kink map took them as single."""

    class Pooled(Written):
        def forward(self, inputs: Tensor) -> Tensor:
            return super().forward(inputs.mean(dim=1))

    def loss(output: Tensor, target: Tensor) -> Tensor:
        centred = output - output.mean(dim=0) if coupled else output
        return functional.cross_entropy(centred, target, reduction="none")

    draws = torch.Generator().manual_seed(2)
    batches = [(torch.randn(n, length, 3, generator=draws).double(), torch.arange(n) % 2)
               for n, length in ((3, 2), (6, 4), (1, 5))]  # fmt: skip
    problem = Problem(Pooled(torch.relu), loss, batches)
    assert problem.coupled == coupled
    plane = random_plane(problem.model)
    if not coupled:
        assert kink_map(problem, plane, grid=Grid.square(3)).examples == 10
        return
    with pytest.raises(ValueError, match="depends on the others in its batch"):
        kink_map(problem, plane, grid=Grid.square(3))


class Counted:
    """An iterable of batches that counts how often it is read."""

    def __init__(self) -> None:
        self.readings = 0

    def __iter__(self):  # type: ignore[no-untyped-def]
        self.readings += 1
        inputs, targets = pair()
        yield inputs[:5], targets[:5]
        yield inputs[5:], targets[5:]


def test_data_are_read_once_however_many_steps_are_measured() -> None:
    model = Written(torch.relu)
    config = TrainingConfig(steps=4, record_every=1)
    run = train(Problem(model, data=pair()), optimizer="gd", config=config)
    once = iter(Counted())
    found = along_path(Problem(model, data=once), run, records=[1, 4])
    whole = along_path(Problem(model, data=pair()), run, records=[1, 4])
    for name, values in whole.arrays.items():
        np.testing.assert_allclose(found.arrays[name], values, rtol=1e-6, atol=1e-15, err_msg=name)
    readings = []
    for _ in range(2):
        data = Counted()
        problem = Problem(model, data=data)
        along_path(problem, run, records=[1] if readings else [1, 4])
        readings.append(data.readings)
    # Read in whole once; the first batch is looked at once more, to see whether it is the same.
    assert readings == [2, 2]
