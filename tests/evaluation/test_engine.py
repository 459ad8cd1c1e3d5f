"""Every way to evaluate gives the same values, to rounding, for any network."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from evaluation.engines import fixed, vectors
from torch import Tensor, nn

from landscape import Grid, Plane, Problem, SamplingConfig, random_plane, sample
from landscape.evaluation.engine import PlaneEvaluator
from landscape.networks import activations, build
from landscape.problem.reading import GivenData

POINTS = np.random.default_rng(3).normal(size=(7, 2))


def reference(model: nn.Module, loss: Any, data: Any, plane: Plane, dtype: torch.dtype) -> Any:
    return Problem(model, loss, data, dtype=dtype).evaluator()(plane.points(POINTS))


class Functional(nn.Module):
    """Two inputs by name, a functional activation, BatchNorm, a buffer, tied weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 6)
        self.norm = nn.BatchNorm1d(6)
        self.second = nn.Linear(6, 6)
        self.third = nn.Linear(6, 6)
        self.third.weight = self.second.weight
        self.out = nn.Linear(6, 3)
        self.register_buffer("shift", torch.linspace(-1, 1, 6))
        self.norm.running_mean.normal_(generator=torch.Generator().manual_seed(0))

    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        hidden = functional.relu(self.norm(self.first(left + right)) + self.shift)
        return self.out(functional.gelu(self.third(self.second(hidden))))  # type: ignore[no-any-return]


def convolutional() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 5, 3, bias=False), nn.ELU(), nn.Flatten(), nn.Linear(5, 3),
    )  # fmt: skip


def images() -> Any:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(37, 2, 6, 6, generator=generator), torch.arange(37) % 3


CASES: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any], tuple[str, ...]]] = {
    "mlp": (
        lambda: build("mlp", activation="relu", input_shape=(4,), hidden=(6, 5), outputs=3),
        vectors, ("batched", "vmap", "copy", "loop"),
    ),
    "prelu": (
        lambda: build("mlp", activation="prelu", input_shape=(4,), hidden=(6, 5), outputs=3),
        vectors, ("batched", "vmap", "copy", "loop"),
    ),
    "cnn": (convolutional, images, ("vmap", "copy", "loop")),
    "functional": (
        Functional, lambda: ((vectors()[0], vectors()[0].flip(0)), vectors()[1]),
        ("vmap", "copy", "loop"),
    ),
    "keywords": (
        Functional, lambda: ({"right": vectors()[0], "left": vectors()[0] ** 2}, vectors()[1]),
        ("vmap", "copy", "loop"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("reuse", [True, False])
@pytest.mark.parametrize(
    ("case", "strategy"), [(name, one) for name, (_, _, ways) in CASES.items() for one in ways]
)
def test_all_strategies_agree_to_rounding(
    case: str, strategy: str, reuse: bool, dtype: torch.dtype
) -> None:
    make, load, _ = CASES[case]
    model = make().to(dtype).eval()
    plane = random_plane(model)
    wanted = reference(model, "cross_entropy", load(), plane, dtype)
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", load(), dtype=dtype),
        plane,
        config=fixed(strategy, reuse=reuse),
    )
    assert evaluator.choice.strategy == strategy
    assert evaluator.choice.reuse is (reuse and strategy != "loop")
    found = evaluator(POINTS)
    rounding = 1e-12 if dtype is torch.float64 else 2e-5
    np.testing.assert_allclose(found["losses"], wanted["losses"], rtol=rounding)
    if dtype is torch.float64:
        np.testing.assert_array_equal(found["accuracies"], wanted["accuracies"])


@pytest.mark.parametrize("name", activations.names())
def test_batched_products_know_every_activation(name: str) -> None:
    model = build("mlp", activation=name, input_shape=(4,), hidden=(6, 5), outputs=3).double()
    plane = random_plane(model)
    wanted = reference(model, "cross_entropy", vectors(), plane, torch.float64)
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", vectors()), plane, config=fixed("batched")
    )
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted["losses"], rtol=1e-12)
    # What is overwritten in place must not be what the next pass starts from.
    np.testing.assert_array_equal(evaluator(POINTS)["losses"], evaluator(POINTS)["losses"])


