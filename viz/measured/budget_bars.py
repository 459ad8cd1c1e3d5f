"""Slope budgets of several networks: how much sits in kinks, and what autograd misses."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.budget import SlopeBudget

from ..captions.told import remember
from ..flat.lines import between, dark, drawing, figure_over_legend, grey, ground
from ..geometry.numbers import minus, number
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KINKS, BENDS = "#D55E00", "#56B4E9"
# Greys between the ink (0) and the background (1).
REST, _INK = 0.9, 0.15
NOT_PASSED = "†"
# Longer names are broken, so that the bars keep their room.
_NAME = 22
# Height of a row in inches.
_ROW = 0.24
# Percent; what is further out than this and than every median is written at the edge.
_FAR = 300.0
_KINK_INK = "#6B2F00"


def _median() -> str:
    """Return the colour of medians, on the background of the figure that is drawn."""
    return "#4aa3e0" if dark() else "#0072B2"


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and range of one quantity over the budgets of a row; NaN where there is no value."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise the finite values."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return cls(math.nan, math.nan, math.nan)
        return cls(float(np.median(finite)), min(finite), max(finite))


def slope_budgets(
    budgets: Mapping[str, Sequence[SlopeBudget]],
    *,
    width: float = 5.5,
    style: Style | str | None = None,
) -> Figure:
    """Draw for every run what its change of slope is made of, and what autograd misses of it.

    Left, all change of slope (bends and the rest, each by its amount) as one bar: what sits in
    kinks, what in smooth bends, what in no bend. The two first are the bend share. Right, the share
    of the signed slope change that autograd's curvature misses: positive where it sees too little.
    Bars and diamonds are medians over the budgets of a row, dots are single budgets, whiskers reach
    from the lowest to the highest. Rows with a budget whose check did not pass are hatched and
    marked.

    Args:
        budgets: of each run or activation, in order from top to bottom.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no run, or a run without budgets.
    """
    check_budgets(budgets)
    labels = [_label(name, rows) for name, rows in budgets.items()]
    places, end = _places(labels)
    with drawing(style):
        # Of the height 0.68 inches are axis labels.
        figure = figure_over_legend(_handles(budgets), width, 0.68 + _ROW * (end + 0.2))
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.5, 1.0))
        for place, some in zip(places, budgets.values(), strict=True):
            _draw_shares(left, place, some)
        _draw_off_by(right, places, list(budgets.values()))
        left.set(xlim=(0, 100), xlabel="share of all change of slope (%)",
                 ylim=(end + 0.1, -0.1))  # fmt: skip
        left.set_yticks(places, labels, linespacing=1.0)
        for axes in (left, right):
            bare(axes)
    remember(figure, _caption(budgets))
    return figure


def check_budgets(budgets: Mapping[str, Sequence[SlopeBudget]]) -> None:
    """Raise ValueError if there is no run, or one without budgets."""
    if not budgets:
        raise ValueError("budgets of at least one run are needed, got none")
    empty = [name for name, some in budgets.items() if not len(some)]
    if empty:
        raise ValueError(f"every run needs at least one budget, got none for {', '.join(empty)}")


def failed(budgets: Sequence[SlopeBudget]) -> int:
    """Count the budgets whose check did not pass."""
    return sum(not budget.passed for budget in budgets)


def _label(name: str, budgets: Sequence[SlopeBudget]) -> str:
    text = "\n".join(textwrap.wrap(name, _NAME)) or name
    return f"{text} {NOT_PASSED}" if failed(budgets) else text


def _places(labels: Sequence[str]) -> tuple[list[float], float]:
    """Return where rows lie, [rows], and where the last ends; two lines of a label fit into 1."""
    tall = [max(1.0, 0.5 * (1 + label.count("\n"))) for label in labels]
    ends = [float(end) for end in np.cumsum(tall)]
    return [end - 0.5 * height for end, height in zip(ends, tall, strict=True)], ends[-1]


def _draw_shares(axes: Axes, row: float, budgets: Sequence[SlopeBudget]) -> None:
    bends = [100 * budget.bend_share for budget in budgets]
    kinks = [100 * budget.kink_share for budget in budgets]
    bend, kink = Spread.of(bends), Spread.of(kinks)
    _bar(axes, row, kink.median, bend.median, 0.6, passed=not failed(budgets))
    # Where all bends are kinks the two ranges are one, and without kinks there is one.
    two = kink.high > 0 and not np.allclose(kinks, bends, rtol=1e-9)
    _range(axes, row - 0.14 * two, bends, grey(_INK))
    if two:
        _range(axes, row + 0.14, kinks, _KINK_INK)


def _bar(axes: Axes, row: float, kink: float, bend: float, height: float, *, passed: bool) -> None:
    """Draw all change of slope as one bar: kinks, smooth bends and the rest, in percent."""
    parts = ((0.0, kink, KINKS), (kink, bend - kink, BENDS), (bend, 100 - bend, grey(REST)))
    for start, long, colour in parts:
        axes.barh(row, long, left=start, height=height, color=colour, edgecolor=ground(),
                  linewidth=0, hatch=None if passed else "////")  # fmt: skip


def bare(axes: Axes) -> None:
    """Leave out the lines and ticks of rows."""
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


def _range(axes: Axes, row: float, values: Sequence[float], colour: str) -> None:
    """Draw every value as a dot, and a whisker from the lowest to the highest."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return
    axes.plot([min(finite), max(finite)], [row, row], color=colour, linewidth=0.8, marker="|",
              markersize=4.5, markeredgewidth=0.8, zorder=3)  # fmt: skip
    axes.plot(finite, [row] * len(finite), color=colour, linestyle="none", marker="o",
              markersize=2.2, markeredgewidth=0, alpha=0.6, zorder=3)  # fmt: skip


