"""What is noted beside a surface belongs to the same problem; shapes are not bent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from curvature.extremes import hessian_extremes
from problem.zoo import ConvNorm, Mlp, Reference, examples, made
from torch import Tensor, nn

import landscape
from landscape import Grid, Problem, Subset
from landscape.curvature.expected_hessian import hessian_product
from landscape.curvature.hessian import with_curvature
from landscape.networks.parameters import flatten

X, Y = examples()


class Training(nn.Module):
    """Normalises by the batch at hand, whatever its mode."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        self.model.train()
        return self.model(x)  # type: ignore[no-any-return]


def test_derivatives_of_batch_statistics_are_those_of_the_surface() -> None:
    """A surface of batch statistics was captioned with the frozen loss's eigenvalues."""
    model = made("conv_batch_norm")
    problem = Problem(model, data=(X, Y), dtype=torch.float64, batch_norm="batch")
    plain = Reference(Training(model), functional.cross_entropy, [(X, Y)])
    theta = flatten(model)
    np.testing.assert_allclose(landscape.gradient(problem), plain.gradient(theta), atol=1e-12)
    vector = np.random.default_rng(1).standard_normal(len(theta))
    found = hessian_product(problem) @ vector
    np.testing.assert_allclose(found, plain.product(theta, vector), atol=1e-10)
    plane = with_curvature(problem, landscape.random_plane(model))
    frozen = with_curvature(replace(problem, batch_norm="frozen"), plane)
    assert plane.settings["hessian"]["batch_norm"] == "batch"
    assert frozen.settings["hessian"]["batch_norm"] == "frozen"
    assert plane.settings["hessian"]["top"] != pytest.approx(frozen.settings["hessian"]["top"])
    surface = landscape.sample(problem, plane, grid=Grid.square(3))
    assert surface.settings["normalising_layers"] == 1
    assert surface.settings["centre"]["losses"] == pytest.approx(
        float(plain.value(theta).detach()), rel=1e-9
    )


def test_derivatives_of_a_subset_are_those_of_the_surface() -> None:
    model, subset = made("mlp"), Subset(9, seed=3)
    problem = Problem(model, data=(X, Y), subset=subset)
    drawn = subset.indices(len(X))
    plain = Reference(model, functional.cross_entropy, [(X[drawn], Y[drawn])])
    np.testing.assert_allclose(
        landscape.gradient(problem), plain.gradient(flatten(model)), atol=1e-12
    )
    pairs = landscape.hessian_eigenpairs(problem, tolerance=1e-3)
    assert pairs.settings["examples"] == 9


def test_derivatives_through_recalibrated_statistics_are_refused() -> None:
    problem = Problem(made("conv_batch_norm"), data=(X, Y), batch_norm="recalibrated")
    with pytest.raises(ValueError, match="do not go through recalibrated statistics"):
        landscape.gradient(problem)


def test_budgets_of_batch_statistics_are_refused() -> None:
    model = made("conv_batch_norm")
    problem = Problem(model, data=(X, Y), batch_norm="batch")
    with pytest.raises(ValueError, match="every example counts by itself"):
        landscape.slope_budget(problem, landscape.random_segment(model))


def test_losses_of_a_path_have_the_statistics_of_the_problem() -> None:
    torch.manual_seed(3)
    model = ConvNorm()
    problem = Problem(model, data=(X, Y), dtype=torch.float64)
    run = landscape.train(problem, config=landscape.TrainingConfig(steps=4, record_every=2))
    batch = landscape.evaluate_losses(replace(problem, batch_norm="batch"), run)
    plain = Reference(Training(model), functional.cross_entropy, [(X, Y)])
    wanted = [float(plain.value(np.asarray(t, dtype=np.float64)).detach()) for t in run.thetas]
    np.testing.assert_allclose(batch.losses, wanted, rtol=1e-9)
    assert batch.settings["loss_statistics"] == "batch"
    frozen = landscape.evaluate_losses(problem, run)
    assert frozen.losses[-1] == pytest.approx(run.losses[-1], rel=1e-5)
    assert frozen.settings["loss_statistics"] == "end"


def test_losses_of_a_placed_path_are_over_the_subset_of_its_surface() -> None:
    model, subset = made("mlp"), Subset(9, seed=3)
    problem = Problem(model, data=(X, Y), subset=subset, dtype=torch.float64)
    run = landscape.train(
        replace(problem, subset=None), config=landscape.TrainingConfig(steps=4, record_every=2)
    )
    plane = landscape.random_plane(model)
    placed = landscape.place(problem, plane, run, name="gd")
    assert placed.losses[-1] == pytest.approx(placed.plane_losses[-1], rel=1e-6)
    assert placed.losses[-1] != pytest.approx(run.losses[-1], rel=1e-3)


