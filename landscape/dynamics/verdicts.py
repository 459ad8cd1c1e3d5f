"""What was found about a claim: the contrasts of its twins, judged together.

A claim is general, so that all contrasts it rests on must agree. Contrasts between other
activations may be shown beside them and never decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from landscape.dynamics.statistics import Contrast, Judgement, Verdict, judge

SPOKEN = MappingProxyType(
    {
        Verdict.SUPPORTED: "supported",
        Verdict.EQUIVALENT: "hardly",
        Verdict.CONTRADICTED: "not supported",
        Verdict.UNDECIDED: "not decided",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the measurements say of one claim.

    Attributes:
        number: of the claim.
        verdict: over all contrasts it rests on, see :func:`combined`.
        sentence: the finding, with its numbers.
        contrasts: those the verdict rests on.
        judgements: one for each of them.
        shown: contrasts beside them, which decide nothing.
        limits: what the finding does not say.
    """

    number: int
    verdict: Verdict
    sentence: str
    contrasts: tuple[Contrast, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    shown: tuple[Contrast, ...] = ()
    limits: str = ""

    def __post_init__(self) -> None:
        if len(self.contrasts) != len(self.judgements):
            raise ValueError(
                f"every contrast needs a judgement, got {len(self.contrasts)} and "
                f"{len(self.judgements)}"
            )

    def record(self) -> dict[str, Any]:
        """Return it as plain values; effects of logarithms also as factors in per cent."""
        judged = [
            {**_plain(c), "verdict": str(j.verdict), "reason": j.reason,
             "p_difference": j.p_difference, "p_equivalence": j.p_equivalence}
            for c, j in zip(self.contrasts, self.judgements, strict=True)
        ]  # fmt: skip
        return {
            "number": self.number,
            "verdict": str(self.verdict),
            "spoken": SPOKEN[self.verdict],
            "sentence": self.sentence,
            "contrasts": judged,
            "shown": [_plain(contrast) for contrast in self.shown],
            "limits": self.limits,
        }


def finding(
    number: int,
    contrasts: Sequence[Contrast],
    *,
    sentence: str,
    shown: Sequence[Contrast] = (),
    limits: str = "",
) -> Finding:
    """Judge the contrasts of a claim together, and combine them.

    Args:
        number: of the claim.
        contrasts: those the verdict rests on; none leaves the claim undecided.
        sentence: what was found.
        shown: contrasts beside them.
        limits: what the finding does not say.
    """
    judgements = judge(contrasts) if contrasts else ()
    return Finding(
        number=number,
        verdict=combined([j.verdict for j in judgements]),
        sentence=sentence,
        contrasts=tuple(contrasts),
        judgements=judgements,
        shown=tuple(shown),
        limits=limits,
    )


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Join the verdicts on the contrasts of a claim.

    ``supported`` if at least one is and the others are equivalent; ``contradicted`` likewise;
    ``equivalent`` if all are; otherwise ``undecided``.

    >>> combined([Verdict.SUPPORTED, Verdict.EQUIVALENT]).value
    'supported'
    >>> combined([Verdict.SUPPORTED, Verdict.CONTRADICTED]).value
    'undecided'
    """
    found = set(verdicts) - {Verdict.EQUIVALENT}
    if not verdicts or len(found) > 1:
        return Verdict.UNDECIDED
    return found.pop() if found else Verdict.EQUIVALENT


def _plain(contrast: Contrast) -> dict[str, Any]:
    effect = contrast.effect
    numbers = {"estimate": effect.estimate, "low": effect.low, "high": effect.high}
    return {
        "name": contrast.name,
        **{key: value if math.isfinite(value) else None for key, value in numbers.items()},
        "n": effect.n,
        "scale": effect.scale,
        "censored": effect.censored,
        "claimed": contrast.claimed,
        "margin": contrast.margin,
        "floor": contrast.floor,
    }
