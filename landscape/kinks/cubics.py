"""The cubic through values and slopes at both ends of an interval, 0 and 1."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

# A step of bisection gains a bit.
_BISECTIONS = 40


@dataclass(frozen=True, slots=True)
class Cubic:
    """Cubics, one for each entry.

    Attributes:
        values: at 0 and at 1.
        slopes: at 0 and at 1.
    """

    values: Iterable[Tensor]
    slopes: Iterable[Tensor]

    def __call__(self, x: Tensor) -> Tensor:
        """Return the values at ``x``."""
        (a, b), (u, v) = self.values, self.slopes
        return a + x * (u + x * (3 * (b - a) - 2 * u - v + x * (2 * (a - b) + u + v)))

    def slope(self, x: Tensor) -> Tensor:
        """Return the slopes at ``x``."""
        (a, b), (u, v) = self.values, self.slopes
        return u + x * (2 * (3 * (b - a) - 2 * u - v) + x * 3 * (2 * (a - b) + u + v))

    def root(self) -> Tensor:
        """Return where the cubics are zero, by bisection; their ends differ in sign."""
        start, end = self.values
        low, high = torch.zeros_like(start), torch.ones_like(start)
        rising = end > start
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            beyond = (self(middle) > 0) == rising
            low, high = torch.where(beyond, low, middle), torch.where(beyond, middle, high)
        return (low + high) / 2

    def lowest(self) -> Tensor:
        """Return the least values between 0 and 1."""
        (a, b), (u, v) = self.values, self.slopes
        square, linear = 3 * (2 * (a - b) + u + v), 2 * (3 * (b - a) - 2 * u - v)
        root = (linear.square() - 4 * square * u).clamp(min=0).sqrt()
        q = -(linear + torch.where(linear < 0, -root, root)) / 2
        lowest = torch.minimum(a, b)
        # Where the slope is zero.
        for x in (q / square, u / q):
            lowest = torch.minimum(lowest, self(x.nan_to_num(0.0, 0.0, 0.0).clamp(0, 1)))
        return lowest
