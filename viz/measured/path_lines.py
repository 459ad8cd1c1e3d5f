"""What was measured along the paths of several optimizers, one panel for each quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.results import Analysis

from ..captions.told import remember
from ..flat.lines import (
    arrays_of,
    between,
    check_count,
    drawing,
    figure_over_legend,
    grey,
    line_colours,
    line_style,
)
from ..geometry.numbers import label, minus, number
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Of more records than this only those without neighbours are marked.
_MARKED = 12
# Panels that hold the line of 2 / learning rate.
_EDGE = ("lipschitz", "sharpness")
_EDGE_GREY = 0.35
# Panels of signed shares.
_LINEAR = ("kink", "smooth", "missed", "taken_back")
# Crosses of a line, at most.
_CROSSES = 12


@dataclass(frozen=True, slots=True)
class _Quantity:
    """One panel: the name of its values, the title, what the caption says of it, and where."""

    name: str
    title: str
    meaning: str
    places: str = "steps"


_QUANTITIES = (
    _Quantity("losses", "loss", "mean training loss"),
    _Quantity("crossings", "kinks crossed per step", "mean per example, predicted from the start "
              "of the step"),
    _Quantity("kink", "slope change in kinks (%)",
              "part of the change of slope along the step that sits in kinks, over what the "
              "gradient promises, |g·d|"),
    _Quantity("smooth", "smooth slope change (%)",
              "integral of autograd's curvature along the step, likewise"),
    _Quantity("missed", "missed by autograd (%)",
              "share of the slope change that sits in kinks, where the change is over 1% of "
              "|g·d|"),
    _Quantity("taken_back", "taken back by kinks (%)",
              "loss that kinks add by the end of the step, over |g·d|"),
    _Quantity("linear_range", "linear range (steps)",
              "how many learning-rate steps along the negative gradient the decrease is as "
              "predicted to 10%", "full"),
    _Quantity("lipschitz", "gradient Lipschitz constant",
              "largest change of the gradient over a distance along the step", "full"),
    _Quantity("sharpness", "sharpness",
              "largest eigenvalue of autograd's Hessian, which does not see kinks", "full"),
    _Quantity("kink_noise", "kink noise / gradient noise",
              "noise of the step that comes from kinks, as a share of the noise of a minibatch's "
              "gradient", "full"),
)  # fmt: skip
_EVERY = ("steps", "losses", "promised", "slope_change", "smooth", "kink", "predicted_kink",
          "predicted_crossings", "taken_back", "predicted_taken_back")  # fmt: skip
_FULL = ("checked", "budget_smooth", "budget_kink", "linear_range", "lipschitz", "sharpness",
         "kink_noise")  # fmt: skip
_SHAPES = {**dict.fromkeys(_EVERY, "R"), **dict.fromkeys(_FULL, "C")}


@dataclass(frozen=True, slots=True)
class _Run:
    """One line of every panel.

    Attributes:
        name: of the run.
        arrays: values of every panel by its name, ``steps`` and ``full``, where they were
            measured; ``budget_kink``, ``budget_smooth`` and ``predicted_kink`` beside them.
        rate: its learning rate, None if it changed.
        kinked: whether its activation has kinks.
    """

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
        examples = int(analysis.settings.get("examples", 1))
        kinked = bool(analysis.settings["kinked"])
        drawn = _drawn_arrays(arrays, examples, float(analysis.settings.get("least_change", 0.0)))
        return cls(name, drawn, None if rate is None else float(rate), kinked)


def _drawn_arrays(arrays: Mapping[str, Floats], examples: int, least: float) -> dict[str, Floats]:
    """Return what is drawn: parts of the slope change over what the gradients promise.

    Of a slope change below ``least`` of that no share is drawn.
    """
    checked = arrays["checked"].astype(int)
    with np.errstate(divide="ignore", invalid="ignore"):
        promised = 100 / np.abs(arrays["promised"])
        large = np.abs(arrays["slope_change"]) > least * np.abs(arrays["promised"])
        missed = np.where(large, 100 * arrays["kink"] / arrays["slope_change"], np.nan)
    parts = ("kink", "smooth", "predicted_kink", "taken_back", "predicted_taken_back")
    shares = {name: arrays[name] * promised for name in parts}
    budgets = {name: arrays[name] * promised[checked] for name in ("budget_kink", "budget_smooth")}
    return {**arrays, **shares, **budgets, "missed": missed, "full": arrays["steps"][checked],
            "crossings": arrays["predicted_crossings"] / examples}  # fmt: skip


def along_path(
    runs: Mapping[str, Analysis], *, width: float = 5.5, style: Style | str | None = None
) -> Figure:
    """Draw what was measured along the optimizer's path, for several runs.

    One panel for each quantity, all against the optimizer step; one colour for each run, solid for
    activations with kinks and dashed for the others. Rings are full slope budgets of single steps,
    the check of the lines; crosses what was predicted from the start of the step. Axes are
    logarithmic where every value is positive, and where some are 0 logarithmic above the smallest
    and linear below; shares of |g.d| are linear. Where all runs share the learning rate, a line at
    2 / rate shows the edge of stability of gradient descent. Values that are NaN leave gaps.

    Args:
        runs: name of each run -> an analysis ``along_path``, see :func:`landscape.along_path`.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no run, more than 8, an analysis of another kind, one that lacks an array or
            its setting ``kinked``, or a run without records.
    """
    every = _checked(runs)
    with drawing(style):
        # Panels are half as high as wide.
        figure = figure_over_legend(_handles(every), width, 1.35 * width)
        grid = figure.subplots(5, 2, sharex=True)
        for axes, quantity in zip(grid.ravel(), _QUANTITIES, strict=True):
            _panel(axes, quantity, every)
        for axes in grid[-1]:
            axes.set_xlabel("optimizer step")
    remember(figure, _caption(runs, every))
    return figure


def _whose(runs: Mapping[str, Analysis]) -> str:
    """Say of which loss, where it is that of each step's own minibatch."""
    losses = {str(a.settings.get("loss_over")) for a in runs.values()} - {"None", "all examples"}
    return f", of the loss over its {losses.pop()}" if losses else ""


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
        _line(axes, run.arrays[quantity.places], line, line_colours()[k], run.kinked)
        _beside(axes, run, quantity.name, line_colours()[k])
    rate = _shared_rate(runs)
    if quantity.name in _EDGE and rate and len(finite):
        axes.axhline(2 / rate, color=grey(_EDGE_GREY), linewidth=0.8, linestyle=":", zorder=1)
        finite = np.append(finite, 2 / rate)
    if len(finite):
        if quantity.name in _LINEAR:
            axes.axhline(0, color=grey(_EDGE_GREY), linewidth=0.5, zorder=1)
        else:
            _scale(axes, finite)
        return
    axes.set_yticks([])
    axes.annotate("not measured", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center",
                  fontsize=7, color=grey(0.4))  # fmt: skip


