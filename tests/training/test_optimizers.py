"""Every optimizer takes the steps of its paper, and those of torch.optim in a plain loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from landscape import Problem, TrainingConfig, train
from landscape.networks.parameters import flatten

STEPS, RATE, MOMENTUM, DECAY = 25, 0.02, 0.8, 0.3
BETAS, EPSILON = (0.9, 0.999), 1e-8
Update = Callable[[Tensor, Tensor, int], Tensor]


def adam(*, decoupled: bool) -> Update:
    """Kingma and Ba (2015), algorithm 1; decoupled: Loshchilov and Hutter (2019), algorithm 2."""
    first = second = torch.zeros(1, dtype=torch.float64)

    def update(theta: Tensor, gradient: Tensor, step: int) -> Tensor:
        nonlocal first, second
        if decoupled:
            theta = theta - RATE * DECAY * theta
        else:
            gradient = gradient + DECAY * theta
        first = BETAS[0] * first + (1 - BETAS[0]) * gradient
        second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
        unbiased = first / (1 - BETAS[0] ** step), second / (1 - BETAS[1] ** step)
        return theta - RATE * unbiased[0] / (unbiased[1].sqrt() + EPSILON)

    return update


def descent(*, momentum: float = 0.0, ahead: bool = False) -> Update:
    """Heavy ball (Polyak 1964) and Nesterov (1983) in the form of Sutskever et al. (2013)."""
    velocity = torch.zeros(1, dtype=torch.float64)

    def update(theta: Tensor, gradient: Tensor, step: int) -> Tensor:
        nonlocal velocity
        gradient = gradient + DECAY * theta
        velocity = momentum * velocity + gradient
        return theta - RATE * (gradient + momentum * velocity if ahead else velocity)

    return update


FORMULAS = {
    "gd": descent,
    "momentum": lambda: descent(momentum=MOMENTUM),
    "nesterov": lambda: descent(momentum=MOMENTUM, ahead=True),
    "adam": lambda: adam(decoupled=False),
    "adamw": lambda: adam(decoupled=True),
}
TORCH: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "gd": lambda p: torch.optim.SGD(p, lr=RATE, weight_decay=DECAY),
    "sgd": lambda p: torch.optim.SGD(p, lr=RATE, weight_decay=DECAY),
    "momentum": lambda p: torch.optim.SGD(p, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY),
    "nesterov": lambda p: torch.optim.SGD(
        p, lr=RATE, momentum=MOMENTUM, weight_decay=DECAY, nesterov=True
    ),
    "adam": lambda p: torch.optim.Adam(p, lr=RATE, weight_decay=DECAY),
    "adamw": lambda p: torch.optim.AdamW(p, lr=RATE, weight_decay=DECAY),
}


def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Linear(4, 3).double()


def path_of(name: str, examples: Any, *, batch: int = 0) -> np.ndarray:
    config = TrainingConfig(
        steps=STEPS, record_every=1, batch_size=batch, momentum=MOMENTUM, weight_decay=DECAY,
        learning_rates={name: RATE},
    )  # fmt: skip
    path = train(Problem(linear(), "cross_entropy", examples), optimizer=name, config=config)
    return path.thetas


@pytest.mark.parametrize("name", FORMULAS)
def test_every_step_is_the_formula(name: str, examples: Any) -> None:
    def loss(theta: Tensor) -> Tensor:
        outputs = examples[0] @ theta[:12].reshape(3, 4).T + theta[12:]
        return functional.cross_entropy(outputs, examples[1])

    theta, update = torch.from_numpy(flatten(linear())), FORMULAS[name]()
    wanted = [theta]
    for step in range(1, STEPS + 1):
        theta = update(theta, torch.func.grad(loss)(theta), step)
        wanted.append(theta)
    np.testing.assert_allclose(path_of(name, examples), torch.stack(wanted), rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", TORCH)
def test_every_step_is_that_of_torch(name: str, examples: Any) -> None:
    model = linear()
    optimizer = TORCH[name](model.parameters())
    wanted = [flatten(model)]
    for _ in range(STEPS):
        optimizer.zero_grad()
        functional.cross_entropy(model(examples[0]), examples[1]).backward()
        optimizer.step()
        wanted.append(flatten(model))
    # All examples in a batch are the same step in any order, but for rounding.
    found = path_of(name, examples, batch=len(examples[0]) if name == "sgd" else 0)
    np.testing.assert_allclose(found, np.stack(wanted), rtol=0, atol=1e-13)


def test_decay_of_adamw_is_not_that_of_adam(examples: Any) -> None:
    assert np.abs(path_of("adam", examples)[-1] - path_of("adamw", examples)[-1]).max() > 0.01
