"""What users bring as data, read once into batches on the model's device.

One *batch* is

- a pair (inputs, targets), as a tuple, a list, or an object with ``inputs`` and ``targets``;
- a tuple or list of three or more: the last is the target, the others are the model's arguments;
- a mapping (a dict, the ``BatchEncoding`` of a tokenizer): ``labels`` is the target, the other
  entries are the model's keyword arguments.

Inputs may themselves be a tuple (the model's arguments) or a mapping (its keyword arguments).
*Data* are one batch, an iterable of batches (a list, a generator, a DataLoader), a torch Dataset
with a length (batches of 256 in its order), or a function without arguments that returns any of
these.

A loss of (model, batch) is handed each batch whole; one tensor, or any tuple, list or mapping of
tensors is a batch then, and a list or tuple of tensors is one batch, not several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from landscape.evaluation.examples import Batches, Part, map_tensors, tensors

# Input entries per batch: the activations of a batch then stay within a few megabytes.
BATCH_ENTRIES = 1 << 18
DATASET_BATCH = 256


def as_batches(
    data: Any,
    *,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    batch_size: int = 0,
    whole: bool = False,
) -> Batches:
    """Bring examples to the device, floating point ones in ``dtype``; others keep their type.

    Args:
        data: see above. An iterable is read once, a function called once.
        device: where the model is.
        dtype: precision of the evaluation.
        batch_size: examples per batch of data that are one batch; 0 takes as many as make 2^18
            input entries. An iterable keeps its own batches.
        whole: whether the batches are for a loss of (model, batch), as one argument without
            targets. None is cut here; one batch whose tensors are all as long may be cut later.

    Raises:
        ValueError: if there are no examples, or inputs and targets are not as many.
        TypeError: for anything else than such data.
    """

    def moved(tree: Any) -> Any:
        return map_tensors(lambda t: _to(t, device, dtype), _as_tensors(tree))

    if isinstance(data, Batches):
        parts = tuple(moved(_whole(part) if whole else part) for part in data.parts)
        return Batches(parts, data.divisible)
    data = given(data)
    if isinstance(data, Dataset) and not isinstance(data, IterableDataset):
        data = DataLoader(data, batch_size=DATASET_BATCH)
    is_one = _is_whole_batch(data) if whole else is_batch(data)
    batches = [data] if is_one else _read(data)
    parts = tuple(moved(_whole(one) if whole else as_pair(one)) for one in batches)
    if whole or not is_one:
        lengths = {tensor.shape[:1] for tensor in tensors(parts)}
        return Batches(parts, divisible=is_one and len(lengths) == 1)
    every = Batches(parts)
    first = next(tensors(every.parts[0]))
    return every.cut(batch_size or max(BATCH_ENTRIES // max(first[0].numel(), 1), 1))


def is_batch(data: Any) -> bool:
    """Return whether ``data`` are one batch with its target, not a list of batches."""
    if isinstance(data, Mapping):
        return True
    if not isinstance(data, tuple | list) or len(data) < 2 or not _is_array(data[-1]):
        return False
    if len(data) > 2:
        return all(map(_is_array, data))
    inputs = data[0]
    if isinstance(inputs, Mapping):
        return all(map(_is_array, inputs.values()))
    return _is_array(inputs) or (isinstance(inputs, tuple) and all(map(_is_array, inputs)))


def as_pair(batch: Any) -> Part:
    """Return inputs and targets of one batch, by the rules above.

    Raises:
        TypeError: if the batch has no target.

    >>> as_pair((1, 2, 3))
    ((1, 2), 3)
    >>> as_pair({"input_ids": 1, "labels": 2})
    ({'input_ids': 1}, 2)
    """
    if hasattr(batch, "inputs") and hasattr(batch, "targets"):
        return batch.inputs, batch.targets
    if isinstance(batch, Mapping):
        if "labels" not in batch:
            raise TypeError(
                "a batch that is a mapping must hold the target as 'labels', got "
                f"{', '.join(map(repr, batch)) or 'nothing'}; rename the target, or give a loss "
                "of (model, batch)"
            )
        return {key: value for key, value in batch.items() if key != "labels"}, batch["labels"]
    if not isinstance(batch, tuple | list) or len(batch) < 2:
        found = f"{len(batch)} of them" if isinstance(batch, tuple | list) else _named(batch)
        raise TypeError(
            "every batch must be a pair (inputs, targets) of tensors or arrays, several inputs "
            f"followed by the target, or a mapping with 'labels', got {found}"
        )
    if len(batch) == 2:
        return batch[0], batch[1]
    return tuple(batch[:-1]), batch[-1]


def _whole(batch: Any) -> Part:
    """Return a batch as the one argument it is for a loss of (model, batch)."""
    if isinstance(batch, tuple) and len(batch) == 2 and batch[1] is None:
        return batch
    if hasattr(batch, "inputs") and hasattr(batch, "targets"):
        batch = (batch.inputs, batch.targets)
    return (batch,), None


def _is_whole_batch(data: Any) -> bool:
    """Return whether ``data`` are one batch for a loss of (model, batch)."""
    several = isinstance(data, tuple | list) and bool(data) and all(map(_is_array, data))
    return _is_array(data) or several or is_batch(data)


def given(data: Any) -> Any:
    """Call a function that returns data, and take pairs out of their object."""
    if callable(data) and not isinstance(data, Iterable):
        data = data()
    if hasattr(data, "inputs") and hasattr(data, "targets"):
        return data.inputs, data.targets
    return data


def _read(data: Any) -> list[Any]:
    """Read an iterable of batches.

    Raises:
        ValueError: if it is empty.
        TypeError: if it is no iterable of batches.
    """
    if not isinstance(data, Iterable) or isinstance(data, str | Tensor) or _is_array(data):
        raise TypeError(
            "data must be a pair (inputs, targets), a mapping with 'labels' or an iterable of "
            f"such batches, got {_named(data)}"
        )
    batches = list(data)
    if not batches and isinstance(data, Iterator):
        raise ValueError(
            "the data hold no examples: the iterator is at its end, perhaps because it was read "
            "before; give a list, a DataLoader, or a function that returns a new iterator"
        )
    if not batches:
        raise ValueError(
            f"the data hold no examples: the {_named(data)} is empty; if it drops the last batch, "
            "make its batches smaller or leave drop_last out"
        )
    return batches


def _as_tensors(tree: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _as_tensors(value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return tuple(_as_tensors(value) for value in tree)
    if tree is None:
        return None
    if isinstance(tree, Tensor):
        return tree.detach()
    if _is_array(tree):
        return torch.tensor(tree)
    raise TypeError(
        f"a batch must hold tensors or arrays, got {_named(tree)}; convert it first "
        "(a tokenizer does with return_tensors='pt')"
    )


def _is_array(data: Any) -> bool:
    return hasattr(data, "shape") and hasattr(data, "dtype")


def _named(data: Any) -> str:
    return type(data).__name__


def _to(values: Tensor, device: torch.device | str, dtype: torch.dtype) -> Tensor:
    return values.to(device, dtype) if values.dtype.is_floating_point else values.to(device)
