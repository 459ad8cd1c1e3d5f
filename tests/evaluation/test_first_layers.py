"""Which layers' products are reused at every point of a plane."""

from __future__ import annotations

from typing import Any

import torch
from evaluation.engines import fixed, vectors
from torch import Tensor, nn

from landscape import Plane, Problem, random_plane
from landscape.evaluation.engine import PlaneEvaluator


def reused(model: nn.Module, data: Any, plane: Plane | None = None) -> tuple[str, ...]:
    evaluator = PlaneEvaluator(
        Problem(model, "cross_entropy", data), plane or random_plane(model), config=fixed("vmap")
    )
    first = evaluator._pass.first
    return () if first is None else first.names


def test_layers_behind_constant_normalisation_are_first_layers() -> None:
    model = nn.Sequential(
        nn.Flatten(), nn.BatchNorm1d(4), nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3)
    ).double()
    assert reused(model, vectors()) == ("2",)
    moving = random_plane(model, one_dimensional="layer")
    assert reused(model, vectors(), moving) == ()


def test_two_branches_have_two_first_layers() -> None:
    class Branches(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.left, self.right = nn.Linear(4, 3), nn.Linear(4, 3)
            self.join = nn.Linear(3, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.join(torch.sin(self.left(inputs)) * self.right(inputs))  # type: ignore[no-any-return]

    assert reused(Branches().double(), vectors()) == ("left", "right")


def test_a_layer_that_is_called_twice_tied_or_fed_by_hidden_parameters_is_no_first_layer() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.out(torch.relu(self.linear(torch.relu(self.linear(inputs)))))  # type: ignore[no-any-return]

    class Detached(nn.Module):
        """Its linear layer sees the gate only through a comparison, which autograd does not."""

        def __init__(self) -> None:
            super().__init__()
            self.gate, self.out = nn.Linear(4, 4), nn.Linear(4, 3)

        def forward(self, inputs: Tensor) -> Tensor:
            return self.out(inputs * (self.gate(inputs) > 0).to(inputs.dtype))  # type: ignore[no-any-return]

    assert reused(Twice().double(), vectors()) == ()
    assert reused(Detached().double(), vectors()) == ("gate",)
