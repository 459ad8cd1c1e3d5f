"""One 3D panel: surface, isolines, frame and paths, in a renderer that is there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.records.panel import Panel
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..geometry.camera import aim, axes_of_view
from ..geometry.centre_mark import crossed
from ..geometry.clay_material import draw_walls, light_clay
from ..geometry.colouring import Colours
from ..geometry.drape import laid
from ..geometry.frame import Frame
from ..geometry.hatching import cut, draw_behind, draw_missing, draw_top
from ..geometry.height import HeightScale
from ..geometry.mesh import Shading, coloured, draw_surface, surface_mesh
from ..geometry.paths import draw_path
from ..geometry.solution_points import Solution, solutions_of
from ..geometry.vertices import known_points
from ..style import OTHER_BASE, Style, base_of
from .axes import draw_frame
from .cross import draw_cross
from .inset import draw_inset
from .legends import draw_heading, names_of
from .solution_marks import draw_solutions


@dataclass(frozen=True, slots=True)
class DrawnPanel:
    """A panel with what is worked out for drawing it.

    Attributes:
        surface: two-dimensional.
        paths: on it, at their losses, or on the surface where these are not known.
        title: above it.
        magnified: by which factor its heights are drawn once more, smaller, in a corner; 1 for not
            at all.
        beside: written upright at its left edge.
        solutions: that its plane was made through.
        through: paths that are not drawn here, through whose ends the surface passes as well.
    """

    surface: Surface
    paths: tuple[Projection, ...] = ()
    title: str = ""
    magnified: int = 1
    beside: str = ""
    solutions: tuple[Solution, ...] = ()
    through: tuple[Projection, ...] = ()

    @classmethod
    def of(cls, panel: Panel, scale: HeightScale) -> DrawnPanel:
        """Lay paths without losses on the surface; find the solutions of the plane."""
        paths = tuple(laid(path, panel.surface, scale.kind) for path in panel.paths)
        solutions = solutions_of(panel.surface, panel.plane)
        return cls(panel.surface, paths, panel.title, solutions=solutions)

    @property
    def base(self) -> str:
        """Colour of walls of clay: that of the run's activation, if it is known."""
        run = self.surface.run or ""
        return base_of(run.split("-")[0])


def draw_panel(
    plotter: Any,
    panel: DrawnPanel,
    frame: Frame,
    style: Style,
    *,
    shading: Shading,
    aspect: float | None = None,
    colours: Colours | None = None,
    number: int = 0,
) -> None:
    """Draw a panel into the plotter's active renderer.

    Args:
        plotter: whose active renderer is drawn into.
        panel: what is shown.
        frame: where it is drawn.
        style: how it looks.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        aspect: width over height of the renderer; by default that of the style's panels.
        colours: of all panels of the picture; None for those of the losses.
        number: which of the colours' surfaces this is.
    """
    mesh = panel_mesh(panel, frame, shading, colours, number)
    smooth = shaded_smooth(shading, colours)
    draw_mesh(plotter, mesh, frame, style, smooth=smooth, colours=colours, base=panel.base)
    for place, path in enumerate(panel.paths):
        draw_path(plotter, path, frame, style, style.path_colour(place))
    draw_solutions(plotter, panel.solutions, panel.surface, panel.paths, frame, style)
    if crossed(panel.surface, [*panel.paths, *panel.through], panel.solutions):
        draw_cross(plotter, panel.surface, frame, style)
    names = names_of(panel.paths, panel.solutions, frame.window, style)
    draw_heading(plotter, panel.title, names, style, beside=panel.beside)
    if panel.magnified > 1:
        draw_inset(plotter, panel.surface, panel.magnified, frame, style, shading=shading)
    aim(plotter.renderer, frame, style, aspect=aspect)


def panel_mesh(
    panel: DrawnPanel, frame: Frame, shading: Shading, colours: Colours | None, number: int
) -> Any:
    """Return the mesh of a panel's surface, with the ends of its paths and its colours, if any."""
    known = known_points(panel.surface, [*panel.paths, *panel.through])
    mesh = surface_mesh(panel.surface, frame, shading=shading, known=known)
    if colours is None:
        return mesh
    values, classes = colours.values[number], bool(colours.names)
    return coloured(mesh, panel.surface, values, frame, classes=classes)


def shaded_smooth(shading: Shading, colours: Colours | None) -> bool:
    """Return whether normals are used: not of classes, whose triangles are cut."""
    return shading != "flat" and not (colours is not None and colours.names)


