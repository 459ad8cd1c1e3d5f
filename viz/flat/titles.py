"""Titles that fit over their panels: broken where an id may be, smaller, at last shortened."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .ticks import extent

LEAST = 5.5


@dataclass(frozen=True, slots=True)
class Titles:
    """Titles of panels, all of one size.

    Attributes:
        texts: with line breaks.
        size: of letters in points.
    """

    texts: tuple[str, ...]
    size: float

    @property
    def lines(self) -> int:
        """Lines of the longest."""
        return max((1 + text.count("\n") for text in self.texts), default=1)


def fitted(titles: Sequence[str], width: float, size: float) -> Titles:
    """Fit titles into a width, in the font that matplotlib has now.

    As they are if there is room; else broken into two lines behind ``-``, ``_``, ``.``, a comma or
    a space; else in smaller letters, no smaller than 5.5 points; else without the middle of a line.

    Args:
        titles: of panels.
        width: of each in inches.
        size: of letters in points.
    """
    broken = [_broken(title, width, size) for title in titles]
    widest = max((_width(line, size) for text in broken for line in text.split("\n")), default=0.0)
    smaller = max(min(size, size * width / widest), LEAST) if widest else size
    return Titles(tuple("\n".join(shortened(line, width, smaller) for line in text.split("\n"))
                        for text in broken), smaller)  # fmt: skip


def _broken(title: str, width: float, size: float) -> str:
    if _width(title, size) <= width:
        return title
    places = [gap.end() for gap in re.finditer(r"[-_.,@ ]+(?=.)", title)]
    if not places:
        return title
    # Where the longer of the two lines is shortest.
    best = min(places, key=lambda k: max(_width(title[:k], size), _width(title[k:], size)))
    return f"{title[:best].rstrip()}\n{title[best:]}"


def shortened(line: str, width: float, size: float) -> str:
    """Leave out letters in the middle until a line fits: its ends tell it from others.

    Args:
        line: what is written.
        width: in inches.
        size: of letters in points.
    """
    short, kept = line, len(line)
    while _width(short, size) > width * 1.001 and kept > 2:
        kept -= 1
        short = f"{line[: (kept + 1) // 2]}…{line[len(line) - kept // 2 :]}"
    return short


def _width(text: str, size: float) -> float:
    return extent(text, size)[0]
