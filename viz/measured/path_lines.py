"""What was measured along the paths of several optimizers, one panel for each quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.arrays import Floats
from landscape.results import Analysis
from viz.flat.lines import (
    arrays_of,
    between,
    check_count,
    drawing,
    grey,
    legend_size,
    line_colours,
    line_style,
    outside_legend,
)
from viz.geometry.height import label, number
from viz.style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of more records than this only those without neighbours are marked.
_MARKED = 12
# Panels that hold the line of 2 / learning rate.
_EDGE = ("lipschitz", "sharpness")
_EDGE_GREY = 0.35


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One panel: the name of the array, the title, and what the caption says of it."""

    name: str
    title: str
    meaning: str


_QUANTITIES = (
    _Quantity("losses", "loss", "mean training loss"),
    _Quantity("boldness", "boldness (steps)",
              "how many learning-rate steps along the negative gradient the decrease is as "
              "predicted to 10%"),
    _Quantity("lipschitz", "gradient Lipschitz constant",
              "largest change of the gradient over a distance along the step"),
    _Quantity("sharpness", "sharpness",
              "largest eigenvalue of autograd's Hessian, which does not see kinks"),
    _Quantity("crossings", "kinks crossed per step", "mean per example"),
    _Quantity("kink_noise", "kink noise / gradient noise",
              "noise of the step that comes from kinks, as a share of the noise of a minibatch's "
              "gradient"),
)  # fmt: skip
_SHAPES = {"steps": "R", **{quantity.name: "R" for quantity in _QUANTITIES}}


@dataclass(frozen=True, slots=True)
class _Run:
    """One line of every panel."""

    name: str
    arrays: Mapping[str, Floats]
    rate: float | None
    kinked: bool

    @classmethod
    def of(cls, name: str, analysis: Analysis) -> _Run:
        arrays = arrays_of(analysis, "along_path", _SHAPES)
        if not len(arrays["steps"]):
            raise ValueError(f"every run needs at least one record, got none for {name}")
        if "kinked" not in analysis.settings:
            raise ValueError(f"the settings of {name} must say whether it is 'kinked'")
        rate = analysis.settings.get("learning_rate")
        kinked = bool(analysis.settings["kinked"])
        return cls(name, arrays, None if rate is None else float(rate), kinked)


def along_path(
    runs: Mapping[str, Analysis], *, width: float = 5.5, style: Style | str | None = None
) -> Figure:
    """Draw what was measured along the optimizer's path, for several runs.

    One panel for each quantity, all against the optimizer step; one colour for each run, solid for
    activations with kinks and dashed for the others. Axes are logarithmic where every value is
    positive, and where some are 0 logarithmic above the smallest and linear below. Where
    all runs share the learning rate, a line at 2 / rate shows the edge of stability of gradient
    descent. Values that are NaN leave gaps.

    Args:
        runs: name of each run -> an analysis ``along_path`` with arrays ``steps``, ``losses``,
            ``boldness``, ``lipschitz``, ``sharpness``, ``crossings`` and ``kink_noise``, all [R],
            and settings ``learning_rate``, ``examples`` and ``kinked``.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, below it
        :func:`viz.along_path_caption`.

    Raises:
        ValueError: for no run, more than 8, an analysis of another kind, one that lacks an array or
            its setting ``kinked``, or a run without records.
    """
    from matplotlib.figure import Figure

    every = _checked(runs)
    with drawing(style):
        handles = _handles(every)
        columns, below = legend_size([str(handle.get_label()) for handle in handles], width)
        # Panels are two thirds as high as wide.
        tall = 0.95 * width + below
        figure = Figure(figsize=(width, tall), layout="constrained")
        grid = figure.subplots(3, 2, sharex=True)
        for axes, quantity in zip(grid.ravel(), _QUANTITIES, strict=True):
            _panel(axes, quantity, every)
        for axes in grid[-1]:
            axes.set_xlabel("optimizer step")
        outside_legend(figure, handles, columns=columns)
    return figure


def _checked(runs: Mapping[str, Analysis]) -> list[_Run]:
    check_count(len(runs))
    return [_Run.of(name, analysis) for name, analysis in runs.items()]


def _shared_rate(runs: Sequence[_Run]) -> float | None:
    """Return the learning rate of all runs, None if they differ or one is not known."""
    rates = {run.rate for run in runs}
    return rates.pop() if len(rates) == 1 else None


