"""Sweeps over claims: what is done once is not done again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from small_study import Notes, Stops, load
from torch.nn.functional import cross_entropy

from landscape import open_study
from landscape.claims.answer import ENOUGH
from landscape.claims.effort import Effort
from landscape.claims.pilot import PILOT
from landscape.claims.primary import digest
from landscape.claims.statistics import Verdict
from landscape.networks.randomness import keyed_generator
from landscape.store import StudyFile, StudyWriter
from landscape.study.configuration import DataConfig
from landscape.study.sweep import claim_findings, claim_tasks, claims_config, run_claims
from landscape.study.sweep_settings import ClaimsConfig, full, quick

TINY = ClaimsConfig(
    claims=(3, 4),
    seeds=(0, 1),
    data=(DataConfig(name="wine"),),
    networks=({"kind": "mlp", "hidden": [4]},),
    examples=40,
    effort=Effort(steps=4, rates=3, records=2, centres=3, batch_sizes=(0, 8)),
)


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return run_claims(TINY, tmp_path_factory.mktemp("claims") / "claims.h5", load_data=load)


def content(study: StudyFile) -> dict[str, dict[str, np.ndarray]]:
    names = study.analyses("claims")
    return {name: dict(study.analysis("claims", name).arrays) for name in names}


def test_every_claim_and_seed_has_its_record(swept):
    assert swept.analyses("claims") == [
        f"{number}.wine.mlp-4.identical.seed{seed}" for number in (3, 4) for seed in (0, 1)
    ]
    settings = swept.analysis("claims", "4.wine.mlp-4.identical.seed1").settings
    assert (settings["claim"], settings["seed"], settings["examples"]) == (4, 1, 40)
    assert settings["cpu_seconds"] >= 0
    assert settings["form"] == TINY.form
    assert settings["primary"] == digest()
    assert swept.config == TINY.identity()


def test_an_interrupted_sweep_is_continued_where_it_was(swept, tmp_path):
    path = tmp_path / "claims.h5"
    with pytest.raises(KeyboardInterrupt):
        run_claims(TINY, path, load_data=load, reporter=Stops(2))
    assert len(StudyFile(path).analyses("claims")) == 3
    kept = StudyFile(path).analysis("claims", "3.wine.mlp-4.identical.seed0").settings
    whole = run_claims(TINY, path, load_data=load)
    again = whole.analysis("claims", "3.wine.mlp-4.identical.seed0").settings
    assert again["cpu_seconds"] == kept["cpu_seconds"]
    for name, arrays in content(swept).items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(content(whole)[name][key], values)


def test_claims_and_seeds_are_added_and_nothing_is_measured_twice(swept, tmp_path):
    path = tmp_path / "claims.h5"
    path.write_bytes(swept.path.read_bytes())
    run_claims(TINY, path, load_data=load, reporter=Stops(0))
    more = run_claims(replace(TINY, claims=(4,), seeds=(0, 1, 2)), path, load_data=load)
    assert len(more.analyses("claims")) == 5


def test_arms_data_sets_and_networks_are_added_to_a_sweep(swept, tmp_path):
    path = tmp_path / "claims.h5"
    path.write_bytes(swept.path.read_bytes())
    wider = replace(TINY, claims=(4,), form="wider", arms=("identical", "gain"),
                    data=(*TINY.data, DataConfig(name="breast_cancer")))  # fmt: skip
    study = run_claims(wider, path, load_data=load)
    assert len(study.analyses("claims")) == 4 + 6
    deciding, beside = claim_findings(study, (4,))[0].contrasts, claim_findings(study)[1].shown
    assert {c.name.rpartition(".")[2] for c in deciding} == {"identical"}
    assert any(c.name.endswith("wine.mlp-4.gain") for c in beside)
    # The same name with other settings is another measurement.
    other = replace(wider, data=(DataConfig(name="wine", standardise="none"),))
    with pytest.raises(ValueError, match="of another sweep; choose another --out"):
        run_claims(other, path, load_data=load)


def test_a_study_tells_how_its_claims_are_measured_again(swept):
    again = claims_config(swept)
    assert replace(again, networks=TINY.networks) == TINY
    assert [t.sweep for t in claim_tasks(again, load)] == [t.sweep for t in claim_tasks(TINY, load)]


def test_a_study_without_claims_tells_nothing(study):
    with pytest.raises(ValueError, match="holds no claims; measure them"):
        claims_config(study)


def test_a_network_for_images_is_left_out_where_there_are_none():
    both = replace(TINY, networks=({"kind": "mlp", "hidden": [4]},
                                   {"kind": "cnn", "channels": [2], "hidden": []}),
                   data=(DataConfig(name="wine"), DataConfig(name="digits")))  # fmt: skip
    groups = {task.setting.group for task in claim_tasks(both, load)}
    assert groups == {
        "wine.mlp-4.identical", "digits.mlp-4.identical", "digits.cnn-2.identical",
    }  # fmt: skip
    alone = replace(both, networks=both.networks[1:])
    with pytest.raises(ValueError, match=r"needs images .* got examples of shape \(13,\)"):
        list(claim_tasks(alone, load))


def test_the_arm_that_decides_is_measured_first():
    both = replace(TINY, arms=("identical", "gain"))
    arms = [task.setting.arm for task in claim_tasks(both, load)]
    assert arms == ["identical"] * 4 + ["gain"] * 4


def test_another_sweep_is_refused(swept, tmp_path):
    path = tmp_path / "claims.h5"
    path.write_bytes(swept.path.read_bytes())
    other = replace(TINY, effort=replace(TINY.effort, steps=5))
    with pytest.raises(ValueError, match=r"steps is 4 there, 5 here"):
        run_claims(other, path, load_data=load)


def test_claims_are_added_to_a_study_and_belong_to_one_sweep(study, tmp_path):
    study = open_study(shutil.copy(study.path, tmp_path / "study.h5"))
    few = replace(TINY, claims=(4,), seeds=(0,))
    added = run_claims(few, study.path, load_data=load)
    assert added.runs() == study.runs()
    assert added.config == study.config
    assert len(added.analyses("claims")) == 1
    with pytest.raises(ValueError, match="of another sweep; choose another --out"):
        run_claims(replace(few, examples=30), study.path, load_data=load)


def test_a_measurement_that_fails_does_not_end_the_others(tmp_path):
    class Broken:
        """Classes that the network has no outputs for."""

        def __init__(self, whole):
            self.classes, self.sha256 = whole.classes, whole.sha256
            self.inputs, self.targets = np.array(whole.inputs), whole.targets + 100

    sweep = replace(TINY, data=(DataConfig(name="wine"), DataConfig(name="breast_cancer")),
                    claims=(3,), seeds=(0,))  # fmt: skip
    heard = Notes()
    path = tmp_path / "claims.h5"

    def partly(config):
        whole = load(config)
        return Broken(whole) if config.name == "wine" else whole

    with pytest.raises(RuntimeError, match=r"1 of 2 measurements failed, among them 3\.wine"):
        run_claims(sweep, path, load_data=partly, reporter=heard)
    assert StudyFile(path).analyses("claims") == ["3.breast_cancer.mlp-4.identical.seed0"]
    run_claims(sweep, path, load_data=load)
    assert len(StudyFile(path).analyses("claims")) == 2


def test_two_workers_find_what_one_does(swept, tmp_path):
    path = tmp_path / "claims.h5"
    both = run_claims(replace(TINY, claims=(4,)), path, load_data=load, workers=2)
    for name, arrays in content(both).items():
        for key, values in arrays.items():
            np.testing.assert_array_equal(content(swept)[name][key], values)


def test_findings_are_made_of_what_is_there(swept):
    found = claim_findings(swept)
    assert [one.number for one in found] == [3, 4]
    assert [one.number for one in claim_findings(swept, (4,))] == [4]
    assert all(isinstance(one.verdict, Verdict) and one.sentence for one in found)


@pytest.mark.parametrize("examples", [0, 40])
def test_each_seed_draws_its_examples_and_what_is_held_out(examples):
    settings = [t.setting for t in claim_tasks(replace(TINY, examples=examples), load)]
    drawn = {}
    for setting in settings:
        inside = {tuple(row) for row in setting.inputs.tolist()}
        outside = {tuple(row) for row in setting.held_out[0].tolist()}
        assert not inside & outside
        assert len(inside) + len(outside) == (80 if examples else 178)
        # The same for every claim of a seed.
        assert drawn.setdefault(setting.seed, inside) == inside
    assert len(drawn) == 2
    assert drawn[0] != drawn[1]


def test_a_sweep_whose_seeds_share_their_examples_is_another_sweep(swept, tmp_path):
    path = tmp_path / "claims.h5"
    older = {k: v for k, v in TINY.identity().items() if k != "drawn_by_seed"}
    with StudyWriter(path, config=older) as writer:
        writer.publish()
    with pytest.raises(ValueError, match="drawn_by_seed"):
        run_claims(TINY, path, load_data=load)


def test_tasks_are_balanced_over_the_claims_seed_by_seed():
    order = [(t.setting.seed, t.claim.number) for t in claim_tasks(TINY, load)]
    assert order == [(0, 3), (0, 4), (1, 3), (1, 4)]


@pytest.mark.parametrize("number", [1, 2, 8, 10])
def test_every_claim_is_measured_and_judged(number):
    tasks = list(claim_tasks(replace(TINY, claims=(number,)), load))
    analyses = [task.measured() for task in tasks]
    for analysis in analyses:
        names = analysis.settings["activations"]
        assert names[:2] == ["relu", "smelu_0.001"]
        assert analysis.settings["group"] == "wine.mlp-4.identical"
    found = tasks[0].claim.verdict(analyses)
    assert found.number == number
    # Two seeds are too few to choose rates and to be judged by them.
    assert bool(found.contrasts) == (number < 8)
    assert ("Nothing can be judged" in found.sentence) == (number >= 8)
    assert found.record()["verdict"] in list(Verdict)


PRACTICE = replace(
    TINY,
    claims=(8,),
    seeds=(5,),
    data=(DataConfig(name="digits"),),
    networks=(
        {"kind": "mlp", "hidden": [4], "effort": {"batch_sizes": [8, 0]}},
        {"kind": "resnet", "depth": 8, "width": 1, "effort": {"schedule": "linear"}},
        {"kind": "cnn", "channels": [2], "hidden": [], "batch_norm": True},
    ),
    effort=replace(TINY.effort, optimizer="adam", schedule="cosine", batch_sizes=(16,),
                   record_every=3),
)  # fmt: skip


def test_networks_are_trained_as_people_do(tmp_path):
    study = run_claims(PRACTICE, tmp_path / "practice.h5", load_data=load)
    names = ["8.digits.cnn-2-bn-adam-cosine.identical.seed5",
             "8.digits.mlp-4-adam-cosine.identical.seed5",
             "8.digits.resnet-8x1-bn-adam-linear.identical.seed5"]  # fmt: skip
    assert study.analyses("claims") == names
    for name, sizes in zip(names, ([16], [8, 0], [16]), strict=True):
        analysis = study.analysis("claims", name)
        arrays, activations = analysis.arrays, len(analysis.settings["activations"])
        assert arrays["batch_sizes"].tolist() == sizes
        assert arrays["steps"].tolist() == [0, 3, 4]
        assert arrays["losses"].shape == (activations, len(sizes), 3, 3)
        assert arrays["accuracies"].shape == (activations, len(sizes), 3)
        assert np.shape(analysis.settings["seconds"]) == (activations, len(sizes))
        assert np.min(analysis.settings["seconds"]) > 0
    again = claims_config(study)
    plain = [dict(network) for network in again.networks]
    assert [one.get("effort") for one in plain] == [
        None, {"batch_sizes": [8, 0]}, {"schedule": "linear"}]  # fmt: skip
    assert {t.identifier for t in claim_tasks(again, load)} == set(names)


def test_held_out_accuracy_is_that_of_a_plain_evaluation():
    """The network is trained by torch alone, and evaluated as anybody does."""
    (task, *_) = claim_tasks(replace(PRACTICE, networks=PRACTICE.networks[-1:]), load)
    found, setting = task.measured(), task.setting
    rate, row = found.arrays["rates"][2], found.settings["activations"].index("gelu")
    model = setting.model("gelu", dtype=torch.float32)
    inputs = setting.inputs.float()
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 4)
    order = keyed_generator(5, "batches")
    chosen = [c for _ in range(2) for c in torch.randperm(40, generator=order).split(16)]
    model.train()
    for batch in chosen[:4]:
        optimizer.zero_grad()
        cross_entropy(model(inputs[batch]), setting.targets[batch]).backward()
        optimizer.step()
        schedule.step()
    model.eval()
    with torch.no_grad():
        right = model(setting.held_out[0].float()).argmax(dim=1) == setting.held_out[1]
        loss = cross_entropy(model(inputs), setting.targets).item()
    assert found.arrays["accuracies"][row, 0, 2] == pytest.approx(float(right.double().mean()))
    assert found.arrays["losses"][row, 0, 2, -1] == pytest.approx(loss, rel=1e-5)


def test_networks_that_differ_by_batch_sizes_alone_are_refused():
    """Their records would have one name."""
    twice = tuple({"kind": "mlp", "hidden": [4], "effort": {"batch_sizes": [n]}} for n in (8, 16))
    with pytest.raises(ValueError, match=r"two are wine\.mlp-4\.identical; join them"):
        list(claim_tasks(replace(TINY, networks=twice), load))


def test_the_committed_practice_form_is_readable_and_has_seeds_to_judge():
    form = ClaimsConfig.from_toml(Path(__file__).parents[2] / "docs" / "claims" / "practice.toml")
    assert len(form.seeds) >= PILOT + 12
    ways = {(e.optimizer, e.schedule) for e in map(form.effort_of, range(len(form.networks)))}
    assert {("adam", "cosine"), ("sgd", "cosine"), ("adam", "constant")} <= ways


def test_committed_configurations_can_be_measured():
    paths = sorted((Path(__file__).parents[2] / "docs" / "claims").glob("*.toml"))
    assert paths
    for path in paths:
        assert list(claim_tasks(replace(ClaimsConfig.from_toml(path), seeds=(0,)), load))


@pytest.mark.parametrize("form", [quick(), full(), TINY])
def test_configurations_survive_toml(form, tmp_path: Path):
    path = tmp_path / "form.toml"
    path.write_text(form.to_toml(), encoding="utf-8")
    assert ClaimsConfig.from_toml(path) == form


def test_a_form_that_was_changed_does_not_keep_its_name():
    assert replace(quick(), claims=(3,)).form == "quick"
    assert replace(quick(), seeds=(0, 1)).form == "changed quick"
    assert replace(full(), effort=Effort(steps=10)).form == "changed full"
    assert replace(quick(), form="mine", seeds=(0, 1)).form == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": ()}, "seeds must be at least one"),
        ({"arms": ("same",)}, "arms must be among identical, gain"),
        ({"held_out": 1.0}, r"held_out must be in \[0, 1\)"),
        ({"networks": ({"kind": "mlp", "activation": "relu"},)}, "follows from the claims"),
        (
            {"networks": ({"kind": "resnet"},)},
            "claims 8 and 10 are .* batch_norm = true, got",
        ),
        ({"claims": (), "effort": Effort(optimizer="adam")}, "'adam', got claims all; set claims"),
        ({"networks": ({"kind": "mlp", "effort": {"schedule": "cosine"}},)}, "schedule = 'cosine'"),
        ({"networks": ({"kind": "mlp", "effort": {"speed": 1}},)}, r"networks\[0\].effort.speed"),
        ({"networks": ({"kind": "mlp", "effort": {"steps": 0}},)}, "steps must be >= 1, got 0"),
    ],
)
def test_impossible_sweeps_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(TINY, **change)


def test_the_full_form_is_what_fairness_asks_for():
    form = full()
    assert len(form.seeds) >= ENOUGH
    assert set(form.arms) == {"identical", "gain"}
    assert len(form.data) >= 3
    assert len(form.networks) >= 2
    assert form.effort.twins == "all"
    assert form.effort.factor <= 1.5
