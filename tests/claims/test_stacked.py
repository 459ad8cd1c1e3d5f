from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from landscape import Problem, networks
from landscape.claims.optimizers import Methods
from landscape.claims.stacked import Stack, censored, descend, steps_to
from landscape.networks.randomness import keyed_generator


def reference(model, examples, *, rate, momentum, nesterov, steps):
    optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=momentum, nesterov=nesterov)
    losses = []
    for _ in range(steps + 1):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(examples[0]), examples[1])
        losses.append(loss.item())
        loss.backward()
        optimizer.step()
    return losses


WAYS = [(0.3, 0.0, False), (0.1, 0.9, False), (0.1, 0.9, True), (0.7, 0.5, True)]


def methods():
    rates, momenta, nesterov = (np.array(v, dtype=float) for v in zip(*WAYS, strict=True))
    return Methods(rates, momenta, nesterov)


def test_every_copy_does_what_torch_does_alone(model, examples):
    found = descend(Problem(model, "cross_entropy", examples), methods(), steps=12)
    for way, losses in zip(WAYS, found.losses, strict=True):
        alone = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)).double()
        alone.load_state_dict(model.state_dict())
        rate, momentum, nesterov = way
        wanted = reference(
            alone, examples, rate=rate, momentum=momentum, nesterov=nesterov, steps=12
        )
        np.testing.assert_allclose(losses, wanted, rtol=1e-10)


IMAGES = {
    "mlp": {"kind": "mlp", "input_shape": (1, 8, 8), "hidden": (5, 5)},
    "cnn": {"kind": "cnn", "input_shape": (1, 8, 8), "channels": (2,), "hidden": (4,),
            "batch_norm": True},
    "resnet": {"kind": "resnet", "input_shape": (1, 8, 8), "depth": 8, "width": 2},
}  # fmt: skip
RATES = (0.003, 0.03)


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(30, 1, 8, 8, generator=generator, dtype=torch.float64)
    return inputs, torch.randint(0, 3, (30,), generator=generator)


def built(kind, dtype):
    options = dict(IMAGES[kind])
    return networks.build(options.pop("kind"), outputs=3, seed=1, dtype=dtype, **options)


def evaluated(model, examples):
    model.eval()
    with torch.no_grad():
        return cross_entropy(model(examples[0]), examples[1]).item()


def loop(model, examples, optimizer, *, schedule, batches):
    """Train as anybody does: torch's optimizer, torch's schedule, torch's training mode."""
    rates = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, len(batches))
    losses = [evaluated(model, examples)]
    for chosen in batches:
        model.train()
        optimizer.zero_grad()
        cross_entropy(model(examples[0][chosen]), examples[1][chosen]).backward()
        optimizer.step()
        losses.append(evaluated(model, examples))
        if schedule == "cosine":
            rates.step()
    return losses


def made(optimizer, model, rate):
    if optimizer == "adam":
        return torch.optim.Adam(model.parameters(), lr=rate)
    return torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9 * (optimizer != "sgd"),
                           nesterov=optimizer == "nesterov")  # fmt: skip


@pytest.mark.parametrize("kind", IMAGES)
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "nesterov", "adam"])
@pytest.mark.parametrize(("schedule", "size"), [("constant", 0), ("cosine", 8)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_training_is_torchs_step_by_step(images, kind, optimizer, schedule, size, dtype):
    """Batch statistics in training, running ones at every record; the order of the batches too."""
    examples, steps = (images[0].to(dtype), images[1]), 6
    order = keyed_generator(3, "batches")
    batches = [torch.arange(30)] * steps if not size else [
        chosen for _ in range(2)
        for chosen in torch.randperm(30, generator=order).split(size)][:steps]  # fmt: skip
    ones = np.ones(len(RATES))
    ways = Methods(np.array(RATES), ones * 0.9 * (optimizer != "sgd"),
                   ones * (optimizer == "nesterov"), adaptive=optimizer == "adam")  # fmt: skip
    problem = Problem(built(kind, dtype), "cross_entropy", examples, batch_norm="batch")
    found = descend(problem, ways, steps=steps, batch_size=size, schedule=schedule, seed=3,
                    held_out=(images[0].flip(-1), images[1]))  # fmt: skip
    for copy, rate in enumerate(RATES):
        alone = built(kind, dtype)
        wanted = loop(alone, examples, made(optimizer, alone, rate), schedule=schedule,
                      batches=batches)  # fmt: skip
        close = 1e-10 if dtype == torch.float64 else 1e-5
        np.testing.assert_allclose(found.losses[copy], wanted, rtol=close)
        theta = torch.cat([p.detach().reshape(-1) for p in alone.parameters()])
        np.testing.assert_allclose(found.thetas[copy], theta, rtol=0, atol=max(close, 1e-10) * 10)
        right = alone(examples[0].flip(-1)).argmax(dim=1) == examples[1]
        assert found.accuracies[copy] == pytest.approx(float(right.double().mean()))


def test_frozen_statistics_stay_what_they_are(images):
    model = built("cnn", torch.float64)
    found = descend(Problem(model, "cross_entropy", images), methods(), steps=2)
    other = descend(Problem(model, "cross_entropy", images, batch_norm="batch"), methods(), steps=2)
    assert not np.allclose(found.losses[:, 1:], other.losses[:, 1:])
    wanted = cross_entropy(model.eval()(images[0]), images[1])
    np.testing.assert_allclose(found.losses[:, 0], wanted.item(), rtol=1e-12)
    assert int(model.get_buffer("norm1_1.num_batches_tracked")) == 0


def test_a_copy_that_diverged_has_no_accuracy(images):
    ways = Methods(np.array([0.01, 1e30]), np.zeros(2), np.zeros(2))
    found = descend(Problem(built("mlp", torch.float32), "cross_entropy", images), ways, steps=4,
                    held_out=images)  # fmt: skip
    assert np.isfinite(found.accuracies).tolist() == [True, False]
    assert found.seconds > 0


def test_the_model_is_left_alone(model, examples):
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    descend(
        Problem(model, "cross_entropy", examples), methods(), steps=3, batch_size=7, keep_path=True
    )
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name])
        assert parameter.grad is None


