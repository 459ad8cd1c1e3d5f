"""What users bring as data, read once.

One *batch* is

- a pair (inputs, targets), as a tuple, a list, or an object with ``inputs`` and ``targets``;
- a tuple or list of three or more: the last is the target, the others are the model's arguments;
- a mapping (a dict, the ``BatchEncoding`` of a tokenizer): ``labels`` is the target, the other
  entries are the model's keyword arguments.

Inputs may themselves be a tuple (the model's arguments) or a mapping (its keyword arguments),
targets any collection that the loss takes. A list of two pairs is two batches; a tuple of two
tuples that may be either is refused.
*Data* are one batch, an iterable of batches (a list, a generator, a DataLoader), a torch Dataset
with a length, or a function without arguments that returns any of these. A Dataset has no batches
of its own: like one batch it may be cut anew.

A loss of (model, batch) is handed each batch whole; one tensor, or any tuple, list or mapping of
tensors is a batch then, and a list or tuple of tensors is one batch, not several. Strings, numbers
and objects in such a batch reach the loss as they came.
"""

from __future__ import annotations

import logging
import operator
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset

from landscape.problem.examples import Batches, Part, leaves, map_leaves, tensors
from landscape.problem.subsets import Subset
from landscape.records.plurals import counted

_LOG = logging.getLogger(__name__)
# Input entries per batch: the activations of a batch then stay within a few megabytes.
BATCH_ENTRIES = 1 << 18
DATASET_BATCH = 256
# Examples of a Dataset that are read once more, to see whether they are the same.
_LOOKED_AT = 4


class GivenData:
    """Data as they were given, read once, whoever asks for them.

    What is read stays in the precision and on the device in which it came.

    Args:
        data: see above; None holds nothing.
    """

    def __init__(self, data: Any) -> None:
        self.given = data
        self._called: Any = None
        self._batches: list[Any] | None = None
        self._read: dict[tuple[bool, Subset | None], tuple[Batches, int]] = {}
        self._warned = False

    def __repr__(self) -> str:
        """Say what was given, without reading it."""
        known = [batches.examples for (_, subset), (batches, _) in self._read.items() if not subset]
        return counted(known[0], "example") if known else _named(self.given)

    def read(self, *, whole: bool = False, subset: Subset | None = None) -> tuple[Batches, int]:
        """Return the examples, and of how many they were drawn, 0 if they are all.

        Args:
            whole: whether the batches are for a loss of (model, batch), as one argument without
                targets.
            subset: the examples to draw; of a Dataset only these are read.

        Raises:
            ValueError: if there are no examples, inputs and targets are not as many, or the data
                do not fit in memory.
            TypeError: for anything else than such data.
        """
        key = (whole, subset)
        if key not in self._read:
            self._read[key] = self._drawn(whole, subset)
        return self._read[key]

    def _drawn(self, whole: bool, subset: Subset | None) -> tuple[Batches, int]:
        if self.given is None:
            raise ValueError(
                "the problem needs data, got none; give Problem(..., data=(inputs, targets))"
            )
        if subset is None:
            return self._all(whole), 0
        data = self._data()
        source, of = subset.unread(data)
        if of:
            drawn = list(source)
            self._warn_of_noise(source, drawn[0])
            return _parts(drawn, whole, anew=isinstance(data, Dataset)), of
        every = self._all(whole)
        return subset.of(every), every.examples

    def _data(self) -> Any:
        """Return the data themselves, where a function returns them."""
        if self._called is None:
            self._called = given(self.given)
        return self._called

    def _all(self, whole: bool) -> Batches:
        if isinstance(self.given, Batches):
            parts = tuple(_whole(p) if whole else p for p in self.given.parts)
            return Batches(parts, self.given.divisible)
        if (whole, None) in self._read:
            return self._read[whole, None][0]
        data = self._data()
        if _is_whole_batch(data) if whole else is_batch(data):
            return _one_batch(data, whole)
        anew = isinstance(data, Dataset) and not isinstance(data, IterableDataset)
        if self._batches is None:
            self._batches = _listed(DataLoader(data, batch_size=DATASET_BATCH) if anew else data)
            self._warn_of_noise(data, self._batches[0])
        return _parts(self._batches, whole, anew=anew)

    def _warn_of_noise(self, data: Any, first: Any) -> None:
        """Warn, once, where a second reading gives other examples than the first, which counts."""
        if self._warned:
            return
        try:
            self._warned = _differs(data, first)
        except Exception as error:  # Whatever data raise that can be read only once.
            _LOG.debug("the data could not be read twice: %s", error)
        if self._warned:
            _LOG.warning(
                "the data differ when they are read twice (random augmentation, or a loader that "
                "draws anew): the first reading is kept for everything that is evaluated; switch "
                "the randomness off to have the same numbers another time"
            )


