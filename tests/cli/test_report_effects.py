"""Effects as a reader of a report sees them."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from landscape.claims.effects import paired_effect
from landscape.claims.statistics import Contrast, log_margin
from landscape.claims.verdicts import finding
from landscape.cli.report_effects import effect_table

STEPS = np.array([30.0, 33.0, 27.0, 36.0])


def table(a: Any, b: Any, *, scale: Any = "log", margin: float | None = None) -> Any:
    bound = log_margin(0.1) if margin is None else margin
    deciding = Contrast("steps: a against b, made", paired_effect(a, b, scale=scale), 1, bound,
                        family="speed")  # fmt: skip
    shown = Contrast("loss: a against b, made", paired_effect(a, b), 0, log_margin(0.1))
    return effect_table(finding(8, [deciding], sentence="", shown=[shown]).record())


def read(found: Any) -> dict[str, str]:
    (row,) = found.shown  # those that only stand beside are in the file
    return dict(zip(found.header, row, strict=False))


def test_factors_are_told_as_factors_and_kept_as_logarithms():
    found = table(2 * STEPS, STEPS)
    told = read(found)
    assert told["median, interval"] == "×2 (2 to 2)"
    assert told["margin"] == "×1.1"
    assert told["verdict"] == "not decided"  # of four seeds no sign test falls below .125
    assert told["seeds needed"] == "6"
    first, second = csv.DictReader(io.StringIO(found.csv))
    assert float(first["estimate"]) == pytest.approx(np.log(2))
    assert (first["scale"], second["verdict"]) == ("log", "")


def test_differences_are_told_as_differences():
    told = read(table(STEPS - 3, STEPS, scale="linear", margin=0.05))
    assert told["median, interval"] == "−3 (−3 to −3)"
    assert told["margin"] == "0.05"


def test_censored_seeds_are_told_beside_the_seeds():
    a, b = 2 * STEPS, STEPS.copy()
    assert read(table(a, b))["seeds"] == "4"
    a[0], b[1] = np.inf, np.nan
    told = read(table(a, b))
    assert told["seeds"] == "4 (2 censored)"
    assert told["median, interval"] == "×2 (0 to ∞)"
    nothing = read(table(np.full(4, np.nan), b))["median, interval"]
    assert nothing == "not known (0 to ∞)"


def test_without_effects_there_is_no_table():
    assert effect_table(finding(8, [], sentence="").record()) is None
