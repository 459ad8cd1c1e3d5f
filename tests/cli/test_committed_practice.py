"""The committed numbers of training in practice: the page is made of the table, costs name all."""

from __future__ import annotations

import csv
import runpy
from pathlib import Path

import pytest

from landscape.study.sweep_settings import ClaimsConfig

FOLDER = Path(__file__).parents[2] / "docs" / "claims"
COSTS, TABLE = (
    runpy.run_path(str(FOLDER / f"{name}.py")) for name in ("practice_costs", "practice_table")
)


def read(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_page_is_made_of_the_table():
    rows = TABLE["measured"](read("practice.csv"))
    assert (FOLDER / "practice.md").read_text("utf-8") == TABLE["page"](rows, "practice.csv")
    assert min(int(row["n"]) for row in rows) >= 3


def test_every_cell_is_named_with_its_cost_and_those_of_the_form_are_marked():
    config = ClaimsConfig.from_toml(FOLDER / "practice.toml")
    named = {
        tuple(row[key] for key in COSTS["HEADER"][:6]): row for row in read("practice_costs.csv")
    }
    wanted = {tuple(map(str, cell)): COSTS["in_form"](config, cell) for cell in COSTS["cells"]()}
    assert named.keys() == wanted.keys()
    assert {cell: row["in_form"] == "yes" for cell, row in named.items()} == wanted
    # Every cell of the form is one of the factorial's.
    sizes = sum(len(config.effort_of(i).batch_sizes) for i in range(len(config.networks)))
    assert sum(wanted.values()) == sizes
    for row in named.values():
        hours = float(row["seconds_per_seed"]) * len(config.seeds) / 3600
        assert float(row["core_hours"]) == pytest.approx(hours, abs=0.02)
        assert row["cost"] in ("measured", "interpolated", "extrapolated")


def test_an_effect_is_written_in_its_unit():
    row = {"contrast": "steps at the best rate, batch 64: relu against smelu_0.1, "
           "digits.mlp-4-adam-cosine.identical", "n": "12", "censored": "1", "estimate": "0.6931",
           "low": "0", "high": "", "scale": "log"}  # fmt: skip
    told = TABLE["page"]([row], "x.csv")
    assert "| mlp-4-adam-cosine, batch 64 | ×2 (1 to –) [1] | – | – | – | – |" in told
    points = {**row, "contrast": row["contrast"].replace("steps", "held-out accuracy"),
              "scale": "linear", "estimate": "0.0123", "low": "-0.01", "high": "0.03",
              "censored": "0"}  # fmt: skip
    assert "| +1.23 (-1.00 to +3.00) | – |" in TABLE["page"]([points], "x.csv")
