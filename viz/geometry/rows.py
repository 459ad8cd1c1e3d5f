"""How panels and entries of legends stand in rows."""

from __future__ import annotations

import math

# Inches; two columns of a page are wider.
NARROW = 4.5


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


def most_in_row(width: float) -> int:
    """Return how many panels stand in a row of a figure at most, by its width in inches.

    >>> most_in_row(3.25), most_in_row(5.5), most_in_row(6.75)
    (2, 3, 4)
    """
    return 2 if width < NARROW else 3 if width < 6.5 else 4
