"""Paths in 3D: a tube through the true losses, its shadow and its marks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.results import Projection

from ..style import Style
from .frame import Frame
from .height import HeightScale
from .window import visible

Floats = NDArray[np.float64]
TUBE = 0.011
_BEAD = 0.018
_BALL = 0.030
# At most this many step marks on a path.
_BEADS = 10
# Depth units, far more than the picture is deep.
_FAR_IN_FRONT = -66000.0


def path_pieces(path: Projection, frame: Frame) -> list[Floats]:
    """Return the drawn points of a path, [n, 3] each, cut where it leaves the window."""
    points = frame.points(path.coordinates, path.losses)
    usable = frame.window.inside(path.coordinates) & np.all(np.isfinite(points), axis=1)
    usable &= ~over_limit(path, frame.scale)
    breaks = np.flatnonzero(np.diff(usable.astype(np.int8))) + 1
    runs = np.split(np.arange(len(points)), breaks)
    return [points[run] for run in runs if usable[run[0]]]


def over_limit(path: Projection, scale: HeightScale) -> NDArray[np.bool_]:
    """Return which records lie above the limit of a clipped scale, [T]; none has a height there."""
    with np.errstate(invalid="ignore"):
        return np.asarray(scale.clipped & (scale.of_losses(path.losses) > scale.high))


def bead_records(path: Projection) -> tuple[NDArray[np.int64], int, str]:
    """Return which records are marked by a bead, every how many of a unit, and the unit.

    A round number that marks 4 to 10 of a long path: of steps if records lie evenly, those one step
    after another apart, else of records. Its ends have marks of their own.
    """
    own = first_of_steps(path.steps)
    since = path.steps[own] - path.steps[own[:1]]
    period = _period(since)
    even = own[:-1] if period is None else own[:-1][since[:-1] % period == 0]
    rounds = (k * 10**n for n in range(12) for k in (1, 2, 5))
    length = len(own) - 1 if period is None else since[-1] / period
    every = next(k for k in rounds if length / k <= _BEADS)
    if period is None:
        return even[every::every], every, "records"
    return even[every::every], every * period, "steps"


def _period(since: NDArray[np.int64]) -> int | None:
    """Return the least number of steps whose every multiple before the end is on record."""
    there = set(since.tolist())
    for period in since[1:].tolist():
        if there.issuperset(range(period, int(since[-1]), period)):
            return int(period) if 2 * period < since[-1] or len(since) == 2 else None
    return None


def bead_points(path: Projection, frame: Frame) -> Floats:
    """Return where the beads of a path are drawn, [k, 3]: those inside that have a height."""
    records = bead_records(path)[0]
    drawn = frame.window.inside(path.coordinates) & ~over_limit(path, frame.scale)
    places = frame.points(path.coordinates, path.losses)[records[drawn[records]]]
    return np.asarray(places[np.isfinite(places).all(axis=1)])


def first_of_steps(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which points of a path are records.

    Points between records, as of a path laid on a surface, have the step of the record before.
    """
    return np.flatnonzero(np.diff(steps, prepend=steps[:1] - 1))


def draw_path(plotter: Any, path: Projection, frame: Frame, style: Style, colour: str) -> None:
    """Draw a path through the true losses, its shadow on the floor, its start and its end."""
    import pyvista

    if not visible(path):
        _ball(plotter, frame, path, -1, colour)
        _spot(plotter, frame, path, -1, colour, style)
        return
    for piece in path_pieces(path, frame):
        if len(piece) == 1:
            _lone(plotter, frame, piece[0], colour)
            continue
        line = pyvista.lines_from_points(piece)
        plotter.add_mesh(line.tube(radius=TUBE, n_sides=16), color=colour, ambient=0.75,
                         diffuse=0.35, smooth_shading=True)  # fmt: skip
        draw_in_front(plotter.add_mesh(line, color=colour, lighting=False,
                                   line_width=style.pixels(0.6)))  # fmt: skip
        shadow = piece.copy()
        shadow[:, 2] = frame.floor + 0.002
        plotter.add_mesh(pyvista.lines_from_points(shadow), color=colour,
                         line_width=style.pixels(1.0))  # fmt: skip
    places = bead_points(path, frame)
    if len(places):
        draw_beads(plotter, places, colour)
        _bead_shadows(plotter, places, frame, colour)
    for record, shown in ((0, "white"), (-1, colour)):
        _ball(plotter, frame, path, record, shown)
        _spot(plotter, frame, path, record, shown, style)


