"""The slope change predicted from the start of a step: closed forms, theorems, plain torch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from kinks.along import F64, Along, output
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from landscape import Problem, gradient, slope_budget
from landscape.kinks import predicted_slope_change, slope_budgets
from landscape.networks import activations, build
from landscape.records.segment import Segment

TWO = torch.tensor([0.3, -0.2, 0.1, 0.4], dtype=F64)


def along(function: Callable, start: float = -1.0, step: float = 2.0, loss: Callable = output):
    """Predict from t = start over a step; return it with the change of the loss by plain torch."""
    inputs = torch.ones(1, 1, dtype=F64)
    problem = Problem(Along(function), loss, (inputs, torch.zeros(1, dtype=F64)))
    found = predicted_slope_change(problem, Segment(np.array([start]), np.array([step])))
    at = [function(torch.tensor([t], dtype=F64), inputs) for t in (start, start + step)]
    values = [loss(value, torch.zeros(1, dtype=F64)).item() for value in at]
    return found, values[1] - values[0]


def row(*values: Tensor) -> Tensor:
    return torch.stack(values, -1).reshape(1, 1, -1)


def pooled(values: Tensor) -> Tensor:
    return functional.max_pool1d(values, values.shape[-1])


COPY = [(k.place / 3.2, 3.2 * k.jump) for k in activations.get("pwl_gelu_1").kinks
        if abs(k.place) < 3.2]  # fmt: skip
# A function of (t, x) at x = 1, linear in pieces: places and jumps of its slope for t in (-1, 1).
STRAIGHT = {
    "relu": (lambda t, x: torch.relu(x * t - 0.3), [(0.3, 1)]),
    "relu the other way": (lambda t, x: torch.relu(0.3 - x * t), [(0.3, 1)]),
    "leaky": (lambda t, x: functional.leaky_relu(x * t - 0.3, 0.2), [(0.3, 0.8)]),
    "prelu": (
        lambda t, x: functional.prelu(x * t + 0.1, torch.tensor([0.25], dtype=F64)), [(-0.1, 0.75)],
    ),
    "relu6, both knots": (
        lambda t, x: functional.relu6(10 * x * t + 1), [(-0.1, 10), (0.5, -10)],
    ),
    "hardtanh, both knots": (lambda t, x: functional.hardtanh(2 * x * t), [(-0.5, 2), (0.5, -2)]),
    "hardsigmoid": (lambda t, x: functional.hardsigmoid(6 * x * t), [(-0.5, 1), (0.5, -1)]),
    "softshrink": (lambda t, x: functional.softshrink(x * t), [(-0.5, -1), (0.5, 1)]),
    "threshold": (lambda t, x: functional.threshold(x * t, 0.0, 0.0), [(0.0, 1)]),
    "rrelu": (lambda t, x: functional.rrelu(x * t, 0.1, 0.3, training=False), [(0.0, 0.8)]),
    "abs": (lambda t, x: (x * t + 0.25).abs(), [(-0.25, 2)]),
    "clamp": (lambda t, x: torch.clamp(x * t, -0.2, 0.4), [(-0.2, 1), (0.4, -1)]),
    "clamp by a tensor": (lambda t, x: torch.clamp(x * t, min=TWO[:1]), [(0.3, 1)]),
    "maximum": (lambda t, x: torch.maximum(x * t, 0.1 * x * t), [(0.0, 0.9)]),
    "minimum": (lambda t, x: torch.minimum(x * t, 0.5 - x * t), [(0.25, -2)]),
    "where": (lambda t, x: torch.where(x * t > 0.2, x * t, 0.2), [(0.2, 1)]),
    "where, downwards": (lambda t, x: torch.where(x * t < 0.2, x * t, 0.4 - x * t), [(0.2, -2)]),
    "mask": (lambda t, x: (x * t > 0) * (3 * x * t), [(0.0, 3)]),
    "nine knots": (lambda t, x: activations.make("pwl_gelu_1")(3.2 * x * t), COPY),
    "max pooling": (
        lambda t, x: pooled(row(0 * t * x, t * x - 0.2, 3 * t * x - 1.6)), [(0.2, 1), (0.7, 2)],
    ),
    "max along a dimension": (
        lambda t, x: torch.stack([-t * x, t * x - 0.2], -1).max(dim=-1)[0], [(0.1, 2)],
    ),
    "least along a dimension": (
        lambda t, x: torch.stack([-t * x, t * x - 0.2], -1).amin(dim=-1), [(0.1, -2)],
    ),
    "relu of relu": (lambda t, x: torch.relu(torch.relu(x * t)), [(0.0, 1)]),
    "relu of relu of relu": (
        lambda t, x: torch.relu(torch.relu(torch.relu(x * t - 0.2))), [(0.2, 1)],
    ),
    "abs of relu": (lambda t, x: torch.relu(x * t - 0.2).abs(), [(0.2, 1)]),
    "pooling of zeros": (
        lambda t, x: pooled(torch.relu(row(-t - 2, 2 * t - 1, t - 0.2, -t - 3))),
        [(0.2, 1), (0.8, 1)],
    ),
    "pooling of a unit that dies": (
        lambda t, x: pooled(torch.relu(row(-t, t - 0.5))), [(0.0, 1), (0.5, 1)],
    ),
    "relu of pooling of relu": (
        lambda t, x: torch.relu(pooled(torch.relu(row(-t - 2, t - 0.2)))), [(0.2, 1)],
    ),
    "a dead unit": (lambda t, x: torch.relu(x * t - 3) + t * x, []),
    "a unit at rest": (lambda t, x: torch.relu(0 * x * t) + t * x, []),
    "a constant background": (lambda t, x: pooled(row(0 * t * x, 0 * t * x)), []),
    "kinks that cancel": (lambda t, x: torch.relu(x * t) - torch.relu(-x * t), []),
}  # fmt: skip


@pytest.mark.parametrize("name", STRAIGHT)
def test_lines_in_pieces_are_predicted_exactly(name: str) -> None:
    function, wanted = STRAIGHT[name]
    found, change = along(function)
    places, jumps = np.array(wanted).reshape(-1, 2).T
    # In units of the step, of length 2 in t.
    assert found.kink == pytest.approx(2 * jumps.sum(), abs=1e-9)
    assert found.taken_back == pytest.approx(jumps @ (1 - places), abs=1e-9)
    assert found.slope + found.taken_back == pytest.approx(change, abs=1e-9)
    if name != "kinks that cancel":
        assert found.kink_size == pytest.approx(2 * np.abs(jumps).sum(), abs=1e-9)
        assert found.taken_back_size == pytest.approx(np.abs(jumps) @ (1 - places), abs=1e-9)
    assert found.smooth == found.drift == found.bend_taken_back == 0
    assert found.unseen == ()


ON_THE_KNOT = {
    # An operation and its knots; the derivative that torch takes on a knot differs between them.
    "relu": (torch.relu, [0]),
    "leaky": (lambda z: functional.leaky_relu(z, 0.2), [0]),
    "prelu": (lambda z: functional.prelu(z, torch.tensor([0.25], dtype=F64)), [0]),
    "relu6": (functional.relu6, [0, 6]),
    "hardtanh": (functional.hardtanh, [-1, 1]),
    "hardsigmoid": (functional.hardsigmoid, [-3, 3]),
    "softshrink": (lambda z: functional.softshrink(z, 0.5), [-0.5, 0.5]),
    "threshold": (lambda z: functional.threshold(z, 0.0, 0.0), [0]),
    "abs": (torch.abs, [0]),
    "clamp": (lambda z: torch.clamp(z, -1, 1), [-1, 1]),
    "clamp below": (lambda z: z.clamp(min=0.5), [0.5]),
    "clamp above": (lambda z: z.clamp(max=0.5), [0.5]),
    "maximum": (lambda z: torch.maximum(z, 0.1 * z), [0]),
    "where": (lambda z: torch.where(z > 0, z, 0.1 * z), [0]),
    "where, the other side": (lambda z: torch.where(z >= 0, z, 0.1 * z), [0]),
    "copy": (activations.make("pwl_gelu_1"), [0]),
    "largest of three that tie": (lambda z: pooled(row(z, 2 * z, -z)), [0]),
}  # fmt: skip


@pytest.mark.parametrize("step", [0.25, -0.25])
@pytest.mark.parametrize("name", ON_THE_KNOT)
def test_a_step_that_begins_on_a_kink(name: str, step: float) -> None:
    """The whole change of the loss is known, whichever derivative torch takes on the kink."""
    act, knots = ON_THE_KNOT[name]
    for knot in knots:
        found, change = along(lambda t, x, k=knot: act(t * x + k), 0.0, step)
        assert found.slope + found.taken_back == pytest.approx(change, abs=1e-12), knot
        assert found.slope_change == pytest.approx(change - found.slope, abs=1e-12), knot


def test_a_loss_of_absolute_values_kinks_and_hidden_ones_are_named() -> None:
    inputs = torch.tensor([[1.0], [2.0], [-1.0]], dtype=F64)
    target = torch.tensor([[0.5], [-0.4], [2.0]], dtype=F64)
    step = Segment(-np.ones(1), np.ones(1), 0.0, 2.0)
    model = Along(lambda t, x: t * x)
    for loss, size in ((nn.L1Loss(), 1 / 3), (nn.L1Loss(reduction="sum"), 1.0)):
        found = predicted_slope_change(Problem(model, loss, (inputs, target)), step)
        assert found.kink == pytest.approx(size * (2 + 4)), "residuals at t = 0.5 and -0.2"
        assert found.taken_back == pytest.approx(size * (2 * 0.5 + 4 * 1.2))
        assert found.layers == ("(loss):l1_loss",)
    sides = torch.tensor([[1.0], [-1.0], [1.0]], dtype=F64)
    found = predicted_slope_change(Problem(model, nn.HingeEmbeddingLoss(), (inputs, sides)), step)
    assert found.unseen == ("hinge_embedding_loss in (loss)",)


# -- networks --------------------------------------------------------------------------------------


def digits(count: int = 60) -> tuple[Tensor, Tensor]:
    from landscape import data

    batch = data.load("digits", standardise="features")
    inputs = torch.tensor(batch.inputs[:count], dtype=F64).reshape(count, 1, 8, 8)
    return inputs, torch.tensor(batch.targets[:count])


def vector(model: nn.Module) -> np.ndarray:
    return parameters_to_vector(model.parameters()).detach().numpy().copy()


def random_step(model: nn.Module, size: float, seed: int = 7) -> Segment:
    direction = np.random.default_rng(seed).normal(size=len(vector(model)))
    return Segment(vector(model), size * direction)


def plain_slope(model: nn.Module, loss: Callable, pair: tuple, step: Segment, t: float) -> float:
    """g.d by plain torch, in whatever mode the model is."""
    before = vector(model)
    vector_to_parameters(torch.tensor(step.origin + t * step.direction), model.parameters())
    found = torch.autograd.grad(loss(model(pair[0]), pair[1]), list(model.parameters()))
    vector_to_parameters(torch.tensor(before), model.parameters())
    return float(torch.cat([g.reshape(-1) for g in found]) @ torch.tensor(step.direction))


def plain_curvature(model: nn.Module, loss: Callable, pair: tuple, step: Segment) -> float:
    """d'Hd by double backward."""
    weights = list(model.parameters())
    d = torch.tensor(step.direction)
    first = torch.autograd.grad(loss(model(pair[0]), pair[1]), weights, create_graph=True)
    slope = torch.cat([g.reshape(-1) for g in first]) @ d
    second = torch.autograd.grad(slope, weights, allow_unused=True)
    flat = [torch.zeros_like(w) if g is None else g for g, w in zip(second, weights, strict=True)]
    return float(torch.cat([g.reshape(-1) for g in flat]) @ d)


