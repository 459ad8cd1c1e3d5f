"""What was found about a claim: the contrasts of its twins, judged together.

Holm's correction runs over the primary contrasts of all claims of a study, so that findings that
were judged one by one are judged again :func:`together`. A claim is general: more than half of its
contrasts must say the same, and none the opposite. Contrasts between other activations may be shown
beside them and never decide.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from landscape.dynamics.primary import level
from landscape.dynamics.statistics import Contrast, Judgement, Verdict, judge

SPOKEN = MappingProxyType(
    {
        Verdict.SUPPORTED: "supported",
        Verdict.EQUIVALENT: "hardly",
        Verdict.CONTRADICTED: "not supported",
        Verdict.UNDECIDED: "not decided",
    }
)


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Join the verdicts on the contrasts of a claim.

    ``supported`` if more than half are and none is contradicted; ``contradicted`` likewise;
    ``equivalent`` if more than half are and no contrast shows a difference; else ``undecided``.

    >>> combined([Verdict.SUPPORTED, Verdict.SUPPORTED, Verdict.EQUIVALENT]).value
    'supported'
    >>> combined([Verdict.SUPPORTED, Verdict.CONTRADICTED]).value
    'undecided'
    """
    counts = Counter(verdicts)
    different = {v for v in (Verdict.SUPPORTED, Verdict.CONTRADICTED) if counts[v]}
    if len(different) > 1 or not verdicts:
        return Verdict.UNDECIDED
    chosen = different.pop() if different else Verdict.EQUIVALENT
    return chosen if 2 * counts[chosen] > len(verdicts) else Verdict.UNDECIDED


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
        rule: from the verdicts on the contrasts to that on the claim.
    """

    number: int
    verdict: Verdict
    sentence: str
    contrasts: tuple[Contrast, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    shown: tuple[Contrast, ...] = ()
    limits: str = ""
    rule: Callable[[Sequence[Verdict]], Verdict] = combined

    def __post_init__(self) -> None:
        if len(self.contrasts) != len(self.judgements):
            raise ValueError(
                f"every contrast needs a judgement, got {len(self.contrasts)} and "
                f"{len(self.judgements)}"
            )

    @property
    def counts(self) -> str:
        """How the verdicts on its contrasts are spread, a sentence; "" without any."""
        found = Counter(j.verdict for j in self.judgements)
        told = ", ".join(f"{found[v]} {SPOKEN[v]}" for v in Verdict if found[v])
        total = found.total()
        return f"Of {total} contrast{'' if total == 1 else 's'}: {told}." if total else ""

    @property
    def seeds(self) -> int:
        """The fewest seeds that a contrast rests on; 0 without contrasts."""
        return min((contrast.effect.n for contrast in self.contrasts), default=0)

    def record(self) -> dict[str, Any]:
        """Return it as plain values."""
        judged = [
            {**_plain(c), "verdict": str(j.verdict), "reason": j.reason,
             "p_difference": j.p_difference, "p_equivalence": j.p_equivalence}
            for c, j in zip(self.contrasts, self.judgements, strict=True)
        ]  # fmt: skip
        return {
            "number": self.number,
            "verdict": str(self.verdict),
            "spoken": SPOKEN[self.verdict],
            "sentence": f"{self.counts} {self.sentence}".strip(),
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
    rule: Callable[[Sequence[Verdict]], Verdict] = combined,
) -> Finding:
    """Judge the contrasts of one claim, and combine them.

    Args:
        number: of the claim.
        contrasts: those the verdict rests on; none leaves the claim undecided.
        sentence: what was found.
        shown: contrasts beside them.
        limits: what the finding does not say.
        rule: from the verdicts on the contrasts to that on the claim.
    """
    judgements = judge(contrasts, level=level()) if contrasts else ()
    return Finding(
        number=number,
        verdict=rule([j.verdict for j in judgements]),
        rule=rule,
        sentence=sentence,
        contrasts=tuple(contrasts),
        judgements=judgements,
        shown=tuple(shown),
        limits=limits,
    )


def together(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Judge findings again, with Holm's correction over the contrasts of all of them.

    A contrast that two claims rest on (the same name and numbers) is counted once.
    """
    family = {_key(c): c for finding in findings for c in finding.contrasts}
    if not family:
        return tuple(findings)
    judged = dict(zip(family, judge(list(family.values()), level=level()), strict=True))
    again = []
    for one in findings:
        judgements = tuple(judged[_key(contrast)] for contrast in one.contrasts)
        verdict = one.rule([j.verdict for j in judgements])
        again.append(replace(one, judgements=judgements, verdict=verdict))
    return tuple(again)


def _key(contrast: Contrast) -> tuple[str, ...]:
    effect = contrast.effect
    # As texts, in which a number that is none equals itself.
    numbers = (effect.estimate, effect.low, effect.high, contrast.claimed)
    return contrast.name, *map(repr, numbers)


def _plain(contrast: Contrast) -> dict[str, Any]:
    effect = contrast.effect
    numbers = {"estimate": effect.estimate, "low": effect.low, "high": effect.high}
    return {
        "name": contrast.name,
        **{key: value if math.isfinite(value) else None for key, value in numbers.items()},
        "n": effect.n,
        "p": effect.p_value,
        "p_flips": None if math.isnan(effect.p_flips) else effect.p_flips,
        "scale": effect.scale,
        "censored": effect.censored,
        "claimed": contrast.claimed,
        "margin": contrast.margin,
        "floor": contrast.floor,
    }
