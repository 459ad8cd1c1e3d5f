"""Grids of coordinates: where a surface is sampled, and in which order.

Coordinates are multiples of the plane's directions. Axis 0 is alpha, axis 1 beta, axis 2 gamma
(``indexing="ij"`` everywhere).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, as_floats
from landscape.records.presenting import Presented

AXES = ("alphas", "betas", "gammas")
TILE_POINTS = 128


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Grid(Presented):
    """One to three strictly increasing axes of coordinates.

    Attributes:
        axes: (alphas [A], betas [B], gammas [G]) or the first one or two of them.

    >>> Grid.rectangle((3, 5), (-1, 1), (0, 2)).shape
    (3, 5)
    """

    axes: tuple[Floats, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.axes) <= len(AXES):
            raise ValueError(f"a grid has 1 to 3 axes, got {len(self.axes)}")
        checked = tuple(_check_axis(a, n) for a, n in zip(self.axes, AXES, strict=False))
        object.__setattr__(self, "axes", checked)

    def __repr__(self) -> str:
        ends = ", ".join(f"{axis[0]:.4g} to {axis[-1]:.4g}" for axis in self.axes)
        return f"Grid({' x '.join(map(str, self.shape))}, {ends})"

    @property
    def shape(self) -> tuple[int, ...]:
        """Points along each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def coordinates(self, indices: NDArray[np.int64]) -> Floats:
        """Return the coordinates [K, axes] of the points with these flat ``indices`` [K]."""
        where = np.unravel_index(indices, self.shape)
        return np.stack([axis[i] for axis, i in zip(self.axes, where, strict=True)], axis=-1)

    def tiles(self) -> list[NDArray[np.int64]]:
        """Cut the points into tiles of flat indices, coarse to fine.

        The first tiles hold every 2^k-th point of each axis, the last ones the points in between,
        so that an unfinished surface already covers its whole range. Membership depends on the
        grid's shape alone: a resumed sample does the same work in the same pieces.
        """
        levels = [_levels(n) for n in self.shape]
        level = levels[0]
        for more in levels[1:]:
            level = np.minimum(level[..., None], more)
        order = np.argsort(-level.ravel(), kind="stable")
        return [order[i : i + TILE_POINTS] for i in range(0, self.size, TILE_POINTS)]

    @classmethod
    def rectangle(
        cls, shape: tuple[int, int], alpha: tuple[float, float], beta: tuple[float, float]
    ) -> Grid:
        """Make an evenly spaced grid of ``shape`` (A, B) over ``alpha`` x ``beta``.

        Args:
            shape: points along alpha and beta, each at least 2.
            alpha: first and last alpha.
            beta: first and last beta.

        Raises:
            ValueError: for fewer than 2 points, or a range that is not finite or not increasing.
        """
        return cls((_axis(shape[0], alpha, "alpha"), _axis(shape[1], beta, "beta")))

    @classmethod
    def square(cls, points: int = 51, span: float = 1.0) -> Grid:
        """Make a ``points`` x ``points`` grid over [-span, span]^2 (Li et al. 2018 use 51 and 1).

        Raises:
            ValueError: for fewer than 2 points, or a span that is not finite and > 0.
        """
        check_span(span)
        return cls.rectangle((points, points), (-span, span), (-span, span))

    @classmethod
    def over(cls, shape: tuple[int, ...], ranges: Sequence[tuple[float, float]]) -> Grid:
        """Make an evenly spaced grid of one to three axes over as many of the ``ranges``.

        Raises:
            ValueError: for fewer than 2 points, or a range that is not finite or not increasing.
        """
        names = [name.removesuffix("s") for name in AXES]
        return cls(tuple(map(_axis, shape, ranges, names)))

    @classmethod
    def cube(cls, shape: tuple[int, ...], ends: tuple[float, float] = (-1.0, 1.0)) -> Grid:
        """Make an evenly spaced grid of one to three axes, each over ``ends``.

        Raises:
            ValueError: for fewer than 2 points, or a range that is not finite or not increasing.
        """
        return cls.over(shape, [ends] * len(AXES))

    @classmethod
    def line(cls, points: int = 101, alpha: tuple[float, float] = (-1.0, 1.0)) -> Grid:
        """Make an evenly spaced line of alphas."""
        return cls((_axis(points, alpha, "alpha"),))


def check_span(span: float) -> float:
    """Return ``span`` if it is finite and positive.

    Raises:
        ValueError: otherwise.
    """
    if not (math.isfinite(span) and span > 0):
        raise ValueError(f"span must be finite and > 0, got {span}; 1 is usual")
    return span


def _axis(points: int, ends: tuple[float, float], name: str) -> Floats:
    if points < 2:
        raise ValueError(f"the grid needs at least 2 points along {name}, got {points}")
    if not (math.isfinite(ends[0]) and math.isfinite(ends[1]) and ends[0] < ends[1]):
        raise ValueError(
            f"the range of {name} must be finite and increasing, got {ends[0]} to {ends[1]}"
        )
    axis = np.linspace(ends[0], ends[1], points)
    # linspace leaves the middle of a symmetric range at a rounding error such as 2e-17.
    axis[np.abs(axis) < 1e-12 * (ends[1] - ends[0])] = 0.0
    return axis


def _check_axis(values: Floats, name: str) -> Floats:
    axis = as_floats(values, name)
    if axis.ndim != 1 or len(axis) < 2:
        raise ValueError(f"{name} must be one-dimensional with at least 2 points, got {axis.shape}")
    if not np.all(np.isfinite(axis)) or not np.all(np.diff(axis) > 0):
        raise ValueError(f"{name} must be finite and strictly increasing")
    return axis


def _levels(points: int) -> NDArray[np.int64]:
    """Level of each index: how often 2 divides it, counted from the middle."""
    offset = np.abs(np.arange(points) - points // 2)
    top = max(points.bit_length() - 2, 0)
    levels = np.full(points, top, dtype=np.int64)
    nonzero = offset > 0
    low_bit = offset[nonzero] & -offset[nonzero]
    levels[nonzero] = np.minimum(np.log2(low_bit).astype(np.int64), top)
    return levels
