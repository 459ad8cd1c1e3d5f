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

# One for each run or activation. Each has a contrast of 3 to the background and to the next, and
# all stay apart in all three forms of colour-blindness; found by search, bounded by a test.
LINE_COLOURS = ("#d55e00", "#08306e", "#1fa1aa", "#5b0602", "#ab68fe", "#5c0243", "#bb795b",
                "#41048c")  # fmt: skip
_ON_DARK = ("#b73e64", "#dcf948", "#6646f9", "#51eefe", "#856901", "#fec2a1", "#b03ac3", "#90e05f")
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
    return str(setting("figure.facecolor"))


def ink() -> str:
    """Return the colour of text in the figure that is drawn."""
    return str(setting("text.color"))


def grey(share: float) -> Any:
    """Return a colour between the ink (0) and the background (1) of the figure that is drawn."""
    return blended(ink(), ground(), share)


def blended(first: str, second: str, share: float) -> Any:
    """Return a colour between two: the first for a share of 0, the second for 1."""
    from matplotlib.colors import to_rgb

    both = zip(to_rgb(first), to_rgb(second), strict=True)
    return tuple((1 - share) * a + share * b for a, b in both)


def dark() -> bool:
    """Return whether the figure that is drawn has a background darker than its ink."""
    from matplotlib.colors import to_rgb

    return sum(to_rgb(ground())) < sum(to_rgb(ink()))


def line_colours() -> tuple[str, ...]:
    """Return the colours of lines, on the background of the figure that is drawn."""
    return _ON_DARK if dark() else LINE_COLOURS


def setting(name: str) -> Any:
    """Return a setting of matplotlib for the figure that is drawn."""
    import matplotlib

    return matplotlib.rcParams[name]


def line_style(kinked: bool) -> Any:
    """Return matplotlib's line style of an activation with kinks or without."""
    return "-" if kinked else _DASHED


def check_count(count: int, what: str = "", **lists: Sequence[Any]) -> None:
    """Check that a figure shows at least one line and no more than there are colours.

    Args:
        count: of the lines.
        what: they show, in an error.
        lists: that hold a value for each line.

    Raises:
        ValueError: otherwise, or for a list of another length.
    """
    if not 1 <= count <= len(LINE_COLOURS):
        raise ValueError(f"the figure shows 1 to {len(LINE_COLOURS)} lines, got {count}")
    for name, values in lists.items():
        if len(values) != count:
            raise ValueError(f"{name} must be as many as {what}, {count}, got {len(values)}")


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
    arrays = {}
    for name, letters in shapes.items():
        values = as_floats(analysis.arrays[name], name)
        for letter, length in zip(letters, values.shape, strict=False):
            lengths.setdefault(letter, length)
        expected = tuple(lengths.get(letter, 0) for letter in letters)
        arrays[name] = as_floats(values, name, expected)
    return arrays


def between(counts: Iterable[int], noun: str = "") -> str:
    """Write the smallest and the largest of some counts, with a noun if there is one.

    >>> between([17, 400, 1797]), between([3, 3], "step"), between([1, 1], "step")
    ('17 to 1,797', '3 steps', '1 step')
    """
    low, high = min(counts := list(counts)), max(counts)
    numbers = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{numbers} {plural(high, noun)}" if noun else numbers


def figure_over_legend(handles: Sequence[Any], width: float, tall: float) -> Figure:
    """Make a figure with a legend below all panels, its entries side by side as evenly as can be.

    Args:
        handles: of matplotlib, with their labels.
        width: of the figure in inches.
        tall: height without the legend, in inches.
    """
    from matplotlib.figure import Figure

    # A character of this font is about 0.45 of its size wide; 3.8 of them stand before a name.
    longest = max((len(str(handle.get_label())) for handle in handles), default=1)
    entry = (longest * 0.45 + 3.8) * _LEGEND_SIZE / 72
    columns = evenly(len(handles), max(1, min(len(handles), int(width * 0.96 / entry))))
    below = _LEGEND_ROW * math.ceil(len(handles) / columns)
    figure = Figure(figsize=(width, tall + below), layout="constrained")
    figure.legend(handles=list(handles), loc="outside lower center", ncols=columns, frameon=False,
                  fontsize=_LEGEND_SIZE, handlelength=2.4, columnspacing=1.4)  # fmt: skip
    return figure
