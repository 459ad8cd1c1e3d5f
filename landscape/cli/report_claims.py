"""The claims of a report: verdicts made from the measurements in a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landscape.cli.pictures import own_viz
from landscape.cli.report_curves import curves
from landscape.dynamics.answer import ENOUGH

if TYPE_CHECKING:
    from landscape.results import Analysis
    from landscape.store import StudyFile

_HEADER = ("contrast", "verdict", "effect", "from", "to", "scale", "seeds", "censored", "margin",
           "null", "p", "p sign flips", "p Holm", "p equivalence, Holm")  # fmt: skip


def measured(study: StudyFile) -> dict[int, list[Analysis]]:
    """Return the analyses of each claim a study has measured, by number."""
    from landscape.dynamics.claims import KIND

    found: dict[int, list[Analysis]] = {}
    for name in study.analyses(KIND):
        number = name.partition(".")[0]
        if number.isdecimal():
            found.setdefault(int(number), []).append(study.analysis(KIND, name))
    return found


def findings(study: StudyFile) -> dict[int, dict[str, Any]]:
    """Return the record of the finding on each claim that was measured, by number."""
    from landscape.study.claims import claim_findings

    return {finding.number: finding.record() for finding in claim_findings(study)}


def claim_parts(
    found: Mapping[int, Mapping[str, Any]], analyses: Mapping[int, Sequence[Analysis]]
) -> list[Any]:
    """Return what a report says of each of the ten claims.

    Args:
        found: records of findings, by number.
        analyses: what they rest on, by number.
    """
    from landscape.dynamics.wording import WORDINGS

    viz = own_viz()
    parts = []
    for said in WORDINGS:
        told: dict[str, Any] = {}
        if said.number in found:
            record = found[said.number]
            told = {"outcome": record["verdict"], "spoken": record["spoken"],
                    "sentence": record["sentence"], "limits": _limits(record),
                    "pictures": (*_pictures(record),
                                 *curves(said.number, analyses.get(said.number, ()))),
                    "tables": tuple(_tables(record))}  # fmt: skip
        parts.append(
            viz.ClaimPart(
                number=said.number,
                title=said.title,
                quotation=said.quotation,
                readings=said.readings,
                control=said.control,
                command=said.command,
                **told,
            )
        )
    return parts


def _limits(record: Mapping[str, Any]) -> str:
    """Return what the finding does not say, and what so few seeds cannot."""
    from landscape.dynamics.answer import few_seeds

    seeds = min((int(c["n"]) for c in record["contrasts"]), default=ENOUGH)
    few = few_seeds(seeds)
    return f"{record['limits']} {seeds} seeds{few}." if few else str(record["limits"])


def _effects(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*record["contrasts"], *record["shown"]]


def _pictures(record: Mapping[str, Any]) -> Iterable[Any]:
    viz, effects = own_viz(), _effects(record)
    if not effects:
        return
    words = ("Each effect with its 95 % interval; the band is the margin within which it would "
             "not matter, ticks on it the effect between two functions that are practically one. "
             "Filled points decide.")  # fmt: skip
    if len(effects) > viz.MOST_EFFECTS:
        words += f" {len(effects) - viz.MOST_EFFECTS} more stand in the table."
    alt = f"Effects of claim {record['number']} with intervals; the numbers are in the table below"
    yield viz.picture_of(viz.effect_lines(effects), alt=alt, caption=words)


def _tables(record: Mapping[str, Any]) -> Iterable[Any]:
    effects = _effects(record)
    if not effects:
        return
    keys = ("name", "verdict", "estimate", "low", "high", "scale", "n", "censored", "margin",
            "floor", "p", "p_flips", "p_difference", "p_equivalence")  # fmt: skip
    rows = tuple(tuple(effect.get(key) for key in keys) for effect in effects)
    yield own_viz().Table(
        name=f"claim-{record['number']}",
        title="Effects that decide",
        header=_HEADER,
        rows=rows,
        listed=len(record["contrasts"]),
        note="Scale log: differences of natural logarithms. An end that is missing is not bounded. "
        "Holm: corrected over the primary contrasts of all claims of this study. The file has the "
        "effects that are only shown, too.",
    )
