"""A network that is a function of one parameter, so that its slope has a closed form."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

F64 = torch.float64


class Along(nn.Module):
    """A function of one parameter t and the inputs."""

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.t = nn.Parameter(torch.zeros(1, dtype=F64))
        self.function = function

    def forward(self, inputs: Tensor) -> Tensor:
        return self.function(self.t, inputs)


def output(value: Tensor, _: Tensor) -> Tensor:
    return value.reshape(len(value))
