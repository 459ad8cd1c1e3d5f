"""A matrix of 3D panels, such as activations by seeds: one scale, one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landscape.records.panel import Panel
from landscape.records.surface import Surface

from ..look import USUAL, Look
from ..style import Style
from .common import Common, counted
from .panels import draw_common
from .scene import DrawnPanel

_MOST_PANELS = 64


def matrix(
    rows: Sequence[Sequence[Panel | Surface]],
    look: Look = USUAL,
    *,
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
    caption: bool = True,
    off_screen: bool = True,
) -> Any:
    """Draw surfaces in rows and columns, such as one row for each activation, one column a seed.

    Args:
        rows: of panels, all as long; at most 64 panels. Warnings as of :func:`viz.compare`.
        look: see :func:`viz.surface`; of several references the first row's come first.
        row_titles: written upright at the left.
        column_titles: above the first row, instead of the panels' own titles.
        caption: whether the caption is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`viz.surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no panel or too many, rows or titles of other lengths.
    """
    columns = _check(rows, row_titles, column_titles)
    panels = counted([one for row in rows for one in row], _MOST_PANELS, "a matrix")
    if column_titles is not None:
        heads = [*column_titles, *[""] * (len(panels) - columns)]
        panels = [replace(one, title=t) for one, t in zip(panels, heads, strict=True)]
    common = Common.of(panels, look, Style.of(look.style).of_many())
    drawn = [
        DrawnPanel.of(
            panel, common.scale,
            beside=row_titles[i // columns] if row_titles and i % columns == 0 else "",
        )
        for i, panel in enumerate(panels)
    ]  # fmt: skip
    return draw_common(common, drawn, columns, caption=caption, off_screen=off_screen)


def _check(
    rows: Sequence[Sequence[Panel | Surface]],
    row_titles: Sequence[str] | None,
    column_titles: Sequence[str] | None,
) -> int:
    """Return the number of columns, all rows being as long."""
    lengths = [len(row) for row in rows]
    if not lengths or len(set(lengths)) > 1 or not 1 <= sum(lengths) <= _MOST_PANELS:
        raise ValueError(
            f"a matrix has rows of one length and 1 to {_MOST_PANELS} surfaces, got rows of "
            f"{lengths}"
        )
    for name, titles, count in (
        ("row_titles", row_titles, len(rows)), ("column_titles", column_titles, lengths[0]),
    ):  # fmt: skip
        if titles is not None and len(titles) != count:
            raise ValueError(f"{name} must be {count}, got {len(titles)}")
    return lengths[0]
