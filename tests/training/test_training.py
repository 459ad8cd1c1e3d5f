from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import nn

from landscape import Problem, TrainingConfig, train
from landscape.networks.parameters import flatten
from landscape.problem.reading import GivenData
from landscape.training.loop import _batches, batch_at


def config(**changes: Any) -> TrainingConfig:
    return TrainingConfig(**{"steps": 5, "record_every": 2, **changes})


def test_gradient_descent_is_theta_minus_rate_times_gradient(
    model: nn.Module, examples: Any, problem: Problem
) -> None:
    theta = torch.from_numpy(flatten(model))
    path = train(problem, config=config(learning_rates={"gd": 0.5}))
    shapes = [(5, 4), (5,), (3, 5), (3,)]

    def loss(values: torch.Tensor) -> torch.Tensor:
        w1, b1, w2, b2 = (
            part.reshape(shape)
            for part, shape in zip(values.split([20, 5, 15, 3]), shapes, strict=True)
        )
        return functional.cross_entropy(
            torch.tanh(examples[0] @ w1.T + b1) @ w2.T + b2, examples[1]
        )

    for step in range(5):
        gradient = torch.func.grad(loss)(theta)
        assert path.step_losses[step] == pytest.approx(loss(theta).item(), rel=1e-12)
        assert path.gradient_norms[step] == pytest.approx(gradient.norm().item(), rel=1e-12)
        assert path.step_lengths[step] == pytest.approx(0.5 * gradient.norm().item(), rel=1e-12)
        theta = theta - 0.5 * gradient
    np.testing.assert_allclose(path.solution, theta, rtol=1e-12)
    np.testing.assert_array_equal(path.steps, [0, 1, 2, 3, 4, 5])
    np.testing.assert_array_equal(path.solution, flatten(model))
    assert path.losses[-1] == pytest.approx(loss(theta).item(), rel=1e-12)


@pytest.mark.parametrize("name", ["gd", "sgd", "momentum", "nesterov", "adam", "adamw"])
def test_every_optimizer_lowers_the_loss(name: str, problem: Problem) -> None:
    path = train(
        problem,
        optimizer=name,
        config=config(steps=60, batch_size=10),
    )
    assert path.losses[-1] < path.losses[0]
    assert path.diverged_at is None


def test_nesterov_looks_ahead(examples: Any) -> None:
    paths = []
    for name in ("momentum", "nesterov"):
        torch.manual_seed(0)
        model = nn.Linear(4, 3).double()
        paths.append(
            train(Problem(model, "cross_entropy", examples), optimizer=name, config=config())
        )
    assert not np.allclose(paths[0].solution, paths[1].solution)


def test_the_same_seed_gives_the_same_batches_in_the_same_order(examples: Any) -> None:
    batches = GivenData(examples).read()[0].moved("cpu", torch.float64)
    first, second, other = (_batches(batches, 7, seed) for seed in (0, 0, 1))
    orders = [torch.cat([next(b)[0][0] for _ in range(9)]) for b in (first, second, other)]
    assert torch.equal(orders[0], orders[1])
    assert not torch.equal(orders[0], orders[2])
    epoch = torch.cat([next(batches_)[0][0] for batches_ in [_batches(batches, 7, 3)] * 5])
    assert torch.equal(epoch.sort(dim=0).values, examples[0].sort(dim=0).values)


def test_the_whole_data_set_in_parts_is_one_batch(model: nn.Module, examples: Any) -> None:
    inputs, targets = examples
    parts = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])]
    start = flatten(model)
    solutions = []
    for data in (examples, parts):
        torch.manual_seed(0)
        fresh = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
        np.testing.assert_array_equal(flatten(fresh), start)
        solutions.append(train(Problem(fresh, "cross_entropy", data), config=config()).solution)
    np.testing.assert_allclose(*solutions, rtol=1e-12)


def test_a_run_that_diverges_stops_and_says_when(examples: Any) -> None:
    model = nn.Linear(4, 1).double()
    targets = torch.zeros(30, 1, dtype=torch.float64)
    path = train(
        Problem(model, "mse", (examples[0] * 1e3, targets)),
        config=config(steps=500, learning_rates={"gd": 1e3}),
    )
    assert path.diverged_at is not None
    assert 0 < path.diverged_at < 500
    assert path.steps[-1] == path.diverged_at
    assert np.all(np.isfinite(path.thetas))
    np.testing.assert_array_equal(path.solution, flatten(model))
    assert len(path.step_losses) == path.diverged_at


def test_batch_norm_statistics_are_recorded(examples: Any) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)).double()
    path = train(Problem(model, "cross_entropy", examples), config=config())
    np.testing.assert_array_equal(path.buffers["1.running_mean"], model[1].running_mean)
    assert path.buffers["1.num_batches_tracked"] == 5
    model.eval()
    wanted = functional.cross_entropy(model(examples[0]), examples[1]).item()
    assert path.losses[-1] == pytest.approx(wanted, rel=1e-12)


