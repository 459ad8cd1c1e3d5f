"""The slope budget: closed forms, the check, and networks of every kind."""

import copy
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from kinks.along import F64, Along, output
from torch import Tensor, nn

from landscape import (
    Problem,
    Subset,
    gradient,
    gradient_segment,
    random_segment,
    segment_between,
    slope_budget,
)
from landscape.kinks import (
    slope_budgets as measuring,
)
from landscape.kinks.crossings import Crossings
from landscape.networks import activations, build
from landscape.records.segment import Segment


def budget_of(
    function: Callable, *, inputs: Tensor | None = None, samples: int = 8, loss: Callable = output
):
    inputs = torch.ones(1, 1, dtype=F64) if inputs is None else inputs
    segment = Segment(np.zeros(1), np.ones(1), -1.0, 1.0)
    pair = (inputs, torch.zeros(len(inputs), dtype=F64))
    problem = Problem(Along(function), loss, pair)
    return slope_budget(problem, segment, samples=samples, keep_crossings=True)


CLOSED = {
    # function of (t, x) at x = 1: places and jumps of the slope for t in [-1, 1]
    "one relu": (lambda t, x: torch.relu(x * t - 0.3), [(0.3, 1.0)]),
    "two crossings in one interval": (
        lambda t, x: torch.relu(x * t - 0.31) + torch.relu(x * t - 0.32), [(0.31, 1), (0.32, 1)],
    ),
    "relu of relu": (lambda t, x: torch.relu(torch.relu(x * t)), [(0.0, 1.0)]),
    "leaky of relu": (
        lambda t, x: functional.leaky_relu(torch.relu(x * t - 0.2), 0.1), [(0.2, 1.0)],
    ),
    "a later unit whose slope jumps": (
        lambda t, x: torch.relu(torch.relu(x * t) + 0.5 * x * t - 0.3),
        [(0.2, 1.5)],
    ),
    "a slope that jumps while active": (
        lambda t, x: torch.relu(2 * torch.relu(x * t - 0.1) + x * t + 2), [(0.1, 2.0)],
    ),
    "absolute value": (lambda t, x: (x * t + 0.25).abs(), [(-0.25, 2.0)]),
    "prelu with a slope that moves": (
        lambda t, x: functional.prelu(x * t - 0.5, 0.25 + 0.5 * t), [(0.5, 1 - 0.5)],
    ),
    "max pooling of three": (
        lambda t, x: functional.max_pool1d(
            torch.stack([0 * t * x, t * x - 0.2, 3 * t * x - 1.6], dim=-1).reshape(1, 1, 3), 3
        ).reshape(1, 1),
        [(0.2, 1.0), (0.7, 2.0)],
    ),
    "relu before max pooling": (
        lambda t, x: functional.max_pool1d(
            torch.relu(torch.stack([-t * x, t * x, t * x - 2], dim=-1)).reshape(1, 1, 3), 3
        ).reshape(1, 1),
        [(0.0, 2.0)],
    ),
    "exactly on a sample": (lambda t, x: torch.relu(x * t) + 2 * torch.relu(-x * t), [(0.0, 3.0)]),
    "a unit that rests at zero": (lambda t, x: torch.relu(0 * t * x) + t * x, []),
    "hardtanh": (lambda t, x: functional.hardtanh(3 * x * t), [(-1 / 3, 3.0), (1 / 3, -3.0)]),
}  # fmt: skip


@pytest.mark.parametrize("samples", [8, 9])
@pytest.mark.parametrize("name", CLOSED)
def test_closed_forms(name: str, samples: int) -> None:
    function, wanted = CLOSED[name]
    budget = budget_of(function, samples=samples)
    real = np.abs(budget.jumps) > 1e-12
    assert budget.places[real] == pytest.approx([t for t, _ in wanted], abs=1e-9)
    assert budget.jumps[real] == pytest.approx([jump for _, jump in wanted], abs=1e-9)
    assert budget.signed_kink == pytest.approx(sum(j for _, j in wanted), abs=1e-9)
    assert budget.slope_change == pytest.approx(budget.signed_smooth + budget.signed_kink, abs=1e-9)
    assert budget.passed


