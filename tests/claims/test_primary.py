"""The file of primary contrasts: what decides is what stands there, judged together."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from landscape.claims import bounce, pattern_changes, stable_rate
from landscape.claims.comparing import registered
from landscape.claims.effects import paired_effect
from landscape.claims.primary import (
    Primary,
    deciding_arm,
    deciding_twins,
    digest,
    every,
    family_of,
    level,
    most_seeds,
    primary,
)
from landscape.claims.statistics import Contrast, Verdict, holm
from landscape.claims.twins import twins
from landscape.claims.verdicts import finding, together


def made(name: str, effect: float, spread: float, *, seed: int = 0, margin: float = 0.1):
    noise = np.random.default_rng(seed).normal(0, spread, 10)
    return Contrast(name, paired_effect(np.exp(effect + noise), np.ones(10)), 1, margin,
                    family="speed")  # fmt: skip


def test_every_claim_has_quantities_and_three_families_decide():
    assert {one.claim for one in every()} == set(range(1, 11))
    assert {(one.claim, one.family) for one in every() if one.family} == {
        (1, "bounce"), (2, "stability"), (8, "speed"),
    }  # fmt: skip
    assert [family_of(number) for number in (1, 2, 8, 10)] == ["bounce", "stability", "speed", ""]
    assert sum(len(one.pairs) for one in every() if one.family) == 20
    assert most_seeds() == 48
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
    with pytest.raises(ValueError, match=r"'accuracy' was not fixed for claim 8; known: 'steps at"):
        primary(8, "accuracy")
    with pytest.raises(ValueError, match="must be > 0"):
        Primary(claim=1, name="x", margin=0.0, scale="log", claimed=1)
    with pytest.raises(ValueError, match="unknown scale or sign"):
        Primary(claim=1, name="x", margin=1.0, scale="cube", claimed=1)
    with pytest.raises(
        ValueError, match="unknown family 'beauty'; known: bounce, speed, stability"
    ):
        Primary(claim=1, name="x", margin=1.0, scale="log", claimed=1, family="beauty")


def test_of_the_variants_of_a_quantity_one_decides():
    steps = "steps at the best rate"
    found = [registered(8, steps, float, known_as=f"{steps}, batch {size}").family
             for size in ("of all", "32")]  # fmt: skip
    assert found == ["speed", ""]
    # Where claim 10 measures the same it is exploratory.
    assert registered(10, steps, float).family == ""


def test_the_correction_runs_over_the_contrasts_of_all_families():
    first = finding(1, [made("a", 0.4, 0.3)], sentence="one.")
    others = [finding(2, [made(f"b{i}", 0.0, 0.9, seed=i + 1)], sentence="two.") for i in range(30)]
    again = together([first, *others])
    alone, corrected = first.judgements[0].p_difference, again[0].judgements[0].p_difference
    assert alone < 0.05 < corrected
    assert (first.verdict, again[0].verdict) == (Verdict.SUPPORTED, Verdict.UNDECIDED)
    every_p = [one.contrasts[0].effect.p_value for one in again]
    np.testing.assert_allclose([one.judgements[0].p_difference for one in again], holm(every_p))
    assert {one.judgements[0].among for one in again} == {31}


def test_what_is_exploratory_is_not_corrected_for_and_has_no_verdict():
    primary_, explored = made("a", 0.4, 0.3), replace(made("b", 0.4, 0.3), family="")
    pair = together([finding(n, [c], sentence="s.") for n, c in ((8, primary_), (10, explored))])
    assert pair[0].judgements[0].p_difference == primary_.effect.p_value
    assert (pair[0].verdict, pair[1].verdict) == (Verdict.SUPPORTED, Verdict.EXPLORATORY)
    record = pair[1].record()
    assert record["sentence"] == "Exploratory: estimates with intervals, no verdict. s."
    (effect,) = record["contrasts"]
    assert (effect["verdict"], effect["p_difference"]) == ("exploratory", None)


def test_how_the_verdicts_are_spread_is_said():
    found = finding(8, [made("a", 0.5, 0.01), made("b", 0.0, 0.01)], sentence="Numbers.")
    told = "Of 2 primary contrasts: 1 supported, 1 hardly. Numbers."
    assert found.record()["sentence"] == told
    assert found.verdict is Verdict.UNDECIDED
    explored = replace(made("c", 0.5, 0.01), family="")
    both = finding(8, [*found.contrasts, explored], sentence="Numbers.").record()["sentence"]
    assert both == told.replace("Numbers", "1 of the estimates are exploratory. Numbers")


def test_beside_what_is_not_decided_stands_how_many_seeds_it_would_need():
    found = finding(8, [made("a", 0.05, 0.07), made("b", 0.1, 2.0)], sentence="Numbers.")
    record = found.record()
    needed = [one["seeds_needed"] for one in record["contrasts"]]
    assert needed[0] in range(11, 49)
    assert needed[1] == "more than 48"
    assert record["sentence"] == (
        f"Of 2 primary contrasts: 2 not decided ({needed[0]} seeds would decide 1 of these, "
        "1 would need more than 48). Numbers."
    )
    assert record["contrasts"][0]["reason"].endswith(f"; it would need some {needed[0]} seeds")
    assert record["contrasts"][1]["reason"].endswith("; it would need more than 48 seeds")


def test_more_seeds_are_not_asked_for_where_they_would_not_decide():
    rough = replace(made("a", 0.0, 0.01), floor=1.0)
    between = made("b", 0.93 * rough.margin, 0.03)
    record = finding(8, [rough, between], sentence="Numbers.").record()
    assert [one["verdict"] for one in record["contrasts"]] == ["undecided"] * 2
    assert [one["seeds_needed"] for one in record["contrasts"]] == [None, None]
    assert not any("would need" in one["reason"] for one in record["contrasts"])
    assert "2 not decided (2 would not be decided by more seeds)" in record["sentence"]
