"""Regions of a plane that an explorer samples: how wide, how fine, what is finished of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.records.grid import Grid
from landscape.records.surface import Status, Surface

from ..geometry.window import visible

if TYPE_CHECKING:
    from .moment import Place, Point

POINTS = 51
MOST_POINTS = 301
LINE_POINTS = 201
MOST_LINE_POINTS = 10_001
_SIGNIFICANT = 3


def check_points(points: int) -> int:
    """Return the number of points each way if it can be drawn while one waits.

    Raises:
        ValueError: otherwise.
    """
    if not 3 <= points <= MOST_POINTS:
        raise ValueError(f"a region has 3 to {MOST_POINTS} points each way, got {points}")
    return points


def check_line(first: Point, second: Point, points: int) -> int:
    """Return the number of points of a line if it can be sampled.

    Args:
        first: alpha and beta of one end.
        second: of the other.
        points: on the line, its ends among them.

    Raises:
        ValueError: for too few or too many points, or ends that are not two different points.
    """
    if not LINE_POINTS <= points <= MOST_LINE_POINTS:
        raise ValueError(f"a line has {LINE_POINTS} to {MOST_LINE_POINTS:,} points, got {points}")
    if not np.isfinite([*first, *second]).all():
        raise ValueError("the ends of a line must be finite numbers")
    if first == second:
        raise ValueError("a line needs two different points, got the same one twice")
    return points


def rounded_point(point: Point, surface: Surface) -> Point:
    """Return a point of a surface with no more digits than the width of its window needs.

    >>> rounded_point((0.123456, -0.654321), Surface.empty(Grid.square(5)))
    (0.1235, -0.6543)
    """
    widths = [float(axis[-1] - axis[0]) for axis in surface.grid.axes]
    digits = [1 + _SIGNIFICANT - int(np.floor(np.log10(width))) for width in widths]
    return round(float(point[0]), digits[0]), round(float(point[1]), digits[1])


def first_window(place: Place) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the window in which a new plane is first sampled.

    Around the paths that lie in it, a quarter wider and at least as wide as a third of the longer
    side; [-1, 1]^2 if there is none.
    """
    paths = [path.coordinates for path in place.paths if visible(path)]
    if not paths:
        return (-1.0, 1.0), (-1.0, 1.0)
    points = np.concatenate([*paths, np.zeros((1, 2))])
    middle, size = (points.max(axis=0) + points.min(axis=0)) / 2, np.ptp(points, axis=0)
    half = 1.25 * np.maximum(size, size.max() / 3) / 2
    low, high = middle - half, middle + half
    return rounded_window((low[0], low[1]), (high[0], high[1]))


def coarse_part(surface: Surface) -> Surface | None:
    """Return the finest finished part of an unfinished surface, every 2^k-th point; None if none.

    >>> coarse_part(Surface.empty(Grid.square(5))) is None
    True
    """
    for k in range(max(surface.grid.shape).bit_length()):
        # Counted from the middle, as the tiles of a grid are.
        picks = [np.flatnonzero((np.arange(n) - n // 2) % 2**k == 0) for n in surface.grid.shape]
        if min(map(len, picks)) < 3:
            return None
        chosen = np.ix_(*picks)
        if np.all(surface.status[chosen] != Status.MISSING):
            axes = tuple(axis[pick] for axis, pick in zip(surface.grid.axes, picks, strict=True))
            fields = {name: values[chosen] for name, values in surface.fields.items()}
            return Surface(Grid(axes), fields, surface.status[chosen], surface.plane, surface.run,
                           surface.settings)  # fmt: skip
    return None


def rounded_window(
    first: tuple[float, float], second: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return the window between two corners, with no more digits than its width needs.

    >>> rounded_window((0.1234567, 0.5), (0.2345678, -0.25))
    ((0.1235, 0.2346), (-0.25, 0.5))
    """

    def ends(first_end: float, other: float) -> tuple[float, float]:
        low, high = sorted((first_end, other))
        if not (np.isfinite(low) and np.isfinite(high) and low < high):
            return low, high
        digits = _SIGNIFICANT - int(np.floor(np.log10(high - low)))
        return round(float(low), digits), round(float(high), digits)

    return ends(first[0], second[0]), ends(first[1], second[1])