def test_a_piecewise_linear_loss_kinks_at_residual_zero() -> None:
    inputs = torch.tensor([[1.0], [2.0], [-1.0]], dtype=F64)
    target = torch.tensor([[0.5], [-0.4], [2.0]], dtype=F64)
    model, segment = Along(lambda t, x: t * x), Segment(np.zeros(1), np.ones(1), -1.0, 1.0)
    for loss in (nn.L1Loss(), functional.l1_loss):
        budget = slope_budget(Problem(model, loss, (inputs, target)), segment, keep_crossings=True)
        assert budget.places == pytest.approx([-0.2, 0.5])
        assert budget.jumps == pytest.approx([2 * 2 / 3, 2 / 3])
        assert budget.off_by == pytest.approx(1.0)
        assert budget.signed_smooth == 0


def test_a_network_whose_crossings_are_known_by_hand() -> None:
    """Three units on two examples; z = w x + t v x with ReLU, summed: every root is -w / v."""
    w, v = torch.tensor([0.3, -0.2, 0.5], dtype=F64), torch.tensor([1.0, 2.0, -1.0], dtype=F64)
    inputs = torch.tensor([[1.0], [-2.0]], dtype=F64)
    found = budget_of(lambda t, x: torch.relu(x * (w + t * v)).sum(1), inputs=inputs, samples=5)
    assert found.crossings == 6
    assert found.layers == ("(model):relu",)
    assert found.places == pytest.approx(np.repeat([-0.3, 0.1, 0.5], 2), abs=1e-9)
    assert found.unit_crossings.tolist() == [2, 2, 2]
    # |J| = |v x|, over two examples
    assert found.unit_kinks == pytest.approx([1.5, 3.0, 1.5])
    assert found.kink_variation == pytest.approx(6.0)
    assert found.examples == 2
    assert found.bend_share == found.kink_share == 1.0


def digits(count: int = 120, *, images: bool = False) -> tuple[Tensor, Tensor]:
    from landscape import data

    batch = data.load("digits", standardise="features")
    inputs = torch.from_numpy(batch.inputs[:count].copy()).double()
    inputs = inputs.reshape(count, 1, 8, 8) if images else inputs
    return inputs, torch.from_numpy(batch.targets[:count].copy())


CONTINUOUS = [n for n in activations.names() if n != "hardshrink"]
TWINS = ["smelu_0.01", "smelu_0.1", "softplus_20", "gauss_relu_0.1", "pwl_gelu_1", "elu_0.5"]


@pytest.mark.parametrize("name", [*CONTINUOUS, *TWINS])
def test_every_activation_closes(name: str) -> None:
    model = build("mlp", activation=name, hidden=(8, 8), input_shape=(64,), outputs=10)
    problem = Problem(model, "cross_entropy", digits(24))
    budget = slope_budget(problem, random_segment(model, span=0.3))
    fact = activations.get(name)
    assert budget.passed, (budget.closure_error, budget.tolerance)
    assert (budget.crossings > 0) == bool(fact.kinks)
    assert (budget.kink_share > 0) == bool(fact.kinks)
    if name != "identity":
        assert budget.bend_share > 0.01
    assert not budget.unseen
    assert abs(budget.net_residual) <= 0.02 * budget.example_variation


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("mlp", {"hidden": (8,) * 8, "activation": "relu"}),
        ("mlp", {"hidden": (12, 12), "activation": "selu"}),
        ("cnn", {"channels": (3, 4), "convolutions": 1, "activation": "relu", "hidden": (8,)}),
        ("cnn", {"channels": (3,), "convolutions": 1, "activation": "prelu", "hidden": ()}),
        ("resnet", {"activation": "relu", "width": 2, "depth": 8}),
    ],
)
def test_deep_and_convolutional_networks_close(kind: str, options: dict) -> None:
    images = kind != "mlp"
    shape = (1, 8, 8) if images else (64,)
    model = build(kind, input_shape=shape, outputs=10, **options)
    inputs, targets = digits(12, images=images)
    before = copy.deepcopy(model.state_dict())
    budget = slope_budget(
        Problem(model, "cross_entropy", (inputs if images else inputs.reshape(12, 64), targets)),
        random_segment(model, span=0.1), samples=17,
    )  # fmt: skip
    assert budget.passed, (budget.closure_error, budget.tolerance)
    assert budget.crossings > 10
    assert not budget.unseen
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key


class Functional(nn.Module):
    """The twin of an MLP of modules, written with functional calls."""

    def __init__(self, modules: nn.Module) -> None:
        super().__init__()
        self.linear1, self.linear2, self.output = (
            copy.deepcopy(getattr(modules, name)) for name in ("linear1", "linear2", "output")
        )

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.linear1(inputs.flatten(1))
        hidden = functional.relu(hidden, inplace=True)
        hidden = self.linear2(hidden).clamp_min(0)
        return self.output(hidden)


