"""Close-ups of a solution: windows from the whole surface down to one optimizer step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from landscape.kinks.kink_cut import kink_cut_surface
from landscape.kinks.microscope import StepWindow, zoom_series
from landscape.kinks.plane_map import kink_map
from landscape.problem import Problem
from landscape.records.close_up import CloseUp
from landscape.records.grid import Grid
from landscape.records.kink_map import KinkMap
from landscape.records.plane import Plane
from landscape.records.trajectory import Trajectory

# Where more kink curves than this part the corners of a window, they are too fine to be seen.
MOST_CURVES = 4000
# Most curves that are cut, and lines of the map in which they are found.
_CUT, _LINES = 200, 21
# About how many vertices the mesh has at most, in the narrowest window and in the others.
_VERTICES, _VERTICES_WIDE = 40_000, 15_000
# Points each way of the narrowest window, and of the others, whose points crowd in the middle.
_POINTS, _POINTS_WIDE = 81, 49
_CROWDING = 3.5


def close_up(
    problem: Problem,
    plane: Plane,
    grid: Grid,
    *,
    vertices: int = _VERTICES,
    progress: Callable[[int], None] | None = None,
) -> CloseUp:
    """Sample a window of a plane, cut along its kinks, in float64.

    A window with more than ``MOST_CURVES`` kink curves between its corners is not cut: there only
    the gradients show them. A smooth network has nothing to cut.

    Args:
        problem: the network at the solution, with loss and data.
        plane: two directions through it.
        grid: the window, and the points at which it is sampled besides those on kinks.
        vertices: about how many the mesh has at most: of more curves the strongest are cut.
        progress: called with the number of examples of each finished part of the kink map.

    Returns:
        The close-up. Give it a title and what is known of its run by ``dataclasses.replace``.

    Raises:
        ValueError: for a grid that has not 2 axes, or a plane of another network.
    """
    kinks = _kinks(problem, plane, grid, progress)
    surface = kink_cut_surface(problem, plane, kinks, grid=grid, limit=_CUT, vertices=vertices)
    return CloseUp(surface=surface)


def _kinks(
    problem: Problem, plane: Plane, grid: Grid, progress: Callable[[int], None] | None
) -> KinkMap | None:
    """Return the map of a window, or None where the curves are too many to be cut."""
    ends = [(float(axis[0]), float(axis[-1])) for axis in grid.axes]
    corners = kink_map(
        problem, plane, grid=Grid.over((2,) * len(ends), ends), limit=2 * MOST_CURVES
    )
    if corners.curves > MOST_CURVES or not corners.listed:
        return None
    if not corners.layers:
        return corners
    lines = Grid.rectangle((_LINES, _LINES), *ends)
    return kink_map(problem, plane, grid=lines, progress=progress)


def crowded(points: int, width: float) -> Grid:
    """Return a square grid whose points crowd in its middle, where the next window will be.

    The place of a point at t in [-1, 1] is sign(t) (exp(c |t|) - 1) / (exp(c) - 1) times half the
    width, with c = 3.5: a third of the points lie in the innermost 7 %.
    """
    t = np.linspace(-1.0, 1.0, points)
    axis = np.sign(t) * np.expm1(_CROWDING * np.abs(t)) / np.expm1(_CROWDING) * width / 2
    return Grid((axis, axis))


def close_ups(
    problem: Problem,
    plane: Plane,
    trajectory: Trajectory,
    *,
    step: StepWindow,
    levels: int = 4,
    full_width: float = 2.0,
    title: str = "",
    activation: str = "",
    run: str = "",
    progress: Callable[[int], None] | None = None,
) -> Iterator[CloseUp]:
    """Yield close-ups of a solution from the whole surface down to one optimizer step.

    Args:
        problem: the network at the solution, with loss and data.
        plane: two directions through it.
        trajectory: of the run that ended there.
        step: the narrowest window, one for all networks that are compared.
        levels: how many, at least 2.
        full_width: of the widest window, in multiples of the directions.
        title: name of the network.
        activation: its name in the registry.
        run: name of the run.
        progress: as for :func:`close_up`.

    Raises:
        ValueError: for fewer than 2 levels, or a step that is wider than the surface.
    """
    falls = -np.diff(trajectory.step_losses)
    falls = falls[np.isfinite(falls)]
    widths = zoom_series(full_width, step.width, levels=levels)
    for width in widths:
        last = width == widths[-1]
        grid = Grid.square(_POINTS, width / 2) if last else crowded(_POINTS_WIDE, width)
        closeup = close_up(problem, plane, grid, progress=progress,
                           vertices=_VERTICES if last else _VERTICES_WIDE)  # fmt: skip
        yield replace(
            closeup, title=title, activation=activation, run=run, full_width=full_width,
            step_width=step.width, descent=max(float(np.median(falls)), 0.0) if len(falls) else 0.0,
        )  # fmt: skip
