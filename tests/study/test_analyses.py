"""Analyses added to a study: all kinds, once, and after an interruption."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from small_study import SMALL, Notes, Stops, load, run_study

from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.kink_map import KinkMap
from landscape.store import StudyFile, open_study
from landscape.study.analyses import Wanted, add_analyses
from landscape.study.analysis_summaries import report
from landscape.study.reporting import Silent

RUN = "relu-gd-seed0"
WANTED = Wanted(samples=3, steps=2, lines=1, path=4, swap=4, centres=3, map_points=5,
                crease_points=4)  # fmt: skip
KINDS = ("slope_budget", "along_path", "swap_control", "curvature_scale", "kink_map", "creases")


def copied(study: StudyFile, folder: Path) -> StudyFile:
    return open_study(Path(shutil.copy(study.path, folder / "study.h5")))


def arrays_of(study: StudyFile) -> dict[str, np.ndarray]:
    return {
        f"{kind}/{name}/{array}": values
        for kind in KINDS
        for name in study.analyses(kind)
        for array, values in study.analysis(kind, name).arrays.items()
    }


@pytest.fixture(scope="module")
def analysed(study: StudyFile, tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    one = copied(study, tmp_path_factory.mktemp("analysed"))
    add_analyses(one, SMALL, WANTED, load_data=load, runs=[RUN])
    return open_study(one.path)


def test_every_kind_is_there_and_says_whose_it_is(analysed: StudyFile) -> None:
    assert len(analysed.analyses("slope_budget")) == 3
    for kind in KINDS:
        for name in analysed.analyses(kind):
            settings = analysed.analysis(kind, name).settings
            assert settings.get("settings", settings)["run"] == RUN
    (name,) = analysed.analyses("kink_map")
    assert KinkMap.from_analysis(analysed.analysis("kink_map", name)).examples == 178
    for name in analysed.analyses("creases"):
        KinkCutSurface.from_analysis(analysed.analysis("creases", name))


def test_the_report_tells_what_was_measured(analysed: StudyFile) -> None:
    entry = report(analysed)["runs"][RUN]
    along = entry["along_path"]
    assert along["steps"] == [0, 4, 7, 11]
    assert (along["checked"], along["passed"]) == (2, 2)
    assert along["linear_range"]["low"] > 0
    assert (along["last"]["from_step"], along["last"]["to_step"]) == (11, 11)
    arrays = analysed.analysis("along_path", f"{RUN}.4.2").arrays
    promised = abs(arrays["promised"][-1])
    assert along["last"]["kink_of_promise"] == arrays["kink"][-1] / promised
    swapped = entry["swap_control"]
    assert (swapped["other"], swapped["width"]) == ("smelu_0.1", 0.1)
    assert swapped["first"]["own"] == pytest.approx(along["first"]["slope_change_of_promise"])
    scales = entry["curvature_scale"]
    assert scales["centres"] == 3
    assert len(scales["ratios_deviation"]) == len(scales["scales"]) == 6
    assert "along_path" not in report(analysed)["runs"]["prelu-gd-seed0"]


def test_an_interrupted_analysis_continues_with_the_same_numbers(
    study: StudyFile, analysed: StudyFile, tmp_path: Path
) -> None:
    one = copied(study, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        add_analyses(one, SMALL, WANTED, load_data=load, runs=[RUN], reporter=Stops(3))
    add_analyses(one, SMALL, WANTED, load_data=load, runs=[RUN])
    found, wanted = arrays_of(open_study(one.path)), arrays_of(analysed)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_another_number_of_steps_is_measured_anew(analysed: StudyFile, tmp_path: Path) -> None:
    one = copied(analysed, tmp_path)
    add_analyses(one, SMALL, Wanted(steps=3, path=3), load_data=load, runs=[RUN])
    after = open_study(one.path)
    assert after.analyses("along_path") == [f"{RUN}.3.3", f"{RUN}.4.2"]
    # The larger of the two is reported.
    assert report(after)["runs"][RUN]["along_path"]["steps"] == [0, 4, 7, 11]


class Counts(Silent):
    """Notes how many units each stage has and how many were reported."""

    def __init__(self) -> None:
        self.stages: dict[str, list[int]] = {}

    def stage(self, name: str, total: int) -> None:
        self.now = self.stages[name] = [total]

    def advance(self, units: int) -> None:
        self.now.append(units)


def test_progress_counts_what_is_missing_in_small_units(
    analysed: StudyFile, tmp_path: Path
) -> None:
    one, counts = copied(analysed, tmp_path), Counts()
    add_analyses(one, SMALL, WANTED, load_data=load, runs=[RUN], reporter=counts)
    assert counts.stages == {}
    other = replace(WANTED, lines=2, path=3, swap=3, spectrum=4, map_points=4)
    add_analyses(one, SMALL, other, load_data=load, runs=[RUN], reporter=counts)
    totals = {name.partition(" (")[0]: total for name, (total, *_) in counts.stages.items()}
    # Of 178 examples, of 3 steps with 8 products each, of 5 starts with 4 products.
    assert totals == {"slope budgets": 178, "paths": 27, "swapped activations": 3, "spectra": 20,
                      "kink maps": 178}  # fmt: skip
    for total, *units in counts.stages.values():
        assert sum(units) == total
    for name in ("paths", "swapped activations", "spectra"):
        (units,) = (v for k, v in counts.stages.items() if k.startswith(name))
        assert set(units[1:]) <= {0, 1}


def test_a_window_without_kinks_is_not_cut(tmp_path: Path) -> None:
    smooth = replace(SMALL, activations=("tanh",), optimizers=("gd",))
    one, notes = run_study(smooth, tmp_path), Notes()
    wanted = Wanted(steps=0, map_points=3, crease_points=3)
    add_analyses(one, smooth, wanted, load_data=load, reporter=notes)
    after = open_study(one.path)
    assert after.analyses("kink_map") == ["tanh-gd-seed0.3"]
    assert after.analyses("creases") == []
    assert notes.notes == ["tanh-gd-seed0: no kinks in the window, nothing is cut"]
