"""How much two arms of a sweep differ: one number per seed, paired.

The seed is the unit; whatever is measured several times within a seed (steps, directions, units) is
averaged before it comes here. Quantities that multiply (steps, rates, norms) are compared by
the difference of their logarithms.

A run that never arrived stands as ``inf``: it took longer than any that arrived. One that diverged,
of a quantity that is no number of steps, stands as NaN: nothing is known of its pair, which may
differ by any amount either way. Such pairs are censored, never dropped. Means and t intervals do
not exist then; the median takes their place, with its exact interval from order statistics and the
sign test.

Why t and not the bootstrap: resampling n differences cannot see further than those n. The
percentile interval of a mean of 5 Gaussian differences holds the truth in 83 % of cases instead of
95, of skewed ones in fewer; the t interval is exact for the former at every n. The sign-flip test
beside it assumes only that the differences are symmetric about 0 when there is no effect.

References:
    Efron and Tibshirani, An Introduction to the Bootstrap (1993), section 12 and 13.
    Conover, Practical Nonparametric Statistics (1999), sections 3.2 (quantiles) and 3.4 (signs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from landscape.arrays import Floats, as_floats

Scale = Literal["log", "linear"]
SCALES = ("log", "linear")
# Signs of up to so many differences are flipped in every way, of more at random.
_ALL_FLIPS = 16
_RANDOM_FLIPS = 1 << _ALL_FLIPS
# Share of the values below which differences between them are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Effect:
    """The difference of two arms over paired seeds.

    Attributes:
        estimate: mean difference a - b (of logarithms if ``scale`` is log); the median if censored.
        low: lower end of the two-sided interval at ``level``; -inf where nothing bounds it.
        high: upper end.
        n: number of pairs.
        level: of the interval.
        scale: whether the differences are of logarithms.
        p_value: two-sided p of no difference: t test, sign test if censored.
        p_flips: of the sign-flip test; NaN if censored.
        lowest: each pair's difference, [n]; of a censored pair the smallest it can be.
        highest: likewise the largest.

    The smallest p that n pairs can reach by signs alone is 2^(1 - n): .0625 for 5, .002 for 10.
    """

    estimate: float
    low: float
    high: float
    n: int
    level: float
    scale: Scale
    p_value: float
    p_flips: float
    lowest: Floats
    highest: Floats

    @property
    def censored(self) -> int:
        """Pairs in which a run did not arrive or is not known."""
        return int(np.sum(~np.isfinite(self.lowest) | ~np.isfinite(self.highest)))

    @property
    def ratio(self) -> tuple[float, float, float]:
        """Estimate, low and high as factors a / b.

        Raises:
            ValueError: for differences that are not of logarithms.
        """
        if self.scale != "log":
            raise ValueError("a ratio needs differences of logarithms, got linear ones")
        with np.errstate(over="ignore"):
            return tuple(float(np.exp(v)) for v in (self.estimate, self.low, self.high))  # type: ignore[return-value]

    def p_above(self, bound: float) -> float:
        """Return the one-sided p of the hypothesis that the difference is at most ``bound``."""
        return _p_above(self.lowest, bound, exact=not self.censored)

    def p_below(self, bound: float) -> float:
        """Return the one-sided p of the hypothesis that the difference is at least ``bound``."""
        return _p_above(-self.highest, -bound, exact=not self.censored)


def paired_effect(
    a: ArrayLike, b: ArrayLike, *, level: float = 0.95, scale: Scale = "log"
) -> Effect:
    """Compare two arms, seed by seed.

    Args:
        a: one value per seed, [n]; ``inf`` for a run that did not arrive, NaN for one of which
            nothing is known.
        b: the other arm with the same seeds in the same order, [n].
        level: of the interval.
        scale: ``log`` compares logarithms (values > 0), ``linear`` the values.

    Returns:
        The effect a - b: above 0 where ``a`` is larger.

    Raises:
        ValueError: for fewer than 2 pairs, unequal shapes, -inf, or values that have no logarithm.

    >>> effect = paired_effect([20.0, 22.0, 18.0], [10.0, 11.0, 9.0])
    >>> [round(value, 6) for value in effect.ratio]
    [2.0, 2.0, 2.0]
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
    censored = bool(np.any(~np.isfinite(lowest) | ~np.isfinite(highest)))
    bounds = _median_interval if censored else _t_interval
    estimate, low, high = bounds(lowest, highest, level)
    up, down = (_p_above(values, 0.0, exact=not censored) for values in (lowest, -highest))
    return Effect(
        estimate=estimate,
        low=low,
        high=high,
        n=len(difference),
        level=level,
        scale=scale,
        p_value=min(1.0, 2 * min(up, down)),
        p_flips=math.nan if censored else sign_flip_p(difference),
        lowest=lowest,
        highest=highest,
    )


