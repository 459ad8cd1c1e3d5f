"""Losses of (model, batch): closed forms, derivatives with respect to inputs, nothing moved."""

from __future__ import annotations

import copy
import functools
import logging
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

import landscape
from landscape import (
    Grid,
    Plane,
    Problem,
    SamplingConfig,
    TrainingConfig,
    random_plane,
    sample,
    slope_budget,
    train,
)
from landscape.evaluation.engine import PlaneEvaluator
from landscape.problem.batch_loss import takes_model
from landscape.records.layout import Layout, Slot
from landscape.records.segment import line_segment

POINTS = np.random.default_rng(3).normal(size=(5, 2))
ABLE = ("loop", "copy", "gradient")


def fixed(strategy: str, **options: Any) -> SamplingConfig:
    return SamplingConfig(strategy=strategy, **{"chunk": 2, "threads": 1, **options})


def whole(model: nn.Module, batch: Any) -> Tensor:
    inputs, targets = batch
    return functional.cross_entropy(model(inputs), targets)


@pytest.mark.parametrize("strategy", ABLE)
def test_a_loss_of_model_and_batch_gives_what_one_of_output_and_target_gives(
    strategy: str, model: nn.Module, examples: Any, problem: Problem
) -> None:
    plane = random_plane(model)
    plain = PlaneEvaluator(problem, plane, config=fixed(strategy))
    inputs, targets = examples
    uneven = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])]
    for data in (examples, uneven):
        found = PlaneEvaluator(Problem(model, whole, data), plane, config=fixed(strategy))
        for name, values in found(POINTS).items():
            np.testing.assert_allclose(values, plain(POINTS)[name], rtol=1e-12)
        assert found.settings["loss"] == "whole"


def test_one_batch_stays_whole_unless_the_engine_says_otherwise(
    model: nn.Module, examples: Any
) -> None:
    sizes: list[int] = []

    def noting(model: nn.Module, batch: Any) -> Tensor:
        sizes.append(len(batch[0]))
        return whole(model, batch)

    plane = random_plane(model)
    for batch_size, wanted in ((0, {30}), (25, {25, 5})):
        sizes.clear()
        engine = fixed("copy", batch_size=batch_size)
        evaluator = PlaneEvaluator(Problem(model, noting, examples), plane, config=engine)
        evaluator(POINTS)
        assert set(sizes) == wanted
        assert evaluator.settings["batches"] == len(wanted)
    uneven = {"inside": torch.ones(30, 1), "boundary": torch.zeros(2, 1)}
    evaluator = PlaneEvaluator(
        Problem(Square(), residual, uneven), AXES, config=fixed("copy", batch_size=16)
    )
    assert evaluator.settings["batches"] == 1


def test_losses_are_told_apart_by_their_parameters_or_by_a_mark() -> None:
    class Module(nn.Module):
        def forward(self, model: nn.Module, batch: Any) -> Tensor:
            return model(batch).mean()  # type: ignore[no-any-return]

    assert takes_model(whole)
    assert takes_model(Module())
    assert takes_model(landscape.batch_loss(lambda net, x: net(x).mean()))
    assert not takes_model(lambda net, x: net(x).mean())
    assert not takes_model(nn.CrossEntropyLoss())
    assert not takes_model("mse")


class Square(nn.Module):
    """u(x) = a x^2 + b x, so that u'' = 2 a and u' (0) = b."""

    def __init__(self) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(2, dtype=torch.float64))

    def forward(self, x: Tensor) -> Tensor:
        return self.theta[0] * x**2 + self.theta[1] * x


def residual(model: nn.Module, batch: Any) -> Tensor:
    """Of u'' = 3, u'(0) = 1 at points of the inside and of the boundary."""
    inside, boundary = batch["inside"].requires_grad_(), batch["boundary"].requires_grad_()
    slope = torch.autograd.grad(model(inside).sum(), inside, create_graph=True)[0]
    bend = torch.autograd.grad(slope.sum(), inside, create_graph=True)[0]
    at_zero = torch.autograd.grad(model(boundary).sum(), boundary, create_graph=True)[0]
    return (bend - 3).square().mean() + (at_zero - 1).square().mean()


AXES = Plane(np.zeros(2), np.array([1.0, 0]), np.array([0, 1.0]), Layout((Slot("theta", (2,)),)))
PLACES = {"inside": torch.linspace(-1, 1, 9)[:, None], "boundary": torch.zeros(2, 1)}


