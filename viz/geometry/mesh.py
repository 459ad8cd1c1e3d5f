"""A surface as triangles: every sampled point is a vertex, cells without a value are cut out.

The values that it is coloured by lie on points, cells, or the nearest corner of classes.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.surface import Surface

from ..style import Style
from .clay_material import TOP
from .colouring import Colours
from .differences import slopes_of
from .frame import Frame
from .height import surface_heights
from .vertices import added_points, insert

Shading = Literal["flat", "differences", "gradient"]
SHADINGS = ("flat", "differences", "gradient")


def surface_mesh(
    surface: Surface, frame: Frame, *, shading: Shading = "flat", known: Floats | None = None
) -> Any:
    """Make the mesh of a surface, a ``pyvista.PolyData``.

    Vertices are in the order of the flattened grid, axis 0 alpha. Point data: ``losses`` as they
    were stored, ``heights``. Each cell is two triangles, split along the diagonal that bends less;
    a cell with a corner that has no height is left out.

    Args:
        surface: two-dimensional.
        frame: where it is drawn.
        shading: ``flat`` shades each triangle as it is. ``differences`` gives each vertex the
            normal of the drawn height's central differences: creases narrower than two cells are
            rounded off. ``gradient`` uses the exact slopes in the fields ``gradient_alpha`` and
            ``gradient_beta``.
        known: (alpha, beta, loss) of more points, [K, 3]: those between grid points become
            vertices after all others, see :mod:`viz.geometry.vertices`.

    Raises:
        ValueError: for an unknown shading, or ``gradient`` of a surface without these fields.
    """
    import pyvista

    check_shading(shading)
    height = surface_heights(surface, frame.scale.kind)
    x, y = np.meshgrid(frame.x(surface.alphas), frame.y(surface.betas), indexing="ij")
    # VTK needs finite coordinates even for points that no cell uses.
    z = frame.z(np.where(np.isfinite(height), height, frame.scale.low))
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3)
    more = added_points(surface, np.empty((0, 3)) if known is None else known, frame.scale)
    places = frame.points(more[:, :2], more[:, 2])
    points, faces = insert(points, triangles(height), places)
    mesh = pyvista.PolyData.from_regular_faces(points, faces)
    mesh.point_data["losses"] = np.append(surface.losses.ravel(), more[:, 2])
    mesh.point_data["heights"] = np.append(height.ravel(), frame.scale.of_losses(more[:, 2]))
    if shading != "flat":
        upright = normals(surface, frame, height, shading).reshape(-1, 3)
        tips = [_tip_normal(points, faces, len(upright) + k) for k in range(len(more))]
        mesh.point_data["Normals"] = np.concatenate([upright, np.reshape(tips, (-1, 3))])
        mesh.point_data.active_normals_name = "Normals"
    return mesh


def _tip_normal(points: Floats, faces: NDArray[np.int64], vertex: int) -> Floats:
    """Return the mean normal of the triangles around a vertex, weighted by their areas."""
    a, b, c = (points[faces[np.any(faces == vertex, axis=1)][:, i]] for i in range(3))
    total = np.cross(b - a, c - a).sum(axis=0)
    return np.asarray(total / np.linalg.norm(total))


def draw_surface(
    plotter: Any,
    mesh: Any,
    frame: Frame,
    style: Style,
    *,
    name: str,
    smooth: bool,
    colours: Colours | None = None,
) -> Any:
    """Draw a mesh with the colours and the gloss of all surfaces, or as clay; return its actor."""
    if style.material == "clay":
        return plotter.add_mesh(mesh, scalars=None, smooth_shading=smooth, name=name,
                                copy_mesh=False, **TOP)  # fmt: skip
    scale = colours.scale if colours else frame.scale
    return plotter.add_mesh(
        mesh,
        scalars="colours" if colours else "heights",
        cmap=colours.colour_map if colours else style.colour_map,
        clim=(scale.low, scale.high),
        nan_color=style.missing,
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


def check_shading(shading: str) -> None:
    """Raise ValueError if ``shading`` is unknown; the message lists the known."""
    check_known("shading", shading, SHADINGS)


def triangles(height: Floats) -> NDArray[np.int64]:
    """Return the triangles [n, 3] of a grid of heights [A, B], cells with NaN left out."""
    index = np.arange(height.size).reshape(height.shape)
    corners = [index[:-1, :-1], index[1:, :-1], index[1:, 1:], index[:-1, 1:]]
    h00, h10, h11, h01 = (height.ravel()[corner] for corner in corners)
    usable = np.isfinite(h00 + h10 + h11 + h01)
    along = alike_diagonals(height) & usable
    across = usable & ~along
    a, b, c, d = corners
    parts = [(a, b, c, along), (a, c, d, along), (a, b, d, across), (b, c, d, across)]
    return np.concatenate([np.stack([p[m], q[m], r[m]], axis=1) for p, q, r, m in parts])


def alike_diagonals(height: Floats) -> NDArray[np.bool_]:
    """Return which cells are split from (0, 0) to (1, 1), [A - 1, B - 1]; the others across.

    The diagonal between the more alike corners keeps a straight valley straight.
    """
    first = np.abs(height[:-1, :-1] - height[1:, 1:])
    return np.asarray(first <= np.abs(height[1:, :-1] - height[:-1, 1:]))


def normals(surface: Surface, frame: Frame, height: Floats, shading: Shading) -> Floats:
    """Return unit normals of what is drawn, [A, B, 3]."""
    if shading == "gradient":
        slopes = [_height_slope(surface, frame, name) for name in ("alpha", "beta")]
    else:
        slopes = [slopes_of(height, axis, i) for i, axis in enumerate(surface.grid.axes)]
    # The drawn slope: rise per height over unit per coordinate.
    drawn = [np.where(np.isfinite(s), s, 0.0) * frame.rise / frame.unit for s in slopes]
    upright = np.stack([-drawn[0], -drawn[1], np.ones_like(drawn[0])], axis=-1)
    return np.asarray(upright / np.linalg.norm(upright, axis=-1, keepdims=True))


def _height_slope(surface: Surface, frame: Frame, name: str) -> Floats:
    field = f"gradient_{name}"
    if field not in surface.fields:
        raise ValueError(
            f"shading 'gradient' needs the field {field!r}, this surface has "
            f"{', '.join(surface.fields)}; use 'flat' or 'differences'"
        )
    slope = surface.fields[field]
    if frame.scale.kind == "linear":
        return slope
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(slope / (np.log(10.0) * surface.losses))


def coloured(mesh: Any, surface: Surface, values: Floats, frame: Frame, *, classes: bool) -> Any:
    """Return a mesh with the data ``colours``.

    Args:
        mesh: of the surface.
        surface: two-dimensional.
        values: of points, [A, B], blended between them; or of cells, [A - 1, B - 1], constant in
            each. Vertices between grid points get the value of the nearest.
        frame: where the mesh is drawn.
        classes: whether the values are classes: every place has that of its nearest corner.
    """
    if values.shape != surface.grid.shape:
        cells = _places(mesh.cell_centers().points, surface, frame, nearest=False)
        mesh.cell_data["colours"] = values[cells]
        return mesh
    at = _places(np.asarray(mesh.points), surface, frame, nearest=True)
    if classes:
        return _by_corners(mesh, values[at])
    mesh.point_data["colours"] = values[at]
    return mesh


def _places(
    points: Floats, surface: Surface, frame: Frame, *, nearest: bool
) -> tuple[NDArray[np.int64], ...]:
    """Return the grid points nearest to points of the picture, or the cells that hold them."""
    lines = (frame.x(surface.alphas), frame.y(surface.betas))
    places = []
    for axis, here in zip(lines, points.T, strict=False):
        edges = (axis[1:] + axis[:-1]) / 2 if nearest else axis[1:-1]
        places.append(np.searchsorted(edges, here))
    return tuple(places)


def _by_corners(mesh: Any, values: Floats) -> Any:
    """Cut each triangle into six, two for each corner, which give its value to them."""
    import pyvista

    corners = np.asarray(mesh.regular_faces)
    a, b, c = corners.T
    count = len(corners)
    # Rows: corners, middles of the edges (ab, bc, ca), middle of the triangle.
    shares = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [0, 0.5, 0.5],
                       [0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]])  # fmt: skip
    small = np.array([[0, 3, 6], [0, 6, 5], [1, 4, 6], [1, 6, 3], [2, 5, 6], [2, 6, 4]])

    def blended(data: Floats) -> Floats:
        return np.concatenate([r[0] * data[a] + r[1] * data[b] + r[2] * data[c] for r in shares])

    faces = (np.arange(count)[:, None, None] + small[None] * count).reshape(-1, 3)
    cut = pyvista.PolyData.from_regular_faces(
        blended(np.asarray(mesh.points, dtype=np.float64)), faces
    )
    for name in ("losses", "heights"):
        cut.point_data[name] = blended(np.asarray(mesh.point_data[name]))
    cut.cell_data["colours"] = np.repeat(values[corners], 2, axis=1).ravel()
    return cut
