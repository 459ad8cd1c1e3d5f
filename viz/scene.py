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
from viz.height import power_of_ten, with_power
from viz.inset import draw_inset
from viz.mesh import Shading, surface_mesh
from viz.style import Style, font_file

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
    _draw_frame(plotter, frame, style)
    for number, path in enumerate(panel.paths):
        colour = style.path_colours[number % len(style.path_colours)]
        _draw_path(plotter, path, frame, style, colour)
    if panel.magnified > 1:
        draw_inset(plotter, panel.surface, panel.magnified, frame, style, shading=shading)
    if panel.title:
        _text_2d(plotter, panel.title, (0.5, 0.985), style, size=1.2, vertical="top")
    _light(plotter, style)
    aim(plotter.renderer, frame, style, aspect=aspect)


def draw_surface(
    plotter: Any, mesh: Any, frame: Frame, style: Style, *, name: str, smooth: bool
) -> Any:
    """Draw a mesh with the colours and the gloss of all surfaces; return its actor."""
    return plotter.add_mesh(
        mesh,
        scalars="heights",
        cmap=style.colour_map,
        clim=(frame.scale.low, frame.scale.high),
        show_scalar_bar=False,
        smooth_shading=smooth,
        name=name,
        ambient=style.ambient,
        diffuse=style.diffuse,
        specular=0.06,
        specular_power=12,
        interpolate_before_map=True,
        copy_mesh=False,
    )


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


def _draw_frame(plotter: Any, frame: Frame, style: Style) -> None:
    """Draw the floor's rim with ticks along alpha and beta, and the loss axis at the left."""
    x0, x1 = (float(frame.x(a)) for a in frame.alpha)
    y0, y1 = (float(frame.y(b)) for b in frame.beta)
    floor = frame.floor
    segments = [((x0, y0), (x1, y0)), ((x1, y0), (x1, y1)), ((x1, y1), (x0, y1)),
                ((x0, y1), (x0, y0))]  # fmt: skip
    lines = [((*a, floor), (*b, floor)) for a, b in segments]
    towards = axes_of_view(style)[2]
    # Labels stand at the two edges that face the viewer, outside the window.
    edge_x, out_x = (x1, 1.0) if towards[0] > 0 else (x0, -1.0)
    edge_y, out_y = (y1, 1.0) if towards[1] > 0 else (y0, -1.0)
    tick, near, far = 0.45 * style.em, 1.7 * style.em, 4.0 * style.em
    power = power_of_ten(max(map(abs, (*frame.alpha, *frame.beta))))
    for value in _ticks(frame.alpha):
        x = float(frame.x(value))
        lines.append(((x, edge_y, floor), (x, edge_y + out_y * tick, floor)))
        _text_3d(plotter, f"{value / 10.0**power:.4g}", (x, edge_y + out_y * near, floor), style)
    for value in _ticks(frame.beta):
        y = float(frame.y(value))
        lines.append(((edge_x, y, floor), (edge_x + out_x * tick, y, floor)))
        _text_3d(plotter, f"{value / 10.0**power:.4g}", (edge_x + out_x * near, y, floor), style)
    _text_3d(
        plotter,
        "α",
        ((x0 + x1) / 2, edge_y + out_y * far, floor),
        style,
        size=1.25,
    )
    _text_3d(
        plotter,
        "β",
        (edge_x + out_x * far, (y0 + y1) / 2, floor),
        style,
        size=1.25,
    )
    if power:
        _text_2d(plotter, with_power("α, β", power), (0.14, 0.05), style, size=0.85)
    _draw_lines(
        plotter, [*lines, *_draw_loss_axis(plotter, (x0, x1), (y0, y1), frame, style)], style
    )


def _draw_loss_axis(
    plotter: Any, xs: tuple[float, float], ys: tuple[float, float], frame: Frame, style: Style
) -> list[Any]:
    """Write at the loss axis, at the corner that is leftmost in the view; return its lines."""
    right = axes_of_view(style)[0]
    corner = min(((x, y) for x in xs for y in ys), key=lambda c: c @ right[:2])
    low, high = float(frame.z(frame.scale.low)), float(frame.z(frame.scale.high))
    outward = -right * 0.45 * style.em
    lines: list[Any] = [((*corner, low), (*corner, high))]
    for height in _thinned(frame.scale.ticks(), frame, style):
        here = np.array([*corner, float(frame.z(height))])
        lines.append((tuple(here), tuple(here + outward)))
        text = frame.scale.tick_label(float(height))
        _text_3d(plotter, text, tuple(here + 1.5 * outward), style, align="right")
    above = np.array([*corner, high]) + outward + np.array([0.0, 0.0, 1.3 * style.em])
    parts = frame.scale.title.split("  ")
    # A power of ten stands below the quantity, which is then wide enough for the axis' other side.
    for lines_up, text in enumerate(reversed(parts)):
        shift = np.array([0.0, 0.0, 1.5 * style.em * lines_up]) - outward * 4 * (len(parts) - 1)
        _text_3d(plotter, text, tuple(above + shift), style, align="right")
    return lines


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


def _text_3d(
    plotter: Any,
    text: str,
    position: Any,
    style: Style,
    *,
    size: float = 1.0,
    align: str = "centre",
) -> None:
    """Write at a place in the scene, always facing the viewer."""
    from vtkmodules.vtkRenderingCore import vtkBillboardTextActor3D

    actor = vtkBillboardTextActor3D()
    actor.SetPosition(*map(float, position))
    actor.SetInput(text.replace("-", "−"))
    _set_font(actor.GetTextProperty(), text, style, size)
    if align == "right":
        actor.GetTextProperty().SetJustificationToRight()
    actor.GetTextProperty().SetVerticalJustificationToCentered()
    plotter.add_actor(actor, reset_camera=False, pickable=False)


def _text_2d(
    plotter: Any,
    text: str,
    position: tuple[float, float],
    style: Style,
    *,
    size: float = 1.0,
    vertical: str = "centre",
) -> None:
    """Write at a place of the panel, in shares of its width and height."""
    from vtkmodules.vtkRenderingCore import vtkTextActor

    actor = vtkTextActor()
    actor.SetInput(text)
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    _set_font(actor.GetTextProperty(), text, style, size)
    if vertical == "top":
        actor.GetTextProperty().SetVerticalJustificationToTop()
    plotter.add_actor(actor, reset_camera=False, pickable=False)


def _set_font(properties: Any, text: str, style: Style, size: float) -> None:
    import pyvista

    properties.SetFontFamily(4)  # VTK_FONT_FILE
    properties.SetFontFile(font_file(text))
    properties.SetFontSize(max(round(style.pixels(style.font_size * size)), 1))
    properties.SetColor(*pyvista.Color(style.ink).float_rgb)
    properties.SetJustificationToCentered()
    properties.SetLineSpacing(1.25)


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