@pytest.mark.parametrize("strategy", ABLE)
def test_derivatives_with_respect_to_the_inputs_have_their_closed_form(strategy: str) -> None:
    grid = Grid.rectangle((3, 4), (-1, 1), (0, 3))
    surface = sample(Problem(Square(), residual, PLACES), AXES, grid=grid, engine=fixed(strategy))
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    np.testing.assert_allclose(surface.losses, (2 * a - 3) ** 2 + (b - 1) ** 2, atol=1e-13)
    assert surface.settings["examples"] == 9
    if strategy == "gradient":
        np.testing.assert_allclose(surface.fields["gradient_alpha"], 4 * (2 * a - 3), atol=1e-12)
        np.testing.assert_allclose(surface.fields["gradient_beta"], 2 * (b - 1), atol=1e-12)
    assert not PLACES["inside"].requires_grad


def test_the_best_strategy_is_found_among_those_that_are_able() -> None:
    evaluator = PlaneEvaluator(Problem(Square(), residual, PLACES), AXES)
    assert evaluator.choice.strategy in ("copy", "loop")
    assert not evaluator.choice.reuse


@pytest.mark.parametrize("strategy", ["vmap", "batched"])
def test_strategies_that_take_many_points_at_once_are_refused(strategy: str) -> None:
    for batch_size in (0, 16):
        engine = fixed(strategy, batch_size=batch_size)
        with pytest.raises(ValueError, match=r"points one by one.*leave it at 'auto'"):
            PlaneEvaluator(Problem(Square(), residual, PLACES), AXES, config=engine)
    with pytest.raises(ValueError, match="compile 'always'; leave it at 'auto'"):
        PlaneEvaluator(
            Problem(Square(), residual, PLACES), AXES, config=SamplingConfig(compile="always")
        )


def meddling(model: nn.Module, batch: Any) -> Tensor:
    """A loss that changes all it is handed."""
    model.train()
    inputs = batch["inputs"]
    loss = functional.cross_entropy(model(inputs), batch.pop("labels"))
    inputs.mul_(100)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1)
    return loss


@pytest.mark.parametrize("strategy", ["loop", "copy"])
def test_a_loss_that_changes_what_it_is_handed_moves_neither_model_nor_data(
    strategy: str, examples: Any
) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Linear(6, 3)).double()
    model.eval()
    batch = {"inputs": examples[0].clone(), "labels": examples[1].clone()}
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plane = random_plane(model)
    sample(Problem(model, meddling, batch), plane, grid=Grid.square(3), engine=fixed(strategy))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(module.training for module in model.modules())
    assert all(p.requires_grad and p.grad is None for p in model.parameters())
    assert torch.equal(batch["inputs"], examples[0])
    assert set(batch) == {"inputs", "labels"}


def test_a_penalty_on_the_weights_is_seen_at_every_point(model: nn.Module, examples: Any) -> None:
    def penalty(model: nn.Module, batch: Any) -> Tensor:
        return sum(p.square().sum() for p in model.parameters())  # type: ignore[return-value]

    plane = random_plane(model)
    wanted = np.square(plane.points(POINTS)).sum(axis=1)
    for strategy in ABLE:
        found = PlaneEvaluator(Problem(model, penalty, examples), plane, config=fixed(strategy))
        np.testing.assert_allclose(found(POINTS)["losses"], wanted, rtol=1e-12)


class Trainer:
    """Holds a network, as trainers do, and cannot be copied."""

    def __init__(self, held: nn.Module) -> None:
        self.held = held

    def __deepcopy__(self, _memo: Any) -> Any:
        raise TypeError("no copies")

    def loss(self, model: nn.Module, batch: Any) -> Tensor:
        with torch.no_grad():
            wanted = self.held(batch[0])
        return (model(batch[0]) - wanted).square().mean()


def test_a_teacher_that_a_loss_closes_over_stays_where_it_is(
    model: nn.Module, examples: Any
) -> None:
    plane, teacher = random_plane(model), copy.deepcopy(model)
    evaluator = PlaneEvaluator(Problem(model, Trainer(teacher).loss, examples), plane)
    values = evaluator(np.zeros((1, 2)))["losses"]
    assert evaluator.choice.strategy == "copy"
    assert values[0] == 0
    assert evaluator(np.ones((1, 2)))["losses"][0] > 1e-3


def test_the_very_network_that_a_loss_closes_over_is_the_one_at_the_point(
    model: nn.Module, examples: Any
) -> None:
    evaluator = PlaneEvaluator(
        Problem(model, Trainer(model).loss, examples), random_plane(model), config=fixed("copy")
    )
    np.testing.assert_array_equal(evaluator(POINTS)["losses"], 0)


class Secretive(nn.Module):
    """Reaches its layer by a way that a copy does not follow."""

    hidden: ClassVar[dict[str, nn.Module]] = {}

    def __init__(self) -> None:
        super().__init__()
        self.layer = self.hidden["layer"] = nn.Linear(4, 3).double()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.hidden["layer"](inputs)  # type: ignore[no-any-return]


