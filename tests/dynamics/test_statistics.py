"""Effects and verdicts: closed forms, and simulated sweeps with and without an effect."""

import math

import numpy as np
import pytest
from scipy import stats

from landscape.dynamics.statistics import (
    Contrast,
    Verdict,
    equivalence_p,
    holm,
    judge,
    log_margin,
    paired_effect,
    sign_flip_p,
)

MARGIN = log_margin(0.1)


def arms(effect, spread, seeds, rng):
    """Two arms of steps to a loss: log-normal over seeds, sharing most of each seed's luck."""
    luck = rng.normal(5.0, 0.5, seeds)
    return np.exp(luck + effect + rng.normal(0, spread, seeds)), np.exp(luck)


def test_the_interval_is_students():
    a, b = [2.0, 3.0, 5.0, 4.0], [1.0, 1.0, 2.0, 1.0]
    effect = paired_effect(a, b, scale="linear")
    told = stats.ttest_rel(a, b)
    interval = told.confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high))
    assert effect.p_value == pytest.approx(told.pvalue)
    assert effect.estimate == pytest.approx(2.25)


def test_logarithms_make_factors():
    effect = paired_effect([2.0, 8.0], [1.0, 1.0])
    assert effect.ratio[0] == pytest.approx(4.0)  # geometric mean of 2 and 8
    with pytest.raises(ValueError, match="differences of logarithms"):
        _ = paired_effect([2.0, 8.0], [1.0, 1.0], scale="linear").ratio


def test_t_covers_where_the_bootstrap_does_not():
    rng = np.random.default_rng(1)
    trials, n = 600, 5
    samples = rng.normal(0.0, 1.0, (trials, n))
    zeros = np.zeros(n)
    student = [paired_effect(s, zeros, scale="linear") for s in samples]
    covered = np.mean([e.low <= 0 <= e.high for e in student])
    picks = rng.integers(0, n, (400, n))
    means = samples[:, picks].mean(axis=-1)
    low, high = np.quantile(means, [0.025, 0.975], axis=1)
    resampled = np.mean((low <= 0) & (high >= 0))
    assert 0.93 <= covered <= 0.97
    assert resampled < 0.87


def test_sign_flips_count_every_way():
    # Of 2^3 sums of +-1 +-2 +-4 only 7 and -7 reach 7; six of eight reach 3.
    assert sign_flip_p([1.0, 2.0, 4.0]) == 2 / 8
    assert sign_flip_p([-1.0, -2.0, 4.0]) == 1.0
    assert sign_flip_p([1.0, -2.0, 4.0]) == 6 / 8
    many = np.random.default_rng(0).normal(1.0, 1.0, 20)
    assert sign_flip_p(many) < 0.01
    assert sign_flip_p(many - many.mean()) == 1.0


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
    assert effect.ratio[0] == pytest.approx(2.0)
    assert effect.ratio[1] == pytest.approx(2.0)
    assert effect.high == math.inf
    assert effect.p_value == pytest.approx(2 * 0.5**10)
    assert math.isnan(effect.p_flips)


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
    (found,) = judge([Contrast("c", effect, claimed=1, margin=MARGIN)])
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
    assert effect.low == -math.inf
    (found,) = judge([Contrast("c", effect, claimed=1, margin=MARGIN)])
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


def test_equivalence_is_the_narrower_interval():
    rng = np.random.default_rng(4)
    for _ in range(40):
        effect = paired_effect(*arms(rng.normal(0, 0.08), 0.1, 8, rng), level=0.9)
        inside = effect.low > -MARGIN and effect.high < MARGIN
        assert (equivalence_p(effect, MARGIN) < 0.05) == inside


