"""A loss that is no mean over the examples is taken over the batch it was given."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from problem.zoo import CLASSES, FORMS, Mlp, Reference, examples
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import landscape
from landscape import Grid, Problem, Subset, TrainingConfig
from landscape.curvature.expected_hessian import hessian_product
from landscape.networks.parameters import flatten

X, Y = examples()


def one_hot(target: Tensor, like: Tensor) -> Tensor:
    return functional.one_hot(target, CLASSES).to(like)


def dice(output: Tensor, target: Tensor) -> Tensor:
    shares, wanted = output.softmax(dim=1)[:, 1], (target == 1).to(output)
    return 1 - 2 * (shares * wanted).sum() / (shares + wanted).sum()


def correlation(output: Tensor, target: Tensor) -> Tensor:
    both = torch.stack([output[:, 0], target.to(output)])
    return 1 - torch.corrcoef(both)[0, 1]


def contrastive(output: Tensor, _target: Tensor) -> Tensor:
    unit = functional.normalize(output, dim=1)
    return functional.cross_entropy(5 * unit @ unit.T, torch.arange(len(unit)))


def contrastive_each(output: Tensor, _target: Tensor) -> Tensor:
    """One value for each example, which depends on all others."""
    unit = functional.normalize(output, dim=1)
    return functional.cross_entropy(5 * unit @ unit.T, torch.arange(len(unit)), reduction="none")


def focal(output: Tensor, target: Tensor) -> Tensor:
    each = functional.cross_entropy(output, target, reduction="none")
    weights = (1 - torch.exp(-each)) ** 2
    return (weights * each).sum() / weights.sum()


def counted(output: Tensor, target: Tensor) -> Tensor:
    """The mean over what counts: class 0 stands for padding."""
    each = functional.cross_entropy(output, target, reduction="none")
    return (each * (target != 0)).sum() / (target != 0).sum()


def ignored(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target, ignore_index=3)


def unsummed(output: Tensor, target: Tensor) -> Tensor:
    """A sum that does not say so."""
    return functional.cross_entropy(output, target, reduction="sum")


COUPLED: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "weighted": nn.CrossEntropyLoss(weight=torch.tensor([0.1, 1, 10, 2, 0.5])),
    "weighted_nll": lambda o, t: functional.nll_loss(
        o.log_softmax(dim=1), t, weight=torch.tensor([3, 1, 1, 1, 1.0]).to(o)
    ),
    "rmse": lambda o, t: (o - one_hot(t, o)).square().mean().sqrt(),
    "dice": dice,
    "correlation": correlation,
    "contrastive": contrastive,
    "focal": focal,
    "counted": counted,
    "ignored": ignored,
    "unsummed": unsummed,
}


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(3)
    return Mlp()


@pytest.mark.parametrize("form", ["pair", "dataset", "mapping"])
@pytest.mark.parametrize("name", COUPLED)
def test_data_sorted_by_class_give_the_value_torch_gives(
    name: str, form: str, model: nn.Module
) -> None:
    """Surface, path, gradient and Hessian alike."""
    loss = COUPLED[name]
    x, y = X.repeat_interleave(20, dim=0), Y.repeat_interleave(20)
    problem = Problem(model, loss, FORMS[form](x, y), dtype=torch.float64)
    plain, theta = Reference(model, loss, [(x, y)]), flatten(model)
    wanted = float(plain.value(theta).detach())
    surface = landscape.sample(problem, landscape.random_plane(model), grid=Grid.square(3))
    assert surface.losses[1, 1] == pytest.approx(wanted, rel=1e-9)
    at = landscape.evaluate_losses(problem, _path(model)).losses
    assert at[-1] == pytest.approx(wanted, rel=1e-9)
    slope = plain.gradient(theta)
    np.testing.assert_allclose(landscape.gradient(problem), slope, atol=1e-9 * abs(slope).max())
    vector = np.random.default_rng(0).standard_normal(len(theta))
    product = plain.product(theta, vector)
    found = hessian_product(problem) @ vector
    np.testing.assert_allclose(found, product, atol=1e-9 * abs(product).max())
    assert problem.coupled


def _path(model: nn.Module) -> landscape.Trajectory:
    """A path that stands still at the model's weights."""
    run = landscape.train(Problem(Mlp().double(), data=(X, Y)), config=TrainingConfig(steps=1))
    return replace(run, thetas=np.stack([flatten(model)] * len(run.thetas)))