def test_a_functional_twin_has_the_same_budget() -> None:
    modules = build("mlp", activation="relu", hidden=(12, 12), input_shape=(64,), outputs=10)
    pair = (digits(60)[0].reshape(60, 64), digits(60)[1])
    segment = random_segment(modules, span=0.3)
    one, two = (slope_budget(Problem(m, "cross_entropy", pair), segment)
                for m in (modules, Functional(modules)))  # fmt: skip
    assert one.crossings == two.crossings > 100
    for name in ("signed_kink", "kink_variation", "bend_share", "closure_error"):
        assert getattr(one, name) == pytest.approx(getattr(two, name), rel=1e-9)


def altered(change: Callable[[Tensor, Tensor], Tensor]) -> Callable:
    """Change the jumps by a random number of each unit, the same in every refinement."""
    numbers = torch.rand(64, generator=torch.Generator().manual_seed(4), dtype=F64)
    true = measuring.crossings

    def wrong(*args: object) -> Crossings:
        found = true(*args)  # type: ignore[arg-type]
        return replace(found, jump=change(found.jump, numbers[found.unit]))

    return wrong


CORRUPTIONS = {
    "dropped": lambda jump, _: 0 * jump,
    "doubled": lambda jump, _: 2 * jump,
    "halved at random": lambda jump, u: torch.where(u < 0.5, jump / 2, jump),
    "noise of 50 %": lambda jump, u: jump * (1 + 0.5 * np.sqrt(12) * (u - 0.5)),
}


