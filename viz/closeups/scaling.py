"""How residuals scale with the window, one line for each activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.residuals import RESOLVED
from landscape.records.window_scaling import ResidualScaling

from ..captions.told import remember
from ..flat.lines import between, check_count, line_colours, line_style
from ..geometry.numbers import minus, number
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def residual_scaling(
    scalings: Sequence[ResidualScaling],
    *,
    titles: Sequence[str],
    kinked: Sequence[bool],
    step: float | None = None,
    fitted: tuple[float, float] | None = None,
    width: float = 5.5,
    style: Style | str | None = None,
) -> Figure:
    """Draw residual over removed quadratic against the width of the window, both logarithmic.

    Lines are medians over the centres, bands reach from the lower to the upper quartile; solid for
    activations with kinks, dashed for the others. The legend gives the slope of each line. Where
    the median residual is only rounding a line ends; in the grey region residuals drown in it.

    Args:
        scalings: one for each line.
        titles: of the lines.
        kinked: whether the activation has kinks, for each line.
        step: width of the window of one optimizer step, marked by a vertical line.
        fitted: widths between which the slopes are fitted; None takes all.
        width: of the figure in inches.
        style: its fonts, background and ink.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, which knows its caption.

    Raises:
        ValueError: for no line, more than 8, or lists of other lengths.
    """
    import matplotlib
    from matplotlib.figure import Figure

    style = Style.of(style)
    check_count(len(scalings), "scalings", titles=titles, kinked=kinked)
    with matplotlib.rc_context(dict(style.figure_settings)):
        figure = Figure(figsize=(width, 0.56 * width), layout="constrained")
        axes = figure.add_subplot(xscale="log", yscale="log")
        low, high = fitted or (0.0, np.inf)
        for line, (scaling, title) in enumerate(zip(scalings, titles, strict=True)):
            slope = minus(f"{scaling.slope(low=low, high=high):+.2f}")
            _line(axes, scaling, f"{title}  ({slope})", line_colours()[line], solid=kinked[line])
        axes.margins(x=0)
        shaded = _floor(axes, scalings, style)
        if step is not None:
            axes.axvline(step, color=style.ink, alpha=0.8, linewidth=0.7, linestyle=":")
            axes.annotate("one step", (step, 1), (3, -3), xycoords=("data", "axes fraction"),
                          textcoords="offset points", fontsize=7, alpha=0.8, va="top",
                          rotation=90)  # fmt: skip
        axes.set(xlabel="width of the window, multiples of the direction",
                 ylabel="rms residual / rms removed quadratic")  # fmt: skip
        heading = "slope" if fitted is None else f"slope, {number(low)} to {number(high)}"
        legend: Any = axes.legend(title=f"activation ({heading})", frameon=False, fontsize=7,
                                  loc="center left", bbox_to_anchor=(1.01, 0.5),
                                  handlelength=2.6)  # fmt: skip
        legend.get_title().set_fontsize(7)
    remember(figure, _caption(scalings, kinked, step, fitted, shaded=shaded))
    return figure


def _caption(
    scalings: Sequence[ResidualScaling],
    kinked: Sequence[bool],
    step: float | None,
    fitted: tuple[float, float] | None,
    *,
    shaded: bool,
) -> str:
    """Write the caption: what was measured, and what is drawn of it."""
    ends = "" if fitted is None else f" for widths from {number(fitted[0])} to {number(fitted[1])}"
    places = between([len(scaling.centres) for scaling in scalings])
    parts = [
        "Root mean square of the loss minus its best-fitting quadratic, over that of the "
        "quadratic, against the width of the window it is fitted in. Medians over "
        f"{places} places, bands from the lower to the "
        f"upper quartile; behind each name the slope{ends} on these logarithmic axes.",
    ]
    if any(kinked):
        parts.append("Solid: activations with kinks." if all(kinked) else
                     "Solid: activations with kinks; dashed: without.")  # fmt: skip
    if any(not scaling.resolved.all() for scaling in scalings):
        parts.append("Lines end where the median residual is only rounding.")
    if shaded:
        parts.append("Grey: what would be rounding.")
    if step is not None:
        parts.append(f"Dotted: the width of one optimizer step, {number(step)}.")
    return " ".join(parts)


def _line(axes: Axes, scaling: ResidualScaling, text: str, colour: str, *, solid: bool) -> None:
    seen = scaling.resolved
    lower, median, upper = np.where(seen, scaling.ratio_quartiles, np.nan)
    axes.fill_between(scaling.widths, lower, upper, color=colour, alpha=0.16, linewidth=0)
    axes.plot(scaling.widths, median, color=colour, linewidth=1.3, label=text, marker="o",
              markersize=2.4, linestyle=line_style(solid))  # fmt: skip


def _floor(axes: Axes, scalings: Sequence[ResidualScaling], style: Style) -> bool:
    """Shade where the residual of the noisiest line would be only rounding; say if that is seen."""
    if any(not np.array_equal(s.widths, scalings[0].widths) for s in scalings):
        return False
    widths = scalings[0].widths
    floor = RESOLVED * np.max([scaling.floor for scaling in scalings], axis=0)
    if not np.all(np.isfinite(floor)) or not np.any(floor > 0):
        return False
    bottom, _ = axes.get_ylim()
    if floor.max() < bottom:
        text = f"rounding: below {number(float(floor.max()))}"
        axes.annotate(text, (0, 0), (3, 3), xycoords="axes fraction", textcoords="offset points",
                      fontsize=7, alpha=0.75)  # fmt: skip
        return False
    axes.fill_between(widths, bottom, floor, color=style.missing, linewidth=0, zorder=0)
    axes.set_ylim(bottom=bottom)
    axes.annotate("rounding", (widths[0], floor[0]), (3, -3), textcoords="offset points",
                  fontsize=7, alpha=0.75, va="top")  # fmt: skip
    return True
