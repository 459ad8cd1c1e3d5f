"""The figure of facts along the path: one panel for each quantity, nothing invented."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from figures import clashes
from making import followed_path
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from landscape import viz
from landscape.records.results import Analysis

NAMES = ("losses", "crossings", "kink", "smooth", "missed", "taken_back", "linear_range",
         "lipschitz", "sharpness", "kink_noise")  # fmt: skip


def panel(figure: Figure, name: str) -> Axes:
    return figure.axes[NAMES.index(name)]


def lines_of(axes: Axes) -> list[Any]:
    """Return the lines of the runs: those that are not marks, and no reference."""
    return [
        v for v in axes.get_lines() if v.get_linestyle() in ("-", "--") and v.get_linewidth() > 1
    ]


def test_lines_are_the_arrays_of_the_record() -> None:
    still = followed_path(kinked=False, predicted_crossings=np.zeros(30))
    runs = {"relu": followed_path(), "gelu": still}
    figure = viz.along_path(runs)
    arrays = followed_path().arrays
    share = 100 / np.abs(arrays["promised"])
    drawn_as = {
        "losses": arrays["losses"], "crossings": arrays["predicted_crossings"] / 100,
        "kink": arrays["kink"] * share, "smooth": arrays["smooth"] * share,
        "missed": 100 * arrays["kink"] / arrays["slope_change"],
        "taken_back": arrays["taken_back"] * share,
        **{name: arrays[name] for name in ("linear_range", "lipschitz", "sharpness", "kink_noise")},
    }  # fmt: skip
    for name in NAMES:
        drawn = lines_of(panel(figure, name))
        assert [line.get_linestyle() for line in drawn] == ["-", "--"]
        full = name in NAMES[-4:]
        at = arrays["steps"][arrays["checked"]] if full else arrays["steps"]
        np.testing.assert_array_equal(drawn[0].get_xdata(), at)
        np.testing.assert_allclose(drawn[0].get_ydata(), drawn_as[name], rtol=1e-12)
    assert len({line.get_color() for line in drawn}) == 2


def test_rings_are_budgets_and_crosses_predictions() -> None:
    figure = viz.along_path({"relu": followed_path()})
    arrays = followed_path().arrays
    share = 100 / np.abs(arrays["promised"])
    rings, crosses = (
        [v for v in panel(figure, "kink").get_lines() if v.get_marker() == m] for m in ("o", "x")
    )
    checked = arrays["checked"]
    np.testing.assert_array_equal(rings[-1].get_xdata(), arrays["steps"][checked])
    np.testing.assert_allclose(rings[-1].get_ydata(), arrays["budget_kink"] * share[checked])
    np.testing.assert_allclose(crosses[0].get_ydata(), (arrays["predicted_kink"] * share)[::2])
    assert not [v for v in panel(figure, "smooth").get_lines() if v.get_marker() == "x"]


def test_no_share_is_drawn_of_a_slope_that_hardly_changes() -> None:
    change = np.full(30, 0.5)
    change[7] = 0.0199
    figure = viz.along_path(
        {"relu": followed_path(slope_change=change, promised=np.full(30, -2.0))}
    )
    missed = lines_of(panel(figure, "missed"))[0].get_ydata()
    assert np.flatnonzero(np.isnan(missed)).tolist() == [7]


def test_axes_are_logarithmic_where_values_allow_it() -> None:
    negative = np.linspace(-1, 5, 4)
    figure = viz.along_path({
        "relu": followed_path(sharpness=negative),
        "gelu": followed_path(predicted_crossings=np.zeros(30)),
    })  # fmt: skip
    kinds = {name: panel(figure, name).get_yscale() for name in NAMES}
    signed = ("kink", "smooth", "missed", "taken_back", "sharpness")
    assert kinds == {**dict.fromkeys(NAMES, "log"), **dict.fromkeys(signed, "linear"),
                     "crossings": "symlog"}  # fmt: skip
    low, high = panel(figure, "crossings").get_ylim()
    assert low < 0
    assert high > 2
    alone = viz.along_path({"gelu": followed_path(predicted_crossings=np.zeros(30))})
    assert list(panel(alone, "crossings").get_yticks()) == [0]


def test_the_edge_of_stability_is_that_of_the_shared_rate() -> None:
    for rates, expected in (((0.1, 0.1), [20.0]), ((0.1, 0.2), []), ((0.1, None), [])):
        figure = viz.along_path({f"run {k}": followed_path(rate=r) for k, r in enumerate(rates)})
        for name in NAMES:
            lines = [v for v in panel(figure, name).get_lines() if v.get_linestyle() == ":"]
            heights = [float(line.get_ydata()[0]) for line in lines]
            assert heights == (expected if name in ("lipschitz", "sharpness") else [])
        said = [t.get_text() for t in figure.legends[0].get_texts()]
        assert ("2 / learning rate" in said) == bool(expected)


def test_what_was_not_measured_is_a_gap() -> None:
    holed = np.full(30, np.nan)
    holed[[4, 10, 11]] = 2.0
    runs = {"relu": followed_path(losses=holed, kink_noise=np.full(4, np.nan))}
    figure = viz.along_path(runs)
    line, mark = panel(figure, "losses").get_lines()
    np.testing.assert_array_equal(line.get_ydata(), holed)
    # The one without neighbours would not be seen.
    np.testing.assert_array_equal(mark.get_xdata(), [40])
    assert [t.get_text() for t in panel(figure, "kink_noise").texts] == ["not measured"]
    text = viz.caption_of(viz.along_path(runs))
    assert "Gaps: not measured or not finite (loss, kink noise / gradient noise)." in text


def test_infinite_values_break_no_axis() -> None:
    figure = viz.along_path({"relu": followed_path(linear_range=np.array([1.0, np.inf, 1.5, 2.0]))})
    assert clashes(figure) == []
    assert panel(figure, "linear_range").get_ylim()[1] < 10


def test_the_caption_defines_the_quantities() -> None:
    runs = {
        "relu": followed_path(),
        "tanh": followed_path(20, rate=0.2, kinked=False, predicted_crossings=np.zeros(20)),
    }
    text = viz.caption_of(viz.along_path(runs))
    for words in ("20 to 30 single steps of each path, 100 examples; d is the step, g the gradient",
                  "Rings: full slope budgets of 4 steps", "Learning rates differ (0.1 to 0.2)",
                  "No kink was crossed: tanh.", "which does not see kinks"):  # fmt: skip
        assert words in text
    assert "2 / learning rate = 20" in viz.caption_of(viz.along_path({"relu": followed_path()}))
    own = {"relu": Analysis("along_path", followed_path().arrays,
                            {**followed_path().settings, "loss_over": "own batch"})}  # fmt: skip
    assert "at its start, of the loss over its own batch." in viz.caption_of(viz.along_path(own))
    assert "own batch" not in text


CASES = {
    "one": {"relu": followed_path()},
    "one record": {"relu": followed_path(1)},
    "eight": {f"leaky_relu_0.3-momentum-seed{k}": followed_path() for k in range(8)},
    "zeros": {"gelu": followed_path(predicted_crossings=np.zeros(30), kink_noise=np.zeros(4))},
    "wide ranges": {"relu": followed_path(lipschitz=np.logspace(-9, 9, 4))},
    "constant": {"relu": followed_path(linear_range=np.full(4, 0.25))},
}  # fmt: skip


@pytest.mark.parametrize(("name", "width"), [*((name, 3.25) for name in CASES), ("eight", 5.5)])
def test_no_text_lies_over_another_and_none_is_cut(name: str, width: float) -> None:
    assert clashes(viz.along_path(CASES[name], width=width)) == []


def test_mistakes_are_told() -> None:
    with pytest.raises(ValueError, match="1 to 8 lines, got 0"):
        viz.along_path({})
    with pytest.raises(ValueError, match="1 to 8 lines, got 9"):
        viz.along_path({f"{k}": followed_path() for k in range(9)})
    with pytest.raises(ValueError, match="at least one record, got none for relu"):
        viz.along_path({"relu": followed_path(0)})
    lacking = {k: v for k, v in followed_path().arrays.items() if k != "sharpness"}
    with pytest.raises(ValueError, match="'along_path' is needed, got 'along_path' without sharp"):
        viz.along_path({"relu": Analysis("along_path", lacking, {"kinked": True})})
    with pytest.raises(ValueError, match="must say whether it is 'kinked'"):
        viz.along_path({"relu": Analysis("along_path", followed_path().arrays)})
    with pytest.raises(ValueError, match=r"losses must have shape \(30,\), got \(3,\)"):
        viz.along_path({"relu": followed_path(losses=np.ones(3))})
