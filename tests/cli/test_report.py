"""``landscape report`` on a study."""

from __future__ import annotations

import csv
import re
import runpy
from pathlib import Path

import numpy as np
import pytest
from calling import accepted, call, refused

from landscape import open_study
from landscape.claims.wording import WORDINGS
from landscape.cli.report_claims import measured
from landscape.cli.report_rates import rate_table
from landscape.records.results import Analysis


def test_a_study_without_claims_lists_all_ten(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    said = accepted("report", study, "--out", out, "--title", "A <b>title</b>")
    assert str(out) in said
    page = out.read_text("utf-8")
    assert "A &lt;b&gt;title&lt;/b&gt;" in page
    for claim in WORDINGS:
        assert f'id="claim-{claim.number}"' in page
        assert f"<code>{claim.command}</code>" in page
    assert page.count('class="verdict not-measured"') == 10
    for anchor in ("surfaces", "activations", "runs", "methods", "limits", "provenance"):
        assert f'id="{anchor}"' in page
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert out.stat().st_size < 15e6
    # The same study gives the same page.
    accepted("report", study, "--out", tmp_path / "again.html", "--title", "A <b>title</b>")
    assert (tmp_path / "again.html").read_bytes() == out.read_bytes()


def test_mistakes_end_in_one_line(study: Path, tmp_path: Path) -> None:
    assert "written as .html" in refused("report", study, "--out", tmp_path / "report.pdf")
    assert "--csv is a folder" in refused("report", study, "--csv", tmp_path)
    assert "there is no study file" in refused("report", tmp_path / "none.h5")
    # A table was written over the study it was made of.
    before = study.read_bytes()
    assert "writes a table as .csv" in refused("report", study, "--csv", study)
    assert study.read_bytes() == before
    assert call("report", study, "--panels", "0").exit_code == 2


TINY = """
form = "tiny"
seeds = [0, 1]
examples = 40
networks = [{kind = "mlp", hidden = [4]}]
data = [{name = "wine"}]
effort = {steps = 4, rates = 3, records = 2, centres = 3, depths = [2, 3]}
"""


NUMBERS = (2, 3, 5, 6, 8, 9)


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six claims, in a file that nobody writes to."""
    folder = tmp_path_factory.mktemp("claims")
    (folder / "tiny.toml").write_text(TINY, "utf-8")
    some = [part for number in NUMBERS for part in ("--claim", number)]
    accepted("claims", "--config", folder / "tiny.toml", *some, "--out", folder / "claims.h5")
    return folder / "claims.h5"


def test_measured_claims_have_verdicts_effects_and_curves(claims: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    accepted("report", claims, "--out", out)
    page = out.read_text("utf-8")
    assert "Of the ten claims six were measured" in page
    assert "two seeds of one network trained on wine: a pilot, which decides nothing" in page
    assert page.count('class="verdict not-measured"') == 4
    parts = {number: page.partition(f'id="claim-{number}"')[2].partition("</article>")[0]
             for number in NUMBERS}  # fmt: skip
    for number, part in parts.items():
        # Of two seeds none can choose rates for another.
        assert (f'download="claim-{number}.csv"' in part) == (number != 8)
        again = f"landscape claims --config claims.h5 --claim {number} --out again.h5"
        assert f"<code>{again}</code>" in part
        assert part.count("<img") >= 2
    assert 'alt="Difference quotients against their step"' in parts[3]
    assert 'alt="Losses of twins, all examples in a step"' in parts[8]
    assert 'alt="Losses of twins, batches of 64"' in parts[8]
    assert 'alt="training loss at the end against rate' in parts[8]
    assert "Nothing can be judged: 3 others choose the rates" in parts[8]
    assert 'download="claim-2-rates.csv"' in parts[2]


def test_rates_are_told_beside_those_of_a_quadratic(claims: Path) -> None:
    analyses = measured(open_study(claims))[2]
    table = rate_table(analyses)
    assert [row[:2] for row in table.rows[:3]] == [
        ("relu", "gd"), ("relu", "heavy ball"), ("relu", "nesterov")
    ]  # fmt: skip
    # Two seeds: the median is their mean.
    row = list(analyses[0].settings["activations"]).index("smelu_0.1")
    arrays = [one.arrays for one in analyses]
    wanted = [np.mean([a[key][place] for a in arrays]) for key, place in (
        ("stable_rates", (row, 2)), ("limits", (row, 0, 2)), ("limits", (row, 1, 2)),
        ("best_rates", (row, 2)), ("steps_to_target", (row, 2)),
    )]  # fmt: skip
    assert table.rows[5] == ("smelu_0.1", "nesterov", *wanted)
    # A study of an earlier version has the rates of gradient descent alone.
    old = [Analysis(one.kind, {**one.arrays, "stable_rates": one.arrays["stable_rates"][:, :1]},
                    one.settings) for one in analyses]  # fmt: skip
    rows = rate_table(old).rows
    assert rows[3] == table.rows[3]
    assert np.isnan(rows[5][2])


def test_effects_are_written_as_one_table(tmp_path: Path) -> None:
    config, claims, table = (tmp_path / n for n in ("tiny.toml", "claims.h5", "effects.csv"))
    config.write_text(TINY, "utf-8")
    accepted("claims", "--config", config, "--claim", 4, "--out", claims)
    said = accepted("report", claims, "--csv", table)
    rows = list(csv.DictReader(table.read_text("utf-8").splitlines()))
    assert f"({len(rows)} effects)" in said
    assert not (tmp_path / "report.html").exists()
    first, *others = rows
    assert first["contrast"] == "share of exact zeros - 0.01, float32, wine.mlp-4.identical"
    assert (first["claim"], first["n"], float(first["margin"])) == ("4", "2", 0.001)
    assert float(first["low"]) <= float(first["estimate"]) <= float(first["high"])
    assert (first["level"], first["verdict"], first["p_holm"]) == ("0.5", "exploratory", "")
    assert all((row["verdict"], row["family"]) == ("", "") for row in others)
    script = Path(__file__).parents[2] / "docs" / "claims" / "summary.py"
    page = runpy.run_path(str(script))["summary"](rows, "effects.csv")
    assert "1 contrasts over 2 seeds: 1 exploratory. An effect is the median" in page
    assert "## 4. A parameter lands exactly on z = 0: exploratory" in page


def test_a_study_without_effects_has_no_table(study: Path, tmp_path: Path) -> None:
    table = tmp_path / "effects.csv"
    assert "measure them with 'landscape claims'" in refused("report", study, "--csv", table)
    assert not table.exists()
