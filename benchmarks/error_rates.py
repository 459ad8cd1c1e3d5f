"""How often the claims' statistics are wrong: whole studies with a known truth, simulated.

    python -P -m benchmarks.error_rates [SIMULATIONS]

A study is what a place, one data set and network, gives: 20 primary contrasts in three families.
The per-seed numbers of two arms each go through the functions that judge real ones
(`paired_effect`, `Contrast`, `finding`, `together`). Contrasts are drawn independently, which is
nearly the worst case for Holm's correction. The draws are those of numpy's seeded generator: the
table does not depend on the machine.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from landscape.arrays import Floats
from landscape.dynamics.effects import paired_effect
from landscape.dynamics.primary import Primary, every
from landscape.dynamics.statistics import Contrast, Verdict
from landscape.dynamics.verdicts import finding, together

SIMULATIONS = 1000
SEEDS = (12, 16, 24)
WRONG = (Verdict.SUPPORTED, Verdict.CONTRADICTED)
_CENSORED, _TIED = 0.2, 0.4
# Places of a large study: the full form's.
_PLACES = 4
# Scatter of the differences, in margins: so wide that every accident is larger than the margin,
# and so narrow that only one end of the margin counts.
_WIDE, _NARROW = 5.0, 0.25
# P(z > -_LIFT) = 5/6: with 2 of 5 pairs equal, half of all are above.
_LIFT = 0.967421566101701

# Differences of so many seeds, whose truth is so many margins, with so much scatter in margins.
Draw = Callable[[np.random.Generator, int, float, float], Floats]


def _symmetric(rng: np.random.Generator, seeds: int, truth: float, scatter: float) -> Floats:
    return truth + scatter * rng.standard_normal(seeds)


def _heavy(rng: np.random.Generator, seeds: int, truth: float, scatter: float) -> Floats:
    return truth + scatter * rng.standard_t(2, seeds)


def _ties(rng: np.random.Generator, seeds: int, truth: float, scatter: float) -> Floats:
    """Two pairs of five are equal; half of all are above the truth."""
    lift = _LIFT * scatter if truth else 0.0
    found = truth + lift + scatter * rng.standard_normal(seeds)
    return np.where(rng.random(seeds) < _TIED, 0.0, found)


def _censored(rng: np.random.Generator, seeds: int, truth: float, scatter: float) -> Floats:
    """One of five pairs has a run that does not arrive, of either arm."""
    found = _symmetric(rng, seeds, truth, scatter)
    never = np.where(rng.random(seeds) < 0.5, np.inf, -np.inf)
    return np.where(rng.random(seeds) < _CENSORED, never, found)


def _skewed(centre: float) -> Draw:
    """One arm is exponential; ``centre`` of it is where the other lies."""

    def draw(rng: np.random.Generator, seeds: int, truth: float, scatter: float) -> Floats:
        return truth + scatter * (rng.standard_exponential(seeds) - centre)

    return draw


def _lumps(share: float) -> Draw:
    """Something happens in few seeds, so large that the mean is the truth; else pairs are equal."""

    def draw(rng: np.random.Generator, seeds: int, truth: float, scatter: float) -> Floats:
        return np.where(rng.random(seeds) < share, (truth or scatter) / share, 0.0)

    return draw


NULLS: dict[str, Draw] = {
    "normal": _symmetric,
    "heavy tails (t, 2 df)": _heavy,
    "ties (40 %)": _ties,
    "censored (20 %)": _censored,
    "skewed, equal medians": _skewed(math.log(2)),
    "skewed, equal means": _skewed(1.0),
    "lumps (5 % of seeds)": _lumps(0.05),
    "lumps (10 %)": _lumps(0.1),
    "lumps (20 %)": _lumps(0.2),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rate:
    """A share of simulated studies.

    Attributes:
        share: of them.
        of: studies.
    """

    share: float
    of: int

    @property
    def error(self) -> float:
        """Standard error of the share."""
        return math.sqrt(self.share * (1 - self.share) / self.of)

    def __str__(self) -> str:
        return f"{self.share:.3f} ± {self.error:.3f}"


def made(fixed: Primary, number: int, differences: Floats, rng: np.random.Generator) -> Contrast:
    """Make the numbers of two arms, paired by seed, whose differences are so many margins."""
    luck = rng.normal(3.0, 0.5, len(differences))
    away = fixed.bound * differences
    # Of a run that does not arrive, the arm it is of.
    late, finite = np.isposinf(away), np.where(np.isfinite(away), away, 0.0)
    if fixed.scale == "log":
        # A factor of 1 is no factor: equal pairs stay equal to the last bit.
        a, b = np.exp(luck) * np.exp(finite), np.exp(luck)
    else:
        a, b = luck + finite, luck
    a, b = np.where(late, np.inf, a), np.where(np.isneginf(away), np.inf, b)
    effect = paired_effect(a, b, scale=fixed.scale)
    return Contrast(f"{fixed.name}: {number}, simulated", effect, fixed.claimed, fixed.bound,
                    family=fixed.family)  # fmt: skip


def study(
    draw: Draw, rng: np.random.Generator, *, seeds: int, truth: float, scatter: float, places: int
) -> list[Verdict]:
    """Judge one simulated study; return the verdicts on all its primary contrasts."""
    findings = []
    for fixed in (one for one in every() if one.family):
        contrasts = [made(fixed, number, draw(rng, seeds, truth, scatter), rng)
                for number in range(places * len(fixed.pairs))]  # fmt: skip
        findings.append(finding(fixed.claim, contrasts, sentence=""))
    return [j.verdict for one in together(findings) for j in one.judgements]


def verdicts(
    name: str, simulations: int, *, seeds: int, truth: float, scatter: float, places: int = 1
) -> list[list[Verdict]]:
    """Return the verdicts of simulated studies.

    Args:
        name: of ``NULLS``.
        simulations: studies.
        seeds: of each.
        truth: of every contrast, in margins.
        scatter: of its differences, in margins.
        places: data sets and networks of each.
    """
    rng = np.random.default_rng([seeds, list(NULLS).index(name), round(100 * truth), places])
    return [study(NULLS[name], rng, seeds=seeds, truth=truth, scatter=scatter, places=places)
            for _ in range(simulations)]  # fmt: skip


def false_differences(name: str, simulations: int, *, seeds: int, places: int = 1) -> Rate:
    """Return how many studies without any effect call one supported or not supported."""
    found = verdicts(name, simulations, seeds=seeds, truth=0.0, scatter=_WIDE, places=places)
    return Rate(float(np.mean([any(v in WRONG for v in one) for one in found])), simulations)


def false_equivalence(name: str, simulations: int, *, seeds: int, places: int = 1) -> Rate:
    """Return how many studies whose effects are as large as the margin call any of them smaller."""
    found = verdicts(name, simulations, seeds=seeds, truth=1.0, scatter=_NARROW, places=places)
    return Rate(float(np.mean([Verdict.EQUIVALENT in one for one in found])), simulations)


def power(simulations: int, *, seeds: int, truth: float, scatter: float) -> Rate:
    """Return the share of contrasts with the verdict of their truth: 0, or a difference."""
    wanted = WRONG if truth else (Verdict.EQUIVALENT,)
    found = verdicts("normal", simulations, seeds=seeds, truth=truth, scatter=scatter)
    right = [v in wanted for one in found for v in one]
    return Rate(float(np.mean(right)), simulations)


def main(simulations: int = SIMULATIONS) -> None:
    """Print both tables."""
    count = sum(len(one.pairs) for one in every() if one.family)
    print(f"{simulations:,} studies a row, ± one standard error.\n")
    print("| true differences | seeds | primary contrasts | studies with a false difference "
          "| studies with a false “hardly”, all effects at the margin |")  # fmt: skip
    print("|---|---|---|---|---|")
    rows = [(name, seeds, 1) for name in NULLS for seeds in SEEDS]
    rows += [(name, 16, _PLACES) for name in NULLS if name.startswith(("normal", "skewed"))]
    for name, seeds, places in rows:
        cells = [rate(name, simulations, seeds=seeds, places=places)
                 for rate in (false_differences, false_equivalence)]  # fmt: skip
        print(f"| {name} | {seeds} | {places * count} | {cells[0]} | {cells[1]} |", flush=True)
    print(f"\n{simulations // 4:,} studies of {count} contrasts a row, normal scatter.\n")
    print("| scatter, in margins | seeds | found, of effects of twice the margin "
          "| “hardly”, of effects of 0 |")  # fmt: skip
    print("|---|---|---|---|")
    for scatter in (0.25, 0.5, 1.0, 2.0):
        for seeds in SEEDS:
            found, equal = (power(simulations // 4, seeds=seeds, truth=truth, scatter=scatter)
                            for truth in (2.0, 0.0))  # fmt: skip
            print(f"| {scatter:g} | {seeds} | {found.share:.2f} | {equal.share:.2f} |", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