def test_a_network_that_does_not_vectorise_is_copied_and_the_operator_named(
    examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Branching(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 3).double()

        def forward(self, inputs: Tensor) -> Tensor:
            output = self.linear(inputs)
            return output if float(self.linear.weight.abs().sum().item()) >= 0 else -output

    model = Branching()
    plane = random_plane(model)
    with caplog.at_level(logging.WARNING):
        surface = sample(Problem(model, "cross_entropy", examples), plane, grid=Grid.square(3))
    assert surface.settings["engine"]["strategy"] == "copy"
    lines = [line for line in caplog.messages if "does not work with this network" in line]
    assert len(lines) == 1
    assert ".item()" in lines[0]
    with pytest.raises(RuntimeError):
        sample(
            Problem(model, "cross_entropy", examples), plane, engine=SamplingConfig(strategy="vmap")
        )


def test_a_network_that_cannot_be_copied_is_called_itself(examples: Any) -> None:
    class Uncopied(nn.Linear):
        def __deepcopy__(self, _memo: Any) -> nn.Module:
            raise TypeError("no copies")

    model = Uncopied(4, 3).double()
    surface = sample(
        Problem(model, "cross_entropy", examples), random_plane(model), grid=Grid.square(3)
    )
    assert surface.settings["engine"]["strategy"] == "loop"


def test_examples_that_depend_on_their_batch_are_kept_together(
    examples: Any, caplog: pytest.LogCaptureFixture
) -> None:
    class Contrast(nn.Linear):
        def forward(self, inputs: Tensor) -> Tensor:
            output = super().forward(inputs)
            return output - output.mean(dim=0)

    model = Contrast(4, 3).double()
    plane = random_plane(model)
    with torch.no_grad():
        wanted = float(functional.cross_entropy(model(examples[0]), examples[1]))
    with caplog.at_level(logging.WARNING):
        surface = sample(Problem(model, "cross_entropy", examples), plane, grid=Grid.square(3))
    assert surface.losses[1, 1] == pytest.approx(wanted, rel=1e-12)
    assert any("depends on the others in its batch" in line for line in caplog.messages)


@pytest.mark.parametrize("strategy", ["batched", "vmap", "copy", "loop"])
@pytest.mark.parametrize(
    ("loss", "share"),
    [
        (nn.CrossEntropyLoss(), 1),
        (nn.CrossEntropyLoss(reduction="sum"), 30),
        (nn.CrossEntropyLoss(reduction="none"), 1),
        (lambda output, target: functional.cross_entropy(output, target), 1),
    ],
    ids=["mean", "sum", "none", "function"],
)
def test_every_reduction_gives_what_torch_gives_for_all_examples(
    loss: Any, share: int, strategy: str, model: nn.Module, examples: Any
) -> None:
    plane = random_plane(model)
    wanted = share * reference(model, "cross_entropy", examples, plane, torch.float64)["losses"]
    evaluator = PlaneEvaluator(Problem(model, loss, examples), plane, config=fixed(strategy))
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-12)


def test_several_metrics_at_once(model: nn.Module, examples: Any) -> None:
    metrics = {
        "confidence": lambda output, _: torch.softmax(output, 1).amax(1),
        "norms": lambda output, _: output.norm(dim=1),
    }
    plane = random_plane(model)
    surface = sample(
        Problem(model, "cross_entropy", examples, metrics=metrics), plane, grid=Grid.square(3)
    )
    with torch.no_grad():
        output = model(examples[0])
    assert set(surface.fields) == {"losses", "confidence", "norms"}
    assert surface.fields["norms"][1, 1] == pytest.approx(float(output.norm(dim=1).mean()))
    with pytest.raises(ValueError, match="cannot be named 'losses'"):
        sample(Problem(model, data=examples, metrics={"losses": metrics["norms"]}), plane)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_lines_and_volumes_are_sampled_like_planes(
    axes: int, model: nn.Module, examples: Any, problem: Problem
) -> None:
    volume = random_plane(model, axes=axes)
    grid = Grid.cube((3, 4, 5)[:axes])
    surface = sample(problem, volume, grid=grid)
    assert surface.losses.shape == (3, 4, 5)[:axes]
    coordinates = grid.coordinates(np.arange(grid.size))
    values = Problem(model, "cross_entropy", examples, dtype=torch.float64).evaluator()
    wanted = values(volume.points(coordinates))["losses"].reshape(grid.shape)
    np.testing.assert_allclose(surface.losses, wanted, rtol=1e-12)
    np.testing.assert_array_equal(volume.d_alpha, random_plane(model).d_alpha)
    with pytest.raises(ValueError, match="one axis for each of the plane's"):
        sample(problem, volume, grid=Grid.cube((3,) * (4 - axes))
               if axes != 2 else Grid.line(3))  # fmt: skip