def sign_flip_p(differences: ArrayLike) -> float:
    """Return the two-sided p of the sign-flip test of mean 0.

    The share of the 2^n ways to choose signs whose |mean| is at least the observed; for more than
    16 differences of 65,536 random ways, the observed one among them.

    >>> sign_flip_p([1.0, 2.0, 3.0, 4.0])
    0.125
    """
    values = np.asarray(differences, dtype=np.float64)
    count = len(values)
    if count <= _ALL_FLIPS:
        ways = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
    else:
        ways = np.random.default_rng(0).integers(0, 2, (_RANDOM_FLIPS, count))
        ways[0] = 0
    sums = np.abs((1.0 - 2.0 * ways) @ values)
    # Sums that are equal but for rounding count as equal.
    tolerance = 1e-12 * float(np.sum(np.abs(values)))
    return float(np.mean(sums >= abs(float(np.sum(values))) - tolerance))


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
    if scale not in SCALES:
        raise ValueError(f"unknown scale {scale!r}; known: {', '.join(SCALES)}")
    for name, values in (("a", first), ("b", second)):
        if np.any(np.isneginf(values)):
            raise ValueError(f"{name} holds -inf; write inf for a run that did not arrive")
        if scale == "log" and np.any(values <= 0):
            raise ValueError(
                f"{name} must be > 0 for a comparison of logarithms, got {np.nanmin(values):g}; "
                "use scale='linear'"
            )
    return first, second


def _t_interval(lowest: Floats, _: Floats, level: float) -> tuple[float, float, float]:
    mean, error = float(lowest.mean()), _standard_error(lowest)
    half = float(stats.t.ppf(0.5 + level / 2, len(lowest) - 1)) * error
    return mean, mean - half, mean + half


def _median_interval(lowest: Floats, highest: Floats, level: float) -> tuple[float, float, float]:
    """Bound the median by order statistics: x(k+1) and x(n-k) with P(Bin(n, 1/2) <= k) <= tail.

    What is censored on both sides counts as low for the lower end and as high for the upper.
    """
    count, tail = len(lowest), (1 - level) / 2
    cut = int(stats.binom.ppf(tail, count, 0.5))
    if stats.binom.cdf(cut, count, 0.5) > tail:
        cut -= 1
    if cut < 0:
        low, high = -math.inf, math.inf
    else:
        low = float(np.sort(lowest)[cut])
        high = float(np.sort(highest)[::-1][cut])
    middles = float(np.sort(lowest)[count // 2]), float(np.sort(highest)[(count - 1) // 2])
    known = [value for value in middles if math.isfinite(value)]
    return (sum(known) / len(known) if known else _infinite(middles)), low, high


def _infinite(values: tuple[float, float]) -> float:
    return values[0] if values[0] == values[1] else math.nan


def _standard_error(values: Floats) -> float:
    return float(values.std(ddof=1)) / math.sqrt(len(values))


def _p_above(values: Floats, bound: float, *, exact: bool) -> float:
    """Return the p of "at most bound": Student's t, or by counting signs."""
    count = len(values)
    if not exact:
        return float(stats.binom.sf(int(np.sum(values > bound)) - 1, count, 0.5))
    distance, error = float(values.mean()) - bound, _standard_error(values)
    # Spread by rounding alone is none.
    if error <= _ROUNDING * float(np.abs(values).max()):
        # Equal differences leave no room for chance, but n pairs cannot say more than their signs.
        return 0.5**count if distance > 0 else 1.0
    return float(stats.t.sf(distance / error, count - 1))
