"""Figures for a paper: surfaces rendered, everything else lines and text; contours below them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..captions.told import lead_of, remember
from ..flat.lines import drawing
from ..look import USUAL, Look
from ..scenes.common import Common, Panels, counted
from ..style import PAPER as SCREEN
from ..style import Style
from .layer import Solid
from .page import Page, common_names
from .paper_panels import bar_texts, colour_bar, draw_hybrid, flat_panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_PANELS = 12
# In figures panels are small: surfaces are drawn a little steeper.
FIGURE_STYLE = replace(SCREEN, height=0.42)


def figure_style(which: Style | str | None = None) -> Style:
    """Return the style of a figure for a paper; change it with ``dataclasses.replace``.

    Args:
        which: a style or a file of one is taken as it is; by default or for ``paper``, and for
            ``slides``, ``dark`` and ``testing``, surfaces are drawn a little steeper, as panels are
            small.

    Raises:
        ValueError: for an unknown name, or a file that holds no style.
    """
    if which is None:
        return FIGURE_STYLE
    style = Style.of(which)
    if isinstance(which, Style) or which.endswith(".toml"):
        return style
    # Laid out as on paper, whatever the letters of the style.
    return replace(style, height=FIGURE_STYLE.height, isoline_width=FIGURE_STYLE.isoline_width)


def check_dpi(dpi: int) -> None:
    """Raise ValueError for a resolution below 1 pixel per inch."""
    if not dpi >= 1:
        raise ValueError(f"dpi must be >= 1, got {dpi}")


def figure(
    panels: Panels,
    look: Look = USUAL,
    *,
    columns: int | None = None,
    width: float = 5.5,
    dpi: int = 600,
    contours: bool = True,
    caption: bool = False,
) -> Figure:
    """Draw surfaces in 3D, and as contours below, on one scale with one colour bar, for a paper.

    The surfaces, their isolines and the paths are rendered at ``dpi`` on nothing; frame, ticks,
    labels, the floor, the ends of paths, titles and colour bar are lines and text over and under
    them. Written as PDF, text can be selected and its fonts are embedded. About 5 seconds a panel.

    Args:
        panels: one or several, at most 12.
        look: height, colour, shading and style; a style given by its name is drawn a little
            steeper, see :func:`viz.paper.hybrid.figure_style`.
        columns: panels per row; by default at most 3, or 4 from a width of 6.5.
        width: of the figure in inches: 5.5, 3.25 and 6.75 are usual.
        dpi: pixels per inch of what is rendered.
        contours: whether each surface is drawn as contours too; clay has none, and no colour bar.
        caption: whether its first sentence is drawn below; :func:`viz.caption_of` returns it.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, which keeps ``dpi``.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for no panel or too many, an unknown field, a reference that does not fit, less
            than 1 column or pixel per inch, or panels that would be too small.
    """
    every = counted(panels, MOST_PANELS, "a figure")
    check_dpi(dpi)
    style = figure_style(look.style)
    clay = style.material == "clay"
    contours = contours and not clay
    common = Common.of(every, look, style)
    style, scale, frame, colours = common.style, common.scale, common.frame, common.colours
    words = common.caption() + " Below: the same as contours." * contours
    drawn = common.drawn()
    names = common_names(drawn, style)
    with drawing(style):
        page = Page.of(frame, style, len(drawn), width=width, columns=columns, contours=contours,
                       legend=bool(names), caption=lead_of(words) if caption else "",
                       titles=[panel.title for panel in drawn],
                       bar=None if clay else bar_texts(scale, colours))  # fmt: skip
        made = page.start(dpi)
        for number, panel in enumerate(drawn):
            solid = Solid(panel, frame, page.view, style, look.shading, dpi, colours, number)
            draw_hybrid(page.panel(made, number), solid, count=page.ticks)
            page.write_title(made, number)
            if contours:
                flat_panel(page.contour(made, number), panel, scale, style,
                           named=number % page.columns == 0, legend=not names,
                           count=page.ticks, colours=colours, number=number)  # fmt: skip
        if not clay:
            colour_bar(page.bar(made), scale, style, upright=page.upright, colours=colours)
        page.write_legend(made, names, style)
        page.write_caption(made)
    remember(made, words)
    return made
