"""Contrasts in one short sentence, quantity by quantity.

The name of a contrast is ``quantity: pair, group``. Effects of logarithms are factors.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from landscape.claims.comparing import twin_of
from landscape.claims.statistics import Contrast

# Effects that stand with their intervals; a sentence with more is not read.
_MOST_WITH_INTERVALS = 3
_Pairs = Mapping[str, Sequence[Contrast]]


def ranges(contrasts: Sequence[Contrast]) -> str:
    """Return the range of the estimates of each quantity."""
    return "; ".join(
        f"{quantity} {_range(several)}" for quantity, several in _by_quantity(contrasts).items()
    )


def effects(contrasts: Sequence[Contrast]) -> str:
    """Return the effect of each quantity on each twin.

    Each with its interval; for several groups the median over them, and from where to where the
    estimates go. More than three are named by their smooth activation alone, without intervals.
    """
    by_twin: dict[str, dict[str, list[Contrast]]] = {}
    for quantity, several in _by_quantity(contrasts).items():
        pairs = by_twin.setdefault(quantity, {})
        for contrast in several:
            pairs.setdefault(twin_of(contrast), []).append(contrast)
    if sum(map(len, by_twin.values())) > _MOST_WITH_INTERVALS:
        return _without_intervals(by_twin)
    return "; ".join(
        f"{quantity}: " + ", ".join(f"{pair} {_effect(some)}" for pair, some in pairs.items())
        for quantity, pairs in by_twin.items()
    )


def _by_quantity(contrasts: Sequence[Contrast]) -> dict[str, list[Contrast]]:
    grouped: dict[str, list[Contrast]] = {}
    for contrast in contrasts:
        grouped.setdefault(contrast.name.partition(": ")[0], []).append(contrast)
    return grouped


def _range(contrasts: Sequence[Contrast]) -> str:
    values = sorted(c.effect.estimate for c in contrasts if not math.isnan(c.effect.estimate))
    if not values:
        return "not known"
    log = contrasts[0].effect.scale == "log"
    ends = [f"x {math.exp(v):.3g}" if log else f"{v:+.3g}" for v in (values[0], values[-1])]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _without_intervals(by_twin: Mapping[str, _Pairs]) -> str:
    """Return estimates alone; quantities that differ by their last word share a sentence."""
    stems: dict[str, dict[str, list[str]]] = {}
    ends: dict[str, list[str]] = {}
    for quantity, pairs in by_twin.items():
        stem, _, end = quantity.rpartition(" ")
        ends.setdefault(stem, []).append(end)
        for pair, contrasts in pairs.items():
            # "relu against smelu_0.1" is named by its smooth twin.
            smooth = pair.partition(" against ")[2]
            estimate = _effect(contrasts).partition(" (")[0].partition(",")[0]
            stems.setdefault(stem, {}).setdefault(smooth, []).append(estimate)
    return "; ".join(
        f"{stem} {' | '.join(ends[stem])}: "
        + ", ".join(f"{smooth} {' | '.join(values)}" for smooth, values in pairs.items())
        for stem, pairs in stems.items()
    )


def _effect(contrasts: Sequence[Contrast]) -> str:
    """Return one effect with its interval, or the median and range of several."""
    measured = [contrast.effect for contrast in contrasts]
    estimates = [effect.estimate for effect in measured if not np.isnan(effect.estimate)]
    with np.errstate(invalid="ignore"):
        middle = float(np.median(estimates)) if estimates else float("nan")
    if np.isnan(middle):
        return "not known, too few runs arrive"
    if np.isinf(middle):
        return "only the second arrives" if middle > 0 else "only the first arrives"
    ends = min(estimates), max(estimates)
    if len(measured) == 1:
        ends = measured[0].low, measured[0].high
    if measured[0].scale == "log":
        with np.errstate(over="ignore"):
            middle, low, high = np.exp([middle, *ends])
        text = f"x {middle:.3g} ({low:.3g} to {high:.3g}"
    else:
        text = f"{middle:+.3g} ({ends[0]:+.3g} to {ends[1]:+.3g}"
    return text + (")" if len(measured) == 1 else f" over {len(estimates)} groups)")