def _panel(axes: Axes, quantity: _Quantity, runs: Sequence[_Run]) -> None:
    values = [run.arrays[quantity.name] for run in runs]
    joined = np.concatenate(values)
    finite = joined[np.isfinite(joined)]
    axes.set_title(quantity.title, fontsize=7.5, pad=3)
    for k, (run, line) in enumerate(zip(runs, values, strict=True)):
        _line(axes, run, line, line_colours()[k])
    rate = _shared_rate(runs)
    if quantity.name in _EDGE and rate and len(finite):
        axes.axhline(2 / rate, color=grey(_EDGE_GREY), linewidth=0.8, linestyle=":", zorder=1)
        finite = np.append(finite, 2 / rate)
    if len(finite):
        _scale(axes, finite)
        return
    axes.set_yticks([])
    axes.annotate("not measured", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center",
                  fontsize=7, color=grey(0.4))  # fmt: skip


def _scale(axes: Axes, shown: Floats) -> None:
    """Choose the axis: logarithmic, with room for zeros, or linear where a value is negative."""
    positive = shown[shown > 0]
    if not shown.any():
        axes.set(ylim=(-0.05, 1), yticks=[0])
    elif shown.min() > 0:
        axes.set_yscale("log")
        _ticks(axes)
    elif shown.min() == 0:
        least = 10.0 ** np.floor(np.log10(positive.min()))
        axes.set_yscale("symlog", linthresh=least, linscale=0.4)
        axes.set_ylim(-0.25 * least, 1.3 * positive.max())
        axes.yaxis.set_major_formatter(_plain)


def _ticks(axes: Axes) -> None:
    """Label decades, and 2 and 5 between where there are few; no power hides a plain number."""
    from matplotlib.ticker import LogLocator, NullFormatter

    low, high = axes.get_ylim()
    decades = np.log10(high / low)
    few, some = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0), (1.0, 2.0, 5.0)
    subs: tuple[float, ...] = few if decades < 0.5 else some if decades < 1.8 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs))
    axes.yaxis.set_major_formatter(_plain)
    axes.yaxis.set_minor_formatter(NullFormatter())


def _plain(value: float, _position: float) -> str:
    return label(value).replace("-", "−")


def _line(axes: Axes, run: _Run, values: Floats, colour: str) -> None:
    steps = run.arrays["steps"]
    axes.plot(steps, values, color=colour, linewidth=1.1, linestyle=line_style(run.kinked))
    # A record between two gaps has no line through it.
    there = np.isfinite(values)
    around = np.concatenate([[False], there, [False]])
    alone = there & ~around[:-2] & ~around[2:]
    marked = there if len(steps) <= _MARKED else alone
    if marked.any():
        axes.plot(steps[marked], values[marked], color=colour, linestyle="none", marker="o",
                  markersize=1.9)  # fmt: skip


def _handles(runs: Sequence[_Run]) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=line_colours()[k], linewidth=1.1, linestyle=line_style(run.kinked),
               label=run.name)
        for k, run in enumerate(runs)
    ]  # fmt: skip
    if _shared_rate(runs):
        handles.append(Line2D([], [], color=grey(_EDGE_GREY), linewidth=0.8, linestyle=":",
                              label="2 / learning rate"))  # fmt: skip
    return handles


def along_path_caption(runs: Mapping[str, Analysis]) -> str:
    """Write the caption of :func:`viz.along_path`.

    Raises:
        ValueError: as there.
    """
    every = _checked(runs)
    lengths = [len(run.arrays["steps"]) for run in every]
    counts = [int(a.settings["examples"]) for a in runs.values() if a.settings.get("examples")]
    over = f", {between(counts)} examples" if counts else ""
    meanings = "; ".join(f"{q.title.split(' (')[0]}: {q.meaning}" for q in _QUANTITIES)
    parts = [
        f"Measured at {between(lengths)} steps of each path{over}. {meanings[0].upper()}"
        f"{meanings[1:]}.",
        "Solid: activations with kinks; dashed: without.",
    ]
    rate = _shared_rate(every)
    if rate:
        parts.append(f"Dotted: 2 / learning rate = {number(2 / rate)}, above which gradient "
                     "descent on a quadratic diverges.")  # fmt: skip
    rates = sorted({run.rate for run in every if run.rate is not None})
    if len(rates) > 1:
        parts.append(f"Learning rates differ ({number(rates[0])} to {number(rates[-1])}), so "
                     "steps are of different lengths.")  # fmt: skip
    still = [run.name for run in every
             if np.isfinite(run.arrays["crossings"]).any()
             and not np.nansum(run.arrays["crossings"])]  # fmt: skip
    if still:
        parts.append(f"No kink was crossed: {', '.join(still)}.")
    gaps = [q.title.split(" (")[0] for q in _QUANTITIES
            if any(not np.all(np.isfinite(run.arrays[q.name])) for run in every)]  # fmt: skip
    if gaps:
        parts.append(f"Gaps: not measured or not finite ({', '.join(gaps)}).")
    return " ".join(parts)
