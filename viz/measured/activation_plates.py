"""Plates of activations: each with its first two derivatives, and what jumps in them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.plurals import counted
from landscape.records.results import Analysis

from ..captions.told import remember
from ..flat.lines import dark, drawing, grey, ground
from ..geometry.numbers import minus, number
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROWS = ("values", "first", "second")
_LABELS = ("$f$", "$f\\,'$", "$f\\,''$")
_COLOURS = ("#1f4e79", "#b5402a", "#2e7d4f")
# The same on a dark background.
_LIGHTER = ("#7fb2e0", "#f08a72", "#74c796")
_RATIOS = (1.25, 1.0, 1.0)
# What is drawn of values, and at most of a second derivative.
_VALUES = (-2.4, 3.4)
_STEEPEST = 3.0
# Up to so many kinks each has its dots and the weight of its delta.
_FEW = 3
_MOST_COLUMNS = 6
_CLASSES = {
    "discontinuous": "jumps",
    "C0": "kinked, $C^0$",
    "C1": "$C^1$",
    "C2": "$C^2$",
    "C-infinity": "smooth",
}
# What a caption says of each class; together they are all.
_TOLD = {
    "discontinuous": "that jump",
    "C0": "with kinks",
    "C1": "with a continuous slope whose derivative jumps",
    "C2": "with a continuous second derivative",
    "C-infinity": "smooth",
}


def activation_plate(
    records: Sequence[Analysis],
    *,
    columns: int | None = None,
    width: float = 6.75,
    style: Style | str | None = None,
) -> Figure:
    """Draw activations beside each other: function, first and second derivative, on shared axes.

    Each column is an activation; more than fit into a row go on below, on the same axes. Lines are
    parted where something jumps. At a kink, the first derivative has a dot where autograd puts its
    value and a ring at each side's limit that is not taken; the second has an arrow, a delta whose
    weight is the jump: its length on the axis, and the number beside it. More than three kinks
    have lines as long as their weights.

    Args:
        records: see :func:`landscape.networks.activations.profile`.
        columns: activations in a row; by default at most 6.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no record, a record of another kind, or fewer than 1 column.
    """
    from matplotlib.figure import Figure

    _check(records, columns)
    across = columns or min(len(records), _MOST_COLUMNS)
    bands = math.ceil(len(records) / across)
    with drawing(style):
        column_width = (width - 0.45) / max(across, 2)
        tall = 1.75 * column_width * bands + 0.42 * bands + 0.25
        figure = Figure(figsize=(width, tall))
        outer = figure.add_gridspec(
            bands, 1, left=0.45 / width, right=1 - 0.06 / width, bottom=0.33 / tall,
            top=1 - 0.34 / tall, hspace=0.42 / (1.75 * column_width),
        )  # fmt: skip
        ends = _ends(records)
        for band in range(bands):
            chosen = records[band * across : (band + 1) * across]
            inner = outer[band].subgridspec(3, across, height_ratios=_RATIOS, hspace=0.1,
                                            wspace=0.1)  # fmt: skip
            for column, record in enumerate(chosen):
                panels = [figure.add_subplot(inner[row, column]) for row in range(3)]
                _draw(panels, record, ends)
                _label(panels, record, first=column == 0, columns=across)
        figure.supxlabel("$z$", fontsize=8, y=0.04 / tall, va="bottom")
    remember(figure, _caption(records))
    return figure


def _caption(records: Sequence[Analysis]) -> str:
    classes = [str(record.settings["smoothness"]) for record in records]
    low, high = (float(v) for v in _ends(records)["x"])
    counts = {text: classes.count(name) for name, text in _TOLD.items()}
    classes_told = ", ".join(f"{count} {text}" for text, count in counts.items() if count)
    parts = [
        f"{len(records)} activations (top), their first (middle) and second derivatives (bottom) "
        f"for z from {low:g} to {high:g}, on shared axes: {classes_told}.",
        "Derivatives by autograd in float64, one-sided where they jump. At a kink: dot, the slope "
        "that autograd returns there; ring, a limit that is not taken; arrow, a delta in the "
        "second derivative, as long as its weight.",
    ]
    rough = [r for r in records if r.settings["second"] == "differences"]
    if rough:
        names = ", ".join(str(record.settings["label"]) for record in rough)
        parts.append(f"Second derivative by differences of the first: {names}.")
    steep = [r for r in records if np.abs(r.arrays["second"]).max() > _STEEPEST]
    if steep:
        names = ", ".join(
            f"{r.settings['label']} ({number(float(np.abs(r.arrays['second']).max()))})"
            for r in steep
        )
        parts.append(f"Second derivatives that go further than drawn: {names}.")
    return " ".join(parts)


def _check(records: Sequence[Analysis], columns: int | None) -> None:
    if not records:
        raise ValueError("a plate shows at least one activation, got none")
    for record in records:
        if record.kind != "activation":
            raise ValueError(
                f"a plate shows analyses of the kind 'activation', got {record.kind!r}; make them "
                "with landscape.networks.activations.profile"
            )
    if columns is not None and columns < 1:
        raise ValueError(f"columns must be >= 1, got {columns}")


def _ends(records: Sequence[Analysis]) -> dict[str, Floats]:
    """Return the ends of the axis of z and of the three rows, one for all records."""
    arrays = [record.arrays for record in records]
    ends = {"x": np.array([min(a["x"][0] for a in arrays), max(a["x"][-1] for a in arrays)])}
    limits = {"values": _VALUES, "first": (-np.inf, np.inf), "second": (-_STEEPEST, _STEEPEST)}
    weights = {"values": [], "first": [a["value_jumps"] for a in arrays],
               "second": [a["kinks"] for a in arrays]}  # fmt: skip
    for row in _ROWS:
        # A delta is drawn from 0.
        values = np.concatenate(
            [[0.0], *(a[row] for a in arrays), *(w[:, 1] for w in weights[row])]
        )
        low, high = max(values.min(), limits[row][0]), min(values.max(), limits[row][1])
        room = 0.1 * max(high - low, 1e-3)
        ends[row] = np.array([low - room, high + room])
    return ends


def _draw(panels: Sequence[Axes], record: Analysis, ends: dict[str, Floats]) -> None:
    arrays = record.arrays
    x = np.asarray(arrays["x"])
    parts = np.split(np.arange(len(x)), np.flatnonzero(np.diff(x) == 0) + 1)
    kinks = np.asarray(arrays["kinks"])
    inside = (kinks[:, 0] >= x[0]) & (kinks[:, 0] <= x[-1])
    few = int(inside.sum()) <= _FEW
    for axes, row, colour in zip(panels, _ROWS, _colours(), strict=True):
        axes.set(xlim=tuple(ends["x"]), ylim=tuple(ends[row]))
        axes.axhline(0, color=grey(0.8), linewidth=0.5, zorder=0)
        for place in kinks[inside, 0] if few else ():
            axes.axvline(place, color=grey(0.75), linewidth=0.5, linestyle=(0, (2, 2)), zorder=0)
        for part in parts:
            axes.plot(x[part], np.asarray(arrays[row])[part], color=colour, linewidth=1.1)
    function, first, second = panels
    _deltas(first, np.asarray(arrays["value_jumps"]), _colours()[1])
    _deltas(second, kinks[inside], _colours()[2])
    for place in np.asarray(arrays["value_jumps"])[:, 0]:
        left = int(np.flatnonzero(x == place)[0])
        for value in np.asarray(arrays["values"])[left : left + 2]:
            _dot(function, place, value, _colours()[0], full=False)
    for place, slopes in zip(kinks[inside, 0], arrays["kink_slopes"][inside], strict=True):
        if few:
            _slopes(first, place, slopes)


def _colours() -> tuple[str, ...]:
    return _LIGHTER if dark() else _COLOURS


def _slopes(axes: Axes, place: float, slopes: Floats) -> None:
    """Mark the slopes at a kink: a dot for autograd's, a ring for each limit that is another."""
    left, taken, right = slopes
    for limit in (left, right):
        if not np.isclose(limit, taken, atol=1e-6):
            _dot(axes, place, limit, _colours()[1], full=False)
    _dot(axes, place, taken, _colours()[1], full=True)


