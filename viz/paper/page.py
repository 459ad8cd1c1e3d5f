"""Where the parts of a figure lie, in inches: rows of panels, contours below each, a colour bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..flat.ticks import POINT, extent
from ..flat.titles import Titles, fitted
from ..geometry.frame import Frame
from ..geometry.rows import NARROW, most_in_row, per_row
from ..geometry.viewport import View
from ..geometry.window import Window
from ..scenes.legends import Name, names_of
from ..scenes.text import wrapped
from ..style import Style
from .paper_axes import Margins, room_beside

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..scenes.scene import DrawnPanel

LABEL, TITLE, CAPTION = 7.0, 8.5, 7.0
ROOM = 0.045
_BETWEEN = 0.10
_TITLE = 0.20
_CONTOUR_BELOW, _CONTOUR_RIGHT = 0.34, 0.08
BAR = 0.085
_BAR_RIGHT, _BAR_BELOW = 0.56, 0.52
# Ticks and the title of a standing bar, without the labels.
_BAR_TITLE = 0.24
_LEGEND = 0.20
_LEAST = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """A figure's layout. All panels are alike.

    Attributes:
        width: of the figure.
        columns: panels per row.
        rows: of panels.
        view: the 3D part of each panel.
        margins: text around it.
        ticks: along alpha and beta, about.
        flat: width and height of each contour panel; None for none.
        flat_left: room left of it for labels.
        upright: whether a colour bar stands at the right; otherwise it lies below.
        barred: whether there is one.
        bar_right: room right of the colour bar for its labels and title.
        legend: whether a line below is kept for the names of paths.
        caption: its lines.
        titles: of the panels, fitted to their width.
    """

    width: float
    columns: int
    rows: int
    view: View
    margins: Margins
    ticks: int
    flat: tuple[float, float] | None
    flat_left: float
    upright: bool
    barred: bool
    bar_right: float
    legend: bool
    caption: tuple[str, ...]
    titles: Titles

    @classmethod
    def of(
        cls,
        frame: Frame,
        style: Style,
        count: int,
        *,
        width: float,
        columns: int | None = None,
        contours: bool = True,
        legend: bool = False,
        caption: str = "",
        titles: Sequence[str] = (),
        bar: Sequence[str] | None = (),
    ) -> Page:
        """Lay out panels.

        Args:
            frame: of all panels.
            style: its camera.
            count: number of panels.
            width: of the figure in inches.
            columns: panels per row; by default at most 3, or 4 from a width of 6.5 inches.
            contours: whether there is a contour panel below each.
            legend: whether there is a legend.
            caption: "" for none.
            titles: of the panels.
            bar: what stands at the colour bar's ticks; None without one.

        Raises:
            ValueError: if the panels would be narrower than can be read.
        """
        in_row = per_row(count, columns, most_in_row(width))
        # The colour bar of a narrow figure lies below the panels.
        upright = width >= NARROW
        right = bar_room(bar or ())
        beside = (BAR + right + _BETWEEN) if upright and bar is not None else 0.0
        panel = (width - beside - (in_row - 1) * _BETWEEN) / in_row
        count_ticks = 4 if panel >= 1.8 else 2
        margins = Margins.of(frame, LABEL, count_ticks)
        inner = panel - margins.left - margins.right + 2 * ROOM
        if inner < _LEAST:
            raise ValueError(
                f"panels, {in_row} in a row of {width:g} inches, are too small to read; give fewer "
                "columns or a larger width"
            )
        view = View.of(frame, style, width=inner, room=ROOM)
        flat, beside = None, room_beside(frame, LABEL, count_ticks)
        if contours:
            ratio = float(np.ptp(frame.beta) / np.ptp(frame.alpha))
            side = min(panel - beside - _CONTOUR_RIGHT, 0.72 * panel)
            flat = (side, side * ratio) if ratio <= 1 else (side / ratio, side)
        lines = tuple(wrapped(caption, width * 0.96, CAPTION, style.font))
        fitting = fitted(titles, inner - 2 * ROOM + 2 * min(margins.left, margins.right), TITLE)
        return cls(width, in_row, math.ceil(count / in_row), view, margins, count_ticks,
                   flat, beside, upright, bar is not None, right, legend, lines,
                   fitting)  # fmt: skip

    @property
    def panel_width(self) -> float:
        """Width of a panel with the text around it."""
        return self.margins.left + self.margins.right + self.view.width - 2 * ROOM

    @property
    def row_height(self) -> float:
        """Height of a row: title, picture, contours."""
        flat = _BETWEEN + self.flat[1] + _CONTOUR_BELOW if self.flat else 0.0
        return self.title_height + self.view.height + self.margins.bottom - ROOM + flat

    @property
    def title_height(self) -> float:
        """Height that is kept above the picture for the titles."""
        return _TITLE + (self.titles.lines - 1) * 1.2 * self.titles.size * POINT

    @property
    def below(self) -> float:
        """Height of what lies below the panels."""
        lines = (len(self.caption) * 1.35 + 0.8) * CAPTION * POINT if self.caption else 0.0
        return lines + _LEGEND * self.legend + self.bar_below

    @property
    def bar_below(self) -> float:
        """Height of a colour bar that lies below the panels, with its text."""
        return _BAR_BELOW if self.barred and not self.upright else 0.0

    @property
    def height(self) -> float:
        """Height of the figure."""
        return self.rows * self.row_height + (self.rows - 1) * _BETWEEN + self.below

    def start(self, dpi: int) -> Figure:
        """Return an empty figure."""
        from matplotlib.figure import Figure

        return Figure(figsize=(self.width, self.height), dpi=dpi)

    def corner(self, number: int) -> tuple[float, float]:
        """Return the upper left corner of a panel."""
        row, column = divmod(number, self.columns)
        left = column * (self.panel_width + _BETWEEN)
        return left, self.height - row * (self.row_height + _BETWEEN)

    def panel(self, figure: Figure, number: int) -> Axes:
        """Add the axes of a panel's 3D part, as large as the view."""
        left, top = self.corner(number)
        view = self.view
        place = (left + self.margins.left - ROOM, top - self.title_height - view.height)
        return place_axes(figure, place, (view.width, view.height))

    def contour(self, figure: Figure, number: int) -> Axes:
        """Add the axes of a panel's contours, in its middle below the picture."""
        if self.flat is None:
            raise ValueError("this page has no contours")
        left, top = self.corner(number)
        wide, tall = self.flat
        free = self.panel_width - wide
        # The middle of the 3D part, but not so far that the labels have no room.
        start = self.margins.left + (self.view.width - 2 * ROOM - wide) / 2
        start = min(max(start, self.flat_left), free - _CONTOUR_RIGHT)
        bottom = top - self.row_height + _CONTOUR_BELOW
        return place_axes(figure, (left + start, bottom), (wide, tall))

    def bar(self, figure: Figure) -> Axes:
        """Add the axes of the colour bar."""
        if self.upright:
            tall = self.height - self.below
            long = min(0.86 * tall, 3.2)
            left = self.width - self.bar_right - BAR
            return place_axes(figure, (left, self.below + (tall - long) / 2), (BAR, long))
        long = min(0.8 * self.width, 3.2)
        bottom = self.below - _BETWEEN - BAR
        return place_axes(figure, ((self.width - long) / 2, bottom), (long, BAR))

    def write_title(self, figure: Figure, number: int) -> None:
        """Write a panel's title above it."""
        left, top = self.corner(number)
        middle = left + self.margins.left - ROOM + self.view.width / 2
        figure.text(middle / self.width, (top - 0.04) / self.height, self.titles.texts[number],
                    ha="center", va="top", fontsize=self.titles.size, linespacing=1.1)  # fmt: skip

    def write_legend(self, figure: Figure, names: Sequence[Name], style: Style) -> None:
        """Write the names of paths and solutions into the line below the panels."""
        if not names:
            return
        lines = [name.handle(style) for name in names]
        middle = (self.columns * self.panel_width) / 2
        figure.legend(handles=lines, loc="upper center", ncols=len(names), frameon=False,
                      fontsize=LABEL, handlelength=1.6, borderpad=0.2, borderaxespad=0.0,
                      bbox_to_anchor=(middle / self.width,
                                      (self.below - self.bar_below) / self.height))  # fmt: skip

    def write_caption(self, figure: Figure) -> None:
        """Write the caption at the bottom."""
        if self.caption:
            tall = (len(self.caption) * 1.35 + 0.3) * CAPTION * POINT
            figure.text(0.01, tall / self.height, "\n".join(self.caption), ha="left", va="top",
                        fontsize=CAPTION, linespacing=1.3)  # fmt: skip


