"""A matrix of 3D panels, such as activations by seeds: one scale, one camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landscape.records.plane import Plane
from landscape.records.surface import Surface

from ..geometry.colouring import Reference
from ..geometry.height import HeightScale, Kind
from ..geometry.mesh import Shading
from ..style import Style
from .panel_lists import warn_of_mismatches
from .panels import Choice, draw_chosen
from .scene import Panel, Paths

_MOST_PANELS = 64


def matrix(
    rows: Sequence[Sequence[Surface]],
    *,
    row_titles: Sequence[str] | None = None,
    column_titles: Sequence[str] | None = None,
    paths: Sequence[Sequence[Paths]] | None = None,
    planes: Sequence[Sequence[Plane | None]] | None = None,
    height: Kind | HeightScale = "log",
    colour: str = "losses",
    reference: Reference | Sequence[Reference] | None = None,
    shading: Shading = "flat",
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw surfaces in rows and columns, such as one row for each activation, one column a seed.

    Args:
        rows: of surfaces, all as long; at most 64 surfaces. Warnings as of :func:`viz.compare`.
        row_titles: written upright at the left.
        column_titles: above the first row.
        paths: in rows, of each surface.
        planes: in rows, of each surface.
        height: ``log``, ``linear``, ``clipped``, or a scale.
        colour: see :func:`viz.surface`.
        reference: one for all surfaces or one for each, row after row; see :func:`viz.surface`.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks: a style, the name of one, or a file of one.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no surface or too many, rows or titles of other lengths.
    """
    columns = _check(rows, row_titles, column_titles, {"paths": paths, "planes": planes})
    surfaces = [surface for row in rows for surface in row]
    every = [plane for row in planes or [] for plane in row]
    warn_of_mismatches(surfaces, every)
    placed = [path for row in paths or [] for path in row] or [None] * len(surfaces)
    panels = [
        Panel.of(
            surface, placed[i], column_titles[i] if column_titles and i < columns else "",
            plane=every[i] if every else None,
            beside=row_titles[i // columns] if row_titles and i % columns == 0 else "",
        )
        for i, surface in enumerate(surfaces)
    ]  # fmt: skip
    choice = Choice(every or [None] * len(surfaces), height, shading, caption, colour, reference)
    look = Style.of(style).of_many()
    return draw_chosen(panels, choice, look, columns=columns, off_screen=off_screen)


def _check(
    rows: Sequence[Sequence[Surface]],
    row_titles: Sequence[str] | None,
    column_titles: Sequence[str] | None,
    others: dict[str, Any],
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
    for name, values in others.items():
        if values is not None and [len(row) for row in values] != lengths:
            raise ValueError(f"{name} must be in rows as the surfaces are, {lengths}")
    return lengths[0]
