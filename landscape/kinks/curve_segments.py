"""Segments of the kink curves of some examples: their ends, and the gradient's jump at each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.kinks.columns import Columns
from landscape.kinks.marching import (
    CutCells,
    Ints,
    Pieces,
    ambiguous,
    cut_cells,
    pieces,
    roots,
    side_ends,
)
from landscape.kinks.plane_probe import PlaneProbe
from landscape.kinks.probe import subset
from landscape.problem.examples import Part
from landscape.records.arrays import Floats
from landscape.records.grid import Grid

# Deviation from an affine function, as a share of its range, and of its rounding.
_AFFINE, _ROUNDING = 1e-9, 64 * np.finfo(np.float64).eps
# Distance from a segment, as a share of a cell, at which units that rest on their knot are told.
_ASIDE = 1e-3


@dataclass(frozen=True, slots=True)
class CutWindow:
    """A window of a plane, cut into cells.

    Attributes:
        probe: the network.
        grid: of two axes.
        tolerance: of the ends of segments, as a share of a cell's side.
    """

    probe: PlaneProbe
    grid: Grid
    tolerance: float

    @property
    def nodes(self) -> Floats:
        """Nodes of the grid, [A B, 2]."""
        return self.grid.coordinates(np.arange(self.grid.size))

    @property
    def centres(self) -> Floats:
        """Centres of the cells, [cells, 2]."""
        first, second = ((axis[1:] + axis[:-1]) / 2 for axis in self.grid.axes)
        return np.stack(np.meshgrid(first, second, indexing="ij"), axis=-1).reshape(-1, 2)

    @property
    def areas(self) -> Floats:
        """Area of every cell, [A - 1, B - 1]."""
        first, second = (np.diff(axis) for axis in self.grid.axes)
        return np.asarray(np.multiply.outer(first, second))

    def place(self, where: Floats) -> Floats:
        """Return the coordinates of places [..., 2] that are counted in nodes."""
        axes = self.grid.axes
        columns = [np.interp(where[..., i], np.arange(len(axes[i])), axes[i]) for i in range(2)]
        return np.stack(columns, axis=-1)


@dataclass(slots=True)
class Segments(Columns):
    """S segments.

    Attributes:
        level: which of the probe's levels, [S].
        example: index in the chunk, [S].
        unit: index in the layer, [S].
        cell: flat index of the cell it lies in, [S].
        ends: coordinates, [S, 2, 2].
        jump: of the gradient of the example's own loss, [S].
    """

    level: Ints
    example: Ints
    unit: Ints
    cell: Ints
    ends: Floats
    jump: Floats

    @classmethod
    def joined(cls, parts: Sequence[Segments], **others: Any) -> Segments:
        """Put the segments of several tables, or of none, one after another."""
        none = np.zeros(0, dtype=np.int64)
        empty = cls(none, none, none, none, np.zeros((0, 2, 2)), np.zeros(0))
        return super(Segments, cls).joined([empty, *parts], **others)

    @property
    def lengths(self) -> Floats:
        """Length of each, [S]."""
        return np.asarray(np.linalg.norm(self.ends[:, 1] - self.ends[:, 0], axis=1))

    @property
    def curves(self) -> int:
        """Number of distinct (level, example, unit)."""
        return len(np.unique(np.stack([self.level, self.example, self.unit]), axis=1).T)


def segments(window: CutWindow, part: Part, *, most: int | None) -> tuple[Segments | int, set[int]]:
    """Find the segments of some examples, and the levels that are not affine here.

    Args:
        window: where.
        part: inputs and targets of the examples.
        most: more segments than this are only counted. None takes all, with the ends by linear
            interpolation and the jumps as they are at the centres of the cells.
    """
    probe, exact = window.probe, most is not None
    values = probe.values(window.nodes, part)
    fields = [z.reshape(*window.grid.shape, -1) for z in values]
    bent = {number for number, z in enumerate(fields) if not affine(z, window.grid)}
    cut = [cut_cells(z) for z in fields]
    total = sum(len(cells.member) for cells in cut)
    if most is not None and total > most:
        return total, bent
    of_levels = [
        _of_level(window, part, number, cells, refine=exact and number in bent, exact=exact)
        for number, cells in enumerate(cut)
    ]
    if exact:
        joined = Segments.joined(of_levels)
        middles, some = joined.ends.mean(axis=1), subset(part, joined.example)
        size, slope = probe.jumps(middles, some, joined.level, joined.unit)
        joined.jump = size * np.linalg.norm(slope, axis=1)
        return joined, bent
    rows = probe.outputs_gradients(window.centres, part)
    for level, gradients in zip(of_levels, rows, strict=True):
        level.jump = level.jump * gradients[level.cell, level.example, level.unit]
    return Segments.joined(of_levels), bent


def affine(values: Floats, grid: Grid) -> bool:
    """Return whether all functions [A, B, M] at the nodes are affine, as far as rounding tells."""
    first, second = ((a - a[0]) / (a[-1] - a[0]) for a in grid.axes)
    rise, side = values[-1, 0] - values[0, 0], values[0, -1] - values[0, 0]
    flat = values[0, 0] + first[:, None, None] * rise + second[:, None] * side
    off = np.abs(values - flat).max(axis=(0, 1))
    allowed = _AFFINE * (np.abs(rise) + np.abs(side)) + _ROUNDING * np.abs(values).max(axis=(0, 1))
    return bool(np.all(off <= allowed))


def _of_level(
    window: CutWindow, part: Part, number: int, cells: CutCells, *, refine: bool, exact: bool
) -> Segments:
    """Cut the cells of one level; the jump is |grad z| between the corners for the time being."""
    example, unit = np.divmod(cells.member, window.probe.levels[number].units)

    def true_values(points: Floats, rows: Ints) -> Floats:
        level = np.full(len(rows), number)
        return window.probe.values_of(points, subset(part, example[rows]), level, unit[rows])

    centres: Floats = np.asarray(cells.values.mean(axis=1), dtype=np.float64)
    twice = np.flatnonzero(ambiguous(cells))
    if exact and len(twice):
        centres[twice] = true_values(
            window.place(cells.cell[twice].astype(np.float64) + 0.5), twice
        )
    parts = pieces(cells, centres)
    source = parts.source
    ends = _ends(window, cells, parts, true_values if refine else None)
    steps = np.stack([np.diff(a)[cells.cell[source, i]] for i, a in enumerate(window.grid.axes)])
    z00, z10, z11, z01 = cells.values[source].T
    steep = np.hypot((z10 + z11 - z00 - z01) / 2 / steps[0], (z01 + z11 - z00 - z10) / 2 / steps[1])
    flat = np.ravel_multi_index(tuple(cells.cell[source].T), window.areas.shape)
    curve = Segments(np.full(len(source), number), example[source], unit[source], flat, ends, steep)
    at_zero = np.flatnonzero((cells.values[source] == 0).any(axis=1))
    return curve.only(~_resting(curve, at_zero, steps.T, source, true_values))


def _ends(
    window: CutWindow,
    cells: CutCells,
    parts: Pieces,
    true_values: Callable[[Floats, Ints], Floats] | None,
) -> Floats:
    """Return the ends of the pieces, [S, 2, 2]; a side that two cells share has one end."""
    nodes, values = side_ends(cells, parts)
    low, high, z = (a.reshape(-1, *a.shape[2:]) for a in (nodes[:, :, 0], nodes[:, :, 1], values))
    upright = high[:, 1] > low[:, 1]
    rows = np.repeat(parts.source, 2)
    place = np.ravel_multi_index(tuple(low.T), window.grid.shape)
    key = (cells.member[rows] * window.grid.size + place) * 2 + upright
    _, chosen, back = np.unique(key, return_index=True, return_inverse=True)
    start, way, rows = low[chosen], (high - low)[chosen], rows[chosen]
    at_ends: Floats = np.asarray(z[chosen], dtype=np.float64)

    def points(share: Floats, which: Ints) -> Floats:
        return window.place(start[which] + share[:, None] * way[which])

    share = at_ends[:, 0] / (at_ends[:, 0] - at_ends[:, 1])
    if true_values is not None:
        share = roots(
            at_ends, lambda t, k: true_values(points(t, k), rows[k]), tolerance=window.tolerance
        )
    return points(share, np.arange(len(share)))[back.reshape(-1)].reshape(-1, 2, 2)


def _resting(
    candidates: Segments,
    at_zero: Ints,
    steps: Floats,
    source: Ints,
    true_values: Callable[[Floats, Ints], Floats],
) -> NDArray[np.bool_]:
    """Return which segments bound an area where the unit rests exactly on its knot.

    What feeds it has crossed a kink there, and that one is on the map.
    """
    resting = np.zeros(len(source), dtype=bool)
    if len(at_zero):
        ends = candidates.ends[at_zero]
        along = (ends[:, 1] - ends[:, 0]) / steps[at_zero]
        length = np.maximum(np.linalg.norm(along, axis=1, keepdims=True), 1e-300)
        aside = np.stack([-along[:, 1], along[:, 0]], axis=1) / length * steps[at_zero] * _ASIDE
        middles, rows = ends.mean(axis=1), source[at_zero]
        sides = [true_values(middles + sign * aside, rows) for sign in (-1, 1)]
        resting[at_zero] = (sides[0] == 0) | (sides[1] == 0)
    return resting
