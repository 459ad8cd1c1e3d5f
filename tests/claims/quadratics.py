"""Losses with known curvature: the mean of squares of single weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from landscape import Problem


class Weights(nn.Module):
    """Returns its weights times the inputs: with the loss ``half_square`` a diagonal quadratic."""

    def __init__(self, start: list[float]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(start, dtype=torch.float64))

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.weight


def half_square(output: Tensor, _: Tensor) -> Tensor:
    """Return half the squared length of each example, [N]."""
    return 0.5 * output.square().sum(dim=-1)


def quadratic(start: list[float], *curvatures: float) -> Problem:
    """Return the problem of a quadratic with these curvatures, from a start."""
    return Problem(Weights(start), half_square, bowl(*curvatures))


def absolute(output: Tensor, _: Tensor) -> Tensor:
    return output.abs().sum(dim=-1)


def bowl(*curvatures: float) -> tuple[Tensor, Tensor]:
    """Return one example for which the Hessian is diagonal with these entries."""
    return torch.tensor([curvatures], dtype=torch.float64).sqrt(), torch.zeros(1)