def bar_room(texts: Sequence[str]) -> float:
    """Return the room right of a standing colour bar in inches, for its labels and its title."""
    return max([_BAR_RIGHT, *(_BAR_TITLE + extent(text, LABEL)[0] for text in texts)])


def place_axes(figure: Figure, place: tuple[float, float], size: tuple[float, float]) -> Axes:
    """Add axes, their corner on a whole pixel."""
    width, height = (float(length) for length in figure.get_size_inches())
    left, bottom = (round(length * figure.dpi) / figure.dpi for length in place)
    return figure.add_axes((left / width, bottom / height, size[0] / width, size[1] / height))


def common_names(panels: Sequence[DrawnPanel], style: Style) -> list[Name]:
    """Return what tells paths and solutions apart if it is true of all panels, else nothing.

    Of a panel without names it is true if its paths are those of the same colours.
    """
    names = [names_of(panel.paths, panel.solutions, Window.around([panel.surface]), style)
             for panel in panels]  # fmt: skip
    first = next((i for i, own_names in enumerate(names) if own_names), 0)
    runs = [path.run for path in panels[first].paths]
    fits = [
        mine == names[first]
        or (not mine and [path.run for path in panel.paths] == runs[: len(panel.paths)])
        for mine, panel in zip(names, panels, strict=True)
    ]
    return names[first] if all(fits) else []
