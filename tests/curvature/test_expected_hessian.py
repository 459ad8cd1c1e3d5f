"""The Hessian of a cloud against dense matrices built kink by kink in plain torch."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call, hessian, jacrev
from torch.utils.checkpoint import checkpoint

from landscape import Problem, gradient
from landscape.curvature.expected_hessian import expected_hessian_check, hessian_product
from landscape.networks.directions import normalise, random_direction
from landscape.networks.parameters import flatten, layout_of, unflatten

Pair = tuple[Tensor, Tensor]
# Runs a network with its parameters as a vector: the loss, and of every kink its pre-activations.
# Shifts are added to the outputs of the kinks.
Run = Callable[[Tensor, Sequence[Tensor | float]], tuple[Tensor, list[Tensor]]]
SCALE, PROBES = 0.5, 6


def matrix_of(problem: Problem, **options: Any) -> np.ndarray:
    operator = hessian_product(problem, scale=SCALE, probes=PROBES, **options)
    assert operator.unseen == ()
    return operator @ np.eye(operator.shape[0])


def draws(model: nn.Module) -> list[Tensor]:
    """Return the directions of the probes, and check their kind: every filter has its length."""
    layout, theta = layout_of(model), flatten(model)
    found = []
    for number in range(PROBES):
        draw = random_direction(layout, seed=0, axis=f"cloud {number}")
        found.append(torch.from_numpy(normalise(draw, theta, layout)))
    for slot, part in layout.parts():
        if len(slot.shape) == 2:
            lengths = found[0][part].reshape(slot.shape).norm(dim=1)
            wanted = torch.from_numpy(theta[part]).reshape(slot.shape).norm(dim=1)
            torch.testing.assert_close(lengths, wanted)
    return found


def dense(model: nn.Module, run: Run, kinks: list[list[tuple[float, Any]]]) -> np.ndarray:
    """Return H_ae + sum of jump g N(z; z0, h^2) grad z grad z', unit by unit."""
    theta = torch.from_numpy(flatten(model))
    none: list[Tensor | float] = [0.0] * len(kinks)
    zs = run(theta, none)[1]
    shifts = [torch.zeros_like(z, requires_grad=True) for z in zs]
    slopes = torch.autograd.grad(run(theta, shifts)[0], shifts)
    rates = jacrev(lambda t: run(t, none)[1])(theta)
    directions = draws(model)
    radius = SCALE / math.sqrt(np.mean([float(d.square().sum()) for d in directions]))
    matrix = hessian(lambda t: run(t, none)[0])(theta)
    for z, g, rate, pairs in zip(zs, slopes, rates, kinks, strict=True):
        for place in np.ndindex(*z.shape):
            along = rate[place]
            moved = torch.stack([(along @ d).square() for d in directions]).mean().sqrt()
            h = radius * float(moved)
            if h == 0:
                continue
            for knot, jump in pairs:
                jump = float(jump[place[1]]) if isinstance(jump, Tensor) else jump
                bell = math.exp(-(((float(z[place]) - knot) / h) ** 2) / 2)
                density = bell / (math.sqrt(2 * math.pi) * h)
                matrix = matrix + jump * float(g[place]) * density * torch.outer(along, along)
    return matrix.detach().numpy()


def pieces(model: nn.Module) -> Callable[[Tensor], dict[str, Tensor]]:
    layout = layout_of(model)
    return lambda theta: unflatten(theta, layout)


def one_hidden(activation: nn.Module) -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 5), activation, nn.Linear(5, 3)).double()


class Function(nn.Module):
    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def slopes_of_prelu() -> nn.Module:
    module = nn.PReLU(5)
    with torch.no_grad():
        module.weight.copy_(torch.linspace(-0.2, 0.6, 5))
    return module


