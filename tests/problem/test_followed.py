"""Whatever a loss, a metric or a network refers to, by whichever way, it is that of the point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from problem.zoo import Mlp, Reference, examples
from torch import Tensor, nn

import landscape
from landscape import Grid, Problem, SamplingConfig, TrainingConfig
from landscape.networks.parameters import flatten

DATA = examples()
GRID = Grid.rectangle((2, 3), (-1.0, 0.7), (-0.6, 1.0))
_NETWORKS: dict[str, nn.Module] = {}


def decay(parameters: Any) -> Any:
    return 0.1 * sum(p.square().sum() for p in parameters)


class Penalty(nn.Module):
    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target) + decay(self.net.parameters())


class InATuple:
    def __init__(self, net: nn.Module) -> None:
        self.nets = (net,)

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target) + decay(self.nets[0].parameters())


class Within:
    """An object within an object, a bound method, and slots."""

    def __init__(self, net: nn.Module) -> None:
        self.inner = InATuple(net)
        self.parameters = net.parameters

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        both = self.inner(output, target) - decay(self.parameters())
        return both + decay(self.parameters())


@dataclass(frozen=True, slots=True)
class Slotted:
    net: nn.Module

    def __call__(self, output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target) + decay(self.net.parameters())


def through_a_global(output: Tensor, target: Tensor) -> Tensor:
    return functional.cross_entropy(output, target) + decay(_NETWORKS["one"].parameters())


def weights_alone(net: nn.Module) -> Any:
    held = list(net.parameters())
    return lambda output, target: functional.cross_entropy(output, target) + decay(held)


def by_global(net: nn.Module) -> Any:
    _NETWORKS["one"] = net
    return through_a_global


LOSSES = {
    "module": Penalty, "tuple": InATuple, "within": Within, "slots": Slotted,
    "global": by_global, "weights": weights_alone,
}  # fmt: skip


@pytest.fixture
def model() -> nn.Module:
    torch.manual_seed(3)
    return Mlp()


@pytest.mark.parametrize("strategy", ["auto", "loop", "copy", "gradient"])
@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_that_holds_the_network_sees_the_point(
    kind: str, strategy: str, model: nn.Module
) -> None:
    problem = Problem(model, LOSSES[kind](model), DATA, dtype=torch.float64)
    plane = landscape.random_plane(model)
    engine = SamplingConfig(strategy=strategy, threads=1)
    losses = landscape.sample(problem, plane, grid=GRID, engine=engine).losses.reshape(-1)
    plain = Reference(model, functional.cross_entropy, [DATA])
    for theta, found in zip(plane.points(GRID.coordinates(np.arange(6))), losses, strict=True):
        wanted = float(plain.value(theta).detach()) + 0.1 * theta @ theta
        assert found == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("kind", LOSSES)
def test_training_has_the_gradient_of_a_loss_that_holds_the_network(
    kind: str, model: nn.Module
) -> None:
    theta = flatten(model)
    rates = {**TrainingConfig().learning_rates, "gd": 0.1}
    config = TrainingConfig(steps=1, learning_rates=rates)
    run = landscape.train(Problem(model, LOSSES[kind](model), DATA), config=config)
    slope = Reference(Mlp(), functional.cross_entropy, [DATA]).gradient(theta) + 0.2 * theta
    np.testing.assert_allclose(run.solution, theta - 0.1 * slope, rtol=1e-4, atol=1e-6)


def test_metrics_heed_their_reduction_and_see_the_point(model: nn.Module) -> None:
    class Size(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = model

        def forward(self, _output: Tensor, _target: Tensor) -> Tensor:
            return decay(self.net.parameters())  # type: ignore[no-any-return]

    summed = nn.CrossEntropyLoss(reduction="sum")
    each = nn.CrossEntropyLoss(reduction="none")
    root = lambda o, t: functional.cross_entropy(o, t).sqrt()  # noqa: E731
    metrics = {"size": Size(), "summed": summed, "each": each, "root": root}
    x, y = DATA[0].repeat_interleave(400, dim=0), DATA[1].repeat_interleave(400)
    problem = Problem(model, "cross_entropy", (x, y), dtype=torch.float64, metrics=metrics)
    plane = landscape.random_plane(model)
    surface = landscape.sample(problem, plane, grid=Grid.square(3))
    plain = Reference(model, functional.cross_entropy, [(x, y)])
    for index, theta in enumerate(plane.points(surface.grid.coordinates(np.arange(9)))):
        value = float(plain.value(theta).detach())
        found = {name: surface.fields[name].reshape(-1)[index] for name in metrics}
        assert found["size"] == pytest.approx(0.1 * theta @ theta, rel=1e-10)
        assert found["summed"] == pytest.approx(len(x) * value, rel=1e-10)
        assert found["each"] == pytest.approx(value, rel=1e-10)
        assert found["root"] == pytest.approx(np.sqrt(value), rel=1e-10)


class Aliased(nn.Module):
    """Calls its first layer by another name than that by which torch knows it."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp()
        self.stages = [("first", self.inner.layers[0]), ("act", torch.tanh)]

    def forward(self, x: Tensor) -> Tensor:
        for _, stage in self.stages:
            x = stage(x)
        return self.inner.layers[2](x)  # type: ignore[no-any-return, operator, index]


