"""A subset of the examples, drawn by a seed: fewer are evaluated, at a known standard error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from landscape.evaluation.examples import Batches, count, map_tensors, tensors
from landscape.randomness import keyed_generator


@dataclass(frozen=True, slots=True, kw_only=True)
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
                parts.append(map_tensors(lambda t, i=inside: t[i.to(t.device)], part))  # type: ignore[misc]
            start += n
        kept = Batches(tuple(parts), batches.divisible)
        if len({_shape(part) for part in parts}) > 1:
            return kept
        filled = Batches((kept.joined(),)).cut(max(map(count, batches.parts)))
        return Batches(filled.parts, batches.divisible)


def _shape(part: Any) -> tuple[Any, ...]:
    return tuple(tensor.shape[1:] for tensor in tensors(part))