def _draw_off_by(
    axes: Axes, places: Sequence[float], rows: Sequence[Sequence[SlopeBudget]]
) -> None:
    """Draw the share that autograd misses; what is far outside is written at the edge."""
    every = [[100 * budget.off_by for budget in some] for some in rows]
    spreads = [Spread.of(values) for values in every]
    axes.axvline(0, color=grey(0.35), linewidth=0.6, zorder=1)
    ends = _ends(spreads)
    axes.set_xlim(*ends)
    for row, values, spread in zip(places, every, spreads, strict=True):
        if math.isnan(spread.median):
            axes.annotate("no change of slope", (0.5, row), xycoords=("axes fraction", "data"),
                          ha="center", va="center", fontsize=6.5, color=grey(0.4),
                          bbox={"facecolor": ground(), "edgecolor": "none", "pad": 1})  # fmt: skip
            continue
        _range(axes, row, values, grey(_INK))
        axes.plot([spread.median], [row], color=_median(), marker="D", markersize=4.2,
                  markeredgecolor=ground(), markeredgewidth=0.5, linestyle="none",
                  zorder=4)  # fmt: skip
        _beyond(axes, row, spread, ends)
    axes.set_xlabel("autograd's curvature\nis off by (%)")


def _ends(spreads: Sequence[Spread]) -> tuple[float, float]:
    """Return the ends of the axis: all medians, and what is not far outside."""
    medians = [s.median for s in spreads if math.isfinite(s.median)]
    far = max([_FAR, *(1.2 * abs(median) for median in medians)])
    near = [v for s in spreads for v in (s.low, s.high) if abs(v) <= far]
    low, high = min([0.0, *near, *medians]), max([0.0, *near, *medians])
    if low == high:
        return -1.0, 1.0
    room = 0.08 * (high - low)
    return low - room, high + room


def _beyond(axes: Axes, row: float, spread: Spread, ends: tuple[float, float]) -> None:
    """Write how far a range goes that leaves the panel."""
    for value, edge, arrow, align in ((spread.low, 0.0, "◂ {}", "left"),
                                      (spread.high, 1.0, "{} ▸", "right")):  # fmt: skip
        if not ends[0] <= value <= ends[1]:
            text = arrow.format(minus(f"{value:,.0f}"))
            axes.annotate(text, (edge, row), (0, 2.5), xycoords=("axes fraction", "data"),
                          textcoords="offset points", ha=align, va="bottom",
                          fontsize=6, color=grey(_INK))  # fmt: skip


