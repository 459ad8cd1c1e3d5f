"""Lines of figures that compare runs: how they look, and what an analysis must hold for them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from landscape.records.arrays import Floats, as_floats
from landscape.records.plurals import plural
from landscape.records.results import Analysis

from ..geometry.rows import evenly
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# One for each run or activation: Okabe and Ito's, safe for the colour-blind, without yellow.
LINE_COLOURS = ("#D55E00", "#E69F00", "#009E73", "#0072B2", "#CC79A7", "#56B4E9", "#000000",
                "#7F7F7F")  # fmt: skip
# What would not be seen on a dark background.
_ON_DARK = {"#000000": "#e6e6e6", "#0072B2": "#4aa3e0"}
# Solid for activations with kinks, dashed for the others.
_DASHED = (0, (4, 1.6))
# Points of its letters, inches of a line.
_LEGEND_SIZE, _LEGEND_ROW = 7.0, 0.15


def drawing(style: Style | str | None) -> Any:
    """Return a context in which matplotlib draws in a style: its fonts, ink and background."""
    import matplotlib

    return matplotlib.rc_context(dict(Style.of(style).layout_settings))


def ground() -> str:
    """Return the background of the figure that is drawn."""
    return str(_setting("figure.facecolor"))


def ink() -> str:
    """Return the colour of text in the figure that is drawn."""
    return str(_setting("text.color"))


def grey(share: float) -> Any:
    """Return a colour between the ink (0) and the background (1) of the figure that is drawn."""
    from matplotlib.colors import to_rgb

    dark, light = to_rgb(ink()), to_rgb(ground())
    return tuple((1 - share) * a + share * b for a, b in zip(dark, light, strict=True))


def dark() -> bool:
    """Return whether the figure that is drawn has a background darker than its ink."""
    from matplotlib.colors import to_rgb

    return sum(to_rgb(ground())) < sum(to_rgb(ink()))


def line_colours() -> tuple[str, ...]:
    """Return the colours of lines; on a dark background black becomes the ink."""
    return tuple(map(seen, LINE_COLOURS))


def seen(colour: str) -> str:
    """Return a colour as it is, or a lighter one that is seen on a dark background."""
    return _ON_DARK.get(colour, colour) if dark() else colour


def _setting(name: str) -> Any:
    import matplotlib

    return matplotlib.rcParams[name]


def line_style(kinked: bool) -> Any:
    """Return matplotlib's line style of an activation with kinks or without."""
    return "-" if kinked else _DASHED


def check_count(count: int) -> None:
    """Raise ValueError if there is no line, or if there are more lines than colours."""
    if not 1 <= count <= len(LINE_COLOURS):
        raise ValueError(f"the figure shows 1 to {len(LINE_COLOURS)} lines, got {count}")


def arrays_of(analysis: Analysis, kind: str, shapes: dict[str, str]) -> dict[str, Floats]:
    """Return arrays of an analysis as floats, their shapes checked.

    Args:
        analysis: what holds them.
        kind: which it must be.
        shapes: of each array a letter for each axis; what one letter stands for is one length.

    Raises:
        ValueError: for another kind, a missing array, or shapes that do not fit.
    """
    missing = [name for name in shapes if name not in analysis.arrays]
    if analysis.kind != kind or missing:
        without = f" without {', '.join(missing)}" if missing else ""
        raise ValueError(f"an analysis {kind!r} is needed, got {analysis.kind!r}{without}")
    lengths: dict[str, int] = {}
    found = {}
    for name, letters in shapes.items():
        values = as_floats(analysis.arrays[name], name)
        for letter, length in zip(letters, values.shape, strict=False):
            lengths.setdefault(letter, length)
        expected = tuple(lengths.get(letter, 0) for letter in letters)
        found[name] = as_floats(values, name, expected)
    return found


def between(counts: Iterable[int], noun: str = "") -> str:
    """Write the smallest and the largest of some counts, with a noun if there is one.

    >>> between([17, 400, 1797]), between([3, 3], "step"), between([1, 1], "step")
    ('17 to 1,797', '3 steps', '1 step')
    """
    low, high = min(counts := list(counts)), max(counts)
    numbers = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{numbers} {plural(high, noun)}" if noun else numbers


def outside_legend(
    figure: Figure, handles: Sequence[Any], *, columns: int, title: str = ""
) -> None:
    """Write a legend below all panels."""
    legend: Any = figure.legend(handles=list(handles), loc="outside lower center", ncols=columns,
                                frameon=False, fontsize=_LEGEND_SIZE, handlelength=2.4,
                                columnspacing=1.4, title=title or None)  # fmt: skip
    legend.get_title().set_fontsize(_LEGEND_SIZE)


def legend_size(names: Sequence[str], width: float, *, handle: float = 3.8) -> tuple[int, float]:
    """Return how many entries of a legend stand side by side, evenly, and how high it is.

    Args:
        names: of the entries.
        width: of the figure in inches.
        handle: width of what stands before a name, in letters.

    Returns:
        Columns, and inches.
    """
    # A character of this font is about 0.45 of its size wide.
    longest = max((len(name) for name in names), default=1)
    entry = (longest * 0.45 + handle) * _LEGEND_SIZE / 72
    most = max(1, min(len(names), int(width * 0.96 / entry)))
    columns = evenly(len(names), most)
    return columns, _LEGEND_ROW * math.ceil(len(names) / columns)
