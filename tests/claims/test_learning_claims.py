"""Claims 5, 6, 7 and 9 from measurement to verdict, on a network of a few weights."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from landscape import open_study
from landscape.claims import dead_units, pattern_changes, saturation, vanishing
from landscape.claims.claim import known_claims
from landscape.claims.effort import Effort
from landscape.claims.setting import Setting
from landscape.networks.spec import network_spec
from landscape.records.results import Analysis
from landscape.store import StudyWriter


def setting(seed, **options):
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(40, 4, generator=generator, dtype=torch.float64)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long()
    network = network_spec("mlp", input_shape=(4,), outputs=2, hidden=(6, 6))
    effort = Effort(steps=6, rates=6, records=3, depths=(2, 5))
    return Setting(data="made", inputs=inputs[:30], targets=targets[:30], network=network,
                   held_out=(inputs[30:], targets[30:]), seed=seed, effort=effort,
                   **options)  # fmt: skip


@pytest.fixture(scope="module", params=[vanishing, dead_units, pattern_changes, saturation])
def measured(request):
    module = request.param
    return module, [module.measure(setting(seed)) for seed in (0, 1)]


def test_from_measurement_to_verdict(measured):
    module, analyses = measured
    found = module.verdict(analyses)
    assert known_claims((found.number,))[0].verdict is module.verdict
    assert found.contrasts
    assert found.verdict == "exploratory"
    assert {j.verdict for j in found.judgements} == {"exploratory"}
    assert all(c.effect.n == 2 for c in (*found.contrasts, *found.shown))
    assert len(found.sentence) < 600


def test_one_seed_compares_nothing(measured):
    module, analyses = measured
    found = module.verdict(analyses[:1])
    assert not found.contrasts
    assert found.verdict == "exploratory"


def test_the_same_seed_gives_the_same_numbers(measured):
    module, analyses = measured
    again = module.measure(setting(0))
    for name, values in analyses[0].arrays.items():
        np.testing.assert_array_equal(again.arrays[name], values)


def test_an_analysis_can_be_stored(measured, tmp_path):
    _, (analysis, _) = measured
    with StudyWriter(tmp_path / "study.h5") as writer:
        writer.put_record(f"analyses/{analysis.kind}/1.made.seed0", analysis)
        writer.publish()
    back = open_study(tmp_path).analysis(analysis.kind, "1.made.seed0")
    assert dict(back.settings) == dict(analysis.settings)
    for name, values in analysis.arrays.items():
        np.testing.assert_array_equal(back.arrays[name], values)


def test_a_gradient_survives_relu_and_not_sigmoid():
    """With equal gains: chi = E[act'^2] / E[act^2] is 1 for ReLU and .15 for sigmoid."""
    (analysis,) = [vanishing.measure(setting(seed)) for seed in (3,)]
    left = dict(zip(vanishing.ACTIVATIONS, analysis.arrays["survival"][:, -1, 0], strict=True))
    assert left["sigmoid"] < 0.1 * left["relu"]
    part = dict(
        zip(vanishing.ACTIVATIONS, analysis.arrays["activation_part"][:, -1, 0], strict=True)
    )
    # sigmoid' is at most 1/4, over four layers.
    assert part["sigmoid"] <= 0.25**4
    assert part["relu"] <= 1.0
    assert np.isnan(analysis.arrays["gradient_norms"][:, 0, :, 2:]).all()  # depth 2 has 2 layers


def test_a_descent_that_diverged_has_no_end(monkeypatch):
    """Its start stood in place of its end, as if training had changed nothing."""
    usual = [vanishing.measure(setting(seed)) for seed in (0, 1)]
    monkeypatch.setattr(vanishing, "_RATE", 1e200)
    wild = [vanishing.measure(setting(seed)) for seed in (0, 1)]
    relu = vanishing.ACTIVATIONS.index("relu")
    for one, other in zip(wild, usual, strict=True):
        assert np.isinf(one.arrays["losses"][relu, :, 1]).all()
        for key in ("survival", "activation_part", "gradient_norms", "jacobian"):
            assert np.isnan(one.arrays[key][relu, :, 1]).all()
            np.testing.assert_array_equal(one.arrays[key][:, :, 0], other.arrays[key][:, :, 0])
    found = vanishing.verdict(wild)
    trained = [c.effect for c in found.shown if c.name.partition(": ")[0].endswith("trained")]
    assert [(e.n, e.censored) for e in trained] == [(2, 2)] * len(vanishing.PAIRS)
    assert all((e.low, e.high) == (-np.inf, np.inf) for e in trained)
    assert not any(c.effect.censored for c in found.contrasts)


def test_pattern_changes_of_a_run_that_diverged_are_not_known():
    analyses = [pattern_changes.measure(setting(seed)) for seed in (0, 1)]
    names = list(analyses[0].settings["activations"])
    arrays = {key: np.array(values) for key, values in analyses[0].arrays.items()}
    for key in ("concentration", "gradient_change"):
        arrays[key][names.index("relu")] = np.inf
    broken = [Analysis(analyses[0].kind, arrays, analyses[0].settings), analyses[1]]
    whole, found = (pattern_changes.verdict(some) for some in (analyses, broken))
    assert [c.name for c in found.contrasts] == [c.name for c in whole.contrasts]
    assert {c.effect.censored for c in found.contrasts if "relu against" in c.name} == {1}


def test_dead_units_are_not_known_where_no_rate_suits_all():
    nowhere = {"descended": np.zeros((len(dead_units.ACTIVATIONS), 6), dtype=bool)}
    measured = [dead_units.measure(setting(seed)) for seed in (0, 1)]
    found = dead_units.verdict([replace(a, arrays={**a.arrays, **nowhere}) for a in measured])
    assert {c.effect.censored for c in found.contrasts} == {2}
    assert found.sentence.endswith(
        "No rate of the grid lets every activation descend in every seed."
    )


def test_other_networks_keep_their_depth():
    spec = network_spec("cnn", input_shape=(1, 8, 8), outputs=2, channels=(2,), hidden=(4,))
    inputs = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    other = Setting(data="made", inputs=inputs, targets=torch.zeros(2).long(), network=spec, seed=0)
    assert vanishing.depths(other) == (0,)
    assert vanishing.deep(other, 0).network.channels == spec.channels
