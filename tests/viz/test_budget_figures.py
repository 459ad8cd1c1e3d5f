"""Figures of slope budgets: bars are the records' shares, what cannot be trusted is marked."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from figures import clashes
from matplotlib.figure import Figure

from landscape import Problem, viz
from landscape.records.budget import SlopeBudget
from landscape.viz.measured.budget_bars import BENDS, KINKS, REST
from landscape.viz.measured.budget_layers import LayerTotals


def make_budget(**changes: Any) -> SlopeBudget:
    """Two sites of 3 and 2 units; kink share 0.3, bend share 0.4, autograd misses 20 %."""
    facts: dict[str, Any] = {
        "start": 0.0, "end": 1.0, "slope_change": 0.5, "signed_smooth": 0.4, "signed_kink": 0.1,
        "smooth_variation": 0.5, "kink_variation": 0.6, "example_variation": 1.4, "bend": 0.8,
        "rest": 1.2, "closure_error": 1e-3, "net_residual": 0.0, "examples": 40, "samples": 17,
        "refinements": 3, "layers": ("first:relu", "second:relu"), "layer_crossings": [20, 60],
        "layer_kinks": [0.2, 0.4], "layer_signed": [-0.05, 0.15], "unit_offsets": [0, 3, 5],
        "unit_crossings": [5, 0, 15, 20, 40], "unit_kinks": [0.02, 0.0, 0.18, 0.1, 0.3],
        "settings": {"segment": "step"}, **changes,
    }  # fmt: skip
    return SlopeBudget(**facts)


def make_smooth(**changes: Any) -> SlopeBudget:
    none: dict[str, Any] = {
        "kink_variation": 0.0, "signed_kink": 0.0, "layer_crossings": [0, 0],
        "layer_kinks": [0.0, 0.0], "layer_signed": [0.0, 0.0], "unit_crossings": np.zeros(5),
        "unit_kinks": np.zeros(5),
    }  # fmt: skip
    return make_budget(**none, **changes)


def bars(figure: Figure, panel: int, colour: str) -> np.ndarray:
    """Starts and widths of the bars of one colour, from top to bottom, [bars, 2]."""
    from matplotlib.colors import to_rgba

    found = [p for p in figure.axes[panel].patches if p.get_facecolor() == to_rgba(colour)]
    return np.array([(p.get_x(), p.get_width()) for p in sorted(found, key=lambda p: p.get_y())])


# -- several networks -----------------------------------------------------------------------------


def test_bars_are_the_medians_of_the_shares_and_add_up_to_all() -> None:
    some = [make_budget(), make_budget(kink_variation=0.2), make_budget(kink_variation=0.7)]
    smooth = [make_smooth(), make_smooth(bend=1.8)]
    figure = viz.slope_budgets({"relu": some, "gelu": smooth})
    np.testing.assert_allclose(bars(figure, 0, KINKS), [(0, 30), (0, 0)])
    np.testing.assert_allclose(bars(figure, 0, BENDS), [(30, 10), (0, 50)])
    np.testing.assert_allclose(bars(figure, 0, str(REST)), [(40, 60), (50, 50)])


def test_whiskers_and_dots_are_the_single_budgets() -> None:
    some = [make_budget(signed_kink=v) for v in (0.1, -0.2, 0.05)]
    figure = viz.slope_budgets({"relu": some})
    lines = [tuple(line.get_xdata()) for line in figure.axes[1].get_lines()]
    assert pytest.approx((-40, 20)) in lines
    assert pytest.approx((20, -40, 10)) in lines
    assert pytest.approx((10,)) in lines
    # One range where all bends are kinks, two where they are not.
    only = [make_budget(kink_variation=b, bend=b) for b in (0.6, 0.9)]
    both = [make_budget(), make_budget(kink_variation=0.2)]
    for budgets, ranges in ((only, 1), (both, 2), ([make_smooth(), make_smooth(bend=1.8)], 1)):
        drawn = viz.slope_budgets({"run": budgets}).axes[0].get_lines()
        assert sum(line.get_marker() == "|" for line in drawn) == ranges


def test_a_check_that_did_not_pass_is_seen_and_told() -> None:
    bad = make_budget(closure_error=0.5)
    assert not bad.passed
    runs = {"good": [make_budget()], "bad": [make_budget(), bad]}
    figure = viz.slope_budgets(runs)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["good", "bad †"]
    hatched = {p.get_y() for p in figure.axes[0].patches if p.get_hatch()}
    assert len(hatched) == 1
    assert "do not trust: bad (1 of 2)" in viz.caption_of(viz.slope_budgets(runs))
    assert "†" not in viz.caption_of(viz.slope_budgets({"good": [make_budget()]}))
    assert "largest closure error 0.001" in viz.caption_of(
        viz.slope_budgets({"good": [make_budget()]})
    )


def test_no_slope_change_is_no_share_and_what_is_far_out_is_written() -> None:
    flat = make_budget(slope_change=0.0)
    far = [make_budget(), make_budget(), make_budget(slope_change=0.001)]
    figure = viz.slope_budgets({"flat": [flat], "far": far})
    texts = [t.get_text() for t in figure.axes[1].texts]
    assert texts == ["no change of slope", "10,000 ▸"]
    assert figure.axes[1].get_xlim()[1] < 100
    # A median is always inside.
    alone = viz.slope_budgets({"far": far[2:]}).axes[1]
    assert alone.get_xlim()[1] > 10_000
    assert not alone.texts


def test_the_caption_tells_what_was_measured_and_that_kink_share_is_a_class() -> None:
    random = make_budget(settings={"segment": "random"}, samples=65, unseen=("sort in head",))
    text = viz.caption_of(
        viz.slope_budgets({"relu": [make_budget(), random], "gelu": [make_smooth()]})
    )
    for words in ("shows whether kinks occur, not how much they matter", "nothing about the speed",
                  "1 to 2 segments (random and step) of each", "40 examples",
                  "17 to 65 samples", "3 pieces refined", "medians",
                  "Could not be watched: sort in head."):  # fmt: skip
        assert words in text
    assert "median" not in viz.caption_of(viz.slope_budgets({"gelu": [make_smooth()]}))


# -- by layer and unit ----------------------------------------------------------------------------


def test_bars_of_the_layers_are_those_of_the_record() -> None:
    from landscape.viz.measured.budget_layers import _CROSSINGS, _SIGNED

    budget = make_budget()
    figure = viz.layer_budgets(budget)
    whole = budget.bend + budget.rest
    np.testing.assert_allclose(bars(figure, 0, _CROSSINGS)[:, 1], budget.layer_crossings / 40)
    np.testing.assert_allclose(bars(figure, 1, KINKS)[:, 1], 100 * budget.layer_kinks / whole)
    np.testing.assert_allclose(bars(figure, 1, _SIGNED)[:, 1], 100 * budget.layer_signed / whole)
    assert bars(figure, 1, KINKS)[:, 1].sum() == pytest.approx(100 * budget.kink_share)
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names == ["first:relu", "second:relu"]


def test_units_are_sorted_within_their_site() -> None:
    figure = viz.layer_budgets(make_budget())
    strips = [c.get_array().ravel() for c in figure.axes[2].collections]
    np.testing.assert_allclose(np.ma.filled(strips[0], -1), [9, 1, -1])
    np.testing.assert_allclose(np.ma.filled(strips[1], -1), [15, 5])
    said = [t.get_text() for t in figure.axes[2].texts]
    assert said == ["2 of 3", "2 of 2"]


def test_several_segments_are_averaged_and_sites_with_many_units_are_binned() -> None:
    units = np.linspace(0, 1, 1000)
    one = make_budget(layers=("a:relu",), layer_crossings=[10], layer_kinks=[units.sum()],
                      layer_signed=[0.0], unit_offsets=[0, 1000],
                      unit_crossings=np.ones(1000), unit_kinks=units)  # fmt: skip
    half = replace(one, layer_kinks=np.array([units.sum() / 2]), unit_kinks=units / 2)
    totals = LayerTotals.of([one, half])
    np.testing.assert_allclose(totals.units[0], 0.75 * units[::-1] / 2)
    figure = viz.layer_budgets([one, half])
    (strip,) = figure.axes[2].collections
    assert strip.get_array().size == 256
    # 3 or 4 units are behind a cell: the mean of the cells is nearly theirs.
    assert strip.get_array().mean() == pytest.approx(100 * totals.units[0].mean(), rel=0.01)
    ranges = [tuple(line.get_xdata()) for line in figure.axes[1].get_lines()]
    assert pytest.approx((25 * units.sum(), 50 * units.sum())) in ranges
    assert "Means over the segments" in viz.caption_of(viz.layer_budgets([one, half]))
    assert "more than 256 units" in viz.caption_of(viz.layer_budgets([one, half]))


def test_a_network_without_crossings_shows_that_there_are_none() -> None:
    figure = viz.layer_budgets([make_smooth(), make_smooth()])
    assert [t.get_text() for panel in figure.axes[:2] for t in panel.texts] == ["none", "none"]
    assert len(figure.axes) == 3
    assert "0 % of all change of slope" in viz.caption_of(viz.layer_budgets(make_smooth()))


# -- both -----------------------------------------------------------------------------------------


LONG = "leaky_relu_0.3-momentum-seed0-and-what-else-was-changed"


def make_deep(sites: int) -> SlopeBudget:
    names = tuple(f"model.stages.{k}.blocks.0.activation:leaky_relu" for k in range(sites))
    weights = np.arange(1, sites + 1)
    return make_budget(
        layers=names, layer_crossings=weights, layer_kinks=weights, layer_signed=-weights,
        unit_offsets=range(sites + 1), unit_crossings=weights, unit_kinks=weights,
    )  # fmt: skip


CASES: dict[str, Callable[[], Figure]] = {
    "one": lambda: viz.slope_budgets({"relu": [make_budget()]}),
    "narrow": lambda: viz.slope_budgets({"relu": [make_budget()] * 2, "gelu": [make_smooth()]},
                                        width=3.25),
    "long": lambda: viz.slope_budgets({
        f"{LONG}-{k}": [make_budget(), make_budget(closure_error=0.5)] for k in range(8)
    }),
    "layers": lambda: viz.layer_budgets(make_budget(), title="ReLU"),
    "no kinks": lambda: viz.layer_budgets(make_smooth()),
    "narrow layers": lambda: viz.layer_budgets([make_budget()] * 2, width=3.25),
    "deep": lambda: viz.layer_budgets(make_deep(40)),
    "one site": lambda: viz.layer_budgets(make_deep(1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_no_text_lies_over_another_and_none_is_cut(name: str, tmp_path: Path) -> None:
    figure = CASES[name]()
    assert clashes(figure) == []
    assert viz.save(figure, tmp_path / "figure.pdf").stat().st_size > 5000


@pytest.mark.parametrize("style", ["paper", "slides", "dark"])
@pytest.mark.parametrize("width", [3.25, 4.5, 5.5, 6.75, 9.0])
def test_labels_below_neighbouring_panels_stand_apart(style: str, width: float) -> None:
    weights = np.arange(1, 9)
    names = tuple(f"layers.{k}.act:relu" for k in range(8))
    budget = make_budget(
        layers=names, layer_crossings=900 * weights, layer_kinks=weights, layer_signed=-weights,
        unit_offsets=range(9), unit_crossings=weights, unit_kinks=weights,
    )  # fmt: skip
    figure = viz.layer_budgets(budget, title="ReLU", width=width, style=style)
    figure.draw_without_rendering()
    boxes = [axes.xaxis.label.get_window_extent() for axes in figure.axes[:3]]
    for left, right in itertools.pairwise(boxes):
        assert (right.x0 - left.x1) * 72 / figure.dpi > 6, [a.get_xlabel() for a in figure.axes]
    assert clashes(figure) == []
    # What is measured is named in full where there is room.
    if width >= 5.5:
        assert "change of slope" in figure.axes[1].get_xlabel()
    if width >= 9:
        assert "\n" not in figure.axes[1].get_xlabel()


def test_measured_budgets_are_drawn() -> None:
    import torch

    from landscape import random_segment, slope_budget
    from landscape.networks import build

    draw = np.random.default_rng(0)
    pair = draw.standard_normal((30, 6)), draw.integers(0, 3, 30)
    found = {}
    for name in ("relu", "tanh"):
        model = build("mlp", activation=name, input_shape=(6,), hidden=(5, 4), outputs=3,
                      dtype=torch.float64)  # fmt: skip
        tensors = torch.from_numpy(pair[0]), torch.from_numpy(pair[1])
        found[name] = [
            slope_budget(
                Problem(model, "cross_entropy", tensors), random_segment(model, seed=s, span=0.3)
            )
            for s in range(2)
        ]
    figure = viz.slope_budgets(found)
    shares = [100 * np.median([b.bend_share for b in some]) for some in found.values()]
    starts = bars(figure, 0, str(REST))[:, 0]
    np.testing.assert_allclose(starts, shares)
    kinks = bars(figure, 0, KINKS)[:, 1]
    assert kinks[0] > 1
    assert kinks[1] == 0
    widths = bars(viz.layer_budgets(found["relu"]), 1, KINKS)[:, 1]
    assert widths.sum() == pytest.approx(100 * np.mean([b.kink_share for b in found["relu"]]))


def test_runs_without_budgets_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one run are needed, got none"):
        viz.slope_budgets({})
    with pytest.raises(ValueError, match="at least one budget, got none for gelu"):
        viz.slope_budgets({"relu": [make_budget()], "gelu": []})


def test_layers_of_no_network_or_of_two_are_refused() -> None:
    none: Sequence[SlopeBudget] = []
    with pytest.raises(ValueError, match="at least one budget is needed, got none"):
        viz.layer_budgets(none)
    with pytest.raises(ValueError, match="must be of one network, got the sites first:relu"):
        viz.layer_budgets([make_budget(), make_budget(layers=("first:relu", "third:relu"))])
    bare = make_budget(layers=(), layer_crossings=[], layer_kinks=[], layer_signed=[],
                       unit_offsets=[0], unit_crossings=[], unit_kinks=[])  # fmt: skip
    with pytest.raises(ValueError, match="has no site that may kink"):
        viz.layer_budgets(bare)


def test_names_of_viz_stay_functions_when_they_are_used_again() -> None:
    for name in viz.__all__:
        assert not isinstance(getattr(viz, name), ModuleType), name
        assert not isinstance(getattr(viz, name), ModuleType), name
