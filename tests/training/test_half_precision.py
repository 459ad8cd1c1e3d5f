"""Training in half precision, whose numbers end at 65,504."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem, TrainingConfig, train
from landscape.networks.parameters import flatten


@pytest.mark.parametrize("reduction", ["none", "mean"])
@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_the_mean_of_many_losses_does_not_overflow_where_their_sum_does(precision, reduction):
    """4,000 losses near 50 sum to 200,000: a run ended as diverged before its first step."""
    model = nn.Linear(1, 1).to(precision)
    nn.init.constant_(model.weight, 10.0)
    data = (torch.ones(4000, 1), torch.zeros(4000, 1))
    config = TrainingConfig(steps=1, learning_rates={"gd": 1e-4})
    wanted = float((model(data[0].to(precision)) ** 2 / 2).detach().double().mean())

    def halved(output, target):
        each = ((output - target) ** 2 / 2)[:, 0]
        return each.mean() if reduction == "mean" else each

    path = train(Problem(model, halved, data), config=config)
    assert path.diverged_at is None
    np.testing.assert_allclose(path.step_losses, wanted, rtol=1e-2)


def test_a_network_in_bfloat16_is_recorded_with_its_buffers():
    """numpy has no such numbers: the first record was a TypeError."""
    model = nn.Sequential(nn.Linear(1, 2), nn.BatchNorm1d(2), nn.Linear(2, 1)).to(torch.bfloat16)
    model.train()
    data = (torch.linspace(-1, 1, 8)[:, None], torch.zeros(8, 1))
    path = train(Problem(model, "mse", data), config=TrainingConfig(steps=2, record_every=1))
    assert path.thetas.shape == (3, 11)
    np.testing.assert_array_equal(path.thetas[-1], flatten(model))
    held = model[1].running_mean.float().numpy()
    np.testing.assert_array_equal(path.buffers["1.running_mean"], held)
    assert held.any()


def test_a_mean_that_the_loss_takes_itself_is_not_rounded(examples):
    """It was multiplied by the number of examples, and divided by it."""
    model = nn.Linear(4, 3)
    config = TrainingConfig(steps=1, learning_rates={"gd": 1e-3})
    inputs, targets = examples[0].float(), examples[1]
    wanted = nn.functional.cross_entropy(model(inputs), targets).item()
    path = train(Problem(model, nn.functional.cross_entropy, (inputs, targets)), config=config)
    assert path.step_losses.tolist() == [wanted]
