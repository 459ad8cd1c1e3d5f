"""Effects of a claim, each as a point with its interval on its margin."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viz.lines import dark, drawing, grey, ground, ink
from viz.style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Contrast = Mapping[str, Any]
# Rows that are drawn; what is more stands in the table alone.
MOST_EFFECTS = 24
# Heights in inches: of a row, above the first and below the last of an axis.
_ROW, _HEAD, _FOOT = 0.36, 0.24, 0.5
# So high, in inches, that a figure and its caption fit on a printed page.
_PAGE = 7.6
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
    """An effect as it is drawn: turned so that a positive one speaks for the claim."""

    name: str
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
        sign = int(contrast.get("claimed", 1))
        low, high = _number(contrast["low"], -math.inf), _number(contrast["high"], math.inf)
        verdict = contrast.get("verdict")
        return cls(
            name=_split(contrast)[1],
            estimate=sign * _number(contrast["estimate"], math.nan),
            low=min(sign * low, sign * high),
            high=max(sign * low, sign * high),
            margin=float(contrast["margin"]),
            floor=float(contrast.get("floor") or 0.0),
            verdict=str(verdict),
            decides=verdict is not None,
        )


def effect_pages(contrasts: Sequence[Contrast], *, height: float = _PAGE) -> list[list[Contrast]]:
    """Divide effects among figures that fit on a page: those that decide, then the others.

    Args:
        contrasts: as of :func:`effect_lines`; those of one quantity stay together if they fit.
        height: of a figure in inches.
    """
    ordered = sorted(contrasts, key=lambda c: c.get("verdict") is None)[:MOST_EFFECTS]
    pages: list[list[Contrast]] = []
    used, before = math.inf, None
    for found in _grouped(ordered).values():
        decides = found[0].get("verdict") is not None
        needed = _HEAD + _FOOT + _ROW * len(found)
        if used + needed > height or decides is not before:
            pages.append([])
            used, before = 0.0, decides
        pages[-1] += found
        used += needed
    return pages


def _grouped(contrasts: Sequence[Contrast]) -> dict[tuple[Any, ...], list[Contrast]]:
    """Return the effects of each axis: of one quantity, scale and margin, deciding or not."""
    groups: dict[tuple[Any, ...], list[Contrast]] = {}
    most = int((_PAGE - _HEAD - _FOOT) / _ROW)
    for contrast in contrasts:
        key = (_split(contrast)[0], str(contrast.get("scale", "linear")),
               float(contrast["margin"]), contrast.get("verdict") is not None)  # fmt: skip
        full = sum(len(groups[k]) for k in groups if k[:4] == key) // most
        groups.setdefault((*key, full), []).append(contrast)
    return groups


def effect_lines(
    contrasts: Sequence[Contrast], *, width: float = 3.7, style: Style | str | None = None
) -> Figure:
    """Draw effects as points with intervals, those of one quantity on one axis.

    The band is the margin, within which an effect would not matter; ticks on it are the size of the
    effect between two functions that are practically one. Filled points decide. An interval
    without an end leaves the axis as an arrow. Every effect is turned so that right speaks for
    the claim.

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
    drawn = sorted(contrasts, key=lambda c: c.get("verdict") is None)[:MOST_EFFECTS]
    groups = {key: [_Row.of(c) for c in found] for key, found in _grouped(drawn).items()}
    heights = [_HEAD + _ROW * len(rows) + _FOOT for rows in groups.values()]
    with drawing(style):
        figure = Figure(figsize=(width, sum(heights)))
        bottom = sum(heights)
        for ((quantity, scale, *_), rows), height in zip(groups.items(), heights, strict=True):
            bottom -= height
            place = (0.04, (bottom + _FOOT) / sum(heights), 0.92, _ROW * len(rows) / sum(heights))
            axes = figure.add_axes(place)
            _draw(axes, scale, rows)
            axes.set_title(_fitting(quantity, width), fontsize=7.5, loc="left", pad=3,
                           weight="bold")  # fmt: skip
    return figure


def _draw(axes: Axes, scale: str, rows: Sequence[_Row]) -> None:
    end = _end(rows)
    axes.set_xlim(-end, end)
    axes.set_ylim(len(rows), 0)
    axes.axvline(0, color=grey(0.13), linewidth=0.7, zorder=1)
    for place, row in enumerate(rows):
        _draw_one(axes, place, row, end)
    axes.set_yticks([])
    axes.tick_params(labelsize=7, length=2.5, width=0.6)
    axes.spines[["left", "right", "top"]].set_visible(False)
    unit = "difference"
    if scale == "log":
        unit = "factor"
        ticks = _factor_ticks(end)
        axes.set_xticks([-math.log(f) for f in ticks[::-1]] + [0.0] + [math.log(f) for f in ticks])
        axes.set_xticklabels([f"÷{f:g}" for f in ticks[::-1]] + ["1"] + [f"×{f:g}" for f in ticks])
    axes.set_xlabel(f"← against the claim     {unit}     for the claim →", fontsize=7)


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
    ends = max(-end, min(end, row.low)), max(-end, min(end, row.high))
    axes.plot(ends, [line, line], color=row.colour, linewidth=1.4, solid_capstyle="butt")
    for drawn, real, mark in ((ends[0], row.low, "<"), (ends[1], row.high, ">")):
        if abs(real) > end:
            axes.plot([drawn], [line], mark, color=row.colour, markersize=4, clip_on=False)
    if abs(row.estimate) <= end:
        face = row.colour if row.decides else ground()
        axes.plot([row.estimate], [line], "o", color=row.colour, markerfacecolor=face,
                  markersize=4.5)  # fmt: skip
    axes.text(-end, place + 0.24, row.name, fontsize=7, va="center", color=ink(),
              bbox={"facecolor": ground(), "edgecolor": "none", "pad": 0.6})  # fmt: skip


def _end(rows: Sequence[_Row]) -> float:
    """Return half the length of the axis: every estimate and margin, intervals up to 4 times."""
    sizes = [abs(row.estimate) for row in rows if math.isfinite(row.estimate)]
    sizes += [1.6 * row.margin for row in rows]
    intervals = [abs(v) for row in rows for v in (row.low, row.high) if math.isfinite(v)]
    return 1.08 * max([*sizes, *(min(v, 4 * max(sizes)) for v in intervals)])


def _split(contrast: Contrast) -> tuple[str, str]:
    """Return the quantity and the pair of a name such as ``quantity: pair, group``."""
    quantity, found, pair = str(contrast["name"]).partition(": ")
    return (quantity, _fitting(pair, 3.7)) if found else ("", _fitting(quantity, 3.7))


def _fitting(text: str, width: float) -> str:
    """Cut a text to a width in inches; a dollar sign would begin a formula."""
    most = int(width * 16)
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return short.replace("$", r"\$")


def _number(value: Any, missing: float) -> float:
    return missing if value is None else float(value)
