"""A subset of the examples: drawn by a seed, with the standard error of its mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, TensorDataset

from landscape import Grid, Plane, Problem, SamplingConfig, Subset, gradient, random_plane, sample
from landscape.evaluation.engine import PlaneEvaluator
from landscape.problem.reading import GivenData
from landscape.records.layout import Layout, Slot

POINTS = np.random.default_rng(3).normal(size=(5, 2))
STRATEGIES = ("loop", "copy", "vmap", "batched", "gradient")


def fixed(strategy: str) -> SamplingConfig:
    return SamplingConfig(strategy=strategy, chunk=3, batch_size=7, threads=1)  # type: ignore[arg-type]


def losses_of_examples(model: nn.Module, data: Any, plane: Plane) -> np.ndarray:
    """Return the loss of every example at every point, [points, N]."""
    rows = []
    for theta in plane.points(POINTS):
        w1, b1, w2, b2 = (
            torch.from_numpy(theta[part].reshape(slot.shape)) for slot, part in plane.layout.parts()
        )
        output = torch.tanh(data[0] @ w1.T + b1) @ w2.T + b2
        rows.append(functional.cross_entropy(output, data[1], reduction="none").numpy())
    return np.array(rows)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("uneven", [False, True])
def test_the_standard_error_is_that_of_numpy(
    strategy: str, uneven: bool, model: nn.Module, examples: Any
) -> None:
    plane, (inputs, targets) = random_plane(model), examples
    data = [(inputs[:25], targets[:25]), (inputs[25:], targets[25:])] if uneven else examples
    each = losses_of_examples(model, examples, plane)
    whole = PlaneEvaluator(
        Problem(model, "cross_entropy", data), plane, config=fixed(strategy), standard_errors=True
    )
    found = whole(POINTS)
    assert whole.choice.strategy == strategy
    wanted = each.std(axis=1, ddof=1) / np.sqrt(30)
    np.testing.assert_allclose(found["standard_errors"], wanted, rtol=1e-11)
    np.testing.assert_allclose(found["losses"], each.mean(axis=1), rtol=1e-12)

    drawn = Subset(examples=12, seed=5).indices(30).numpy()
    part = PlaneEvaluator(
        Problem(model, "cross_entropy", data, subset=Subset(12, 5)), plane, config=fixed(strategy)
    )
    found, each = part(POINTS), each[:, drawn]
    wanted = each.std(axis=1, ddof=1) / np.sqrt(12) * np.sqrt(1 - 12 / 30)
    np.testing.assert_allclose(found["losses"], each.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(found["standard_errors"], wanted, rtol=1e-11)


def test_the_standard_error_is_the_spread_of_the_means_of_all_subsets() -> None:
    """Cochran's theorem: the mean of its square over the draws is the variance of the means."""
    values = torch.tensor([0.0, 1.0, 3.0, 7.0, 8.0, 20.0], dtype=torch.float64)
    data = values[:, None], torch.zeros(6)
    model = nn.Linear(1, 1, bias=False).double()
    plane = Plane.through(
        np.ones(1), [np.ones(1)], Layout((Slot("weight", (1, 1), 0),)), kind="own", settings={}
    )
    found: dict[tuple[int, ...], tuple[float, float]] = {}
    seed = 0
    while len(found) < 20:
        drawn = tuple(Subset(examples=3, seed=seed).indices(6).tolist())
        if drawn not in found:
            evaluator = PlaneEvaluator(
                Problem(model, lambda output, target: output[:, 0], data, subset=Subset(3, seed)),
                plane,
                config=fixed("loop"),
            )
            result = evaluator(np.zeros((1, 1)))
            found[drawn] = float(result["losses"][0]), float(result["standard_errors"][0])
        seed += 1
    means, errors = np.array(list(found.values())).T
    assert means.mean() == pytest.approx(float(values.mean()))
    assert np.mean(errors**2) == pytest.approx(means.var())


def test_the_draw_depends_on_the_seed_alone_and_is_recorded(
    model: nn.Module, examples: Any, problem: Problem
) -> None:
    plane, grid = random_plane(model), Grid.square(3)
    state = torch.random.get_rng_state()
    one, same, other = (
        sample(
            Problem(model, "cross_entropy", examples, subset=Subset(12, seed)),
            plane,
            grid=grid,
            engine=fixed("vmap"),
        )
        for seed in (0, 0, 1)
    )
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(one.losses, same.losses)
    assert np.all(one.losses != other.losses)
    assert one.settings["subset"] == {"examples": 12, "seed": 0, "of": 30}
    assert one.settings["examples"] == 12
    assert tuple(one.fields) == ("losses", "accuracies", "standard_errors")
    plain = sample(problem, plane, grid=grid, engine=fixed("vmap"))
    assert "subset" not in plain.settings
    assert "standard_errors" not in plain.fields
    without = sample(
        Problem(model, "cross_entropy", examples, subset=Subset(12)),
        plane,
        grid=grid,
        standard_errors=False,
        engine=fixed("vmap"),
    )
    np.testing.assert_array_equal(without.losses, one.losses)
    assert "standard_errors" not in without.fields