def _handles(budgets: Mapping[str, Sequence[SlopeBudget]]) -> list[Any]:
    """Return the entries of the legend."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(color=KINKS, label="in kinks (kink share)"),
        Patch(color=BENDS, label="in smooth bends"),
        Patch(color=grey(REST), label="not in bends"),
    ]
    if any(len(some) > 1 for some in budgets.values()):
        handles.append(Line2D([], [], color=grey(_INK), linewidth=0.8, marker="o", markersize=2.2,
                            label="every segment"))  # fmt: skip
    handles.append(Line2D([], [], color=_median(), marker="D", markersize=4.2, linestyle="none",
                        markeredgecolor=ground(), label="median"))  # fmt: skip
    if any(failed(some) for some in budgets.values()):
        handles.append(Patch(facecolor=grey(0.75), edgecolor=ground(), hatch="////", linewidth=0,
                           label=f"{NOT_PASSED} check not passed"))  # fmt: skip
    return handles


def _caption(budgets: Mapping[str, Sequence[SlopeBudget]]) -> str:
    """Say what was measured, how, and what it means."""
    every = [budget for some in budgets.values() for budget in some]
    counts = sorted({len(some) for some in budgets.values()})
    kinds = " and ".join(sorted({str(b.settings.get("segment", "custom")) for b in every}))
    parts = [
        "What the change of slope along a segment is made of: kinks, smooth bends of the "
        "activations, and the rest (products of weights, the loss); the first two are the bend "
        "share, the measure that is alike for all activations. The kink share shows whether "
        "kinks occur, not how much they matter: it says nothing about the speed of training.",
        "Right: the share of the signed slope change that autograd's curvature misses (below 0: "
        "it claims more change than there is).",
        f"{between(counts, 'segment')} ({kinds}) of each, "
        f"{between([b.examples for b in every], 'example')}, "
        f"{between([b.samples for b in every])} samples along each, "
        f"{between([b.refinements for b in every], 'piece')} refined.",
    ]
    if counts[-1] > 1:
        parts.append("Bars and diamonds are medians, dots single segments.")
    parts += checks(budgets)
    unseen = sorted({text for budget in every for text in budget.unseen})
    if unseen:
        parts.append(f"Could not be watched: {', '.join(unseen)}.")
    return " ".join(parts)


def checks(budgets: Mapping[str, Sequence[SlopeBudget]]) -> list[str]:
    """Say of which runs the check did not pass, or how well it passed."""
    bad = [f"{name} ({failed(some)} of {len(some)})" for name, some in budgets.items()
           if failed(some)]  # fmt: skip
    if bad:
        return [f"{NOT_PASSED} The check did not pass, do not trust: {', '.join(bad)}."]
    worst = max(budget.closure_error for some in budgets.values() for budget in some)
    return [f"Every check passed (largest closure error {number(worst)})."]


def draw_budget_rows(axes: Axes, budgets: Sequence[SlopeBudget]) -> None:
    """Draw slope budgets of one network as one bar each: kinks, smooth bends, the rest."""
    from matplotlib.patches import Patch

    labels = []
    for row, budget in enumerate(budgets):
        bend = 100 * budget.bend_share
        _bar(axes, row, 100 * budget.kink_share, bend, 0.62, passed=budget.passed)
        labels.append(segment_name(budget) + ("" if budget.passed else f" {NOT_PASSED}"))
        axes.annotate(f"{bend:.0f}", (bend, row), (2, 0), textcoords="offset points",
                      va="center_baseline", fontsize=6.5, color=grey(0.2))  # fmt: skip
    axes.set_yticks(range(len(budgets)), labels)
    axes.set(xlim=(0, 100), ylim=(len(budgets) - 0.4, -0.6))
    axes.set_xlabel("share of all change of slope (%)", labelpad=1)
    bare(axes)
    names = ((KINKS, "in kinks"), (BENDS, "in smooth bends"), (grey(REST), "not in bends"))
    axes.legend(handles=[Patch(color=colour, label=name) for colour, name in names], ncols=3,
                loc="upper center", bbox_to_anchor=(0.44, -0.30), frameon=False, fontsize=6.5,
                handlelength=1.0, columnspacing=1.0, handletextpad=0.4,
                borderaxespad=0.0)  # fmt: skip


def segment_name(budget: SlopeBudget) -> str:
    """Return what the row of a budget is called: the step, or the kind of segment."""
    kind = str(budget.settings.get("segment", "segment"))
    return f"step {budget.settings['step']}" if "step" in budget.settings else kind


def budget_sentences(budgets: Sequence[SlopeBudget]) -> list[str]:
    """Say what the rows of budgets show; nothing for none."""
    if not budgets:
        return []
    examples = between([budget.examples for budget in budgets], "example")
    samples = between([budget.samples for budget in budgets], "sample")
    return [
        "(d) What the change of slope along each segment is made of: kinks, smooth bends of the "
        "activations, and the rest (products of weights, the loss). The number at a bar is its "
        "bend share in percent, kinks and smooth bends together; the kink share shows whether "
        f"kinks occur, not how much they matter. {examples}, {samples} along "
        "each.",
        *checks({"the segments": budgets}),
    ]
