"""3D pictures: one surface, or several on one scale, in one range of colours, from one camera."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..captions.told import remember
from ..geometry.rows import per_row
from ..look import USUAL, Look
from ..style import Style
from .arrangement import Group, draw_groups
from .common import Common, counted
from .scene import DrawnPanel

_MOST_PANELS = 24


def surface(
    panel: Panel | Surface, look: Look = USUAL, *, caption: bool = True, off_screen: bool = True
) -> Any:
    """Draw a surface with the optimizer's paths in 3D.

    Paths are tubes through the true losses, with start, end and step marks; the surface passes
    through their ends. Paths without losses lie on the surface.

    Args:
        panel: a surface over a plane, with its plane, paths and title.
        look: height, colour, shading and style.
        caption: whether the caption is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window. :func:`viz.caption_of` returns its caption.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for an unknown field, or a surface without a finite value.
    """
    common = Common.of(panels_of(panel), look, Style.of(look.style))
    return draw_common(common, common.drawn(), 1, caption=caption, off_screen=off_screen)


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
        caption: whether the caption is drawn below.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``, as :func:`surface`.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no panel or too many, or what :func:`surface` refuses.
    """
    shown = counted(panels, _MOST_PANELS, "a comparison")
    common = Common.of(shown, look, Style.of(look.style).of_many())
    wide = per_row(len(shown), columns, 4)
    return draw_common(common, common.drawn(), wide, caption=caption, off_screen=off_screen)


def draw_common(
    common: Common, drawn: Sequence[DrawnPanel], columns: int, *, caption: bool, off_screen: bool
) -> Any:
    """Draw panels on one scale, and the caption that says what a reader must know.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    text = common.caption()
    group = Group(drawn, common.frame, common.style, common.look.shading, common.colours)
    plotter = draw_groups([group], text if caption else "", columns=columns, off_screen=off_screen)
    remember(plotter, text)
    return plotter
