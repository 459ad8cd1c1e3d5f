"""Contrasts of twins and verdicts of claims, on analyses whose numbers are made."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from landscape.claims import bounce, convergence, elsewhere, pilot, stable_rate
from landscape.claims.claim import known_claims
from landscape.claims.comparing import Quantity, contrasts, groups, twin_of
from landscape.claims.statistics import Verdict
from landscape.claims.summaries import effects
from landscape.claims.twins import activations_of, twins
from landscape.claims.verdicts import combined
from landscape.claims.wording import WORDINGS
from landscape.records.results import Analysis

NAMES = activations_of(twins("few"))
KINKED = np.array([any(name == t.kinked for t in twins("few")) for name in NAMES])


PILOT = pilot.PILOT
LEAST = 7


def runs(factor, *, seeds=12, group="digits.mlp-8.identical", number=8, noise=0.01, data="digits"):
    """Make analyses where kinked twins need ``factor`` times the steps of smooth ones."""
    rng = np.random.default_rng(0)
    made = []
    for seed in range(seeds):
        # A seed's difficulty is shared by all its activations.
        best = 40 * np.exp(rng.normal(0, 0.5)) * np.exp(rng.normal(0, noise, len(NAMES)))
        # ReLU and the null's SmeLU are one function.
        best = np.where(KINKED, factor * best, best)
        best[NAMES.index("smelu_0.001")] = best[NAMES.index("relu")] * np.exp(rng.normal(0, 1e-3))
        needed = best[:, None, None]
        arrays = {"needed": needed, "losses": np.ones((*needed.shape, 2)),
                  "batch_sizes": np.array([0]), "rates": np.ones(1),
                  "steps": np.array([0, 100])}  # fmt: skip
        settings = {"seed": seed, "group": group, "claim": number, "activations": list(NAMES),
                    "data": data, "network": {"kind": group.split(".")[1]},
                    "seconds": np.ones((len(NAMES), 1)).tolist()}  # fmt: skip
        made.append(Analysis("claims", arrays, settings))
    return made


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(1.3, Verdict.SUPPORTED), (1.0, Verdict.EQUIVALENT), (0.75, Verdict.CONTRADICTED)],
)
def test_a_known_factor_gives_the_verdict_it_must(factor, verdict):
    found = convergence.verdict(runs(factor))
    assert found.verdict is verdict
    assert found.number == 8
    for contrast in found.contrasts:
        assert contrast.effect.estimate == pytest.approx(np.log(factor), abs=0.02)


def test_noise_as_large_as_the_effect_is_undecided():
    assert convergence.verdict(runs(1.1, seeds=8, noise=0.5)).verdict is Verdict.UNDECIDED


def test_too_few_seeds_decide_nothing_and_the_sentence_says_so():
    for seeds in (1, LEAST - 1):
        found = convergence.verdict(runs(3.0, seeds=seeds))
        assert found.verdict is Verdict.UNDECIDED
        assert not found.contrasts
        assert found.sentence.startswith(
            "Nothing can be judged: 3 others choose the rates of every"
        )
        assert f"every seed, which needs at least 7 seeds, got {seeds}." in found.sentence
    assert convergence.verdict(runs(3.0, seeds=LEAST)).contrasts


def test_an_effect_that_the_null_shows_as_well_is_not_believed():
    analyses = []
    for analysis in runs(1.3):
        needed = analysis.arrays["needed"].copy()
        needed[NAMES.index("smelu_0.001")] /= 2.0
        arrays = {**analysis.arrays, "needed": needed}
        analyses.append(Analysis("claims", arrays, analysis.settings))
    assert convergence.verdict(analyses).verdict is Verdict.UNDECIDED


def test_null_differences_that_cancel_still_leave_a_floor():
    analyses = []
    for number, analysis in enumerate(runs(1.3)):
        needed = analysis.arrays["needed"].copy()
        sign = (-1) ** number
        needed[NAMES.index("smelu_0.001")] = needed[NAMES.index("relu")] * np.exp(0.6 * sign)
        analyses.append(
            Analysis("claims", {**analysis.arrays, "needed": needed}, analysis.settings)
        )
    floors = {contrast.floor for contrast in convergence.verdict(analyses).contrasts}
    assert sorted(floors) == pytest.approx([0.6 / np.sqrt(12)] * len(floors))


def test_a_run_that_never_arrives_is_censored_and_counts():
    analyses = runs(1.0)
    for analysis in analyses[:3]:
        analysis.arrays["needed"].base[NAMES.index("relu")] = np.inf
    found = convergence.verdict(analyses)
    relu = next(c for c in found.contrasts if "relu against smelu_0.1" in c.name)
    assert relu.effect.n == 12
    assert relu.effect.censored == 3


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_run_that_diverged_is_censored_whatever_is_compared(scale):
    """Contrasts of differences were left out where a single run had diverged."""
    values = lambda a, i: float(a.arrays["needed"][i, 0, 0])  # noqa: E731
    quantity = Quantity(name="change", values=values, claimed=1, margin=0.1, scale=scale)
    analyses = runs(1.0, seeds=12)
    analyses[0].arrays["needed"].base[NAMES.index("relu")] = np.nan
    analyses[1].arrays["needed"].base[NAMES.index("smelu_0.1")] = np.inf
    relu = next(c for c in contrasts(analyses, quantity) if "relu against smelu_0.1" in c.name)
    assert (relu.effect.n, relu.effect.censored) == (12, 2)
    assert relu.effect.highest[0] == np.inf
    assert relu.effect.lowest[0] == relu.effect.highest[1] == -np.inf


def test_what_was_not_measured_is_not_compared():
    values = lambda a, i: None if NAMES[i] == "gelu" else 1.0  # noqa: E731
    quantity = Quantity(name="change", values=values, claimed=1, margin=0.1)
    assert [twin_of(c) for c in contrasts(runs(1.0), quantity)] == [
        "relu against smelu_0.1", "relu against smelu_0.3", "pwl_elu_0.5 against elu",
        "pwl_tanh_0.5 against tanh"]  # fmt: skip


def test_a_gain_is_unknown_where_nesterov_does_not_arrive():
    """It was 1, or a number so small that its logarithm was -708."""
    steps = np.array([[40.0, 9, 20], [np.inf, 9, 20], [40, 9, np.inf], [np.inf, 9, np.inf]])
    made = Analysis("claims", {"steps_to_target": steps}, {})
    gains = [stable_rate.SHOWN[-1].values(made, row) for row in range(4)]
    np.testing.assert_array_equal(gains, [2.0, np.inf, np.nan, np.nan])


def test_groups_are_judged_apart():
    both = runs(1.3) + runs(0.75, group="wine.mlp-8.identical", data="wine")
    assert list(groups(both)) == ["digits.mlp-8.identical", "wine.mlp-8.identical"]
    assert convergence.verdict(both).verdict is Verdict.UNDECIDED


def test_what_differs_between_places_is_told_and_not_judged():
    made = []
    for data, factor in (("a", 1.3), ("b", 0.75)):
        made += runs(factor, group=f"{data}.one", number=10, data=data)
    # A place that was only begun with counts for nothing.
    made += runs(1.3, seeds=LEAST - 2, group="c.two", number=10, data="c")
    found = elsewhere.verdict(made)
    assert found.verdict is Verdict.EXPLORATORY
    assert found.sentence.startswith("2 data sets, 1 kind of network. 3 other seeds choose the ")
    assert "Too few seeds: c.two. Kinked over smooth: " in found.sentence
    assert len(found.contrasts) == 10


def test_slower_cells_are_counted():
    analyses = runs(1.3, seeds=3, noise=1e-6)
    assert convergence.slower_cells(analyses, "relu", "smelu_0.1") == (3, 0, 3)
    assert convergence.slower_cells(analyses, "relu", "relu") == (0, 0, 3)


def test_margins_are_ten_per_cent_or_five_in_a_hundred():
    assert [q.margin for q in stable_rate.PRIMARY] == pytest.approx([np.log(1.1)] * 2)
    assert {q.margin for q in bounce.PRIMARY} == {0.05}


def test_contrasts_name_group_and_twin():
    quantity = Quantity(name="steps", values=lambda a, i: float(a.arrays["needed"][i, 0, 0]),
                        claimed=1, margin=0.1)  # fmt: skip
    found = contrasts(runs(1.0), quantity)
    assert found[0].name == "steps: relu against smelu_0.1, digits.mlp-8.identical"
    assert not contrasts(runs(1.0), quantity, primary=False)


def test_verdicts_combine_by_stated_rules():
    assert combined([]) is Verdict.UNDECIDED
    assert combined([Verdict.EQUIVALENT, Verdict.EQUIVALENT]) is Verdict.EQUIVALENT
    yes, no, same, unknown = (Verdict.SUPPORTED, Verdict.CONTRADICTED, Verdict.EQUIVALENT,
                              Verdict.UNDECIDED)  # fmt: skip
    assert combined([no, no, same]) is no
    assert combined([yes, yes, unknown]) is yes
    assert combined([same, same, unknown]) is same
    # Half is not more than half, and one that is against it is too many.
    assert combined([yes, unknown]) is unknown
    assert combined([yes, same, same]) is unknown
    assert combined([yes, yes, yes, no]) is unknown


def test_the_registry_agrees_with_the_wordings():
    assert [said.number for said in WORDINGS] == list(range(1, 11))
    assert [claim.wording for claim in known_claims()] == list(WORDINGS)
    assert known_claims((8, 2))[0].number == 2
    with pytest.raises(ValueError, match="claim 11 cannot be measured; known: 1, 2"):
        known_claims((11,))


@given(st.integers(0, 2**32 - 1), st.integers(0, LEAST + 1))
def test_no_seed_chooses_its_own_rates(luck, judged):
    """Whatever a seed did, its rates stay those that the seeds after it chose."""
    rng = np.random.default_rng(luck)
    shape = (3, 2, 6)  # activations, batch sizes, rates

    def made(seed):
        needed = np.exp(rng.normal(3, 1, shape))
        needed[rng.uniform(size=shape) < 0.3] = np.inf
        arrays = {"needed": needed, "losses": rng.uniform(0, 1, (*shape, 2))}
        return Analysis("claims", arrays, {"seed": seed, "group": "g"})

    seeds = [made(seed) for seed in range(LEAST + 2)]
    others = [seeds[(judged + k) % len(seeds)] for k in range(1, PILOT + 1)]
    expected = pilot.best_rates(others)
    seeds[judged] = made(judged)
    mixed = rng.permutation(np.array(seeds, dtype=object)).tolist()
    found = pilot.judged_apart(mixed)
    assert [one.settings["seed"] for one in found] == list(range(LEAST + 2))
    np.testing.assert_array_equal(found[judged].arrays["chosen"], expected)


def test_a_rate_at_which_a_pilot_seed_does_not_arrive_is_not_chosen():
    """Nor one at which none arrives, as long as another is left; then the lowest loss counts."""
    inf = np.inf
    needed = np.array([[[[5, 20, 30]], [[inf, inf, inf]]], [[[inf, 22, 10]], [[inf, inf, inf]]]])
    losses = np.zeros((2, 2, 1, 3, 2)) + np.array([3.0, 1.0, 2.0])[:, None]
    seeds = [Analysis("claims", {"needed": needed[k % 2], "losses": losses[k % 2]},
                      {"seed": k, "group": "g"}) for k in range(LEAST)]  # fmt: skip
    chosen = pilot.judged_apart(seeds)[0].arrays["chosen"]
    # Rate 1 takes 20 and 22 steps, rate 2 30 and 10: less in the mean of logarithms.
    assert chosen.ravel().tolist() == [2, 1]


def test_at_one_rate_the_slower_twin_arrives_later_by_so_many_steps():
    """ReLU needs 4 more steps at either rate, is best at another, and is as fast there."""
    analyses = []
    for one in runs(1.0, noise=1e-9):
        needed = 30.0 + one.settings["seed"] + np.zeros((len(NAMES), 1, 2))
        needed[..., 1] += 9
        needed[NAMES.index("relu")] = 34.0 + one.settings["seed"] + np.array([0.0, -4.0])
        arrays = dict(one.arrays) | {"needed": needed, "losses": np.ones((*needed.shape, 2))}
        analyses.append(Analysis("claims", arrays, one.settings))
    found = convergence.verdict(analyses)
    (extra,) = [c for c in found.shown if c.name.startswith("extra steps at the smooth twin's rate")
                and "relu against smelu_0.1" in c.name]  # fmt: skip
    assert (extra.effect.estimate, extra.effect.n) == (pytest.approx(4), 12)
    speeds = [c for c in (*found.contrasts, *found.shown) if c.name.startswith("steps at the best")]
    (speed,) = [c for c in speeds if "relu against smelu_0.1" in c.name]
    assert speed.effect.estimate == pytest.approx(0)


def test_seconds_to_the_target_are_the_share_of_the_steps():
    (one, *_) = pilot.judged_apart(runs(1.0))
    names = {q.name: q for q in convergence._beside([one])}
    whole = names["seconds of training at the best rate, batch of all"].values(one, 0)
    part = names["seconds to the target at the best rate, batch of all"].values(one, 0)
    assert (whole, part) == (1.0, pytest.approx(one.arrays["needed"][0, 0, 0] / 100))
    assert names["held-out accuracy at the best rate, batch of all"].values(one, 0) is None


def test_a_finding_is_plain_values():
    record = convergence.verdict(runs(1.0)).record()
    assert record["spoken"] == "hardly"
    assert {"name", "estimate", "low", "high", "margin", "verdict"} <= record["contrasts"][0].keys()


def alone(analyses):
    """The contrasts of ReLU and SmeLU(0.1), which are told in full."""
    found = convergence.verdict(analyses).contrasts
    return [c for c in found if "relu against smelu_0.1" in c.name]


def test_effects_are_put_into_words_as_factors_with_their_interval_or_range():
    one = runs(2.0, noise=1e-9)
    assert effects(alone(one)) == (
        "steps at the best rate, batch of all: relu against smelu_0.1 x 2 (2 to 2)"
    )
    both = one + runs(0.5, noise=1e-9, group="wine.mlp-8.identical")
    assert effects(alone(both)).endswith("relu against smelu_0.1 x 1 (0.5 to 2 over 2 groups)")


def test_many_effects_are_told_briefly():
    analyses = []
    for analysis in runs(2.0, noise=1e-9):
        twice = {key: np.repeat(analysis.arrays[key], 2, axis=1) for key in ("needed", "losses")}
        arrays = dict(analysis.arrays) | twice | {"batch_sizes": np.array([0, 8])}
        settings = dict(analysis.settings) | {"seconds": np.ones((len(NAMES), 2)).tolist()}
        analyses.append(Analysis("claims", arrays, settings))
    names = ("smelu_0.1", "smelu_0.3", "gelu", "elu", "tanh")
    each = ", ".join(f"{name} x 2" for name in names)
    told = convergence.verdict(analyses).sentence
    assert f"batch of all: {each}; steps at the best rate, batch 8: {each}" in told
    for analysis in analyses:
        analysis.arrays["needed"].base[:] = np.nan
    told = convergence.verdict(analyses).sentence
    assert f"batch of all: {each.replace('x 2', 'not known')}; steps" in told


@pytest.mark.parametrize(
    ("late", "told"),
    [
        (NAMES, "not known, too few runs arrive"),
        (("relu", "smelu_0.001"), "only the second arrives"),
        (("smelu_0.1",), "only the first arrives"),
    ],
)
def test_a_target_that_is_not_reached_is_said_to_be_so(late, told):
    analyses = runs(1.0)
    for analysis in analyses:
        for name in late:
            analysis.arrays["needed"].base[NAMES.index(name)] = np.inf
    (relu,) = alone(analyses)
    assert f"relu against smelu_0.1 {told}" in effects([relu])
    assert not np.isfinite(relu.effect.estimate)
