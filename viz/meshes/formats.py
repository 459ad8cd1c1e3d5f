"""Parts of a mesh as OBJ, STL and VTP, and the samples of a surface as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.grid import AXES
from landscape.records.results import Projection
from landscape.records.surface import Surface

from .parts import Part

_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_STL_HEADER = 80
_MEASURES = ("losses", "plane_losses", "off_plane_distances", "distances")


def obj(parts: Sequence[Part], facts: Mapping[str, Any], generator: str) -> bytes:
    """Return a Wavefront OBJ: an object for each part, colours behind the vertices.

    ``v x y z red green blue`` is read by Blender, MeshLab and others; those that do not know it
    ignore the colours. Lines are ``l`` elements.
    """
    text = io.StringIO()
    text.write(f"# {generator}\n")
    for name, value in facts.items():
        text.write(f"# {name}: {json.dumps(value)}\n")
    vertices, normals = 1, 1
    for part in parts:
        text.write(f"o {part.name.replace(' ', '_')}\n")
        rows = np.concatenate([part.points, part.colours], axis=1)
        np.savetxt(text, rows, fmt="v %.9g %.9g %.9g %.6g %.6g %.6g")
        if part.normals is not None:
            np.savetxt(text, part.normals, fmt="vn %.6g %.6g %.6g")
        for line in part.lines:
            text.write("l " + " ".join(str(vertices + point) for point in line) + "\n")
        if part.triangles is not None and part.normals is not None:
            columns = [part.triangles + vertices, part.triangles + normals]
            both = np.stack(columns, axis=2).reshape(-1, 6)
            np.savetxt(text, both, fmt="f %d//%d %d//%d %d//%d")
        elif part.triangles is not None:
            np.savetxt(text, part.triangles + vertices, fmt="f %d %d %d")
        vertices += len(part.points)
        normals += 0 if part.normals is None else len(part.normals)
    return text.getvalue().encode()


def stl(part: Part, generator: str) -> bytes:
    """Return a binary STL of one part, each triangle with its own normal.

    Raises:
        ValueError: for a part without triangles.
    """
    if part.triangles is None:
        raise ValueError(f"an STL holds triangles, {part.name!r} has none")
    corners = part.points[part.triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    records = np.zeros(len(corners), dtype=_STL_TRIANGLE)
    records["normal"] = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    records["corners"] = corners
    # A header that begins with "solid" would be taken for the text format.
    header = generator.encode()[:_STL_HEADER].ljust(_STL_HEADER)
    return header + np.array(len(corners), dtype="<u4").tobytes() + records.tobytes()


def surface_polydata(part: Part, facts: Mapping[str, Any]) -> Any:
    """Return a part as ``pyvista.PolyData`` with all its values, to be written as VTP."""
    import pyvista

    mesh = pyvista.PolyData.from_regular_faces(part.points, part.triangles)
    for name, values in (part.data or {}).items():
        mesh.point_data[name] = values
    if part.normals is not None:
        mesh.point_data["Normals"] = part.normals
        mesh.point_data.active_normals_name = "Normals"
    mesh.set_active_scalars("heights")
    _note(mesh, facts)
    return mesh


def paths_polydata(
    paths: Sequence[Projection], points: Sequence[NDArray[np.float64]], facts: Mapping[str, Any]
) -> Any:
    """Return paths as polylines, to be written as VTP beside the surface.

    Args:
        paths: one or several.
        points: of each, [T, 3], NaN for a record that is not drawn.
        facts: about the whole.
    """
    import pyvista

    kept = [np.all(np.isfinite(places), axis=1) for places in points]
    lines, start = list[int](), 0
    for places in kept:
        for run in _runs(places):
            lines += [len(run), *(int(start + np.sum(places[:i])) for i in run)]
        start += int(np.sum(places))
    joined = [places[there] for places, there in zip(points, kept, strict=True)]
    mesh = pyvista.PolyData(np.concatenate(joined), lines=lines or None)
    for name in ("steps", *_MEASURES):
        values = [getattr(p, name)[there] for p, there in zip(paths, kept, strict=True)]
        mesh.point_data[name] = np.concatenate(values)
    counts = [int(np.sum(there)) for there in kept]
    mesh.point_data["path"] = np.repeat(np.arange(len(paths)), counts)
    _note(mesh, {**facts, "runs": [path.run for path in paths]})
    return mesh


def vtp(mesh: Any, path: Path) -> None:
    """Write a polydata with binary values to a path that ends in ``.vtp``."""
    mesh.save(path, binary=True)


def surface_csv(surface: Surface) -> bytes:
    """Return every point of a grid as a row: coordinates, all fields, status (a number)."""
    names = [axis.removesuffix("s") for axis in AXES[: len(surface.grid.shape)]]
    places = np.meshgrid(*surface.grid.axes, indexing="ij")
    columns = [*(c.ravel() for c in places), *(f.ravel() for f in surface.fields.values())]
    rows = zip(*(column.tolist() for column in columns), surface.status.ravel().tolist(),
               strict=True)  # fmt: skip
    return _csv([*names, *surface.fields, "status"], rows)


def paths_csv(paths: Sequence[Projection]) -> bytes:
    """Return every record of paths as a row: run, step, coordinates, losses, distances."""
    names = [axis.removesuffix("s") for axis in AXES[: paths[0].coordinates.shape[1]]]
    rows: list[list[Any]] = []
    for path in paths:
        columns = [path.steps, *path.coordinates.T, *(getattr(path, n) for n in _MEASURES)]
        rows += [[path.run, *row] for row in zip(*(c.tolist() for c in columns), strict=True)]
    return _csv(["run", "step", *names, *_MEASURES], rows)


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _runs(there: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Return the places of each unbroken run of True that is longer than one."""
    breaks = np.flatnonzero(np.diff(there.astype(np.int8))) + 1
    runs = np.split(np.arange(len(there)), breaks)
    return [run for run in runs if len(run) > 1 and there[run[0]]]


def _note(mesh: Any, facts: Mapping[str, Any]) -> None:
    for name, value in facts.items():
        mesh.field_data[name] = value if isinstance(value, str) else json.dumps(value)
