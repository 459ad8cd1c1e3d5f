"""The window of coordinates in which a plane is sampled."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.grid import Grid


def window_around(paths: Sequence[Floats], points: tuple[int, ...], *, margin: float) -> Grid:
    """Make a grid that holds all paths with a margin, and the origin exactly.

    One window for all planes of a study keeps their panels comparable. The origin is a point of
    the grid, so that the solution's own loss is among the samples.

    Args:
        paths: coordinates of each path, [T, 2].
        points: points along alpha and beta.
        margin: room on each side as a share of the larger extent.

    Raises:
        ValueError: if there is no path, or none has an extent.
    """
    joined = np.concatenate([np.zeros((1, 2)), *paths])
    low, high = joined.min(axis=0), joined.max(axis=0)
    room = margin * float((high - low).max())
    if not (math.isfinite(room) and (high > low).any()):
        raise ValueError("the paths have no finite extent; no window can be laid around them")
    room = room or 0.01 * float((high - low).max())
    axes = [
        axis_through_zero(float(low[i] - room), float(high[i] + room), points[i]) for i in (0, 1)
    ]
    return Grid((axes[0], axes[1]))


def axis_through_zero(low: float, high: float, points: int) -> Floats:
    """Return evenly spaced coordinates that cover [low, high], with low < 0 < high, and hold 0.

    >>> axis_through_zero(-1.0, 2.0, 4)
    array([-1.,  0.,  1.,  2.])
    """
    if points < 3:
        return np.array([low, high], dtype=np.float64)
    share = -low / (high - low) * (points - 1)
    candidates = {min(max(k, 1), points - 2) for k in (math.floor(share), math.ceil(share))}
    step, zero = min((max(-low / k, high / (points - 1 - k)), k) for k in candidates)
    return np.asarray((np.arange(points) - zero) * step, dtype=np.float64)
