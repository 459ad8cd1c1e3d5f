"""How many seeds a contrast needs, from the scatter of a pilot's paired differences.

The number is that from which on the sign test, corrected for the other contrasts, would most likely
decide: that there is a difference if the true one is twice the margin, and that there is none that
matters if the true one is 0. Both are asked, since a pilot does not tell which is the case. The
scatter is taken as normal. That of a few seeds is often too small by luck; its upper 80 % limit
is used instead.

The number rests on the scatter, not on the effect. It is for a sweep with other seeds than the
pilot's, judged once: to add seeds until a contrast is decided is to judge it many times.

References:
    Browne, Statist. Med. 14 (1995), 1933: the scatter of a pilot by its upper limit.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from landscape.claims.effects import Effect, most_against
from landscape.claims.primary import level, most_seeds

# Chance of the decision, and that the pilot's scatter is not taken for less than it is.
_POWER, _SAFETY = 0.8, 0.8
# A difference that should be found, in margins.
_FOUND = 2.0


def seeds_needed(effect: Effect, margin: float, *, among: int = 1) -> int | None:
    """Return how many seeds would decide a contrast; None if more than the cap.

    Args:
        effect: of the pilot, at least 2 pairs of which nothing is censored. Censored pairs speak
            for neither side, in the same share of seeds.
        margin: differences up to this size do not matter, in the effect's unit.
        among: contrasts that are corrected for together.

    Returns:
        The smallest number up to ``most_seeds`` of ``primary.toml`` with a chance of 80 % for
        either decision.

    >>> import numpy as np
    >>> from landscape.claims.effects import paired_effect
    >>> pilot = paired_effect(np.exp(0.1 * np.linspace(-1, 1, 12)), np.ones(12))
    >>> seeds_needed(pilot, 0.1, among=20)
    22
    """
    scatter, unknown = _scatter(effect)
    if not math.isfinite(scatter):
        return None
    # Of a seed to lie on the wrong side of 0, or of either end of the margin.
    wrong, outside = (
        unknown + (1 - unknown) * float(special.ndtr(-size / scatter)) if scatter else unknown
        for size in (_FOUND * margin, margin)
    )
    alpha = (1 - level()) / among
    for count in range(2, most_seeds() + 1):
        different = _chance(count, wrong, alpha / 2)
        # Both ends must be excluded; the chance of either to fail is added.
        equal = 2 * _chance(count, outside, alpha) - 1
        if min(different, equal) >= _POWER:
            return count
    return None


def _scatter(effect: Effect) -> tuple[float, float]:
    """Return the upper limit of the standard deviation, and the share of censored pairs."""
    known = effect.lowest[np.isfinite(effect.lowest) & np.isfinite(effect.highest)]
    if len(known) < 2:
        return math.inf, 1.0
    free = len(known) - 1
    limit = math.sqrt(free / float(special.chdtri(free, _SAFETY)))
    return float(known.std(ddof=1)) * limit, effect.censored / effect.n


def _chance(count: int, wrong: float, alpha: float) -> float:
    """Return the chance that the sign test of so many seeds rejects at ``alpha``."""
    most = most_against(count, alpha)
    return float(special.bdtr(most, count, wrong)) if most >= 0 else 0.0
