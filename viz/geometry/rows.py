"""How panels and entries of legends stand in rows."""

from __future__ import annotations

import math


def evenly(count: int, most: int) -> int:
    """Return how many of ``count`` things stand in a row of at most ``most``, as even as can be.

    >>> evenly(4, 4), evenly(5, 4), evenly(9, 4)
    (4, 3, 3)
    """
    return math.ceil(count / math.ceil(count / most))


def per_row(count: int, columns: int | None, most: int) -> int:
    """Return how many panels stand in a row: ``columns`` if it is given, else at most ``most``.

    Raises:
        ValueError: for less than 1 column.
    """
    if columns is not None and columns < 1:
        raise ValueError(f"columns must be >= 1, got {columns}; leave it out for a usual number")
    return columns or evenly(count, most)
