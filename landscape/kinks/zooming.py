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
# Most curves that are cut, vertices of the mesh, and lines of the map in which curves are found.
_CUT, _VERTICES, _LINES = 200, 30_000, 21
# Points each way of the narrowest window and of the others.
_POINTS, _POINTS_WIDE = 81, 41


def close_up(
    problem: Problem,
    plane: Plane,
    width: float,
    *,
    points: int = _POINTS,
    progress: Callable[[int], None] | None = None,
) -> CloseUp:
    """Sample a square window around the plane's origin, cut along its kinks, in float64.

    A window with more than ``MOST_CURVES`` kink curves between its corners is not cut: there only
    the gradients show them. A smooth network has nothing to cut.

    Args:
        problem: the network at the solution, with loss and data.
        plane: two directions through it.
        width: full width of the window, in multiples of the directions.
        points: each way.
        progress: called with the number of examples of each finished part of the kink map.

    Returns:
        The close-up. Give it a title and what is known of its run by ``dataclasses.replace``.

    Raises:
        ValueError: for a width that is not positive and finite, fewer than 2 points, or a plane of
            another network.
    """
    if not 0 < width < np.inf:
        raise ValueError(f"the width of a window must be > 0 and finite, got {width}")
    kinks = _kinks(problem, plane, width, progress)
    grid = Grid.square(points, width / 2)
    surface = kink_cut_surface(problem, plane, kinks, grid=grid, limit=_CUT, vertices=_VERTICES,
                               settings={"points": points})  # fmt: skip
    return CloseUp(surface=surface)


def _kinks(
    problem: Problem, plane: Plane, width: float, progress: Callable[[int], None] | None
) -> KinkMap | None:
    """Return the map of a window, or None where the curves are too many to be cut."""
    corners = kink_map(problem, plane, grid=Grid.square(2, width / 2), limit=2 * MOST_CURVES)
    if corners.curves > MOST_CURVES or not corners.listed:
        return None
    grid = Grid.square(_LINES, width / 2)
    return kink_map(problem, plane, grid=grid, progress=progress) if corners.layers else corners


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
        points = _POINTS if width == widths[-1] else _POINTS_WIDE
        closeup = close_up(problem, plane, float(width), points=points, progress=progress)
        yield replace(
            closeup, title=title, activation=activation, run=run, full_width=full_width,
            step_width=step.width, descent=max(float(np.median(falls)), 0.0) if len(falls) else 0.0,
        )  # fmt: skip