def test_every_example_is_drawn_once_and_all_are_equally_likely() -> None:
    counts = np.zeros(10)
    for seed in range(2000):
        drawn = Subset(examples=3, seed=seed).indices(10)
        assert len(set(drawn.tolist())) == 3
        counts[drawn] += 1
    # 600 expected, standard deviation 20.5.
    assert np.abs(counts - 600).max() < 90


def test_a_generator_is_read_once_and_then_drawn_from(model: nn.Module, examples: Any) -> None:
    plane, grid = random_plane(model), Grid.square(3)
    read = []

    def generate() -> Any:
        for one in zip(*examples, strict=True):
            read.append(1)
            yield one[0][None], one[1][None]

    options: dict[str, Any] = {"grid": grid, "engine": fixed("copy")}
    found = sample(Problem(model, "cross_entropy", generate(), subset=Subset(9)), plane, **options)
    wanted = sample(Problem(model, "cross_entropy", examples, subset=Subset(9)), plane, **options)
    assert len(read) == 30
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-13)


class Counted(TensorDataset):
    """Notes which examples are read."""

    def __init__(self, *tensors: Tensor) -> None:
        super().__init__(*tensors)
        self.read: list[int] = []

    def __getitem__(self, index: int) -> tuple[Tensor, ...]:
        self.read.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize(
    "load",
    [
        lambda known: known,
        lambda known: DataLoader(known, batch_size=4),
        lambda known: DataLoader(known, batch_size=4, shuffle=True),
        lambda known: lambda: DataLoader(known, batch_size=4, shuffle=True),
    ],
    ids=["data set", "loader", "shuffling loader", "function"],
)
def test_of_a_data_set_only_what_is_drawn_is_read_however_it_is_shuffled(
    load: Any, model: nn.Module, examples: Any
) -> None:
    known, plane = Counted(*examples), random_plane(model)
    options: dict[str, Any] = {"grid": Grid.square(3), "engine": fixed("copy")}
    found = sample(Problem(model, "cross_entropy", load(known), subset=Subset(9)), plane, **options)
    wanted = sample(Problem(model, "cross_entropy", examples, subset=Subset(9)), plane, **options)
    drawn = Subset(examples=9).indices(30).tolist()
    # Some of those drawn are read twice more, to see whether they are the same.
    assert set(known.read) == set(drawn)
    assert known.read[:9] == drawn
    np.testing.assert_allclose(found.losses, wanted.losses, rtol=1e-13)
    for name in ("standard_errors", "accuracies"):
        np.testing.assert_allclose(found.fields[name], wanted.fields[name], rtol=1e-11)
    assert found.settings["subset"] == wanted.settings["subset"]


def test_a_loader_that_drops_or_draws_is_read_first(model: nn.Module, examples: Any) -> None:
    plane = random_plane(model)
    known = Counted(*examples)
    for options, of in (
        ({"drop_last": True}, 28),
        ({"sampler": RandomSampler(known, replacement=True, num_samples=14)}, 14),
        ({"sampler": SubsetRandomSampler(range(11))}, 11),
    ):
        loader = DataLoader(known, batch_size=7, **options)
        surface = sample(
            Problem(model, "cross_entropy", loader, subset=Subset(5)), plane, grid=Grid.square(3)
        )
        assert surface.settings["subset"]["of"] == of


def test_batches_are_filled_up_unless_their_shapes_differ() -> None:
    def lengths(shapes: list[tuple[int, int]]) -> list[tuple[int, ...]]:
        data = [(torch.ones(shape), torch.zeros(shape[0])) for shape in shapes]
        return [tuple(p[0].shape) for p in Subset(examples=8).of(GivenData(data).read()[0]).parts]

    assert lengths([(5, 2)] * 4) == [(5, 2), (3, 2)]
    ragged = lengths([(10, 2), (10, 3)])
    assert {shape[1] for shape in ragged} == {2, 3}
    assert sum(shape[0] for shape in ragged) == 8


def test_equal_losses_have_no_spread_and_one_example_none_that_is_known() -> None:
    model = nn.Sequential(nn.Linear(2, 1)).double()
    data = (torch.full((9, 2), 0.3), torch.full((9, 1), 0.7))
    plane = random_plane(model)
    evaluator = PlaneEvaluator(
        Problem(model, "mse", data), plane, config=fixed("batched"), standard_errors=True
    )
    values = evaluator(POINTS)
    # Rounding of the mean, not of its square: 1e-16, where a sum of squares would leave 1e-8.
    assert np.all(values["standard_errors"] < 1e-15 * (1 + values["losses"]))
    one = PlaneEvaluator(Problem(model, "mse", data, subset=Subset(1)), plane, config=fixed("copy"))
    assert np.all(np.isnan(one(POINTS)["standard_errors"]))


