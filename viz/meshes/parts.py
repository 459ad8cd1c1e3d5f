"""What a mesh file holds: the surface, and each path as a tube, a line through its records, marks.

Everything is built in the picture's units and axes (height along z), and placed in those of a file
by :class:`Placing`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..geometry.frame import Frame
from ..geometry.mesh import Shading, surface_mesh
from ..geometry.paths import BALL, BEAD, TUBE, drawn_points, moved_points, path_pieces
from ..geometry.window import visible
from ..style import Style

Integers = NDArray[np.int64]
_TUBE_SIDES = 12
SURFACE = "surface"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A named piece of a mesh file.

    Attributes:
        name: of the piece.
        points: [n, 3].
        triangles: corners of each, anticlockwise from outside, [m, 3]; none for lines.
        lines: points of each polyline; none for triangles.
        normals: unit normal of each point, [n, 3]; None to shade each triangle as it is.
        colours: red, green and blue of each point, sRGB from 0 to 1, [n, 3].
        data: more values of each point, by name.
    """

    name: str
    points: Floats
    colours: Floats
    triangles: Integers | None = None
    lines: tuple[Integers, ...] = ()
    normals: Floats | None = None
    data: dict[str, NDArray[Any]] | None = None


@dataclass(frozen=True, slots=True)
class Placing:
    """From the picture's coordinates to those of a file: ``p * scale + offset``, then the axes.

    Attributes:
        scale: of x, y and z of the picture.
        offset: likewise.
        y_up: whether height is the file's y axis, as glTF has it: (x, y, z) becomes (x, z, -y).
    """

    scale: tuple[float, float, float]
    offset: tuple[float, float, float]
    y_up: bool

    @classmethod
    def of(cls, frame: Frame, *, size: float | None, y_up: bool) -> Placing:
        """Make the placing for a window ``size`` wide, or None for the coordinates themselves.

        In the coordinates themselves x is alpha, y is beta, and z the height.
        """
        if size is not None:
            share = size / 2
            return cls((share, share, share), (0.0, 0.0, 0.0), y_up)
        back = (1 / frame.unit, 1 / frame.unit, 1 / frame.rise)
        return cls(back, (sum(frame.alpha) / 2, sum(frame.beta) / 2, frame.scale.low), y_up)

    def place(self, part: Part) -> Part:
        """Return a part in the file's coordinates."""
        scale = np.array(self.scale)
        normals = part.normals
        if normals is not None:
            # Normals are no arrows: they shrink where the surface is stretched.
            stretched = normals / scale
            normals = stretched / np.linalg.norm(stretched, axis=1, keepdims=True)
            normals = self._turned(normals)
        return replace(part, points=self.points(part.points), normals=normals)

    def points(self, points: Floats) -> Floats:
        """Return points [n, 3] of the picture in the file's coordinates."""
        return self._turned(points * np.array(self.scale) + np.array(self.offset))

    def coordinates(self, frame: Frame) -> dict[str, dict[str, Any]]:
        """Return where each coordinate is found: ``value = place / scale + origin``."""
        names = ("+x", "-z", "+y") if self.y_up else ("+x", "+y", "+z")
        inner = (frame.unit, frame.unit, frame.rise)
        start = (sum(frame.alpha) / 2, sum(frame.beta) / 2, frame.scale.low)
        shifts = np.array(self.offset)
        places = {}
        for i, name in enumerate(("alpha", "beta", "height")):
            scale = inner[i] * self.scale[i]
            origin = start[i] - float(shifts[i]) / scale
            places[name] = {"axis": names[i], "scale": scale, "origin": origin}
        return places

    def _turned(self, vectors: Floats) -> Floats:
        if not self.y_up:
            return vectors
        return np.stack([vectors[:, 0], vectors[:, 2], -vectors[:, 1]], axis=1)


