"""The committed numbers of the claims: each page is made of its table, and the tables add up."""

from __future__ import annotations

import csv
import runpy
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from landscape.claims.primary import every
from landscape.claims.statistics import Verdict, holm
from landscape.claims.verdicts import combined

FOLDER = Path(__file__).parents[2] / "docs" / "claims"
# Of each table: how many contrasts decide each claim. Those of the last are exploratory.
TABLES = {"primary": {1: 10, 2: 5, 8: 5}, "elsewhere": {1: 20, 8: 10}, "exploratory": {}}


def read(table: str) -> list[dict[str, str]]:
    with (FOLDER / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_table_is_tested() -> None:
    # test_committed_practice.py, and below.
    others = {"practice", "practice_costs", "steps"}
    assert {path.stem for path in FOLDER.glob("*.csv")} - others == set(TABLES)


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


@pytest.fixture(scope="module", params=TABLES)
def table(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def rows(table: str) -> list[dict[str, str]]:
    return read(table)


@pytest.fixture(scope="module")
def deciding(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in rows if row["family"]]


def test_the_page_is_made_of_the_table(rows, table):
    made = runpy.run_path(str(FOLDER / "summary.py"))["summary"](rows, f"{table}.csv")
    assert (FOLDER / f"{table}.md").read_text("utf-8") == made


def test_every_claim_rests_on_its_primary_contrasts_and_their_margins(deciding, table):
    assert Counter(int(row["claim"]) for row in deciding) == TABLES[table]
    for row in deciding:
        fixed = [one for one in every() if one.claim == int(row["claim"])]
        (one,) = [one for one in fixed if row["contrast"].startswith(one.name)]
        assert float(row["margin"]) == pytest.approx(one.bound, rel=1e-3)
        assert (row["scale"], row["family"]) == (one.scale, one.family)


def test_p_values_are_corrected_over_all_primary_contrasts(deciding):
    corrected = holm([float(row["p"]) for row in deciding])
    np.testing.assert_allclose(corrected, [float(row["p_holm"]) for row in deciding], rtol=2e-3)


def test_verdicts_follow_from_the_numbers(rows, deciding):
    assert all(row["verdict"] in ("exploratory", "") for row in rows if not row["family"])
    for row in deciding:
        size, null, margin = (float(row[key] or "nan") for key in ("estimate", "null", "margin"))
        size = abs(size)
        found = float(row["p_holm"]) <= 0.05 and size >= margin and size > null
        same = float(row["p_equivalence_holm"]) <= 0.05 and (null < margin or size > null)
        told = row["verdict"] in ("supported", "contradicted")
        assert (row["verdict"] == "equivalent", told) == (same, found and not same)
    for number in {row["claim"] for row in deciding}:
        some = [row for row in deciding if row["claim"] == number]
        verdict = combined([Verdict(row["verdict"]) for row in some])
        assert {row["verdict_of_claim"] for row in some} == {verdict}
