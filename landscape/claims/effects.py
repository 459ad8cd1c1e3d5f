"""How much two arms of a sweep differ: one number per seed, paired.

The seed is the unit; whatever is measured several times within a seed (steps, directions, units) is
averaged before it comes here. Quantities that multiply (steps, rates, norms) are compared by
the difference of their logarithms.

What is estimated is the median of the paired differences: the difference in the typical seed. Its
interval, from order statistics, holds for every distribution. A p value is the larger of two:

- the exact sign test, of the median. It assumes that seeds are independent, and nothing else;
- Student's t corrected for skewness (Hall), of the mean.

Where the differences are symmetric both ask the same. Where one arm is skewed, median and mean are
two meanings of "no difference", and only what is no accident by either counts: the sign test alone
calls arms of equal means different, t alone those of equal medians, and of equal means as well.

A run that never arrived stands as ``inf``: it took longer than any that arrived. One that diverged,
of a quantity that is no number of steps, stands as NaN: nothing is known of its pair, which may
differ by any amount either way. Such pairs are censored, never dropped. Their mean does not
exist, and the sign test stands alone.

References:
    Conover, Practical Nonparametric Statistics (1999), sections 3.2 (quantiles) and 3.4 (signs).
    Hall, J. R. Statist. Soc. B 54 (1992), 221: removing skewness by a monotone cubic, eq. 2.3.
    Bahadur and Savage, Ann. Math. Statist. 27 (1956), 1115: no test of a mean holds its level for
    every distribution; that of the median does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from landscape.records.arrays import Floats, as_floats
from landscape.records.choices import check_known

Scale = Literal["log", "linear"]
SCALES = ("log", "linear")
# Share of the values below which differences between them are rounding.
_ROUNDING = 1e-12
# Share of the degrees of freedom that a t corrected for skewness has; by simulation.
_FREEDOM = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The difference of two arms over paired seeds.

    Attributes:
        estimate: median difference a - b (of logarithms if ``scale`` is log).
        low: lower end of its two-sided interval; -inf where nothing bounds it.
        high: upper end.
        n: number of pairs.
        level: at which the interval holds, at least what was asked for; below 6 pairs the interval
            is their range, which holds at 1 - 2^(1 - n): .75 for 3.
        scale: whether the differences are of logarithms.
        p_value: two-sided p of no difference, in the median and in the mean.
        p_signs: of the sign test alone.
        lowest: each pair's difference, [n]; of a censored pair the smallest it can be.
        highest: likewise the largest.

    The smallest p that n pairs can reach is 2^(1 - n): .25 for 3, .0005 for 12.
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float
    scale: Scale
    p_value: float
    p_signs: float
    lowest: Floats
    highest: Floats

    @property
    def censored(self) -> int:
        """Pairs in which a run did not arrive or is not known."""
        return int(np.sum(~np.isfinite(self.lowest) | ~np.isfinite(self.highest)))

    def beyond(self, margin: float) -> int:
        """Return how many pairs may differ by the margin or more, either way."""
        return int(np.sum((self.lowest <= -margin) | (self.highest >= margin)))

    def tied(self, tolerance: float) -> int:
        """Return how many pairs share one and the same difference, but for ``tolerance``."""
        known = self.lowest[np.isfinite(self.lowest) & np.isfinite(self.highest)]
        same = np.abs(known[:, None] - known) <= tolerance
        return int(same.sum(axis=1).max(initial=0))


def paired_effect(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.95, scale: Scale = "log"
) -> Effect:
    """Compare two arms, seed by seed.

    Args:
        a: one value per seed, [n]; ``inf`` for a run that did not arrive, NaN for one of which
            nothing is known.
        b: the other arm with the same seeds in the same order, [n].
        level: that the interval has at least, from 6 pairs on.
        scale: ``log`` compares logarithms (values > 0), ``linear`` the values.

    Returns:
        The effect a - b: above 0 where ``a`` is larger.

    Raises:
        ValueError: for fewer than 2 pairs, unequal shapes, -inf, or values that have no logarithm.

    >>> effect = paired_effect([20.0, 22.0, 18.0], [10.0, 11.0, 9.0])
    >>> round(math.exp(effect.estimate), 6)
    2.0
    """
    first, second = _checked(a, b, level, scale)
    if scale == "log":
        first, second = np.log(first), np.log(second)
    with np.errstate(invalid="ignore"):
        difference = first - second
    # Of two runs that did not arrive nothing is known either: inf - inf.
    unknown = np.isnan(difference)
    lowest = as_floats(np.where(unknown, -np.inf, difference), "lowest")
    highest = as_floats(np.where(unknown, np.inf, difference), "highest")
    estimate, low, high, held = _median(lowest, highest, level)
    return Effect(
        estimate=estimate,
        low=low,
        high=high,
        n=len(difference),
        level=held,
        scale=scale,
        p_value=_two_sided(p_above(values, 0.0) for values in (lowest, -highest)),
        p_signs=_two_sided(_p_signs(values, 0.0) for values in (lowest, -highest)),
        lowest=lowest,
        highest=highest,
    )


def _checked(a: ArrayLike, b: ArrayLike, level: float, scale: str) -> tuple[Floats, Floats]:
    first, second = as_floats(a, "a"), as_floats(b, "b")
    if first.ndim != 1 or first.shape != second.shape:
        raise ValueError(
            f"a and b must be one value per seed each, of one length, got {first.shape} and "
            f"{second.shape}"
        )
    if len(first) < 2:
        raise ValueError(f"a comparison needs at least 2 seeds, got {len(first)}; run more")
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    check_known("scale", scale, SCALES)
    for name, values in (("a", first), ("b", second)):
        if np.any(np.isneginf(values)):
            raise ValueError(f"{name} holds -inf; write inf for a run that did not arrive")
        if scale == "log" and np.any(values <= 0):
            raise ValueError(
                f"{name} must be > 0 for a comparison of logarithms, got {np.nanmin(values):g}; "
                "use scale='linear'"
            )
    return first, second


def _median(lowest: Floats, highest: Floats, level: float) -> tuple[float, float, float, float]:
    """Return the median, its bounds by order statistics, and the level at which these hold.

    The bounds are x(k+1) and x(n-k) with P(Bin(n, 1/2) <= k) <= tail. What is censored on both
    sides counts as low for the lower end and as high for the upper.
    """
    count = len(lowest)
    cut = max(most_against(count, (1 - level) / 2), 0)
    first, last = np.sort(lowest), np.sort(highest)
    middles = float(first[count // 2]), float(last[(count - 1) // 2])
    known = [value for value in middles if math.isfinite(value)]
    middle = sum(known) / len(known) if known else _infinite(middles)
    held = 1 - 2 * float(special.bdtr(cut, count, 0.5))
    return middle, float(first[cut]), float(last[count - 1 - cut]), held


def _infinite(values: tuple[float, float]) -> float:
    return values[0] if values[0] == values[1] else math.nan


def most_against(count: int, alpha: float) -> int:
    """Return the largest k with P(Bin(count, 1/2) <= k) <= alpha; -1 if there is none.

    >>> [most_against(12, alpha) for alpha in (0.0001, 0.025, 0.05)]
    [-1, 2, 2]
    """
    return int(np.sum(special.bdtr(np.arange(count), count, 0.5) <= alpha)) - 1


def _two_sided(sides: Iterable[Floats]) -> float:
    return min(1.0, 2 * float(min(sides)))


def p_above(values: Floats, bound: float) -> Floats:
    """Return the p of "at most bound" in the median, or in the mean: the larger.

    Args:
        values: differences of n seeds, [..., n].
        bound: in their unit.

    Returns:
        One p for each n of them, [...].
    """
    return np.maximum(_p_signs(values, bound), _p_mean(values, bound))


def _p_signs(values: Floats, bound: float) -> Floats:
    """Return P(Bin(n, 1/2) >= the number above the bound); what ties with it is not above."""
    count = values.shape[-1]
    above = np.count_nonzero(values > bound, axis=-1)
    return np.asarray(special.bdtr(count - above, count, 0.5))


def _p_mean(values: Floats, bound: float) -> Floats:
    """Return the p of "the mean is at most bound" by Student's t after Hall's cubic.

    T + g T^2 / (3 sqrt n) + g^2 T^3 / (27 n) + g / (6 sqrt n), with g the skewness: it increases
    with T, and takes the skewness out of the law of T to order 1 / n. That of a few seeds is a poor
    estimate: so few degrees of freedom, which are this module's choice, keep the error of a family
    of 20 below 6 % for exponential differences from 12 seeds on.

    0 where there is no mean, and where the spread is none but by rounding: the signs alone count.
    """
    count = values.shape[-1]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = values.sum(axis=-1) / count
        rest = values - mean[..., None]
        squares = rest * rest
        spread = np.sqrt(squares.sum(axis=-1) / count)
        # Unbiased for normal samples (Fisher's G1); 2 seeds have none.
        unbiased = math.sqrt(count * (count - 1)) / max(count - 2, 1)
        skewness = unbiased * (squares * rest).sum(axis=-1) / count / spread**3
        bend = skewness / (3 * math.sqrt(count))
        t = (mean - bound) * math.sqrt(count - 1) / spread
        corrected = t + bend * t**2 + bend**2 * t**3 / 3 + bend / 2
        known = spread > _ROUNDING * np.abs(values).max(axis=-1)
    p = special.stdtr(_FREEDOM * (count - 1), -corrected)
    return np.asarray(np.where(known & np.isfinite(spread), p, 0.0))
