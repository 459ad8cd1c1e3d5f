from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from landscape import Problem
from landscape.dynamics.stacked import Methods, censored, descend, steps_to


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
    with pytest.raises(ValueError, match="steps and record_every must be >= 1"):
        descend(Problem(model, "cross_entropy", examples), methods(), steps=0)
    with pytest.raises(ValueError, match="rates must be > 0, got -1"):
        Methods(np.array([-1.0]), np.zeros(1), np.zeros(1))
    with pytest.raises(ValueError, match=r"momenta must have shape \(2,\)"):
        Methods(np.ones(2), np.zeros(1), np.zeros(2))
