"""The registry: every claim with its wording, its measurement and its verdict.

A claim is measured for one :class:`Setting` at a time, that is for one seed; the verdict takes the
analyses of all seeds, data sets and networks. The module of a claim, in ``_HOMES``, defines
``measure`` and ``verdict``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from types import MappingProxyType

from landscape.claims.setting import Setting
from landscape.claims.verdicts import Finding
from landscape.claims.wording import Wording, wording
from landscape.records.choices import known_names
from landscape.records.results import Analysis

# The module of each claim.
_HOMES: MappingProxyType[int, str] = MappingProxyType(
    {
        1: "bounce",
        2: "stable_rate",
        3: "difference_quotients",
        4: "exact_zeros",
        5: "vanishing",
        6: "dead_units",
        7: "pattern_changes",
        8: "convergence",
        9: "saturation",
        10: "elsewhere",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim that can be measured.

    Attributes:
        wording: number, title, quotation, readings, control.
        measure: one setting, that is one seed, to an analysis of kind ``claims`` whose settings
            contain ``setting.facts()``.
        verdict: the analyses of all seeds to a finding.
    """

    wording: Wording
    measure: Callable[[Setting], Analysis]
    verdict: Callable[[Sequence[Analysis]], Finding]

    @property
    def number(self) -> int:
        """1 to 10."""
        return self.wording.number


def known_claims(numbers: Sequence[int] = ()) -> tuple[Claim, ...]:
    """Return the claims that can be measured, or those of them with these numbers.

    Raises:
        ValueError: for a number that cannot be measured; the message lists those that can.
    """
    missing = sorted(set(numbers) - _HOMES.keys())
    if missing:
        raise ValueError(f"claim {missing[0]} cannot be measured; {known_names(sorted(_HOMES))}")
    chosen = sorted(set(numbers) or _HOMES)
    homes = [import_module(f"landscape.claims.{_HOMES[number]}") for number in chosen]
    return tuple(
        Claim(wording=wording(number), measure=home.measure, verdict=home.verdict)
        for number, home in zip(chosen, homes, strict=True)
    )