@pytest.mark.parametrize("strategy", ["loop", "gradient"])
def test_a_network_that_takes_part_itself_is_seen_by_a_loss_that_closes_over_it(
    strategy: str, examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    model = Secretive()

    def decayed(output: Tensor, target: Tensor) -> Tensor:
        decay = sum(p.square().sum() for p in model.parameters())
        return functional.cross_entropy(output, target, reduction="none") + decay

    plane = random_plane(model)
    problem = Problem(model, decayed, examples)
    found = PlaneEvaluator(problem, plane, config=fixed(strategy))(POINTS)["losses"]
    plain = Problem(nn.Linear(4, 3).double(), "cross_entropy", examples).evaluator()
    thetas = plane.points(POINTS)
    wanted = plain(thetas)["losses"] + np.square(thetas).sum(axis=1)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert any("is used itself" in line for line in caplog.messages)
    slopes = [
        landscape.gradient(problem, theta) - landscape.gradient(plain_problem(examples), theta)
        for theta in thetas[:2]
    ]
    np.testing.assert_allclose(slopes, 2 * thetas[:2], rtol=1e-10, atol=1e-12)


def plain_problem(examples: Any) -> Problem:
    return Problem(nn.Linear(4, 3).double(), "cross_entropy", examples)


@pytest.mark.parametrize(
    ("reach", "strategy"),
    [
        (lambda model: lambda: model.parameters(), "vmap"),
        (lambda model: lambda layer=model[0]: [layer.weight], "vmap"),
        (lambda model: lambda weight=model[0].weight: [weight], "copy"),
        (lambda model: functools.partial(list, [model[0].weight]), "copy"),
    ],
    ids=["network", "layer", "weight", "weight in a partial"],
)
def test_a_loss_that_looks_at_weights_sees_the_point_and_nothing_is_tried_in_vain(
    reach: Any,
    strategy: str,
    model: nn.Module,
    examples: Any,
    caplog: pytest.LogCaptureFixture,
    problem: Problem,
) -> None:
    """Batched products never put a point into the network: the loss saw the origin's weights."""
    weights = reach(model)

    def decayed(output: Tensor, target: Tensor) -> Tensor:
        losses = functional.cross_entropy(output, target, reduction="none")
        return losses + sum(w.square().sum() for w in weights())

    plane = random_plane(model)
    with caplog.at_level(logging.WARNING):
        evaluator = PlaneEvaluator(Problem(model, decayed, examples), plane)
    assert evaluator.choice.strategy == strategy
    assert not caplog.messages
    thetas = plane.points(POINTS)
    looked_at = thetas[:, :20] if isinstance(weights(), list) else thetas
    plain = problem.evaluator()
    wanted = plain(thetas)["losses"] + np.square(looked_at).sum(axis=1)
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-12)


@pytest.mark.parametrize("policy", ["frozen", "batch", "recalibrated"])
def test_a_model_that_cannot_be_copied_is_handed_over_itself_and_not_moved(
    policy: Any, examples: Any
) -> None:
    class Uncopied(nn.Sequential):
        def __deepcopy__(self, _memo: Any) -> nn.Module:
            raise TypeError("no copies")

    model = Uncopied(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 3)).double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    plane = random_plane(model)
    surfaces = [
        sample(Problem(model, loss, examples, batch_norm=policy), plane, grid=Grid.square(3))
        for loss in (whole, "cross_entropy")
    ]
    assert surfaces[0].settings["engine"]["strategy"] == "loop"
    np.testing.assert_allclose(surfaces[0].losses, surfaces[1].losses, rtol=1e-12)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())