class OneLayer(nn.Module):
    """Linear, activation, linear; keeps what it passes."""

    def __init__(self, act: Callable[[Tensor], Tensor], norm: nn.Module | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.first, self.last = nn.Linear(64, 12, dtype=F64), nn.Linear(12, 10, dtype=F64)
        self.norm = norm or nn.Identity()
        self.act = act

    def forward(self, inputs: Tensor) -> Tensor:
        self.inside = self.norm(self.first(inputs.flatten(1)))
        self.outside = self.act(self.inside)
        return self.last(self.outside)


def by_hand(model: OneLayer, loss: Callable, pair: tuple, step: Segment, knots: list) -> tuple:
    """The sum of J and of J (1 - t) by differences of pre-activations and plain gradients."""
    value = loss(model(pair[0]), pair[1])
    g = torch.autograd.grad(value, model.outside)[0]
    ends = []
    for h in (1e-4, -1e-4):
        vector_to_parameters(torch.tensor(step.origin + h * step.direction), model.parameters())
        with torch.no_grad():
            model(pair[0])
        ends.append(model.inside)
    vector_to_parameters(torch.tensor(np.array(step.origin)), model.parameters())
    model(pair[0])
    z, dz = model.inside.detach(), (ends[0] - ends[1]) / 2e-4
    total, taken, count = 0.0, 0.0, 0
    for knot, jump in knots:
        place = (knot - z) / dz
        crossed = (place > 0) & (place < 1)
        total += float((jump * g * dz.abs())[crossed].sum())
        taken += float((jump * g * dz.abs() * (1 - place))[crossed].sum())
        count += int(crossed.sum())
    return total, taken, count


ONE_LAYER = {
    "relu": (torch.relu, [(0, 1)]),
    "leaky": (lambda z: functional.leaky_relu(z, 0.3), [(0, 0.7)]),
    "in place": (lambda z: functional.relu(z + 0, inplace=True), [(0, 1)]),
    "hardtanh": (lambda z: functional.hardtanh(z, -0.3, 0.2), [(-0.3, 1), (0.2, -1)]),
    "selu": (torch.selu, [(0, 1.0507009873554805 * (1 - 1.6732632423543772))]),
    "elu": (lambda z: functional.elu(z, 0.4), [(0, 0.6)]),
    "hardswish": (lambda z: functional.hardswish(5 * z), [(-0.6, -2.5), (0.6, -2.5)]),
    "copy": (activations.make("pwl_gelu_0.25"),
             [(k.place, k.jump) for k in activations.get("pwl_gelu_0.25").kinks]),
}  # fmt: skip


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", ONE_LAYER)
def test_one_layer_is_that_of_the_formula(name: str, reduction: str) -> None:
    act, knots = ONE_LAYER[name]
    loss = nn.CrossEntropyLoss(reduction=reduction)
    model, pair = OneLayer(act), digits()
    step = random_step(model, 0.02)
    found = predicted_slope_change(Problem(model, loss, pair), step)
    kink, taken, count = by_hand(model, loss, pair, step, knots)
    assert count > 50
    assert found.crossings == count
    assert found.kink == pytest.approx(kink, rel=1e-9)
    assert found.taken_back == pytest.approx(taken, rel=1e-9)
    assert found.layer_signed == pytest.approx([kink], rel=1e-9)
    assert found.slope == pytest.approx(plain_slope(model, loss, pair, step, 0.0), rel=1e-9)
    curvature = plain_curvature(model, loss, pair, step)
    if name != "selu":  # its second derivative at double backward is torch's own
        assert found.smooth == pytest.approx(curvature, rel=1e-9)
    assert found.curvature == pytest.approx(found.slope_change / np.sum(step.direction**2))
    assert found.promise == pytest.approx(abs(found.slope))
    assert found.taken_back_share == pytest.approx(taken / abs(found.slope))


def test_layers_that_meet_are_carried_by_secants() -> None:
    """Three layers, forth and back by hand with the mean slope of every ReLU over the step."""
    model = build("mlp", hidden=(16, 16, 16), input_shape=(64,), outputs=10, dtype=F64)
    inputs, targets = digits(40)
    step = random_step(model, 0.02)
    parts, start = [], 0
    for p in model.parameters():
        parts.append(torch.tensor(step.direction[start : start + p.numel()]).view(p.shape))
        start += p.numel()
    weights = [p.detach() for p in model.parameters()]
    a, da, seen = inputs.flatten(1), torch.zeros(40, 64, dtype=F64), []
    for w, b, dw, db in zip(weights[::2], weights[1::2], parts[::2], parts[1::2], strict=True):
        z, dz = a @ w.T + b, a @ dw.T + db + da @ w.T
        seen.append((z, dz))
        a, da = z.relu(), (z + dz).relu() - z.relu()
    g = (torch.softmax(seen[-1][0], 1) - functional.one_hot(targets, 10)) / 40
    kink = taken = 0.0
    for w, (z, dz) in zip(weights[6:0:-2], seen[2::-1], strict=True):
        g = g @ w
        crossed = (z > 0) != (z + dz > 0)
        kink += float((g * dz.abs())[crossed].sum())
        taken += float((g * dz.abs() * (1 + z / dz))[crossed].sum())
        g = g * ((z + dz).relu() - z.relu()) / dz
    found = predicted_slope_change(
        Problem(model, "cross_entropy", (inputs.flatten(1), targets)), step
    )
    assert found.crossings > 80
    assert found.kink == pytest.approx(kink, rel=1e-9)
    assert found.taken_back == pytest.approx(taken, rel=1e-9)


def test_tokens_share_the_mean() -> None:
    """g holds the 1/N of the mean over examples and the 1/T of that over tokens."""

    class Tokens(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = OneLayer(nn.PReLU(12, dtype=F64))
            self.inner.first = nn.Linear(8, 12, dtype=F64)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.inner(inputs.reshape(-1, 8)).reshape(len(inputs), 8, 10).transpose(1, 2)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        model = Tokens()
    inputs = digits(20)[0].reshape(20, 8, 8)
    targets = torch.randint(0, 10, (20, 8), generator=torch.Generator().manual_seed(1))
    step = random_step(model, 0.02)
    found = predicted_slope_change(Problem(model, "cross_entropy", (inputs, targets)), step)
    flat, labels = inputs.reshape(-1, 8), targets.reshape(-1)
    value = functional.cross_entropy(model.inner(flat), labels)
    (g,) = torch.autograd.grad(value, model.inner.outside)
    names = [n for n, _ in model.named_parameters()]
    sizes = np.cumsum([0] + [p.numel() for p in model.parameters()])
    w = step.direction[slice(*sizes[names.index("inner.first.weight") :][:2])].reshape(12, 8)
    b = step.direction[slice(*sizes[names.index("inner.first.bias") :][:2])]
    z, dz = model.inner.inside.detach(), flat @ torch.tensor(w).T + torch.tensor(b)
    crossed = (z > 0) != (z + dz > 0)
    assert found.kink == pytest.approx(float((0.75 * g * dz.abs())[crossed].sum()), rel=1e-9)
    assert found.crossings == int(crossed.sum())


def test_pooling_follows_the_envelope_of_all_candidates() -> None:
    """Every pair of candidates, tried by force: what they are linear in t moves alone."""

    class Pooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(1)
                self.filters = nn.Conv2d(1, 3, 3, padding=1, dtype=F64)
            self.register_buffer("last", torch.linspace(-1, 1, 12, dtype=F64))

        def forward(self, inputs: Tensor) -> Tensor:
            self.inside = self.filters(inputs)
            return functional.max_pool2d(self.inside, 4).flatten(1) @ self.last

    model, (inputs, _) = Pooled(), digits(10)
    step = random_step(model, 1.0)
    problem = Problem(model, output, (inputs, torch.zeros(10, dtype=F64)))
    found = predicted_slope_change(problem, step)
    windows = []
    for t in (0.0, 1.0):
        vector_to_parameters(torch.tensor(step.origin + t * step.direction), model.parameters())
        model(inputs)
        cut = model.inside.detach().unfold(2, 4, 4).unfold(3, 4, 4)
        windows.append(cut.reshape(10, 12, 16).numpy())
    kink = size = taken = 0.0
    for n in range(10):
        for u in range(12):
            a, b = windows[0][n, u], windows[1][n, u] - windows[0][n, u]
            g = float(model.last[u]) / 10
            with np.errstate(divide="ignore", invalid="ignore"):
                pairs = ((a[:, None] - a) / (b - b[:, None])).reshape(-1)
            times = np.unique(np.append(pairs[(pairs > 0) & (pairs < 1)], [0.0, 1.0]))
            rates = [b[np.argmax(a + t * b)] for t in (times[1:] + times[:-1]) / 2]
            jumps = g * np.diff(rates)
            kink, size = kink + jumps.sum(), size + np.abs(jumps).sum()
            taken += float(jumps @ (1 - times[1:-1]))
    assert size > 0
    assert found.kink == pytest.approx(kink, rel=1e-9)
    assert found.kink_size == pytest.approx(size, rel=1e-9)
    assert found.taken_back == pytest.approx(taken, rel=1e-9)


@pytest.mark.parametrize("activation", ["gelu", "tanh", "smelu_0.1"])
def test_a_smooth_network_has_bends_and_no_kinks(activation: str) -> None:
    act = activations.make(activation)
    loss, pair = nn.CrossEntropyLoss(), digits(30)
    model = OneLayer(act)
    step = random_step(model, 0.01)
    found = predicted_slope_change(Problem(model, loss, pair), step)
    assert found.crossings == found.kink == found.kink_size == found.taken_back == 0
    assert found.smooth == pytest.approx(plain_curvature(model, loss, pair, step), rel=1e-8)
    (g,) = torch.autograd.grad(loss(model(pair[0]), pair[1]), model.outside)
    d = torch.tensor(step.direction)
    dz = pair[0].flatten(1) @ d[: 64 * 12].view(12, 64).T + d[64 * 12 : 65 * 12]
    z = model.inside.detach().requires_grad_()
    (first,) = torch.autograd.grad(act(z).sum(), z, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), z)
    parts = g * second * dz.square() / 2
    assert found.bend_taken_back == pytest.approx(float(parts.sum()), rel=1e-8)
    assert found.bend_taken_back_size == pytest.approx(float(parts.abs().sum()), rel=1e-8)


@pytest.mark.parametrize("name", sorted(set(activations.names()) - {"hardshrink"}))
def test_every_known_activation_is_predicted(name: str) -> None:
    torch.manual_seed(1)
    layers = (nn.Linear(4, 6), activations.make(name), nn.Linear(6, 3))
    model = nn.Sequential(*layers).double()
    pair = torch.randn(20, 4, dtype=torch.float64), torch.arange(20) % 3
    problem = Problem(model, "cross_entropy", pair)
    start = torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()
    first = gradient(problem)
    step = Segment(start, -0.05 * first)
    exact = (gradient(problem, start + step.direction) - first) @ step.direction
    assert predicted_slope_change(problem, step).slope_change == pytest.approx(exact, rel=0.03)


def test_smooth_errors_fall_with_the_third_power_of_the_step() -> None:
    loss, pair = nn.CrossEntropyLoss(), digits(30)
    model = OneLayer(torch.tanh)
    sizes, errors = np.array([0.01, 0.005, 0.0025]), []
    for size in sizes:
        step = random_step(model, size)
        found = predicted_slope_change(Problem(model, loss, pair), step)
        ends = [plain_slope(model, loss, pair, step, t) for t in (0.0, 1.0)]
        # The slope itself is in units of the step.
        errors.append(abs(found.slope_change - (ends[1] - ends[0])) / size)
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(3, abs=0.2)


def test_the_relative_error_of_kinks_falls_like_the_step() -> None:
    """Of relu(x + t + t^2), x uniform on [-1, 1], kinks make ((1 + 2 h)^3 - 1) / 12 up to t = h."""
    x = torch.linspace(-1, 1, 40_001, dtype=F64)[:, None] + 1e-7
    problem = Problem(Along(lambda t, x: torch.relu(x + t + t * t)), output, (x, 0 * x[:, 0]))
    sizes, errors = np.array([0.08, 0.04, 0.02]), []
    for h in sizes:
        found = predicted_slope_change(problem, Segment(np.zeros(1), np.ones(1), 0.0, h))
        exact = ((1 + 2 * h) ** 3 - 1) / 12
        errors.append(abs(found.kink / exact - 1))
    assert np.polyfit(np.log(sizes), np.log(errors), 1)[0] == pytest.approx(1, abs=0.1)


def test_kinks_of_a_short_step_are_those_of_the_budget() -> None:
    model = build("mlp", hidden=(24, 24), input_shape=(64,), outputs=10, dtype=F64)
    inputs, targets = digits(150)
    problem = Problem(model, "cross_entropy", (inputs.flatten(1), targets))
    step = random_step(model, 8e-3)
    found, exact = predicted_slope_change(problem, step), slope_budget(problem, step)
    assert found.slope == pytest.approx(exact.slope, rel=1e-9)
    assert found.crossings == pytest.approx(exact.crossings, rel=0.03)
    assert found.kink == pytest.approx(exact.signed_kink, abs=0.03 * exact.kink_variation)
    assert found.kink_size == pytest.approx(exact.kink_variation, rel=0.03)


# -- examples that depend on each other ------------------------------------------------------------


def root(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target).sqrt()


COUPLED = {
    "a root of the mean": (None, root),
    "class weights": (
        None, nn.CrossEntropyLoss(weight=torch.linspace(0.1, 1, 10, dtype=F64)),
    ),
    "BatchNorm in training": (nn.BatchNorm1d(12, dtype=F64), nn.CrossEntropyLoss()),
}  # fmt: skip


@pytest.mark.parametrize("name", COUPLED)
def test_coupled_examples_are_one_batch(name: str) -> None:
    norm, loss = COUPLED[name]
    model, pair = OneLayer(torch.relu, norm).train(), digits()
    step = random_step(model, 0.01)
    problem = Problem(model, loss, pair, batch_norm="batch" if norm else "frozen")
    found = predicted_slope_change(problem, step)
    kink, taken, count = by_hand(model, loss, pair, step, [(0, 1)])
    assert found.slope == pytest.approx(plain_slope(model, loss, pair, step, 0.0), rel=1e-9)
    assert found.smooth == pytest.approx(plain_curvature(model, loss, pair, step), rel=1e-9)
    assert count == found.crossings > 20
    # Differences are right to the square of their step, where z is not linear.
    assert found.kink == pytest.approx(kink, rel=1e-6)
    assert found.taken_back == pytest.approx(taken, rel=1e-6)
    ends = [plain_slope(model, loss, pair, step, t) for t in (0.0, 1.0)]
    size = abs(found.smooth) + found.kink_size
    assert found.slope_change == pytest.approx(ends[1] - ends[0], abs=0.02 * size)


def test_convolutions_with_batch_norm_in_training_and_pooling_meet_the_truth() -> None:
    model = build("cnn", channels=(4,), convolutions=1, hidden=(), batch_norm=True, dtype=F64,
                  input_shape=(1, 8, 8), outputs=10).train()  # fmt: skip
    loss, pair = nn.CrossEntropyLoss(), digits(100)
    step = random_step(model, 5e-4)
    found = predicted_slope_change(Problem(model, loss, pair, batch_norm="batch"), step)
    ends = [plain_slope(model, loss, pair, step, t) for t in (0.0, 1.0)]
    assert found.slope == pytest.approx(ends[0], rel=1e-9)
    assert abs(found.kink) > 0.05 * abs(found.smooth)
    assert found.slope_change == pytest.approx(ends[1] - ends[0], rel=0.02)
    assert found.unseen == ()


# -- bookkeeping -----------------------------------------------------------------------------------


def test_batches_and_reduction_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build("mlp", hidden=(8, 8), input_shape=(64,), outputs=10, dtype=F64)
    inputs, targets = digits(50)
    pair = (inputs.flatten(1), targets)
    step = random_step(model, 0.02)
    whole = predicted_slope_change(Problem(model, "cross_entropy", pair), step)
    summed = predicted_slope_change(
        Problem(model, nn.CrossEntropyLoss(reduction="sum"), pair), step
    )
    monkeypatch.setattr(slope_budgets, "_ENTRIES", 7 * 32)
    cut = predicted_slope_change(Problem(model, "cross_entropy", pair), step)
    loader = [(pair[0][i : i + 20], pair[1][i : i + 20]) for i in (0, 20, 40)]
    batches = predicted_slope_change(Problem(model, "cross_entropy", loader), step)
    assert whole.examples == cut.examples == batches.examples == 50
    for name in ("slope", "slope_change", "kink", "kink_size", "taken_back", "layer_kinks"):
        value = getattr(whole, name)
        for other in (cut, batches):
            assert getattr(other, name) == pytest.approx(value, rel=1e-9), name
        assert getattr(summed, name) == pytest.approx(50 * value, rel=1e-9), name
    assert whole.crossings == cut.crossings == summed.crossings


def test_a_segment_may_have_any_ends() -> None:
    model = build("mlp", hidden=(8, 8), input_shape=(64,), outputs=10, dtype=F64)
    inputs, targets = digits(50)
    problem = Problem(model, "cross_entropy", (inputs.flatten(1), targets))
    unit = random_step(model, 0.02)
    far = Segment(unit.origin - 3 * unit.direction, 10 * unit.direction, 0.3, 0.4)
    one, two = (predicted_slope_change(problem, step) for step in (unit, far))
    assert two.slope == pytest.approx(10 * one.slope)
    for name in ("smooth", "drift", "kink"):
        assert getattr(two, name) == pytest.approx(10 * getattr(one, name)), name
    for name in ("taken_back", "promise", "curvature", "crossings"):
        assert getattr(two, name) == pytest.approx(getattr(one, name)), name


def test_what_kinks_take_back_is_that_of_the_budget() -> None:
    model = build("mlp", hidden=(24, 24), input_shape=(64,), outputs=10, dtype=F64)
    inputs, targets = digits(150)
    problem = Problem(model, "cross_entropy", (inputs.flatten(1), targets))
    step = Segment(vector(model), -0.05 * gradient(problem))
    found, exact = (
        predicted_slope_change(problem, step), slope_budget(problem, step, keep_crossings=True),
    )  # fmt: skip
    assert exact.crossings > 80
    assert exact.taken_back == pytest.approx(exact.jumps @ (1 - exact.places))
    assert found.promise == pytest.approx(exact.promise)
    assert found.taken_back == pytest.approx(exact.taken_back, rel=0.05)
    assert found.taken_back_size == pytest.approx(exact.taken_back_size, rel=0.05)
    assert np.isnan(slope_budget(problem, step).taken_back)


def test_what_cannot_be_predicted_is_refused() -> None:
    inputs, targets = digits(20)
    pair = (inputs, targets)
    model = OneLayer(torch.relu, nn.BatchNorm1d(12, dtype=F64))
    step = random_step(model, 0.01)
    with pytest.raises(ValueError, match="derivatives do not go through recalibrated"):
        predicted_slope_change(Problem(model, data=pair, batch_norm="recalibrated"), step)
    with pytest.raises(ValueError, match="origin must have shape"):
        predicted_slope_change(Problem(model, data=pair), Segment(np.zeros(3), np.ones(3)))
    jumps = OneLayer(lambda z: torch.where(z > 0, 1.0 + z, 0.1 * z))
    with pytest.raises(ValueError, match="jumps in value"):
        predicted_slope_change(Problem(jumps, data=pair), random_step(jumps, 0.02))

    class Unpooled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.filters = nn.Conv2d(1, 3, 3, padding=1, dtype=F64)

        def forward(self, inputs: Tensor) -> Tensor:
            hidden, index = functional.max_pool2d(self.filters(inputs), 2, return_indices=True)
            return functional.max_unpool2d(hidden, index, 2).flatten(1)[:, :10]

    unpooled = Unpooled()
    with pytest.raises(ValueError, match="place values"):
        predicted_slope_change(Problem(unpooled, data=pair), random_step(unpooled, 1.0))