ELEMENTWISE: dict[str, tuple[Callable[[], nn.Module], list[tuple[float, Any]]]] = {
    "relu": (nn.ReLU, [(0, 1)]),
    "relu in place": (lambda: nn.ReLU(inplace=True), [(0, 1)]),
    "leaky": (lambda: nn.LeakyReLU(0.3), [(0, 0.7)]),
    "prelu": (slopes_of_prelu, [(0, 1 - torch.linspace(-0.2, 0.6, 5).double())]),
    "relu6": (nn.ReLU6, [(0, 1), (6, -1)]),
    "hardtanh": (lambda: nn.Hardtanh(-0.3, 0.5), [(-0.3, 1), (0.5, -1)]),
    "hardswish": (nn.Hardswish, [(-3, -0.5), (3, -0.5)]),
    "softshrink": (nn.Softshrink, [(-0.5, -1), (0.5, 1)]),
    "selu": (nn.SELU, [(0, 1.0507009873554805 * (1 - 1.6732632423543772))]),
    "elu": (lambda: nn.ELU(2.0), [(0, -1.0)]),
    "abs": (lambda: Function(torch.abs), [(0, 2)]),
    "clamp": (lambda: Function(lambda x: x.clamp(-0.2, 0.4)), [(-0.2, 1), (0.4, -1)]),
    "clamp_": (lambda: Function(lambda x: (1 * x).clamp_(max=0.4)), [(0.4, -1)]),
    "maximum": (lambda: Function(lambda x: torch.maximum(x, 0.5 * x)), [(0, 0.5)]),
    "minimum": (lambda: Function(lambda x: torch.minimum(x, 0.5 * x)), [(0, -0.5)]),
}


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_every_elementwise_kink_has_its_density(name: str, examples: Pair) -> None:
    make, kinks = ELEMENTWISE[name]
    model = one_hidden(make())
    inputs, targets = examples[0].double(), examples[1]
    named = pieces(model)

    def run(theta: Tensor, shifts: Sequence[Tensor | float]) -> tuple[Tensor, list[Tensor]]:
        p = named(theta)
        z = inputs @ p["0.weight"].T + p["0.bias"]
        act = functional_call(model[1], {k[2:]: v for k, v in p.items() if k[0] == "1"}, (1 * z,))
        output = (act + shifts[0]) @ p["2.weight"].T + p["2.bias"]
        return functional.cross_entropy(output, targets), [z]

    problem = Problem(model, "cross_entropy", examples)
    found, wanted = matrix_of(problem), dense(model, run, [kinks])
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
    np.testing.assert_allclose(found, found.T, atol=1e-15)
    plain = hessian(lambda t: run(t, [0.0])[0])(torch.from_numpy(flatten(model))).numpy()
    assert np.abs(found - plain).max() > 1e-4 * np.abs(plain).max()


class Convolutions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2)
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.norm(self.first(x)))
        return self.last(functional.max_pool2d(x, 2).flatten(1))


def test_convolutions_batch_norm_and_pooling() -> None:
    torch.manual_seed(2)
    model = Convolutions().double()
    images, targets = torch.randn(12, 1, 4, 4).double(), torch.randint(0, 3, (12,))
    model(3 * images)
    named, norm = pieces(model), model.eval().norm

    def run(theta: Tensor, shifts: Sequence[Tensor | float]) -> tuple[Tensor, list[Tensor]]:
        p = named(theta)
        x = functional.conv2d(images, p["first.weight"], p["first.bias"], padding=1)
        deviation = (norm.running_var + norm.eps).sqrt()[:, None, None]
        z = (x - norm.running_mean[:, None, None]) / deviation
        z = z * p["norm.weight"][:, None, None] + p["norm.bias"][:, None, None]
        y = z * (z > 0) + shifts[0]
        windows = y.reshape(12, 2, 2, 2, 2, 2).transpose(3, 4).reshape(12, 8, 4)
        order = windows.detach().argsort(dim=-1, descending=True)
        best = windows.gather(-1, order)
        # Where all candidates rest behind their ReLU, none of them counts.
        on = (best[..., 0] > 0).detach()
        pooled = torch.where(on, best[..., 0], 0.0) + shifts[1]
        output = pooled @ p["last.weight"].T + p["last.bias"]
        return functional.cross_entropy(output, targets), [z, best[..., 0] - best[..., 1]]

    found = matrix_of(Problem(model, "cross_entropy", (images, targets)))
    wanted = dense(model, run, [[(0, 1)], [(0, 1)]])
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())
    without = dense(model, run, [[(0, 1)], []])
    assert np.abs(found - without).max() > 1e-3 * np.abs(wanted).max()


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm, self.inside = nn.LayerNorm(4), nn.Linear(4, 12)
        self.up, self.down, self.head = nn.Linear(4, 6), nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = x.reshape(len(x), 2, 4)
        q, k, v = self.inside(self.norm(x)).chunk(3, dim=-1)
        x = x + functional.scaled_dot_product_attention(q, k, v)
        x = x + self.down(functional.relu(self.up(x)))
        return self.head(x.mean(dim=1))


