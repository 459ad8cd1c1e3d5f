"""Effects and verdicts: closed forms, and simulated sweeps with and without an effect."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from landscape.claims.effects import p_above, paired_effect
from landscape.claims.statistics import (
    Contrast,
    Verdict,
    equivalence_p,
    holm,
    judge,
    log_margin,
)

MARGIN = log_margin(0.1)


def decisive(name, effect, *, claimed=1, margin=MARGIN, floor=0.0):
    return Contrast(name, effect, claimed=claimed, margin=margin, floor=floor, family="speed")


def arms(effect, spread, seeds, rng):
    """Two arms of steps to a loss: log-normal over seeds, sharing most of each seed's luck."""
    luck = rng.normal(5.0, 0.5, seeds)
    return np.exp(luck + effect + rng.normal(0, spread, seeds)), np.exp(luck)


def test_the_median_is_estimated_with_its_exact_interval():
    # n = 12: P(Bin(12, 1/2) <= 2) = 79 / 4096 <= .025, so the interval is x(3) to x(10).
    a = np.arange(1.0, 13.0) ** 2
    effect = paired_effect(a, np.zeros(12), scale="linear")
    assert effect.estimate == pytest.approx((36 + 49) / 2)
    assert (effect.low, effect.high) == (9.0, 100.0)
    assert effect.level == pytest.approx(1 - 2 * 79 / 4096)


def test_of_few_seeds_the_interval_is_their_range():
    effect = paired_effect([2.0, 9.0, 4.0], [1.0, 1.0, 1.0], scale="linear")
    assert (effect.estimate, effect.low, effect.high, effect.level) == (3.0, 1.0, 8.0, 0.75)


def test_the_interval_holds_the_median_of_every_law():
    rng = np.random.default_rng(1)
    for values, median in ((rng.standard_exponential((500, 12)), math.log(2)),
                           (rng.standard_t(2, (500, 12)), 0.0)):  # fmt: skip
        found = [paired_effect(one, np.zeros(12), scale="linear") for one in values]
        covered = np.mean([e.low <= median <= e.high for e in found])
        assert covered == pytest.approx(found[0].level, abs=0.02)


def signs(values, bound=0.0):
    """One-sided p by every way to choose sides."""
    above = sum(value > bound for value in values)
    ways = [sum(way) for way in itertools.product((0, 1), repeat=len(values))]
    return np.mean(np.array(ways) >= above)


def corrected(values, bound=0.0):
    """One-sided p of the mean: Hall's cubic as he gives it, with 0.4 (n - 1) degrees of freedom."""
    away, n = np.array(values) - bound, len(values)
    g = stats.skew(away, bias=False)
    t = stats.ttest_1samp(away, 0.0).statistic
    cubic = t + g * t**2 / (3 * n**0.5) + g**2 * t**3 / (27 * n) + g / (6 * n**0.5)
    return stats.t.sf(cubic, 0.4 * (n - 1))


def test_a_p_value_is_the_larger_of_median_and_mean():
    rng = np.random.default_rng(2)
    larger = set()
    for _ in range(30):
        values = rng.standard_exponential(8) - 0.3
        effect = paired_effect(values, np.zeros(8), scale="linear")
        both = signs(values), corrected(values)
        larger.add(int(np.argmax(both)))
        assert p_above(effect.lowest, 0.0) == pytest.approx(max(both))
        assert p_above(-effect.highest, -0.5) == pytest.approx(max(signs(-values, -0.5),
                                                        corrected(-values, -0.5)))  # fmt: skip
        assert effect.p_value == pytest.approx(
            min(1.0, 2 * min(p_above(effect.lowest, 0.0), p_above(-effect.highest, 0.0)))
        )
    assert larger == {0, 1}


def test_seeds_that_all_agree_are_no_more_certain_than_signs():
    effect = paired_effect(np.arange(10.0, 22.0), np.zeros(12), scale="linear")
    assert effect.p_value == effect.p_signs == 2 * 0.5**12


def test_logarithms_make_factors():
    effect = paired_effect([2.0, 8.0], [1.0, 1.0])
    assert math.exp(effect.estimate) == pytest.approx(4.0)  # geometric mean of 2 and 8


def test_holm_by_hand():
    assert holm([0.005, 0.011, 0.02, 0.04]).tolist() == pytest.approx([0.02, 0.033, 0.04, 0.04])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    with pytest.raises(ValueError, match="between 0 and 1"):
        holm([1.5])


