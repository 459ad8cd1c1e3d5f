"""The window that is sampled where none is asked for: it holds what the plane was made of.

Planes through solutions are sampled around the solutions, PCA planes around their paths and the
lowest loss near them; lines between solutions from before the first to behind the second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.grid_notation import Span
from landscape.records.plane import Plane
from landscape.records.windows import window_around

Loss = Callable[[Floats], Floats]
# Kinds of planes whose window depends on what they were made of.
FITTED = ("pca", "through")
_SHAPES = MappingProxyType({1: (101,), 2: (51, 51), 3: (17, 17, 17)})
_SPANS: Mapping[str, Span] = MappingProxyType(
    {"between": (-0.5, 1.5), "segment": (0.0, 1.0), "update": (-1.5, 1.5)}
)
# Room around what a window holds, as a share of the larger extent.
_ROOM = 0.25
# The lowest loss is looked for at so many points a side, half of the extent beyond the paths.
_PROBES, _BEYOND = 9, 0.5


def usual_shape(axes: int) -> tuple[int, ...]:
    """Return the usual points: 101 on a line, 51 x 51 on a plane, 17^3 in a volume."""
    return _SHAPES[axes]


def usual_grid(kind: str, shape: tuple[int, ...]) -> Grid:
    """Return the usual window of planes whose coordinates have a fixed meaning.

    Args:
        kind: of the plane.
        shape: points along each axis.

    >>> usual_grid("between", (5,)).axes[0].tolist()
    [-0.5, 0.0, 0.5, 1.0, 1.5]
    """
    return Grid.cube(shape, _SPANS.get(kind, (-1.0, 1.0)))


def fitted_grid(plane: Plane, shape: tuple[int, ...], loss: Loss) -> Grid:
    """Return the window that holds what a plane was made of, and the origin exactly.

    That are the solutions of a plane through them, or the paths of a PCA plane and the lowest of 81
    losses around them. Steps between points are rounded up to three digits, so that the same
    weights give the same window.

    Args:
        plane: of any kind; the usual window is returned if it notes nothing that is to be held.
        shape: points along each axis.
        loss: at coordinates, [K, 2] -> [K].
    """
    paths = plane.settings.get("extent")
    held = paths or plane.settings.get("points")
    if plane.kind not in FITTED or plane.axes != 2 or not held:
        return usual_grid(plane.kind, shape)
    places = np.array(held, dtype=np.float64)
    if paths:
        places = np.concatenate([places, _lowest(places, loss)])
    around = window_around([places], shape, margin=_ROOM)
    return Grid.over(shape, [_rounded(axis) for axis in around.axes])


def _lowest(places: Floats, loss: Loss) -> Floats:
    """Return where the loss is lowest around places, [1, 2]; [0, 2] where none is finite."""
    low, high = places.min(axis=0), places.max(axis=0)
    beyond = _BEYOND * float((high - low).max())
    axes = np.linspace(low - beyond, high + beyond, _PROBES).T
    probes = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    losses = loss(probes)
    known = np.isfinite(losses)
    return probes[known][[np.argmin(losses[known])]] if known.any() else probes[:0]


def _rounded(axis: Floats) -> Span:
    """Return the ends of an axis through 0 whose step is rounded up to three digits."""
    zero = int(np.argmin(np.abs(axis)))
    step = float(axis[1] - axis[0])
    unit = 10.0 ** (math.floor(math.log10(step)) - 2)
    step = math.ceil(step / unit - 1e-6) * unit
    return -zero * step, (len(axis) - 1 - zero) * step
