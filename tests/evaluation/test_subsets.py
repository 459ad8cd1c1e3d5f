"""A subset of the examples: drawn by a seed, with the standard error of its mean."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler, SubsetRandomSampler, TensorDataset

from landscape.config import SamplingConfig
from landscape.directions import random_plane
from landscape.evaluation import Subset, as_batches
from landscape.grid import Grid
from landscape.layout import Layout, Slot
from landscape.plane import Plane
from landscape.sampling import plane_evaluator, sample

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
    whole = plane_evaluator(
        model, "cross_entropy", data, plane, config=fixed(strategy), standard_errors=True
    )
    found = whole(POINTS)
    assert whole.choice.strategy == strategy
    wanted = each.std(axis=1, ddof=1) / np.sqrt(30)
    np.testing.assert_allclose(found["standard_errors"], wanted, rtol=1e-11)
    np.testing.assert_allclose(found["losses"], each.mean(axis=1), rtol=1e-12)

    drawn = Subset(examples=12, seed=5).indices(30).numpy()
    part = plane_evaluator(
        model, "cross_entropy", data, plane, config=fixed(strategy), subset=12, subset_seed=5
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
            evaluator = plane_evaluator(
                model, lambda output, target: output[:, 0], data, plane,
                config=fixed("loop"), subset=3, subset_seed=seed,
            )  # fmt: skip
            result = evaluator(np.zeros((1, 1)))
            found[drawn] = float(result["losses"][0]), float(result["standard_errors"][0])
        seed += 1
    means, errors = np.array(list(found.values())).T
    assert means.mean() == pytest.approx(float(values.mean()))
    assert np.mean(errors**2) == pytest.approx(means.var())


def test_the_draw_depends_on_the_seed_alone_and_is_recorded(
    model: nn.Module, examples: Any
) -> None:
    plane, grid = random_plane(model), Grid.square(3)
    state = torch.random.get_rng_state()
    one, same, other = (
        sample(model, "cross_entropy", examples, plane, grid=grid, subset=12, subset_seed=seed,
               engine=fixed("vmap"))
        for seed in (0, 0, 1)
    )  # fmt: skip
    assert torch.equal(state, torch.random.get_rng_state())
    np.testing.assert_array_equal(one.losses, same.losses)
    assert np.all(one.losses != other.losses)
    assert one.settings["subset"] == {"examples": 12, "seed": 0, "of": 30}
    assert one.settings["examples"] == 12
    assert tuple(one.fields) == ("losses", "accuracies", "standard_errors")
    plain = sample(model, "cross_entropy", examples, plane, grid=grid, engine=fixed("vmap"))
    assert "subset" not in plain.settings
    assert "standard_errors" not in plain.fields
    without = sample(model, "cross_entropy", examples, plane, grid=grid, subset=12,
                     standard_errors=False, engine=fixed("vmap"))  # fmt: skip
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

    options: dict[str, Any] = {"grid": grid, "subset": 9, "engine": fixed("copy")}
    found = sample(model, "cross_entropy", generate(), plane, **options)
    wanted = sample(model, "cross_entropy", examples, plane, **options)
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
    options: dict[str, Any] = {"grid": Grid.square(3), "subset": 9, "engine": fixed("copy")}
    found = sample(model, "cross_entropy", load(known), plane, **options)
    wanted = sample(model, "cross_entropy", examples, plane, **options)
    assert known.read == Subset(examples=9).indices(30).tolist()
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
        surface = sample(model, "cross_entropy", loader, plane, grid=Grid.square(3), subset=5)
        assert surface.settings["subset"]["of"] == of


def test_batches_are_filled_up_unless_their_shapes_differ() -> None:
    def lengths(shapes: list[tuple[int, int]]) -> list[tuple[int, ...]]:
        data = [(torch.ones(shape), torch.zeros(shape[0])) for shape in shapes]
        return [tuple(p[0].shape) for p in Subset(examples=8).of(as_batches(data)).parts]

    assert lengths([(5, 2)] * 4) == [(5, 2), (3, 2)]
    ragged = lengths([(10, 2), (10, 3)])
    assert {shape[1] for shape in ragged} == {2, 3}
    assert sum(shape[0] for shape in ragged) == 8


def test_equal_losses_have_no_spread_and_one_example_none_that_is_known() -> None:
    model = nn.Sequential(nn.Linear(2, 1)).double()
    data = (torch.full((9, 2), 0.3), torch.full((9,), 0.7))
    plane = random_plane(model)
    evaluator = plane_evaluator(
        model, "mse", data, plane, config=fixed("batched"), standard_errors=True
    )
    values = evaluator(POINTS)
    # Rounding of the mean, not of its square: 1e-16, where a sum of squares would leave 1e-8.
    assert np.all(values["standard_errors"] < 1e-15 * (1 + values["losses"]))
    one = plane_evaluator(model, "mse", data, plane, config=fixed("copy"), subset=1)
    assert np.all(np.isnan(one(POINTS)["standard_errors"]))


def test_losses_far_from_zero_lose_no_digits(model: nn.Module, examples: Any) -> None:
    def far(output: Tensor, target: Tensor) -> Tensor:
        return 1e9 + functional.cross_entropy(output, target, reduction="none")

    plane = random_plane(model)
    each = losses_of_examples(model, examples, plane)
    evaluator = plane_evaluator(
        model, far, examples, plane, config=fixed("copy"), standard_errors=True
    )
    wanted = each.std(axis=1, ddof=1) / np.sqrt(30)
    np.testing.assert_allclose(evaluator(POINTS)["standard_errors"], wanted, rtol=1e-6)


# -- mistakes -------------------------------------------------------------------------------------


def test_a_loss_without_values_per_example_has_no_standard_error(
    model: nn.Module, examples: Any
) -> None:
    def whole(model: nn.Module, batch: Any) -> Tensor:
        return functional.cross_entropy(model(batch[0]), batch[1])

    plane = random_plane(model)
    for loss in (nn.CrossEntropyLoss(), whole):
        with pytest.raises(ValueError, match=r"reduction='none', or say standard_errors=False"):
            sample(model, loss, examples, plane, subset=10)
        surface = sample(model, loss, examples, plane, grid=Grid.square(3), subset=10,
                         standard_errors=False)  # fmt: skip
        wanted = sample(model, "cross_entropy", examples, plane, grid=Grid.square(3), subset=10)
        np.testing.assert_allclose(surface.losses, wanted.losses, rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"subset": 31}, "<= the 30 examples of the data, got 31; leave it out"),
        ({"subset": 0}, "must be >= 1 example, got 0"),
        ({"subset": 3, "subset_seed": -1}, "seed of the subset must be >= 0, got -1"),
        ({"metrics": {"standard_errors": lambda o, t: o[:, 0]}}, "cannot be named 'standard_err"),
    ],
)
def test_impossible_subsets_are_refused(
    options: dict[str, Any], message: str, model: nn.Module, examples: Any
) -> None:
    with pytest.raises(ValueError, match=message):
        sample(model, "cross_entropy", examples, random_plane(model), **options)


def test_a_batch_of_different_lengths_has_no_subset() -> None:
    def loss(model: nn.Module, batch: Any) -> Tensor:
        return model(batch["a"]).mean() + model(batch["b"]).mean()  # type: ignore[no-any-return]

    model = nn.Linear(2, 1).double()
    data = {"a": torch.ones(5, 2), "b": torch.ones(3, 2)}
    with pytest.raises(ValueError, match="got different lengths; leave the subset out"):
        sample(model, loss, data, random_plane(model), subset=2, standard_errors=False)
