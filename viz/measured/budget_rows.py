"""Slope budgets of one network, one bar each: a panel of a mosaic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from landscape.records.budget import SlopeBudget

from ..flat.lines import between, grey, ground
from .budget_bars import BENDS, KINKS, NOT_PASSED, REST, checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_budget_rows(axes: Axes, budgets: Sequence[SlopeBudget]) -> None:
    """Draw slope budgets of one network as one bar each: kinks, smooth bends, the rest."""
    from matplotlib.patches import Patch

    labels = []
    for row, budget in enumerate(budgets):
        kink, bend = 100 * budget.kink_share, 100 * budget.bend_share
        parts = ((0.0, kink, KINKS), (kink, bend - kink, BENDS), (bend, 100 - bend, grey(REST)))
        for start, long, colour in parts:
            axes.barh(row, long, left=start, height=0.62, color=colour, edgecolor=ground(),
                      linewidth=0, hatch=None if budget.passed else "////")  # fmt: skip
        labels.append(segment_name(budget) + ("" if budget.passed else f" {NOT_PASSED}"))
        axes.annotate(f"{bend:.0f}", (bend, row), (2, 0), textcoords="offset points",
                      va="center_baseline", fontsize=6.5, color=grey(0.2))  # fmt: skip
    axes.set_yticks(range(len(budgets)), labels)
    axes.set(xlim=(0, 100), ylim=(len(budgets) - 0.4, -0.6))
    axes.set_xlabel("share of all change of slope (%)", labelpad=1)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
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
