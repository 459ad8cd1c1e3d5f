"""The examples a loss is averaged over, cut into batches that fit, on one device.

A batch is a pair (inputs, targets). Inputs are a tensor, a tuple of tensors (the arguments of the
network) or a mapping of tensors (its keyword arguments); targets are a tensor or such a collection.
For a loss of (model, batch) the batch as it came is the one argument, and there are no targets.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

Part = tuple[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Examples on one device, in fixed order.

    Attributes:
        parts: (inputs, targets) of each batch, every tensor [n, ...]. Without targets (None) the
            first tensor says how many examples there are, and the others may be of any length.
        divisible: whether they may be cut anew; an iterable of the user's keeps its batches.
    """

    parts: tuple[Part, ...]
    divisible: bool = True

    def __post_init__(self) -> None:
        if not self.parts or not all(map(count, self.parts)):
            raise ValueError("the data hold no examples, or an empty batch; nothing to average")
        for part in self.parts:
            if part[1] is None:
                continue
            if any(tensor.ndim == 0 for tensor in tensors(part)):
                raise ValueError(
                    "inputs and targets must have the examples along their first axis, got a "
                    "tensor without axes; give batches, not single examples"
                )
            lengths = dict.fromkeys(len(tensor) for tensor in tensors(part))
            if len(lengths) > 1:
                found = " and ".join(map(str, lengths))
                raise ValueError(f"inputs and targets must be as many, got {found}")

    @property
    def examples(self) -> int:
        """Number of examples N."""
        return sum(map(count, self.parts))

    @property
    def classification(self) -> bool:
        """Whether the targets are class indices."""
        targets = self.parts[0][1]
        return (
            isinstance(targets, Tensor)
            and not targets.dtype.is_floating_point
            and targets.ndim == 1
        )

    def joined(self) -> Part:
        """Return all inputs and all targets."""
        return self.parts[0] if len(self.parts) == 1 else _joined(self.parts)

    def kept(self, size: int) -> Batches:
        """Return batches that are not cut any more: as they came, or of ``size`` if it is given.

        Examples that may be cut anew came as one collection: without a size they are one batch.
        """
        if not self.divisible:
            return self
        return replace(self.cut(size or self.examples), divisible=False)

    def cut(self, size: int) -> Batches:
        """Return the same examples in batches of ``size``, if they may be cut."""
        if not self.divisible or size <= 0:
            return self
        every, total = self.joined(), self.examples
        starts = range(0, total, size)
        return Batches(
            tuple(map_tensors(lambda t, i=i: t[i : i + size], every) for i in starts)  # type: ignore[misc]
        )

    def head(self, examples: int) -> Batches:
        """Return about the first ``examples`` examples, in whole batches if they may not be cut."""
        if self.divisible:
            return Batches((map_tensors(lambda t: t[:examples], self.joined()),))
        kept, total = [], 0
        for part in self.parts:
            kept.append(part)
            total += count(part)
            if total >= examples:
                break
        return Batches(tuple(kept), divisible=False)

    def map(self, function: Callable[[Tensor], Tensor]) -> Batches:
        """Return the batches with ``function`` applied to the tensors of the inputs."""
        return Batches(
            tuple((map_tensors(function, inputs), targets) for inputs, targets in self.parts),
            self.divisible,
        )


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments by which a network takes ``inputs``."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def count(part: Part) -> int:
    """Return the number of examples of a batch, the length of its first tensor with axes."""
    return next((len(tensor) for tensor in tensors(part) if tensor.ndim), 0)


def tensors(tree: Any) -> Iterator[Tensor]:
    """Yield the tensors of a tensor, tuple, list or mapping, in order."""
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, Mapping):
        for value in tree.values():
            yield from tensors(value)
    elif isinstance(tree, tuple | list):
        for value in tree:
            yield from tensors(value)


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Return the same collection with ``function`` applied to every tensor."""
    if isinstance(tree, Tensor):
        return function(tree)
    if isinstance(tree, Mapping):
        return {key: map_tensors(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(map_tensors(function, value) for value in tree)
    return tree


def described(tree: Any) -> str:
    """Name precision and shape of every tensor of a collection, for a message.

    >>> described((torch.zeros(2, 3), {"ids": torch.zeros(2, dtype=torch.int64)}))
    '(float32 [2, 3], {ids: int64 [2]})'
    """
    if isinstance(tree, Tensor):
        return f"{str(tree.dtype).removeprefix('torch.')} {list(tree.shape)}"
    if isinstance(tree, Mapping):
        return "{" + ", ".join(f"{key}: {described(value)}" for key, value in tree.items()) + "}"
    if isinstance(tree, tuple | list):
        return "(" + ", ".join(map(described, tree)) + ")"
    return "nothing" if tree is None else type(tree).__name__


def _joined(trees: tuple[Any, ...]) -> Any:
    first = trees[0]
    if isinstance(first, Tensor):
        return torch.cat(trees)
    if isinstance(first, Mapping):
        return {key: _joined(tuple(tree[key] for tree in trees)) for key in first}
    if isinstance(first, tuple):
        return tuple(_joined(tuple(tree[i] for tree in trees)) for i in range(len(first)))
    return first
