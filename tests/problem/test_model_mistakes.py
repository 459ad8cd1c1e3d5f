"""Mistakes that users make: one sentence says what was wanted, what came, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

import landscape
from landscape import Problem, random_segment
from landscape.training.recording.checkpoints import load_into

GRID = landscape.Grid.square(3)


@pytest.fixture
def own() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Tanh(), nn.Dropout(0.5), nn.Linear(6, 3)
    ).double()


def at_centre(model: nn.Module, loss: Any, data: Any, **options: Any) -> float:
    plane = landscape.random_plane(model, seed=0)
    return float(
        landscape.sample(Problem(model, loss, data), plane, grid=GRID, **options).losses[1, 1]
    )


# -- losses ---------------------------------------------------------------------------------------


WRONG_LENGTHS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "one value per class": lambda output, target: output.sum(dim=0),
    "one value per entry": lambda output, target: output.square(),
    "some examples only": lambda output, target: functional.cross_entropy(
        output[:7], target[:7], reduction="none"
    ),
}


@pytest.mark.parametrize("kind", WRONG_LENGTHS)
def test_a_loss_of_another_length_is_told_what_it_must_return(
    kind: str, own: nn.Module, examples: Any
) -> None:
    # Network and loss are first called with the first 8 examples.
    with pytest.raises(
        ValueError, match=r"mean of the batch or one value for each of its 8 examples, got shape"
    ):
        at_centre(own, WRONG_LENGTHS[kind], examples)


def test_a_loss_of_the_batch_of_another_length_is_told_so_as_well(
    own: nn.Module, examples: Any
) -> None:
    def per_class(model: nn.Module, batch: Any) -> Tensor:
        return model(batch[0]).sum(dim=0)

    with pytest.raises(
        ValueError, match=r"one value for each of its 30 examples, got shape \(3,\)"
    ):
        at_centre(own, per_class, examples)


def test_a_loss_that_gives_only_its_mean_has_no_slope_budget(own: nn.Module, examples: Any) -> None:
    def mean(output: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(output, target)

    with pytest.raises(ValueError, match="leave out its mean, as reduction='none' does"):
        landscape.slope_budget(Problem(own, mean, examples), random_segment(own))


# -- data -----------------------------------------------------------------------------------------


def test_data_for_one_pass_are_enough_for_a_surface_and_explained_when_used_up(
    own: nn.Module, examples: Any
) -> None:
    def once() -> Iterator[Any]:
        inputs, targets = examples
        yield inputs[:25], targets[:25]
        yield inputs[25:], targets[25:]

    data = once()
    assert at_centre(own, "cross_entropy", data) == pytest.approx(
        at_centre(own, "cross_entropy", examples), rel=1e-12
    )
    with pytest.raises(ValueError, match=r"read before; give a list, a DataLoader, or a function"):
        at_centre(own, "cross_entropy", data)
    assert np.isfinite(at_centre(own, "cross_entropy", once))


def test_a_batch_of_another_shape_names_both_shapes(own: nn.Module, examples: Any) -> None:
    inputs, targets = examples
    with pytest.raises(ValueError, match=r"fails on the inputs float64 \[8, 2, 2\]"):
        at_centre(own, "cross_entropy", (inputs.reshape(30, 2, 2), targets))
    with pytest.raises(ValueError, match=r"output float64 \[8, 3\] and target int64 \[8, 1\]"):
        at_centre(own, "cross_entropy", (inputs, targets[:, None]))


def test_inputs_that_are_no_numbers_give_losses_that_are_none(
    own: nn.Module, examples: Any
) -> None:
    inputs = examples[0].clone()
    inputs[3, 1] = float("nan")
    assert np.isnan(at_centre(own, "cross_entropy", (inputs, examples[1])))


# -- models ---------------------------------------------------------------------------------------


def test_a_model_in_training_mode_is_evaluated_and_put_back(own: nn.Module, examples: Any) -> None:
    own.train()
    own[4].eval()  # modes of single layers are kept, too
    modes = [module.training for module in own.modules()]
    before = {name: value.clone() for name, value in own.state_dict().items()}
    found = [at_centre(own, "cross_entropy", examples) for _ in range(2)]
    landscape.slope_budget(Problem(own, "cross_entropy", examples), random_segment(own, span=1e-3))
    assert [module.training for module in own.modules()] == modes
    assert all(torch.equal(before[name], value) for name, value in own.state_dict().items())
    wanted = functional.cross_entropy(own.eval()(examples[0]), examples[1])
    assert found == pytest.approx([float(wanted.detach())] * 2, rel=1e-12)


def test_weights_that_are_no_numbers_are_named(own: nn.Module, examples: Any) -> None:
    with torch.no_grad():
        own[4].weight[0, 0] = float("nan")  # type: ignore[index, operator]
    with pytest.raises(ValueError, match=r"parameter 4\.weight holds NaN .* diverged"):
        landscape.random_plane(own)


def test_a_plane_of_another_model_is_told_what_differs(own: nn.Module, examples: Any) -> None:
    other = landscape.random_plane(nn.Linear(4, 3))
    with pytest.raises(ValueError, match=r"first difference: 0\.weight; make the plane from this"):
        landscape.sample(Problem(own, "cross_entropy", examples), other)


# -- devices: "meta" is one that every machine has -----------------------------------------------


def test_a_model_without_its_weights_is_told_to_load_them(own: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"0\.weight has no values.*meta device; load the weights"):
        landscape.random_plane(own.to("meta"))


def test_what_a_loss_or_a_model_holds_on_another_device_is_named(
    own: nn.Module, examples: Any
) -> None:
    weighted = nn.CrossEntropyLoss(weight=torch.ones(3, device="meta"))
    with pytest.raises(ValueError, match=r"loss CrossEntropyLoss fails on output .* device"):
        at_centre(own, weighted, examples)

    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.shift = own, torch.ones(3, device="meta")

        def forward(self, inputs: Tensor) -> Tensor:
            return self.inner(inputs) + self.shift

    with pytest.raises(ValueError, match=r"model fails on the inputs float64 \[8, 4\]: .* device"):
        at_centre(Shifted(), "cross_entropy", examples)


# -- checkpoints ----------------------------------------------------------------------------------


def test_a_checkpoint_of_another_network_says_which_names_differ(
    own: nn.Module, tmp_path: Path
) -> None:
    weights = own.state_dict()
    before = {name: value.clone() for name, value in weights.items()}
    renamed = {name.replace("4.", "head."): value + 1 for name, value in weights.items()}
    torch.save(renamed, tmp_path / "renamed.pt")
    with pytest.raises(ValueError, match=r"4\.weight.*head\.weight"):
        load_into(own, tmp_path / "renamed.pt")
    wider = {**weights, "4.weight": torch.ones(5, 6)}
    torch.save(wider, tmp_path / "wider.pt")
    with pytest.raises(ValueError, match=r"4\.weight is \(5, 6\) there, \(3, 6\) in"):
        load_into(own, tmp_path / "wider.pt")
    assert all(torch.equal(before[name], value) for name, value in own.state_dict().items())


def test_what_a_wrapper_puts_before_the_names_is_no_mistake(own: nn.Module, tmp_path: Path) -> None:
    wrapped = {f"module.{name}": value + 1 for name, value in own.state_dict().items()}
    torch.save({"state_dict": wrapped, "epoch": 3}, tmp_path / "wrapped.pt")
    wanted = {name: value + 1 for name, value in own.state_dict().items()}
    load_into(own, tmp_path / "wrapped.pt")
    assert all(torch.equal(wanted[name], value) for name, value in own.state_dict().items())


# -- another preprocessing ------------------------------------------------------------------------


def test_another_preprocessing_shows_beside_the_loss_that_was_recorded(
    model: nn.Module, examples: Any, problem: Problem
) -> None:
    """The loss at the centre is that of the record, bit for bit up to rounding, or it is not."""
    inputs, targets = examples
    config = landscape.TrainingConfig(steps=300)
    run = landscape.train(problem, optimizer="adam", config=config)
    assert at_centre(model, "cross_entropy", examples) == pytest.approx(run.losses[-1], rel=1e-9)
    other = at_centre(model, "cross_entropy", (inputs.flip(1), targets))
    assert other > 1.5 * run.losses[-1]


def test_data_prepared_in_another_way_are_noticed_by_the_recorded_loss() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    inputs, targets = torch.randn(50, 4), torch.arange(50) % 3
    recorded = nn.functional.cross_entropy(model(inputs), targets).item()
    plane = landscape.random_plane(model, seed=0)
    grid = landscape.Grid.square(3)
    work = {"grid": grid, "expected_loss": recorded}
    landscape.sample(Problem(model, "cross_entropy", (inputs, targets)), plane, **work)
    with pytest.raises(ValueError, match=r"within 1 % of .*, got .*; check the preprocessing"):
        landscape.sample(Problem(model, "cross_entropy", (255 * inputs, targets)), plane, **work)
