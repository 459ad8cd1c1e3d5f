"""The file of primary contrasts: what decides is what stands there, judged as one family."""

from __future__ import annotations

import math

import numpy as np
import pytest

from landscape.dynamics import bounce, pattern_changes, stable_rate
from landscape.dynamics.effects import paired_effect
from landscape.dynamics.primary import (
    Primary,
    deciding_arm,
    deciding_twins,
    digest,
    every,
    level,
    primary,
)
from landscape.dynamics.statistics import Contrast, Verdict, holm
from landscape.dynamics.twins import twins
from landscape.dynamics.verdicts import finding, together


def made(name: str, effect: float, spread: float, *, seed: int = 0, margin: float = 0.1):
    noise = np.random.default_rng(seed).normal(0, spread, 10)
    return Contrast(name, paired_effect(np.exp(effect + noise), np.ones(10)), 1, margin)


def test_every_claim_has_contrasts_that_decide():
    assert {one.claim for one in every()} == set(range(1, 11))
    assert level() == 0.95
    assert len(digest()) == 64


def test_a_share_is_a_margin_of_logarithms():
    assert primary(8, "steps at the best rate").bound == pytest.approx(math.log(1.1))
    assert primary(5, "gradient left").bound == pytest.approx(math.log(2))
    assert primary(1, "share of steps that reverse at rate x sharpness 2.5").bound == 0.05


def test_the_twins_that_decide_are_those_of_the_file():
    deciding = {(twin.kinked, twin.smooth) for twin in twins("few") if twin.primary}
    assert deciding == set(deciding_twins())
    assert {(t.kinked, t.smooth) for t in twins("all") if t.primary} == deciding


@pytest.mark.parametrize(("claim", "module"), [(1, bounce), (2, stable_rate), (7, pattern_changes)])
def test_what_a_module_lets_decide_is_what_the_file_says(claim, module):
    fixed = {one.name: one for one in every() if one.claim == claim}
    assert {q.name for q in module.PRIMARY} == fixed.keys()
    for quantity in module.PRIMARY:
        one = fixed[quantity.name]
        assert (quantity.claimed, quantity.scale, quantity.margin) == (
            one.claimed, one.scale, one.bound
        )  # fmt: skip
    assert not fixed.keys() & {q.name for q in module.SHOWN}


def test_the_arm_that_decides_is_the_first_that_is_there():
    assert deciding_arm({"gain": 1, "identical": 2}) == "identical"
    assert deciding_arm(["gain"]) == "gain"
    with pytest.raises(ValueError, match="identical, gain must be there"):
        deciding_arm([])


def test_what_was_not_fixed_is_refused():
    with pytest.raises(ValueError, match=r"no primary contrast of claim 8; those are 'steps at"):
        primary(8, "accuracy")
    with pytest.raises(ValueError, match="must be > 0"):
        Primary(claim=1, name="x", margin=0.0, scale="log", claimed=1)
    with pytest.raises(ValueError, match="unknown scale or sign"):
        Primary(claim=1, name="x", margin=1.0, scale="cube", claimed=1)


def test_the_correction_runs_over_the_contrasts_of_all_claims():
    first = finding(1, [made("a", 0.2, 0.3)], sentence="one.")
    others = [finding(2, [made(f"b{i}", 0.0, 0.9, seed=i + 1)], sentence="two.") for i in range(8)]
    again = together([first, *others])
    alone, corrected = first.judgements[0].p_difference, again[0].judgements[0].p_difference
    assert alone < 0.05 < corrected
    assert (first.verdict, again[0].verdict) == (Verdict.SUPPORTED, Verdict.UNDECIDED)
    every_p = [one.contrasts[0].effect.p_value for one in again]
    np.testing.assert_allclose([one.judgements[0].p_difference for one in again], holm(every_p))


def test_a_contrast_on_which_two_claims_rest_is_counted_once():
    shared = made("steps", 0.3, 0.3)
    pair = together([finding(n, [shared], sentence="s.") for n in (8, 10)])
    assert [one.judgements[0].p_difference for one in pair] == [shared.effect.p_value] * 2


def test_contrasts_that_say_nothing_are_counted_once_as_well():
    never = [Contrast("steps", paired_effect([np.inf] * 3, [np.inf] * 3), 1, 0.1) for _ in range(2)]
    other = made("other", 0.2, 0.2)
    found = together([finding(8, [never[0], other], sentence="s."),
                      finding(10, never[1:], sentence="s.")])  # fmt: skip
    assert found[1].judgements[0].verdict is Verdict.UNDECIDED
    assert found[0].judgements[1].p_difference == pytest.approx(2 * other.effect.p_value)


def test_how_the_verdicts_are_spread_is_said():
    found = finding(8, [made("a", 0.5, 0.01), made("b", 0.0, 0.01)], sentence="Numbers.")
    assert found.record()["sentence"] == "Of 2 contrasts: 1 supported, 1 hardly. Numbers."
    assert found.verdict is Verdict.UNDECIDED
