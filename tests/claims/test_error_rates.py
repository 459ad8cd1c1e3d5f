"""Error rates of the statistics of the claims, from per-seed numbers to verdicts, simulated.

The whole table is printed by ``benchmarks.error_rates``; here, with fewer studies, that no rate
leaves its bound of 6 % by more than chance.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.error_rates import (
    NULLS,
    false_differences,
    false_equivalence,
    false_speed,
    power,
)

STUDIES = 200
# Three standard errors above 6 %.
BOUND = 0.06 + 3 * math.sqrt(0.06 * 0.94 / STUDIES)


@pytest.mark.parametrize("name", NULLS)
def test_where_nothing_is_nothing_is_found(name):
    assert false_differences(name, STUDIES, seeds=12).share <= BOUND


@pytest.mark.parametrize("name", NULLS)
def test_what_is_as_large_as_the_margin_is_not_called_smaller(name):
    assert false_equivalence(name, STUDIES, seeds=12).share <= BOUND


@pytest.mark.parametrize("share", ["5 % of seeds", "10 %", "20 %"])
def test_what_happens_in_few_seeds_is_never_called_equal(share):
    """Ten equal pairs counted as p = .001: a false equality in up to 60 % of sweeps."""
    assert false_equivalence(f"lumps ({share})", STUDIES, seeds=16).share == 0


def test_what_is_there_is_found_and_what_is_not_is_called_equal():
    assert power(20, seeds=16, truth=2.0, scatter=0.5).share > 0.9
    assert power(20, seeds=16, truth=0.0, scatter=0.5).share > 0.75


@pytest.mark.parametrize("name", NULLS)
def test_the_truth_of_a_null_is_what_it_says(name):
    """The median, or for what is named by its mean the mean, is at the truth."""
    for truth in (0.0, 1.0):
        drawn = NULLS[name](np.random.default_rng(0), (100_000,), truth, 0.5)
        if "means" in name or ("lumps" in name and truth):
            assert drawn.mean() == pytest.approx(truth, abs=0.05)
        else:
            assert np.median(drawn) == pytest.approx(truth, abs=0.02)


def test_the_luck_of_those_that_choose_the_rates_makes_no_difference():
    assert false_speed(40, seeds=16, apart=0.1).share <= 0.06
