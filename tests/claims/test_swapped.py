"""Steps measured again with another activation on the same weights, against plain torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import landscape
from landscape import Problem
from landscape.claims.swapped import control_of, swap_control, with_activation
from landscape.networks.activations import make


def network(name: str) -> nn.Sequential:
    torch.manual_seed(2)
    layers = (nn.Linear(6, 12), make(name), nn.Linear(12, 12), make(name), nn.Linear(12, 3))
    return nn.Sequential(*layers).double()


@pytest.fixture
def pair() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return (torch.randn(40, 6, generator=generator, dtype=torch.float64),
            torch.randint(3, (40,), generator=generator))  # fmt: skip


def trained(problem: Problem, optimizer: str = "gd", **options: object) -> landscape.Trajectory:
    config = landscape.TrainingConfig(steps=30, record_every=10, **options)  # type: ignore[arg-type]
    return landscape.train(problem, optimizer=optimizer, config=config)


def gradient(model: nn.Module, theta: np.ndarray, pair: tuple[torch.Tensor, ...]) -> np.ndarray:
    torch.nn.utils.vector_to_parameters(torch.from_numpy(np.array(theta)), model.parameters())
    loss = nn.functional.cross_entropy(model(pair[0]), pair[1])
    return torch.cat(
        [g.reshape(-1) for g in torch.autograd.grad(loss, list(model.parameters()))]
    ).numpy()


def inputs(model: nn.Sequential, theta: np.ndarray, x: torch.Tensor) -> np.ndarray:
    torch.nn.utils.vector_to_parameters(torch.from_numpy(np.array(theta)), model.parameters())
    with torch.no_grad():
        first = model[0](x)
        return torch.cat([first, model[2](model[1](first))], dim=1).numpy()


@pytest.mark.parametrize(("own", "other"), [("relu", "smelu_0.1"), ("gelu", "pwl_gelu_0.5")])
def test_the_swapped_step_is_that_of_plain_torch(
    own: str, other: str, pair: tuple[torch.Tensor, torch.Tensor]
) -> None:
    problem = Problem(network(own), "cross_entropy", pair)
    run = trained(problem, learning_rates={"gd": 0.5})
    found = swap_control(problem, run, other)
    assert found.arrays["steps"].tolist() == [0, 10, 20, 29]
    assert found.settings["width"] == float(other.rpartition("_")[2])
    mine, swapped = network(own), network(other)
    for row, record in enumerate(run.single_steps):
        start, end = (np.asarray(run.thetas[i]) for i in (record - 1, record))
        step = end - start
        own_gradients, other_gradients = (
            [gradient(model, theta, pair) for theta in (start, end)] for model in (mine, swapped)
        )
        arrays = {name: values[row] for name, values in found.arrays.items()}
        assert arrays["promised"] == pytest.approx(own_gradients[0] @ step, rel=1e-9)
        changes = [(b - a) @ step for a, b in (own_gradients, other_gradients)]
        assert arrays["slope_change"] == pytest.approx(changes[0], rel=1e-7)
        assert arrays["swapped_slope_change"] == pytest.approx(changes[1], rel=1e-7)
        # Gradient descent's next step needs no record.
        z = [inputs(mine, theta, pair[0]) for theta in (start, end, end - 0.5 * own_gradients[1])]
        crossed = (z[0] > 0) != (z[1] > 0)
        assert arrays["crossings"] == crossed.sum()
        assert arrays["moved"] == pytest.approx(np.median(np.abs(z[1] - z[0])), rel=0.01)
        if crossed.any():
            back = crossed & ((z[0] > 0) == (z[2] > 0))
            assert arrays["undone"] == pytest.approx(back.sum() / crossed.sum())
        else:
            assert np.isnan(arrays["undone"])


def test_what_the_next_step_takes_back_needs_its_record_with_momentum(
    pair: tuple[torch.Tensor, torch.Tensor],
) -> None:
    problem = Problem(network("relu"), "cross_entropy", pair)
    options = {"learning_rates": {"momentum": 0.2}}
    apart = swap_control(problem, trained(problem, "momentum", **options), "smelu_0.1")
    # The first step of momentum is plain descent, and the next one is not: its record is needed.
    assert np.isnan(apart.arrays["undone"]).tolist() == [True] * 4
    problem = Problem(network("relu"), "cross_entropy", pair)
    config = landscape.TrainingConfig(steps=5, record_every=1, **options)  # type: ignore[arg-type]
    every = landscape.train(problem, optimizer="momentum", config=config)
    found = swap_control(problem, every, "smelu_0.1").arrays
    z = [inputs(network("relu"), theta, pair[0]) > 0 for theta in every.thetas]
    for row in range(4):
        crossed = z[row] != z[row + 1]
        back = crossed & (z[row] == z[row + 2])
        assert found["undone"][row] == pytest.approx(back.sum() / crossed.sum())
    assert np.isnan(found["undone"][4])


def test_a_network_is_swapped_on_its_own_weights(pair: tuple[torch.Tensor, torch.Tensor]) -> None:
    model = network("relu")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    other = with_activation(model, "smelu_0.1")
    assert [type(m).__name__ for m in other if not isinstance(m, nn.Linear)] == ["SmeLU"] * 2
    assert all(torch.equal(value, before[name]) for name, value in other.state_dict().items())
    assert isinstance(model[1], nn.ReLU)
    swapped = Problem(other, "cross_entropy", pair)
    same = replace(swapped, model=with_activation(other, "relu"))
    assert float(same.evaluator()(flat(model))["losses"][0]) == pytest.approx(
        float(nn.functional.cross_entropy(model(pair[0]), pair[1]).detach()), rel=1e-12
    )
    with pytest.raises(ValueError, match="those of prelu or of the one it replaces are trained"):
        with_activation(model, "prelu")
    with pytest.raises(ValueError, match="must have activations that are modules"):
        with_activation(nn.Linear(2, 2), "relu")


class Gated(nn.Module):
    """ReLU twice by one module, and a gate that is no ReLU."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.first, self.second, self.gate = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(6, 8)
        self.last, self.act, self.open = nn.Linear(8, 3), nn.ReLU(), nn.Sigmoid()
        self.double()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.act(self.second(self.act(self.first(x))))
        return self.last(hidden * self.open(self.gate(x)))