class TiedList(nn.Module):
    """Keeps a weight in a plain list, as tied decoders do."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp()
        self.weights = [self.inner.layers[2].weight]  # type: ignore[union-attr, index]

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.inner.layers[0](x))  # type: ignore[operator, index]
        return self.inner.layers[2](hidden) + functional.linear(hidden, self.weights[0]).flip(1)  # type: ignore[no-any-return, operator, index, arg-type]


@pytest.mark.parametrize("strategy", ["auto", "loop", "copy", "gradient"])
@pytest.mark.parametrize("kind", [Aliased, TiedList])
def test_layers_and_weights_reached_by_another_name_are_those_of_the_point(
    kind: Any, strategy: str
) -> None:
    torch.manual_seed(3)
    model = kind()
    plane = landscape.random_plane(model)
    problem = Problem(model, data=DATA, dtype=torch.float64)
    engine = SamplingConfig(strategy=strategy, threads=1)
    losses = landscape.sample(problem, plane, grid=GRID, engine=engine).losses.reshape(-1)
    for theta, found in zip(plane.points(GRID.coordinates(np.arange(6))), losses, strict=True):
        fresh = kind().double()
        nn.utils.vector_to_parameters(torch.from_numpy(theta.copy()), fresh.parameters())
        wanted = functional.cross_entropy(fresh(DATA[0].double()), DATA[1])
        assert found == pytest.approx(float(wanted.detach()), rel=1e-10)


class Reaching(nn.Module):
    """Reaches a layer through a global, and returns an object without logits."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Mlp()
        _NETWORKS["inner"] = self.inner

    def forward(self, x: Tensor) -> Any:
        return {"scores": _NETWORKS["inner"](x)}


def test_outputs_of_any_form_show_whether_a_copy_is_right(caplog: pytest.LogCaptureFixture) -> None:
    torch.manual_seed(3)
    model = Reaching()
    theta = flatten(model) * 1.2
    loss = lambda o, t: functional.cross_entropy(o["scores"], t)  # noqa: E731
    found = Problem(model, loss, DATA, dtype=torch.float64).evaluator()(theta[None])["losses"][0]
    wanted = Reference(Mlp(), functional.cross_entropy, [DATA]).value(theta)
    assert found == pytest.approx(float(wanted.detach()), rel=1e-10)
    assert "used itself" in caplog.text


class Sharing(nn.Module):
    """One buffer in two layers, and a plain tensor that training moves."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.first, self.second = Mlp(), nn.Identity(), nn.Identity()
        self.first.register_buffer("shift", torch.zeros(()))
        self.second.register_buffer("shift", self.first.shift)
        self.mean = torch.zeros(6)

    def forward(self, x: Tensor) -> Tensor:
        if self.training:
            self.first.shift += 0.1  # type: ignore[operator]
            self.mean = 0.9 * self.mean + 0.1 * x.detach().mean(dim=0)
        return self.inner(x - self.mean) * (1 + self.second.shift)  # type: ignore[no-any-return, operator]


def test_records_of_training_have_the_state_of_the_time() -> None:
    torch.manual_seed(3)
    model = Sharing()
    run = landscape.train(Problem(model, data=DATA), config=TrainingConfig(steps=4))
    wanted = functional.cross_entropy(model.eval()(DATA[0]), DATA[1])
    assert run.losses[-1] == pytest.approx(float(wanted.detach()), rel=1e-5)


@pytest.mark.parametrize("reduction", ["batchmean", "sum", "none"])
def test_every_reduction_of_torch_is_known(reduction: str, model: nn.Module) -> None:
    target = torch.rand(30, 5).softmax(dim=1)
    loss = nn.KLDivLoss(reduction=reduction)
    scored = nn.Sequential(model, nn.LogSoftmax(dim=1))
    problem = Problem(scored, loss, (DATA[0], target), dtype=torch.float64)
    found = problem.evaluator()(flatten(scored)[None])["losses"][0]
    whole = loss(scored(DATA[0]), target)
    wanted = whole.mean(dim=1).mean() if reduction == "none" else whole
    assert found == pytest.approx(float(wanted.detach()), rel=1e-5)
