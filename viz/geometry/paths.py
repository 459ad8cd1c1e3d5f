"""Paths in 3D: a tube through the true losses, its shadow and its marks."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.results import Projection

from ..style import Style
from .camera import axes_of_view
from .frame import Frame
from .height import HeightScale
from .window import visible

TUBE = 0.011
HALO = 0.018
# Towards the viewer: of the halo before the surface, of beads before the halo.
_LIFT, _BEAD_LIFT = 0.027, 0.036
BEAD = 0.018
BALL = 0.030
_TUBE_LIGHT: dict[str, Any] = {"ambient": 0.75, "diffuse": 0.35, "smooth_shading": True}
_BALL_LIGHT: dict[str, Any] = {"ambient": 0.7, "diffuse": 0.4, "smooth_shading": True}
# At most this many step marks on a path.
BEADS = 10
# Depth units, far more than the picture is deep.
_FAR_IN_FRONT = -66000.0


def drawn_points(path: Projection, frame: Frame) -> Floats:
    """Return where the records of a path are drawn, [T, 3]; NaN for those that are not."""
    points = frame.points(path.coordinates, path.losses)
    there = _drawable(path, frame) & np.all(np.isfinite(points), axis=1)
    return np.where(there[:, None], points, np.nan)


def pieces_of(points: Floats) -> list[Floats]:
    """Cut points of a path [T, 3] where they are missing: unbroken pieces, [n, 3] each."""
    there = np.isfinite(points).all(axis=1)
    pieces = np.split(points, np.flatnonzero(np.diff(there)) + 1)
    return [piece for piece in pieces if len(piece) and np.isfinite(piece[0]).all()]


def path_pieces(path: Projection, frame: Frame) -> list[Floats]:
    """Return the drawn points of a path, [n, 3] each, cut where it leaves the window."""
    return pieces_of(drawn_points(path, frame))


def _drawable(path: Projection, frame: Frame) -> NDArray[np.bool_]:
    """Return which records lie in the window, and not above the limit of a clipped scale."""
    return frame.window.inside(path.coordinates) & ~over_limit(path, frame.scale)


def over_limit(path: Projection, scale: HeightScale) -> NDArray[np.bool_]:
    """Return which records lie above the limit of a clipped scale, [T]; none has a height there."""
    with np.errstate(invalid="ignore"):
        return np.asarray(scale.clipped & (scale.of_losses(path.losses) > scale.high))


def bead_records(path: Projection) -> tuple[NDArray[np.int64], int, str]:
    """Return which records are marked by a bead, every how many of a unit, and the unit.

    A round number that marks 4 to 10 of a long path: of steps if records lie evenly, those one step
    after another apart, else of records. Its ends have marks of their own.
    """
    records = first_of_steps(path.steps)
    since = path.steps[records] - path.steps[records[:1]]
    period = _period(since)
    even = records[:-1] if period is None else records[:-1][since[:-1] % period == 0]
    rounds = (k * 10**n for n in range(12) for k in (1, 2, 5))
    length = len(records) - 1 if period is None else since[-1] / period
    every = next(k for k in rounds if length / k <= BEADS)
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
    places = drawn_points(path, frame)[bead_records(path)[0]]
    return places[np.isfinite(places).all(axis=1)]


def first_of_steps(steps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which points of a path are records.

    Points between records, as of a path laid on a surface, have the step of the record before.
    """
    return np.flatnonzero(np.diff(steps, prepend=steps[:1] - 1))


def draw_path(plotter: Any, path: Projection, frame: Frame, style: Style, colour: str) -> None:
    """Draw a path through the true losses, its shadow on the floor, its start and its end."""
    ends = ((0, "white"), (-1, colour)) if visible(path) else ((-1, colour),)
    for piece in path_pieces(path, frame) if visible(path) else ():
        if len(piece) > 1:
            draw_tube(plotter, piece, frame, style, colour)
            continue
        # A record whose neighbours lie outside the window.
        draw_ball(plotter, piece[0], BEAD, colour, **_TUBE_LIGHT)
        draw_disc(plotter, piece[0], frame, BEAD / 2, colour, lift=0.002)
    places = bead_points(path, frame) if visible(path) else np.empty((0, 3))
    if len(places):
        draw_beads(plotter, places, style, colour)
        _bead_shadows(plotter, places, frame, colour)
    points, inside = frame.points(path.coordinates, path.losses), _drawable(path, frame)
    for record, face in ends:
        if inside[record] and np.isfinite(points[record]).all():
            draw_ball(plotter, points[record], BALL, face)
        if inside[record]:
            draw_disc(plotter, points[record], frame, 0.024, style.ink, lift=0.004)
            draw_disc(plotter, points[record], frame, 0.017, face, lift=0.006)


