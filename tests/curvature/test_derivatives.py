"""Gradient and Hessian against dense ones that torch.func computes."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call, grad, hessian

from landscape import Problem, gradient
from landscape.curvature.expected_hessian import hessian_product
from landscape.networks.parameters import flatten, layout_of, unflatten

Pair = tuple[Tensor, Tensor]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside, self.out = nn.Linear(4, 9), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.inside(x[:, None] * torch.arange(1, 4)[None, :, None]).chunk(3, dim=-1)
        return self.out(functional.scaled_dot_product_attention(q, k, v).mean(dim=1))


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell, self.out = nn.GRU(2, 3, batch_first=True), nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.cell(x.reshape(len(x), 2, 2))[0][:, -1])


def chain(*middle: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(4, 5), *middle, nn.Linear(5, 3))


NETS: dict[str, Callable[[], nn.Module]] = {
    "tanh": lambda: chain(nn.Tanh()),
    "relu": lambda: chain(nn.ReLU()),
    "batchnorm": lambda: chain(nn.BatchNorm1d(5), nn.GELU(), nn.Dropout(0.5)),
    "attention": Attention,
    "gru": Recurrent,
}


def make(name: str) -> nn.Module:
    torch.manual_seed(3)
    model = NETS[name]()
    if name == "batchnorm":
        model(torch.randn(20, 4))  # statistics that are not those of a new layer
    return model


def mean_loss(model: nn.Module, pair: Pair) -> Callable[[Tensor], Tensor]:
    """The mean loss as a function of theta [P], of a float64 copy of the model."""
    twin, layout = copy.deepcopy(model).double().eval(), layout_of(model)
    for parameter in twin.parameters():
        parameter.requires_grad_(False)

    def evaluate(theta: Tensor) -> Tensor:
        output = functional_call(twin, unflatten(theta, layout), (pair[0].double(),))
        return functional.cross_entropy(output, pair[1])

    return evaluate


def dense(model: nn.Module, pair: Pair) -> np.ndarray:
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH):
        theta = torch.from_numpy(flatten(model))
        if isinstance(model, Recurrent):  # fused cells have no forward mode
            found = torch.autograd.functional.hessian(mean_loss(model, pair), theta)
        else:
            found = hessian(mean_loss(model, pair))(theta)
    return np.asarray(found)


def state(model: nn.Module) -> list[Any]:
    return [
        *(t.clone() for t in model.state_dict().values()),
        *(p.requires_grad for p in model.parameters()),
        *(p.grad is None for p in model.parameters()),
        *(m.training for m in model.modules()),
    ]


def same(one: list[Any], other: list[Any]) -> bool:
    return all(
        torch.equal(a, b) if isinstance(a, Tensor) else a == b
        for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_operator_is_the_dense_hessian(name: str, dtype: torch.dtype, examples: Pair) -> None:
    model = make(name).to(dtype)
    operator = hessian_product(Problem(model, "cross_entropy", examples))
    size = layout_of(model).size
    assert operator.shape == (size, size)
    matrix, wanted = operator @ np.eye(size), dense(model, examples)
    np.testing.assert_allclose(matrix, wanted, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(operator.T @ np.eye(size)[:, 0], wanted[:, 0], atol=1e-13)
    # The network is neither convex nor concave here: both signs are tested.
    assert np.linalg.eigvalsh(wanted)[0] < -1e-3
    assert np.linalg.eigvalsh(wanted)[-1] > 0.1


@pytest.mark.parametrize("name", ["tanh", "relu", "attention"])
def test_the_gradient_is_that_of_torch(name: str, examples: Pair) -> None:
    model = make(name)
    wanted = grad(mean_loss(model, examples))(torch.from_numpy(flatten(model)))
    np.testing.assert_allclose(
        gradient(Problem(model, "cross_entropy", examples)), wanted, atol=1e-14
    )


def test_a_point_other_than_the_models_is_differentiated(
    model: nn.Module, examples: Pair, rng: np.random.Generator, problem: Problem
) -> None:
    there = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in there.parameters():
            parameter.add_(torch.randn_like(parameter))
    theta, vector = flatten(there), rng.standard_normal(layout_of(model).size)
    np.testing.assert_array_equal(
        hessian_product(problem, theta) @ vector,
        hessian_product(Problem(there, "cross_entropy", examples)) @ vector,
    )
    np.testing.assert_array_equal(
        gradient(problem, theta),
        gradient(Problem(there, "cross_entropy", examples)),
    )


@pytest.mark.parametrize(
    ("loss", "share"),
    [
        ("cross_entropy", 1),
        (nn.CrossEntropyLoss(), 1),
        (nn.CrossEntropyLoss(reduction="sum"), 30),
        (nn.CrossEntropyLoss(reduction="none"), 1),
    ],
    ids=["name", "mean", "sum", "none"],
)
def test_uneven_batches_weigh_every_example_alike_and_a_sum_is_the_sum(
    loss: Any,
    share: int,
    model: nn.Module,
    examples: Pair,
    rng: np.random.Generator,
    problem: Problem,
) -> None:
    inputs, targets = examples
    batches = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])]
    vector = rng.standard_normal(layout_of(model).size)
    wanted = share * (hessian_product(problem) @ vector)
    for data in (examples, batches):
        found = hessian_product(Problem(model, loss, data)) @ vector
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.parametrize("name", NETS)
def test_the_model_is_bit_identical_afterwards(name: str, examples: Pair) -> None:
    model = make(name).train()
    next(model.parameters()).requires_grad_(False)
    before = state(model)
    with torch.no_grad():  # which the caller may have around everything
        operator = hessian_product(Problem(model, "cross_entropy", examples))
        _ = operator @ np.ones(operator.shape[0])
        gradient(Problem(model, "cross_entropy", examples))
    assert same(before, state(model))


def test_frozen_parameters_count_unless_a_selection_is_named(examples: Pair) -> None:
    model = make("tanh")
    for parameter in model[0].parameters():
        parameter.requires_grad_(False)
    wanted, size = dense(model, examples), layout_of(model).size
    every = hessian_product(Problem(model, "cross_entropy", examples))
    np.testing.assert_allclose(every @ np.eye(size), wanted, atol=1e-13)
    trained = [n for n, p in model.named_parameters() if p.requires_grad]
    some = hessian_product(Problem(model, "cross_entropy", examples), varied=trained)
    inside = np.zeros((size, size))
    inside[25:, 25:] = wanted[25:, 25:]
    np.testing.assert_allclose(some @ np.eye(size), inside, atol=1e-13)


def test_a_shared_weight_counts_with_all_its_uses(examples: Pair) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3))
    model[2].weight = model[0].weight
    size = layout_of(model).size
    matrix = hessian_product(Problem(model, "cross_entropy", examples)) @ np.eye(size)
    np.testing.assert_allclose(matrix, dense(model, examples), atol=1e-13)


def test_what_does_not_enter_the_loss_has_zero_curvature(examples: Pair) -> None:
    model = make("tanh")
    model.register_parameter("spare", nn.Parameter(torch.ones(2)))
    size = layout_of(model).size
    matrix = hessian_product(Problem(model, "cross_entropy", examples)) @ np.eye(size)
    spare = [s.name for s in layout_of(model).slots].index("spare")
    assert spare == 0
    np.testing.assert_array_equal(matrix[:2], 0)
    assert matrix[2:, 2:].any()


def test_a_loss_that_is_linear_in_the_parameters_has_no_curvature(examples: Pair) -> None:
    operator = hessian_product(
        Problem(nn.Linear(4, 3), lambda output, _: output.sum(dim=1), examples)
    )
    np.testing.assert_array_equal(operator @ np.ones(15), np.zeros(15))


def test_at_kinks_it_is_the_curvature_of_the_pieces() -> None:
    """Mean of relu(x + t) over x: curvature is the density of kinks, autograd finds none."""
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU()).double()
    inputs = torch.linspace(-1, 1, 200, dtype=torch.float64)[:, None]
    operator = hessian_product(Problem(model, lambda output, _: output.mean(), (inputs, inputs)))
    assert operator.shape == (2, 2)
    np.testing.assert_array_equal(operator @ np.eye(2), 0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loss": lambda o, t: functional.cross_entropy(o, t).detach()}, "without a graph"),
        ({"theta": np.zeros(3)}, r"theta must have shape \(43,\), got \(3,\)"),
        ({"theta": np.full(43, np.nan)}, "theta must be finite"),
        ({"varied": ["0.wieght"]}, r"got \['0.wieght'\]; known: 0.weight, 0.bias"),
        ({"varied": "0.weight"}, "a collection of parameter names"),
        ({"varied": []}, "a collection of parameter names, got none"),
        ({"model": chain(nn.Hardsigmoid())}, "torch could not take them .*hardsigmoid"),
        ({"loss": lambda o, t: o.square().sum(dim=1).mul(0).sqrt()}, "NaN or infinity"),
    ],
)
def test_what_cannot_be_differentiated_twice_is_refused(
    change: dict[str, Any], message: str, examples: Pair
) -> None:
    given: dict[str, Any] = {"model": chain(nn.Tanh()), "loss": "cross_entropy", **change}
    problem = Problem(given.pop("model"), given.pop("loss"), examples)
    with pytest.raises(ValueError, match=message):
        _ = hessian_product(problem, **given) @ np.ones(43)


def test_a_model_that_is_not_deterministic_is_refused(examples: Pair) -> None:
    class Noise(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x + torch.randn_like(x)

    with pytest.raises(ValueError, match="not deterministic"):
        hessian_product(Problem(chain(Noise()), "cross_entropy", examples))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_loss_that_couples_examples_is_taken_over_all_of_a_pair(
    dtype: torch.dtype, caplog: pytest.LogCaptureFixture
) -> None:
    wide = torch.randn(80, 20_000)
    weights = torch.tensor([1.0, 5.0])
    weighted = nn.CrossEntropyLoss(weight=weights.to(dtype))
    model = nn.Linear(20_000, 2)
    # Sorted: the first examples are of one class alone, whose weighted mean is the plain one.
    uneven = torch.cat([torch.zeros(50), torch.ones(30)]).long()
    output = functional.linear(wide.double(), *(p.double() for p in model.parameters()))
    value = functional.cross_entropy(output, uneven, weight=weights.double())
    wanted = torch.cat([w.reshape(-1) for w in torch.autograd.grad(value, [*model.parameters()])])
    for data in ((wide, uneven), [(wide, uneven)]):
        found = gradient(Problem(model, weighted, data))
        # The gradient that torch gives has passed through the float32 parameters.
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-9)
    assert all("depends on the others in its batch" in line for line in caplog.messages)
    assert len(caplog.messages) == 2
