"""A surface for other programs: Blender and the web, 3D printing, ParaView, a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from landscape.records.atomic import replacing, writable_folder, write_bytes
from landscape.records.choices import check_known
from landscape.records.panel import Panel, panels_of
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..geometry.differences import has_gradients
from ..geometry.drape import laid, losses_on
from ..geometry.frame import Frame
from ..geometry.height import left_out
from ..geometry.mesh import Shading
from ..geometry.window import visible
from ..look import USUAL, Look
from ..style import Style
from . import formats as mesh_files
from .gltf import glb
from .parts import Placing, path_parts, surface_part
from .solid import solid

Units = Literal["picture", "data"]
FORMATS = ("glb", "obj", "stl", "vtp", "csv")
UNITS = ("picture", "data")
# Width of the plane's longer side: 2 as in pictures, 100 (millimetres) where it is to be printed.
_SIZES: Mapping[str, float] = {"stl": 100.0}
_USUAL_SIZE = 2.0
_Y_UP = ("glb", "obj")
_TWO_FILES = ("vtp", "csv")
# By what a file of ours is known, among its first bytes.
_MARKS: Mapping[str, tuple[bytes, ...]] = {
    "glb": (b'"generator": "Lossoscope',),
    "obj": (b"# Lossoscope",),
    "stl": (b"Lossoscope",),
    "vtp": (b'Name="Lossoscope"',),
    "csv": (b"alpha,", b"run,step,alpha,"),
}
_HEAD = 65536


def export_mesh(
    panel: Panel | Surface,
    path: Path | str,
    look: Look = USUAL,
    *,
    normals: Shading | None = None,
    units: Units = "picture",
    size: float | None = None,
    overwrite: bool = True,
) -> tuple[Path, ...]:
    """Write a surface, and the optimizer's paths on it, for another program.

    ====== =============================================================== =========== ============
    suffix what it holds                                                   up          precision
    ====== =============================================================== =========== ============
    .glb   surface with normals and colours; paths as tubes and as lines   y (glTF)    single
    .obj   the same, colours behind the vertices                           y (Blender) 9 digits
    .stl   a solid: the surface with walls and a floor, without paths      z           single
    .vtp   surface with all fields; paths in ``<name>-paths.vtp``          z           double
    .csv   every sample, as it is; paths in ``<name>-paths.csv``                       double
    ====== =============================================================== =========== ============

    Cells without four finite heights are cut out; a CSV has every point of the grid, with its
    status. The file says how its coordinates are found: ``value = place / scale + origin`` for
    alpha, beta and height, in the extras of a GLB's first node, the comments of an OBJ, the field
    data of a VTP. No graphics are needed.

    Args:
        panel: a surface over a plane with its paths; a line or a volume as ``.csv`` only.
        path: where to; the suffix decides the format.
        look: height (``log`` or ``linear``), and the style for colours and, in ``picture`` units,
            the height over the width. A mesh is coloured by the losses and cut nowhere.
        normals: of the displayed height: ``gradient`` (exact slopes), ``differences`` of
            the grid, or ``flat``: none, so that each triangle is shaded as it is and creases stay
            sharp. By default ``gradient`` where the surface has the fields, else ``differences``.
        units: ``picture`` (proportions as in pictures) or ``data``: alpha, beta and height
            themselves, however far apart their sizes are.
        size: longer side of the plane in the file; by default 2, in an STL 100 (millimetres).
        overwrite: False to replace only files that this function wrote. A CSV is known by the names
            of its first columns, the others by the name of this program.

    Returns:
        The files written, the surface's first.

    Raises:
        ValueError: for another suffix, unknown options, a surface without two axes (but as
            ``.csv``), a clipped height, another colour, or nothing finite to draw.
        FileExistsError: if a file is there that must not be replaced.
        OSError: if a file cannot be written.

    References:
        https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
    """
    path = Path(path)
    suffix = path.suffix.removeprefix(".")
    check_known("format", suffix, FORMATS)
    (chosen,) = panels_of(panel)
    surface, placed = chosen.surface, chosen.paths
    if not overwrite:
        check_owner((path, _beside(path)) if placed and suffix in _TWO_FILES else (path,))
    if suffix == "csv":
        writable_folder(path.parent)
        return _write_csv(surface, placed, path)
    _check(units, size)
    look.check_plain("a mesh file")
    style, shading = Style.of(look.style), normals
    if shading is None:
        shading = "gradient" if has_gradients(surface) else "differences"
    scale = look.scale([surface], placed)
    if scale.clipped:
        raise ValueError("a mesh file holds the whole surface, a clipped height cuts it; give log, "
                         "linear, or a scale without a limit")  # fmt: skip
    frame = Frame.around([surface], scale, style)
    wide = (size or _SIZES.get(suffix, _USUAL_SIZE)) if units == "picture" else None
    placing = Placing.of(frame, size=wide, y_up=suffix in _Y_UP)
    ground = placing.place(surface_part(surface, frame, style, shading))
    facts = _facts(surface, frame, placing, shading, style)
    writable_folder(path.parent)
    if suffix == "vtp":
        # The name of an array is plain text in the file, its values are not.
        facts = {"Lossoscope": generator(), **facts}
        drawn = [_places(path_on, surface, frame) for path_on in placed]
        ground_mesh = mesh_files.surface_polydata(ground, facts)
        return _write_vtp(ground_mesh, placed, list(map(placing.points, drawn)), path)
    if suffix == "stl":
        write_bytes(path, mesh_files.stl(solid(ground), generator()))
        return (path,)
    on_it = [laid(path_on, surface, scale.kind) for path_on in placed]
    parts = [ground, *map(placing.place, path_parts(on_it, frame, style))]
    encode = glb if suffix == "glb" else mesh_files.obj
    write_bytes(path, encode(parts, facts, generator()))
    return (path,)


def written_here(path: Path) -> bool:
    """Return whether a file looks like one that :func:`export_mesh` wrote."""
    marks = _MARKS.get(path.suffix.removeprefix("."), ())
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if path.suffix in (".glb", ".vtp"):
        return any(mark in head for mark in marks)
    return head.startswith(marks)


def check_owner(files: Sequence[Path]) -> None:
    """Check that files are not somebody else's.

    Raises:
        FileExistsError: if one is there that no export wrote.
    """
    for path in files:
        if path.exists() and not (path.is_file() and written_here(path)):
            raise FileExistsError(
                f"{path} is there and was not written by an export; move it, choose another name, "
                "or force it to be overwritten"
            )


def generator() -> str:
    """Return the name and version of this program."""
    try:
        return f"Lossoscope {version('lossoscope')}"
    except PackageNotFoundError:
        return "Lossoscope"


def _check(units: str, size: float | None) -> None:
    check_known("units", units, UNITS)
    if size is not None and units == "data":
        raise ValueError("a file in data units has the size of its data; leave out size")
    if size is not None and not (np.isfinite(size) and size > 0):
        raise ValueError(f"size must be finite and > 0, got {size}")


def _facts(
    surface: Surface, frame: Frame, placing: Placing, shading: Shading, style: Style
) -> dict[str, Any]:
    """Return what the file must tell about itself."""
    scale = frame.scale
    return {
        "run": surface.run,
        "plane": surface.plane,
        "grid": list(surface.grid.shape),
        "height": "log10 of the loss" if scale.kind == "log" else "loss",
        "coordinates": placing.coordinates(frame),
        "colours": {"map": style.colour_map, "low": scale.low, "high": scale.high},
        "shading": shading,
        "left_out": left_out([surface], scale.kind),
        "settings": dict(surface.settings),
    }


def _places(path: Projection, surface: Surface, frame: Frame) -> Any:
    """Return where the records of a path are drawn, [T, 3]; NaN for those that are not."""
    points = frame.points(path.coordinates, losses_on(path, surface, frame.scale.kind))
    if not visible(path):
        points[:-1] = np.nan
    return points


def _write_vtp(
    mesh: Any, paths: Sequence[Projection], places: Sequence[Any], path: Path
) -> tuple[Path, ...]:
    with replacing(path) as temporary:
        mesh_files.vtp(mesh, temporary)
    if not paths:
        return (path,)
    facts = {name: mesh.field_data[name][0] for name in ("Lossoscope", "height", "coordinates")}
    beside = _beside(path)
    with replacing(beside) as temporary:
        mesh_files.vtp(mesh_files.paths_polydata(paths, places, facts), temporary)
    return (path, beside)


def _write_csv(surface: Surface, paths: Sequence[Projection], path: Path) -> tuple[Path, ...]:
    write_bytes(path, mesh_files.surface_csv(surface))
    if not paths:
        return (path,)
    beside = _beside(path)
    write_bytes(beside, mesh_files.paths_csv(paths))
    return (path, beside)


def _beside(path: Path) -> Path:
    """Return the file of the paths beside that of the surface."""
    return path.with_name(f"{path.stem}-paths{path.suffix}")
