"""One 3D panel: surface, isolines, frame and paths, in a renderer that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results import Projection
from landscape.surface import Surface
from viz.axes import draw_frame
from viz.camera import aim, axes_of_view
from viz.frame import Frame
from viz.inset import draw_inset
from viz.mesh import Shading, draw_surface, surface_mesh
from viz.style import Style
from viz.text import text_2d

Floats = NDArray[np.float64]
# A path of which less than this share lies in the plane is not drawn: its shadow would mislead.
LEAST_CAPTURED = 0.05
TUBE = 0.011
_BALL = 0.030
# Depth units, far more than the picture is deep.
_FAR_IN_FRONT = -66000.0


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows.

    Attributes:
        surface: two-dimensional.
        paths: on it.
        title: above it.
        magnified: by which factor its heights are drawn once more, smaller, in a corner; 1 for not
            at all.
    """

    surface: Surface
    paths: tuple[Projection, ...] = ()
    title: str = ""
    magnified: int = 1


def draw_panel(
    plotter: Any, panel: Panel, frame: Frame, style: Style, *, shading: Shading, aspect: float
) -> None:
    """Draw a panel into the plotter's active renderer."""
    mesh = surface_mesh(panel.surface, frame, shading=shading)
    actor = draw_surface(plotter, mesh, frame, style, name="surface", smooth=shading != "flat")
    # Lines on the surface win over it by a hair, whatever the angle.
    actor.mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(1.5, 1.5)
    _draw_isolines(plotter, mesh, frame, style)
    draw_frame(plotter, frame, style)
    for number, path in enumerate(panel.paths):
        colour = style.path_colours[number % len(style.path_colours)]
        _draw_path(plotter, path, frame, style, colour)
    if panel.magnified > 1:
        draw_inset(plotter, panel.surface, panel.magnified, frame, style, shading=shading)
    if panel.title:
        text_2d(plotter, panel.title, (0.5, 0.985), style, size=1.2, vertical="top")
    _light(plotter, style)
    aim(plotter.renderer, frame, style, aspect=aspect)


def visible(path: Projection) -> bool:
    """Return whether a path lies in the plane enough to be drawn."""
    return path.captured >= LEAST_CAPTURED


def path_pieces(path: Projection, frame: Frame) -> list[Floats]:
    """Return the drawn points of a path, [n, 3] each, cut where it leaves the window."""
    points = frame.points(path.coordinates, path.losses)
    usable = frame.inside(path.coordinates) & np.all(np.isfinite(points), axis=1)
    breaks = np.flatnonzero(np.diff(usable.astype(np.int8))) + 1
    runs = np.split(np.arange(len(points)), breaks)
    return [points[run] for run in runs if usable[run[0]]]


def _draw_path(plotter: Any, path: Projection, frame: Frame, style: Style, colour: str) -> None:
    """Draw a path through the true losses, its shadow on the floor, its start and its end."""
    import pyvista

    if not visible(path):
        _ball(plotter, frame, path, -1, colour)
        _spot(plotter, frame, path, -1, colour, style)
        return
    for piece in path_pieces(path, frame):
        if len(piece) < 2:
            continue
        line = pyvista.lines_from_points(piece)
        plotter.add_mesh(line.tube(radius=TUBE, n_sides=16), color=colour, ambient=0.75,
                         diffuse=0.35, smooth_shading=True)  # fmt: skip
        _in_front(plotter.add_mesh(line, color=colour, lighting=False,
                                   line_width=style.pixels(0.6)))  # fmt: skip
        shadow = piece.copy()
        shadow[:, 2] = frame.floor + 0.002
        plotter.add_mesh(pyvista.lines_from_points(shadow), color=colour,
                         line_width=style.pixels(1.0))  # fmt: skip
    for record, shown in ((0, "white"), (-1, colour)):
        _ball(plotter, frame, path, record, shown)
        _spot(plotter, frame, path, record, shown, style)


def _in_front(actor: Any) -> None:
    """Draw an actor over everything: a path that a surface hides is seen as its thin line."""
    actor.mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor.mapper.SetRelativeCoincidentTopologyLineOffsetParameters(0.0, _FAR_IN_FRONT)
    actor.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(0.0, 2 * _FAR_IN_FRONT)


def _ball(plotter: Any, frame: Frame, path: Projection, record: int, colour: str) -> None:
    import pyvista

    inside = frame.inside(path.coordinates)[record]
    point = frame.points(path.coordinates, path.losses)[record]
    if inside and np.all(np.isfinite(point)):
        ball = pyvista.Sphere(radius=_BALL, center=tuple(point))
        actor = plotter.add_mesh(ball, color=colour, ambient=0.7, diffuse=0.4,
                                 smooth_shading=True, culling="back")  # fmt: skip
        _in_front(actor)


def _spot(
    plotter: Any, frame: Frame, path: Projection, record: int, colour: str, style: Style
) -> None:
    """Draw the mark's shadow: a disc with a rim on the floor."""
    import pyvista

    if not frame.inside(path.coordinates)[record]:
        return
    x, y = (float(v) for v in frame.points(path.coordinates, path.losses)[record, :2])
    for radius, shown, lift in ((0.024, style.ink, 0.004), (0.017, colour, 0.006)):
        disc = pyvista.Disc(center=(x, y, frame.floor + lift), inner=0.0, outer=radius, c_res=32)
        plotter.add_mesh(disc, color=shown, lighting=False)


def _draw_isolines(plotter: Any, mesh: Any, frame: Frame, style: Style) -> None:
    """Draw lines of equal height on the surface, and in colour on the floor."""
    levels = frame.scale.levels() if style.isolines else ()
    lines = mesh.contour(list(levels), scalars="heights") if len(levels) else None
    if lines is None or not lines.n_points:
        return
    plotter.add_mesh(lines, color="#1a1a1a", opacity=0.75, lighting=False,
                     line_width=style.pixels(style.isoline_width))  # fmt: skip
    floor = lines.copy()
    floor.points[:, 2] = frame.floor
    plotter.add_mesh(floor, scalars="heights", cmap=style.colour_map, lighting=False,
                     clim=(frame.scale.low, frame.scale.high), show_scalar_bar=False,
                     line_width=style.pixels(style.isoline_width * 1.5))  # fmt: skip


def _light(plotter: Any, style: Style) -> None:
    """One key light from the upper left and a weak fill, in this panel only."""
    import pyvista

    right, up, towards = axes_of_view(style)
    plotter.renderer.remove_all_lights()
    for direction, intensity in ((towards - 0.9 * right + 0.9 * up, 0.75), (towards + right, 0.25)):
        light = pyvista.Light(position=tuple(10 * direction), focal_point=(0, 0, 0),
                              color="white", intensity=intensity)  # fmt: skip
        light.positional = False
        plotter.add_light(light, only_active=True)
