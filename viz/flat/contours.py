"""Flat figures for a paper: the loss as contours, with the optimizer's path."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.surface import Surface

from ..captions.told import lead_of, remember
from ..geometry.colouring import Colours
from ..geometry.height import HeightScale
from ..geometry.rows import most_in_row, per_row
from ..geometry.solution_points import solutions_of
from ..geometry.window import ends_of
from ..look import USUAL, Look
from ..scenes.common import Common, Panels, counted
from ..scenes.text import wrapped
from ..style import PAPER, Style
from .contour_axes import draw_contours
from .lines import setting
from .ticks import label_window, power_of_axes
from .titles import Titles, fitted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_CAPTION_SIZE = 7.0
_MOST_PANELS = 64
_LEAST_WIDTH = 1.5
# Of the paper's style; others give their own.
FIGURE_SETTINGS: Mapping[str, Any] = PAPER.figure_settings


def contour(
    panels: Panels,
    look: Look = USUAL,
    *,
    columns: int | None = None,
    width: float | None = None,
    caption: bool = True,
) -> Figure:
    """Draw surfaces as contour panels with one range of colours.

    The colours are those of the sampled values between their grid points, isolines are of the same
    grid; nothing is smoothed. Cells without a height stay grey.

    Args:
        panels: one or several, at most 64.
        look: height, colour and style; contours have no shading. The colour is that between the
            isolines, which are those of the loss.
        columns: panels per row; by default at most 4, of a narrow figure 2 or 3.
        width: of the figure in inches; by default 5.5 for up to 3 columns, else 6.75, and more
            for styles with larger letters; see :func:`viz.width_of`.
        caption: whether its first sentence is drawn below.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save` or go on with it.

    Raises:
        ValueError: for no panel or more than 64, a surface that is not two-dimensional, an unknown
            field, less than 1 column or a width below 1.5 inches.
    """
    import matplotlib
    from matplotlib.figure import Figure

    chosen = counted(panels, _MOST_PANELS, "a contour figure")
    surfaces = [panel.surface for panel in chosen]
    if any(len(surface.grid.shape) != 2 for surface in surfaces):
        raise ValueError("a surface must have 2 axes to be drawn as contours")
    style = Style.of(look.style)
    # Paths have no height here.
    common = Common.of(chosen, look, style, scale=look.scale(surfaces))
    count = len(chosen)
    most = 4 if width is None else most_in_row(width / style.letters)
    in_row = per_row(count, columns, most)
    rows = math.ceil(count / in_row)
    across = (5.5 if in_row <= 3 else 6.75) * style.letters if width is None else width
    if not across >= _LEAST_WIDTH:
        raise ValueError(f"width must be at least {_LEAST_WIDTH:g} inches, got {width}")
    same = len({ends_of(surface.grid) for surface in surfaces}) == 1
    ratio = float(np.ptp(surfaces[0].betas) / np.ptp(surfaces[0].alphas))
    # Enough for the widest panels: constrained layout loses titles of panels it must make narrower.
    tall = rows * ((across - 1.0) / in_row * ratio + 0.36) + 0.25
    text = common.caption(flat=True)
    with matplotlib.rc_context(dict(style.figure_settings)):
        heads = fitted([panel.title for panel in chosen], 0.92 * (across - 1.0) / in_row,
                       setting("axes.titlesize"))  # fmt: skip
        tall += rows * (heads.lines - 1) * 1.2 * heads.size / 72
        figure = Figure(figsize=(across, tall), layout="constrained")
        grid = figure.subplots(rows, in_row, squeeze=False, sharex=same, sharey=same)
        _panels(grid.ravel(), common, heads)
        _label(grid.ravel()[:count], surfaces, in_row, max((across - 1.2) / in_row - 0.08, 0.3))
        _colour_bar(figure, grid, common.scale, style, common.colours)
        if caption:
            write_caption(figure, text, style)
    remember(figure, text)
    return figure


def _panels(grid: Any, common: Common, titles: Titles) -> None:
    for number, axes in enumerate(grid):
        if number >= len(common.panels):
            axes.set_axis_off()
            continue
        panel = common.panels[number]
        draw_contours(axes, panel.surface, panel.paths, common.scale, common.style,
                      solutions=solutions_of(panel.surface, panel.plane), colours=common.colours,
                      number=number)  # fmt: skip
        axes.set_title(titles.texts[number], fontsize=titles.size, linespacing=1.1)


def _label(grid: Any, surfaces: Sequence[Surface], columns: int, room: float) -> None:
    """Label the axes of panels that are ``room`` inches wide, all in one unit."""
    ends = [ends_of(surface.grid) for surface in surfaces]
    power = power_of_axes(*(both for each in ends for both in each))
    for number, (axes, (alpha, beta)) in enumerate(zip(grid, ends, strict=True)):
        lowest = number + columns >= len(surfaces)
        label_window(axes, (alpha, beta), room, power=power,
                     named=(lowest, number % columns == 0))  # fmt: skip
        if lowest:
            axes.tick_params(labelbottom=True)


def _colour_bar(
    figure: Figure, grid: Any, scale: HeightScale, style: Style, colours: Colours | None
) -> None:
    filled = grid.ravel()[0].collections[0]
    clipped = scale.clipped and colours is None
    extend = "max" if clipped else "neither"
    if clipped:
        filled.set_cmap(filled.get_cmap().with_extremes(over=style.clipped))
    bar = figure.colorbar(filled, ax=grid, shrink=0.9, aspect=30, pad=0.015, extend=extend)
    ticks = scale.ticks() if colours is None else colours.ticks()
    bar.set_ticks(list(ticks), labels=scale.labels(ticks) if colours is None else colours.labels())
    bar.set_label((scale if colours is None else colours.scale).title)


def write_caption(figure: Figure, text: str, style: Style) -> None:
    """Write the first sentence of a caption into a strip that is added below."""
    size = _CAPTION_SIZE * style.letters
    across, tall = (float(length) for length in figure.get_size_inches())
    lines = wrapped(lead_of(text), 0.94 * across, size, style.font)
    strip = (len(lines) * 1.5 + 1.0) * size / 72
    figure.set_size_inches(across, tall + strip)
    share = strip / (tall + strip)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.set(rect=(0.0, share, 1.0, 1.0 - share))  # type: ignore[call-arg]
    top = share * (1.0 - 0.4 * size / 72 / strip)
    figure.text(0.5, top, "\n".join(lines), ha="center", va="top", fontsize=size)
