"""Many contrasts in one short sentence: the range of the estimates of each quantity."""

from __future__ import annotations

import math
from collections.abc import Sequence

from landscape.claims.statistics import Contrast


def ranges(found: Sequence[Contrast]) -> str:
    """Put the estimates of contrasts into words, quantity by quantity.

    The name of a contrast is ``quantity: pair, group``. Effects of logarithms are told as factors.
    """
    told: dict[str, list[Contrast]] = {}
    for contrast in found:
        told.setdefault(contrast.name.partition(": ")[0], []).append(contrast)
    return "; ".join(f"{name} {_range(some)}" for name, some in told.items())


def _range(some: Sequence[Contrast]) -> str:
    values = sorted(c.effect.estimate for c in some if not math.isnan(c.effect.estimate))
    if not values:
        return "not known"
    log = some[0].effect.scale == "log"
    ends = [f"x {math.exp(v):.3g}" if log else f"{v:+.3g}" for v in (values[0], values[-1])]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
