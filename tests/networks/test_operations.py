"""Every way to write a kink: the jumps found against those of densely sampled slopes."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.func import functional_call, jvp, vmap

from landscape import Problem, slope_budget
from landscape.networks import activations
from landscape.records.segment import Segment

F64 = torch.float64
TWO = torch.tensor([0.3, -0.2, 0.1, 0.4], dtype=F64)


class Written(nn.Module):
    """Linear, a function, linear: the function is written as users write it."""

    def __init__(self, function: Callable[[Tensor], Tensor], width: int = 4) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(3)
            self.first = nn.Linear(3, 4, dtype=F64)
            self.last = nn.Linear(width, 2, dtype=F64)
        self.function = function
        self.slope = nn.Parameter(torch.full((1,), 0.3, dtype=F64))

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs)
        return self.last(self.function(hidden)) * (1 + 0 * self.slope)


def data(examples: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(examples, 3, generator=generator, dtype=F64)
    return inputs, torch.randn(examples, 2, generator=generator, dtype=F64)


def line(model: nn.Module, seed: int = 7) -> Segment:
    theta = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()
    direction = np.random.default_rng(seed).normal(size=len(theta))
    return Segment(theta, direction, -1.0, 1.0)


def slopes(model: nn.Module, loss: Callable, pair: tuple, segment: Segment, places: np.ndarray):
    """Slope of every example at every place, [T, N], by forward mode on the plain network."""
    names = [(n, p.shape) for n, p in model.named_parameters()]

    def values(t: Tensor) -> Tensor:
        theta = torch.from_numpy(segment.origin.copy())
        theta = theta + t * torch.from_numpy(segment.direction.copy())
        parts, start = {}, 0
        for name, shape in names:
            parts[name] = theta[start : start + shape.numel()].reshape(shape)
            start += shape.numel()
        return loss(functional_call(model, parts, (pair[0],)), pair[1])

    def rate(t: Tensor) -> Tensor:
        return jvp(values, (t,), (torch.ones_like(t),))[1]

    return vmap(rate)(torch.from_numpy(places)).numpy()


def atoms(model: nn.Module, loss: Callable, pair: tuple, segment: Segment) -> np.ndarray:
    """Jumps of the examples' slopes: what a step of the dense samples has beyond its neighbours."""
    places = np.linspace(segment.start, segment.end, 2401) + 1e-5
    change = np.diff(slopes(model, loss, pair, segment, places), axis=0)
    usual = (change[:-4] + change[4:]) / 2
    extra = change[2:-2] - usual
    # Next to a jump the neighbours are off: a jump is larger than its mirror images.
    padded = np.pad(np.abs(extra), ((2, 2), (0, 0)))
    highest = np.max([padded[i : i + len(extra)] for i in (0, 1, 3, 4)], axis=0)
    return extra[(np.abs(extra) > 1.5 * highest) & (np.abs(extra) > 2e-3)]


def per_example(output: Tensor, target: Tensor) -> Tensor:
    return (output - target).square().mean(dim=1)


WRITTEN = {
    "relu": torch.relu,
    "relu method": lambda z: z.relu(),
    "relu in place": lambda z: functional.relu(z, inplace=True),
    "relu_": lambda z: torch.relu_(z),
    "relu_ then changed": lambda z: torch.relu_(z).mul_(2.0).add_(1.0),
    "leaky": lambda z: functional.leaky_relu(z, 0.2),
    "leaky in place": lambda z: functional.leaky_relu_(z, 0.2),
    "prelu": lambda z: functional.prelu(z, torch.tensor([0.2, 0.5, -0.3, 1.5], dtype=F64)),
    "rrelu": lambda z: functional.rrelu(z, 0.1, 0.3, training=False),
    "relu6": lambda z: functional.relu6(8 * z),
    "hardtanh": lambda z: functional.hardtanh(z, -0.5, 0.3),
    "hardtanh_": lambda z: functional.hardtanh_(z, -0.5, 0.3),
    "hardsigmoid": lambda z: functional.hardsigmoid(5 * z),
    "hardswish": lambda z: functional.hardswish(5 * z),
    "softshrink": functional.softshrink,
    "selu": torch.selu,
    "elu": lambda z: functional.elu(z, 0.5),
    "elu_": lambda z: functional.elu_(z, 2.0),
    "threshold that is relu": lambda z: functional.threshold(z, 0.0, 0.0),
    "clamp min": lambda z: z.clamp(min=0.1),
    "clamp both": lambda z: torch.clamp(z, -0.2, 0.4),
    "clamp_": lambda z: z.clamp_(-0.2, 0.4),
    "clamp_min": lambda z: torch.clamp_min(z, 0),
    "clamp_max": lambda z: z.clamp_max(0.2),
    "clip": lambda z: torch.clip(z, 0.0, None),
    "clamp by a tensor": lambda z: torch.clamp(z, min=TWO),
    "abs": lambda z: z.abs(),
    "built-in abs": lambda z: abs(z),
    "maximum": lambda z: torch.maximum(z, 0.1 * z),
    "max of two": lambda z: torch.max(z, z.flip(1)),
    "fmax": lambda z: torch.fmax(z, 0.3 * z * z),
    "minimum": lambda z: torch.minimum(z, z.roll(1, 1)),
    "where": lambda z: torch.where(z > 0, z, 0.01 * z),
    "where method": lambda z: z.where(z >= 0, torch.zeros_like(z)),
    "where less": lambda z: torch.where(z < 0.5, 0.5 * torch.ones_like(z), z),
    "where of two tensors": lambda z: torch.where(z > z.flip(1), z, z.flip(1)),
    "mask": lambda z: z * (z > 0),
    "mask first": lambda z: (z > 0) * z,
    "mask as numbers": lambda z: (z > 0).float() * z,
    "mask turned": lambda z: z * ~(z > 0),
    "masked_fill": lambda z: z.masked_fill(z < 0, 0.0),
    "squared relu": lambda z: torch.relu(z).square() + torch.relu(z),
    "relu of relu": lambda z: torch.relu(torch.relu(z)),
    "leaky of relu": lambda z: functional.leaky_relu(torch.relu(z), 0.3),
    "relu of relu minus a bit": lambda z: torch.relu(torch.relu(z) - 0.2),
    "relu of abs": lambda z: torch.relu(z.abs() - 0.3),
    "piecewise linear": lambda z: activations.make("pwl_gelu_0.5")(2 * z),
    "written out prelu": lambda z: torch.relu(z) - 0.2 * torch.relu(-z),
}  # fmt: skip
NARROW = {
    "max over a dimension": lambda z: z.max(1, keepdim=True).values,
    "amax": lambda z: z.amax(dim=1, keepdim=True),
    "amin": lambda z: z.amin(-1, keepdim=True),
    "max pooling of three": lambda z: functional.max_pool1d(z[:, None, :3], 3)[:, 0],
    "relu before max pooling": lambda z: functional.max_pool1d(
        torch.relu(z)[:, None, :3], 3)[:, 0],
    "adaptive max pooling": lambda z: functional.adaptive_max_pool1d(z[:, None], 1)[:, 0],
    "max pooling with indices": lambda z: functional.max_pool1d(
        z[:, None], 4, return_indices=True)[0][:, 0],
    "overlapping windows": lambda z: functional.max_pool1d(
        torch.relu(z)[:, None], 3, stride=1)[:, 0].sum(1, keepdim=True),
}  # fmt: skip


