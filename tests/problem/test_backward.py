"""The backward pass finds the point's parameters, whatever runs the network again on the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from curvature.extremes import hessian_extremes
from problem.zoo import Checkpointed, examples
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, checkpoint_sequential

import landscape
from landscape import Grid, Problem
from landscape.curvature.expected_hessian import hessian_product
from landscape.kinks import kink_map

GRID = Grid.square(3)
DATA = examples()


class Kinked(nn.Module):
    """Kinks inside and outside a checkpoint."""

    def __init__(self, *, reentrant: bool | None) -> None:
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 5)
        self.reentrant = reentrant

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.relu(self.a(x))
        if self.reentrant is None:
            return self.c(self.block(hidden))  # type: ignore[no-any-return]
        return self.c(checkpoint(self.block, hidden, use_reentrant=self.reentrant))  # type: ignore[no-any-return]

    def block(self, hidden: Tensor) -> Tensor:
        return nn.functional.leaky_relu(self.b(hidden), 0.2)


class FirstBlock(Checkpointed):
    """The first layer itself is checkpointed: no input of the checkpoint needs a gradient."""

    def forward(self, x: Tensor) -> Tensor:
        first = lambda z: torch.tanh(self.a(z))  # noqa: E731
        if self.reentrant is None:
            return self.c(self.block(first(x)))  # type: ignore[no-any-return]
        hidden = checkpoint(first, x, use_reentrant=self.reentrant)
        return self.c(self.block(hidden))  # type: ignore[no-any-return]


class Sequenced(Checkpointed):
    def forward(self, x: Tensor) -> Tensor:
        layers = [self.a, nn.Tanh(), self.b, nn.Tanh()]
        if self.reentrant is None:
            return self.c(nn.Sequential(*layers)(x))  # type: ignore[no-any-return]
        hidden = checkpoint_sequential(layers, 2, x, use_reentrant=self.reentrant)
        return self.c(hidden)  # type: ignore[no-any-return]


class _Again(torch.autograd.Function):
    """Runs a block without a graph, and again on the way back, as reversible networks do."""

    @staticmethod
    def forward(ctx: Any, block: nn.Module, x: Tensor) -> Tensor:
        ctx.block = block
        ctx.save_for_backward(x)
        return block(x)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            again = x.detach().requires_grad_()
            ctx.block(again).backward(slopes[0])
        return None, again.grad


class _Adjoint(torch.autograd.Function):
    """Takes the block's parameters as arguments and differentiates them itself, like an adjoint."""

    @staticmethod
    def forward(ctx: Any, block: nn.Module, x: Tensor, *_: Tensor) -> Tensor:
        ctx.block = block
        ctx.save_for_backward(x)
        return block(x)  # type: ignore[no-any-return]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        with torch.enable_grad():
            again = x.detach().requires_grad_()
            wanted = (again, *ctx.block.parameters())
            found = torch.autograd.grad(ctx.block(again), wanted, slopes[0])
        return None, *found