@pytest.mark.parametrize("kind", ["sum", "each", "mean"])
def test_a_sum_is_a_sum_in_every_instrument(kind: str) -> None:
    """Its curvature is that of the sum, as gradient descent on it feels it."""
    model = made("mlp")
    reduction = "none" if kind == "each" else kind
    problem = Problem(model, nn.CrossEntropyLoss(reduction=reduction), (X, Y), dtype=torch.float64)
    plain = Problem(model, "cross_entropy", (X, Y), dtype=torch.float64)
    factor = len(X) if kind == "sum" else 1
    line, plane = landscape.random_segment(model), landscape.random_plane(model)
    pairs: list[tuple[Any, Any]] = [
        (landscape.gradient(problem), landscape.gradient(plain)),
        (hessian_extremes(problem), hessian_extremes(plain)),
        (landscape.slope_budget(problem, line).slope_change,
         landscape.slope_budget(plain, line).slope_change),
        (landscape.sample(problem, plane, grid=Grid.square(3)).losses,
         landscape.sample(plain, plane, grid=Grid.square(3)).losses),
    ]  # fmt: skip
    for found, wanted in pairs:
        np.testing.assert_allclose(found, factor * np.asarray(wanted), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("output", "target", "remedy"),
    [
        ((5, 2), (2, 5), "same order"),
        ((1,), (), r"target.unsqueeze\(-1\)"),
        ((), (1,), r"target.squeeze\(-1\)"),
        ((3,), (4,), "one output per target"),
        ((4, 1), (1, 4), "same order"),
    ],
)
def test_mse_refuses_shapes_that_torch_would_refuse_or_broadcast(
    output: tuple[int, ...], target: tuple[int, ...], remedy: str
) -> None:
    """[N, 5, 2] against [N, 2, 5] passed with a number that belongs to nothing."""

    class Shaped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(4, int(np.prod(output)))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x).reshape(len(x), *output)  # type: ignore[no-any-return]

    problem = Problem(Shaped(), "mse", (torch.randn(30, 4), torch.randn(30, *target)))
    with pytest.raises(ValueError, match=f"same shape, got .* and .*; .*{remedy}"):
        landscape.gradient(problem)
    with pytest.raises(ValueError, match="same shape"):
        landscape.sample(problem, landscape.random_plane(problem.model))


def batch_mean(model: nn.Module, batch: Any) -> Tensor:
    x, y = (batch["x"], batch["y"]) if isinstance(batch, dict) else batch
    return functional.cross_entropy(model(x), y, reduction="none")


class Kinked(Mlp):
    def forward(self, x: Tensor) -> Tensor:
        return self.layers[2](torch.relu(self.layers[0](x)))  # type: ignore[no-any-return]


@pytest.mark.parametrize("form", ["dict", "pair", "batches"])
def test_a_budget_of_a_loss_of_model_and_batch_is_that_of_output_and_target(form: str) -> None:
    torch.manual_seed(0)
    model = Kinked()
    data: Any = {"dict": {"x": X, "y": Y}, "pair": (X, Y),
                 "batches": [(X[:12], Y[:12]), (X[12:], Y[12:])]}[form]  # fmt: skip
    line = landscape.random_segment(model)
    plain = landscape.slope_budget(Problem(model, data=(X, Y)), line)
    found = landscape.slope_budget(Problem(model, batch_mean, data), line)
    assert found.passed
    assert found.crossings == plain.crossings > 0
    # Each batch is refined by itself, to the bound of the check.
    assert found.signed_kink == pytest.approx(plain.signed_kink, rel=0.02)
    assert found.slope_change == pytest.approx(plain.slope_change, rel=1e-9)


def test_a_budget_of_a_scalar_loss_of_model_and_batch_says_what_it_needs() -> None:
    model = Kinked()
    problem = Problem(model, lambda model, batch: batch_mean(model, batch).mean(), (X, Y))
    with pytest.raises(ValueError, match="must return one value for each of the examples, 1"):
        landscape.slope_budget(problem, landscape.random_segment(model))


def test_losses_that_are_all_nan_are_told(caplog: pytest.LogCaptureFixture) -> None:
    model = made("mlp")
    x = torch.full((12, 6), torch.nan)
    surface = landscape.sample(
        Problem(model, data=(x, Y[:12])), landscape.random_plane(model), grid=Grid.square(3)
    )
    assert np.isnan(surface.losses).all()
    assert "none of the 9 losses of this surface is finite" in caplog.text
