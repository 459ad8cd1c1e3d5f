"""The claims of a report: verdicts made from the measurements in a study."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landscape.cli.pictures import own_viz
from landscape.cli.report_curves import curves, dose_curves
from landscape.cli.report_rates import rate_table
from landscape.dynamics.answer import ENOUGH

if TYPE_CHECKING:
    from landscape.results import Analysis
    from landscape.store import StudyFile

# Columns of a claim's table: name of the effect's entry, and what stands above it. The page shows
# the first ten, the file all.
_COLUMNS = {
    "name": "contrast", "verdict": "verdict", "estimate": "effect", "low": "from", "high": "to",
    "margin": "margin", "n": "seeds", "p_difference": "p, Holm", "p_equivalence": "p same, Holm",
    "p_flips": "p signs", "p": "p", "scale": "scale", "censored": "censored", "floor": "null",
}  # fmt: skip
_SHOWN_COLUMNS = 10


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
    found: Mapping[int, Mapping[str, Any]],
    analyses: Mapping[int, Sequence[Analysis]],
    *,
    source: str = "",
) -> list[Any]:
    """Return what a report says of each of the ten claims.

    Args:
        found: records of findings, by number.
        analyses: what they rest on, by number.
        source: name of the study file, from which the same can be measured again; "" where it
            does not tell how.
    """
    from landscape.dynamics.wording import WORDINGS

    viz = own_viz()
    parts = []
    for said in WORDINGS:
        told: dict[str, Any] = {}
        if said.number in found:
            record, some = found[said.number], _deciding(analyses.get(said.number, ()))
            told = {"outcome": record["verdict"], "spoken": record["spoken"],
                    "sentence": record["sentence"], "limits": _limits(record),
                    "pictures": (*_pictures(record),
                                 *curves(said.number, some),
                                 *dose_curves(said.number, some)),
                    "tables": (*_tables(record), *_rates(said.number, some))}  # fmt: skip
            if source:
                again = f"--claim {said.number} --out again.h5"
                told["command"] = f"landscape claims --config {source} {again}"
        parts.append(
            viz.ClaimPart(
                number=said.number,
                title=said.title,
                quotation=said.quotation,
                readings=said.readings,
                control=said.control,
                **{"command": said.command, **told},
            )
        )
    return parts


def _rates(number: int, analyses: Sequence[Analysis]) -> Iterable[Any]:
    return [rate_table(analyses)] if number == 2 and analyses else []


def _deciding(analyses: Sequence[Analysis]) -> list[Analysis]:
    """Return the analyses of the arm that decides."""
    from landscape.dynamics.primary import deciding_arm

    arms = {str(analysis.settings["arm"]) for analysis in analyses}
    first = deciding_arm(arms) if arms else ""
    return [analysis for analysis in analyses if analysis.settings["arm"] == first]


def _limits(record: Mapping[str, Any]) -> str:
    """Return what the finding does not say, and what so few seeds cannot."""
    from landscape.dynamics.answer import few_seeds

    seeds = min((int(c["n"]) for c in record["contrasts"]), default=ENOUGH)
    few = few_seeds(seeds)
    return f"{record['limits']} {seeds} seeds{few}." if few else str(record["limits"])


def _effects(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*record["contrasts"], *record["shown"]]


def _pictures(record: Mapping[str, Any]) -> Iterable[Any]:
    viz = own_viz()
    for some in viz.effect_groups(_effects(record)):
        decide = "decide" if some[0].get("verdict") is not None else "are shown beside"
        quantity = str(some[0]["name"]).partition(": ")[0]
        alt = (f"Effects of claim {record['number']} that {decide}, with intervals: {quantity}; "
               "the numbers are in the table and its file")  # fmt: skip
        yield viz.picture_of(viz.effect_lines(some), alt=alt, caption="")


def _tables(record: Mapping[str, Any]) -> Iterable[Any]:
    effects = _effects(record)
    if not effects:
        return
    most = own_viz().MOST_EFFECTS
    drawn = f" {most} of its {len(effects)} effects are drawn." if len(effects) > most else ""
    rows = tuple(tuple(effect.get(key) for key in _COLUMNS) for effect in effects)
    yield own_viz().Table(
        name=f"claim-{record['number']}",
        title="Effects that decide",
        header=tuple(_COLUMNS.values()),
        rows=rows,
        listed=len(record["contrasts"]),
        columns=_SHOWN_COLUMNS,
        note="Scale log: differences of natural logarithms. An end that is missing is not bounded. "
        "Holm: corrected over the primary contrasts of all claims of this study. The file has the "
        f"effects that are only shown, too.{drawn}",
    )
