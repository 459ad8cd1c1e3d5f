"""What tells the paths and solutions of a panel apart, and the words above a 3D panel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from landscape.records.results import Projection

from ..geometry.solution_points import Solution, colour_of, differing, labels_of
from ..geometry.window import Window, is_drawn
from ..style import Style
from .text import letter_shares, text_2d, wrapped_in_scene

# Of titles, as a multiple of the style's letters.
TITLE = 1.2


@dataclass(frozen=True, slots=True)
class Name:
    """A line of a legend.

    Attributes:
        text: what is written.
        colour: of its mark.
        solution: whether it names a solution, marked by a diamond; otherwise a path.
    """

    text: str
    colour: str
    solution: bool = False

    def handle(self, style: Style) -> Any:
        """Return what matplotlib draws before the text."""
        from matplotlib.lines import Line2D

        if self.solution:
            return Line2D([], [], color=self.colour, marker="D", linestyle="none", markersize=4.0,
                          markeredgecolor=style.ink, markeredgewidth=0.7,
                          label=self.text)  # fmt: skip
        return Line2D([], [], color=self.colour, linewidth=1.2, label=self.text)


def names_of(
    paths: Sequence[Projection], solutions: Sequence[Solution], window: Window, style: Style
) -> list[Name]:
    """Return the legend of a panel: its drawn paths if it has several, then its solutions.

    A path that led to one of the solutions is not named twice: its colour is that of the solution.
    """
    labels = labels_of(solutions)
    marked = {solution.name for solution in solutions} if labels else set()
    names = [
        Name(text, style.path_colour(i))
        for i, text in enumerate(legend_of(paths))
        if paths[i].run not in marked and is_drawn(paths[i], window)
    ]
    for solution, text in zip(solutions, labels, strict=False):
        names.append(Name(text, colour_of(solution, paths, style), solution=True))
    return names


def legend_of(paths: Sequence[Projection]) -> list[str]:
    """Return what tells the paths of one panel apart; nothing of a single or nameless one."""
    names = [path.run for path in paths]
    return differing(names) if len(names) > 1 and all(names) else []


def draw_heading(
    plotter: Any, title: str, names: Sequence[Name], style: Style, *, beside: str = ""
) -> None:
    """Write the title at the top of a panel, below it the legend, and a row's title."""
    letter, line = letter_shares(plotter, style)
    top = 1.0 - 0.6 * line
    if title:
        lines = wrapped_in_scene(title, 0.96 * style.font_size / 72 / letter, style, TITLE)
        text_2d(plotter, "\n".join(lines), (0.5, top), style, size=TITLE, vertical="top")
        top -= (1.6 + 1.5 * (len(lines) - 1)) * line
    if beside:
        text_2d(plotter, beside, (0.8 * line, 0.5), style, size=TITLE, upright=True)
    indent = 0.02 + letter
    for number, name in enumerate(names):
        place = top - (0.6 + 1.15 * number) * line
        # A mark in the background's colour has the ink's rim alone.
        hollow = name.solution and name.colour == style.background
        mark = ("◇" if hollow else "◆") if name.solution else "■"
        colour = style.ink if hollow else name.colour
        text_2d(plotter, mark, (0.02, place), style, size=0.85, align="left", colour=colour)
        text_2d(plotter, name.text, (indent, place), style, size=0.85, align="left")
