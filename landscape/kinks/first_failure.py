"""Where a condition first fails along a line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from landscape.records.arrays import Floats

# The ladder on which the first bad place is looked for has so many rungs in a factor of 2.
_RUNGS = 4
_OCTAVES = 30


def first_failure(wrong: Callable[[Floats], Any], *, start: float = 1 / 64) -> float:
    """Return where a condition first fails, on a ladder of places and then by bisection.

    Args:
        wrong: whether it fails, at places [K].
        start: where the ladder starts; where it fails there already, lower.

    Returns:
        The place, to 1e-4 of itself; NaN if it is farther than 2^30 times the start in either
        direction. Failures narrower than a rung, a factor of 2^(1/4), can be missed.
    """
    rungs = 2.0 ** (np.arange(1, _RUNGS + 1) / _RUNGS)
    good = start
    for _ in range(_OCTAVES):
        if not wrong(np.array([good]))[0]:
            break
        good /= 2
    else:
        return float("nan")
    bad = float("nan")
    for _ in range(_OCTAVES):
        places = good * rungs
        failed = np.flatnonzero(wrong(places))
        if len(failed):
            bad = float(places[failed[0]])
            good = float(places[failed[0] - 1]) if failed[0] else good
            break
        good = float(places[-1])
    while bad - good > 1e-4 * good:
        middle = (good + bad) / 2
        good, bad = (good, middle) if wrong(np.array([middle]))[0] else (middle, bad)
    return good if np.isfinite(bad) else float("nan")