def _scale(axes: Axes, values: Floats) -> None:
    """Choose the axis: logarithmic, with room for zeros, or linear where a value is negative."""
    positive = values[values > 0]
    if not values.any():
        axes.set(ylim=(-0.05, 1), yticks=[0])
    elif values.min() > 0:
        axes.set_yscale("log")
        _ticks(axes)
    elif values.min() == 0:
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
    return minus(label(value))


def _line(axes: Axes, steps: Floats, values: Floats, colour: str, kinked: bool) -> None:
    axes.plot(steps, values, color=colour, linewidth=1.1, linestyle=line_style(kinked))
    # A record between two gaps has no line through it.
    there = np.isfinite(values)
    around = np.concatenate([[False], there, [False]])
    alone = there & ~around[:-2] & ~around[2:]
    marked = there if len(steps) <= _MARKED else alone
    if marked.any():
        axes.plot(steps[marked], values[marked], color=colour, linestyle="none", marker="o",
                  markersize=1.9)  # fmt: skip


def _beside(axes: Axes, run: _Run, name: str, colour: str) -> None:
    """Draw what a line is compared with: full budgets, and predictions."""
    arrays = run.arrays
    if f"budget_{name}" in arrays:
        axes.plot(arrays["full"], arrays[f"budget_{name}"], color=colour, linestyle="none",
                  marker="o", markersize=3.6, markerfacecolor="none", markeredgewidth=0.7,
                  zorder=3)  # fmt: skip
    if f"predicted_{name}" in arrays and run.kinked:
        some = slice(None, None, max(len(arrays["steps"]) // _CROSSES, 1))
        axes.plot(arrays["steps"][some], arrays[f"predicted_{name}"][some], color=colour,
                  linestyle="none", marker="x", markersize=3, markeredgewidth=0.7,
                  zorder=3)  # fmt: skip


def _handles(runs: Sequence[_Run]) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=line_colours()[k], linewidth=1.1, linestyle=line_style(run.kinked),
               label=run.name)
        for k, run in enumerate(runs)
    ]  # fmt: skip
    marks = {"o": "full budget of the step", "x": "predicted from its start"}
    handles += [
        Line2D([], [], color=grey(_EDGE_GREY), linestyle="none", marker=mark, markersize=3.4,
               markerfacecolor="none", markeredgewidth=0.7, label=words)
        for mark, words in marks.items()
    ]  # fmt: skip
    if _shared_rate(runs):
        handles.append(Line2D([], [], color=grey(_EDGE_GREY), linewidth=0.8, linestyle=":",
                              label="2 / learning rate"))  # fmt: skip
    return handles


def _caption(runs: Mapping[str, Analysis], every: Sequence[_Run]) -> str:
    lengths = [len(run.arrays["steps"]) for run in every]
    counts = [int(a.settings["examples"]) for a in runs.values() if a.settings.get("examples")]
    over = f", {between(counts, 'example')}" if counts else ""
    meanings = "; ".join(f"{q.title.split(' (')[0]}: {q.meaning}" for q in _QUANTITIES)
    parts = [
        f"{between(lengths, 'single step')} of each path{over}; d is the step, g the gradient at "
        f"its start{_whose(runs)}. {meanings[0].upper()}{meanings[1:]}.",
        f"Rings: full slope budgets of {between([len(r.arrays['full']) for r in every], 'step')}, "
        "those of the last four panels; crosses: predicted from the start of the step.",
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
            if q.name != "missed"
            and any(not np.all(np.isfinite(run.arrays[q.name])) for run in every)]  # fmt: skip
    if gaps:
        parts.append(f"Gaps: not measured or not finite ({', '.join(gaps)}).")
    return " ".join(parts)