def test_a_loss_that_calls_the_network_by_another_name_gets_its_values(
    model: nn.Module, examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    own = model

    def closed(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(own(batch[0]), batch[1])

    plane = random_plane(model)
    with caplog.at_level(logging.WARNING):
        found, wanted = (
            PlaneEvaluator(Problem(model, loss, examples), plane, config=fixed("copy"))(POINTS)
            for loss in (closed, "cross_entropy")
        )
    np.testing.assert_allclose(found["losses"], wanted["losses"], rtol=1e-12)
    assert not caplog.messages


def test_a_loss_that_calls_another_model_than_it_is_handed_is_noticed(
    model: nn.Module, examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    other = copy.deepcopy(model)

    def closed(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(other(batch[0]), batch[1])

    with caplog.at_level(logging.WARNING):
        sample(Problem(model, closed, examples), random_plane(model), grid=Grid.square(3))
    assert any("does it call the model that it is handed?" in line for line in caplog.messages)


@pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss()], ids=["name", "module"])
@pytest.mark.parametrize("softmax", [True, False])
def test_probabilities_given_to_cross_entropy_are_noticed(
    loss: Any, softmax: bool, model: nn.Module, examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    own = nn.Sequential(model, nn.Softmax(dim=1) if softmax else nn.LogSoftmax(dim=1))
    with caplog.at_level(logging.WARNING):
        sample(Problem(own, loss, examples), random_plane(own), grid=Grid.square(3))
    said = any("cross_entropy takes logits and applies the softmax" in m for m in caplog.messages)
    assert said == softmax


def test_a_loss_of_ones_own_may_have_any_name(
    model: nn.Module, examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def cross_entropy(output: Tensor, target: Tensor) -> Tensor:
        return functional.nll_loss(output.log(), target)

    probabilities = nn.Sequential(model, nn.Softmax(dim=1))
    logarithms = nn.Sequential(model, nn.LogSoftmax(dim=1))
    plane, grid = random_plane(probabilities), Grid.square(3)
    with caplog.at_level(logging.WARNING):
        own = sample(Problem(probabilities, cross_entropy, examples), plane, grid=grid)
    assert not caplog.messages
    assert set(own.fields) == {"losses"}
    theirs = sample(Problem(logarithms, functional.cross_entropy, examples), plane, grid=grid)
    np.testing.assert_allclose(own.losses, theirs.losses, rtol=1e-12)
    assert set(theirs.fields) == {"losses", "accuracies"}


def test_one_tensor_is_one_batch() -> None:
    def values(model: nn.Module, batch: Tensor) -> Tensor:
        return model(batch)[:, 0]

    x = torch.arange(5.0)[:, None]
    found = PlaneEvaluator(Problem(Square(), values, x), AXES, config=fixed("loop"))
    np.testing.assert_allclose(found(POINTS)["losses"], 6 * POINTS[:, 0] + 2 * POINTS[:, 1])


# -- mistakes -------------------------------------------------------------------------------------


def test_a_loss_that_draws_noise_is_told_to_draw_once(model: nn.Module, examples: Any) -> None:
    def noisy(model: nn.Module, batch: Any) -> Tensor:
        return (model(batch[0]) + torch.randn(30, 3)).square().mean()

    with pytest.raises(ValueError, match="draw once and give what was drawn with the data"):
        sample(Problem(model, noisy, examples), random_plane(model))


def test_failing_losses_name_the_batch(model: nn.Module, examples: Any) -> None:
    def failing(model: nn.Module, batch: Any) -> Tensor:
        return batch["labels"]  # type: ignore[no-any-return]

    plane = random_plane(model)
    message = r"failing fails on the batch \(float64 \[30, 4\], int64 \[30\]\)"
    with pytest.raises(ValueError, match=message):
        sample(Problem(model, failing, examples), plane)
    with pytest.raises(ValueError, match=r"must return a tensor, got float; leave \.item\(\)"):
        sample(Problem(model, landscape.batch_loss(lambda net, batch: 1.0), examples), plane)
    with pytest.raises(ValueError, match=r"not callable; mark a loss of .* landscape.batch_loss"):
        sample(Problem(model, lambda net, batch: net(batch[0]), examples), plane)
    with pytest.raises(ValueError, match=r"sample each as a loss of its own"):
        sample(Problem(model, whole, examples, metrics={"x": whole}), plane)


def test_a_mean_of_model_and_batch_has_no_training_and_no_slope_budget(
    model: nn.Module, examples: Any
) -> None:
    with pytest.raises(ValueError, match="training needs a loss of"):
        train(
            Problem(model, whole, examples), config=TrainingConfig(steps=1), optimizer="gd", seed=0
        )
    plane = random_plane(model)
    segment = line_segment(plane)
    with pytest.raises(ValueError, match="leave out its mean"):
        slope_budget(Problem(model, whole, examples), segment)


def test_a_slope_budget_of_model_and_batch_is_that_of_output_and_target(
    model: nn.Module, examples: Any
) -> None:
    def each(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1], reduction="none")

    segment = line_segment(random_plane(model))
    one, two = (
        slope_budget(Problem(model, loss, examples), segment) for loss in (each, "cross_entropy")
    )
    for name in ("slope_change", "signed_smooth", "smooth_variation", "example_variation", "rest"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9)


def test_kinks_refuse_a_loss_of_model_and_batch_that_couples_its_examples(
    model: nn.Module, examples: Any
) -> None:
    def apart(model: nn.Module, batch: Any) -> Tensor:
        output = model(batch[0])
        return (output - output.mean(dim=0)).square().mean(dim=1)

    with pytest.raises(ValueError, match="depends on the others in its batch"):
        slope_budget(Problem(model, apart, examples), line_segment(random_plane(model)))