def test_only_the_activation_that_is_meant_is_swapped_and_every_call_counts(
    pair: tuple[torch.Tensor, torch.Tensor],
) -> None:
    model = Gated()
    problem = Problem(model, "cross_entropy", pair)
    run = trained(problem, learning_rates={"gd": 0.5})
    with pytest.raises(ValueError, match="one kind of activation is swapped, got ReLU, Sigmoid"):
        swap_control(problem, run, "smelu_0.1")
    found = swap_control(problem, run, "smelu_0.1", own="relu", records=[1]).arrays
    start, end = (np.asarray(run.thetas[i]) for i in (0, 1))
    other = Gated()
    other.act = make("smelu_0.1")
    change = (gradient(other, end, pair) - gradient(other, start, pair)) @ (end - start)
    assert found["swapped_slope_change"] == pytest.approx([change], rel=1e-7)
    signs = []
    for theta in (start, end):
        torch.nn.utils.vector_to_parameters(torch.from_numpy(theta.copy()), model.parameters())
        with torch.no_grad():
            first = model.first(pair[0])
            signs.append(torch.cat([first, model.second(torch.relu(first))], dim=1) > 0)
    assert found["crossings"] == [int((signs[0] != signs[1]).sum())]


def test_a_module_with_two_names_is_swapped_at_both() -> None:
    act = nn.ReLU()
    model = nn.Sequential(nn.Linear(2, 3), act, nn.Linear(3, 3), act)
    other = with_activation(model, "smelu_0.1")
    assert [type(other[k]).__name__ for k in (1, 3)] == ["SmeLU", "SmeLU"]


def flat(model: nn.Module) -> np.ndarray:
    return torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()[None]


def test_every_twin_has_its_copy() -> None:
    pairs = {"relu": "smelu_0.1", "gelu": "pwl_gelu_0.5", "pwl_tanh_0.5": "tanh",
             "smelu_0.3": "relu", "sigmoid": None}  # fmt: skip
    assert {name: control_of(name) for name in pairs} == pairs
