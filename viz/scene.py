"""One 3D panel: surface, isolines, floor, frame and paths, in a renderer that is there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.results import Projection
from landscape.surface import Surface
from viz.camera import aim, axes_of_view
from viz.frame import Frame
from viz.lettering import text_3d
from viz.mesh import Shading, surface_mesh
from viz.paths import draw_heading, draw_path
from viz.style import Style

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Panel:
    """What one panel shows."""

    surface: Surface
    paths: tuple[Projection, ...] = ()
    title: str = ""


def draw_panel(
    plotter: Any, panel: Panel, frame: Frame, style: Style, *, shading: Shading, aspect: float
) -> None:
    """Draw a panel into the plotter's active renderer."""
    mesh = surface_mesh(panel.surface, frame, shading=shading)
    draw_mesh(plotter, mesh, frame, style, smooth=shading != "flat")
    for number, path in enumerate(panel.paths):
        colour = style.path_colours[number % len(style.path_colours)]
        draw_path(plotter, path, frame, style, colour)
    draw_heading(plotter, panel.title, panel.paths, style)
    aim(plotter.renderer, frame, style, aspect=aspect)


def draw_mesh(
    plotter: Any, mesh: Any, frame: Frame, style: Style, *, smooth: bool, relief: bool = False
) -> None:
    """Draw a mesh with its point data ``heights``, its isolines, the frame and the light.

    Args:
        plotter: whose active renderer is drawn into.
        mesh: as :func:`viz.mesh.surface_mesh` makes it.
        frame: where it is drawn.
        style: how it looks.
        smooth: whether its normals are used; otherwise each triangle is shaded as it is.
        relief: whether light from the side shows creases, with isolines on the floor alone.
    """
    limits = (frame.scale.low, frame.scale.high)
    plotter.add_mesh(
        mesh,
        scalars="heights",
        cmap=style.colour_map,
        clim=limits,
        show_scalar_bar=False,
        smooth_shading=smooth,
        name="surface",
        ambient=0.22 if relief else 0.42,
        diffuse=0.88 if relief else 0.62,
        specular=0.06,
        specular_power=12,
        interpolate_before_map=True,
        copy_mesh=False,
    )
    # Lines on the surface win over it by a hair, whatever the angle.
    surface_mapper = plotter.renderer.actors["surface"].mapper
    surface_mapper.SetResolveCoincidentTopologyToPolygonOffset()
    surface_mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(1.5, 1.5)
    _draw_isolines(plotter, mesh, frame, style, on_surface=not relief)
    _draw_frame(plotter, frame, style)
    _light(plotter, style, grazing=relief)


def _draw_isolines(
    plotter: Any, mesh: Any, frame: Frame, style: Style, *, on_surface: bool
) -> None:
    """Draw lines of equal height on the surface, and in colour on the floor."""
    levels = frame.scale.levels()
    lines = mesh.contour(list(levels), scalars="heights") if len(levels) else None
    if lines is None or not lines.n_points:
        return
    if on_surface:
        plotter.add_mesh(lines, color="#1a1a1a", opacity=0.75, lighting=False,
                         line_width=style.pixels(style.isoline_width))  # fmt: skip
    floor = lines.copy()
    floor.points[:, 2] = frame.floor
    plotter.add_mesh(floor, scalars="heights", cmap=style.colour_map, lighting=False,
                     clim=(frame.scale.low, frame.scale.high), show_scalar_bar=False,
                     line_width=style.pixels(style.isoline_width * 1.5))  # fmt: skip