def _dot(axes: Axes, place: float, value: float, colour: str, *, full: bool) -> None:
    axes.plot([place], [value], marker="o", markersize=2.8, markeredgewidth=0.8, color=colour,
              markerfacecolor=colour if full else ground(), clip_on=False, zorder=4)  # fmt: skip


def _deltas(axes: Axes, deltas: Floats, colour: str) -> None:
    """Draw deltas [n, 2] (place, weight) from 0, as long as their weights; many as mere lines."""
    if len(deltas) > _FEW:
        axes.vlines(deltas[:, 0], 0.0, deltas[:, 1], color=colour, linewidth=0.7)
        return
    low, high = axes.get_xlim()
    for i, (place, weight) in enumerate(deltas):
        style: Any = {"arrowstyle": "-|>", "color": colour, "shrinkA": 0, "shrinkB": 0,
                      "mutation_scale": 6.0, "linewidth": 1.0}  # fmt: skip
        axes.annotate("", (place, weight), (place, 0.0), arrowprops=style, zorder=3)
        # To the left of its arrow where the next arrow or the edge is near.
        room = (deltas[i + 1, 0] - place) / 2 if i + 1 < len(deltas) else high - place
        side = -1 if room < 0.15 * (high - low) else 1
        axes.annotate(
            minus(f"{weight:+.3g}"), (place, weight), (3 * side, 0),
            textcoords="offset points", fontsize=5.5, va="center", color=colour,
            ha="left" if side > 0 else "right",
        )  # fmt: skip


def _label(panels: Sequence[Axes], record: Analysis, *, first: bool, columns: int) -> None:
    settings = record.settings
    top = panels[0]
    size = 8.0 if columns <= 4 else 7.0
    # Two lines where a name is too long for its column.
    name = str(settings["label"])
    top.set_title(name, fontsize=size if len(name) < 60 / columns + 4 else 0.75 * size, pad=11)
    top.text(0.5, 1.02, _CLASSES.get(str(settings["smoothness"]), str(settings["smoothness"])),
             transform=top.transAxes, ha="center", va="bottom", fontsize=6.5,
             color=grey(0.3))  # fmt: skip
    for axes, label in zip(panels, _LABELS, strict=True):
        axes.tick_params(labelsize=6, length=2, labelleft=first, labelbottom=axes is panels[2],
                         pad=1.5)  # fmt: skip
        if first:
            axes.set_ylabel(label, rotation=0, va="center", labelpad=5)
    _note_outside(panels[2], record)


def _note_outside(axes: Axes, record: Analysis) -> None:
    """Say how many kinks lie outside the range."""
    kinks, x = np.asarray(record.arrays["kinks"]), np.asarray(record.arrays["x"])
    outside = int(np.sum((kinks[:, 0] < x[0]) | (kinks[:, 0] > x[-1])))
    if outside:
        axes.text(0.97, 0.06, f"{counted(outside, 'kink')} outside",
                  transform=axes.transAxes, fontsize=5, color=grey(0.4), ha="right")  # fmt: skip
