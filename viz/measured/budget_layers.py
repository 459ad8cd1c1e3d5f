"""A slope budget by layer and by unit: where the kinks are crossed, and where they weigh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.budget import SlopeBudget
from landscape.records.plurals import counted

from ..captions.told import remember
from ..flat.lines import between, dark, drawing, figure_over_legend, grey
from ..geometry.numbers import number
from ..style import Style
from .budget_bars import KINKS, bare, checks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_CROSSINGS, _SIGNED, _GREY = "#56B4E9", "#CC79A7", 0.88
# Units of a site are drawn in at most so many cells, each the mean of its neighbours in rank.
_CELLS = 256
_DECADES = 3
_NAME = 26
# Of more sites the names are smaller and the rows closer.
_ROOMY = 12
# Labels of the panels; the first are taken that stand apart, the last in any case.
_LABELS = (
    ("crossings per example", "J (% of change of slope)", "units, sorted (% of the site)"),
    ("crossings\nper example", "J (% of\nchange of slope)", "units, sorted\n(% of the site)"),
    ("crossings", "J (%)", "units (%)"),
)
# Points between labels of neighbouring panels, and between those of ticks.
_APART, _TICKS_APART = 9.0, 2.5


@dataclass(frozen=True, slots=True)
class LayerTotals:
    """Means over the budgets of one network, for each site and each of its units.

    Jumps are shares of all change of slope, so that those of the sites sum to the kink share.

    Attributes:
        crossings: per segment and example, [budgets, sites].
        kinks: share of |J|, [budgets, sites].
        signed: the same with signs, [budgets, sites].
        units: mean share of |J| of the units of each site, the largest first, [sites][units].
        crossed: units of each site that a crossing was found of, [sites].
    """

    crossings: Floats
    kinks: Floats
    signed: Floats
    units: tuple[Floats, ...]
    crossed: tuple[int, ...]

    @classmethod
    def of(cls, budgets: Sequence[SlopeBudget]) -> LayerTotals:
        """Summarise budgets of one network.

        Raises:
            ValueError: for no budget, networks with other sites, or one without any.
        """
        if not budgets:
            raise ValueError("at least one budget is needed, got none")
        first = budgets[0]
        for budget in budgets:
            same = np.array_equal(budget.unit_offsets, first.unit_offsets)
            if budget.layers != first.layers or not same:
                raise ValueError(
                    f"the budgets must be of one network, got the sites {', '.join(first.layers)} "
                    f"and {', '.join(budget.layers)}; draw one figure for each"
                )
        if not first.layers:
            raise ValueError("the network has no site that may kink, so there is no layer to draw")
        whole = [max(b.bend + b.rest, np.finfo(float).tiny) for b in budgets]
        share = np.array([1 / w if b.kink_variation else 0.0
                          for b, w in zip(budgets, whole, strict=True)])[:, None]  # fmt: skip
        units = np.mean([b.unit_kinks for b in budgets] * share, axis=0)
        crossings = np.sum([b.unit_crossings for b in budgets], axis=0)
        pieces = list(pairwise(first.unit_offsets))
        return cls(
            np.array([b.layer_crossings / b.examples for b in budgets]),
            np.array([b.layer_kinks for b in budgets]) * share,
            np.array([b.layer_signed for b in budgets]) * share,
            tuple(np.sort(units[a:b])[::-1] for a, b in pieces),
            tuple(int(np.count_nonzero(crossings[a:b])) for a, b in pieces),
        )


def layer_budgets(
    budgets: SlopeBudget | Sequence[SlopeBudget],
    *,
    title: str = "",
    width: float = 5.5,
    style: Style | str | None = None,
) -> Figure:
    """Draw crossings and jumps of every site of a network, and of the units of each.

    From left to right: crossings per example; the sums of |J| and of J as shares of all change of
    slope, bend and rest; and the units of each site, sorted by their |J|, as one strip with colours
    on one log scale. Grey units were not crossed or stay below it. The numbers at the right are
    units that were crossed, of all. Of several budgets, which are segments of one network, means
    are drawn, and whiskers from the lowest to the highest.

    Args:
        budgets: one or several of one network.
        title: above the figure.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no budget, networks with other sites, or one without any.
    """
    every = [budgets] if isinstance(budgets, SlopeBudget) else list(budgets)
    totals = LayerTotals.of(every)
    sites = len(totals.units)
    # Many sites stand closer; labels take 0.6 inches.
    row = max(0.26 if sites <= _ROOMY else 0.16, 0.5 / sites)
    with drawing(style):
        tall = 0.6 + 0.16 * bool(title) + row * sites
        figure = figure_over_legend(_handles(), width, tall)
        panels = figure.subplots(1, 3, sharey=True, width_ratios=(1, 1, 1.5))
        _bars(panels[0], totals.crossings, 0.0, 0.6, _CROSSINGS)
        _bars(panels[1], 100 * totals.kinks, -0.14, 0.38, KINKS)
        _bars(panels[1], 100 * totals.signed, 0.22, 0.26, _SIGNED)
        for axes, values in zip(panels, (totals.crossings, totals.kinks), strict=False):
            if not values.any():
                _say_none(axes)
        panels[1].axvline(0, color=grey(0.35), linewidth=0.6)
        _strips(figure, panels[2], totals)
        names = [_shortened(name) for name in every[0].layers]
        size = 7.0 if sites <= _ROOMY else 6.0
        for axes in panels:
            bare(axes)
        panels[0].set_yticks(range(sites), names, fontsize=size)
        panels[0].set_ylim(sites - 0.5, -0.5)
        if title:
            figure.suptitle(title, fontsize=8.5)
        _fit_labels(figure, panels)
        _thin_ticks(figure, panels)
    remember(figure, _caption(every, totals))
    return figure


def _fit_labels(figure: Figure, panels: Sequence[Axes]) -> None:
    """Write the longest labels that stand apart below the panels."""
    height = figure.get_figheight()
    for labels in _LABELS:
        more = 0.12 * max(label.count("\n") for label in labels)
        figure.set_figheight(height + more)
        for axes, label in zip(panels, labels, strict=True):
            axes.set_xlabel(label, linespacing=1.0)
        figure.draw_without_rendering()
        if _gap([axes.xaxis.label for axes in panels]) >= _APART:
            return


def _thin_ticks(figure: Figure, panels: Sequence[Axes]) -> None:
    """Leave out every second tick where labels would touch."""
    figure.draw_without_rendering()
    for axes in panels:
        low, high = axes.get_xlim()
        ticks = [tick for tick in axes.xaxis.get_major_ticks() if low <= tick.get_loc() <= high]
        kept = ticks
        while len(kept) > 1 and _gap([tick.label1 for tick in kept]) < _TICKS_APART:
            kept = kept[::2]
        if len(kept) < len(ticks):
            axes.set_xticks([tick.get_loc() for tick in kept])


def _gap(texts: Sequence[Any]) -> float:
    """Return the least room between neighbours of texts that stand in a row, in points."""
    boxes = [text.get_window_extent() for text in texts]
    gaps = [right.x0 - left.x1 for left, right in pairwise(boxes)]
    return float(min(gaps) * 72 / texts[0].figure.dpi)


def _handles() -> list[Any]:
    from matplotlib.patches import Patch

    return [
        Patch(color=KINKS, label="sum of |J|"),
        Patch(color=_SIGNED, label="sum of J"),
        Patch(color=grey(_GREY), label="unit not crossed or weaker"),
    ]


def _shortened(name: str) -> str:
    """Leave out the middle of a long name: its ends tell where it is and what it does."""
    if len(name) <= _NAME:
        return name
    half = _NAME // 2
    return f"{name[: half - 1]}…{name[-half:]}"


def _bars(axes: Axes, values: Floats, shift: float, tall: float, colour: str) -> None:
    """Draw means over the budgets as bars, and their range; ``values`` is [budgets, sites]."""
    rows = np.arange(values.shape[1]) + shift
    axes.barh(rows, values.mean(axis=0), height=tall, color=colour, linewidth=0)
    if len(values) > 1 and values.any():
        for row, low, high in zip(rows, values.min(axis=0), values.max(axis=0), strict=True):
            axes.plot([low, high], [row, row], color=grey(0.15), linewidth=0.6, marker="|",
                      markersize=2.5, markeredgewidth=0.6)  # fmt: skip


def _say_none(axes: Axes) -> None:
    axes.set(xlim=(0, 1), xticks=[0])
    axes.annotate("none", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center",
                  fontsize=7, color=grey(0.4))  # fmt: skip


def _strips(figure: Figure, axes: Axes, totals: LayerTotals) -> None:
    """Draw the units of every site as a strip, colours by their share of the change of slope."""
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LogNorm

    largest = 100 * max(float(units.max(initial=0.0)) for units in totals.units)
    norm = LogNorm((largest or 1.0) * 10.0**-_DECADES, largest or 1.0)
    colours = matplotlib.colormaps["inferno" if dark() else "inferno_r"]
    colours = colours.with_extremes(bad=grey(_GREY), under=grey(_GREY))
    for row, units in enumerate(totals.units):
        cells = 100 * _cells(units)[None]
        edges = np.linspace(0, 100, cells.shape[1] + 1)
        masked = np.ma.masked_where(cells <= 0, cells)
        axes.pcolormesh(edges, [row - 0.36, row + 0.36], masked, norm=norm, cmap=colours,
                        rasterized=True)  # fmt: skip
        text = f"{totals.crossed[row]:,} of {len(units):,}"
        axes.annotate(text, (1, row), (3, 0), xycoords=("axes fraction", "data"),
                      textcoords="offset points", va="center", fontsize=6, color=grey(0.25),
                      annotation_clip=False)  # fmt: skip
    axes.set_xlim(0, 100)
    if largest > 0:
        bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, fraction=0.05, pad=0.05,
                              aspect=14)  # fmt: skip
        bar.set_label("|J| (%)", fontsize=7)
        bar.ax.tick_params(labelsize=6)
        bar.minorticks_off()


def _cells(units: Floats) -> Floats:
    """Return means of neighbours in rank where there are more units than cells."""
    if len(units) <= _CELLS:
        return units if len(units) else np.zeros(1)
    bounds = np.linspace(0, len(units), _CELLS + 1).astype(int)
    return np.array([units[a:b].mean() for a, b in pairwise(bounds)])


def _caption(every: Sequence[SlopeBudget], totals: LayerTotals) -> str:
    kinds = " and ".join(sorted({str(b.settings.get("segment", "custom")) for b in every}))
    many = len(every) > 1
    kink_share = float(totals.kinks.mean(axis=0).sum())
    parts = [
        f"Crossings per example, along {counted(len(every), 'segment')} ({kinds}), "
        f"{between([b.examples for b in every], 'example')}, "
        f"{between([b.samples for b in every])} samples.",
        "J is the jump of the slope at a crossing; |J| of all sites together is the kink share "
        f"({number(100 * kink_share)} % of all change of slope, bend and rest), and J shows how "
        "much of it cancels. Units are sorted within each site, colours are logarithmic over "
        f"{_DECADES} decades. At the right: units crossed, of all.",
    ]
    if many:
        parts.append("Means over the segments; whiskers reach from the lowest to the highest.")
    if any(len(units) > _CELLS for units in totals.units):
        parts.append(f"Sites of more than {_CELLS} units are drawn in so many means of neighbours.")
    return " ".join([*parts, *checks({"the segments": every})])