# What vmap cannot do, written otherwise.
SAME = {"rrelu": lambda z: functional.leaky_relu(z, 0.2)}


# vmap in this test lacks a rule for in-place clamping.
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("name", [*WRITTEN, *NARROW])
def test_jumps_are_those_of_the_slopes(name: str) -> None:
    function, width = {**WRITTEN, **NARROW}[name], 1 if name in NARROW else 4
    model = Written(function, width=width)
    pair, segment = data(), line(model)
    wanted = atoms(Written(SAME.get(name, function), width), per_example, pair, segment)
    problem = Problem(model, per_example, pair)
    budget = slope_budget(problem, segment, samples=17, keep_crossings=True)
    found = budget.jumps * len(pair[0])
    large = found[np.abs(found) > 4e-3]
    assert len(wanted) > 3
    assert not budget.unseen
    assert budget.passed, (budget.closure_error, budget.tolerance)
    assert np.abs(wanted).sum() == pytest.approx(np.abs(large).sum(), rel=0.02)
    assert wanted.sum() == pytest.approx(large.sum(), abs=0.02 * np.abs(large).sum())
    assert abs(len(large) - len(wanted)) <= 0.06 * len(wanted)


SMOOTH = {
    "own smelu of clamps": lambda z: (
        torch.relu(z - 0.3) + (torch.clamp(z, -0.3, 0.3) + 0.3).square() / 1.2
    ),
    "relu minus relu": lambda z: torch.relu(z) - torch.relu(-z) + z.square(),
    "smelu": lambda z: activations.make("smelu_0.3")(z),
    "squared relu": lambda z: torch.relu(z).square(),
    "celu": lambda z: functional.celu(z, 0.4),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_smooth_functions_made_of_kinks_have_none(name: str) -> None:
    model = Written(SMOOTH[name])
    budget = slope_budget(Problem(model, per_example, data()), line(model), samples=41)
    assert budget.kink_variation == pytest.approx(0, abs=1e-3 * budget.example_variation)
    assert budget.passed


def test_the_largest_of_a_whole_batch_couples_its_examples() -> None:
    model = Written(lambda z: z.max() + z)
    with pytest.raises(ValueError, match="depends on the others in its batch"):
        slope_budget(Problem(model, per_example, data()), line(model), samples=5)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (lambda z: z.sort(dim=1).values, "sort in"),
        (lambda z: z.topk(4, dim=1).values, "topk in"),
        (lambda z: z * ((z > 0) & (z < 1)), "a comparison used by and"),
    ],
)
def test_what_cannot_be_watched_is_named(function: Callable, named: str) -> None:
    model = Written(function)
    budget = slope_budget(Problem(model, per_example, data()), line(model), samples=5)
    assert any(named in sentence for sentence in budget.unseen)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (functional.hardshrink, "hardshrink in .* jumps in value"),
        (lambda z: functional.threshold(z, 0.1, 0.0), "threshold.* jumps in value at 0.1"),
        (torch.sign, "sign in .* jumps in value"),
        (torch.round, "round in .* jumps in value"),
        (lambda z: torch.where(z > 0, z + 1, z), "jumps in value"),
        (lambda z: functional.rrelu(z, training=True), "model.eval"),
    ],
)
def test_what_jumps_in_value_is_refused_by_name(function: Callable, said: str) -> None:
    model = Written(function)
    with pytest.raises(ValueError, match=said):
        slope_budget(Problem(model, per_example, data()), line(model), samples=21)


def test_a_constant_mask_is_no_kink() -> None:
    keep = torch.tensor([True, False, True, True])
    model = Written(lambda z: torch.where(keep, z, 0.0) + (torch.tensor(0.3) > 0) * z)
    budget = slope_budget(Problem(model, per_example, data()), line(model), samples=21)
    assert budget.crossings == 0
    assert not budget.unseen
