"""Derivatives along the axes: closed forms, finite differences, and a model that stays as it is."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from landscape import Grid, Plane, Problem, SamplingConfig, Surface, random_plane, resample, sample
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.sampling import empty_surface, fill
from landscape.networks import build
from landscape.networks.parameters import layout_of
from landscape.records.layout import Layout, Slot
from landscape.records.surface import Status
from landscape.store import StudyWriter

ENGINE = SamplingConfig(strategy="gradient", batch_size=16, threads=1)
ONE = (torch.zeros(1, 1, dtype=torch.float64), torch.zeros(1, dtype=torch.float64))


class Parameters(nn.Module):
    """Outputs its parameters, so that the loss can be any function of them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.theta = nn.Parameter(torch.zeros(size, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.theta.expand(len(inputs), -1)


def plane_over(*directions: np.ndarray) -> Plane:
    size = len(directions[0])
    layout = Layout((Slot("theta", (size,)),))
    return Plane.through(np.zeros(size), list(directions), layout, kind="own", settings={})


def convolutional() -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1), nn.BatchNorm2d(3), nn.Tanh(), nn.AvgPool2d(2),
        nn.Flatten(), nn.Linear(12, 3),
    ).double()  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    model[1].running_mean.normal_(generator=generator)
    return model


def perceptron() -> nn.Module:
    return build("mlp", activation="tanh", input_shape=(4,), hidden=(6, 5), outputs=3).double()


def images(count: int = 37) -> Any:
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(count, 2, 4, 4, generator=generator, dtype=torch.float64)
    return inputs, torch.arange(count) % 3


def test_a_quadratic_has_its_gradient_and_axes_are_not_transposed() -> None:
    def loss(output: Tensor, _target: Tensor) -> Tensor:
        return output[:, 0] ** 3 + 10 * torch.exp(output[:, 1])

    plane = plane_over(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    grid = Grid.rectangle((5, 7), (-1, 1), (0, 3))
    surface = sample(Problem(Parameters(2), loss, ONE), plane, grid=grid, gradients=True)
    a, b = np.meshgrid(*grid.axes, indexing="ij")
    np.testing.assert_allclose(surface.losses, a**3 + 10 * np.exp(b), atol=1e-13)
    np.testing.assert_allclose(surface.fields["gradient_alpha"], 3 * a**2, atol=1e-13)
    np.testing.assert_allclose(surface.fields["gradient_beta"], 10 * np.exp(b), rtol=1e-13)
    assert surface.settings["engine"]["strategy"] == "gradient"
    assert surface.complete


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_quadratic_bowl_in_a_line_plane_and_volume(axes: int, rng: np.random.Generator) -> None:
    root = rng.normal(size=(4, 4))
    hessian = root @ root.T

    def loss(output: Tensor, _target: Tensor) -> Tensor:
        return 0.5 * torch.einsum("ni,ij,nj->n", output, torch.from_numpy(hessian), output)

    directions = rng.normal(size=(axes, 4))
    grid = Grid.cube((2, 4, 3)[:axes])
    surface = sample(
        Problem(Parameters(4), loss, ONE), plane_over(*directions), grid=grid, gradients=True
    )
    points = grid.coordinates(np.arange(grid.size))
    wanted = points @ directions @ hessian @ directions.T
    names = ("gradient_alpha", "gradient_beta", "gradient_gamma")
    assert tuple(surface.fields) == ("losses", *names[:axes])
    for axis, name in enumerate(names[:axes]):
        found = surface.fields[name].reshape(-1)
        np.testing.assert_allclose(found, wanted[:, axis], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("make", [perceptron, convolutional])
def test_derivatives_are_those_of_finite_differences(
    make: Callable[[], nn.Module], examples: Any
) -> None:
    model = make().eval()
    data = examples if make is perceptron else images()
    plane, step = random_plane(model), 1e-5
    evaluator = PlaneEvaluator(Problem(model, "cross_entropy", data), plane, config=ENGINE)
    loop = SamplingConfig(strategy="loop", batch_size=16, threads=1)
    plain = PlaneEvaluator(Problem(model, "cross_entropy", data), plane, config=loop)
    points = np.random.default_rng(2).normal(size=(6, 2))
    found, wanted = evaluator(points), plain(points)
    np.testing.assert_allclose(found["losses"], wanted["losses"], rtol=1e-13)
    np.testing.assert_array_equal(found["accuracies"], wanted["accuracies"])
    for axis, name in enumerate(("gradient_alpha", "gradient_beta")):
        ahead, behind = points.copy(), points.copy()
        ahead[:, axis] += step
        behind[:, axis] -= step
        slope = (plain(ahead)["losses"] - plain(behind)["losses"]) / (2 * step)
        np.testing.assert_allclose(found[name], slope, rtol=2e-7, atol=1e-9)
        assert np.abs(slope).min() > 1e-3


@pytest.mark.parametrize("loss", ["cross_entropy", functional.cross_entropy])
def test_an_uneven_last_batch_weighs_by_its_examples(
    loss: Any, model: nn.Module, examples: Any
) -> None:
    inputs, targets = examples
    uneven = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])]
    plane, points = random_plane(model), np.array([[0.3, -0.2]])
    values = [
        PlaneEvaluator(
            Problem(model, loss, data), plane, config=SamplingConfig(strategy="gradient")
        )(points)
        for data in (examples, uneven)
    ]
    for name in values[0]:
        np.testing.assert_allclose(values[0][name], values[1][name], rtol=1e-13)


