"""The figure of facts along the path: one panel for each quantity, nothing invented."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from figures import clashes
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import viz
from landscape.results import Analysis

NAMES = ("losses", "boldness", "lipschitz", "sharpness", "crossings", "kink_noise")


def make_path(count: int = 30, *, rate: float | None = 0.1, kinked: bool = True,
              **changes: Any) -> Analysis:  # fmt: skip
    t = np.linspace(0, 1, count)
    arrays = {
        "steps": np.arange(count) * 10, "losses": 2 * np.exp(-3 * t), "boldness": 1 + t,
        "lipschitz": 30 - 20 * t, "sharpness": 4 + t, "crossings": 2 - 1.9 * t,
        "kink_noise": 0.01 + 0.1 * t, **changes,
    }  # fmt: skip
    settings = {"learning_rate": rate, "examples": 100, "kinked": kinked}
    return Analysis("along_path", arrays, settings)


def panel(figure: Figure, name: str) -> Axes:
    return figure.axes[NAMES.index(name)]


def test_lines_are_the_arrays_of_the_record() -> None:
    runs = {"relu": make_path(), "gelu": make_path(kinked=False, crossings=np.zeros(30))}
    figure = viz.along_path(runs)
    for name in NAMES:
        drawn = [line for line in panel(figure, name).get_lines() if len(line.get_xdata()) == 30]
        assert [line.get_linestyle() for line in drawn] == ["-", "--"]
        for line, analysis in zip(drawn, runs.values(), strict=True):
            np.testing.assert_array_equal(line.get_xdata(), analysis.arrays["steps"])
            np.testing.assert_array_equal(line.get_ydata(), analysis.arrays[name])
    assert len({line.get_color() for line in drawn}) == 2


def test_axes_are_logarithmic_where_values_allow_it() -> None:
    negative = np.linspace(-1, 5, 30)
    figure = viz.along_path({
        "relu": make_path(sharpness=negative), "gelu": make_path(crossings=np.zeros(30)),
    })  # fmt: skip
    kinds = {name: panel(figure, name).get_yscale() for name in NAMES}
    assert kinds == {**dict.fromkeys(NAMES, "log"), "sharpness": "linear", "crossings": "symlog"}
    low, high = panel(figure, "crossings").get_ylim()
    assert low < 0
    assert high > 2
    alone = viz.along_path({"gelu": make_path(crossings=np.zeros(30))})
    assert list(panel(alone, "crossings").get_yticks()) == [0]


def test_the_edge_of_stability_is_that_of_the_shared_rate() -> None:
    for rates, expected in (((0.1, 0.1), [20.0]), ((0.1, 0.2), []), ((0.1, None), [])):
        figure = viz.along_path({f"run {k}": make_path(rate=r) for k, r in enumerate(rates)})
        for name in NAMES:
            lines = [v for v in panel(figure, name).get_lines() if v.get_linestyle() == ":"]
            heights = [float(line.get_ydata()[0]) for line in lines]
            assert heights == (expected if name in ("lipschitz", "sharpness") else [])
        said = [t.get_text() for t in figure.legends[0].get_texts()]
        assert ("2 / learning rate" in said) == bool(expected)


def test_what_was_not_measured_is_a_gap() -> None:
    holed = np.full(30, np.nan)
    holed[[4, 10, 11]] = 2.0
    runs = {"relu": make_path(boldness=holed, kink_noise=np.full(30, np.nan))}
    figure = viz.along_path(runs)
    line, mark = panel(figure, "boldness").get_lines()
    np.testing.assert_array_equal(line.get_ydata(), holed)
    # The one without neighbours would not be seen.
    np.testing.assert_array_equal(mark.get_xdata(), [40])
    assert [t.get_text() for t in panel(figure, "kink_noise").texts] == ["not measured"]
    text = viz.along_path_caption(runs)
    assert "Gaps: not measured or not finite (boldness, kink noise / gradient noise)." in text


def test_infinite_values_break_no_axis() -> None:
    endless = np.linspace(1, 2, 30)
    endless[3] = np.inf
    figure = viz.along_path({"relu": make_path(boldness=endless)})
    assert clashes(figure) == []
    assert panel(figure, "boldness").get_ylim()[1] < 10


def test_the_caption_defines_the_quantities() -> None:
    text = viz.along_path_caption({
        "relu": make_path(), "tanh": make_path(20, rate=0.2, kinked=False, crossings=np.zeros(20)),
    })  # fmt: skip
    for words in ("20 to 30 steps of each path, 100 examples", "Learning rates differ (0.1 to 0.2)",
                  "No kink was crossed: tanh.", "which does not see kinks"):  # fmt: skip
        assert words in text
    assert "2 / learning rate = 20" in viz.along_path_caption({"relu": make_path()})


CASES = {
    "one": {"relu": make_path()},
    "one record": {"relu": make_path(1)},
    "eight": {f"leaky_relu_0.3-momentum-seed{k}": make_path() for k in range(8)},
    "zeros": {"gelu": make_path(crossings=np.zeros(30), kink_noise=np.zeros(30))},
    "wide ranges": {"relu": make_path(lipschitz=np.logspace(-9, 9, 30))},
    "constant": {"relu": make_path(boldness=np.full(30, 0.25))},
}  # fmt: skip


@pytest.mark.parametrize(("name", "width"), [*((name, 3.25) for name in CASES), ("eight", 5.5)])
def test_no_text_lies_over_another_and_none_is_cut(name: str, width: float) -> None:
    assert clashes(viz.along_path(CASES[name], width=width)) == []


@pytest.mark.parametrize("write", [viz.along_path, viz.along_path_caption])
def test_mistakes_are_told(write: Any) -> None:
    with pytest.raises(ValueError, match="1 to 8 lines, got 0"):
        write({})
    with pytest.raises(ValueError, match="1 to 8 lines, got 9"):
        write({f"{k}": make_path() for k in range(9)})
    with pytest.raises(ValueError, match="at least one record, got none for relu"):
        write({"relu": make_path(0)})
    lacking = {k: v for k, v in make_path().arrays.items() if k != "sharpness"}
    with pytest.raises(ValueError, match="'along_path' is needed, got 'along_path' without sharp"):
        write({"relu": Analysis("along_path", lacking, {"kinked": True})})
    with pytest.raises(ValueError, match="must say whether it is 'kinked'"):
        write({"relu": Analysis("along_path", make_path().arrays)})
    with pytest.raises(ValueError, match=r"losses must have shape \(30,\), got \(3,\)"):
        write({"relu": make_path(losses=np.ones(3))})