def test_the_four_verdicts():
    b = np.ones(10)
    noise = np.exp(np.random.default_rng(2).normal(0, 0.02, 10))
    wild = np.exp(np.random.default_rng(2).normal(0, 0.6, 10))
    contrasts = [
        Contrast("up", paired_effect(2 * noise, b), claimed=1, margin=MARGIN),
        Contrast("down", paired_effect(0.5 * noise, b), claimed=1, margin=MARGIN),
        Contrast("same", paired_effect(noise, b), claimed=1, margin=MARGIN),
        Contrast("wild", paired_effect(wild, b), claimed=1, margin=MARGIN),
        Contrast("null", paired_effect(1.3 * noise, b), claimed=1, margin=MARGIN, floor=0.3),
    ]
    verdicts = [found.verdict for found in judge(contrasts)]
    assert verdicts == ["supported", "contradicted", "equivalent", "undecided", "undecided"]


def verdicts(effect, *, seeds, spread, contrasts, trials, rng):
    """Judge simulated sweeps; return the verdicts, [trials, contrasts]."""
    return np.array(
        [
            [
                str(found.verdict)
                for found in judge(
                    [
                        Contrast(
                            str(i),
                            paired_effect(*arms(effect, spread, seeds, rng)),
                            claimed=1,
                            margin=MARGIN,
                        )
                        for i in range(contrasts)
                    ]
                )
            ]
            for _ in range(trials)
        ]
    )


def test_size_without_an_effect():
    """Five claims, none true: at most 5 % of sweeps say "supported" or "contradicted" of any."""
    rng = np.random.default_rng(10)
    found = verdicts(0.0, seeds=5, spread=0.3, contrasts=5, trials=300, rng=rng)
    wrong = np.isin(found, ["supported", "contradicted"]).any(axis=1)
    assert wrong.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert wrong.mean() > 0  # the test is not without teeth
    assert (found == "undecided").mean() > 0.9


def test_a_difference_that_is_there_and_small_is_not_supported():
    b = np.ones(10)
    # Surely above 0; within the margin for one spread, perhaps beyond it for the other.
    narrow, wide = (np.exp(0.06 + s * np.linspace(-1, 1, 10)) for s in (0.02, 0.1))
    for values, verdict in ((narrow, Verdict.EQUIVALENT), (wide, Verdict.UNDECIDED)):
        effect = paired_effect(values, b)
        assert effect.low > 0
        (found,) = judge([Contrast("c", effect, claimed=1, margin=MARGIN)])
        assert found.verdict is verdict
    assert "which may be larger" in found.reason


def test_a_measurement_whose_null_exceeds_the_margin_sees_no_equality():
    same = np.exp(0.001 * np.linspace(-1, 1, 10))
    effect = paired_effect(same, np.ones(10))
    verdicts = [
        judge([Contrast("c", effect, claimed=1, margin=MARGIN, floor=floor)])[0].verdict
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


def test_size_at_the_margin():
    """An effect of exactly the margin is called equivalent in at most 5 % of sweeps."""
    rng = np.random.default_rng(11)
    found = verdicts(MARGIN, seeds=10, spread=0.05, contrasts=3, trials=300, rng=rng)
    wrong = (found == "equivalent").any(axis=1)
    assert wrong.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)


def test_power():
    rng = np.random.default_rng(12)
    there = verdicts(0.4, seeds=10, spread=0.2, contrasts=4, trials=60, rng=rng)
    nothing = verdicts(0.0, seeds=10, spread=0.05, contrasts=4, trials=60, rng=rng)
    reverse = verdicts(-0.4, seeds=10, spread=0.2, contrasts=4, trials=60, rng=rng)
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
    ],
)
def test_a_contrast_that_cannot_be_judged(options, said):
    with pytest.raises(ValueError, match=said):
        Contrast("c", paired_effect([1.0, 2.0], [1.0, 1.0]), **options)


def test_what_claims_no_sign_is_not_judged():
    shown = Contrast("last loss", paired_effect([1.0, 2.0], [1.0, 1.0]), claimed=0, margin=1.0)
    with pytest.raises(ValueError, match="'last loss' decides nothing"):
        judge([shown])