def draw_tube(plotter: Any, piece: Floats, frame: Frame, style: Style, colour: str) -> None:
    """Draw a tube through points [n, 3], its thin line before everything, its shadow."""
    import pyvista

    moved = moved_points(piece)
    if len(moved) > 1:
        line = pyvista.lines_from_points(moved)
        draw_halo(plotter, moved, style)
        plotter.add_mesh(line.tube(radius=TUBE, n_sides=16), color=colour, **_TUBE_LIGHT)
        draw_in_front(plotter.add_mesh(line, color=colour, lighting=False,
                                       line_width=style.pixels(0.6)))  # fmt: skip
    shadow = piece * [1, 1, 0] + [0, 0, frame.floor + 0.002]
    plotter.add_mesh(pyvista.lines_from_points(shadow), color=colour, line_width=style.pixels(1.0))


def draw_halo(plotter: Any, points: Floats, style: Style) -> None:
    """Draw a rim in the background's colour around a tube, which colours near its own would hide.

    Two ribbons beside the tube, moved towards the viewer: in parallel projection they stay in their
    place, before the surface that the path lies on.
    """
    import pyvista

    towards = axes_of_view(style)[2]
    across = np.cross(np.gradient(points, axis=0), towards)
    length = np.linalg.norm(across, axis=1, keepdims=True)
    across /= np.where(length > 0, length, 1.0)
    k = np.arange(len(points) - 1)
    strips = np.stack([k, k + 1, k + 1 + len(points), k + len(points)], axis=1)
    for side in (-across, across):
        edges = [points + _LIFT * towards + width * side for width in (0.8 * TUBE, HALO)]
        ribbon = pyvista.PolyData.from_regular_faces(np.concatenate(edges), strips)
        plotter.add_mesh(ribbon, color=style.background, lighting=False)


def moved_points(piece: Floats) -> Floats:
    """Return points without repetitions, at which VTK cannot turn a tube."""
    return np.asarray(piece[np.append(True, np.any(np.diff(piece, axis=0) != 0, axis=1))])


def draw_beads(plotter: Any, places: Floats, style: Style, colour: str) -> None:
    """Draw step marks: a bead around the tube at each place, before its halo."""
    import pyvista

    places = places + _BEAD_LIFT * axes_of_view(style)[2]
    beads = pyvista.merge([pyvista.Sphere(radius=BEAD, center=tuple(map(float, p)),
                                          theta_resolution=16, phi_resolution=16)
                           for p in places])  # fmt: skip
    plotter.add_mesh(beads, color=colour, **_TUBE_LIGHT)


def _bead_shadows(plotter: Any, places: Floats, frame: Frame, colour: str) -> None:
    """Draw a dot on the floor below each bead."""
    import pyvista

    dots = pyvista.merge([pyvista.Disc(center=(float(x), float(y), frame.floor + 0.003), inner=0.0,
                                       outer=BEAD / 2, c_res=16)
                          for x, y, _ in places])  # fmt: skip
    plotter.add_mesh(dots, color=colour, lighting=False)


def draw_ball(plotter: Any, point: Floats, radius: float, colour: str, **light: Any) -> None:
    """Draw a ball over everything; ``light`` replaces that of marks at the ends of paths."""
    import pyvista

    ball = pyvista.Sphere(radius=radius, center=tuple(map(float, point)))
    draw_in_front(plotter.add_mesh(ball, color=colour, culling="back", **(light or _BALL_LIGHT)))


def draw_disc(
    plotter: Any, point: Floats, frame: Frame, radius: float, colour: str, *, lift: float,
    corners: int = 32,
) -> None:  # fmt: skip
    """Draw a disc on the floor below a point, ``lift`` above the floor."""
    import pyvista

    centre = (float(point[0]), float(point[1]), frame.floor + lift)
    disc = pyvista.Disc(center=centre, inner=0.0, outer=radius, c_res=corners)
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


def draw_segments(
    plotter: Any, ends: Floats, style: Style, width: float, colour: str, **look: Any
) -> Any:
    """Draw straight lines between pairs of points [2 n, 3], ``width`` points wide.

    Returns:
        The actor.
    """
    import pyvista

    return plotter.add_mesh(pyvista.line_segments_from_points(ends), color=colour, lighting=False,
                            line_width=style.pixels(width), **look)  # fmt: skip
