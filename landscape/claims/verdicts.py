"""What was found about a claim: the contrasts of its twins, judged together.

Three families of contrasts decide: how descent bounces (claim 1), how fast it is (8), how large a
rate it bears (2). Holm's correction runs over the contrasts of all of them in a study, so that
findings that were judged one by one are judged again :func:`together`. A claim is general: more
than half of its contrasts must say the same, and none the opposite. Every other contrast, and every
other claim, is exploratory: estimated, with its interval, and not judged.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from landscape.claims.planning import seeds_needed
from landscape.claims.primary import family_of, level, most_seeds
from landscape.claims.statistics import Contrast, Judgement, Verdict, judge
from landscape.records.plurals import counted

SPOKEN = MappingProxyType(
    {
        Verdict.SUPPORTED: "supported",
        Verdict.EQUIVALENT: "hardly",
        Verdict.CONTRADICTED: "not supported",
        Verdict.UNDECIDED: "not decided",
        Verdict.EXPLORATORY: "exploratory",
    }
)


def combined(verdicts: Sequence[Verdict]) -> Verdict:
    """Join the verdicts on the contrasts of a claim.

    ``supported`` if more than half are and none is contradicted; ``contradicted`` likewise;
    ``equivalent`` if more than half are and no contrast shows a difference; else ``undecided``.
    Those that are exploratory say nothing.

    >>> combined([Verdict.SUPPORTED, Verdict.SUPPORTED, Verdict.EQUIVALENT]).value
    'supported'
    >>> combined([Verdict.SUPPORTED, Verdict.CONTRADICTED]).value
    'undecided'
    """
    counts = Counter(verdicts)
    total = counts.total() - counts.pop(Verdict.EXPLORATORY, 0)
    different = {v for v in (Verdict.SUPPORTED, Verdict.CONTRADICTED) if counts[v]}
    if len(different) > 1 or not total:
        return Verdict.UNDECIDED
    chosen = different.pop() if different else Verdict.EQUIVALENT
    return chosen if 2 * counts[chosen] > total else Verdict.UNDECIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the measurements say of one claim.

    Attributes:
        number: of the claim.
        verdict: over all contrasts it rests on, see :func:`combined`; ``exploratory`` of a claim
            that no family decides.
        sentence: the finding, with its numbers.
        contrasts: those that were fixed before; the verdict rests on those of a family.
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

    @property
    def counts(self) -> str:
        """How the verdicts on its contrasts are spread, a sentence; "" without any."""
        if self.verdict is Verdict.EXPLORATORY:
            return "Exploratory: estimates with intervals, no verdict."
        counts = Counter(j.verdict for j in self.judgements)
        explored = counts.pop(Verdict.EXPLORATORY, 0)
        total = counts.total()
        verdicts = ", ".join(f"{counts[v]} {SPOKEN[v]}" for v in Verdict if counts[v])
        if not total:
            return ""
        others = f" {explored} of the estimates are exploratory." if explored else ""
        return f"Of {counted(total, 'primary contrast')}: {verdicts}{self._wanted()}.{others}"

    def _wanted(self) -> str:
        """Say how many seeds would decide what is not decided, to follow the counts."""
        wanted = [_needed(c, j) for c, j in zip(self.contrasts, self.judgements, strict=True)
                  if j.verdict is Verdict.UNDECIDED]  # fmt: skip
        if not wanted:
            return ""
        known = [seeds for seeds in wanted if isinstance(seeds, int)]
        beyond, rough = wanted.count(_beyond()), wanted.count(None)
        parts = [f"{max(known)} seeds would decide {len(known)} of these"] if known else []
        parts += [f"{beyond} would need {_beyond()}"] if beyond else []
        parts += [f"{rough} would not be decided by more seeds"] if rough else []
        return f" ({', '.join(parts)})"

    @property
    def seeds(self) -> int:
        """The fewest seeds that a contrast rests on; 0 without contrasts."""
        return min((contrast.effect.n for contrast in self.contrasts), default=0)

    def record(self) -> dict[str, Any]:
        """Return it as plain values."""
        judged = [
            {**_plain(c), "verdict": str(j.verdict), "reason": _reason(c, j),
             "p_difference": _known(j.p_difference), "p_equivalence": _known(j.p_equivalence),
             "seeds_needed": _needed(c, j), "among": j.among}
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
) -> Finding:
    """Judge the contrasts of one claim that belong to a family, and combine them.

    Args:
        number: of the claim.
        contrasts: those that were fixed before; none leaves a claim that is decided undecided.
        sentence: what was found.
        shown: contrasts beside them.
        limits: what the finding does not say.
    """
    judgements = judge(contrasts, level=level())
    return Finding(
        number=number,
        verdict=_of_claim(number, judgements),
        sentence=sentence,
        contrasts=tuple(contrasts),
        judgements=judgements,
        shown=tuple(shown),
        limits=limits,
    )


def together(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Judge findings again, with Holm's correction over the contrasts of all of them."""
    judged = iter(judge([c for alone in findings for c in alone.contrasts], level=level()))
    again = []
    for alone in findings:
        judgements = tuple(next(judged) for _ in alone.contrasts)
        verdict = _of_claim(alone.number, judgements)
        again.append(replace(alone, judgements=judgements, verdict=verdict))
    return tuple(again)


def _of_claim(number: int, judgements: Sequence[Judgement]) -> Verdict:
    if not family_of(number):
        return Verdict.EXPLORATORY
    return combined([j.verdict for j in judgements])


def _needed(contrast: Contrast, judgement: Judgement) -> int | str | None:
    """Return how many seeds would decide a contrast that is not decided.

    None of one that more seeds do not decide: its null is as large as the margin, or it has as many
    as a difference of 0 or of twice the margin needs, and lies between.
    """
    if judgement.verdict is not Verdict.UNDECIDED or contrast.floor >= contrast.margin:
        return None
    needed = seeds_needed(contrast.effect, contrast.margin, among=judgement.among)
    if needed is None:
        return _beyond()
    return needed if needed > contrast.effect.n else None


def _beyond() -> str:
    return f"more than {most_seeds()}"


def _reason(contrast: Contrast, judgement: Judgement) -> str:
    needed = _needed(contrast, judgement)
    if needed is None:
        return judgement.reason
    seeds = f"some {needed}" if isinstance(needed, int) else needed
    return f"{judgement.reason}; it would need {seeds} seeds"


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(contrast: Contrast) -> dict[str, Any]:
    effect = contrast.effect
    numbers = {"estimate": effect.estimate, "low": effect.low, "high": effect.high}
    return {
        "name": contrast.name,
        "family": contrast.family,
        **{key: _known(value) for key, value in numbers.items()},
        "level": effect.level,
        "n": effect.n,
        "p": effect.p_value,
        "p_signs": effect.p_signs,
        "scale": effect.scale,
        "censored": effect.censored,
        "claimed": contrast.claimed,
        "margin": contrast.margin,
        "floor": contrast.floor,
    }
