"""A subset of the examples, drawn by a seed: fewer are evaluated, at a known standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
)
from torch.utils.data import Subset as Drawn

from landscape.networks.randomness import keyed_generator
from landscape.problem.examples import Batches, count, take, tensors


@dataclass(frozen=True, slots=True)
class Subset:
    """So many examples, drawn without replacement, all subsets equally likely.

    Attributes:
        examples: how many.
        seed: of the draw.
    """

    examples: int
    seed: int = 0

    def __post_init__(self) -> None:
        if self.examples < 1:
            raise ValueError(f"the subset must be >= 1 example, got {self.examples}")
        if self.seed < 0:
            raise ValueError(f"the seed of the subset must be >= 0, got {self.seed}")

    def indices(self, of: int) -> Tensor:
        """Return the numbers of the examples drawn, in order.

        Raises:
            ValueError: if there are fewer examples.
        """
        if self.examples > of:
            raise ValueError(
                f"the subset must be <= the {of} examples of the data, got {self.examples}; "
                "leave it out to take all"
            )
        drawn = torch.randperm(of, generator=keyed_generator(self.seed, "subset"))
        return drawn[: self.examples].sort().values

    def unread(self, data: Any) -> tuple[Any, int]:
        """Draw from a Dataset with a length, or from the one behind a DataLoader, before reading.

        Only what was drawn is read then, and a loader's shuffling does not change the draw. A
        loader that draws, or drops, or makes its batches in a way of its own is read first.

        Returns:
            A loader of what was drawn, and of how many examples; the data and 0 if they have to
            be read first.
        """
        loader = data if isinstance(data, DataLoader) else None
        if loader is not None and _takes_all(loader):
            known, size, collate = loader.dataset, loader.batch_size, loader.collate_fn
        elif isinstance(data, Dataset) and not isinstance(data, IterableDataset):
            known, size, collate = data, self.examples, None
        else:
            return data, 0
        indices = self.indices(len(known)).tolist()  # type: ignore[arg-type]
        return DataLoader(Drawn(known, indices), batch_size=size, collate_fn=collate), len(known)  # type: ignore[arg-type]

    def of(self, batches: Batches) -> Batches:
        """Return the examples drawn, in their order, in batches at most as large as before.

        Batches of one shape are filled up; others lose what was not drawn.

        Raises:
            ValueError: if there are fewer examples, or the tensors of a batch are not as many.
        """
        drawn, start, parts = self.indices(batches.examples), 0, []
        for part in batches.parts:
            if len({t.shape[:1] for t in tensors(part)}) > 1:
                raise ValueError(
                    "a subset needs batches whose tensors are all as long as there are examples, "
                    "got different lengths; leave the subset out"
                )
            n = count(part)
            inside = drawn[(drawn >= start) & (drawn < start + n)] - start
            if len(inside):
                parts.append(take(part, inside))
            start += n
        kept = Batches(tuple(parts), batches.divisible)
        if len({_shape(part) for part in parts}) > 1:
            return kept
        filled = Batches((kept.joined(),)).cut(max(map(count, batches.parts)))
        return Batches(filled.parts, batches.divisible)


def _takes_all(loader: DataLoader[Any]) -> bool:
    """Return whether a loader gives every example of its Dataset once."""
    sampler = loader.sampler
    usual_sampler = type(sampler) in (SequentialSampler, RandomSampler)
    usual_batches = type(loader.batch_sampler) is BatchSampler and not loader.drop_last
    return (
        usual_sampler
        and usual_batches
        and not isinstance(loader.dataset, IterableDataset)
        and len(sampler) == len(loader.dataset)  # type: ignore[arg-type]
        and not getattr(sampler, "replacement", False)
    )


def _shape(part: Any) -> tuple[Any, ...]:
    return tuple(tensor.shape[1:] for tensor in tensors(part))
