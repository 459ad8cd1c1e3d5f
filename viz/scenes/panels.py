"""3D pictures: one surface, or several on one scale, in one range of colours, from one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..geometry.rows import per_row
from ..look import USUAL, Look
from ..style import Style
from .arrangement import picture_of
from .common import Common, counted

_MOST_PANELS = 24
_MOST_OF_MATRIX = 64


def surface(
    panel: Panel | Surface, look: Look = USUAL, *, caption: bool = True, off_screen: bool = True
) -> Any:
    """Draw a surface with the optimizer's paths in 3D.

    Paths are tubes through the true losses, with start, end and step marks; the surface passes
    through their ends. Paths without losses lie on the surface.

    Args:
        panel: a surface over a plane, with its plane, paths and title.
        look: height, colour, shading and style.
        caption: whether its first sentence is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window. :func:`viz.caption_of` returns its caption.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for an unknown field, or a surface without a finite value.
    """
    common = Common.of(panels_of(panel), look, Style.of(look.style))
    return picture_of([common.drawing()], common.caption(), caption=caption, off_screen=off_screen)


def compare(
    panels: Sequence[Panel | Surface],
    look: Look = USUAL,
    *,
    columns: int | None = None,
    caption: bool = True,
    off_screen: bool = True,
) -> Any:
    """Draw several surfaces side by side: one height scale, one range of colours, one camera.

    Args:
        panels: 1 to 24. A warning and the caption say if their windows, kinds of planes,
            normalisations, units or losses differ.
        look: see :func:`surface`.
        columns: panels per row; by default at most 4.
        caption: whether its first sentence is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no panel or too many, or what :func:`surface` refuses.
    """
    common = Common.of(counted(panels, _MOST_PANELS, "a comparison"), look,
                       Style.of(look.style).of_many())  # fmt: skip
    return picture_of([common.drawing()], common.caption(), caption=caption, off_screen=off_screen,
                      columns=per_row(len(common.panels), columns, 4))  # fmt: skip


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
        caption: whether its first sentence is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`viz.surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no panel or too many, rows or titles of other lengths.
    """
    columns = _columns_of(rows, row_titles, column_titles)
    panels = counted([panel for row in rows for panel in row], _MOST_OF_MATRIX, "a matrix")
    if column_titles is not None:
        heads = [*column_titles, *[""] * (len(panels) - columns)]
        panels = [replace(panel, title=t) for panel, t in zip(panels, heads, strict=True)]
    common = Common.of(panels, look, Style.of(look.style).of_many())
    beside = {row * columns: title for row, title in enumerate(row_titles or ())}
    drawn = [replace(panel, beside=beside.get(i, "")) for i, panel in enumerate(common.drawn())]
    return picture_of([common.drawing(drawn)], common.caption(), columns=columns, caption=caption,
                      off_screen=off_screen)  # fmt: skip


def _columns_of(
    rows: Sequence[Sequence[Panel | Surface]],
    row_titles: Sequence[str] | None,
    column_titles: Sequence[str] | None,
) -> int:
    """Return the number of columns, all rows being as long."""
    lengths = [len(row) for row in rows]
    if not lengths or len(set(lengths)) > 1 or not 1 <= sum(lengths) <= _MOST_OF_MATRIX:
        raise ValueError(
            f"a matrix has rows of one length and 1 to {_MOST_OF_MATRIX} surfaces, got rows of "
            f"{lengths}"
        )
    for name, titles, count in (
        ("row_titles", row_titles, len(rows)), ("column_titles", column_titles, lengths[0]),
    ):  # fmt: skip
        if titles is not None and len(titles) != count:
            raise ValueError(f"{name} must be {count}, got {len(titles)}")
    return lengths[0]