def _draw_frame(plotter: Any, frame: Frame, style: Style) -> None:
    """Draw the floor's rim with ticks along alpha and beta, and the loss axis at the left."""
    x0, x1 = (float(frame.x(a)) for a in frame.alpha)
    y0, y1 = (float(frame.y(b)) for b in frame.beta)
    floor = frame.floor
    segments = [((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)),
                ((x0, y1), (x0, y0))]  # fmt: skip
    lines = [((*a, floor), (*b, floor)) for a, b in segments]
    right, _up, towards = axes_of_view(style)
    # Labels stand at the two edges that face the viewer, outside the window.
    edge_x, out_x = (x1, 1.0) if towards[0] > 0 else (x0, -1.0)
    edge_y, out_y = (y1, 1.0) if towards[1] > 0 else (y0, -1.0)
    tick, near, far = 0.45 * style.em, 1.7 * style.em, 4.0 * style.em
    for value in _ticks(frame.alpha):
        x = float(frame.x(value))
        lines.append(((x, edge_y, floor), (x, edge_y + out_y * tick, floor)))
        aside = _off_corner(x, edge_x, style)
        text_3d(plotter, f"{value:g}", (aside, edge_y + out_y * near, floor), style)
    for value in _ticks(frame.beta):
        y = float(frame.y(value))
        lines.append(((edge_x, y, floor), (edge_x + out_x * tick, y, floor)))
        aside = _off_corner(y, edge_y, style)
        text_3d(plotter, f"{value:g}", (edge_x + out_x * near, aside, floor), style)
    text_3d(plotter, "α", ((x0 + x1) / 2, edge_y + out_y * far, floor), style, size=1.25)
    text_3d(plotter, "β", (edge_x + out_x * far, (y0 + y1) / 2, floor), style, size=1.25)
    # The loss axis stands at the corner that is leftmost in the view.
    corner = min(((x, y) for x in (x0, x1) for y in (y0, y1)), key=lambda c: c @ right[:2])
    low, high = float(frame.z(frame.scale.low)), float(frame.z(frame.scale.high))
    outward = -right * tick
    lines.append(((*corner, low), (*corner, high)))
    ticks = _thinned(frame.scale.ticks(), frame, style)
    for height, text in zip(ticks, frame.scale.labels(ticks), strict=True):
        here = np.array([*corner, float(frame.z(height))])
        lines.append((tuple(here), tuple(here + outward)))
        text_3d(plotter, text, tuple(here + 1.5 * outward), style, align="right")
    above = np.array([*corner, high]) + outward + np.array([0.0, 0.0, 1.3 * style.em])
    text_3d(plotter, frame.scale.title, tuple(above), style, align="right")
    _draw_lines(plotter, lines, style)


def _off_corner(place: float, corner: float, style: Style) -> float:
    """Move a label away from the corner where the two axes' labels meet."""
    room = 0.9 * style.em
    away = -1.0 if corner > 0 else 1.0
    return corner + away * max(abs(place - corner), room)


def _draw_lines(plotter: Any, lines: Sequence[Any], style: Style) -> None:
    import pyvista

    points = np.array(lines, dtype=np.float64).reshape(-1, 3)
    plotter.add_mesh(pyvista.line_segments_from_points(points), color=style.ink, lighting=False,
                     line_width=style.pixels(0.6))  # fmt: skip


def _thinned(heights: Floats, frame: Frame, style: Style) -> Floats:
    """Leave out ticks of the loss axis whose labels would overlap in the view."""
    if len(heights) < 2:
        return heights
    apart = float(np.diff(heights).min()) * frame.rise * axes_of_view(style)[1][2]
    return heights[:: max(math.ceil(1.15 * style.em / apart), 1)]


def _ticks(ends: tuple[float, float]) -> Floats:
    from matplotlib.ticker import MaxNLocator

    values = np.asarray(MaxNLocator(4, steps=[1, 2, 5, 10]).tick_values(*ends))
    room = 1e-9 * (ends[1] - ends[0])
    return values[(values >= ends[0] - room) & (values <= ends[1] + room)] + 0.0


def _light(plotter: Any, style: Style, *, grazing: bool) -> None:
    """One key light from the upper left and a weak fill, in this panel only."""
    import pyvista

    right, up, towards = axes_of_view(style)
    plotter.renderer.remove_all_lights()
    lights = [(towards - 0.9 * right + 0.9 * up, 0.75), (towards + right, 0.25)]
    if grazing:
        lights = [(-right + 0.55 * np.array([0.0, 0.0, 1.0]), 0.85), (towards + right, 0.2)]
    for direction, intensity in lights:
        light = pyvista.Light(position=tuple(10 * direction), focal_point=(0, 0, 0),
                              color="white", intensity=intensity)  # fmt: skip
        light.positional = False
        plotter.add_light(light, only_active=True)
