"""The registry: every claim with its wording, its measurement and its verdict.

A claim is measured for one :class:`Setting` at a time, that is for one seed; the verdict takes the
analyses of all seeds, data sets and networks. A module that measures a claim ends in
``CLAIM = claim_of(number, measure=..., verdict=...)`` and stands in ``_HOMES``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from landscape.claims.setting import Effort, Setting
from landscape.claims.statistics import Contrast, Verdict, paired_effect
from landscape.claims.verdicts import Finding, combined, finding
from landscape.claims.wording import wording
from landscape.records.results import Analysis

__all__ = [
    "KIND",
    "Claim",
    "Contrast",
    "Effort",
    "Finding",
    "Setting",
    "Verdict",
    "claim_of",
    "combined",
    "finding",
    "known_claims",
    "paired_effect",
]

# Of the analyses in a study file: ``/analyses/claims/<number>.<group>.seed<seed>``.
KIND = "claims"

Measure = Callable[[Setting], Analysis]
Judge = Callable[[Sequence[Analysis]], Finding]

# Where each claim is measured: module and name.
_HOMES: MappingProxyType[int, tuple[str, str]] = MappingProxyType(
    {
        1: ("bounce", "CLAIM"),
        2: ("stable_rate", "CLAIM"),
        3: ("difference_quotients", "CLAIM"),
        4: ("exact_zeros", "CLAIM"),
        5: ("vanishing", "CLAIM"),
        6: ("dead_units", "CLAIM"),
        7: ("pattern_changes", "CLAIM"),
        8: ("convergence", "CLAIM"),
        9: ("saturation", "CLAIM"),
        10: ("convergence", "CLAIM_ELSEWHERE"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that can be measured.

    Attributes:
        number: 1 to 10.
        title: in a few words.
        quotation: the claim.
        readings: where translations differ, each of them; the verdict is on the first.
        control: what the effect is compared with.
        measure: one setting, that is one seed, to an analysis of kind ``claims`` whose settings
            contain ``setting.facts()``.
        verdict: the analyses of all seeds to a finding.
    """

    number: int
    title: str
    quotation: str
    readings: tuple[str, ...]
    control: str
    measure: Measure
    verdict: Judge


def claim_of(number: int, *, measure: Measure, verdict: Judge) -> Claim:
    """Join a measurement and a verdict to the wording of a claim.

    Raises:
        ValueError: for another number than 1 to 10.
    """
    said = wording(number)
    return Claim(
        number=number,
        title=said.title,
        quotation=said.quotation,
        readings=said.readings,
        control=said.control,
        measure=measure,
        verdict=verdict,
    )


def known_claims(numbers: Sequence[int] = ()) -> tuple[Claim, ...]:
    """Return the claims that can be measured, or those of them with these numbers.

    Raises:
        ValueError: for a number that cannot be measured; the message lists those that can.
    """
    missing = sorted(set(numbers) - _HOMES.keys())
    if missing:
        raise ValueError(
            f"claim {missing[0]} cannot be measured; known: {', '.join(map(str, sorted(_HOMES)))}"
        )
    chosen = sorted(set(numbers)) or sorted(_HOMES)
    homes = [_HOMES[number] for number in chosen]
    return tuple(
        getattr(import_module(f"landscape.claims.{module}"), name) for module, name in homes
    )
