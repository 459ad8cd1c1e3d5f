"""A figure of rendered blocks with text around them; lengths in inches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from landscape.records.arrays import Floats

from ..flat.lines import grey
from ..scenes.text import wrapped
from ..style import Style
from .blocks import DEPTH, Block, View, render

# Sizes of letters, as multiples of the usual.
_TITLE, _NAME, _BESIDE, _CAPTION = 1.5, 1.75, 1.35, 0.9
# Of names above more than 2 columns, whose words below have so many more lines.
_NARROW, _MORE = 1.4, 2


class Page:
    """A matplotlib figure of rows and columns of blocks, all seen by one camera.

    Args:
        style: its letters, ink and background.
        blocks: of each row those of its columns.
        width: of the figure in inches.
        dpi: pixels per inch of what is rendered.
        title: above the figure.
        caption: below it.
        named: whether every panel has a name above it, words below that, and an arrow below it;
            otherwise columns have heads and rows have names at the left.
    """

    def __init__(
        self,
        style: Style,
        blocks: Sequence[Sequence[Block]],
        *,
        width: float,
        dpi: int,
        title: str,
        caption: str,
        named: bool = False,
    ) -> None:
        from matplotlib.figure import Figure

        self.style, self.dpi, self.width = style, dpi, width
        self.letter = letter = float(style.layout_settings["font.size"]) / 72
        self.title = title
        self.lines = wrapped(caption, 0.92 * width, 72 * letter * _CAPTION, style.font)
        self.views = [View.around(row) for row in blocks]
        self.views = [view.as_wide_as(self.views) for view in self.views]
        columns = len(blocks[0])
        # Where words below a name begin, above the blocks.
        self.words = (1.3 + 1.2 * _MORE * (columns > 2)) * letter
        self.narrow = columns > 2
        self.left = 0.0 if named else 2.0 * letter
        self.gap = (1.2 if columns < 3 else 0.4) * letter
        self.across = (width - self.left - self.gap * (columns - 1)) / columns
        tall = [self.across / view.aspect for view in self.views]
        self.below = 1.25 * _CAPTION * letter * len(self.lines) + (0.6 * letter if caption else 0.0)
        low = (1.9 if named else 0.2) * letter + self.below
        space = 0.5 * letter
        # Lower ends of the rows, the last one first.
        self.lows = [low + sum(tall[row + 1 :]) + space * (len(tall) - 1 - row)
                     for row in range(len(tall))]  # fmt: skip
        self.tall = tall
        self.body = self.lows[0] + tall[0]
        self.height = (
            self.body
            + (self.words + 2.3 * letter if named else 1.5 * letter)
            + (2.2 * letter if title else 0)
        )
        self.figure = Figure(figsize=(width, self.height), dpi=dpi)

    def panel(
        self,
        row: int,
        column: int,
        block: Block,
        colour: str,
        lines: Sequence[tuple[Floats, str]] = (),
    ) -> None:
        """Render a block into its place, with lines (points [K, 3] and colour) over it."""
        left, low = self._place(row, column)
        place = (left / self.width, low / self.height, self.across / self.width,
                 self.tall[row] / self.height)  # fmt: skip
        axes = self.figure.add_axes(place)
        axes.set_axis_off()
        view = self.views[row]
        image = render(block, colour, view, pixels=round(self.across * self.dpi),
                       background=self.style.background)  # fmt: skip
        axes.imshow(image, extent=view.extent, interpolation="antialiased", aspect="auto")
        for points, ink in lines:
            # Over the picture: a line at the bottom of a well is seen too.
            dot = "o" if len(points) == 1 else ""
            axes.plot(*view.flat(points).T, color=ink, linewidth=0.8, marker=dot, markersize=2.5)
        axes.set(xlim=view.extent[:2], ylim=view.extent[2:])

    def name(self, column: int, words: str, colour: str) -> None:
        """Write the name of a panel's network above it."""
        size = _NARROW if self.narrow else _NAME
        self._text(self._middle(column), self.body + self.words + 2.1 * self.letter, words, size,
                   color=self.style.legible(colour),
                   weight="bold", ha="center", va="top")  # fmt: skip

    def below_name(self, column: int, words: str) -> None:
        """Write what is to be known of a panel below its name."""
        words = words.replace("; ", "\n") if self.narrow else words
        self._text(self._middle(column), self.body + self.words, words, color=grey(0.3),
                   ha="center", va="top")  # fmt: skip

    def head(self, column: int, words: str) -> None:
        """Write the head of a column."""
        self._text(self._middle(column), self.body + 1.2 * self.letter, words, weight="bold",
                   ha="center", va="top")  # fmt: skip

    def beside(self, row: int, words: str, colour: str) -> None:
        """Write the name of a row at its left."""
        self._text(0.9 * self.letter, self.lows[row] + self.tall[row] / 2, words, _BESIDE,
                   color=self.style.legible(colour), weight="bold", ha="center", va="center",
                   rotation=90)  # fmt: skip

    def arrow(self, column: int, words: str) -> None:
        """Draw an arrow of the window's width along the front left edge of a floor."""
        left, low = self._place(len(self.lows) - 1, column)
        view = self.views[-1]
        ends = view.flat(np.array([[-1.0, -1.0, -DEPTH], [1.0, -1.0, -DEPTH]]))
        first, last, bottom, top = view.extent
        size = np.array([self.across, self.tall[-1]])
        place = (ends - [first, bottom]) / [last - first, top - bottom] * size + [left, low]
        along = (place[1] - place[0]) / np.linalg.norm(place[1] - place[0])
        off = 0.75 * self.letter * np.array([along[1], -along[0]])
        axes = self.figure.add_axes((0, 0, 1, 1), zorder=5, xlim=(0, 1), ylim=(0, 1))
        axes.set_axis_off()
        start, end = (place + off) / [self.width, self.height]
        looks = {"arrowstyle": "<|-|>", "lw": 1.1, "color": self.style.ink, "shrinkA": 0,
                 "shrinkB": 0, "mutation_scale": 9}  # fmt: skip
        axes.annotate("", xy=end, xytext=start, arrowprops=looks)
        middle = place.mean(axis=0) + 2.0 * off
        self._text(middle[0], middle[1], words, ha="right", va="top")

    def end(self) -> None:
        """Write the title and the caption."""
        if self.title:
            self._text(self.width / 2, self.height - 0.3 * self.letter, self.title, _TITLE,
                       weight="bold", ha="center", va="top")  # fmt: skip
        if self.lines:
            self._text(self.width / 2, self.below, "\n".join(self.lines), _CAPTION, ha="center",
                       va="top", linespacing=1.25, color=grey(0.2))  # fmt: skip

    def _place(self, row: int, column: int) -> tuple[float, float]:
        """Return the lower left corner of a panel."""
        return self.left + column * (self.across + self.gap), self.lows[row]

    def _middle(self, column: int) -> float:
        return self._place(0, column)[0] + self.across / 2

    def _text(self, x: float, y: float, words: str, size: float = 1.0, **looks: Any) -> None:
        self.figure.text(x / self.width, y / self.height, words,
                         fontsize=72 * self.letter * size, **looks)  # fmt: skip
