"""A surface cut at the limit of its height scale: never a silent plateau."""

from __future__ import annotations

from typing import Any

import numpy as np

from viz.frame import Frame
from viz.style import Style

# Distance of two hatch lines in the picture, which is 2 wide.
_HATCH = 0.05


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
    hatched = top.copy()
    hatched.point_data["across"] = hatched.points[:, 0] + hatched.points[:, 1]
    levels = np.arange(-2.0, 2.0, _HATCH) + _HATCH / 2
    low, high = hatched.get_data_range("across")
    inside = levels[(levels > low) & (levels < high)]
    rim = mesh.contour([frame.scale.high], scalars="heights")
    lines = hatched.contour(list(inside), scalars="across") if len(inside) else None
    for part, width, opacity in ((lines, 0.5, 0.35), (rim, 1.1, 1.0)):
        if part is not None and part.n_points and inch:
            tubes = part.strip().tube(radius=width / 144 * inch, n_sides=8)
            plotter.add_mesh(tubes, color=style.isoline_colour, opacity=opacity, lighting=False,
                             culling="back", show_scalar_bar=False, scalars=None)  # fmt: skip
        elif part is not None and part.n_points:
            plotter.add_mesh(part, color=style.isoline_colour, opacity=opacity, lighting=False,
                             line_width=style.pixels(width), show_scalar_bar=False,
                             scalars=None)  # fmt: skip
