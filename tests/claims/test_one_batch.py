"""Descents and gradients of layers take a problem in every form that fits into one batch."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from landscape import Problem, batch_loss
from landscape.claims.layer_gradients import layer_gradients
from landscape.claims.optimizers import Methods
from landscape.claims.saturation import example_gradients
from landscape.claims.stacked import descend
from landscape.problem.losses import cross_entropy

ONE = Methods(np.array([0.3]), np.zeros(1), np.zeros(1))


class Apart(nn.Module):
    """The network of the pair, whose inputs come in two halves."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.inner = model

    def forward(self, left, right):
        return self.inner(torch.cat([left, right], dim=1))


def rmse(output, target):
    return (output - target).square().mean().sqrt()


def forms(model, examples):
    inputs, targets = examples
    left, right = inputs[:, :1], inputs[:, 1:]
    return {
        "arguments": Problem(Apart(model), data=((left, right), targets)),
        "mapping": Problem(Apart(model), data={"left": left, "right": right, "labels": targets}),
        "Dataset": Problem(model, data=TensorDataset(inputs, targets)),
        "loader": Problem(model, data=DataLoader(TensorDataset(inputs, targets), batch_size=7)),
    }


@pytest.mark.parametrize("form", ["arguments", "mapping", "Dataset", "loader"])
@pytest.mark.parametrize("size", [0, 8])
def test_every_form_of_the_data_descends_alike(model, examples, form, size):
    wanted = descend(Problem(model, data=examples), ONE, steps=4, batch_size=size)
    found = descend(forms(model, examples)[form], ONE, steps=4, batch_size=size)
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-12)
    gradients = example_gradients(Problem(model, data=examples))
    other = example_gradients(forms(model, examples)[form])
    torch.testing.assert_close(other, gradients, rtol=1e-10, atol=1e-12)


def test_a_sum_is_a_sum(model, examples):
    """With a rate that is smaller by the number of examples it takes the steps of the mean."""
    total, count = nn.CrossEntropyLoss(reduction="sum"), len(examples[1])
    fewer = Methods(ONE.rates / count, np.zeros(1), np.zeros(1))
    found = descend(Problem(model, total, examples), fewer, steps=5)
    wanted = descend(Problem(model, "cross_entropy", examples), ONE, steps=5)
    np.testing.assert_allclose(found.losses, count * wanted.losses, rtol=1e-12)
    np.testing.assert_allclose(found.thetas, wanted.thetas, rtol=1e-12)
    sums, means = (layer_gradients(Problem(model, loss, examples)).gradient_norms
                   for loss in (total, "cross_entropy"))  # fmt: skip
    np.testing.assert_allclose(sums, means, rtol=1e-12)


def test_a_loss_that_couples_its_examples_is_that_of_all_of_them(model, examples, caplog):
    inputs, _ = examples
    targets = torch.linspace(-1, 1, 3 * len(inputs), dtype=torch.float64).reshape(-1, 3)
    found = descend(Problem(model, rmse, (inputs, targets)), ONE, steps=1)
    assert found.losses[0, 0] == pytest.approx(float(rmse(model(inputs), targets).detach()))
    (slope,) = torch.autograd.grad(rmse(model(inputs), targets), model[0].bias)
    moved = found.thetas[0, 20:25] - model[0].bias.detach().numpy()
    np.testing.assert_allclose(moved, -0.3 * slope.numpy(), rtol=1e-9)
    assert "depends on the others" in caplog.text
    halves = [(inputs[:20], targets[:20]), (inputs[20:], targets[20:])]
    with pytest.raises(ValueError, match="got 2 batches for a loss that couples them"):
        descend(Problem(model, rmse, halves), ONE, steps=1)
    with pytest.raises(ValueError, match="in which every example counts by itself"):
        example_gradients(Problem(model, rmse, (inputs, targets)))


def test_a_loss_that_looks_at_the_weights_pulls_at_them(model, examples):
    def decayed(output, target):
        return cross_entropy(output, target) + 2.0 * model[0].bias.square().sum()

    own, plain = (descend(Problem(model, loss, examples), ONE, steps=1).thetas[0]
                  for loss in (decayed, "cross_entropy"))  # fmt: skip
    np.testing.assert_allclose((own - plain)[20:25], -0.3 * 4.0 * model[0].bias.detach().numpy())
    assert not (own - plain)[:20].any()
    heavy, light = (layer_gradients(Problem(model, loss, examples))
                    for loss in (decayed, "cross_entropy"))  # fmt: skip
    assert heavy.parameter_norms[1] != light.parameter_norms[1]
    np.testing.assert_array_equal(heavy.gradient_norms, light.gradient_norms)


def test_the_problem_says_in_which_precision(model, examples):
    found = descend(Problem(model.float(), data=examples, dtype=torch.float64), ONE, steps=3)
    wanted = descend(Problem(model.double(), data=examples), ONE, steps=3)
    np.testing.assert_array_equal(found.losses, wanted.losses)


def test_what_cannot_be_one_batch_is_refused(model, examples):
    inputs, targets = examples
    whole = Problem(model, batch_loss(lambda net, batch: net(batch[0]).square().mean()), examples)
    with pytest.raises(ValueError, match=r"got one of \(model, batch\)"):
        descend(whole, ONE, steps=1)
    uneven = [(torch.zeros(2, n, 4), torch.zeros(2, n).long()) for n in (5, 6)]
    with pytest.raises(ValueError, match="got 2 batches of different forms"):
        descend(Problem(model, "cross_entropy", uneven), ONE, steps=1)
    normalised = nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 3)).double()
    frozen = Problem(normalised, data=(inputs, targets))
    assert np.isfinite(descend(frozen, ONE, steps=2).losses).all()
    with pytest.raises(ValueError, match="got batch_norm 'batch'"):
        layer_gradients(Problem(normalised, data=(inputs, targets), batch_norm="batch"))