def draw_beads(plotter: Any, places: Floats, colour: str) -> None:
    """Draw step marks: a bead around the tube at each place."""
    import pyvista

    beads = pyvista.merge([pyvista.Sphere(radius=_BEAD, center=tuple(map(float, p)),
                                          theta_resolution=16, phi_resolution=16)
                           for p in places])  # fmt: skip
    plotter.add_mesh(beads, color=colour, ambient=0.75, diffuse=0.35, smooth_shading=True)


def _bead_shadows(plotter: Any, places: Floats, frame: Frame, colour: str) -> None:
    """Draw a dot on the floor below each bead."""
    import pyvista

    dots = pyvista.merge([pyvista.Disc(center=(float(x), float(y), frame.floor + 0.003), inner=0.0,
                                       outer=_BEAD / 2, c_res=16)
                          for x, y, _ in places])  # fmt: skip
    plotter.add_mesh(dots, color=colour, lighting=False)


def _lone(plotter: Any, frame: Frame, point: Floats, colour: str) -> None:
    """Draw a record whose neighbours lie outside the window: a bead and its shadow."""
    import pyvista

    x, y, z = map(float, point)
    bead = pyvista.Sphere(radius=_BEAD, center=(x, y, z))
    draw_in_front(plotter.add_mesh(bead, color=colour, ambient=0.75, diffuse=0.35,
                               smooth_shading=True, culling="back"))  # fmt: skip
    disc = pyvista.Disc(center=(x, y, frame.floor + 0.002), inner=0.0, outer=_BEAD / 2, c_res=32)
    plotter.add_mesh(disc, color=colour, lighting=False)


def draw_in_front(actor: Any, *, behind: float = 0.0) -> None:
    """Draw an actor over everything: a path that a surface hides is seen as its thin line.

    Args:
        actor: what is drawn.
        behind: depth units by which it lies behind what else is in front.
    """
    actor.mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor.mapper.SetRelativeCoincidentTopologyLineOffsetParameters(0.0, _FAR_IN_FRONT + behind)
    actor.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(0.0, 2 * _FAR_IN_FRONT)


def _ball(plotter: Any, frame: Frame, path: Projection, record: int, colour: str) -> None:
    import pyvista

    inside = (frame.window.inside(path.coordinates) & ~over_limit(path, frame.scale))[record]
    point = frame.points(path.coordinates, path.losses)[record]
    if inside and np.all(np.isfinite(point)):
        ball = pyvista.Sphere(radius=_BALL, center=tuple(point))
        actor = plotter.add_mesh(ball, color=colour, ambient=0.7, diffuse=0.4,
                                 smooth_shading=True, culling="back")  # fmt: skip
        draw_in_front(actor)


def _spot(
    plotter: Any, frame: Frame, path: Projection, record: int, colour: str, style: Style
) -> None:
    """Draw the mark's shadow: a disc with a rim on the floor."""
    import pyvista

    if not (frame.window.inside(path.coordinates) & ~over_limit(path, frame.scale))[record]:
        return
    x, y = (float(v) for v in frame.points(path.coordinates, path.losses)[record, :2])
    for radius, shown, lift in ((0.024, style.ink, 0.004), (0.017, colour, 0.006)):
        disc = pyvista.Disc(center=(x, y, frame.floor + lift), inner=0.0, outer=radius, c_res=32)
        plotter.add_mesh(disc, color=shown, lighting=False)