@pytest.mark.parametrize("name", ["weighted", "rmse", "contrastive"])
def test_a_loader_keeps_its_batches_and_says_so(
    name: str, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    loader = DataLoader(TensorDataset(X, Y), batch_size=12)
    problem = Problem(model, COUPLED[name], loader, dtype=torch.float64)
    plain = Reference(model, COUPLED[name], list(loader))
    found = landscape.gradient(problem)
    np.testing.assert_allclose(found, plain.gradient(flatten(model)), atol=1e-12)
    assert "it is averaged over the 3 batches of up to 12 of the data" in caplog.text


def test_a_value_for_each_example_may_depend_on_the_others(model: nn.Module) -> None:
    x, y = X.repeat(9, 1), Y.repeat(9)
    problem = Problem(model, contrastive_each, (x, y), dtype=torch.float64)
    found = problem.evaluator()(flatten(model)[None])["losses"][0]
    wanted = Reference(model, contrastive_each, [(x, y)]).value(flatten(model)).mean()
    assert found == pytest.approx(float(wanted.detach()), rel=1e-9)


class Centred(nn.Module):
    """Subtracts the mean of the batch, without a layer that torch knows."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp()

    def forward(self, x: Tensor) -> Tensor:
        return self.inner(x - x.mean(dim=0))  # type: ignore[no-any-return]


def test_a_network_that_couples_its_batch_is_noticed(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(3)
    problem = Problem(Centred(), data=(X.repeat(9, 1), Y.repeat_interleave(9)))
    assert problem.coupled
    assert "depends on the others" in caplog.text


def test_a_rare_padding_is_noticed_by_the_targets_that_are_drawn(model: nn.Module) -> None:
    """One example in 3,000 does not count."""
    x, y = X.repeat(100, 1), Y.repeat(100)
    y[1234] = -100
    assert Problem(model, nn.CrossEntropyLoss(), (x, y)).coupled
    assert not Problem(model, "cross_entropy", (x, y)).coupled


def test_equal_losses_at_the_start_do_not_hide_the_weights(model: nn.Module) -> None:
    """With outputs of 0 every example has the loss log 5, whatever it weighs."""
    with torch.no_grad():
        model.layers[2].weight.zero_()  # type: ignore[union-attr, operator, index]
        model.layers[2].bias.zero_()  # type: ignore[union-attr, operator, index]
    assert Problem(model, COUPLED["weighted"], (X, Y)).coupled


UNCOUPLED: dict[str, Any] = {
    "cross_entropy": "cross_entropy",
    "module": nn.CrossEntropyLoss(),
    "smoothed": nn.CrossEntropyLoss(label_smoothing=0.1),
    "sum": nn.CrossEntropyLoss(reduction="sum"),
    "each": nn.CrossEntropyLoss(reduction="none"),
    "function": functional.cross_entropy,
    "own": lambda o, t: (o - one_hot(t, o)).abs().mean(),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", UNCOUPLED)
def test_means_over_examples_are_cut_without_a_word(
    name: str, dtype: torch.dtype, model: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    x, y = X.repeat(99, 1), Y.repeat(99)
    problem = Problem(model, UNCOUPLED[name], (1000 * x, y), dtype=dtype)
    assert not problem.coupled
    assert problem.evaluator().batches.divisible
    assert not caplog.text


def test_training_takes_a_coupled_loss_over_all_examples(model: nn.Module) -> None:
    x, y = X.repeat(2000, 1), Y.repeat_interleave(2000)
    twin = Mlp()
    twin.load_state_dict(model.state_dict())
    loss = COUPLED["rmse"]
    config = TrainingConfig(steps=1, learning_rates={**TrainingConfig().learning_rates, "gd": 0.5})
    run = landscape.train(Problem(model, loss, (x, y)), config=config)
    value = loss(twin(x), y)
    value.backward()  # type: ignore[no-untyped-call]
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter -= 0.5 * parameter.grad  # type: ignore[operator]
    np.testing.assert_allclose(run.solution, flatten(twin), rtol=1e-5, atol=1e-6)
    assert run.step_losses[0] == pytest.approx(float(value.detach()), rel=1e-6)


def test_budgets_and_maps_of_coupled_losses_are_refused(model: nn.Module) -> None:
    for loss in (COUPLED["rmse"], COUPLED["weighted"], contrastive_each):
        with pytest.raises(ValueError, match="every example counts by itself"):
            landscape.slope_budget(Problem(model, loss, (X, Y)), landscape.random_segment(model))


def test_a_subset_of_a_coupled_loss_is_one_batch(model: nn.Module) -> None:
    subset = Subset(12, seed=1)
    problem = Problem(model, COUPLED["rmse"], (X, Y), dtype=torch.float64, subset=subset)
    drawn = subset.indices(len(X))
    found = problem.evaluator(standard_errors=False)(flatten(model)[None])["losses"][0]
    wanted = Reference(model, COUPLED["rmse"], [(X[drawn], Y[drawn])]).value(flatten(model))
    assert found == pytest.approx(float(wanted.detach()), rel=1e-12)


def test_losses_that_are_nan_everywhere_leave_one_batch_whole(model: nn.Module) -> None:
    x = torch.full((90_000, 6), torch.nan)
    problem = Problem(model, lambda o, t: o.mean(), (x, Y.repeat(3000)))
    assert not problem.evaluator().batches.divisible
