"""From effects to verdicts: margins that were fixed before, several contrasts corrected for.

Each contrast that decides is asked two questions, each with its own null hypothesis:

- is there a difference?
- is it smaller than the margin? (two one-sided tests: above -margin and below +margin)

Each answer is a p value of :mod:`landscape.claims.effects`, and each family of p values is
corrected by Holm over the contrasts given together. No contrast can be wrong in both ways: if its
true effect is 0 only a false "supported" or "contradicted" is possible, if it is as large as the
margin only a false "equivalent" (or a wrong sign).

That a difference is there does not make it matter: a verdict of a difference asks as well that the
estimate is as large as the margin, and larger than the null's. What is surely there and estimated
below the margin, but not surely below, is undecided.

Equivalence speaks of the typical seed. Where most pairs share one and the same difference it
would say nothing of the seeds that do not, however large these are (units that die in one seed of
ten): such a contrast is not called equivalent.

References:
    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987), 657: two one-sided tests.
    Holm, Scand. J. Statist. 6 (1979), 65.
    Clopper and Pearson, Biometrika 26 (1934), 404: how often what was seen k times may occur.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from landscape.claims.effects import Effect, p_above
from landscape.records.arrays import Floats, as_floats

# Share of the margin by which differences that are called the same may differ.
_SAME = 1e-6


class Verdict(StrEnum):
    """What became of a claim; ``exploratory`` of what was estimated and not judged."""

    SUPPORTED = "supported"
    EQUIVALENT = "equivalent"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"
    EXPLORATORY = "exploratory"


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A comparison of two arms, which decides about a claim if it belongs to a family.

    Attributes:
        name: of the contrast.
        effect: of arm a against arm b.
        claimed: sign of a - b if the claim is true, 1 or -1; 0 of one that is only shown, and
            where neither sign speaks for the claim.
        margin: differences up to this size do not matter, in the effect's unit; fixed before
            the data were seen.
        floor: size of the effect found between two arms that are the same for all practical
            purposes; what is not larger is not believed.
        family: of contrasts that decide; "" of one that is exploratory.
    """

    name: str
    effect: Effect
    claimed: int
    margin: float
    floor: float = 0.0
    family: str = ""

    def __post_init__(self) -> None:
        if self.claimed not in (-1, 0, 1):
            raise ValueError(f"claimed must be 1 or -1, or 0 for neither, got {self.claimed}")
        if not self.margin > 0:
            raise ValueError(f"margin must be > 0, got {self.margin}; see log_margin")
        if not self.floor >= 0:
            raise ValueError(f"floor must be >= 0, got {self.floor}")
        if self.family and not self.claimed:
            raise ValueError(f"{self.name!r} cannot decide: no sign of it is claimed")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one contrast.

    Attributes:
        name: of the contrast.
        verdict: what became of it.
        p_difference: of no difference, corrected by Holm; NaN if exploratory.
        p_equivalence: of a difference as large as the margin, corrected by Holm; likewise.
        reason: one sentence.
        among: contrasts that were corrected for together.
    """

    name: str
    verdict: Verdict
    p_difference: float
    p_equivalence: float
    reason: str
    among: int = 0


def log_margin(share: float) -> float:
    """Return the margin, as a difference of logarithms, of a change by ``share``.

    >>> round(log_margin(0.1), 4)
    0.0953
    """
    if not share > 0:
        raise ValueError(f"share must be > 0, got {share}")
    return math.log1p(share)


def equivalence_p(effect: Effect, margin: float) -> float:
    """Return the p of "the difference is at least ``margin`` in size", by two one-sided tests."""
    return float(max(p_above(effect.lowest, -margin), p_above(-effect.highest, -margin)))


def holm(p_values: ArrayLike) -> Floats:
    """Return Holm's adjusted p values, in the order given: reject where they are below alpha.

    p(1) <= ... <= p(m) become max over j <= i of min(1, (m - j + 1) p(j)).

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    values = as_floats(p_values, "p_values")
    if values.ndim != 1 or np.any(~((values >= 0) & (values <= 1))):
        raise ValueError("p_values must be one list of numbers between 0 and 1")
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors))
    return as_floats(adjusted, "adjusted")


def judge(contrasts: Sequence[Contrast], *, level: float = 0.95) -> tuple[Judgement, ...]:
    """Judge contrasts that belong together; those without a family are not judged.

    *Equivalent*: surely smaller than the margin in the typical seed, whether or not it is surely
    there, and not because most pairs are equal. *Supported* or *contradicted*: surely there, with
    the claimed sign or the other, and estimated at no less than the margin and more than the floor.
    *Undecided*: anything else, which says that more seeds are needed, not that nothing is there;
    and everything where the floor is as large as the margin, and the effect is not larger: so small
    a difference this measurement cannot see. *Exploratory*: of no family.

    Args:
        contrasts: all that are to be corrected for together, of all families.
        level: 1 - alpha.
    """
    primary = [c for c in contrasts if c.family]
    differences = iter(holm([c.effect.p_value for c in primary]))
    equivalences = iter(holm([equivalence_p(c.effect, c.margin) for c in primary]))
    judged = []
    for contrast in contrasts:
        p_values = (math.nan, math.nan)
        verdict, reason = Verdict.EXPLORATORY, "exploratory: estimated, not judged"
        if contrast.family:
            p_values = float(next(differences)), float(next(equivalences))
            verdict, reason = _verdict(contrast, *p_values, 1 - level)
        judged.append(Judgement(contrast.name, verdict, *p_values, reason, len(primary)))
    return tuple(judged)


def _verdict(
    contrast: Contrast, p_difference: float, p_equivalence: float, alpha: float
) -> tuple[Verdict, str]:
    effect, margin = contrast.effect, contrast.margin
    different, size = p_difference <= alpha, abs(effect.estimate)
    ties = effect.tied(_SAME * margin)
    if contrast.floor >= margin and not size > contrast.floor:
        return Verdict.UNDECIDED, "two arms that are the same differ by more than the margin"
    if p_equivalence <= alpha and 2 * ties > effect.n:
        return Verdict.UNDECIDED, (
            f"{ties} of {effect.n} pairs are equal, and what happens in others may happen in "
            f"{_share(effect.n - ties, effect.n, alpha)} of seeds"
        )
    if p_equivalence <= alpha:
        return Verdict.EQUIVALENT, (
            f"the typical difference is smaller than the margin (p {p_equivalence:.2g}); at most "
            f"{_share(effect.beyond(margin), effect.n, alpha)} of seeds may differ by more"
        )
    if different and size <= contrast.floor:
        return Verdict.UNDECIDED, (
            "the difference is no larger than between two arms that are the same"
        )
    if different and size < margin:
        return Verdict.UNDECIDED, (
            f"a difference (p {p_difference:.2g}) estimated below {margin:.3g}, which may be "
            f"larger (p {p_equivalence:.2g})"
        )
    if different and np.sign(effect.estimate) == contrast.claimed:
        return Verdict.SUPPORTED, f"a difference of the claimed sign (p {p_difference:.2g})"
    if different:
        return Verdict.CONTRADICTED, f"a difference of the other sign (p {p_difference:.2g})"
    return Verdict.UNDECIDED, (
        f"{effect.n} seeds show neither a difference (p {p_difference:.2g}) nor that it is "
        f"below {margin:.3g} (p {p_equivalence:.2g})"
    )


def _share(seen: int, of: int, alpha: float) -> str:
    """Return the largest share of seeds in which what ``seen`` of ``of`` showed may occur."""
    return f"{special.betaincinv(seen + 1, of - seen, 1 - alpha):.0%}" if seen < of else "100%"
