"""The caller's data, loss and network are only read, and everything in them takes part rightly."""

from __future__ import annotations

import copy
import functools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from curvature.extremes import hessian_extremes
from problem.zoo import CLASSES, InPlace, Mlp, Reference, examples
from torch import Tensor, nn
from torch.nn.utils import prune

import landscape
from landscape import Grid, Problem
from landscape.evaluation.output_divergence import output_divergence
from landscape.kinks import kink_map
from landscape.networks.parameters import flatten

GRID = Grid.square(3)


class Shifted(Mlp):
    """Shifts its input by a view of it."""

    def forward(self, x: Tensor) -> Tensor:
        x.view(-1).add_(1)
        return super().forward(x)


class Written(Mlp):
    """Writes where torch does not count versions."""

    def forward(self, x: Tensor) -> Tensor:
        x.data.mul_(0.5)
        return super().forward(x)


class Clipped(Mlp):
    """Clips its own weights in the forward pass."""

    def forward(self, x: Tensor) -> Tensor:
        for parameter in self.parameters():
            parameter.data.clamp_(-0.3, 0.3)
        return super().forward(x)


class Counting(Mlp):
    """Counts its calls in a buffer, and lets that matter."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(x) * torch.where(self.calls > 0, 1.0, 0.0)


def first_layer_in_place() -> nn.Module:
    return nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 8), nn.ELU(inplace=True),
                         nn.Linear(8, CLASSES))  # fmt: skip


def dropping() -> nn.Module:
    return nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, CLASSES))


MODELS: dict[str, Any] = {
    "first_layer": first_layer_in_place,
    "everywhere": InPlace,
    "view": Shifted,
    "data": Written,
    "clipped": Clipped,
    "counting": Counting,
    "dropout": dropping,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_network_that_works_in_place_changes_nothing_of_the_callers(name: str) -> None:
    torch.manual_seed(0)
    model, (x, y) = MODELS[name]().train(), examples()
    hooked: list[int] = []
    model.register_forward_hook(lambda *_: hooked.append(1))
    next(model.parameters()).grad = torch.ones_like(next(model.parameters()))
    before = copy.deepcopy(model)
    given = x.clone(), y.clone()
    problem = Problem(model, "cross_entropy", (x, y))
    plane = landscape.random_plane(model, seed=0)
    landscape.sample(problem, plane, grid=GRID)
    landscape.sample(problem, plane, grid=GRID, gradients=True)
    landscape.gradient(problem)
    hessian_extremes(problem, tolerance=1e-2)
    output_divergence(problem, plane, np.zeros((1, 2)))
    if name not in ("data", "clipped", "counting"):
        landscape.slope_budget(problem, landscape.random_segment(model, span=0.1))
        kink_map(problem, plane, grid=Grid.square(3, 0.1))
    assert torch.equal(x, given[0])
    assert torch.equal(y, given[1])
    for one, other in zip(model.modules(), before.modules(), strict=True):
        assert one.training == other.training
        assert one._forward_hooks.keys() == other._forward_hooks.keys()
        assert not one._forward_pre_hooks
    for values, wanted in zip(model.state_dict().values(), before.state_dict().values(),
                              strict=True):  # fmt: skip
        assert torch.equal(values, wanted)
    grads = [p.grad for p in model.parameters()]
    assert torch.equal(grads[0], torch.ones_like(grads[0]))  # type: ignore[arg-type]
    assert not any(g is not None for g in grads[1:])


@pytest.mark.parametrize("name", ["first_layer", "everywhere", "view"])
def test_networks_in_place_have_right_values_in_every_instrument(name: str) -> None:
    torch.manual_seed(0)
    model, (x, y) = MODELS[name]().eval(), examples()
    problem = Problem(model, "cross_entropy", (x, y), dtype=torch.float64)

    class Fresh(nn.Module):
        """Hands a copy of its input on."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = copy.deepcopy(model)

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x.clone())  # type: ignore[no-any-return]

    plain = Reference(Fresh(), functional.cross_entropy, [(x, y)])
    theta = flatten(model)
    segment = landscape.random_segment(model, span=0.05)
    assert landscape.gradient(problem) == pytest.approx(plain.gradient(theta), abs=1e-12)
    plane = landscape.random_plane(model, seed=2)
    for strategy in ("auto", "loop", "copy", "gradient"):
        engine = landscape.SamplingConfig(strategy=strategy, chunk=2, threads=1)
        surface = landscape.sample(problem, plane, grid=GRID, engine=engine)
        points = plane.points(GRID.coordinates(np.arange(9)))
        wanted = [float(plain.value(p).detach()) for p in points]
        np.testing.assert_allclose(surface.losses.reshape(-1), wanted, rtol=1e-12)
    budget = landscape.slope_budget(problem, segment)
    ends = [plain.gradient(segment.origin + t * segment.direction) @ segment.direction
            for t in (segment.start, segment.end)]  # fmt: skip
    assert budget.passed
    assert budget.slope_change == pytest.approx(ends[1] - ends[0], rel=1e-9)