def test_a_diverged_run_is_censored_and_not_dropped():
    b = np.full(10, 10.0)
    a = np.full(10, 20.0)
    a[:4] = math.inf
    effect = paired_effect(a, b)
    assert (effect.n, effect.censored) == (10, 4)
    assert np.exp([effect.estimate, effect.low]) == pytest.approx(2.0)
    assert effect.high == math.inf
    assert effect.p_value == effect.p_signs == pytest.approx(2 * 0.5**10)


def test_a_median_lies_in_its_order_statistics():
    # n = 10: P(Bin(10, 1/2) <= 1) = 11 / 1024 <= .025, so the interval is x(2) to x(9).
    a = np.exp(np.arange(1.0, 11.0))
    a[-1] = math.inf
    effect = paired_effect(a, np.ones(10))
    assert (effect.low, effect.high) == pytest.approx((2.0, 9.0))
    assert effect.estimate == pytest.approx(5.5)


def test_pairs_that_both_failed_say_nothing():
    a = np.array([math.inf] * 10)
    effect = paired_effect(a, a)
    assert (effect.low, effect.high) == (-math.inf, math.inf)
    assert effect.p_value == 1.0
    assert math.isnan(effect.estimate)
    (found,) = judge([decisive("c", effect)])
    assert found.verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_pair_of_which_nothing_is_known_speaks_for_no_side(scale):
    """As the smallest and as the largest difference at once; the others still count."""
    a, b = np.full(10, 20.0), np.full(10, 10.0)
    a[0], b[1] = math.nan, math.nan
    effect = paired_effect(a, b, scale=scale)
    assert (effect.n, effect.censored) == (10, 2)
    # Eight of ten are above 0, none is surely below.
    assert effect.p_value == pytest.approx(2 * stats.binom.sf(7, 10, 0.5))
    known = math.log(2) if scale == "log" else 10.0
    assert effect.estimate == pytest.approx(known)
    assert (effect.low, effect.high) == (-math.inf, math.inf)


def test_five_censored_seeds_cannot_decide():
    effect = paired_effect([math.inf] * 5, [1.0] * 5)
    assert effect.p_value == 2 * 0.5**5
    (found,) = judge([decisive("c", effect)])
    assert found.verdict is Verdict.UNDECIDED


def test_equal_arms_are_equivalent_and_no_more_certain_than_signs():
    same = np.linspace(1.0, 2.0, 6)
    effect = paired_effect(same, same)
    assert effect.p_value == 1.0
    assert equivalence_p(effect, MARGIN) == 0.5**6


def test_differences_that_differ_by_rounding_are_equal():
    values = np.full(10, -0.01)
    values[::3] += 2e-18
    assert values.std() > 0
    assert paired_effect(values, np.zeros(10), scale="linear").p_value == 2 * 0.5**10


def test_of_equality_by_signs_the_interval_is_within_the_margin():
    rng = np.random.default_rng(4)
    found = 0
    for _ in range(60):
        effect = paired_effect(*arms(rng.normal(0, 0.03), 0.05, 12, rng), level=0.9)
        inside = effect.low > -MARGIN and effect.high < MARGIN
        # Equal in the mean as well is more than that.
        assert inside or equivalence_p(effect, MARGIN) > 0.05
        found += equivalence_p(effect, MARGIN) <= 0.05
    assert 20 < found < 60


def test_the_four_verdicts():
    b = np.ones(10)
    noise = np.exp(np.random.default_rng(2).normal(0, 0.02, 10))
    wild = np.exp(np.random.default_rng(2).normal(0, 0.6, 10))
    contrasts = [
        decisive("up", paired_effect(2 * noise, b)),
        decisive("down", paired_effect(0.5 * noise, b)),
        decisive("same", paired_effect(noise, b)),
        decisive("wild", paired_effect(wild, b)),
        decisive("null", paired_effect(1.3 * noise, b), floor=0.3),
        Contrast("shown", paired_effect(2 * noise, b), claimed=1, margin=MARGIN),
    ]
    judged = judge(contrasts)
    assert [found.verdict for found in judged] == [
        "supported", "contradicted", "equivalent", "undecided", "undecided", "exploratory",
    ]  # fmt: skip
    # What is not judged is not corrected for.
    assert {found.among for found in judged} == {5}
    assert math.isnan(judged[-1].p_difference)


def verdicts(effect, *, seeds, spread, contrasts, trials, rng):
    """Judge simulated sweeps; return the verdicts, [trials, contrasts]."""
    return np.array(
        [
            [
                str(found.verdict)
                for found in judge(
                    [
                        decisive(str(i), paired_effect(*arms(effect, spread, seeds, rng)))
                        for i in range(contrasts)
                    ]
                )
            ]
            for _ in range(trials)
        ]
    )


