"""Analyses added to a study: all kinds, once, and after an interruption."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from small_study import SMALL, Notes, Stops, load, run_study

from landscape import Problem, open_study, spectral_density
from landscape.curvature.expected_hessian import expected_hessian_check
from landscape.records.close_up import CloseUp
from landscape.records.kink_map import KinkMap
from landscape.store import StudyFile
from landscape.study.analyses import Wanted, add_analyses
from landscape.study.analysis_summaries import report
from landscape.study.reporting import Silent
from landscape.study.solution_network import solution_model

RUN = "relu-gd-seed0"
WANTED = Wanted(samples=3, steps=2, lines=1, path=4, swap=4, centres=3, map_points=5,
                zoom=1, zoom_points=9)  # fmt: skip
KINDS = ("slope_budget", "along_path", "swap_control", "curvature_scale", "kink_map", "closeup")


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
    (name,) = analysed.analyses("closeup")
    closeup = CloseUp.from_analysis(analysed.analysis("closeup", name))
    assert (closeup.run, closeup.points, closeup.is_one_step) == (RUN, 9, True)
    assert closeup.noise > 0


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


@pytest.mark.parametrize("asked", ["step", 0.25])
def test_an_averaged_hessian_is_that_of_the_library_with_its_check(
    asked: Literal["step"] | float, study: StudyFile, tmp_path: Path
) -> None:
    one, wanted = copied(study, tmp_path), Wanted(steps=0, spectrum=4, scale=asked)
    add_analyses(one, SMALL, wanted, load_data=load, runs=[RUN])
    run, data = one.trajectory(RUN), load(SMALL.data)
    thetas = np.asarray(run.thetas, dtype=np.float64)
    assert run.steps[-1] - run.steps[-2] == 1
    scale = float(np.linalg.norm(thetas[-1] - thetas[-2])) if asked == "step" else asked
    problem = Problem(solution_model(run), "cross_entropy", (data.inputs, data.targets))
    stored, name = open_study(one.path), f"{RUN}.4.scale_{asked}"
    assert stored.analyses("spectrum") == stored.analyses("expected_hessian") == [name]
    found = stored.analysis("spectrum", name)
    library = spectral_density(problem, steps=4, scale=scale)
    for array in ("nodes", "weights", "moments"):
        np.testing.assert_allclose(found.arrays[array], library.arrays[array], rtol=1e-9)
    plain = spectral_density(problem, steps=4).arrays["moments"]
    assert not np.allclose(found.arrays["moments"], plain, rtol=1e-3)
    check = expected_hessian_check(problem, scale=scale).settings
    assert found.settings["check"]["text"] == check["text"]
    assert found.settings["scale"] == pytest.approx(scale, rel=1e-12)
    (told,) = report(stored)["runs"][RUN]["spectra"]
    assert told["check"]["rms_error"] == pytest.approx(check["rms_error"], rel=1e-6)
    assert told["scale_step"] == (run.steps[-1] if asked == "step" else None)
    assert told["mean"] == pytest.approx(library.arrays["moments"][:, 0].mean())
    before = one.path.read_bytes()
    add_analyses(stored, SMALL, wanted, load_data=load, runs=[RUN])
    assert one.path.read_bytes() == before


def test_scales_without_sense_are_refused_before_any_work(study: StudyFile, tmp_path: Path) -> None:
    for scale in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="scale must be > 0 and finite, or 'step', got"):
            Wanted(spectrum=4, scale=scale)
    with pytest.raises(ValueError, match="a scale is that of a spectrum"):
        Wanted(scale="step")
    one = copied(study, tmp_path)
    before = one.path.read_bytes()
    with pytest.raises(ValueError, match="at most the length of the parameters of relu-gd-seed0"):
        add_analyses(one, SMALL, Wanted(spectrum=4, scale=1e4), load_data=load, runs=[RUN])
    assert one.path.read_bytes() == before


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
    wanted = Wanted(steps=0, map_points=3, zoom=1, zoom_points=5)
    add_analyses(one, smooth, wanted, load_data=load, reporter=notes)
    after = open_study(one.path)
    assert after.analyses("kink_map") == ["tanh-gd-seed0.3"]
    (name,) = after.analyses("closeup")
    surface = CloseUp.from_analysis(after.analysis("closeup", name)).surface
    assert (surface.curves, surface.uncut, surface.cut_share) == (0, 0, 1.0)
    assert notes.notes == []
