"""The examples a loss is averaged over, cut into batches that fit, on one device.

A batch is a pair (inputs, targets). Inputs are a tensor, a tuple of tensors (the arguments of the
network) or a mapping of tensors (its keyword arguments); targets are a tensor or such a collection.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

# Input entries per batch: the activations of a batch then stay within a few megabytes.
BATCH_ENTRIES = 1 << 18

Part = tuple[Any, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Batches:
    """Examples on one device, in fixed order.

    Attributes:
        parts: (inputs, targets) of each batch, every tensor [n, ...].
        divisible: whether they may be cut anew; an iterable of the user's keeps its batches.
    """

    parts: tuple[Part, ...]
    divisible: bool = True

    def __post_init__(self) -> None:
        if not self.parts or not all(map(count, self.parts)):
            raise ValueError("the data hold no examples, or an empty batch; nothing to average")
        for part in self.parts:
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
            ``targets``, or an iterable of such pairs (a DataLoader), which is read once. Inputs
            may be a tuple or a mapping of tensors.
        device: where the model is.
        dtype: precision of the evaluation.
        batch_size: examples per batch of a pair; 0 takes as many as make 2^18 input entries. An
            iterable keeps its own batches.

    Raises:
        ValueError: if there are no examples, or inputs and targets are not as many.
        TypeError: for anything else than such data.
    """

    def moved(tree: Any) -> Any:
        return map_tensors(lambda t: _to(t, device, dtype), _as_tensors(tree))

    if isinstance(data, Batches):
        return Batches(tuple(moved(part) for part in data.parts), data.divisible)
    if hasattr(data, "inputs") and hasattr(data, "targets"):
        data = (data.inputs, data.targets)
    if is_pair(data):
        whole = Batches((moved(tuple(data)),))
        first = next(tensors(whole.parts[0]))
        return whole.cut(batch_size or max(BATCH_ENTRIES // max(first[0].numel(), 1), 1))
    if not isinstance(data, Iterable) or isinstance(data, Mapping | str | Tensor):
        raise TypeError(
            "data must be a pair (inputs, targets) or an iterable of pairs, "
            f"got {type(data).__name__}"
        )
    parts = []
    for pair in data:
        if not (isinstance(pair, tuple | list) and len(pair) == 2):
            raise TypeError("every batch must be a pair (inputs, targets) of tensors or arrays")
        parts.append(moved(tuple(pair)))
    return Batches(tuple(parts), divisible=False)


def is_pair(data: Any) -> bool:
    """Return whether ``data`` is one pair (inputs, targets), not a list of two batches."""
    if not (isinstance(data, tuple | list) and len(data) == 2 and _is_array(data[1])):
        return False
    inputs = data[0]
    if isinstance(inputs, Mapping):
        return all(map(_is_array, inputs.values()))
    return _is_array(inputs) or (isinstance(inputs, tuple) and all(map(_is_array, inputs)))


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments by which a network takes ``inputs``."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def count(part: Part) -> int:
    """Return the number of examples of a batch."""
    return len(next(tensors(part), torch.empty(0)))


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


def _joined(trees: tuple[Any, ...]) -> Any:
    first = trees[0]
    if isinstance(first, Tensor):
        return torch.cat(trees)
    if isinstance(first, Mapping):
        return {key: _joined(tuple(tree[key] for tree in trees)) for key in first}
    if isinstance(first, tuple):
        return tuple(_joined(tuple(tree[i] for tree in trees)) for i in range(len(first)))
    return first


def _as_tensors(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _as_tensors(value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(_as_tensors(value) for value in tree)
    if isinstance(tree, Tensor):
        return tree.detach()
    if _is_array(tree):
        return torch.tensor(tree)
    raise TypeError(
        f"a batch must hold tensors or arrays, got {type(tree).__name__}; convert it first"
    )


def _is_array(data: Any) -> bool:
    return hasattr(data, "shape") and hasattr(data, "dtype")


def _to(values: Tensor, device: torch.device | str, dtype: torch.dtype) -> Tensor:
    return values.to(device, dtype) if values.dtype.is_floating_point else values.to(device)
