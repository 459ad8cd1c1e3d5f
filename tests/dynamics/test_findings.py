"""Contrasts of twins and verdicts of claims, on analyses whose numbers are made."""

from __future__ import annotations

import numpy as np
import pytest

from landscape.dynamics import bounce, convergence, stable_rate
from landscape.dynamics.claims import known_claims
from landscape.dynamics.comparing import Quantity, contrasts, groups, said, twin_of
from landscape.dynamics.statistics import Verdict
from landscape.dynamics.twins import activations_of, twins
from landscape.dynamics.verdicts import combined
from landscape.dynamics.wording import WORDINGS, wording
from landscape.results import Analysis

NAMES = activations_of(twins("few"))
KINKED = np.array([any(name == t.kinked for t in twins("few")) for name in NAMES])


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
        arrays = {"best": best[:, None], "needed": best[:, None, None],
                  "batch_sizes": np.array([0]), "rates": np.ones(1)}  # fmt: skip
        settings = {"seed": seed, "group": group, "claim": number, "activations": list(NAMES),
                    "data": data, "network": {"kind": group.split(".")[1]}}  # fmt: skip
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
    assert convergence.verdict(runs(1.1, seeds=4, noise=0.5)).verdict is Verdict.UNDECIDED


def test_one_seed_decides_nothing():
    found = convergence.verdict(runs(3.0, seeds=1))
    assert found.verdict is Verdict.UNDECIDED
    assert not found.contrasts


def test_an_effect_that_the_null_shows_as_well_is_not_believed():
    analyses = []
    for analysis in runs(1.3):
        best = analysis.arrays["best"].copy()
        best[NAMES.index("smelu_0.001")] /= 2.0
        arrays = {**analysis.arrays, "best": best}
        analyses.append(Analysis("claims", arrays, analysis.settings))
    assert convergence.verdict(analyses).verdict is Verdict.UNDECIDED


def test_null_differences_that_cancel_still_leave_a_floor():
    analyses = []
    for number, analysis in enumerate(runs(1.3)):
        best = analysis.arrays["best"].copy()
        sign = (-1) ** number
        best[NAMES.index("smelu_0.001")] = best[NAMES.index("relu")] * np.exp(0.6 * sign)
        analyses.append(Analysis("claims", {**analysis.arrays, "best": best}, analysis.settings))
    floors = {contrast.floor for contrast in convergence.verdict(analyses).contrasts}
    assert sorted(floors) == pytest.approx([0.6 / np.sqrt(12)] * len(floors))


def test_a_run_that_never_arrives_is_censored_and_counts():
    analyses = runs(1.0)
    for analysis in analyses[:3]:
        analysis.arrays["best"].base[NAMES.index("relu")] = np.inf
    found = convergence.verdict(analyses)
    relu = next(c for c in found.contrasts if "relu against smelu_0.1" in c.name)
    assert relu.effect.n == 12
    assert relu.effect.censored == 3


@pytest.mark.parametrize("scale", ["log", "linear"])
def test_a_run_that_diverged_is_censored_whatever_is_compared(scale):
    """Contrasts of differences were left out where a single run had diverged."""
    values = lambda a, i: float(a.arrays["best"][i, 0])  # noqa: E731
    quantity = Quantity(name="change", values=values, claimed=1, margin=0.1, scale=scale)
    analyses = runs(1.0)
    analyses[0].arrays["best"].base[NAMES.index("relu")] = np.nan
    analyses[1].arrays["best"].base[NAMES.index("smelu_0.1")] = np.inf
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
    made += runs(1.3, seeds=1, group="c.two", number=10, data="c")
    found = convergence.verdict_elsewhere(made)
    assert found.verdict is Verdict.EXPLORATORY
    assert found.sentence.startswith("2 data sets, 1 kind of network. Kinked over smooth: ")
    assert len(found.contrasts) == 10


def test_slower_cells_are_counted():
    analyses = runs(1.3, seeds=3, noise=1e-6)
    assert convergence.slower_cells(analyses, "relu", "smelu_0.1") == (3, 0, 3)
    assert convergence.slower_cells(analyses, "relu", "relu") == (0, 0, 3)


def test_margins_are_ten_per_cent_or_five_in_a_hundred():
    assert [q.margin for q in stable_rate.PRIMARY] == pytest.approx([np.log(1.1)] * 2)
    assert {q.margin for q in bounce.PRIMARY} == {0.05}


def test_contrasts_name_group_and_twin():
    quantity = Quantity(name="steps", values=lambda a, i: float(a.arrays["best"][i, 0]),
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
    for claim in known_claims():
        assert claim.quotation == wording(claim.number).quotation
    assert known_claims((8, 2))[0].number == 2
    with pytest.raises(ValueError, match="claim 11 cannot be measured; known: 1, 2"):
        known_claims((11,))


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
    assert said(alone(one)) == (
        "steps at the best rate, batch of all: relu against smelu_0.1 x 2 (2 to 2)"
    )
    both = one + runs(0.5, noise=1e-9, group="wine.mlp-8.identical")
    assert said(alone(both)).endswith("relu against smelu_0.1 x 1 (0.5 to 2 over 2 groups)")


def test_many_effects_are_told_briefly():
    analyses = []
    for analysis in runs(2.0, noise=1e-9):
        arrays = dict(analysis.arrays) | {"best": np.repeat(analysis.arrays["best"], 2, axis=1),
                                          "batch_sizes": np.array([0, 8])}  # fmt: skip
        analyses.append(Analysis("claims", arrays, analysis.settings))
    analyses[0].arrays["best"].base[:] = np.nan
    analyses[1].arrays["best"].base[:] = np.nan
    names = ("smelu_0.1", "smelu_0.3", "gelu", "elu", "tanh")
    for some, estimate in ((analyses[:2], "not known"), (analyses[2:], "x 2")):
        told = convergence.verdict(some).sentence
        each = ", ".join(f"{name} {estimate}" for name in names)
        assert f"batch of all: {each}; steps at the best rate, batch 8: {each}" in told


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
            analysis.arrays["best"].base[NAMES.index(name)] = np.inf
    (relu,) = alone(analyses)
    assert f"relu against smelu_0.1 {told}" in said([relu])
    assert not np.isfinite(relu.effect.estimate)