def test_what_was_measured_is_recorded_and_an_earlier_choice_taken_as_it_is(
    model: nn.Module, problem: Problem
) -> None:
    plane = random_plane(model)
    first = PlaneEvaluator(problem, plane)
    assert first.choice.points_per_second > 0
    assert first.settings["engine"] == first.choice.to_dict()
    again = PlaneEvaluator(problem, plane, choice=first.choice)
    assert again.choice == first.choice
    np.testing.assert_array_equal(first(POINTS)["losses"], again(POINTS)["losses"])


def test_a_wrong_reuse_is_noticed_and_not_used(
    model: nn.Module, examples: Any, monkeypatch: pytest.MonkeyPatch, problem: Problem
) -> None:
    from landscape.evaluation import first_layer

    right = first_layer._outputs
    monkeypatch.setattr(first_layer, "_outputs", lambda *a: right(*a) * 1.5)
    plane = random_plane(model)
    evaluator = PlaneEvaluator(problem, plane, config=fixed("vmap"))
    assert not evaluator.choice.reuse
    wanted = reference(model, "cross_entropy", examples, plane, torch.float64)["losses"]
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-12)


def test_products_that_do_not_fit_the_budget_are_not_kept(model: nn.Module) -> None:
    inputs = torch.randn(30_000, 4, dtype=torch.float64)
    targets = torch.zeros(30_000, dtype=torch.long)
    plane = random_plane(model)
    small = fixed("vmap", memory=1, batch_size=1000)
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", (inputs, targets)), plane, config=small
    )
    assert evaluator._pass.first is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "fast"}, "unknown strategy 'fast'; known: auto, batched"),
        ({"compile": "yes"}, "known: auto, never, always"),
        ({"chunk": -1}, "chunk must be >= 0, got -1"),
        ({"memory": 0}, "memory must be >= 1 MiB"),
    ],
)
def test_impossible_engines_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SamplingConfig(**changes)


def test_a_network_without_parameters_is_refused(examples: Any) -> None:
    with pytest.raises(ValueError, match="no parameters"):
        Problem(nn.Identity(), "mse", examples).evaluator()


class Counting(nn.Linear):
    """Gives another output at every call, by a buffer that it counts in."""

    def __init__(self) -> None:
        super().__init__(4, 3, dtype=torch.float64)
        self.register_buffer("calls", torch.zeros((), dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        self.calls += 1
        return super().forward(inputs) * self.calls


@pytest.mark.parametrize("strategy", ["vmap", "copy", "loop", "gradient"])
def test_a_network_that_counts_its_calls_counts_anew_at_every_point(
    strategy: str, examples: Any
) -> None:
    model, plain = Counting(), nn.Linear(4, 3).double()
    plane = random_plane(model)
    wanted = reference(plain, "cross_entropy", examples, plane, torch.float64)["losses"]
    found = reference(model, "cross_entropy", examples, plane, torch.float64)["losses"]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    problem = Problem(model, "cross_entropy", examples)
    evaluator = PlaneEvaluator(problem, plane, config=fixed(strategy))
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted, rtol=1e-12)
    assert model.calls == 0


@pytest.mark.parametrize("count", [1, 8, 16, 20])
def test_the_first_examples_are_views_of_the_first_batches_alone(count: int) -> None:
    batches = GivenData(vectors()).read()[0].cut(16)
    few = batches.head(count)
    np.testing.assert_array_equal(few.parts[0][0], vectors()[0][:count])
    np.testing.assert_array_equal(few.parts[0][1], vectors()[1][:count])
    shared = few.parts[0][0].data_ptr() == batches.parts[0][0].data_ptr()
    # All examples were joined for it, a copy of the data at every look.
    assert shared is (count <= 16)


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # torch's own
@pytest.mark.parametrize("kind", ["linear", pytest.param("convolved", marks=pytest.mark.long)])
def test_a_compiled_network_gives_the_same_values(kind: str) -> None:
    if not any(shutil.which(name) for name in ("g++", "clang++", "c++")):
        pytest.skip("there is no compiler here")
    model, examples = convolutional().eval(), images()
    if kind == "linear":
        model, examples = nn.Sequential(nn.Linear(4, 6), nn.ELU(), nn.Linear(6, 3)), vectors()
    plane, problem = random_plane(model), Problem(model, "cross_entropy", examples)
    wanted = reference(model, "cross_entropy", examples, plane, torch.float32)
    evaluator = PlaneEvaluator(problem, plane, config=fixed("copy", compile="always"))
    assert evaluator.choice.compiled
    # 37 examples: two compiled batches of 16, and one of 5 that is not worth compiling for.
    np.testing.assert_allclose(evaluator(POINTS)["losses"], wanted["losses"], rtol=2e-5)
