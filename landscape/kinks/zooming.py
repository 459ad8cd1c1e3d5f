"""Close-ups of a solution: windows from the whole surface down to one optimizer step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from landscape.kinks.kink_cut import kink_cut_surface
from landscape.kinks.microscope import median_step, zoom_series
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
# Vertices of the mesh for each point of the grid, at most; cutting makes them.
_VERTICES = 6
# Points of wider windows, as a share of those of the narrowest; they crowd in the middle.
_WIDER = 0.6
_CROWDING = 3.5


def close_up(
    problem: Problem,
    plane: Plane,
    grid: Grid,
    *,
    progress: Callable[[int], None] | None = None,
) -> CloseUp:
    """Sample a window of a plane, cut along its kinks, in float64.

    A window with more than ``MOST_CURVES`` kink curves between its corners is not cut: there only
    the gradients show them. Of more than 200 curves the strongest are cut. A smooth network has
    nothing to cut.

    Args:
        problem: the network at the solution, with loss and data.
        plane: two directions through it.
        grid: the window, and the points at which it is sampled besides those on kinks.
        progress: called with the number of examples of each finished part of the kink map.

    Returns:
        The close-up. Give it a title and what is known of its run by ``dataclasses.replace``.

    Raises:
        ValueError: for a grid that has not 2 axes, or a plane of another network.
    """
    kinks = _kinks(problem, plane, grid, progress)
    surface = kink_cut_surface(problem, plane, kinks, grid=grid, limit=_CUT,
                               vertices=_VERTICES * grid.size)  # fmt: skip
    spacings = np.concatenate([np.diff(axis) / np.ptp(axis) for axis in grid.axes])
    regular = len(set(grid.shape)) == 1 and np.ptp(spacings) < 1e-9
    return CloseUp(surface=surface, points=grid.shape[0] if regular else 0)


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


def zoom_grids(
    step_width: float, *, levels: int = 4, full_width: float = 2.0, points: int = 81
) -> list[Grid]:
    """Return the windows from the whole surface down to one optimizer step, widest first.

    Args:
        step_width: full width of the narrowest, in multiples of the directions.
        levels: how many; 1 for the narrowest alone.
        full_width: of the widest.
        points: of the narrowest, each way; wider ones have 0.6 times as many, see :func:`crowded`.

    Raises:
        ValueError: for fewer than 1 level, or a step that is wider than the surface.
    """
    narrowest = Grid.square(points, step_width / 2)
    if levels == 1:
        return [narrowest]
    wider = zoom_series(full_width, step_width, levels=levels)[:-1]
    return [*(crowded(round(_WIDER * points), float(width)) for width in wider), narrowest]


def close_ups(
    problem: Problem,
    plane: Plane,
    trajectory: Trajectory,
    *,
    step_width: float | None = None,
    levels: int = 4,
    full_width: float = 2.0,
    points: int = 81,
    title: str = "",
    activation: str = "",
    run: str = "",
) -> Iterator[CloseUp]:
    """Yield close-ups of a solution from the whole surface down to one optimizer step.

    Args:
        problem: the network at the solution, with loss and data.
        plane: two directions through it.
        trajectory: of the run that ended there.
        step_width: of the narrowest window, in multiples of the directions; give networks that are
            compared the same. None takes the median step of the trajectory.
        levels: how many windows; 1 for one step alone.
        full_width: of the widest window, in multiples of the directions.
        points: at which the narrowest window is sampled, each way, besides those on kinks.
        title: name of the network.
        activation: key of its activation, as ``relu``; decides its colour.
        run: name of the run.

    Raises:
        ValueError: for no level, a step that is wider than the surface, or a trajectory without a
            step of finite positive length.
    """
    width = step_width or median_step(trajectory) / float(np.linalg.norm(plane.d_alpha))
    for grid in zoom_grids(width, levels=levels, full_width=full_width, points=points):
        yield replace(
            close_up(problem, plane, grid), title=title, activation=activation, run=run,
            full_width=full_width, step_width=width, descent=median_descent(trajectory),
        )  # fmt: skip


def median_descent(trajectory: Trajectory) -> float:
    """Return by how much the median step lowers the loss; 0 if it does not."""
    falls = -np.diff(trajectory.step_losses)
    falls = falls[np.isfinite(falls)]
    return max(float(np.median(falls)), 0.0) if len(falls) else 0.0
