"""The second best of every choice, against windows found by pooling one entry at a time."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from landscape.networks.watching.candidates import candidates_along, pooled_candidates

POOLS: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("max_pool1d", (7,), {"kernel_size": 3, "stride": 2, "padding": 1}),
    ("max_pool1d", (8,), {"kernel_size": 3, "dilation": 2, "stride": 1}),
    ("max_pool2d", (4, 6), {"kernel_size": 2}),
    ("max_pool2d", (5, 5), {"kernel_size": (3, 2), "stride": (2, 1), "padding": (1, 0)}),
    ("max_pool2d", (5, 6), {"kernel_size": 2, "stride": 2, "ceil_mode": True}),
    ("max_pool3d", (3, 4, 5), {"kernel_size": 2, "stride": 1}),
    ("adaptive_max_pool1d", (7,), {"output_size": 3}),
    ("adaptive_max_pool2d", (5, 7), {"output_size": (2, 3)}),
    ("max_pool1d", (5,), {"kernel_size": 1}),
]


def pool(name: str, values: Tensor, options: dict[str, Any]) -> tuple[Tensor, Tensor]:
    found: tuple[Tensor, Tensor] = getattr(functional, name)(values, **options, return_indices=True)
    return found


@pytest.mark.parametrize(("name", "sizes", "options"), POOLS)
def test_the_second_best_of_a_pooling_window(
    name: str, sizes: tuple[int, ...], options: dict[str, Any]
) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 3, *sizes).double()
    values, places = pool(name, inputs, options)
    many = inputs[0, 0].numel()
    units = torch.eye(many).double().reshape(many, 1, *sizes)
    inside = pool(name, units, options)[0].reshape(many, -1).T > 0  # window by entry
    rows = inputs.reshape(2, 3, 1, many).expand(2, 3, len(inside), many)
    best = torch.where(inside, rows, -torch.inf).sort(dim=-1, descending=True)[0]
    found = pooled_candidates(name, ((inputs,), options), inputs, places)
    second = found.next_best()
    torch.testing.assert_close(found.entries(found.chosen), values)
    gap = best[..., 0] - best[..., 1] if many > 1 else best[..., 0] * 0
    # A window of one entry has no second: its lead is 0 and never moves.
    wanted = torch.where(gap.isinf(), 0.0, gap).reshape(values.shape)
    torch.testing.assert_close(found.lead(found.chosen, second), wanted)
    assert torch.all(found.lead(found.chosen, second) >= 0)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("smallest", [False, True])
def test_the_second_best_along_a_dimension(dim: int, smallest: bool) -> None:
    inputs = torch.randn(4, 3, 5, generator=torch.Generator().manual_seed(1))
    chosen = inputs.argmin(dim, keepdim=True) if smallest else inputs.argmax(dim, keepdim=True)
    found = candidates_along(inputs, chosen, dim, smallest=smallest)
    order = inputs.sort(dim=dim, descending=not smallest)[0]
    apart = (order.select(dim, 0) - order.select(dim, 1)).abs().unsqueeze(dim)
    torch.testing.assert_close(found.lead(found.chosen, found.next_best()), apart)
