"""From effects to verdicts: margins that were fixed before, several claims corrected for.

Each contrast is asked two questions, each with its own null hypothesis:

- is there a difference? (two-sided t test; sign test if runs were censored)
- is it smaller than the margin? (two one-sided tests: above -margin and below +margin)

Each family of p values is corrected by Holm over the contrasts given together. No contrast can be
wrong in both ways: if its true effect is 0 only a false "supported" or "contradicted" is possible,
if it is as large as the margin only a false "equivalent" (or a wrong sign).

That a difference is there does not make it matter: a verdict of a difference asks as well that the
estimate is as large as the margin, and larger than the null's. What is surely there and estimated
below the margin, but not surely below, is undecided.

References:
    Schuirmann, J. Pharmacokinet. Biopharm. 15 (1987), 657: two one-sided tests.
    Holm, Scand. J. Statist. 6 (1979), 65.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike

from landscape.arrays import Floats, as_floats
from landscape.dynamics.effects import Effect, paired_effect, sign_flip_p

__all__ = [
    "Contrast",
    "Effect",
    "Judgement",
    "Verdict",
    "equivalence_p",
    "holm",
    "judge",
    "log_margin",
    "paired_effect",
    "sign_flip_p",
]


class Verdict(StrEnum):
    """What became of a claim."""

    SUPPORTED = "supported"
    EQUIVALENT = "equivalent"
    CONTRADICTED = "contradicted"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True, eq=False)
class Contrast:
    """A comparison that decides about a claim.

    Attributes:
        name: of the contrast.
        effect: of arm a against arm b.
        claimed: sign of a - b if the claim is true, 1 or -1; 0 of one that is only shown, and
            where neither sign speaks for the claim.
        margin: differences up to this size do not matter, in the effect's unit; fixed before
            the data were seen.
        floor: size of the effect found between two arms that are the same for all practical
            purposes; what is not larger is not believed.
    """

    name: str
    effect: Effect
    claimed: int
    margin: float
    floor: float = 0.0

    def __post_init__(self) -> None:
        if self.claimed not in (-1, 0, 1):
            raise ValueError(f"claimed must be 1 or -1, or 0 for neither, got {self.claimed}")
        if not self.margin > 0:
            raise ValueError(f"margin must be > 0, got {self.margin}; see log_margin")
        if not self.floor >= 0:
            raise ValueError(f"floor must be >= 0, got {self.floor}")


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one contrast.

    Attributes:
        name: of the contrast.
        verdict: what became of it.
        p_difference: of no difference, corrected by Holm.
        p_equivalence: of a difference as large as the margin, corrected by Holm.
        reason: one sentence.
    """

    name: str
    verdict: Verdict
    p_difference: float
    p_equivalence: float
    reason: str


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
    return max(effect.p_above(-margin), effect.p_below(margin))


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
    """Judge contrasts that belong together.

    *Equivalent*: surely smaller than the margin, whether or not it is surely there. *Supported* or
    *contradicted*: surely there, with the claimed sign or the other, and estimated at no less than
    the margin and more than the floor. *Undecided*: anything else, which says that more seeds are
    needed, not that nothing is there; and everything where the floor is as large as the margin, and
    the effect is not larger: so small a difference this measurement cannot see.

    Args:
        contrasts: all that are to be corrected for together.
        level: 1 - alpha.

    Raises:
        ValueError: for a contrast of which no sign is claimed.
    """
    for contrast in contrasts:
        if not contrast.claimed:
            raise ValueError(f"{contrast.name!r} decides nothing: no sign of it is claimed")
    differences = holm([c.effect.p_value for c in contrasts])
    equivalences = holm([equivalence_p(c.effect, c.margin) for c in contrasts])
    return tuple(
        Judgement(c.name, *_verdict(c, float(d), float(e), 1 - level))
        for c, d, e in zip(contrasts, differences, equivalences, strict=True)
    )


def _verdict(
    contrast: Contrast, p_difference: float, p_equivalence: float, alpha: float
) -> tuple[Verdict, float, float, str]:
    effect, margin = contrast.effect, contrast.margin
    found = p_difference <= alpha
    size = abs(effect.estimate)
    if contrast.floor >= margin and not size > contrast.floor:
        verdict = Verdict.UNDECIDED
        reason = "two arms that are the same differ by more than the margin"
    elif p_equivalence <= alpha:
        verdict = Verdict.EQUIVALENT
        reason = f"any difference is smaller than the margin (p {p_equivalence:.2g})"
    elif found and size <= contrast.floor:
        verdict = Verdict.UNDECIDED
        reason = "the difference is no larger than between two arms that are the same"
    elif found and size < margin:
        verdict = Verdict.UNDECIDED
        reason = (
            f"a difference (p {p_difference:.2g}) estimated below {margin:.3g}, which may be "
            f"larger (p {p_equivalence:.2g})"
        )
    elif found and np.sign(effect.estimate) == contrast.claimed:
        verdict = Verdict.SUPPORTED
        reason = f"a difference of the claimed sign (p {p_difference:.2g})"
    elif found:
        verdict = Verdict.CONTRADICTED
        reason = f"a difference of the other sign (p {p_difference:.2g})"
    else:
        verdict = Verdict.UNDECIDED
        reason = (
            f"{effect.n} seeds show neither a difference (p {p_difference:.2g}) nor that it is "
            f"below {margin:.3g} (p {p_equivalence:.2g})"
        )
    return verdict, p_difference, p_equivalence, reason
