"""How panels and entries of legends stand in rows."""

from __future__ import annotations

import math


def evenly(count: int, most: int) -> int:
    """Return how many of ``count`` things stand in a row of at most ``most``, as even as can be.

    >>> evenly(4, 4), evenly(5, 4), evenly(9, 4)
    (4, 3, 3)
    """
    return math.ceil(count / math.ceil(count / most))
