"""Panels, their colour bars and a caption in one 3D picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..captions.told import lead_of, remember
from ..geometry.camera import snug
from ..geometry.colouring import Colours
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.mesh import Shading
from ..offscreen import ensure
from ..style import Style
from .colourbar import bar_width, draw_colour_bar
from .legends import TITLE
from .scene import DrawnPanel, draw_panel
from .text import inches, text_2d, wrapped_in_scene


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels on one scale, in rows of their own, with one colour bar.

    Attributes:
        draw: draws the panel with a number into the plotter's active renderer.
        count: number of panels.
        scale: of all of them.
        style: how they look; the resolution is that of a picture's first drawing.
        panel: width and height of a panel in inches; those of a picture's first drawing count.
        colours: what they are coloured by, if not by their heights.
    """

    draw: Callable[[Any, int], None]
    count: int
    scale: HeightScale
    style: Style
    panel: tuple[float, float]
    colours: Colours | None = None

    @classmethod
    def of(
        cls, panels: Sequence[DrawnPanel], frame: Frame, style: Style, shading: Shading,
        colours: Colours | None = None,
    ) -> Drawing:  # fmt: skip
        """Return the drawing of surfaces in one frame."""
        width, height = snug(frame, style)
        # Titles that have a line of their own keep it.
        titles = max((inches(p.title, style, TITLE) for p in panels if p.title), default=0.0)
        width = max(width, min(titles / 0.96, style.panel_width))

        def draw(plotter: Any, number: int) -> None:
            draw_panel(plotter, panels[number], frame, style, shading=shading,
                       aspect=width / height, colours=colours, number=number)  # fmt: skip

        return cls(draw, len(panels), frame.scale, style, (width, height), colours)

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


def picture_of(
    drawings: Sequence[Drawing],
    words: str,
    *,
    columns: int = 1,
    caption: bool = True,
    off_screen: bool = True,
) -> Any:
    """Put panels, their colour bars and the caption into one picture.

    Args:
        drawings: each in rows of its own; sizes are those of the first one.
        words: the caption, which :func:`viz.caption_of` returns; its first sentence is drawn.
        columns: panels per row.
        caption: whether it is drawn below.
        off_screen: False to open a window with ``.show()``.

    Returns:
        A ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    style, panel = drawings[0].style, drawings[0].panel
    rows = [math.ceil(drawing.count / columns) for drawing in drawings]
    texts = [d.title for d in drawings], [text for d in drawings for text in d.labels]
    bar = 0.0 if style.material == "clay" else bar_width(*texts, style)
    across = (columns * panel[0] + bar) * 0.94
    lines = wrapped_in_scene(lead_of(words) if caption else "", across, style, 0.85)
    plotter = _arranged(rows, columns, panel, len(lines), bar, style, off_screen)
    first = 0
    try:
        for drawing, more in zip(drawings, rows, strict=True):
            for number in range(drawing.count):
                plotter.subplot(first + number // columns, number % columns)
                drawing.draw(plotter, number)
            if bar:
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
    plotter.again = lambda: picture_of(drawings, words, columns=columns, caption=caption,
                                       off_screen=False)  # fmt: skip
    remember(plotter, words)
    return plotter


def _arranged(
    groups: Sequence[int], columns: int, panel: tuple[float, float], lines: int, bar: float,
    style: Style, off_screen: bool,
) -> Any:  # fmt: skip
    """Make the window: groups of rows of panels, a column for colour bars, a caption's strip.

    A ``bar`` of 0 inches leaves out the column.
    """
    import numpy as np

    strip = (lines * 1.3 * 0.85 + (1.0 if lines else 0.1)) * style.font_size / 72
    width = columns * panel[0] + bar
    rows = sum(groups)
    tall = rows * panel[1] + strip
    ends = [sum(groups[: i + 1]) for i in range(len(groups))]
    spans = [np.s_[end - count : end] for end, count in zip(ends, groups, strict=True)]
    return empty_picture(
        style, (round(width * style.dpi), round(tall * style.dpi)), off_screen=off_screen,
        shape=(rows + 1, columns + bool(bar)),
        row_weights=[*[panel[1]] * rows, strip],
        col_weights=[*[panel[0]] * columns, *[bar] * bool(bar)],
        groups=[*((span, columns) for span in spans if bar), (rows, np.s_[:])],
    )  # fmt: skip


def empty_picture(
    style: Style, size: tuple[int, int], *, off_screen: bool = True, **layout: Any
) -> Any:
    """Make the plotter of a 3D picture: without light and borders, on the style's background.

    Args:
        style: how the picture looks.
        size: width and height in pixels.
        off_screen: False to open a window with ``.show()``.
        layout: of several renderers, as of ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    if off_screen:
        ensure()
    from .picture import Picture

    plotter = Picture(off_screen=off_screen, window_size=list(size), lighting="none", border=False,
                      **layout)  # fmt: skip
    plotter.set_background(style.background)
    if style.anti_aliasing:
        plotter.enable_anti_aliasing("ssaa", all_renderers=True)
    return plotter
