"""Zero sets of functions on a grid: segments in cells, their ends on the sides of cells.

The corners of a cell are counted around it: (0, 0), (1, 0), (1, 1), (0, 1); side k joins corner k
to the next.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats

Ints = NDArray[np.int64]
CORNERS = np.array([(0, 0), (1, 0), (1, 1), (0, 1)])
_ITERATIONS = 80
# A secant step below this share of the tolerance ends the search: convergence may be linear.
_SETTLED = 0.01


@dataclass(frozen=True, slots=True)
class CutCells:
    """Cells with corners on both sides of zero, E of them.

    Attributes:
        cell: (row, column) of the cell, [E, 2].
        member: flat index of the function, [E].
        values: at the corners, [E, 4].
    """

    cell: Ints
    member: Ints
    values: Floats


@dataclass(frozen=True, slots=True)
class Pieces:
    """Pieces of zero sets, S of them, each across one cell.

    Attributes:
        source: which cut cell, [S].
        sides: on which sides of the cell it ends, [S, 2].
    """

    source: Ints
    sides: Ints


def cut_cells(values: Floats) -> CutCells:
    """Find the cells that zero sets pass.

    Args:
        values: of M functions at the nodes, [A, B, M]. Zero counts as below zero.
    """
    above = values > 0
    corners = [above[i : i + len(above) - 1, j : j + above.shape[1] - 1] for i, j in CORNERS]
    some = corners[0] | corners[1] | corners[2] | corners[3]
    every = corners[0] & corners[1] & corners[2] & corners[3]
    row, column, member = np.nonzero(some & ~every)
    corner_values = [values[row + i, column + j, member] for i, j in CORNERS]
    return CutCells(np.stack([row, column], axis=1), member, np.stack(corner_values, axis=1))


def ambiguous(cells: CutCells) -> NDArray[np.bool_]:
    """Return where the corners alternate, so that two pairings of the sides are possible."""
    above = cells.values > 0
    return np.asarray((above[:, 0] == above[:, 2]) & (above[:, 1] == above[:, 3]) &
                      (above[:, 0] != above[:, 1]))  # fmt: skip


def pieces(cells: CutCells, centres: Floats) -> Pieces:
    """Join the points on the sides of each cell.

    Args:
        cells: E cut cells.
        centres: value at the centre of each, [E]; looked at where the corners alternate.
    """
    above = cells.values > 0
    crossed = above != np.roll(above, -1, axis=1)
    both = ambiguous(cells)
    plain = np.flatnonzero(~both)
    sides = np.nonzero(crossed[plain])[1].reshape(-1, 2)
    twice = np.flatnonzero(both)
    # The centre belongs to the corners of its sign; the other two corners are cut off.
    joined = (centres[twice] > 0) == above[twice, 0]
    first = np.where(joined[:, None], [0, 1], [3, 0])
    second = np.where(joined[:, None], [2, 3], [1, 2])
    return Pieces(
        np.concatenate([plain, twice, twice]), np.concatenate([sides, first, second]).astype(int)
    )


def side_ends(cells: CutCells, part: Pieces) -> tuple[Ints, Floats]:
    """Return the two nodes of every side that is met, [S, 2, 2, 2], and their values [S, 2, 2].

    Nodes come in the order of the grid, so that both cells at a side name it alike.
    """
    first, second = part.sides, (part.sides + 1) % 4
    swapped = np.isin(part.sides, (2, 3))
    low, high = np.where(swapped, second, first), np.where(swapped, first, second)
    corner = np.stack([low, high], axis=-1)
    nodes = cells.cell[part.source][:, None, None] + CORNERS[corner]
    values = np.take_along_axis(cells.values[part.source][:, None], corner, axis=2)
    return nodes, values


def roots(
    values: Floats, function: Callable[[Floats, Ints], Floats], *, tolerance: float
) -> Floats:
    """Find where functions are zero between 0 and 1, by the Illinois method.

    Args:
        values: at 0 and at 1, [E, 2], of which one is above zero and the other is not.
        function: from shares [K] and indices [K] of the functions to their values.
        tolerance: of the shares.
    """
    low, high = np.zeros(len(values)), np.ones(len(values))
    at_low, at_high = values[:, 0].copy(), values[:, 1].copy()
    rising = at_high > 0
    best = np.full(len(values), np.nan)
    active, last = np.arange(len(values)), np.zeros(len(values), dtype=int)
    for number in range(_ITERATIONS):
        if not len(active):
            break
        a, b, fa, fb = low[active], high[active], at_low[active], at_high[active]
        guess = a + (b - a) * fa / np.where(fa == fb, 1.0, fa - fb)
        # Every third step halves the interval, for functions that bend or rest at zero.
        halved = (number % 3 == 2) | ~((guess > a) & (guess < b))
        share = np.where(halved, (a + b) / 2, guess)
        value = function(share, active)
        beyond = (value > 0) == rising[active]
        again = np.where(beyond, 1, -1)
        repeated = last[active] == again
        moved = np.abs(share - best[active])
        high[active], at_high[active] = np.where(beyond, (share, value), (b, fb))
        low[active], at_low[active] = np.where(beyond, (a, fa), (share, value))
        at_low[active] *= np.where(beyond & repeated, 0.5, 1.0)
        at_high[active] *= np.where(~beyond & repeated, 0.5, 1.0)
        last[active], best[active] = again, share
        ends = high[active] - low[active]
        done = (value == 0) | (ends < tolerance) | ((moved < _SETTLED * tolerance) & ~halved)
        active = active[~done]
    return best