def test_statistics_that_overflow_are_a_divergence_and_are_taken_back(examples: Any) -> None:
    """The loss of a batch stays finite: a unit of infinite variance is constant."""

    def normalised() -> nn.Module:
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 3))

    data = examples[0].float(), examples[1]
    plain, states, losses = normalised(), [], []
    optimizer = torch.optim.SGD(plain.parameters(), lr=1e3)
    while not states or plain[1].running_var.isfinite().all():
        states.append({k: v.clone() for k, v in plain.state_dict().items()})
        optimizer.zero_grad()
        losses.append(functional.cross_entropy(plain(data[0]), data[1]))
        losses[-1].backward()
        optimizer.step()
    assert all(loss.isfinite() for loss in losses)
    assert all(p.isfinite().all() for p in plain.parameters())
    model = normalised()
    path = train(
        Problem(model, "cross_entropy", data),
        config=config(steps=60, learning_rates={"gd": 1e3}),
    )
    assert path.diverged_at == path.steps[-1] == len(states) - 1 > 2
    for name, value in model.state_dict().items():
        assert torch.equal(value, states[-1][name])
    np.testing.assert_array_equal(path.buffers["1.running_var"], states[-1]["1.running_var"])
    model.eval()
    with torch.no_grad():
        wanted = functional.cross_entropy(model(data[0]), data[1]).item()
    assert path.losses[-1] == pytest.approx(wanted, rel=1e-6, nan_ok=True)


def test_schedules() -> None:
    def rates(**changes: Any) -> list[float]:
        made = TrainingConfig(steps=4, **changes)
        return [made.rate_at(step, 1.0) for step in range(4)]

    assert rates() == [1, 1, 1, 1]
    assert rates(schedule="linear") == [1, 0.75, 0.5, 0.25]
    assert rates(schedule="step") == pytest.approx([1, 1, 0.1, 0.01])
    np.testing.assert_allclose(rates(schedule="cosine"), (1 + np.cos(np.pi * np.arange(4) / 4)) / 2)
    assert rates(warmup_steps=1) == [0.5, 1, 1, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rates": {"gd": float("nan")}}, "learning rate of gd must be finite and > 0"),
        ({"learning_rates": {"gd": -1.0}}, "got -1.0"),
        ({"learning_rates": {"lion": 1.0}}, "unknown optimizer 'lion'; known: gd, sgd"),
        ({"steps": 0}, "steps must be >= 1, got 0"),
        ({"schedule": "cosin"}, "known: constant, linear, cosine, step"),
        ({"momentum": 1.0}, r"momentum must be in \[0, 1\), got 1.0"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingConfig(**changes)


def test_sgd_without_batches_would_be_gd(problem: Problem) -> None:
    with pytest.raises(ValueError, match="sgd needs batch_size >= 1"):
        train(problem, optimizer="sgd")
    with pytest.raises(ValueError, match="unknown optimizer 'lbfgs'; known: gd, sgd"):
        train(problem, optimizer="lbfgs")


def test_a_record_is_followed_by_that_of_the_next_step(problem: Problem) -> None:
    before = problem.model.state_dict()
    before = {name: value.clone() for name, value in before.items()}
    whole = train(problem, config=config(steps=13, record_every=1))
    problem.model.load_state_dict(before)
    paired = train(problem, config=config(steps=13, record_every=5))
    assert paired.steps.tolist() == [0, 1, 5, 6, 10, 11, 12, 13]
    np.testing.assert_array_equal(paired.thetas, whole.thetas[paired.steps])
    assert paired.single_steps.tolist() == [1, 3, 5, 6, 7]
    for record in paired.single_steps:
        step, taken = paired.step_to(int(record))
        at = int(paired.steps[record])
        assert taken == 1
        np.testing.assert_array_equal(step, whole.thetas[at] - whole.thetas[at - 1])
        assert paired.step_lengths[at - 1] == pytest.approx(np.linalg.norm(step), rel=1e-9)


@pytest.mark.parametrize(("size", "name"), [(10, "sgd"), (7, "adam"), (0, "gd")])
def test_the_minibatch_of_a_step_is_the_one_it_was_taken_on(
    problem: Problem, size: int, name: str
) -> None:
    """Its loss before the step is the one the training noted."""
    path = train(problem, optimizer=name, config=config(steps=9, record_every=1, batch_size=size),
                 seed=4)  # fmt: skip
    batch = batch_at(problem, batch_size=size, seed=4)
    for step in (0, 3, 8):
        problem.model.load_state_dict(
            {slot.name: torch.from_numpy(np.array(path.thetas[step][part])).reshape(slot.shape)
             for slot, part in path.layout.parts()}
        )  # fmt: skip
        inputs, targets = batch(step)
        with torch.no_grad():
            loss = functional.cross_entropy(problem.model(inputs), targets)
        assert float(loss) == pytest.approx(path.step_losses[step], rel=1e-12)
