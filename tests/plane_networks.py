"""Small networks whose whole parameter space is a plane, or nearly."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from copy import deepcopy

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from landscape import Grid, Plane
from landscape.networks.parameters import flatten, layout_of

WINDOW = Grid.rectangle((9, 14), (-1.0, 0.6), (-0.5, 2.0))


class OneUnit(nn.Module):
    """relu(w x + b)."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.line(x))


class Product(nn.Module):
    """relu(v relu(w x) - c): the second kink is a hyperbola in (w, v)."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.v = nn.Parameter(torch.tensor([1.0])), nn.Parameter(torch.tensor([1.0]))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.v * torch.relu(self.w * x) - 1.5)


def axes_plane(model: nn.Module, origin: list[float]) -> Plane:
    one, two = np.eye(2)
    return Plane(np.array(origin), one, two, layout_of(model))


def mlp(*widths: int, seed: int = 0) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for a, b in itertools.pairwise(widths):
        layers += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).double()


def examples(n: int, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(1)
    return (torch.randn(n, inputs, generator=draws).double(),
            torch.randn(n, outputs, generator=draws).double())  # fmt: skip


def first_layer_plane(model: nn.Module) -> Plane:
    """A plane that moves the first layer alone: everything is then piecewise linear in it."""
    layout, draws = layout_of(model), np.random.default_rng(2)
    moved = next(model.parameters()).numel() + len(list(model.parameters())[1])
    directions = np.zeros((2, layout.size))
    directions[:, :moved] = draws.standard_normal((2, moved))
    return Plane(flatten(model), *directions, layout)


def whole_plane(model: nn.Module) -> Plane:
    layout = layout_of(model)
    return Plane(
        flatten(model), *np.random.default_rng(3).standard_normal((2, layout.size)), layout
    )


def linear_loss(output: Tensor, _target: Tensor) -> Tensor:
    return output.sum(dim=1)


def slopes(
    model: nn.Module,
    loss: Callable[[Tensor, Tensor], Tensor],
    data: tuple[Tensor, Tensor],
    plane: Plane,
    points: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Autograd's gradient of the mean loss in the plane at points [K, 2], [K, 2]."""
    copy, rows = deepcopy(model), []
    for theta in plane.points(points):
        vector_to_parameters(torch.from_numpy(theta), copy.parameters())
        mean = loss(copy(data[0]), data[1]).mean()
        slope = parameters_to_vector(torch.autograd.grad(mean, list(copy.parameters())))
        rows.append(plane.directions @ slope.numpy())
    return np.array(rows)


# -- closed forms ---------------------------------------------------------------------------------
