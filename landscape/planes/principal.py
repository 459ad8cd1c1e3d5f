"""Principal directions of the points of paths: at once, or some parameters at a time.

The blocked way holds a few vectors of the length of one, however many there are. It takes the
leading eigenvectors of the Gram matrix of the centred rows, which loses half of the digits, as the
subspace in which the rows are then looked at themselves: a step of subspace iteration with a
Rayleigh-Ritz projection, which gives the digits back (Halko, Martinsson, Tropp 2011, section 4.5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats

_SUBSPACE = 6
# Arrays of the size of the rows that are alive at one time: as they came, in float64, work space.
_COPIES = 4


@dataclass(frozen=True, slots=True)
class Principal:
    """What is known of paths.

    Attributes:
        components: first two principal directions of the centred displacements, [2, P].
        singular: their singular values, [2].
        total: sum of all squared singular values.
        coordinates: places of all points along the components, from their mean, [T, 2].
        steps: distances from each point to the next, [T - 1], those between two paths as well.
    """

    components: Floats
    singular: Floats
    total: float
    coordinates: Floats
    steps: Floats


def principal(paths: Sequence[NDArray[Any]], solution: Floats, *, memory: int) -> Principal:
    """Find the two first principal directions of ``thetas - solution``, centred by their mean.

    Args:
        paths: rows [T, P] of each, in memory or mapped from a file; every row counts alike.
        solution: [P].
        memory: bytes for displacements and work space; more than that is done in blocks.

    Raises:
        ValueError: if the displacements hold NaN or infinity.
    """
    if _COPIES * 8 * sum(thetas.size for thetas in paths) <= memory:
        return _dense(_rows(paths, slice(None), solution))
    return _blocked(paths, solution, memory)


def _rows(paths: Sequence[NDArray[Any]], part: slice, solution: Floats) -> Floats:
    """Return the displacements of all points from the solution, [T, part]."""
    parts = [thetas[:, part].astype(np.float64) - solution[part] for thetas in paths]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _dense(rows: Floats) -> Principal:
    _check_finite(rows)
    left, singular, right = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    steps = np.linalg.norm(np.diff(rows, axis=0), axis=1)
    places = left[:, :2] * singular[:2]
    return Principal(right[:2], singular[:2], float(np.sum(singular**2)), places, steps)


def _blocked(paths: Sequence[NDArray[Any]], solution: Floats, memory: int) -> Principal:
    count, length = sum(map(len, paths)), len(solution)
    columns = max(memory // (_COPIES * 8 * count), 1)

    def blocks() -> Iterator[tuple[slice, Floats]]:
        for start in range(0, length, columns):
            part = slice(start, start + columns)
            yield part, _rows(paths, part, solution)

    gram, steps = np.zeros((count, count)), np.zeros(count - 1)
    for _, rows in blocks():
        _check_finite(rows)
        steps += np.sum(np.diff(rows, axis=0) ** 2, axis=1)
        rows -= rows.mean(axis=0)
        gram += rows @ rows.T
    variances, vectors = np.linalg.eigh(gram)
    leading = vectors[:, ::-1][:, :_SUBSPACE]
    sizes = np.sqrt(np.maximum(variances[::-1][:_SUBSPACE], np.finfo(float).tiny))
    basis = np.empty((length, leading.shape[1]))
    for part, rows in blocks():
        rows -= rows.mean(axis=0)
        basis[part] = rows.T @ (leading / sizes)
    basis, _ = np.linalg.qr(basis)
    inside = np.zeros((count, basis.shape[1]))
    for part, rows in blocks():
        rows -= rows.mean(axis=0)
        inside += rows @ basis[part]
    _, singular, turn = np.linalg.svd(inside, full_matrices=False)
    places = inside @ turn[:2].T
    total = float(np.trace(gram))
    return Principal(turn[:2] @ basis.T, singular[:2], total, places, np.sqrt(steps))


def _check_finite(rows: Floats) -> None:
    if not np.all(np.isfinite(rows)):
        raise ValueError("the trajectory holds NaN or infinity; it has no PCA plane")