def test_in_single_precision_derivatives_keep_their_digits(model: nn.Module, examples: Any) -> None:
    plane, grid = random_plane(model), Grid.square(3)
    exact, single = (
        sample(
            Problem(model, "cross_entropy", examples, dtype=dtype), plane, grid=grid, engine=ENGINE
        )
        for dtype in (torch.float64, torch.float32)
    )
    for name in ("gradient_alpha", "gradient_beta"):
        np.testing.assert_allclose(exact.fields[name], single.fields[name], rtol=1e-4, atol=1e-6)


class Busy(nn.Module):
    """BatchNorm, dropout, a frozen layer, tied weights, and a part that does nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(4, 4)
        self.tied = nn.Linear(4, 4)
        self.tied.weight = self.linear.weight
        self.norm = nn.BatchNorm1d(4)
        self.dropout = nn.Dropout(0.5)
        self.unused = nn.Linear(4, 4)
        self.out = nn.Linear(4, 3).requires_grad_(requires_grad=False)
        self.out.eval()

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.norm(self.tied(torch.tanh(self.linear(inputs))))
        return self.out(self.dropout(hidden))  # type: ignore[no-any-return]


def test_the_model_is_bit_identical_afterwards(examples: Any) -> None:
    model = Busy().double()
    functional.cross_entropy(model(examples[0]), examples[1]).backward()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    grads = {n: None if p.grad is None else p.grad.clone() for n, p in model.named_parameters()}
    modes = [module.training for module in model.modules()]
    flags = [parameter.requires_grad for parameter in model.parameters()]
    surface = sample(
        Problem(model, "cross_entropy", examples),
        random_plane(model),
        grid=Grid.square(3),
        engine=ENGINE,
        gradients=True,
    )
    assert np.all(np.isfinite(surface.fields["gradient_alpha"]))
    assert all(torch.equal(before[n], v) for n, v in model.state_dict().items())
    assert modes == [module.training for module in model.modules()]
    assert flags == [parameter.requires_grad for parameter in model.parameters()]
    for name, parameter in model.named_parameters():
        old = grads[name]
        assert (parameter.grad is None) if old is None else torch.equal(old, parameter.grad)
    assert torch.is_grad_enabled()


def test_parameters_that_take_no_part_in_the_loss_count_as_zero(examples: Any) -> None:
    model = Busy().double()
    layout = layout_of(model)
    origin = random_plane(model).origin
    used = random_plane(model, seed=1).d_alpha.copy()
    unused = np.zeros_like(used)
    for slot, part in layout.parts():
        if slot.name.startswith("unused"):
            unused[part], used[part] = 1.0, 0.0
    plane = Plane(origin, used + unused, unused, layout)
    clean = Plane(origin, used, unused, layout)
    points = np.array([[0.1, 0.7]])
    mixed, alone = (
        PlaneEvaluator(Problem(model, "cross_entropy", examples), one, config=ENGINE)(points)
        for one in (plane, clean)
    )
    assert mixed["gradient_beta"][0] == 0.0
    assert mixed["gradient_alpha"][0] == alone["gradient_alpha"][0] != 0.0


def test_a_metric_without_a_derivative_does_not_spoil_the_gradient() -> None:
    def loss(output: Tensor, _target: Tensor) -> Tensor:
        return output[:, 0] ** 2

    def root(output: Tensor, _target: Tensor) -> Tensor:
        return output[:, 0].clamp(min=0).sqrt()  # its slope at 0 is infinite

    plane, grid = plane_over(np.array([1.0, 0.0]), np.array([2.0, 1.0])), Grid.square(3)
    surface = sample(
        Problem(Parameters(2), loss, ONE, metrics={"roots": root}), plane, grid=grid, gradients=True
    )
    assert np.all(np.isfinite(surface.fields["gradient_alpha"]))
    assert surface.fields["gradient_beta"][2, 1] == pytest.approx(4.0)


def test_a_half_done_surface_continues_with_the_same_bits_and_is_read_back(
    model: nn.Module, tmp_path: Path, problem: Problem
) -> None:
    plane, grid = random_plane(model), Grid.square(13)
    first = PlaneEvaluator(problem, plane, config=ENGINE)
    empty, tiles = empty_surface(first, grid), []
    whole = fill(first, empty, lambda *tile: tiles.append(tile))
    assert len(tiles) > 1
    half = empty.with_points(*tiles[1], Status.EVALUATED)
    with StudyWriter(tmp_path / "study.h5") as writer:
        writer.put_record("surfaces/x", half)
        writer.publish()
        read = writer.find("surfaces/x")
        assert isinstance(read, Surface)
        again = PlaneEvaluator(
            problem,
            plane,
            config=SamplingConfig(),
            choice=first.choice,
        )
        fill(again, read, lambda *tile: writer.put_tile("surfaces/x", *tile))
        writer.publish()
        found = writer.find("surfaces/x")
    assert isinstance(found, Surface)
    assert tuple(found.fields) == ("losses", "accuracies", "gradient_alpha", "gradient_beta")
    assert found.complete
    for name, values in whole.fields.items():
        np.testing.assert_array_equal(found.fields[name], values)


@pytest.mark.parametrize("setting", [{"strategy": "vmap"}, {"compile": "always"}])
def test_settings_that_give_no_gradients_are_refused(
    setting: dict[str, Any], model: nn.Module, problem: Problem
) -> None:
    engine = SamplingConfig(**setting)
    with pytest.raises(ValueError, match=r"gradients are .*leave it at 'auto'"):
        sample(
            problem,
            random_plane(model),
            engine=engine,
            gradients=True,
        )


def test_a_loss_without_a_graph_is_refused_not_called_flat(model: nn.Module, examples: Any) -> None:
    def detached(output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output.detach(), target, reduction="none")

    with pytest.raises(ValueError, match="depends on the parameters through autograd"):
        sample(
            Problem(model, detached, examples),
            random_plane(model),
            grid=Grid.square(3),
            gradients=True,
        )


def test_gradients_are_not_interpolated(model: nn.Module, problem: Problem) -> None:
    with pytest.raises(ValueError, match="gradients are evaluated at every point"):
        resample(problem, random_plane(model), grid=Grid.square(51), engine=ENGINE)


def test_a_metric_with_the_name_of_a_derivative_is_refused(model: nn.Module, examples: Any) -> None:
    metrics = {"gradient_beta": lambda output, _target: output.mean(dim=1)}
    with pytest.raises(ValueError, match="'gradient_beta'; rename it"):
        sample(
            Problem(model, "cross_entropy", examples, metrics=metrics),
            random_plane(model),
            gradients=True,
        )


class _Kept:
    """What autograd keeps of a forward pass."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor


def test_no_more_is_kept_for_the_backward_pass_than_one_batch_needs(
    model: nn.Module, examples: Any
) -> None:
    plane, point = random_plane(model), np.array([[0.1, 0.2]])

    def most_entries(parts: int) -> int:
        inputs, targets = examples
        data = [(inputs[:10], targets[:10])] * parts
        evaluator = PlaneEvaluator(Problem(model, "cross_entropy", data), plane, config=ENGINE)
        alive: weakref.WeakSet[_Kept] = weakref.WeakSet()
        peaks = []

        def keep(tensor: Tensor) -> _Kept:
            kept = _Kept(tensor)
            alive.add(kept)
            peaks.append(sum(one.tensor.numel() for one in alive))
            return kept

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda kept: kept.tensor):
            evaluator(point)
        return max(peaks)

    assert most_entries(1) == most_entries(5) > 0
