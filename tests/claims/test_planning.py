"""How many seeds a contrast needs: what the number promises is what simulated sweeps do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from landscape.claims.effects import paired_effect
from landscape.claims.planning import seeds_needed
from landscape.claims.statistics import Contrast, judge, log_margin

MARGIN = log_margin(0.1)


def pilot(scatter, seeds=400):
    """A pilot so large that its scatter is known, of quantiles of the normal law."""
    values = scatter * stats.norm.ppf((np.arange(seeds) + 0.5) / seeds)
    return paired_effect(np.exp(values), np.ones(seeds))


def decided(truth, scatter, seeds, among, rng):
    """Share of the contrasts of one family, all alike, that are decided."""
    contrasts = [
        Contrast(str(i), paired_effect(np.exp(truth + rng.normal(0, scatter, seeds)),
                                       np.ones(seeds)), 1, MARGIN, family="speed")
        for i in range(among)
    ]  # fmt: skip
    return np.mean([found.verdict != "undecided" for found in judge(contrasts)])


@pytest.mark.parametrize("scatter", [0.5, 1.0])
def test_so_many_seeds_decide_and_fewer_do_not(scatter):
    rng = np.random.default_rng(0)
    among = 20
    needed = seeds_needed(pilot(scatter * MARGIN), MARGIN, among=among)
    assert 10 <= needed <= 40
    for truth in (0.0, 2 * MARGIN):
        share = np.mean([decided(truth, scatter * MARGIN, needed, among, rng) for _ in range(10)])
        assert share > 0.7
    few = np.mean([decided(0.0, scatter * MARGIN, needed // 2, among, rng) for _ in range(10)])
    assert few < 0.3


def test_the_number_grows_with_scatter_and_with_the_family():
    numbers = [seeds_needed(pilot(s), MARGIN) for s in (0.01, 0.05, 0.1)]
    assert numbers == sorted(numbers)
    # The fewest of whose signs alone can decide among so many.
    assert seeds_needed(pilot(1e-6), MARGIN, among=20) == math.ceil(math.log2(2 * 20 / 0.05))
    # That of descent on batches: a fifth, in logarithms.
    assert seeds_needed(pilot(0.2), MARGIN) is None


def test_a_small_pilot_is_taken_for_less_sure():
    # sqrt(2 / chi2(.2, 2 degrees)) = 2.12 times its standard deviation.
    three = paired_effect(np.exp([-0.05, 0.0, 0.05]), np.ones(3))
    wide = math.sqrt(2 / stats.chi2.ppf(0.2, 2)) * 0.05
    assert seeds_needed(three, MARGIN) == seeds_needed(pilot(wide, 20_000), MARGIN)


def test_censored_pairs_speak_for_neither_side():
    sure = paired_effect(np.exp(0.01 * np.arange(-5, 6)), np.ones(11))
    some = paired_effect([*np.exp(0.01 * np.arange(-5, 6)), np.inf], np.ones(12))
    assert seeds_needed(sure, MARGIN) < seeds_needed(some, MARGIN)
    assert seeds_needed(paired_effect([np.inf] * 4, np.ones(4)), MARGIN) is None
