"""Smooth activations made of kinks: the same function, interpolated linearly between knots.

The counterpart of smoothing ReLU. Where a network with such a twin trains like the smooth one, it
was not the missing kinks that made the difference. Needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from types import MappingProxyType

from landscape.networks.activations.facts import Kink
from landscape.records.choices import check_known

LEAST_SPACING = 0.001


@dataclass(frozen=True, slots=True)
class Polyline:
    """A continuous function that is linear between equally spaced knots and beyond them.

    Attributes:
        start: place of the first knot.
        spacing: distance of the knots.
        values: values at the knots, at least two.
        left: slope before the first knot.
        right: slope after the last knot.
    """

    start: float
    spacing: float
    values: tuple[float, ...]
    left: float
    right: float

    @property
    def knots(self) -> tuple[float, ...]:
        """Places of the knots."""
        return tuple(self.start + i * self.spacing for i in range(len(self.values)))

    @property
    def slopes(self) -> tuple[float, ...]:
        """Slopes before the first knot, between the knots, and after the last."""
        between = ((b - a) / self.spacing for a, b in pairwise(self.values))
        return (self.left, *between, self.right)

    @property
    def kinks(self) -> tuple[Kink, ...]:
        """Knots where the slope changes."""
        slopes = self.slopes
        jumps = (b - a for a, b in pairwise(slopes))
        return tuple(Kink(z, jump) for z, jump in zip(self.knots, jumps, strict=True) if jump)

    @property
    def lower(self) -> float:
        """Greatest lower bound."""
        return min(self.values) if self.left <= 0 <= self.right else -math.inf

    @property
    def upper(self) -> float:
        """Least upper bound."""
        return max(self.values) if self.right <= 0 <= self.left else math.inf


def _gelu(z: float) -> float:
    return z * 0.5 * math.erfc(-z / math.sqrt(2))


def _elu(z: float) -> float:
    return z if z > 0 else math.expm1(z)


@dataclass(frozen=True, slots=True)
class _Base:
    """A smooth activation, and the range outside which it is taken as linear."""

    function: Callable[[float], float]
    low: float
    high: float
    left: float
    right: float


# Beyond these ranges the functions are within 2e-5 (tanh at 6) of their asymptotes' shape.
_BASES: Mapping[str, _Base] = MappingProxyType(
    {
        "gelu": _Base(_gelu, -6.0, 6.0, 0.0, 1.0),
        "elu": _Base(_elu, -10.0, 0.0, 0.0, 1.0),
        "tanh": _Base(math.tanh, -6.0, 6.0, 0.0, 0.0),
    }
)


@lru_cache(maxsize=64)
def polyline(base: str, spacing: float) -> Polyline:
    """Interpolate a smooth activation between knots at the multiples of ``spacing``.

    Args:
        base: ``gelu``, ``elu`` or ``tanh``.
        spacing: distance of the knots.

    Raises:
        ValueError: for a spacing under 0.001, or another base.

    >>> [round(kink.jump, 6) for kink in polyline("elu", 10.0).kinks]
    [0.099995, 0.900005]
    """
    check_known("base", base, _BASES)
    if not spacing >= LEAST_SPACING:
        raise ValueError(f"the spacing of knots must be >= {LEAST_SPACING}, got {spacing}")
    smooth = _BASES[base]
    first, last = math.ceil(-smooth.low / spacing), math.ceil(smooth.high / spacing)
    places = [i * spacing for i in range(-first, last + 1)]
    return Polyline(
        start=places[0],
        spacing=spacing,
        values=tuple(map(smooth.function, places)),
        left=smooth.left,
        right=smooth.right,
    )
