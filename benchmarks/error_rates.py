"""How often the claims' statistics are wrong: whole studies with a known truth, simulated.

    python -P -m benchmarks.error_rates [SIMULATIONS]

A study is what a place, one data set and network, gives: 20 primary contrasts in three families.
The per-seed numbers of two arms each go through the functions that judge real ones
(`paired_effect`, `Contrast`, `judge`: the same call that judges all findings of a study together).
Contrasts are drawn independently, nearly the worst case for Holm's correction. Beside it, studies
whose rates are chosen by other seeds (`judged_apart`) on a grid, near the largest that a network
bears. The draws are those of numpy's seeded generator: the table does not depend on the machine.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from landscape.claims.effects import p_above, paired_effect
from landscape.claims.pilot import judged_apart
from landscape.claims.primary import Primary, every, level
from landscape.claims.statistics import Contrast, Verdict, judge
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

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

# Differences in margins, of such a shape: contrasts of studies, the last axis the seeds. Their
# truth and their scatter are in margins.
Shape = tuple[int, ...]
Draw = Callable[[np.random.Generator, Shape, float, float], Floats]


def _symmetric(rng: np.random.Generator, shape: Shape, truth: float, scatter: float) -> Floats:
    return truth + scatter * rng.standard_normal(shape)


def _heavy(rng: np.random.Generator, shape: Shape, truth: float, scatter: float) -> Floats:
    return truth + scatter * rng.standard_t(2, shape)


def _ties(rng: np.random.Generator, shape: Shape, truth: float, scatter: float) -> Floats:
    """Two pairs of five are equal; half of all are above the truth."""
    lift = _LIFT * scatter if truth else 0.0
    found = truth + lift + scatter * rng.standard_normal(shape)
    return np.where(rng.random(shape) < _TIED, 0.0, found)


def _censored(rng: np.random.Generator, shape: Shape, truth: float, scatter: float) -> Floats:
    """One of five pairs has a run that does not arrive, of either arm."""
    found = _symmetric(rng, shape, truth, scatter)
    never = np.where(rng.random(shape) < 0.5, np.inf, -np.inf)
    return np.where(rng.random(shape) < _CENSORED, never, found)


def _skewed(centre: float) -> Draw:
    """One arm is exponential; ``centre`` of it is where the other lies."""

    def draw(rng: np.random.Generator, shape: Shape, truth: float, scatter: float) -> Floats:
        return truth + scatter * (rng.standard_exponential(shape) - centre)

    return draw


def _lumps(share: float) -> Draw:
    """Something happens in few seeds, so large that the mean is the truth; else pairs are equal."""

    def draw(rng: np.random.Generator, shape: Shape, truth: float, scatter: float) -> Floats:
        return np.where(rng.random(shape) < share, (truth or scatter) / share, 0.0)

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


def made(fixed: Primary, number: int, differences: Floats) -> Contrast:
    """Make the numbers of two arms, paired by seed, whose differences are so many margins."""
    away = fixed.bound * differences
    # Of a run that does not arrive, the arm it is of.
    late, finite = np.isposinf(away), np.where(np.isfinite(away), away, 0.0)
    b = np.linspace(20.0, 60.0, len(away))
    # A factor of 1 is no factor: equal pairs stay equal to the last bit.
    a = b * np.exp(finite) if fixed.scale == "log" else b + finite
    a, b = np.where(late, np.inf, a), np.where(np.isneginf(away), np.inf, b)
    effect = paired_effect(a, b, scale=fixed.scale)
    return Contrast(f"{fixed.name}: {number}, simulated", effect, fixed.claimed, fixed.bound,
                    family=fixed.family)  # fmt: skip


def contrasts_of_a_place() -> list[Primary]:
    """Return the quantity of each primary contrast of one data set and network."""
    return [one for one in every() if one.family for _ in one.pairs]


def study(differences: Floats) -> list[Verdict]:
    """Judge one simulated study, [contrasts, seeds]; return the verdicts on its contrasts."""
    fixed = contrasts_of_a_place()
    numbered = [made(fixed[i % len(fixed)], i, row) for i, row in enumerate(differences)]
    return [found.verdict for found in judge(numbered, level=level())]


def drawn(
    name: str, simulations: int, *, seeds: int, truth: float, scatter: float, places: int = 1
) -> Floats:
    """Return the differences of simulated studies, in margins, [studies, contrasts, seeds].

    Args:
        name: of ``NULLS``.
        simulations: studies.
        seeds: of each.
        truth: of every contrast, in margins.
        scatter: of its differences, in margins.
        places: data sets and networks of each.
    """
    rng = np.random.default_rng([seeds, list(NULLS).index(name), round(100 * truth), places])
    shape = (simulations, places * len(contrasts_of_a_place()), seeds)
    return NULLS[name](rng, shape, truth, scatter)


def _share(found: Floats, p_values: Floats, wrong: Sequence[Verdict]) -> Rate:
    """Return the share of studies with a wrong verdict.

    Where no p value passes the first step of Holm's correction nothing is decided, so that only
    the other studies go through all that judges real ones.
    """
    passing = (p_values * found.shape[1] <= 1.001 * (1 - level())).any(axis=1)
    caught = [any(v in wrong for v in study(one)) for one in found[passing]]
    return Rate(sum(caught) / len(found), len(found))


def false_differences(name: str, simulations: int, *, seeds: int, places: int = 1) -> Rate:
    """Return how many studies without any effect call one supported or not supported."""
    found = drawn(name, simulations, seeds=seeds, truth=0.0, scatter=_WIDE, places=places)
    p_values = 2 * np.minimum(p_above(found, 0.0), p_above(-found, 0.0))
    return _share(found, p_values, WRONG)


def false_equivalence(name: str, simulations: int, *, seeds: int, places: int = 1) -> Rate:
    """Return how many studies whose effects are as large as the margin call any of them smaller."""
    found = drawn(name, simulations, seeds=seeds, truth=1.0, scatter=_NARROW, places=places)
    p_values = np.maximum(p_above(found, -1.0), p_above(-found, -1.0))
    return _share(found, p_values, (Verdict.EQUIVALENT,))


def power(simulations: int, *, seeds: int, truth: float, scatter: float) -> Rate:
    """Return the share of contrasts with the verdict of their truth: 0, or a difference."""
    wanted = WRONG if truth else (Verdict.EQUIVALENT,)
    found = drawn("normal", simulations, seeds=seeds, truth=truth, scatter=scatter)
    right = [v in wanted for one in found for v in study(one)]
    return Rate(float(np.mean(right)), simulations)


def descents(rng: np.random.Generator, seeds: int, apart: float) -> list[Analysis]:
    """Make descents of two arms without any difference, one for each seed.

    A run needs 60 steps over the place of its rate, up to the largest rate that it bears: that of
    its seed (a lognormal with a scatter of .4) times one of its own (a scatter of ``apart``).
    """
    rates = 1.5 ** np.arange(14.0)
    limit = np.log(rates[8]) + 0.4 * rng.standard_normal((seeds, 1, 1, 1))
    limit = limit + apart * rng.standard_normal((seeds, 2, 1, 1))
    steps = 60 / rates * np.exp(0.01 * rng.standard_normal((seeds, 2, 1, len(rates))))
    needed = np.where(np.log(rates) <= limit, steps, np.inf)
    ends = np.ones((2, 1, len(rates), 1))
    return [
        Analysis("claims", {"needed": one, "losses": ends}, {"seed": seed, "group": "simulated"})
        for seed, one in enumerate(needed)
    ]


def false_speed(simulations: int, *, seeds: int, apart: float) -> Rate:
    """Return how many studies without any effect call a speed different, of five contrasts.

    The other primary contrasts of the study are taken to have p = 1.
    """
    rng = np.random.default_rng([seeds, round(1000 * apart)])
    fixed = contrasts_of_a_place()
    speed = [one for one in fixed if one.family == "speed"]
    quiet = [made(one, 0, np.zeros(seeds)) for one in fixed if one.family != "speed"]
    wrong = 0
    for _ in range(simulations):
        loud = []
        for one in speed:
            judged = judged_apart(descents(rng, seeds, apart))
            a, b = (
                [float(run.arrays["needed"][arm, 0, run.arrays["chosen"][arm, 0]])
                 for run in judged]
                for arm in (0, 1)
            )  # fmt: skip
            effect = paired_effect(a, b, scale=one.scale)
            loud.append(Contrast("simulated", effect, one.claimed, one.bound, family=one.family))
        verdicts = judge([*loud, *quiet], level=level())
        wrong += any(found.verdict in WRONG for found in verdicts)
    return Rate(wrong / simulations, simulations)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for row in rows:
        print(f"| {' | '.join(map(str, row))} |", flush=True)
    print()


def main(simulations: int = SIMULATIONS) -> None:
    """Print the rates of errors by true differences and seeds, and what is found."""
    count = len(contrasts_of_a_place())
    print(f"{simulations:,} studies a cell, ± one standard error; where none is wrong the rate is "
          f"below {3 / simulations:.3f} (95 %).\n")  # fmt: skip
    kinds = {"false difference": false_differences, "false “hardly”": false_equivalence}
    for places, some in ((1, SEEDS), (_PLACES, (16,))):
        print(f"Studies of {places * count} primary contrasts:\n")
        head = ["true differences", *(f"{kind}, {n} seeds" for kind in kinds for n in some)]
        _table(head, (
            [name, *(rate(name, simulations, seeds=n, places=places)
                     for rate in kinds.values() for n in some)]
            for name in NULLS
        ))  # fmt: skip
    print("Rates chosen by other seeds, two arms without any difference; false difference:\n")
    _table(["largest rates of two arms apart by", *(f"{n} seeds" for n in SEEDS)], (
        [f"{apart:.0%}", *(false_speed(simulations // 4, seeds=n, apart=apart) for n in SEEDS)]
        for apart in (0.02, 0.1, 0.2)
    ))  # fmt: skip
    print(f"Contrasts that are decided, of {count} of normal scatter:\n")
    head = ["scatter, in margins", *(f"difference of twice the margin, {n} seeds" for n in SEEDS),
            *(f"“hardly” at 0, {n} seeds" for n in SEEDS)]  # fmt: skip
    _table(head, (
        [scatter, *(f"{power(simulations // 40, seeds=n, truth=truth, scatter=scatter).share:.2f}"
                    for truth in (2.0, 0.0) for n in SEEDS)]
        for scatter in (0.25, 0.5, 1.0, 2.0)
    ))  # fmt: skip


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