def test_copies_see_the_same_batches(model, examples):
    twice = Methods(np.full(2, 0.2), np.zeros(2), np.zeros(2))
    found = descend(Problem(model, "cross_entropy", examples), twice, steps=9, batch_size=8, seed=3)
    other = descend(Problem(model, "cross_entropy", examples), twice, steps=9, batch_size=8, seed=4)
    np.testing.assert_array_equal(found.losses[0], found.losses[1])
    assert not np.allclose(found.losses[0, 1:], other.losses[0, 1:])


def test_the_path_holds_where_the_losses_were(model, examples):
    problem = Problem(model, "cross_entropy", examples)
    found = descend(problem, methods(), steps=5, record_every=2, keep_path=True)
    assert found.steps.tolist() == [0, 2, 4, 5]
    np.testing.assert_array_equal(found.path[-1], found.thetas)
    start = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()
    np.testing.assert_array_equal(found.path[0], np.tile(start, (4, 1)))


def test_what_diverged_stays_infinite():
    losses = np.array([[1.0, np.nan, 0.5], [1.0, 2.0, np.inf], [3.0, 2.0, 1.0]])
    wanted = [[1.0, np.inf, np.inf], [1.0, 2.0, np.inf], [3.0, 2.0, 1.0]]
    np.testing.assert_array_equal(censored(losses), wanted)


def test_steps_to_a_loss_of_a_geometric_decay_are_exact():
    steps = np.arange(0, 41, 10)
    losses = np.stack([0.9**steps, 0.5**steps, np.full(5, 1.0)])
    found = steps_to(losses, steps, 0.3)
    np.testing.assert_allclose(found[:2], np.log(0.3) / np.log([0.9, 0.5]), rtol=1e-12)
    assert np.isinf(found[2])


def test_a_run_that_starts_below_the_target_needs_no_step():
    assert steps_to(np.array([0.1, 0.05]), [0, 1], 0.2) == 0


def test_impossible_numbers_are_refused(model, examples):
    with pytest.raises(ValueError, match="steps must be >= 1, got 0"):
        descend(Problem(model, "cross_entropy", examples), methods(), steps=0)
    with pytest.raises(ValueError, match="rates must be > 0, got -1"):
        Methods(np.array([-1.0]), np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match=r"momenta must have shape \(2,\)"):
        Methods(np.ones(2), np.zeros(1), np.zeros(2))


def test_a_copy_with_infinite_statistics_has_diverged(examples):
    """By them units are constant, so that what torch computes is finite."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 3)).double()
    problem = Problem(model, "cross_entropy", examples, batch_norm="batch")
    stack = Stack(problem, training=True)
    statistics = stack.statistics(2)
    statistics["1.running_var"][1, 0] = torch.inf
    losses = stack.losses(stack.theta.expand(2, -1), statistics=statistics)
    own = cross_entropy(model.eval()(examples[0]), examples[1]).item()
    assert losses.tolist() == [pytest.approx(own), np.inf]
    model[1].running_var[0] = torch.inf
    assert cross_entropy(model(examples[0]), examples[1]).isfinite()
