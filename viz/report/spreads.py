"""A quantity of several activations against one number, median and range over the seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.records.arrays import as_floats

from ..flat.lines import (
    check_count,
    drawing,
    figure_over_legend,
    grey,
    line_colours,
    line_style,
)
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def spread_lines(
    places: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    xlabel: str,
    ylabel: str,
    kinked: Sequence[bool] = (),
    log: str = "",
    levels: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    width: float = 3.4,
    style: Style | str | None = None,
) -> Figure:
    """Draw the median over the seeds as a line and their range as a band.

    Values that are not finite leave a gap: a run that did not arrive has no place on the axis. A
    place where any seed has none has no band and no line.

    Args:
        places: numbers along the horizontal axis, [X].
        lines: 1 to 8 names, each with values [S, X] of S seeds.
        xlabel: of the horizontal axis, with its unit.
        ylabel: of the vertical axis.
        kinked: whether each line's activation has kinks (solid) or not (dashed).
        log: axes that are logarithmic: "", "x", "y" or "xy".
        levels: names of heights that are marked by a line across the figure.
        limits: of the vertical axis; None shows everything.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Raises:
        ValueError: for no line, too many, or arrays that do not fit.
    """
    from matplotlib.lines import Line2D

    check_count(len(lines))
    x = as_floats(places, "places")
    drawn = {name: _checked(name, values, len(x)) for name, values in lines.items()}
    styles = [line_style(k) for k in kinked] or [line_style(True)] * len(lines)
    with drawing(style):
        marks: dict[str, Any] = {"linewidth": 1.2, "marker": "o", "markersize": 2.4}
        looks = [{"color": colour, "linestyle": dashes, **marks}
                 for colour, dashes in zip(line_colours(), styles, strict=False)]  # fmt: skip
        names = [name.replace("$", r"\$") for name in drawn]
        handles = [Line2D([], [], label=n, **look) for n, look in zip(names, looks, strict=False)]
        figure = figure_over_legend(handles, width, 0.7 * width)
        axes = figure.subplots()
        for letter in log:
            {"x": axes.set_xscale, "y": axes.set_yscale}[letter]("log")
        for values, look in zip(drawn.values(), looks, strict=False):
            middle = np.median(np.where(np.isfinite(values), values, np.nan), axis=0)
            low, high = values.min(axis=0), values.max(axis=0)
            known = np.isfinite(middle)
            axes.fill_between(x, low, high, where=known, color=look["color"], alpha=0.15,
                              linewidth=0)  # fmt: skip
            axes.plot(x, middle, **look)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        axes.margins(x=0.03)
        if limits is not None:
            axes.set_ylim(*limits)
        for name, level in (levels or {}).items():
            axes.axhline(level, color=grey(0.35), linewidth=0.7, zorder=0)
            axes.annotate(name, (0, level), (3, 3), xycoords=axes.get_yaxis_transform(),
                          textcoords="offset points", fontsize=7, color=grey(0.2))  # fmt: skip
    return figure


def _checked(name: str, values: ArrayLike, length: int) -> Any:
    array = as_floats(values, name)
    if array.ndim != 2 or array.shape[1] != length:
        raise ValueError(f"{name} must have shape (seeds, {length}), got {array.shape}")
    return array