def _one_batch(data: Any, whole: bool) -> Batches:
    part = _as_tensors(_whole(data) if whole else as_pair(data), whole)
    if whole:
        lengths = {tensor.shape[:1] for tensor in tensors(part)}
        alike = all(isinstance(leaf, Tensor) or leaf is None for leaf in leaves(part))
        return Batches((part,), divisible=alike and len(lengths) == 1)
    every = Batches((part,))
    first = next(tensors(part))
    return every.cut(max(BATCH_ENTRIES // max(first.shape[1:].numel(), 1), 1))


def _parts(batches: list[Any], whole: bool, *, anew: bool) -> Batches:
    """Return batches as parts; ``anew`` allows to cut them anew, where their form does."""
    parts = tuple(
        _as_tensors(_whole(batch) if whole else as_pair(batch), whole) for batch in batches
    )
    kept = Batches(parts, divisible=False)
    return Batches(parts, divisible=anew and kept.joinable)


def _differs(data: Any, first: Any) -> bool:
    """Whether a few examples, or the first batch, differ when they are read twice.

    Args:
        data: read to their end.
        first: the first batch that they gave.
    """
    known = data.dataset if isinstance(data, DataLoader) else data
    if isinstance(data, DataLoader) and getattr(data.sampler, "replacement", False):
        return True
    if isinstance(known, Dataset) and not isinstance(known, IterableDataset):
        length = _length(known)
        few = range(0, length, max(length // _LOOKED_AT, 1))
        return any(_different(known[i], known[i]) for i in few)
    if isinstance(data, Iterator | tuple | list | Mapping | str):
        return False
    # What can be read only once gives nothing the second time.
    return _different(first, next(iter(data), None))


def _different(one: Any, other: Any) -> bool:
    """Whether two examples differ in a tensor or an array."""
    pairs = zip(leaves(one), leaves(other), strict=False)
    return any(not _equal(a, b) for a, b in pairs if _is_array(a) and _is_array(b))


def _equal(value: Any, other: Any) -> bool:
    first, second = torch.as_tensor(value), torch.as_tensor(other)
    if first.layout != torch.strided:
        first, second = first.to_dense(), second.to_dense()
    if first.shape != second.shape:
        return False
    return bool(((first == second) | (first.isnan() & second.isnan())).all())


def is_batch(data: Any, *, whole: bool = False) -> bool:
    """Return whether ``data`` are one batch with its target, not batches.

    Args:
        data: anything.
        whole: whether a batch is for a loss of (model, batch) and needs no target.

    Raises:
        ValueError: for a tuple of two collections, each as long and each a batch by itself.

    >>> x = torch.zeros(3, 2)
    >>> is_batch((x, {"one": x, "other": x})), is_batch([(x, x), (x, x)])
    (True, False)
    """
    if isinstance(data, Mapping):
        return True
    if not isinstance(data, tuple | list) or len(data) < 2 or not _holds_arrays(data[-1]):
        return False
    *inputs, targets = data
    if all(map(_is_array, inputs)):
        return True
    if len(inputs) > 1 or not _are_inputs(inputs[0]):
        return False
    if _is_array(targets):
        return True
    if isinstance(data, list):
        return False
    alone = all(_may_be_batch(collection, whole) for collection in data)
    if alone and len({leaf.shape[:1] for leaf in leaves(data)}) == 1:
        raise ValueError(
            "data that are a tuple of two collections may be one batch or two, got tensors of one "
            "length in both; for one batch of two inputs and two targets write "
            "[((a, b), (c, d))], for two batches [(a, b), (c, d)]"
        )
    return not alone


def _holds_arrays(tree: Any) -> bool:
    """Return whether a tensor, tuple, list or mapping holds arrays, and nothing else."""
    values = list(leaves(tree))
    return bool(values) and all(map(_is_array, values))


def _are_inputs(tree: Any) -> bool:
    """Return whether a collection may be the arguments of a network."""
    values = tree.values() if isinstance(tree, Mapping) else tree
    return isinstance(tree, tuple | Mapping) and all(map(_is_array, values))


def _may_be_batch(collection: Any, whole: bool) -> bool:
    if isinstance(collection, Mapping):
        return whole or "labels" in collection
    return whole or len(collection) > 1


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
        description = f"{len(batch)} of them" if isinstance(batch, tuple | list) else _named(batch)
        raise TypeError(
            "every batch must be a pair (inputs, targets) of tensors or arrays, several inputs "
            f"followed by the target, or a mapping with 'labels', got {description}"
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
    return _is_array(data) or several or is_batch(data, whole=True)


def given(data: Any) -> Any:
    """Call a function that returns data, and take pairs out of their object."""
    if callable(data) and not isinstance(data, Iterable):
        data = data()
    if hasattr(data, "inputs") and hasattr(data, "targets"):
        return data.inputs, data.targets
    return data


def _listed(data: Any) -> list[Any]:
    """Read an iterable of batches.

    Raises:
        ValueError: if it is empty, or what it holds does not fit in memory.
        TypeError: if it is no iterable of batches.
    """
    if not isinstance(data, Iterable) or isinstance(data, str | Tensor) or _is_array(data):
        raise TypeError(
            "data must be a pair (inputs, targets), a mapping with 'labels' or an iterable of "
            f"such batches, got {_named(data)}"
        )
    batches: list[Any] = []
    for batch in data:
        batches.append(batch)
        if len(batches) == 1:
            _check_size(batch, data)
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


def _check_size(first: Any, data: Any) -> None:
    """Refuse data that do not fit in memory, as the first batch tells."""
    if "SC_PHYS_PAGES" not in getattr(os, "sysconf_names", {}):
        return
    size = sum(t.numel() * t.element_size() for t in tensors(first))
    needed, there = size * _length(data), os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    if needed > there:
        raise ValueError(
            f"the data are read into memory and need about {needed / 1e9:.1f} GB, got a machine "
            f"with {there / 1e9:.1f} GB; take fewer examples: subset=Subset(10_000)"
        )


def _length(data: Any) -> int:
    """Return how many batches or examples there are, 0 where that is not known."""
    try:
        return operator.length_hint(data)
    except NotImplementedError:
        return 0


def _as_tensors(tree: Any, whole: bool) -> Any:
    """Turn arrays into tensors; of a batch for a loss of (model, batch) all else stays."""

    def converted(leaf: Any) -> Any:
        if isinstance(leaf, Tensor):
            return leaf.detach()
        if _is_array(leaf) and not _is_text(leaf):
            return torch.tensor(leaf)
        if whole or leaf is None:
            return leaf
        raise TypeError(
            f"a batch must hold tensors or arrays, got {_named(leaf)}; convert it first "
            "(a tokenizer does with return_tensors='pt'), or give a loss of (model, batch)"
        )

    return map_leaves(converted, tree)


def _is_text(array: Any) -> bool:
    return getattr(array.dtype, "kind", "") in "OSU"


def _is_array(data: Any) -> bool:
    return hasattr(data, "shape") and hasattr(data, "dtype")


def _named(data: Any) -> str:
    return type(data).__name__
