"""The examples a loss is averaged over, cut into batches that fit, on one device.

A batch is a pair (inputs, targets). Inputs are a tensor, a tuple of tensors (the arguments of the
network) or a mapping of tensors (its keyword arguments); targets are a tensor or such a collection.
For a loss of (model, batch) the batch as it came is the one argument, and there are no targets; its
leaves may then be anything.
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
            first tensor says how many examples there are, and the others may be of any length; a
            batch without tensors counts as one example.
        divisible: whether they may be cut anew; an iterable of the user's keeps its batches.
    """

    parts: tuple[Part, ...]
    divisible: bool = True

    def __post_init__(self) -> None:
        if not self.parts or not all(map(count, self.parts)):
            raise ValueError(
                "the data must hold examples, got none or an empty batch; remove empty batches"
            )
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
                different = " and ".join(map(str, lengths))
                raise ValueError(f"inputs and targets must have the same length, got {different}")

    @property
    def examples(self) -> int:
        """Number of examples N."""
        return sum(map(count, self.parts))

    @property
    def classification(self) -> bool:
        """Whether the targets are class indices."""
        return is_classes(self.parts[0][1])

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
        return Batches(tuple(cut(every, i, i + size) for i in range(0, total, size)))

    def head(self, examples: int) -> Batches:
        """Return about the first ``examples`` examples, in whole batches if they may not be cut."""
        kept, total = [], 0
        for part in self.parts:
            kept.append(part)
            total += count(part)
            if total >= examples:
                break
        few = Batches(tuple(kept), divisible=False)
        return Batches((cut(few.joined(), 0, examples),)) if self.divisible else few

    @property
    def joinable(self) -> bool:
        """Whether all examples fit into one batch: the batches hold tensors of one form alone."""
        return len({_form(part) for part in self.parts}) == 1 and all(
            isinstance(leaf, Tensor) or leaf is None for leaf in leaves(self.parts[0])
        )

    def whole(self) -> Batches:
        """Return all examples as one batch, which is not cut any more."""
        return Batches((self.joined(),), divisible=False)

    def moved(self, device: torch.device | str, dtype: torch.dtype) -> Batches:
        """Return the batches on a device, floating point ones in ``dtype``."""
        parts = tuple(map_tensors(lambda t: cast(t, device, dtype), part) for part in self.parts)
        return Batches(parts, self.divisible)

    def map(self, function: Callable[[Tensor], Tensor]) -> Batches:
        """Return the batches with ``function`` applied to the tensors of the inputs."""
        return Batches(
            tuple((map_tensors(function, inputs), targets) for inputs, targets in self.parts),
            self.divisible,
        )


def is_classes(targets: Any) -> bool:
    """Whether targets are class indices, one for each example: integers [N]."""
    integers = isinstance(targets, Tensor) and not targets.dtype.is_floating_point
    return integers and targets.ndim == 1


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and keyword arguments by which a network takes ``inputs``."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})


def count(part: Part) -> int:
    """Return the number of examples of a batch, the length of its first tensor with axes.

    A batch of a loss of (model, batch) that holds no such tensor counts as one.
    """
    nothing = 1 if part[1] is None and part[0] else 0
    return next((len(tensor) for tensor in tensors(part) if tensor.ndim), nothing)


def leaves(tree: Any) -> Iterator[Any]:
    """Yield what a tuple, list or mapping holds, in order, tensors and all else."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, tuple | list):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree


def tensors(tree: Any) -> Iterator[Tensor]:
    """Yield the tensors of a tensor, tuple, list or mapping, in order."""
    return (leaf for leaf in leaves(tree) if isinstance(leaf, Tensor))


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Return the same collection with ``function`` applied to every leaf.

    Mappings become dicts; tuples with names keep them.
    """
    if isinstance(tree, Mapping):
        return {key: map_leaves(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        mapped = [map_leaves(function, value) for value in tree]
        if isinstance(tree, list):
            return mapped
        return type(tree)(*mapped) if hasattr(tree, "_fields") else tuple(mapped)
    return function(tree)


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Return the same collection with ``function`` applied to every tensor."""
    return map_leaves(lambda leaf: function(leaf) if isinstance(leaf, Tensor) else leaf, tree)


def cast(values: Tensor, device: torch.device | str, dtype: torch.dtype) -> Tensor:
    """Bring a tensor to a device, in ``dtype`` or, if complex, in its complex counterpart.

    One without values, on the device meta, stays there: what uses it fails and names it.
    """
    if values.is_meta:
        return values
    if values.dtype.is_complex:
        return values.to(device, torch.complex128 if dtype == torch.float64 else torch.complex64)
    return values.to(device, dtype) if values.dtype.is_floating_point else values.to(device)


def take(part: Any, index: Tensor) -> Any:
    """Return the examples of a batch (or of any collection of tensors [n, ...]) at ``index``."""
    return map_tensors(lambda t: _rows(t, index.to(t.device)), part)


def cut(part: Any, first: int, last: int) -> Any:
    """Return the examples of a batch from ``first`` up to ``last``."""

    def between(values: Tensor) -> Tensor:
        if values.layout == torch.strided:
            return values[first:last]
        return _rows(values, torch.arange(first, min(last, len(values)), device=values.device))

    return map_tensors(between, part)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    """Index a tensor along its first axis; compressed sparse ones by way of coordinates."""
    if values.layout == torch.strided:
        return values[index]
    if values.layout == torch.sparse_coo:
        return values.index_select(0, index)
    rows = values.to_sparse().index_select(0, index)
    return rows.to_sparse(layout=values.layout)


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


def _form(tree: Any) -> Any:
    """Return what must be equal for batches to be joined: structure, and shape but for examples."""
    if isinstance(tree, Mapping):
        return tuple((key, _form(value)) for key, value in tree.items())
    if isinstance(tree, tuple | list):
        return tuple(map(_form, tree))
    if isinstance(tree, Tensor):
        return tree.layout, tree.dtype, tree.shape[1:] if tree.ndim else None
    return type(tree)


def _joined(trees: tuple[Any, ...]) -> Any:
    first = trees[0]
    if isinstance(first, Tensor):
        return _concatenated(trees)
    if isinstance(first, Mapping):
        return {key: _joined(tuple(tree[key] for tree in trees)) for key in first}
    if isinstance(first, tuple | list):
        joined = (_joined(tuple(tree[i] for tree in trees)) for i in range(len(first)))
        return list(joined) if isinstance(first, list) else tuple(joined)
    return first


def _concatenated(values: tuple[Tensor, ...]) -> Tensor:
    layout = values[0].layout
    if layout in (torch.strided, torch.sparse_coo):
        return torch.cat(values)
    return torch.cat([v.to_sparse() for v in values]).to_sparse(layout=layout)
