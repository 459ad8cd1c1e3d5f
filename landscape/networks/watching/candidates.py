"""Who is chosen among whom: the candidates of max pooling, and of a maximum along a dimension."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from landscape.networks.watching.operations import Arguments, argument


@dataclass(frozen=True, slots=True)
class Candidates:
    """Choices of the largest, or smallest, of several entries.

    Attributes:
        rows: the entries, [..., M].
        windows: places in a row of the K candidates of each of S choices, [S, K]; -1 for none.
        chosen: place of the one that was chosen, [..., S].
        shape: of the output, with the S choices in the place of ``axis``.
        axis: where the last axis of ``chosen`` is in the output.
        sign: 1 for the largest, -1 for the smallest.
    """

    rows: Tensor
    windows: Tensor
    chosen: Tensor
    shape: tuple[int, ...]
    axis: int = -1
    sign: int = 1

    def next_best(self) -> Tensor:
        """Return the place of the second best, [..., S]; the best's where there is no other."""
        values = self.sign * self.rows.detach()[..., self.windows.clamp_min(0)]
        out = (self.windows < 0) | (self.windows == self.chosen[..., None])
        values = values.masked_fill(out, -torch.inf)
        best = values.argmax(dim=-1, keepdim=True)
        places = self.windows.expand(values.shape).gather(-1, best).squeeze(-1)
        return torch.where(out.all(dim=-1), self.chosen, places)

    def lead(self, chosen: Tensor, other: Tensor) -> Tensor:
        """Return by how much the entries at ``chosen`` are better than those at ``other``.

        Args:
            chosen: places, [..., S].
            other: places, [..., S].

        Returns:
            The differences in the shape of the output, >= 0 if ``chosen`` was chosen.
        """
        return self.sign * (self.entries(chosen) - self.entries(other))

    def entries(self, places: Tensor) -> Tensor:
        """Return the entries at places [..., S], in the shape of the output."""
        return self.rows.gather(-1, places).movedim(-1, self.axis).reshape(self.shape)


def candidates_along(
    inputs: Tensor, chosen: Tensor, dim: int, *, smallest: bool = False
) -> Candidates:
    """Return the candidates of a maximum or minimum along a dimension.

    Args:
        inputs: any shape.
        chosen: places along ``dim``, which is kept with length 1.
        dim: the dimension.
        smallest: whether it is a minimum.
    """
    every = torch.arange(inputs.shape[dim], device=inputs.device)[None]
    return Candidates(
        inputs.movedim(dim, -1), every, chosen.movedim(dim, -1), tuple(chosen.shape), dim,
        -1 if smallest else 1,
    )  # fmt: skip


def pooled_candidates(
    name: str, arguments: Arguments, inputs: Tensor, places: Tensor
) -> Candidates:
    """Return the candidates of max pooling.

    Args:
        name: such as ``max_pool2d`` or ``adaptive_max_pool1d``.
        arguments: of the call.
        inputs: [n, C, ...].
        places: torch's indices of those chosen, [n, C, ...].
    """
    sizes, outputs = inputs.shape[2:], places.shape[2:]
    windows = torch.zeros(1, 1, dtype=torch.long)
    for axis, (size, out) in enumerate(zip(sizes, outputs, strict=True)):
        along = _adaptive(size, out) if name.startswith("adaptive") else _strided(
            size, out, arguments, axis
        )  # fmt: skip
        joined = windows[:, None, :, None] * size + along[None, :, None, :]
        none = (windows[:, None, :, None] < 0) | (along[None, :, None, :] < 0)
        windows = joined.masked_fill(none, -1).flatten(2).flatten(0, 1)
    return Candidates(
        inputs.flatten(2), windows.to(inputs.device), places.flatten(2), tuple(places.shape)
    )


def _strided(size: int, out: int, arguments: Arguments, axis: int) -> Tensor:
    """Return the places of each window along one axis, [out, kernel], -1 outside."""
    kernel = _along(argument(arguments, 1, "kernel_size", None), axis)
    stride = _along(argument(arguments, 2, "stride", None) or kernel, axis)
    padding = _along(argument(arguments, 3, "padding", 0), axis)
    dilation = _along(argument(arguments, 4, "dilation", 1), axis)
    places = torch.arange(out)[:, None] * stride - padding + torch.arange(kernel) * dilation
    return places.masked_fill((places < 0) | (places >= size), -1)


def _adaptive(size: int, out: int) -> Tensor:
    """Return the places of each window along one axis, [out, widest], -1 outside."""
    number = torch.arange(out)[:, None]
    start, end = number * size // out, ((number + 1) * size + out - 1) // out
    places = start + torch.arange(int((end - start).max()))
    return places.masked_fill(places >= end, -1)


def _along(option: Any, axis: int) -> int:
    many = isinstance(option, tuple | list) and len(option) > 1
    return int(option[axis] if many else option[0] if isinstance(option, tuple | list) else option)