@pytest.mark.parametrize("activation", ["relu", "leaky_relu_0.3", "hardtanh"])
def test_the_check_fails_where_jumps_are_wrong(
    activation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = build("mlp", activation=activation, hidden=(16,), input_shape=(64,), outputs=10)
    problem = Problem(model, "cross_entropy", digits(30))
    segment = random_segment(model, span=0.2)
    assert slope_budget(problem, segment).passed
    monkeypatch.setattr(measuring, "_ROUNDS", 2)
    corrupted = {name: altered(change) for name, change in CORRUPTIONS.items()}
    for name, wrong_crossings in corrupted.items():
        monkeypatch.setattr(measuring, "crossings", wrong_crossings)
        wrong = slope_budget(problem, segment)
        assert wrong.closure_error > 2 * wrong.tolerance, name
        assert not wrong.passed, name


def test_more_data_do_not_help_autograd_to_the_curvature_of_the_expected_loss() -> None:
    """E relu(x + t) for x uniform on [-1, 1] is (1 + t)^2 / 4: its curvature 1/2 is all kinks."""
    shares = []
    for examples in (100, 1_000, 10_000):
        generator = torch.Generator().manual_seed(examples)
        x = 2 * torch.rand(examples, 1, generator=generator, dtype=F64) - 1
        half = Segment(np.zeros(1), np.ones(1), -0.5, 0.5)
        model = Along(lambda t, x: torch.relu(x + t) + 0.1 * t.square() * torch.ones_like(x))
        found = slope_budget(Problem(model, output, (x, torch.zeros(examples))), half, samples=5)
        assert found.signed_smooth == pytest.approx(0.2, abs=1e-9)
        shares.append(found.signed_kink - 0.5)
    assert abs(shares[2]) < 3 / np.sqrt(10_000)
    assert abs(shares[2]) < max(map(abs, shares))


def test_losses_of_torch_are_asked_for_one_value_each() -> None:
    model = build("mlp", activation="relu", hidden=(6,), input_shape=(64,), outputs=10)
    pair = (digits(30)[0].reshape(30, 64), digits(30)[1])
    segment = random_segment(model, span=0.1)
    wanted = slope_budget(Problem(model, "cross_entropy", pair), segment).slope_change
    equal = nn.CrossEntropyLoss(weight=torch.ones(10))
    for loss in (nn.CrossEntropyLoss(), functional.cross_entropy, equal):
        found = slope_budget(Problem(model, loss, pair), segment).slope_change
        assert found == pytest.approx(wanted)
    weighted = nn.CrossEntropyLoss(weight=torch.linspace(0.1, 1, 10))
    with pytest.raises(ValueError, match="every example counts by itself"):
        slope_budget(Problem(model, weighted, pair), segment)
    with pytest.raises(ValueError, match="one value for each of the"):
        slope_budget(Problem(model, lambda o, t: o.square().mean(), pair), segment)


@pytest.mark.parametrize("subset", [None, Subset(12)])
def test_the_budget_of_a_summed_loss_is_that_of_the_sum(subset: Subset | None) -> None:
    model = build("mlp", activation="relu", hidden=(6,), input_shape=(64,), outputs=10)
    pair = (digits(30)[0].reshape(30, 64), digits(30)[1])
    step = gradient_segment(Problem(model, "cross_entropy", pair), rate=0.5)
    mean, summed = (
        slope_budget(Problem(model, loss, pair, subset=subset), step, keep_crossings=True)
        for loss in ("cross_entropy", nn.CrossEntropyLoss(reduction="sum"))
    )
    examples = 12 if subset else 30
    for name in ("slope_change", "signed_smooth", "signed_kink", "smooth_variation",
                 "kink_variation", "example_variation", "bend", "rest", "layer_kinks",
                 "layer_signed", "unit_kinks", "jumps"):  # fmt: skip
        assert getattr(summed, name) == pytest.approx(examples * getattr(mean, name)), name
    for name in ("examples", "kink_share", "closure_error", "kink_noise", "off_by", "passed"):
        assert getattr(summed, name) == pytest.approx(getattr(mean, name)), name
    problem = Problem(model, nn.CrossEntropyLoss(reduction="sum"), pair, subset=subset)
    ends = (step.origin + t * step.direction for t in (step.start, step.end))
    slopes = [gradient(problem, theta) @ step.direction for theta in ends]
    assert summed.slope_change == pytest.approx(slopes[1] - slopes[0])


def test_segments_and_samples_are_checked() -> None:
    model = build("mlp", activation="relu", hidden=(6,), input_shape=(64,), outputs=10)
    problem = Problem(model, "cross_entropy", (digits(30)[0].reshape(30, 64), digits(30)[1]))
    step = gradient_segment(problem, rate=0.5)
    assert slope_budget(problem, step).passed
    with pytest.raises(ValueError, match="samples must be >= 2, got 1"):
        slope_budget(problem, step, samples=1)
    with pytest.raises(ValueError, match="must not be zero everywhere"):
        segment_between(step.origin, step.origin)
    with pytest.raises(ValueError, match=r"origin must have shape \(460,\)"):
        slope_budget(problem, Segment(np.zeros(3), np.ones(3)))
    with pytest.raises(ValueError, match="finite start < end"):
        Segment(np.zeros(3), np.ones(3), 1.0, 1.0)


def test_chunks_and_batches_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("mlp", activation="relu", hidden=(8, 8), input_shape=(64,), outputs=10)
    problem = Problem(model, "cross_entropy", (digits(50)[0].reshape(50, 64), digits(50)[1]))
    segment = random_segment(model, span=0.2)
    whole = slope_budget(problem, segment, samples=9)
    monkeypatch.setattr(measuring, "_ENTRIES", 16 * 2 * 7)
    parts = slope_budget(problem, segment, samples=9)
    assert parts.passed
    assert parts.slope_change == pytest.approx(whole.slope_change, rel=1e-12)
    assert parts.crossings == pytest.approx(whole.crossings, rel=0.01)
    assert parts.signed_kink == pytest.approx(whole.signed_kink, rel=0.05)


def test_examples_that_are_coupled_are_refused() -> None:
    model = nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.Linear(5, 2)).double()
    pair = (torch.randn(8, 3, dtype=torch.float64), torch.arange(8) % 2)

    def contrast(output, target):
        return nn.functional.cross_entropy(output - output.mean(dim=0), target, reduction="none")

    with pytest.raises(ValueError, match="every example counts by itself"):
        slope_budget(Problem(model, contrast, pair), random_segment(model))


@pytest.mark.parametrize(
    ("net", "smooth", "kink", "passed"),
    [(0.019, 1.0, -0.5, True), (0.021, 1.0, -0.5, False), (-0.021, 0.1, -1.0, False),
     (-0.019, 0.0, 1.0, True), (1e-9, 0.0, 0.0, False), (1e-17, 0.0, 0.0, True)],
)  # fmt: skip
def test_the_check_covers_the_signed_parts(
    net: float, smooth: float, kink: float, *, passed: bool
) -> None:
    true = budget_of(lambda t, x: torch.relu(x * t - 0.3) + t.square() * x)
    assert true.passed
    found = replace(true, net_residual=net, signed_smooth=smooth, signed_kink=kink)
    assert found.passed == found.to_dict()["passed"] == passed
