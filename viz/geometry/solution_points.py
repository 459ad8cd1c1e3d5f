"""Solutions that a plane was made through: where they lie, and what they are called."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..style import Style
from .matching import settings_of
from .numbers import listed, minus
from .window import Window

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Solution:
    """A point that a plane was made through.

    Attributes:
        letter: what is written at its mark.
        name: whose it is; "" where that is not known.
        place: its alpha and beta.
    """

    letter: str
    name: str
    place: tuple[float, float]


def solutions_of(surface: Surface, plane: Plane | None = None) -> tuple[Solution, ...]:
    """Return the solutions that a surface's plane was made through; none of other planes.

    Their places are ``settings["points"]`` of the plane or the surface. The first is called by the
    surface's run and the others by what the study was asked for, or all by ``settings["names"]``.
    """
    settings = settings_of(surface, plane)
    points = [tuple(map(float, point)) for point in settings.get("points") or ()
              if isinstance(point, Sequence)]  # fmt: skip
    points = [point for point in points if len(point) == 2]
    if len(surface.grid.shape) != 2 or len(points) > len(_LETTERS):
        return ()
    others = (settings.get("asked") or {}).get("others") or []
    names = list(settings.get("names") or [surface.run or "", *others])
    if len(names) != len(points):
        names = [""] * len(points)
    return tuple(
        Solution(letter, str(name), (point[0], point[1]))
        for letter, name, point in zip(_LETTERS, names, points, strict=False)
    )


def places_of(solutions: Sequence[Solution]) -> Floats:
    """Return alpha and beta of each, [K, 2]."""
    return np.array([solution.place for solution in solutions], dtype=np.float64).reshape(-1, 2)


def seen(solutions: Sequence[Solution], window: Window) -> list[Solution]:
    """Return the solutions that lie in a window."""
    inside = window.inside(places_of(solutions))
    return [solution for solution, there in zip(solutions, inside, strict=True) if there]


def labels_of(solutions: Sequence[Solution]) -> list[str]:
    """Return what a legend says of each, as ``A seed0``; nothing where no name is known."""
    if not all(solution.name for solution in solutions):
        return []
    names = differing([solution.name for solution in solutions])
    return [f"{solution.letter}  {name}" for solution, name in zip(solutions, names, strict=True)]


def differing(names: Sequence[str]) -> list[str]:
    """Return what tells names apart.

    Parts that all share are left out: of relu-gd-seed0 and relu-adam-seed0, gd and adam.
    """
    parts = [name.split("-") for name in names]
    if len(parts) < 2 or len({len(part) for part in parts}) > 1:
        return list(names)
    different = [i for i, column in enumerate(zip(*parts, strict=True)) if len(set(column)) > 1]
    return ["-".join(part[i] for i in different) or "-".join(part) for part in parts]


def colour_of(solution: Solution, paths: Sequence[Projection], style: Style) -> str:
    """Return the colour of a solution's mark: that of its path, else the background's."""
    runs = [path.run for path in paths]
    known = solution.name in runs
    return style.path_colour(runs.index(solution.name)) if known else style.background


def solutions_sentence(surface: Surface, plane: Plane | None, *, high: bool) -> str:
    """Say where the solutions lie; "" where a plane has none.

    Args:
        surface: what is shown.
        plane: its plane.
        high: whether the picture has heights.
    """
    solutions = solutions_of(surface, plane)
    if not solutions:
        return ""
    window = Window.around([surface])
    words = []
    for solution in solutions:
        alpha, beta = (minus(f"{value:.3g}") for value in solution.place)
        outside = "" if seen([solution], window) else ", outside the window"
        name = f"{solution.letter} {solution.name}".rstrip()
        words.append(f"{name} at ({alpha}, {beta}){outside}")
    where = ", drawn on the surface" if high else ""
    return f"Diamonds{where}: the solutions {listed(words)}."
