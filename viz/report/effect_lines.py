"""Effects of a claim, each as a point with its interval on its margin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..flat.lines import dark, drawing, grey, ground, ink
from ..flat.titles import shortened
from ..geometry.numbers import minus
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Contrast = Mapping[str, Any]
# Rows that are drawn; what is more stands in the table alone.
MOST_EFFECTS = 36
# Rows of an axis: figures that are far lower than a printed page leave no half of it empty.
_MOST_ROWS = 12
# Heights in inches: of a row, of a line above the first, below the last of an axis.
_ROW, _LINE, _FOOT = 0.36, 0.13, 0.5
# Letters in points, and the share of the width that an axis takes.
_SMALL, _BOLD, _WIDE = 7.0, 7.5, 0.94
_COLOURS = {"supported": "#0b6e4f", "contradicted": "#b3261e", "equivalent": "#33558b",
            "undecided": "#6b6b6b"}  # fmt: skip
_ON_DARK = {"supported": "#3ecf9a", "contradicted": "#ff7a70", "equivalent": "#7fb0ff",
            "undecided": "#a8a8a8"}  # fmt: skip
# The band of the margin, and the ticks of the floor on it.
_BAND, _FLOOR = "#dfe4ec", "#7a869a"
_DARK_BAND, _DARK_FLOOR = "#323b4a", "#93a0b5"
_FACTORS = (1.01, 1.02, 1.05, 1.1, 1.2, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0, 1e3, 1e4, 1e6)


@dataclass(frozen=True, slots=True)
class _Row:
    """An effect as it is drawn: turned so that a positive one speaks for the claim.

    Attributes:
        claimed: -1 where the claim says that the effect is negative, which is turned; 0 where it
            says neither.
    """

    claimed: int
    pair: str
    place: str
    estimate: float
    low: float
    high: float
    margin: float
    floor: float
    verdict: str
    decides: bool

    @property
    def colour(self) -> str:
        """Of the verdict, in the figure that is drawn."""
        known = _ON_DARK if dark() else _COLOURS
        return known.get(self.verdict, known["undecided"])

    @classmethod
    def of(cls, contrast: Contrast) -> _Row:
        claimed = int(contrast.get("claimed", 1))
        sign = claimed or 1
        low, high = _number(contrast["low"], -math.inf), _number(contrast["high"], math.inf)
        verdict = contrast.get("verdict")
        return cls(
            claimed=claimed,
            pair=_parts(contrast)[1],
            place=_parts(contrast)[2],
            estimate=sign * _number(contrast["estimate"], math.nan),
            low=min(sign * low, sign * high),
            high=max(sign * low, sign * high),
            margin=float(contrast["margin"]),
            floor=float(contrast.get("floor") or 0.0),
            verdict=str(verdict),
            decides=_decides(contrast),
        )


def _decides(contrast: Contrast) -> bool:
    """Whether a verdict rests on an effect; one without a verdict, or "exploratory", is shown."""
    return contrast.get("verdict") not in (None, "exploratory")


def _order(contrast: Contrast) -> tuple[bool, bool]:
    """Sort those that decide first, then those that were fixed before, then what else is shown."""
    return not _decides(contrast), contrast.get("verdict") is None


def effect_groups(contrasts: Sequence[Contrast]) -> list[list[Contrast]]:
    """Divide effects among figures, one for each quantity: those that decide, then the others.

    Args:
        contrasts: as of :func:`effect_lines`; what is beyond ``MOST_EFFECTS`` is left out.
    """
    ordered = sorted(contrasts, key=_order)[:MOST_EFFECTS]
    return list(_grouped(ordered).values())


def _grouped(contrasts: Sequence[Contrast]) -> dict[tuple[Any, ...], list[Contrast]]:
    """Return the effects of each axis: of one quantity, scale, margin and sign, deciding or not."""
    groups: dict[tuple[Any, ...], list[Contrast]] = {}
    for contrast in contrasts:
        key = (_parts(contrast)[0], str(contrast.get("scale", "linear")),
               float(contrast["margin"]), int(contrast.get("claimed", 1)),
               _decides(contrast))  # fmt: skip
        full = sum(len(groups[k]) for k in groups if k[: len(key)] == key) // _MOST_ROWS
        groups.setdefault((*key, full), []).append(contrast)
    return groups


def effect_lines(
    contrasts: Sequence[Contrast], *, width: float = 3.4, style: Style | str | None = None
) -> Figure:
    """Draw effects as points with intervals, those of one quantity on one axis.

    Names are read as ``quantity: pair, place``. What all effects of an axis have in common stands
    above it, what tells them apart in its rows.

    The band is the margin, within which an effect would not matter; ticks on it are the size of the
    effect between two functions that are practically one. Filled points decide. An interval
    without an end leaves the axis as an arrow. Every effect is turned so that right speaks for
    the claim; the numbers of the axis are the effect's own, and fall to the right where the claim
    says that it is negative. Where the claim says neither (``claimed`` 0) nothing is turned.

    Args:
        contrasts: with ``name``, ``estimate``, ``low``, ``high`` (None where nothing bounds
            it), ``margin``, ``floor``, ``claimed``, ``scale``, and ``verdict`` if it decides.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Raises:
        ValueError: for no contrast, or an unknown style.
    """
    from matplotlib.figure import Figure

    if not contrasts:
        raise ValueError("there must be an effect to draw, got none")
    drawn = sorted(contrasts, key=_order)[:MOST_EFFECTS]
    groups = [(*key[:2], [_Row.of(c) for c in effects]) for key, effects in _grouped(drawn).items()]
    with drawing(style):
        import matplotlib

        # Names may hold a dollar sign, which would begin a formula.
        matplotlib.rcParams["text.parse_math"] = False
        # The quantity, and the place that all rows share.
        heads = [[quantity, *_shared(rows)] for quantity, _, rows in groups]
        heights = [_LINE * (len(head) + 0.7) + _ROW * len(rows) + _FOOT
                   for head, (*_, rows) in zip(heads, groups, strict=True)]  # fmt: skip
        figure = Figure(figsize=(width, sum(heights)))
        bottom = sum(heights)
        for head, height, (_, scale, rows) in zip(heads, heights, groups, strict=True):
            bottom -= height
            place = ((1 - _WIDE) / 2, (bottom + _FOOT) / sum(heights), _WIDE,
                     _ROW * len(rows) / sum(heights))  # fmt: skip
            axes = figure.add_axes(place)
            _draw(axes, scale, rows, _WIDE * width)
            _write(axes, head, _WIDE * width)
    return figure


def _shared(rows: Sequence[_Row]) -> list[str]:
    places = {row.place for row in rows}
    return [] if len(places) > 1 else [place for place in places if place]


def _write(axes: Axes, head: Sequence[str], width: float) -> None:
    """Write the lines above an axis, the first of them bold, which is wider than measured."""
    for number, line in enumerate(head):
        look: dict[str, Any] = {"color": grey(0.35), "fontsize": _SMALL}
        if not number:
            look = {"weight": "bold", "fontsize": _BOLD}
        above = 4 + 72 * _LINE * (len(head) - 1 - number)
        axes.annotate(shortened(line, width / 1.2, _BOLD), (0, 1), (0, above), ha="left",
                      xycoords="axes fraction", textcoords="offset points", **look)  # fmt: skip


def _draw(axes: Axes, scale: str, rows: Sequence[_Row], width: float) -> None:
    end = _end(rows)
    axes.set_xlim(-end, end)
    axes.set_ylim(len(rows), 0)
    apart = not _shared(rows)
    for place, row in enumerate(rows):
        _draw_one(axes, place, row, end)
        text = ", ".join(part for part in (row.pair, row.place if apart else "") if part)
        axes.text(-end, place + 0.27, shortened(text, width, _SMALL), fontsize=_SMALL,
                  va="center", color=ink())  # fmt: skip
    axes.set_yticks([])
    axes.tick_params(labelsize=_SMALL, length=2.5, width=0.6)
    axes.spines[["left", "right", "top"]].set_visible(False)
    claimed, unit = rows[0].claimed, "difference"
    if scale == "log":
        unit = "factor"
        ticks = _factor_ticks(end)
        left, right = "×÷" if claimed < 0 else "÷×"
        axes.set_xticks([-math.log(f) for f in ticks[::-1]] + [0.0] + [math.log(f) for f in ticks])
        axes.set_xticklabels(
            [f"{left}{f:g}" for f in ticks[::-1]] + ["1"] + [f"{right}{f:g}" for f in ticks]
        )
    else:
        axes.locator_params(axis="x", nbins=5)
        if claimed < 0:
            axes.xaxis.set_major_formatter(lambda v, _: minus(f"{0 - v:g}"))
    text = f"← against the claim     {unit}     for the claim →" if claimed else unit
    axes.set_xlabel(text, fontsize=_SMALL)


def _factor_ticks(end: float) -> list[float]:
    """Return one or two round factors that fit on half an axis, well apart."""
    fitting = [factor for factor in _FACTORS if math.log(factor) <= 0.95 * end]
    if not fitting:
        return []
    inner = [f for f in fitting if 0.3 * end <= math.log(f) <= math.log(fitting[-1]) - 0.3 * end]
    return [*inner[-1:], fitting[-1]]


def _draw_one(axes: Axes, place: int, row: _Row, end: float) -> None:
    top, line, foot = place + 0.5, place + 0.72, place + 0.94
    band = min(row.margin, end)
    axes.fill_between([-band, band], top, foot, color=_DARK_BAND if dark() else _BAND, linewidth=0)
    if 0 < row.floor <= end:
        shade = _DARK_FLOOR if dark() else _FLOOR
        axes.vlines([-row.floor, row.floor], top, foot, color=shade, linewidth=0.8)
    axes.vlines(0, top, foot, color=grey(0.13), linewidth=0.7)
    ends = max(-end, min(end, row.low)), max(-end, min(end, row.high))
    axes.plot(ends, [line, line], color=row.colour, linewidth=1.4, solid_capstyle="butt")
    for drawn, real, mark in ((ends[0], row.low, "<"), (ends[1], row.high, ">")):
        if abs(real) > end:
            axes.plot([drawn], [line], mark, color=row.colour, markersize=4, clip_on=False)
    if abs(row.estimate) <= end:
        face = row.colour if row.decides else ground()
        axes.plot([row.estimate], [line], "o", color=row.colour, markerfacecolor=face,
                  markersize=4.5)  # fmt: skip


def _end(rows: Sequence[_Row]) -> float:
    """Return half the length of the axis: every estimate and margin, intervals up to 4 times."""
    sizes = [abs(row.estimate) for row in rows if math.isfinite(row.estimate)]
    sizes += [1.6 * row.margin for row in rows]
    intervals = [abs(v) for row in rows for v in (row.low, row.high) if math.isfinite(v)]
    return 1.08 * max([*sizes, *(min(v, 4 * max(sizes)) for v in intervals)])


def _parts(contrast: Contrast) -> tuple[str, str, str]:
    """Return quantity, pair and place of a name such as ``quantity: pair, data.network.arm``.

    Without a colon the quantity ends at the first comma. The place, which holds no blank, may be
    missing.
    """
    name, _, last = str(contrast["name"]).rpartition(", ")
    place = "" if " " in last or not name else last
    name = name if place else str(contrast["name"])
    quantity, _, pair = name.partition(": " if ": " in name else ", ")
    return quantity, pair, place


def _number(value: Any, missing: float) -> float:
    return missing if value is None else float(value)
