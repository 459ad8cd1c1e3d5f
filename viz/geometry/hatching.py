"""Parts of a surface without a value: hatched, so that no colour is taken for one of theirs.

These are what lies above the limit of a clipped scale, and cells without a colour.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats

from ..style import Style
from .frame import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Distance of two lines along x in the picture, which is 2 wide.
_APART = 0.05
_CROSSED_APART = 0.08


def hatches(mesh: Any, *, crossed: bool = False) -> Iterator[Any]:
    """Yield lines on a mesh along which x + y is one of many values, if ``crossed`` also x - y.

    In the picture they are evenly spaced diagonals of the plane, lying on the surface.
    """
    apart = _CROSSED_APART if crossed else _APART
    for sign in (1, -1) if crossed else (1,):
        hatched = mesh.copy()
        hatched.point_data["across"] = hatched.points[:, 0] + sign * hatched.points[:, 1]
        levels = np.arange(-2.0, 2.0, apart) + apart / 2
        low, high = hatched.get_data_range("across")
        inside = levels[(levels > low) & (levels < high)]
        if len(inside):
            yield hatched.contour(list(inside), scalars="across")


def draw_behind(actor: Any, offset: float) -> None:
    """Draw an actor a hair behind lines that lie on it, whatever the angle."""
    actor.mapper.SetResolveCoincidentTopologyToPolygonOffset()
    actor.mapper.SetRelativeCoincidentTopologyPolygonOffsetParameters(offset, offset)


def draw_lines(
    plotter: Any, lines: Any, colour: str, style: Style, *, width: float, opacity: float,
    inch: float,
) -> None:  # fmt: skip
    """Draw lines that lie on a surface.

    Args:
        plotter: whose active renderer is drawn into.
        lines: a mesh of lines; nothing is drawn of an empty one.
        colour: of them.
        style: of the picture.
        width: in points.
        opacity: from 0 to 1.
        inch: in units of the picture, for tubes that are no wider in a finer picture; 0 for lines
            of pixels.
    """
    if not lines.n_points:
        return
    look = {"color": colour, "opacity": opacity, "lighting": False, "show_scalar_bar": False,
            "scalars": None}  # fmt: skip
    if inch:
        tubes = lines.strip().tube(radius=width / 144 * inch, n_sides=8)
        plotter.add_mesh(tubes, culling="back", **look)
    else:
        plotter.add_mesh(lines, line_width=style.pixels(width), **look)


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
    draw_behind(actor, 1.5)
    colour = style.isoline_colour
    for lines in hatches(top):
        draw_lines(plotter, lines, colour, style, width=0.5, opacity=0.35, inch=inch)
    rim = mesh.contour([frame.scale.high], scalars="heights")
    draw_lines(plotter, rim, colour, style, width=1.1, opacity=1.0, inch=inch)


def draw_missing(plotter: Any, mesh: Any, style: Style, *, inch: float = 0.0) -> None:
    """Cover cells of a surface with a corner that has no colour: grey, cross-hatched, rimmed.

    Args:
        plotter: whose active renderer is drawn into.
        mesh: with point data ``colours``, NaN where there is none.
        style: its colours.
        inch: see :func:`draw_lines`.
    """
    import pyvista

    whole = mesh.triangulate()
    faces = np.asarray(whole.regular_faces)
    without = np.isnan(np.asarray(whole.point_data["colours"]))[faces].any(axis=1)
    if not without.any():
        return
    part = pyvista.PolyData.from_regular_faces(whole.points, faces[without]).clean()
    actor = plotter.add_mesh(part, color=style.missing, name="missing", ambient=style.ambient,
                             diffuse=style.diffuse, smooth_shading=False)  # fmt: skip
    # In front of the surface, behind its isolines.
    draw_behind(actor, 0.7)
    for lines in hatches(part, crossed=True):
        draw_lines(plotter, lines, style.ink, style, width=0.5, opacity=0.6, inch=inch)
    rim = part.extract_feature_edges(boundary_edges=True, non_manifold_edges=False,
                                     feature_edges=False, manifold_edges=False)  # fmt: skip
    draw_lines(plotter, rim, style.ink, style, width=0.6, opacity=1.0, inch=inch)


def mark_missing(axes: Axes, alphas: Floats, betas: Floats, values: Floats, style: Style) -> None:
    """Cross-hatch the cells of a grid that have a corner without a value.

    Args:
        axes: what is drawn into.
        alphas: of the grid, [A].
        betas: of the grid, [B].
        values: NaN where there is none, [A, B].
        style: its colours.
    """
    import matplotlib
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    without = np.isnan(values[:-1, :-1] + values[1:, :-1] + values[1:, 1:] + values[:-1, 1:])
    squares = [
        Path.unit_rectangle().transformed(_onto(alphas[i : i + 2], betas[j : j + 2]))
        for i, j in np.argwhere(without)
    ]
    if not squares:
        return
    # One shape, so that the hatching runs on from cell to cell.
    with matplotlib.rc_context({"hatch.linewidth": 0.4, "hatch.color": style.ink}):
        axes.add_patch(PathPatch(Path.make_compound_path(*squares), facecolor=style.missing,
                                 linewidth=0.0, hatch="xxxx"))  # fmt: skip


def _onto(alphas: Floats, betas: Floats) -> Any:
    """Return the transformation of the unit square onto a cell."""
    from matplotlib.transforms import Bbox, BboxTransformTo

    (left, right), (low, high) = alphas, betas
    return BboxTransformTo(Bbox.from_extents(left, low, right, high))