def test_a_transformer_block() -> None:
    torch.manual_seed(3)
    model = Block().double()
    tokens, targets = torch.randn(6, 8).double(), torch.randint(0, 3, (6,))
    named = pieces(model)

    def run(theta: Tensor, shifts: Sequence[Tensor | float]) -> tuple[Tensor, list[Tensor]]:
        p = named(theta)
        x = tokens.reshape(6, 2, 4)
        centred = x - x.mean(dim=-1, keepdim=True)
        normed = centred / (centred.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt()
        normed = normed * p["norm.weight"] + p["norm.bias"]
        q, k, v = (normed @ p["inside.weight"].T + p["inside.bias"]).chunk(3, dim=-1)
        x = x + torch.softmax(q @ k.transpose(-1, -2) / 2, dim=-1) @ v
        z = x @ p["up.weight"].T + p["up.bias"]
        x = x + (z * (z > 0) + shifts[0]) @ p["down.weight"].T + p["down.bias"]
        output = x.mean(dim=1) @ p["head.weight"].T + p["head.bias"]
        return functional.cross_entropy(output, targets), [z]

    found = matrix_of(Problem(model, "cross_entropy", (tokens, targets)))
    wanted = dense(model, run, [[(0, 1)]])
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("which", ["max", "amin", "max_pool1d"])
def test_the_largest_of_several_is_the_second_plus_a_rectifier(which: str, examples: Pair) -> None:
    """Of three candidates each: two kinks where the two best meet, none of the third."""
    sign = -1 if which == "amin" else 1
    choose: dict[str, Callable[[Tensor], Tensor]] = {
        "max": lambda x: x.reshape(-1, 2, 3).max(dim=2)[0],
        "amin": lambda x: x.reshape(-1, 2, 3).amin(dim=-1),
        "max_pool1d": lambda x: functional.max_pool1d(x[:, None], 3)[:, 0],
    }
    torch.manual_seed(4)
    model = nn.Sequential(nn.Linear(4, 6), Function(choose[which]), nn.Linear(2, 3)).double()
    inputs, targets = examples[0].double(), examples[1]
    named = pieces(model)

    def run(theta: Tensor, shifts: Sequence[Tensor | float]) -> tuple[Tensor, list[Tensor]]:
        p = named(theta)
        x = sign * (inputs @ p["0.weight"].T + p["0.bias"]).reshape(-1, 2, 3)
        order = x.detach().argsort(dim=-1, descending=True)
        best = x.gather(-1, order)
        output = (sign * best[..., 0] + shifts[0]) @ p["2.weight"].T + p["2.bias"]
        return functional.cross_entropy(output, targets), [best[..., 0] - best[..., 1]]

    found = matrix_of(Problem(model, "cross_entropy", examples))
    wanted = dense(model, run, [[(0, sign)]])
    np.testing.assert_allclose(found, wanted, atol=1e-9 * np.abs(wanted).max())


def test_kinks_of_the_loss_are_densities_of_residuals() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1, bias=False).double()
    x, y = torch.randn(15, 3).double(), torch.randn(15, 1).double()
    found = matrix_of(Problem(model, nn.L1Loss(), (x, y)))
    directions = torch.stack(draws(model))
    radius = SCALE / float(model.weight.detach().norm())
    h = radius * (x @ directions.T).square().mean(dim=1).sqrt()
    residual = (model(x) - y)[:, 0].detach()
    density = 2 * torch.exp(-(residual**2) / (2 * h**2)) / (math.sqrt(2 * math.pi) * h)
    np.testing.assert_allclose(found, (x.T * density) @ x / 15, rtol=1e-8)


def test_sums_batches_and_parameters_that_do_not_vary(examples: Pair) -> None:
    model = one_hidden(nn.ReLU())
    inputs, targets = examples
    whole = matrix_of(Problem(model, "cross_entropy", examples))
    batches = [(inputs[:11], targets[:11]), (inputs[11:], targets[11:])]
    summed = nn.CrossEntropyLoss(reduction="sum")
    np.testing.assert_allclose(
        matrix_of(Problem(model, "cross_entropy", batches)), whole, atol=1e-15
    )
    np.testing.assert_allclose(matrix_of(Problem(model, summed, batches)), 30 * whole, atol=1e-13)
    # The cloud of fewer parameters is another one: of the last layer alone it meets no kink.
    last = {"varied": ["2.weight", "2.bias"]}
    problem = Problem(model, "cross_entropy", examples)
    plain = hessian_product(problem, **last) @ np.eye(len(whole))
    np.testing.assert_array_equal(matrix_of(problem, **last), plain)
    first = matrix_of(problem, varied=["0.weight", "0.bias"])
    assert not first[25:].any()
    assert np.abs(first[:25, :25] - whole[:25, :25]).max() > 1e-4