def draw_mesh(
    plotter: Any,
    mesh: Any,
    frame: Frame,
    style: Style,
    *,
    smooth: bool,
    framed: bool = True,
    colours: Colours | None = None,
    inch: float = 0.0,
    base: str = OTHER_BASE,
) -> None:
    """Draw a mesh with its point data ``heights``, its isolines, the frame and the light.

    Args:
        plotter: whose active renderer is drawn into.
        mesh: as :func:`viz.geometry.mesh.surface_mesh` makes it.
        frame: where it is drawn; what is above the limit of a clipped scale becomes a flat top.
        style: how it looks.
        smooth: whether its normals are used; otherwise each triangle is shaded as it is.
        framed: whether the floor's rim, the ticks and the loss axis are drawn.
        colours: of the mesh's data ``colours``; None for those of its heights.
        inch: in units of the picture, for lines on a flat top that are no wider in a finer picture;
            0 for lines of pixels.
        base: colour of the walls of clay.
    """
    below, top = cut(mesh, frame)
    actor = draw_surface(
        plotter, below, frame, style, name="surface", smooth=smooth, colours=colours
    )
    # Lines on the surface win over it by a hair, whatever the angle.
    draw_behind(actor, 1.5)
    if colours is not None and colours.diverging:
        draw_missing(plotter, below, style, inch=inch)
    if top is not None:
        draw_top(plotter, top, mesh, frame, style, inch=inch)
    _draw_isolines(plotter, below, frame, style, plain=colours is not None)
    if framed:
        draw_frame(plotter, frame, style)
    if style.material == "clay":
        whole = (
            below
            if top is None
            else below.append_polydata(top).clean(tolerance=1e-5, absolute=True)
        )
        draw_walls(plotter, whole, frame.floor, base)
        light_clay(plotter)
    else:
        _light(plotter, style)


def _draw_isolines(plotter: Any, mesh: Any, frame: Frame, style: Style, *, plain: bool) -> None:
    """Draw lines of equal height on the surface, and on the floor, there in the loss's colours.

    Raking light shows creases, which lines on the surface would hide. ``plain`` lines on the floor
    have the ink's colour: the bar is that of another quantity.
    """
    levels = frame.scale.levels() if style.isolines else ()
    lines = mesh.contour(list(levels), scalars="heights") if len(levels) else None
    if lines is None or not lines.n_points:
        return
    if style.light != "raking":
        plotter.add_mesh(lines, color=style.isoline_colour, opacity=0.75, lighting=False,
                         line_width=style.pixels(style.isoline_width))  # fmt: skip
    floor = lines.copy()
    floor.points[:, 2] = frame.floor
    width = style.pixels(style.isoline_width * 1.5)
    if plain:
        plotter.add_mesh(floor, color=style.ink, opacity=0.6, lighting=False, line_width=width)
        return
    plotter.add_mesh(floor, scalars="heights", cmap=_seen_on_the_floor(style), lighting=False,
                     clim=(frame.scale.low, frame.scale.high), show_scalar_bar=False,
                     line_width=width)  # fmt: skip


def _seen_on_the_floor(style: Style) -> Any:
    """Return the colours of the loss, on a dark floor nearer to the ink."""
    import matplotlib
    from matplotlib.colors import ListedColormap, to_rgb

    colours = matplotlib.colormaps[style.colour_map](np.linspace(0, 1, 256))[:, :3]
    dark = sum(to_rgb(style.background)) < 1.5
    share = 0.4 if dark else 0.0
    return ListedColormap((1 - share) * colours + share * np.array(to_rgb(style.ink)))


def _light(plotter: Any, style: Style) -> None:
    """Shine a key light and a weak fill from the right, in this panel only."""
    import pyvista

    right, up, towards = axes_of_view(style)
    key = {
        "above": towards - 0.9 * right + 0.9 * up,
        "raking": -right + 0.55 * np.array([0.0, 0.0, 1.0]),
    }[style.light]
    plotter.renderer.remove_all_lights()
    for direction, intensity in ((key, style.key_light), (towards + right, style.fill_light)):
        light = pyvista.Light(position=tuple(10 * direction), focal_point=(0, 0, 0),
                              color="white", intensity=intensity)  # fmt: skip
        light.positional = False
        plotter.add_light(light, only_active=True)
