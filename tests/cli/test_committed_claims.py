"""The committed numbers of the claims: the page is made of the table, and the table adds up.

The tables were judged by the rule that stood before the three families: t tests of all claims.
"""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import numpy as np
import pytest

from landscape.claims.primary import every
from landscape.claims.statistics import Verdict, holm
from landscape.claims.verdicts import combined

FOLDER = Path(__file__).parents[2] / "docs" / "claims"
# Of each table: the claims in it, and how many contrasts they rest on.
TABLES = {
    "digits": (range(1, 11), 41),
    "wine": (range(1, 11), 41),
    "breast_cancer": ((1, 3, 4, 5, 6, 7, 9), 26),
    "cnn": ((1, 3, 4, 5, 6, 7, 9), 26),
    "depth": ((5,), 2),
    "places": ((10,), 12),
    "rates": ((1, 2), 36),
}


def test_every_table_is_tested() -> None:
    # test_committed_practice.py, and below.
    others = {"practice", "practice_costs", "primary", "steps"}
    assert {path.stem for path in FOLDER.glob("*.csv")} - others == set(TABLES)


def test_the_primary_families_are_judged_together() -> None:
    rows = [row for row in read("primary") if row["family"]]
    page = runpy.run_path(str(FOLDER / "summary.py"))["summary"](read("primary"), "primary.csv")
    assert (FOLDER / "primary.md").read_text("utf-8") == page
    assert [sum(row["claim"] == number for row in rows) for number in "128"] == [10, 5, 5]
    corrected = holm([float(row["p"]) for row in rows])
    np.testing.assert_allclose(corrected, [float(row["p_holm"]) for row in rows], rtol=2e-3)
    for row in rows:
        same, there = (float(row[f"p_{name}"]) <= 0.05 for name in ("equivalence_holm", "holm"))
        size = abs(float(row["estimate"]))
        large = there and size >= float(row["margin"]) and size > float(row["null"] or 0)
        assert (row["verdict"] == "equivalent") == same
        assert (row["verdict"] in ("supported", "contradicted")) == (large and not same)


def test_the_page_of_steps_is_made_of_the_table() -> None:
    made = runpy.run_path(str(FOLDER / "steps.py"))
    rows = [
        {**row, **{name: float(row[name]) for name in made["COLUMNS"]}, "depth": int(row["depth"])}
        for row in read("steps")
    ]
    page = (FOLDER / "steps.md").read_text("utf-8")
    for part in ("last", "first"):
        assert "\n".join(made["table"](rows, made["SETTINGS"], part)) in page
    assert "\n".join(made["losses"](rows)) in page
    assert len(made["losses"](rows)) == len(made["PAIRS"])
    assert made["NOTE"].format(command="python -P docs/claims/steps.py", seeds=12) in page


def read(table: str) -> list[dict[str, str]]:
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def estimates(*tables: str) -> dict[str, str]:
    """Return the estimate of every contrast of some tables."""
    return {row["contrast"]: row["estimate"] for table in tables for row in read(table)}


def test_what_was_measured_again_came_out_the_same() -> None:
    again, before = estimates("rates"), estimates("digits", "wine")
    both = again.keys() & before.keys()
    assert len(both) == 102
    assert {name: again[name] for name in both} == {name: before[name] for name in both}


@pytest.fixture(scope="module", params=TABLES)
def table(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rows(table: str) -> list[dict[str, str]]:
    return read(table)


@pytest.fixture(scope="module")
def deciding(rows) -> list[dict[str, str]]:
    return [row for row in rows if row["decides"] == "yes"]


def test_the_page_is_made_of_the_table(rows, table):
    made = runpy.run_path(str(FOLDER / "summary.py"))["summary"](rows, f"{table}.csv")
    assert (FOLDER / f"{table}.md").read_text("utf-8") == made


def test_every_claim_rests_on_its_primary_contrasts_and_their_margins(deciding, table):
    assert {int(row["claim"]) for row in deciding} == set(TABLES[table][0])
    for row in deciding:
        fixed = [one for one in every() if one.claim == int(row["claim"])]
        (one,) = [one for one in fixed if row["contrast"].startswith(one.name)]
        assert float(row["margin"]) == pytest.approx(one.bound, rel=1e-3)
        assert row["scale"] == one.scale


def test_p_values_are_corrected_over_all_primary_contrasts(deciding, table):
    distinct = {row["contrast"]: row for row in deciding}
    assert len(distinct) == TABLES[table][1]
    corrected = holm([float(row["p"]) for row in distinct.values()])
    given = [float(row["p_holm"]) for row in distinct.values()]
    np.testing.assert_allclose(corrected, given, rtol=2e-3)


def test_verdicts_follow_from_the_numbers(deciding):
    for row in deciding:
        size, null, margin = (float(row[key] or "nan") for key in ("estimate", "null", "margin"))
        size = abs(size)
        found = float(row["p_holm"]) <= 0.05 and size >= margin and size > null
        same = float(row["p_equivalence_holm"]) <= 0.05 and (null < margin or size > null)
        told = row["verdict"] in ("supported", "contradicted")
        assert (row["verdict"] == "equivalent", told) == (same, found and not same)
    # Claim 10 has a rule of its own.
    for number in {int(row["claim"]) for row in deciding} - {10}:
        some = [row for row in deciding if row["claim"] == str(number)]
        verdict = combined([Verdict(row["verdict"]) for row in some])
        assert {row["verdict_of_claim"] for row in some} == {verdict}
