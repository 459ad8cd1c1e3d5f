"""What counts as a unit, and as an example of it.

A unit is what one filter makes: a column of a matrix [n, U], a channel of [n, C, ...]. Places of a
channel count as examples of it. In sequences [n, L, U] the last axis would be the units; torch does
not tell which is meant, and the second is taken, as in convolutions.
"""

from __future__ import annotations

from torch import Tensor


def per_unit(values: Tensor) -> Tensor:
    """Return values [n, U, ...] as [pairs, U], the places of a channel beside the examples.

    Raises:
        ValueError: for fewer than two axes.
    """
    if values.ndim < 2:
        raise ValueError(
            f"activations must be of shape (examples, units, ...), got {tuple(values.shape)}"
        )
    return values.movedim(1, -1).reshape(-1, values.shape[1])
