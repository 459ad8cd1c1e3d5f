"""Steps measured again with another activation on the same weights, against plain torch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import landscape
from landscape import Problem
from landscape.claims.swapped import control_of, swap_control
from landscape.networks.activations import make
from landscape.training.loop import batch_at


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
    found = swap_control(problem, run, other, activation=own)
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
    apart = swap_control(
        problem, trained(problem, "momentum", **options), "smelu_0.1", activation="relu"
    )
    # The first step of momentum is plain descent, and the next one is not: its record is needed.
    assert np.isnan(apart.arrays["undone"]).tolist() == [True] * 4
    problem = Problem(network("relu"), "cross_entropy", pair)
    config = landscape.TrainingConfig(steps=5, record_every=1, **options)  # type: ignore[arg-type]
    every = landscape.train(problem, optimizer="momentum", config=config)
    found = swap_control(problem, every, "smelu_0.1", activation="relu").arrays
    z = [inputs(network("relu"), theta, pair[0]) > 0 for theta in every.thetas]
    for row in range(4):
        crossed = z[row] != z[row + 1]
        back = crossed & (z[row] == z[row + 2])
        assert found["undone"][row] == pytest.approx(back.sum() / crossed.sum())
    assert np.isnan(found["undone"][4])


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
    found = swap_control(problem, run, "smelu_0.1", activation="relu", records=[1]).arrays
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


class Called(nn.Module):
    """A network of two hidden layers whose activations are any functions."""

    def __init__(self, *calls: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.first, self.second, self.last = nn.Linear(6, 12), nn.Linear(12, 12), nn.Linear(12, 3)
        self.calls = calls
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.calls[1](self.second(self.calls[0](self.first(x)))))


RELUS = {
    "torch": (torch.relu, torch.relu),
    "method": (Tensor.relu, lambda x: x.relu()),
    "functional": (functional.relu, lambda x: functional.relu(input=x)),
    "in place": (torch.relu_, lambda x: functional.relu(x, inplace=True)),
    "mixed": (nn.ReLU(), torch.relu),
    "one module": (nn.ReLU(inplace=True),) * 2,
}  # fmt: skip


@pytest.mark.parametrize("way", RELUS)
@pytest.mark.parametrize("batch_size", [0, 16])
def test_functions_are_swapped_as_modules_are(
    way: str, batch_size: int, pair: tuple[Tensor, Tensor]
) -> None:
    records, models = [], [network("relu"), Called(*RELUS[way])]
    for model in models:
        problem = Problem(model, "cross_entropy", pair)
        optimizer = "sgd" if batch_size else "gd"
        run = trained(problem, optimizer, learning_rates={optimizer: 0.5}, batch_size=batch_size)
        batches = batch_at(problem, batch_size=16, seed=0) if batch_size else None
        before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
        records.append(swap_control(problem, run, "smelu_0.1", activation="relu", batch_of=batches))
        assert torch.equal(torch.nn.utils.parameters_to_vector(model.parameters()), before)
    wanted, found = records
    assert (wanted.arrays["slope_change"] != wanted.arrays["swapped_slope_change"]).all()
    assert found.settings == wanted.settings
    assert found.arrays.keys() == wanted.arrays.keys()
    for name, values in wanted.arrays.items():
        np.testing.assert_array_equal(found.arrays[name], values, err_msg=name)


def test_what_the_loss_calls_is_not_swapped(pair: tuple[Tensor, Tensor]) -> None:
    def hinge(output: Tensor, target: Tensor) -> Tensor:
        own = output.gather(1, target[:, None])
        return torch.relu(1 + output - own).sum(dim=1)

    problem = Problem(network("relu"), hinge, pair)
    run = trained(problem, learning_rates={"gd": 0.05})
    found = swap_control(problem, run, "smelu_0.1", activation="relu", records=[1]).arrays
    other, slopes = network("smelu_0.1"), []
    start, end = (np.asarray(run.thetas[i]) for i in (0, 1))
    for theta in (start, end):
        torch.nn.utils.vector_to_parameters(torch.from_numpy(theta.copy()), other.parameters())
        loss = hinge(other(pair[0]), pair[1]).mean()
        gradients = torch.autograd.grad(loss, list(other.parameters()))
        slopes.append(torch.cat([g.reshape(-1) for g in gradients]).numpy() @ (end - start))
    assert found["swapped_slope_change"] == pytest.approx([slopes[1] - slopes[0]], rel=1e-7)


class Recurrent(nn.Module):
    """ReLUs inside a layer of torch's, where a call of the whole is all that is seen."""

    def __init__(self, *, by_hand: bool, packed: bool = False) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.layer = nn.RNN(2, 4, nonlinearity="relu", batch_first=True)
        self.last, self.by_hand, self.packed = nn.Linear(4, 3), by_hand, packed
        self.double()

    def forward(self, x: Tensor) -> Tensor:
        x, layer = x.reshape(len(x), 3, 2), self.layer
        if self.packed:
            lengths = torch.full((len(x),), 3)
            x = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
        if not self.by_hand:
            return self.last(layer(x)[1][0])
        state = x.new_zeros(len(x), 4)
        for k in range(3):
            new = functional.linear(x[:, k], layer.weight_ih_l0, layer.bias_ih_l0)
            old = functional.linear(state, layer.weight_hh_l0, layer.bias_hh_l0)
            state = torch.relu(new + old)
        return self.last(state)


def test_activations_inside_recurrent_layers_are_swapped(pair: tuple[Tensor, Tensor]) -> None:
    found = []
    run = trained(Problem(Recurrent(by_hand=True), "cross_entropy", pair))
    for by_hand in (True, False):
        problem = Problem(Recurrent(by_hand=by_hand), "cross_entropy", pair)
        found.append(
            swap_control(problem, run, "smelu_0.1", activation="relu", records=[1, 3]).arrays
        )
    for name, values in found[0].items():
        np.testing.assert_allclose(found[1][name], values, rtol=1e-7, err_msg=name)
    packed = Problem(Recurrent(by_hand=False, packed=True), "cross_entropy", pair)
    with pytest.raises(ValueError, match=r"wherever it is called, got rnn_relu of packed"):
        swap_control(packed, run, "smelu_0.1", activation="relu", records=[1])


@pytest.mark.parametrize(
    ("own", "other", "message"),
    [("relu", "prelu", "those of prelu are trained"), ("prelu", "relu", "those of prelu are"),
     ("gelu", "relu", "the network must call gelu, which is swapped, got no call of it")],
)  # fmt: skip
def test_what_cannot_be_swapped_is_refused(
    own: str, other: str, message: str, pair: tuple[Tensor, Tensor]
) -> None:
    problem = Problem(network("relu"), "cross_entropy", pair)
    with pytest.raises(ValueError, match=message):
        swap_control(problem, trained(problem), other, activation=own, records=[1])


def test_every_twin_has_its_copy() -> None:
    pairs = {"relu": "smelu_0.1", "gelu": "pwl_gelu_0.5", "pwl_tanh_0.5": "tanh",
             "smelu_0.3": "relu", "sigmoid": None}  # fmt: skip
    assert {name: control_of(name) for name in pairs} == pairs
