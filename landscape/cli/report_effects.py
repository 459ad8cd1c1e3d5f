"""The effects of a claim as a table: written for a reader on the page, as numbers in its file."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from landscape import viz

_READ = ("contrast", "verdict", "median, interval", "margin", "seeds", "seeds needed", "p",
         "p same")  # fmt: skip
# In the file alone: name of the effect's entry, and what stands above it.
_KEPT = {
    "estimate": "estimate", "low": "low", "high": "high", "margin": "bound", "scale": "scale",
    "level": "level", "censored": "censored", "floor": "null", "family": "family",
    "p": "p, uncorrected", "p_signs": "p signs, uncorrected",
}  # fmt: skip
_NOTE = (
    "Median of the differences of paired seeds, with an exact interval from order statistics that "
    "is not corrected: it holds in at least 95 % of cases, and below 6 seeds it is the range "
    "over them (75 % for 3). p and p same are corrected by Holm over the primary contrasts of the "
    "study. Exploratory effects have neither. The file has the effects that are only shown, too, "
    "those of scale log as differences of natural logarithms."
)


def effect_table(record: Mapping[str, Any]) -> Any:
    """Return the effects of a claim, those that decide first; None without any.

    Args:
        record: of a finding.
    """
    effects = [*record["contrasts"], *record["shown"]]
    if not effects:
        return None
    drawn = ""
    if len(effects) > viz.report.MOST_EFFECTS:
        drawn = f" {viz.report.MOST_EFFECTS} of its {len(effects)} effects are drawn."
    return viz.report.Table(
        name=f"claim-{record['number']}",
        title=_title(record),
        header=(*_READ, *_KEPT.values()),
        rows=tuple((*_read(effect), *(effect.get(key) for key in _KEPT)) for effect in effects),
        listed=len(record["contrasts"]),
        columns=len(_READ),
        note=_NOTE + drawn,
    )


def _title(record: Mapping[str, Any]) -> str:
    decide = any(effect["family"] for effect in record["contrasts"])
    return "Primary effects, and exploratory ones" if decide else "Exploratory effects"


def _read(effect: Mapping[str, Any]) -> Iterator[Any]:
    from landscape.claims.statistics import Verdict
    from landscape.claims.verdicts import SPOKEN

    log = effect["scale"] == "log"
    sign = "×" if log and effect["estimate"] is not None else ""
    yield effect["name"]
    yield SPOKEN[Verdict(effect["verdict"])] if "verdict" in effect else None
    ends = _number(effect["low"], -math.inf, log=log), _number(effect["high"], math.inf, log=log)
    middle = _number(effect["estimate"], math.nan, log=log)
    yield f"{sign}{middle} ({ends[0]} to {ends[1]})"
    yield f"{'×' if log else ''}{_number(effect['margin'], math.nan, log=log)}"
    censored = int(effect["censored"])
    yield f"{effect['n']} ({censored} censored)" if censored else effect["n"]
    yield effect.get("seeds_needed")
    for key in ("p_difference", "p_equivalence"):
        yield effect.get(key)


def _number(value: float | None, missing: float, *, log: bool) -> str:
    """Write a difference, or the factor that a difference of logarithms is, to three digits."""
    number = missing if value is None else float(value)
    if math.isnan(number):
        return "not known"
    if log:
        # Beyond what floating point holds a factor is as good as unbounded.
        number = math.exp(number) if number < 700 else math.inf
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    return f"{number:.3g}".replace("-", "−")