def surface_part(surface: Surface, frame: Frame, style: Style, shading: Shading) -> Part:
    """Return the surface without the points that no triangle uses.

    Raises:
        ValueError: if no cell has four finite heights, or for what
            :func:`viz.geometry.mesh.surface_mesh` refuses.
    """
    import matplotlib

    mesh = surface_mesh(surface, frame, shading=shading)
    faces = np.asarray(mesh.regular_faces, dtype=np.int64)
    used, corners = np.unique(faces, return_inverse=True)
    if not len(used):
        raise ValueError(
            "the surface must have a cell with four finite heights to be a mesh, got none; "
            "write its points as .csv"
        )
    heights = np.asarray(mesh.point_data["heights"])[used]
    share = (heights - frame.scale.low) / (frame.scale.high - frame.scale.low)
    alphas, betas = (c.ravel()[used] for c in np.meshgrid(*surface.grid.axes, indexing="ij"))
    data = {"alphas": alphas, "betas": betas, "heights": heights}
    data |= {name: values.ravel()[used] for name, values in surface.fields.items()}
    normals = None
    if shading != "flat":
        normals = np.asarray(mesh.point_data["Normals"], dtype=np.float64)[used]
    return Part(
        SURFACE,
        np.asarray(mesh.points, dtype=np.float64)[used],
        np.asarray(matplotlib.colormaps[style.colour_map](share))[:, :3],
        corners.reshape(faces.shape),
        normals=normals,
        data={**data, "status": surface.status.ravel()[used]},
    )


def path_parts(paths: Sequence[Projection], frame: Frame, style: Style) -> Iterator[Part]:
    """Yield the parts of paths: for each its tube, its line, and marks of start and end.

    A path that hardly lies in the plane is its end alone, as in pictures.
    """
    names: dict[str, int] = {}
    for number, path in enumerate(paths):
        colour = style.path_colour(number)
        name = path.run or "path"
        names[name] = names.get(name, 0) + 1
        if names[name] > 1:
            name = f"{name}-{names[name]}"
        pieces = path_pieces(path, frame) if visible(path) else []
        if pieces:
            yield _solid(f"{name} tube", list(map(_tube, pieces)), colour)
        if any(len(piece) > 1 for piece in pieces):
            yield _line(f"{name} line", pieces, colour)
        ends = ((0, "start", "#ffffff"), (-1, "end", colour)) if visible(path) else (
            (-1, "end", colour),)  # fmt: skip
        for record, end, face in ends:
            point = drawn_points(path, frame)[record]
            if np.isfinite(point).all():
                yield _solid(f"{name} {end}", [_ball(point, BALL)], face)


def _tube(piece: Floats) -> Any:
    """Make a tube through the points, or a bead at the only one."""
    import pyvista

    moved = moved_points(piece)
    if len(moved) < 2:
        return _ball(piece[0], BEAD)
    line = pyvista.lines_from_points(moved)
    return line.tube(radius=TUBE, n_sides=_TUBE_SIDES, capping=True).triangulate()


def _ball(point: Floats, radius: float) -> Any:
    import pyvista

    ball = pyvista.Sphere(radius=radius, theta_resolution=24, phi_resolution=24)
    ball.points = np.asarray(ball.points, dtype=np.float64) + point
    return ball


def _solid(name: str, meshes: Sequence[Any], colour: str) -> Part:
    """Join closed meshes with outward normals to a part of one colour."""
    points, triangles, normals, count = [], [], [], 0
    for mesh in meshes:
        name_of = "TubeNormals" if "TubeNormals" in mesh.point_data else "Normals"
        points.append(np.asarray(mesh.points, dtype=np.float64))
        triangles.append(np.asarray(mesh.regular_faces, dtype=np.int64) + count)
        normals.append(np.asarray(mesh.point_data[name_of], dtype=np.float64))
        count += mesh.n_points
    joined = np.concatenate(normals)
    unit = joined / np.linalg.norm(joined, axis=1, keepdims=True)
    return Part(name, np.concatenate(points), _one_colour(colour, count),
                np.concatenate(triangles), normals=unit)  # fmt: skip


def _line(name: str, pieces: Sequence[Floats], colour: str) -> Part:
    ends = np.cumsum([0, *map(len, pieces)])
    lines = tuple(np.arange(a, b) for a, b in pairwise(ends) if b - a > 1)
    return Part(name, np.concatenate(pieces), _one_colour(colour, int(ends[-1])), lines=lines)


def _one_colour(colour: str, count: int) -> Floats:
    from matplotlib.colors import to_rgb

    return np.tile(np.array(to_rgb(colour)), (count, 1))
