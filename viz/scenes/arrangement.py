"""Panels, their colour bars and a caption in one 3D picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..geometry.colouring import Colours
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.mesh import Shading
from ..offscreen import ensure
from ..style import Style
from .colourbar import draw_colour_bar
from .scene import DrawnPanel, draw_panel
from .text import letter_width, text_2d, wrapped_in_scene

_BAR_WIDTH = 0.75


@dataclass(frozen=True, slots=True)
class Group:
    """Panels on one scale, in rows of their own, with one colour bar.

    Attributes:
        panels: what is shown.
        frame: where it is drawn.
        style: how it looks; sizes and resolution are those of a picture's first group.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        colours: what the surfaces are coloured by; None for their losses.
    """

    panels: Sequence[DrawnPanel]
    frame: Frame
    style: Style
    shading: Shading
    colours: Colours | None = None


def draw_groups(
    groups: Sequence[Group], caption: str, *, columns: int, off_screen: bool = True
) -> Any:
    """Draw groups of panels below one another, and the caption below them.

    Args:
        groups: at least one.
        caption: "" for none.
        columns: panels per row.
        off_screen: False to open a window with ``.show()``.

    Returns:
        A ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    style = groups[0].style
    aspect = style.panel_width / style.panel_height

    def drawing(group: Group) -> Drawing:
        def draw(plotter: Any, number: int) -> None:
            draw_panel(plotter, group.panels[number], group.frame, group.style,
                       shading=group.shading, aspect=aspect, colours=group.colours,
                       number=number)  # fmt: skip

        return Drawing(draw, len(group.panels), group.frame.scale, group.style, group.colours)

    return arranged(list(map(drawing, groups)), caption, columns=columns, off_screen=off_screen)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels that share a colour bar.

    Attributes:
        draw: draws the panel with a number into the plotter's active renderer.
        count: number of panels.
        scale: of all of them.
        style: how they look.
        colours: what they are coloured by, if not by their heights.
    """

    draw: Callable[[Any, int], None]
    count: int
    scale: HeightScale
    style: Style
    colours: Colours | None = None

    @property
    def title(self) -> str:
        """What is written above the colour bar."""
        return self.colours.scale.title if self.colours is not None else self.scale.title

    @property
    def labels(self) -> list[str]:
        """What is written at the colour bar's ticks."""
        if self.colours is not None:
            return self.colours.labels()
        clipped = ["clipped"] if self.scale.clipped else []
        return [*clipped, *self.scale.labels(self.scale.ticks())]


def arranged(
    drawings: Sequence[Drawing], caption: str, *, columns: int = 1, off_screen: bool = True
) -> Any:
    """Put panels, their colour bars and the caption into one picture.

    Args:
        drawings: each in rows of its own; sizes are those of the first one's style.
        caption: "" for none.
        columns: panels per row.
        off_screen: False to open a window.

    Returns:
        A ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    style = drawings[0].style
    rows = [math.ceil(drawing.count / columns) for drawing in drawings]
    across = (columns * style.panel_width + _BAR_WIDTH) * 0.94
    lines = wrapped_in_scene(caption, across, style, 0.85)
    # Labels of a narrow range have many digits; a title begins further to the left.
    letters = max(len(t) for d in drawings for t in ["", *d.labels])
    letters = max(letters, *(round(0.65 * len(t)) for d in drawings for t in d.title.split("  ")))
    wider = letter_width(style.font) / letter_width("serif")
    bar = _BAR_WIDTH * style.font_size / 9 * wider * (1 + 0.1 * max(letters - 6, 0))
    plotter = _plotter(rows, columns, len(lines), bar, style, off_screen=off_screen)
    first = 0
    try:
        for drawing, more in zip(drawings, rows, strict=True):
            for number in range(drawing.count):
                plotter.subplot(first + number // columns, number % columns)
                drawing.draw(plotter, number)
            plotter.subplot(first, columns)
            draw_colour_bar(plotter, drawing.scale, drawing.style, drawing.colours)
            first += more
    except BaseException:
        plotter.close()
        raise
    plotter.subplot(first, 0)
    if lines:
        text_2d(plotter, "\n".join(lines), (0.5, 0.92), style, size=0.85, vertical="top")
    plotter.subplot(0, 0)
    plotter.again = lambda: arranged(drawings, caption, columns=columns, off_screen=False)
    return plotter


def _plotter(
    groups: Sequence[int],
    columns: int,
    lines: int,
    bar: float,
    style: Style,
    *,
    off_screen: bool,
) -> Any:
    """Make the window: groups of rows of panels, a column for colour bars, a caption's strip."""
    if off_screen:
        ensure()
    import numpy as np

    from .picture import Picture

    strip = (lines * 1.3 * 0.85 + 1.0) * style.font_size / 72
    width = columns * style.panel_width + bar
    rows = sum(groups)
    tall = rows * style.panel_height + strip
    ends = [sum(groups[: i + 1]) for i in range(len(groups))]
    bars = [(np.s_[end - count : end], columns) for end, count in zip(ends, groups, strict=True)]
    plotter = Picture(
        shape=(rows + 1, columns + 1),
        row_weights=[*[style.panel_height] * rows, strip],
        col_weights=[*[style.panel_width] * columns, bar],
        groups=[*bars, (rows, np.s_[:])],
        border=False,
        off_screen=off_screen,
        window_size=[round(width * style.dpi), round(tall * style.dpi)],
        lighting="none",
    )
    plotter.set_background(style.background)
    if style.anti_aliasing:
        plotter.enable_anti_aliasing("ssaa", all_renderers=True)
    return plotter
