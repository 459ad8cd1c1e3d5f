"""The numbers of single steps in a study are those that plain torch finds."""

import math
from dataclasses import replace
from pathlib import Path

import h5py
import pytest
from small_study import SMALL, load

from benchmarks import plain_steps
from landscape import Study, TrainingConfig
from landscape.study.analyses import Wanted, add_analyses
from landscape.study.analysis_summaries import report
from landscape.study.configuration import DataConfig


def test_plain_torch_finds_the_numbers_of_a_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(
        SMALL, activations=("relu", "gelu"), optimizers=("gd",), data=DataConfig(name="digits"),
        training=TrainingConfig(steps=9, record_every=4), network={"kind": "mlp", "hidden": [6, 5]},
    )  # fmt: skip
    study = Study(config, tmp_path / "study.h5", load).run(sample=False)
    wanted = Wanted(steps=1, path=6, swap=6, samples=3)
    add_analyses(study, config, wanted, load_data=load)
    monkeypatch.setattr(plain_steps, "POINTS", 60)
    told = report(study)["runs"]
    with h5py.File(study.path) as file:
        for run, entry in told.items():
            found = plain_steps.compared(file, run, plain_steps.digits())
            last = entry["along_path"]["last"]
            assert found["steps"] == (last["from_step"], last["to_step"])
            apart = found["apart"]
            integrals = max(apart.pop("smooth"), apart.pop("taken_back"))
            assert integrals < (1e-3 if "relu" in run else 1e-5)
            assert max(apart.values()) < 1e-9, apart
            assert last["slope_change_of_promise"] == pytest.approx(found["change"], rel=1e-9)
            assert last["taken_back_of_promise"] == pytest.approx(found["taken_back"], abs=1e-3)
            if last["missed"] is None:
                assert math.isnan(found["missed"])
            else:
                assert last["missed"] == pytest.approx(found["missed"], abs=0.01)
    swapped = told["relu-gd-seed0"]["swap_control"]["last"]["swapped"]
    with h5py.File(study.path) as file:
        found = plain_steps.compared(file, "relu-gd-seed0", plain_steps.digits())
    assert swapped == pytest.approx(found["swapped"], rel=1e-9)