def test_losses_far_from_zero_lose_no_digits(model: nn.Module, examples: Any) -> None:
    def far(output: Tensor, target: Tensor) -> Tensor:
        return 1e9 + functional.cross_entropy(output, target, reduction="none")

    plane = random_plane(model)
    each = losses_of_examples(model, examples, plane)
    evaluator = PlaneEvaluator(
        Problem(model, far, examples), plane, config=fixed("copy"), standard_errors=True
    )
    wanted = each.std(axis=1, ddof=1) / np.sqrt(30)
    np.testing.assert_allclose(evaluator(POINTS)["standard_errors"], wanted, rtol=1e-6)


@pytest.mark.parametrize("loss", ["sum", "mean"])
def test_surface_slope_and_value_of_a_subset_are_those_of_the_examples_drawn(
    loss: str, model: nn.Module, examples: Any
) -> None:
    """The slope of a sum over 10 of 30 was that over the 10, the surface three times as high."""
    function = nn.CrossEntropyLoss(reduction=loss)
    problem = Problem(model, function, examples, subset=Subset(10))
    drawn = tuple(t[Subset(10).indices(30)] for t in examples)
    plane = random_plane(model)
    surface = sample(
        problem, plane, grid=Grid.square(3, span=0.1), gradients=True, standard_errors=False
    )
    value = function(model(drawn[0]), drawn[1])
    slope = torch.autograd.grad(value, list(model.parameters()))
    slope = torch.cat([s.reshape(-1) for s in slope]).numpy()
    assert surface.losses[1, 1] == pytest.approx(float(value.detach()), rel=1e-12)
    assert surface.fields["gradient_alpha"][1, 1] == pytest.approx(slope @ plane.d_alpha)
    np.testing.assert_allclose(gradient(problem), slope, rtol=1e-10, atol=1e-12)


def test_the_standard_error_of_a_sum_is_that_of_the_sum(model: nn.Module, examples: Any) -> None:
    class Summed(nn.CrossEntropyLoss):
        def forward(self, output: Tensor, target: Tensor) -> Tensor:
            return functional.cross_entropy(output, target, reduction="none")

    plane = random_plane(model)
    one, two = (
        PlaneEvaluator(Problem(model, loss, examples, subset=Subset(10)), plane)(POINTS)
        for loss in (Summed(reduction="sum"), "cross_entropy")
    )
    for name in ("losses", "standard_errors"):
        np.testing.assert_allclose(one[name], 10 * two[name], rtol=1e-11)


# -- mistakes -------------------------------------------------------------------------------------


def test_a_loss_without_values_per_example_has_no_standard_error(
    model: nn.Module, examples: Any
) -> None:
    def whole(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1])

    plane = random_plane(model)
    for loss in (nn.CrossEntropyLoss(), whole):
        with pytest.raises(
            ValueError, match="evaluate all examples, or pass standard_errors=False"
        ):
            sample(Problem(model, loss, examples, subset=Subset(10)), plane, standard_errors=True)
        surface = sample(
            Problem(model, loss, examples, subset=Subset(10)),
            plane,
            grid=Grid.square(3),
            standard_errors=False,
        )
        wanted = sample(
            Problem(model, "cross_entropy", examples, subset=Subset(10)), plane, grid=Grid.square(3)
        )
        np.testing.assert_allclose(surface.losses, wanted.losses, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (lambda: {"subset": Subset(31)}, "<= the 30 examples of the data, got 31; leave it out"),
        (lambda: {"subset": Subset(0)}, "must be >= 1 example, got 0"),
        (lambda: {"subset": Subset(3, -1)}, "seed of the subset must be >= 0, got -1"),
        (
            lambda: {"metrics": {"standard_errors": lambda o, t: o[:, 0]}},
            "cannot be named 'standard_",
        ),
    ],
)
def test_impossible_subsets_are_refused(
    options: Callable[[], Any], message: str, model: nn.Module, examples: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        sample(Problem(model, "cross_entropy", examples, **options()), random_plane(model))


def test_a_batch_of_different_lengths_has_no_subset() -> None:
    def loss(model: nn.Module, batch: Any) -> Tensor:
        return model(batch["a"]).mean() + model(batch["b"]).mean()  # type: ignore[no-any-return]

    model = nn.Linear(2, 1).double()
    data = {"a": torch.ones(5, 2), "b": torch.ones(3, 2)}
    with pytest.raises(ValueError, match="got different lengths; leave the subset out"):
        sample(
            Problem(model, loss, data, subset=Subset(2)), random_plane(model), standard_errors=False
        )