class Reversible(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.a, self.c = nn.Linear(6, 8), nn.Linear(8, 5)
        self.block = nn.Sequential(nn.Linear(8, 8), nn.Tanh())
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        hidden = torch.tanh(self.a(x))
        if self.function is None:
            return self.c(self.block(hidden))  # type: ignore[no-any-return]
        more = tuple(self.block.parameters()) if self.function is _Adjoint else ()
        return self.c(self.function.apply(self.block, hidden, *more))  # type: ignore[no-any-return]


def seeded(model: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.4 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


PAIRS = {
    "checkpoint": (Checkpointed(reentrant=None), Checkpointed(reentrant=False)),
    "reentrant": (Checkpointed(reentrant=None), Checkpointed(reentrant=True)),
    "sequential": (Sequenced(reentrant=None), Sequenced(reentrant=False)),
    "sequential-reentrant": (Sequenced(reentrant=None), Sequenced(reentrant=True)),
    "first-block": (FirstBlock(reentrant=None), FirstBlock(reentrant=False)),
    "first-block-reentrant": (FirstBlock(reentrant=None), FirstBlock(reentrant=True)),
    "kinks": (Kinked(reentrant=None), Kinked(reentrant=False)),
    "reversible": (Reversible(None), Reversible(_Again)),
    "adjoint": (Reversible(None), Reversible(_Adjoint)),
}
ONCE = ("reentrant", "sequential-reentrant", "first-block-reentrant", "reversible", "adjoint")


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("kind", PAIRS)
def test_slopes_with_activation_checkpointing_are_those_without(
    kind: str, dtype: torch.dtype
) -> None:
    plain, saving = map(seeded, PAIRS[kind])
    plane = landscape.random_plane(plain, seed=0)
    one, other = (
        landscape.sample(Problem(m, "cross_entropy", DATA, dtype=dtype), plane, grid=GRID,
                         gradients=True)
        for m in (plain, saving)
    )  # fmt: skip
    close = 1e-10 if dtype == torch.float64 else 1e-5
    for name in ("losses", "gradient_alpha", "gradient_beta"):
        np.testing.assert_allclose(other.fields[name], one.fields[name], rtol=close, atol=close)


@pytest.mark.parametrize("kind", PAIRS)
def test_gradients_away_from_the_models_own_weights_are_right(kind: str) -> None:
    plain, saving = map(seeded, PAIRS[kind])
    theta = landscape.random_plane(plain, seed=0).points(np.array([[0.3, -0.2]]))[0]
    one, other = (landscape.gradient(Problem(m, data=DATA), theta) for m in (plain, saving))
    np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-12)
    assert all(p.grad is None for p in saving.parameters())


@pytest.mark.parametrize("kind", [k for k in PAIRS if k != "kinks"])
def test_slopes_are_those_of_central_differences(kind: str) -> None:
    saving = seeded(PAIRS[kind][1])
    problem = Problem(saving, data=DATA, dtype=torch.float64)
    plane = landscape.random_plane(saving, seed=0)
    slopes = landscape.sample(problem, plane, grid=Grid.square(3, 0.5), gradients=True)
    loss, step = landscape.loss_on_plane(problem, plane), 1e-4
    places = slopes.grid.coordinates(np.arange(9))
    ends = [loss(places + np.array([sign * step, 0.0])) for sign in (1, -1)]
    wanted = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(slopes.fields["gradient_alpha"].reshape(-1), wanted, atol=1e-6)


@pytest.mark.parametrize("kind", [k for k in PAIRS if k not in ONCE])
def test_hessians_with_activation_checkpointing_are_those_without(kind: str) -> None:
    plain, saving = map(seeded, PAIRS[kind])
    theta = landscape.random_plane(plain, seed=0).points(np.array([[0.3, -0.2]]))[0]
    ends = [hessian_extremes(Problem(m, data=DATA), theta=theta) for m in (plain, saving)]
    np.testing.assert_allclose(ends[1], ends[0], rtol=1e-8)


@pytest.mark.parametrize("kind", ["reentrant", "sequential-reentrant", "first-block-reentrant"])
def test_second_derivatives_of_reentrant_checkpoints_are_refused_by_name(kind: str) -> None:
    problem = Problem(seeded(PAIRS[kind][1]), data=DATA)
    with pytest.raises(ValueError, match=r"reentrant checkpoints.*use_reentrant=False"):
        hessian_extremes(problem)
    with pytest.raises(ValueError, match="reentrant checkpoints"):
        landscape.spectral_density(problem)


@pytest.mark.parametrize(("kind", "name"), [("reversible", "_Again"), ("adjoint", "_Adjoint")])
def test_second_derivatives_that_are_not_the_functions_are_refused_by_name(
    kind: str, name: str
) -> None:
    with pytest.raises(ValueError, match=f"backward pass.*{name}"):
        hessian_product(Problem(seeded(PAIRS[kind][1]), data=DATA))


@pytest.mark.parametrize("reentrant", [False, True])
def test_slope_budgets_and_kink_maps_see_into_checkpoints(reentrant: bool) -> None:
    plain, saving = seeded(Kinked(reentrant=None)), seeded(Kinked(reentrant=reentrant))
    one, other = (
        landscape.slope_budget(
            Problem(m, data=DATA), landscape.random_segment(m, span=0.3), keep_crossings=True
        )
        for m in (plain, saving)
    )
    assert one.passed
    assert other.crossings == one.crossings > 0
    np.testing.assert_allclose(other.jumps, one.jumps, rtol=1e-10, atol=1e-15)
    maps = [
        kink_map(Problem(m, data=DATA), landscape.random_plane(m), grid=Grid.square(5, 0.1))
        for m in (plain, saving)
    ]
    np.testing.assert_array_equal(maps[1].segments, maps[0].segments)
    np.testing.assert_allclose(maps[1].jumps, maps[0].jumps, rtol=1e-10, atol=1e-15)


def test_budgets_of_functions_without_forward_derivatives_say_so() -> None:
    model = seeded(Reversible(_Again))
    with pytest.raises(ValueError, match="forward derivatives"):
        landscape.slope_budget(Problem(model, data=DATA), landscape.random_segment(model))


class Tokens(nn.Module):
    """A reentrant checkpoint around the embedding: whole numbers cannot ask for gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.last = nn.Embedding(7, 4), nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        hidden = checkpoint(lambda z: self.table(z), x, use_reentrant=True)
        return self.last(hidden.mean(dim=1))  # type: ignore[no-any-return]


def test_no_gradient_is_zero_because_a_checkpoint_hid_it() -> None:
    data = torch.randint(0, 7, (30, 3)), DATA[1]
    with pytest.raises(ValueError, match="do not reach the parameters inside a reentrant"):
        landscape.gradient(Problem(seeded(Tokens()), data=data))


def test_a_parameter_that_autograd_does_not_see_is_named(caplog: pytest.LogCaptureFixture) -> None:
    class Detached(Checkpointed):
        def forward(self, x: Tensor) -> Tensor:
            return self.c(torch.tanh(self.b(torch.tanh(self.a(x)).detach())))  # type: ignore[no-any-return]

    slope = landscape.gradient(Problem(seeded(Detached()), data=DATA))
    assert not slope[: 6 * 8 + 8].any()
    assert "the loss depends on a.weight, a.bias, but autograd finds no path" in caplog.text