def test_a_small_cloud_is_autograd_and_smooth_networks_are_exactly_so(examples: Pair) -> None:
    kinked = Problem(one_hidden(nn.ReLU()), "cross_entropy", examples)
    size = kinked.layout.size
    small = hessian_product(kinked, scale=1e-6) @ np.eye(size)
    np.testing.assert_array_equal(small, hessian_product(kinked) @ np.eye(size))
    for activation in (nn.GELU(), nn.Sequential(nn.LayerNorm(5), nn.Tanh())):
        smooth = Problem(one_hidden(activation), "cross_entropy", examples)
        every = np.eye(smooth.layout.size)
        np.testing.assert_array_equal(
            hessian_product(smooth, scale=1.0) @ every, hessian_product(smooth) @ every
        )


def test_values_gradients_and_the_model_stay(examples: Pair) -> None:
    model = one_hidden(nn.ReLU())
    problem, before = Problem(model, "cross_entropy", examples), flatten(model)
    operator = hessian_product(problem, scale=0.5)
    np.testing.assert_array_equal(operator.at.theta, before)
    np.testing.assert_array_equal(operator.at.gradient(), gradient(problem))
    loss = operator.at.evaluator(before[None])["losses"]
    one, other = np.random.default_rng(0).standard_normal((2, len(before)))
    np.testing.assert_allclose(
        operator @ (one - 2 * other), operator @ one - 2 * (operator @ other), atol=1e-14
    )
    assert one @ (operator @ other) == pytest.approx(other @ (operator @ one), rel=1e-12)
    np.testing.assert_array_equal(operator.at.evaluator(before[None])["losses"], loss)
    np.testing.assert_array_equal(flatten(model), before)
    assert operator.settings["scale"] == 0.5
    assert "scale" not in hessian_product(problem).settings


class Unrolled(nn.Module):
    """What ``nn.RNN`` does with ReLUs, by hand."""

    def __init__(self, fused: nn.RNN) -> None:
        super().__init__()
        self.fused = fused

    def forward(self, x: Tensor) -> Tensor:
        layer, state = self.fused, x.new_zeros(len(x), 3)
        for k in range(x.shape[1]):
            state = functional.relu(
                x[:, k] @ layer.weight_ih_l0.T + layer.bias_ih_l0
                + state @ layer.weight_hh_l0.T + layer.bias_hh_l0
            )  # fmt: skip
        return state


class Fused(Unrolled):
    def forward(self, x: Tensor) -> Tensor:
        return self.fused(x)[0][:, -1]


def test_recurrent_layers_and_checkpoints_have_the_densities_of_their_parts(
    examples: Pair,
) -> None:
    torch.manual_seed(5)
    layer = nn.RNN(2, 3, nonlinearity="relu", batch_first=True).double()
    data = examples[0].reshape(-1, 2, 2), examples[1]
    np.testing.assert_allclose(
        matrix_of(Problem(Fused(layer), "cross_entropy", data)),
        matrix_of(Problem(Unrolled(layer), "cross_entropy", data)),
        atol=1e-9,
    )
    plain = one_hidden(nn.Sequential(nn.Linear(5, 5), nn.ReLU()))
    inside = plain[1]
    wanted = matrix_of(Problem(plain, "cross_entropy", examples))
    inside.forward = lambda x: checkpoint(  # type: ignore[method-assign]
        lambda y: functional.relu(functional.linear(y, inside[0].weight, inside[0].bias)),
        x, use_reentrant=False,
    )  # fmt: skip
    found = matrix_of(Problem(plain, "cross_entropy", examples))
    np.testing.assert_allclose(found, wanted, atol=1e-14)


class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp_min(0)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        return slopes[0] * (ctx.saved_tensors[0] > 0)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (lambda x: torch.where(x > 0, x, 0.1 * x), r"a choice by a comparison \(where\) in 1"),
        (lambda x: x.sort(dim=1)[0], "sort in 1"),
        (Own.apply, "the function Own"),
        (
            lambda x: functional.max_unpool1d(
                *functional.max_pool1d(x[:, None], 2, ceil_mode=True, return_indices=True), 2,
                output_size=(5,),
            )[:, 0],
            "unpooling by max_pool1d in 1",
        ),
    ],
    ids=["where", "sort", "function", "unpooling"],
)  # fmt: skip
def test_what_is_not_covered_is_named(
    function: Callable[[Tensor], Tensor], name: str, examples: Pair
) -> None:
    model = one_hidden(Function(function))
    operator = hessian_product(Problem(model, "cross_entropy", examples), scale=0.1)
    assert len(operator.unseen) == 1
    assert operator.unseen[0] == name.replace("\\", "")
    assert operator.settings["unseen"] == list(operator.unseen)
    assert np.isfinite(operator @ np.ones(operator.shape[0])).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scale": 0.0}, "scale must be > 0, the length of a step, got 0.0"),
        ({"scale": math.nan}, "scale must be > 0"),
        ({"scale": 1.0, "probes": 0}, "probes must be >= 1, got 0"),
        ({"scale": 1.0, "varied": ["0.bias"]}, "a cloud needs weights with filters"),
    ],
)
def test_impossible_clouds_are_refused(
    options: dict[str, Any], message: str, examples: Pair
) -> None:
    with pytest.raises(ValueError, match=message):
        hessian_product(Problem(one_hidden(nn.ReLU()), "cross_entropy", examples), **options)