def test_a_second_network_on_the_same_data_gets_the_same_loss() -> None:
    torch.manual_seed(0)
    model, data = first_layer_in_place(), examples()
    losses = [
        float(Problem(model, data=data).evaluator()(flatten(model)[None])["losses"][0])
        for _ in range(2)
    ]
    assert losses[0] == losses[1]


class Weighing:
    """A loss that keeps its weights in an attribute."""

    def __init__(self) -> None:
        self.weights = torch.linspace(0.5, 1.5, CLASSES)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return -(output.log_softmax(dim=1) @ torch.diag(self.weights)).gather(
            1, target[:, None]
        ).mean()  # fmt: skip


WEIGHTS = torch.linspace(0.5, 1.5, CLASSES)


def by_global(output: Tensor, target: Tensor) -> Tensor:
    return _with(WEIGHTS, output, target)


def _with(weights: Tensor, output: Tensor, target: Tensor) -> Tensor:
    logs = output.log_softmax(dim=1) @ torch.diag(weights)
    return -logs.gather(1, target[:, None]).mean()


def by_closure() -> Any:
    weights = torch.linspace(0.5, 1.5, CLASSES)
    return lambda output, target: _with(weights, output, target)


def by_teacher() -> Any:
    torch.manual_seed(9)
    teacher = Mlp()
    inputs = examples()[0]

    def distilled(output: Tensor, _target: Tensor) -> Tensor:
        wanted = teacher(inputs[: len(output)]).softmax(dim=1)
        return -(wanted * output.log_softmax(dim=1)).sum(dim=1).mean()

    return distilled


