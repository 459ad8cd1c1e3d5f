"""A surface cut at the limit of its height scale: never a silent plateau."""

from __future__ import annotations

from typing import Any

from ..style import Style
from .frame import Frame
from .hatching import draw_lines, hatches


def cut(mesh: Any, frame: Frame) -> tuple[Any, Any]:
    """Cut a mesh with point data ``heights`` at the limit of a clipped scale.

    Triangles are cut where their height, linear between their corners, passes the limit.

    Returns:
        What lies below, and the part above laid flat at the limit; None if there is none.
    """
    if not frame.scale.clipped:
        return mesh, None
    limit = frame.scale.high
    top = mesh.clip_scalar(scalars="heights", value=limit, invert=False)
    if not top.n_cells:
        return mesh, None
    below = mesh.clip_scalar(scalars="heights", value=limit, invert=True)
    top.points[:, 2] = float(frame.z(limit))
    return below, top


def draw_top(
    plotter: Any, top: Any, mesh: Any, frame: Frame, style: Style, *, inch: float = 0.0
) -> None:
    """Draw the flat top: neutral, hatched, with a line around it.

    Args:
        plotter: whose active renderer is drawn into.
        top: the part above the limit, laid flat.
        mesh: the whole surface, for the line where it passes the limit.
        frame: where it is drawn.
        style: its colours.
        inch: in units of the picture, for lines drawn as tubes; 0 for lines of pixels.
    """
    actor = plotter.add_mesh(top, color=style.clipped, lighting=False, name="clipped")
    actor.mapper.SetScalarVisibility(False)
    actor.mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(1.5, 1.5)
    colour = style.isoline_colour
    for lines in hatches(top):
        draw_lines(plotter, lines, colour, style, width=0.5, opacity=0.35, inch=inch)
    rim = mesh.contour([frame.scale.high], scalars="heights")
    draw_lines(plotter, rim, colour, style, width=1.1, opacity=1.0, inch=inch)
