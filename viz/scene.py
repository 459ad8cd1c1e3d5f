"""One 3D panel: surface, isolines, frame and paths, in a renderer that is there."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from viz.paths import draw_heading, draw_path
from viz.style import Style

Floats = NDArray[np.float64]


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
    draw_mesh(plotter, mesh, frame, style, smooth=shading != "flat")
    for number, path in enumerate(panel.paths):
        colour = style.path_colours[number % len(style.path_colours)]
        draw_path(plotter, path, frame, style, colour)
    draw_heading(plotter, panel.title, panel.paths, style)
    if panel.magnified > 1:
        draw_inset(plotter, panel.surface, panel.magnified, frame, style, shading=shading)
    aim(plotter.renderer, frame, style, aspect=aspect)


def draw_mesh(
    plotter: Any,
    mesh: Any,
    frame: Frame,
    style: Style,
    *,
    smooth: bool,
    relief: bool = False,
    framed: bool = True,
) -> None:
    """Draw a mesh with its point data ``heights``, its isolines, the frame and the light.

    Args:
        plotter: whose active renderer is drawn into.
        mesh: as :func:`viz.mesh.surface_mesh` makes it.
        frame: where it is drawn.
        style: how it looks.
        smooth: whether its normals are used; otherwise each triangle is shaded as it is.
        relief: whether light from the side shows creases, with isolines on the floor alone.
        framed: whether the floor's rim, the ticks and the loss axis are drawn.
    """
    gloss = replace(style, ambient=0.22, diffuse=0.88) if relief else style
    actor = draw_surface(plotter, mesh, frame, gloss, name="surface", smooth=smooth)
    # Lines on the surface win over it by a hair, whatever the angle.
    actor.mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(1.5, 1.5)
    _draw_isolines(plotter, mesh, frame, style, on_surface=not relief)
    if framed:
        draw_frame(plotter, frame, style)
    _light(plotter, style, grazing=relief)


def _draw_isolines(
    plotter: Any, mesh: Any, frame: Frame, style: Style, *, on_surface: bool
) -> None:
    """Draw lines of equal height on the surface, and in colour on the floor."""
    levels = frame.scale.levels() if style.isolines else ()
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
