"""The claims of a report: verdicts made from the measurements in a study."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.claims.answer import ENOUGH
from landscape.cli.report_curves import curves
from landscape.cli.report_doses import dose_curves, dose_table
from landscape.cli.report_effects import effect_table
from landscape.cli.report_rates import rate_table
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.records.results import Analysis
    from landscape.store import StudyFile


def measured(study: StudyFile) -> dict[int, list[Analysis]]:
    """Return the analyses of each claim a study has measured, by number."""
    from landscape.claims.setting import KIND

    analyses: dict[int, list[Analysis]] = {}
    for name in study.analyses(KIND):
        number = name.partition(".")[0]
        if number.isdecimal():
            analyses.setdefault(int(number), []).append(study.analysis(KIND, name))
    return analyses


def findings(study: StudyFile) -> dict[int, dict[str, Any]]:
    """Return the record of the finding on each claim that was measured, by number."""
    from landscape.study.sweep import claim_findings

    return {finding.number: finding.record() for finding in claim_findings(study)}


def claim_parts(
    records: Mapping[int, Mapping[str, Any]],
    analyses: Mapping[int, Sequence[Analysis]],
    *,
    source: str = "",
) -> list[Any]:
    """Return what a report says of each of the ten claims.

    Args:
        records: records of findings, by number.
        analyses: what they rest on, by number.
        source: name of the study file, from which the same can be measured again; "" where it
            does not tell how.
    """
    from landscape.claims.wording import WORDINGS

    parts = []
    for claim in WORDINGS:
        answer: dict[str, Any] = {}
        if claim.number in records:
            record = records[claim.number]
            deciding = _deciding(analyses.get(claim.number, ()))
            answer = {"outcome": record["verdict"], "spoken": record["spoken"],
                    "sentence": record["sentence"], "limits": _limits(record),
                    "pictures": (*_pictures(record),
                                 *curves(claim.number, deciding),
                                 *dose_curves(claim.number, deciding)),
                    "tables": tuple(_tables(record, deciding))}  # fmt: skip
            if source:
                again = f"--claim {claim.number} --out again.h5"
                answer["command"] = f"landscape claims --config {source} {again}"
        parts.append(
            viz.report.ClaimPart(
                number=claim.number,
                title=claim.title,
                quotation=claim.quotation,
                readings=claim.readings,
                control=claim.control,
                **{"command": claim.command, **answer},
            )
        )
    return parts


def _tables(record: Mapping[str, Any], analyses: Sequence[Analysis]) -> Iterator[Any]:
    effects = effect_table(record)
    if effects is not None:
        yield effects
    if record["number"] == 2 and analyses:
        yield rate_table(analyses)
    doses = dose_table(record["number"], analyses)
    if doses is not None:
        yield doses


def _deciding(analyses: Sequence[Analysis]) -> list[Analysis]:
    """Return the analyses of the arm that decides."""
    from landscape.claims.primary import deciding_arm

    arms = {str(analysis.settings["arm"]) for analysis in analyses}
    first = deciding_arm(arms) if arms else ""
    return [analysis for analysis in analyses if analysis.settings["arm"] == first]


def _limits(record: Mapping[str, Any]) -> str:
    """Return what the finding does not say, and what so few seeds cannot."""
    from landscape.claims.answer import few_seeds

    seeds = min((int(c["n"]) for c in record["contrasts"]), default=ENOUGH)
    few = few_seeds(seeds)
    return f"{record['limits']} {counted(seeds, 'seed')}{few}." if few else str(record["limits"])


def _pictures(record: Mapping[str, Any]) -> Iterable[Any]:
    for effects in viz.report.effect_groups([*record["contrasts"], *record["shown"]]):
        decide = "decide" if effects[0]["family"] else "are exploratory"
        quantity = str(effects[0]["name"]).partition(": ")[0]
        alt = (f"Effects of claim {record['number']} that {decide}, with intervals: {quantity}; "
               "the numbers are in the table and its file")  # fmt: skip
        yield viz.report.picture_of(viz.report.effect_lines(effects), alt=alt, caption="")