def deep() -> nn.Module:
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for inside, outside in [(4, 24), *[(24, 24)] * 5, (24, 3)]:
        layer = nn.Linear(inside, outside)
        nn.init.normal_(layer.weight, std=math.sqrt(2 / inside))
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).double()


def test_it_is_the_curvature_of_the_averaged_loss() -> None:
    """By differences of gradients over the cloud; the measured errors stand at the end."""
    inputs = torch.randn(200, 4, generator=torch.Generator().manual_seed(0)).double()
    data = inputs, (inputs[:, 0] > 0).long() + (inputs[:, 1] > 0.5).long()
    found = expected_hessian_check(
        Problem(deep(), "cross_entropy", data), scale=0.03, directions=6, centres=80
    )
    told = found.settings
    # Measured: 17 % with 15 % noise; autograd misses 72 %.
    assert told["rms_error"] < 0.4 * told["autograd_rms_error"]
    assert told["rms_error"] < 2 * told["noise"]
    assert told["text"].startswith("rms error ")
    truth = found.arrays["truth"]
    whole = np.sqrt(np.mean(truth**2))
    error = np.sqrt(np.mean((found.arrays["expected"] - truth) ** 2)) / whole
    assert told["rms_error"] == pytest.approx(error)
    assert told["text"] == (
        f"rms error {100 * error:.2g} % (noise of the check {100 * told['noise']:.2g} %), "
        f"autograd's {100 * told['autograd_rms_error']:.2g} %"
    )


def test_the_check_of_a_quadratic_has_no_error() -> None:
    torch.manual_seed(0)
    model = nn.Linear(3, 1).double()
    problem = Problem(model, "mse", (torch.randn(9, 3).double(), torch.randn(9, 1).double()))
    found = expected_hessian_check(problem, scale=0.3, directions=3, centres=2)
    np.testing.assert_allclose(found.arrays["truth"], found.arrays["autograd"], rtol=1e-9)
    np.testing.assert_array_equal(found.arrays["expected"], found.arrays["autograd"])
    assert found.settings["noise"] < 1e-9
    with pytest.raises(ValueError, match="centres >= 2, got 3 and 1"):
        expected_hessian_check(problem, scale=0.3, directions=3, centres=1)
    linear = Problem(model, lambda output, _: output[:, 0], (torch.eye(3), torch.eye(3)))
    with pytest.raises(ValueError, match="no curvature along any"):
        expected_hessian_check(linear, scale=0.3)


class Rested(Convolutions):
    """Pools what BatchNorm made of ReLUs: entries that rest behind them move with its bias."""

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(functional.relu(self.first(x)))
        return self.last(functional.max_pool2d(x, 2).flatten(1))


@pytest.mark.parametrize("kind", [Convolutions, Rested])
def test_loss_and_gradient_are_those_without_a_cloud(kind: type[Convolutions]) -> None:
    torch.manual_seed(2)
    model = kind().double()
    with torch.no_grad():
        model.first.bias.sub_(0.5)  # so that many windows rest altogether
    data = torch.randn(12, 1, 4, 4).double(), torch.randint(0, 3, (12,))
    operator = hessian_product(Problem(model.eval(), "cross_entropy", data), scale=0.3)
    at, kinks = operator.at, operator.kinks
    assert kinks is not None
    part = at.evaluator.batches.parts[0]
    with at.in_place() as (leaves, backward):
        plain = backward.parts(part)[0]
        wanted = torch.autograd.grad(plain, list(leaves.values()))
        with kinks.around(0, part):
            bent = backward.parts(part)[0]
        found = torch.autograd.grad(bent, list(leaves.values()))
    assert float(bent.detach()) == float(plain.detach())
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-14, atol=1e-16)
        assert other.abs().max() > 1e-6