HOLDERS: dict[str, Any] = {
    "module": lambda: nn.CrossEntropyLoss(weight=torch.linspace(0.5, 1.5, CLASSES)),
    "object": Weighing,
    "global": lambda: by_global,
    "closure": by_closure,
    "partial": lambda: functools.partial(_with, torch.linspace(0.5, 1.5, CLASSES)),
    "method": lambda: Weighing().__call__,
    "teacher": by_teacher,
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_tensors_inside_a_loss_follow_the_precision(holder: str) -> None:
    """Class weights or a teacher in float32 stopped every derivative."""
    torch.manual_seed(0)
    model, (x, y), loss = Mlp(), examples(), HOLDERS[holder]()
    problem = Problem(model, loss, (x, y))
    found = landscape.gradient(problem)
    value = loss(model(x), y)
    slopes = torch.autograd.grad(value, list(model.parameters()))
    wanted = torch.cat([s.reshape(-1) for s in slopes]).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert np.isfinite(hessian_extremes(problem)).all()
    assert WEIGHTS.dtype == torch.float32


class Holding(nn.Module):
    """Keeps tensors outside parameters and buffers, alone, in a list, and in a function."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp()
        self.shift = torch.linspace(0, 1, 6)
        self.scales = [torch.full((6,), 0.5), {"last": torch.ones(CLASSES)}]
        more = torch.full((CLASSES,), 0.25)
        self.after = lambda values: self.inner(values) @ torch.diag(more + 1)

    def forward(self, x: Tensor) -> Tensor:
        scaled = (x + self.shift) @ torch.diag(self.scales[0])  # type: ignore[arg-type]
        last: Any = self.scales[1]
        return self.after(scaled) @ torch.diag(last["last"])  # type: ignore[no-any-return]


class FreshTensors(Mlp):
    """Makes tensors in its forward pass, as recurrent networks do with their first state."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x @ torch.diag(torch.ones(6)) + torch.zeros(len(x), 6))


@pytest.mark.parametrize("kind", [Holding, FreshTensors])
def test_tensors_that_a_network_holds_or_makes_follow_the_precision(kind: Any) -> None:
    torch.manual_seed(0)
    model, (x, y) = kind(), examples()
    found = landscape.gradient(Problem(model, data=(x, y)))
    slopes = torch.autograd.grad(functional.cross_entropy(model(x), y), list(model.parameters()))
    wanted = torch.cat([s.reshape(-1) for s in slopes]).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert torch.get_default_dtype() == torch.float32


class Stubborn(Mlp):
    """Casts to float32 on its way."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(torch.float32))


def test_a_network_that_insists_on_float32_is_differentiated_in_float32(
    caplog: pytest.LogCaptureFixture,
) -> None:
    torch.manual_seed(0)
    model, (x, y) = Stubborn(), examples()
    found = landscape.gradient(Problem(model, data=(x, y)))
    slopes = torch.autograd.grad(functional.cross_entropy(model(x), y), list(model.parameters()))
    wanted = torch.cat([s.reshape(-1) for s in slopes]).numpy()
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert "evaluated in float32, where float64 cannot be had" in caplog.text
    with pytest.raises(ValueError, match=r"is not float64: make it like the input"):
        landscape.sample(Problem(model, data=(x, y), dtype=torch.float64),
                         landscape.random_plane(model))  # fmt: skip


def decayed(model: nn.Module) -> Any:
    """Weight decay, written into the loss."""
    return lambda output, target: (
        functional.cross_entropy(output, target)
        + 0.1 * sum(p.square().sum() for p in model.parameters())
    )


@pytest.mark.parametrize("strategy", ["auto", "loop", "copy", "vmap", "gradient"])
def test_a_loss_that_looks_at_the_network_sees_the_point(strategy: str) -> None:
    torch.manual_seed(0)
    model, (x, y) = Mlp(), examples()
    problem = Problem(model, decayed(model), (x, y), dtype=torch.float64)
    plane = landscape.random_plane(model, seed=0)
    engine = landscape.SamplingConfig(strategy=strategy, threads=1)
    surface = landscape.sample(problem, plane, grid=GRID, engine=engine)
    for place, found in zip(GRID.coordinates(np.arange(9)), surface.losses.reshape(-1),
                            strict=True):  # fmt: skip
        theta = plane.points(place[None])[0]
        plain = Reference(model, functional.cross_entropy, [(x, y)]).value(theta)
        assert found == pytest.approx(float(plain.detach()) + 0.1 * theta @ theta, rel=1e-12)


def test_a_gradient_of_a_loss_that_looks_at_the_network_has_its_part() -> None:
    torch.manual_seed(0)
    model, (x, y) = Mlp(), examples()
    theta = flatten(model) * 1.5
    bare = landscape.gradient(Problem(model, data=(x, y)), theta)
    full = landscape.gradient(Problem(model, decayed(model), (x, y)), theta)
    np.testing.assert_allclose(full - bare, 0.2 * theta, rtol=1e-12, atol=1e-14)


def test_pruned_networks_are_copied() -> None:
    """Their masked weight is a result of an operation, which torch does not copy deeply."""
    torch.manual_seed(0)
    model = prune.l1_unstructured(nn.Linear(6, CLASSES), "weight", amount=0.5)
    assert Problem(model, data=examples()).evaluator().network.private


class Elsewhere(nn.Module):
    """Reaches its layer through a global list, where no copy can follow."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp()
        _REGISTRY.append(self.inner)

    def forward(self, x: Tensor) -> Tensor:
        return _REGISTRY[-1](x)  # type: ignore[no-any-return]


_REGISTRY: list[nn.Module] = []


class Uncopyable(Mlp):
    def __deepcopy__(self, _memo: Any) -> Any:
        raise TypeError("cannot pickle a lock")


@pytest.mark.parametrize("kind", [Elsewhere, Uncopyable])
def test_a_network_that_cannot_be_copied_takes_part_itself(
    kind: Any, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    model, (x, y) = kind().train(), examples()
    problem = Problem(model, data=(x, y), dtype=torch.float64)
    theta, before = flatten(model) * 1.5, [p.detach().clone() for p in model.parameters()]
    plain = nn.Sequential(nn.Linear(6, 7), nn.Tanh(), nn.Linear(7, CLASSES))
    wanted = Reference(plain, functional.cross_entropy, [(x, y)])
    found = problem.evaluator()(theta[None])["losses"][0]
    assert found == pytest.approx(float(wanted.value(theta).detach()), rel=1e-12)
    np.testing.assert_allclose(landscape.gradient(problem, theta), wanted.gradient(theta),
                               atol=1e-12)  # fmt: skip
    assert "used itself, then restored" in caplog.text
    assert all(map(torch.equal, model.parameters(), before))
    assert model.training
    assert all(p.requires_grad and p.grad is None for p in model.parameters())


def test_a_loss_that_looks_at_a_network_that_cannot_be_copied_sees_the_point() -> None:
    torch.manual_seed(0)
    model = Uncopyable()
    theta = flatten(model) * 1.5
    bare = landscape.gradient(Problem(model, data=examples()), theta)
    full = landscape.gradient(Problem(model, decayed(model), examples()), theta)
    np.testing.assert_allclose(full - bare, 0.2 * theta, rtol=1e-12, atol=1e-14)


class Merging(Mlp):
    """Merges an adapter into its weights in evaluation mode."""

    def train(self, mode: bool = True) -> Merging:
        if not mode:
            self.layers[0].weight.data += 1  # type: ignore[union-attr, operator, index]
        return super().train(mode)


def test_adapters_that_are_merged_in_evaluation_mode_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"eval\(\) changes layers.0.weight"):
        Problem(Merging(), data=examples()).evaluator()


def test_kinks_of_a_network_that_insists_on_float32_are_refused() -> None:
    model = Stubborn()
    with pytest.raises(ValueError, match="measured in float64, which the network does not take"):
        landscape.slope_budget(Problem(model, data=examples()), landscape.random_segment(model))