def test_a_difference_that_is_there_and_small_is_not_supported():
    b = np.ones(12)
    # Surely above 0; within the margin for one spread, perhaps beyond it for the other.
    narrow, wide = (np.exp(0.06 + s * np.linspace(-1, 1, 12)) for s in (0.02, 0.07))
    for values, verdict in ((narrow, Verdict.EQUIVALENT), (wide, Verdict.UNDECIDED)):
        effect = paired_effect(values, b)
        assert effect.p_value < 0.05
        (found,) = judge([decisive("c", effect)])
        assert found.verdict is verdict
    assert "which may be larger" in found.reason


def test_a_measurement_whose_null_exceeds_the_margin_sees_no_equality():
    same = np.exp(0.001 * np.linspace(-1, 1, 10))
    effect = paired_effect(same, np.ones(10))
    verdicts = [
        judge([decisive("c", effect, floor=floor)])[0].verdict
        for floor in (0.5 * MARGIN, 1.5 * MARGIN)
    ]
    assert verdicts == [Verdict.EQUIVALENT, Verdict.UNDECIDED]


@pytest.mark.parametrize("spread", [0.04, 0.1, 0.3])
def test_half_the_margin_is_rarely_taken_for_a_difference_that_matters(spread):
    """What exists and does not matter: called supported in a few per cent, whatever the scatter."""
    rng = np.random.default_rng(13)
    found = verdicts(0.5 * MARGIN, seeds=10, spread=spread, contrasts=1, trials=400, rng=rng)
    assert (found == "supported").mean() <= 0.12
    assert (found == "contradicted").mean() <= 0.025 + 3 * math.sqrt(0.025 / 400)


@pytest.mark.parametrize("ties", [0, 6, 7, 12])
def test_where_most_pairs_are_equal_no_equality_is_claimed(ties):
    """Twelve equal pairs do not exclude that one seed of five loses all its units."""
    few = 0.001 * np.arange(1.0, 13 - ties)
    effect = paired_effect([*few, *[0.0] * ties], np.zeros(12), scale="linear")
    (found,) = judge([decisive("share of dead units", effect, margin=0.02)])
    assert found.verdict is (Verdict.UNDECIDED if ties > 6 else Verdict.EQUIVALENT)
    if ties == 12:
        # 1 - .05^(1/12): the rule of three, exact.
        assert found.reason.startswith("12 of 12 pairs are equal")
        assert "may happen in 22% of seeds" in found.reason
    if not ties:
        assert found.reason.endswith("at most 22% of seeds may differ by more")


def test_what_ties_with_the_margin_is_not_within_it():
    effect = paired_effect([0.5] * 12, [0.0] * 12, scale="linear")
    assert p_above(-effect.highest, -0.5) == 1.0
    assert (effect.beyond(0.5), effect.beyond(0.6)) == (12, 0)


def test_power():
    rng = np.random.default_rng(12)
    there = verdicts(0.4, seeds=12, spread=0.15, contrasts=4, trials=40, rng=rng)
    nothing = verdicts(0.0, seeds=12, spread=0.04, contrasts=4, trials=40, rng=rng)
    reverse = verdicts(-0.4, seeds=12, spread=0.15, contrasts=4, trials=40, rng=rng)
    assert (there == "supported").mean() > 0.9
    assert (nothing == "equivalent").mean() > 0.9
    assert (reverse == "contradicted").mean() > 0.9


@pytest.mark.parametrize(
    ("a", "b", "options", "said"),
    [
        ([1.0], [1.0], {}, "at least 2 seeds, got 1"),
        ([1.0, 2.0], [1.0], {}, "of one length"),
        ([1.0, 0.0], [1.0, 1.0], {}, "use scale='linear'"),
        ([1.0, -math.inf], [1.0, 1.0], {"scale": "linear"}, "write inf"),
        ([1.0, 2.0], [1.0, 1.0], {"level": 95}, "between 0 and 1"),
        ([1.0, 2.0], [1.0, 1.0], {"scale": "cube"}, "known: log, linear"),
    ],
)
def test_what_cannot_be_compared(a, b, options, said):
    with pytest.raises(ValueError, match=said):
        paired_effect(a, b, **options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"claimed": 2, "margin": 1.0}, "1 or -1"),
        ({"claimed": 1, "margin": 0.0}, "margin must be > 0"),
        ({"claimed": 1, "margin": 1.0, "floor": -1.0}, "floor must be >= 0"),
        ({"claimed": 0, "margin": 1.0, "family": "speed"}, "'c' cannot decide: no sign of it"),
    ],
)
def test_a_contrast_that_cannot_be_judged(options, said):
    with pytest.raises(ValueError, match=said):
        Contrast("c", paired_effect([1.0, 2.0], [1.0, 1.0]), **options)
