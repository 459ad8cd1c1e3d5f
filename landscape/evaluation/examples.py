"""The examples a loss is averaged over, cut into batches that fit, on one device."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Input entries per batch: the activations of a batch then stay within a few megabytes.
BATCH_ENTRIES = 1 << 18


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Examples on one device, in fixed order.

    Attributes:
        parts: (inputs [n, ...], targets [n, ...]) of each batch.
    """

    parts: tuple[tuple[Tensor, Tensor], ...]

    def __post_init__(self) -> None:
        if not self.parts or not all(len(inputs) for inputs, _ in self.parts):
            raise ValueError("the data hold no examples, or an empty batch; nothing to average")
        for inputs, targets in self.parts:
            if len(inputs) != len(targets):
                raise ValueError(
                    f"inputs and targets must be as many, got {len(inputs)} and {len(targets)}"
                )

    @property
    def examples(self) -> int:
        """Number of examples N."""
        return sum(len(inputs) for inputs, _ in self.parts)

    @property
    def classification(self) -> bool:
        """Whether the targets are class indices."""
        targets = self.parts[0][1]
        return not targets.dtype.is_floating_point and targets.ndim == 1

    def joined(self) -> tuple[Tensor, Tensor]:
        """Return all inputs and all targets."""
        return (
            torch.cat([inputs for inputs, _ in self.parts]),
            torch.cat([targets for _, targets in self.parts]),
        )


def as_batches(
    data: Any,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    batch_size: int = 0,
) -> Batches:
    """Bring examples to the device, floating point ones in ``dtype``.

    Args:
        data: a pair (inputs, targets) of tensors or arrays, an object with ``inputs`` and
            ``targets``, or an iterable of such pairs (a DataLoader), which is read once.
        device: where the model is.
        dtype: precision of the evaluation.
        batch_size: examples per batch of a pair; 0 takes as many as make 2^18 input entries. An
            iterable keeps its own batches.

    Raises:
        ValueError: if there are no examples, or inputs and targets are not as many.
        TypeError: for anything else than such data.
    """
    if isinstance(data, Batches):
        pairs: Iterable[Any] = data.parts
    elif hasattr(data, "inputs") and hasattr(data, "targets"):
        pairs = _cut(_tensor(data.inputs), _tensor(data.targets), batch_size)
    elif _is_pair(data):
        pairs = _cut(_tensor(data[0]), _tensor(data[1]), batch_size)
    elif isinstance(data, Iterable):
        pairs = data
    else:
        raise TypeError(
            "data must be a pair (inputs, targets) or an iterable of pairs, "
            f"got {type(data).__name__}"
        )
    parts = []
    for pair in pairs:
        if not _is_pair(pair):
            raise TypeError("every batch must be a pair (inputs, targets) of tensors or arrays")
        inputs, targets = (_to(_tensor(part), device, dtype) for part in pair)
        parts.append((inputs, targets))
    return Batches(tuple(parts))


def _is_pair(data: Any) -> bool:
    return (
        isinstance(data, tuple | list)
        and len(data) == 2
        and all(hasattr(part, "shape") and hasattr(part, "dtype") for part in data)
    )


def _tensor(values: Any) -> Tensor:
    if isinstance(values, Tensor):
        return values.detach()
    return torch.tensor(values)


def _to(values: Tensor, device: torch.device | str, dtype: torch.dtype) -> Tensor:
    return values.to(device, dtype) if values.dtype.is_floating_point else values.to(device)


def _cut(inputs: Tensor, targets: Tensor, batch_size: int) -> list[tuple[Tensor, Tensor]]:
    if len(inputs) != len(targets):
        raise ValueError(
            f"inputs and targets must be as many, got {len(inputs)} and {len(targets)}"
        )
    if not len(inputs):
        return []
    size = batch_size or max(BATCH_ENTRIES // max(inputs[0].numel(), 1), 1)
    return list(zip(torch.split(inputs, size), torch.split(targets, size), strict=True))
