"""A close-up for other programs: a block of clay whose creases stay sharp."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from landscape.records.atomic import replacing, writable_folder, write_bytes
from landscape.records.choices import check_known
from landscape.records.close_up import REMOVED, CloseUp, Removed

from ..closeups.blocks import Block
from ..closeups.clay import check_series, colour_of
from ..style import CLAY
from . import formats
from .gltf import glb
from .mesh_files import check_owner, generator
from .parts import Part, Placing

FORMATS = ("glb", "obj", "vtp")


def export_close_up(
    closeup: CloseUp,
    path: Path | str,
    *,
    removing: Removed = "quadratic",
    largest: float = 0.0,
    overwrite: bool = True,
) -> tuple[Path, ...]:
    """Write a close-up as a mesh with the exact normals on each side of its creases.

    A GLB and an OBJ hold a block as pictures show it, 2 units wide, with walls in the colour of the
    activation. A VTP holds the top with ``heights``, ``losses`` (both without what is removed) and
    ``gradients`` in double precision. No graphics are needed.

    Args:
        closeup: of any window.
        path: where to; the suffix decides the format.
        removing: ``nothing``, ``tilt`` or ``quadratic``.
        largest: range of losses that is drawn as high as a block can be, to export several on one
            scale; its own by default.
        overwrite: False to replace only files that this function wrote.

    Returns:
        The file written.

    Raises:
        ValueError: for another suffix, another name in ``removing``, or losses that are not finite.
        FileExistsError: if a file is there that must not be replaced.
        OSError: if the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.removeprefix(".")
    check_known("format", suffix, FORMATS)
    check_known("what is removed", removing, REMOVED)
    check_series([[closeup]])
    if not overwrite:
        check_owner([path])
    surface = closeup.without(removing)
    block = Block.of(surface, largest=largest)
    facts = {
        "title": closeup.title, "activation": closeup.activation, "run": closeup.run,
        "width": closeup.width, "removed": removing, "creases_cut": surface.curves,
        "loss_range": float(np.ptp(surface.losses)), "settings": dict(surface.settings),
    }  # fmt: skip
    fields = {"heights": block.points[:, 2], "losses": surface.losses,
              "gradients": surface.gradients}  # fmt: skip
    top = Part("surface", block.points, _plain(CLAY, len(block.points)), block.triangles,
               normals=block.normals, data=fields)  # fmt: skip
    writable_folder(path.parent)
    if suffix == "vtp":
        with replacing(path) as temporary:
            mesh = formats.surface_polydata(top, {"Lossoscope": generator(), **facts})
            formats.vtp(mesh, temporary)
        return (path,)
    turn = Placing((1.0, 1.0, 1.0), (0.0, 0.0, 0.0), y_up=True)
    parts = [turn.place(part) for part in (top, *_walls(block, colour_of(closeup)))]
    write_bytes(path, (glb if suffix == "glb" else formats.obj)(parts, facts, generator()))
    return (path,)


def _walls(block: Block, colour: str) -> list[Part]:
    """Return a part for each wall, its triangles seen from outside."""
    parts = []
    for number, (points, faces) in enumerate(block.walls()):
        triangles = np.concatenate([faces[:, [0, 1, 2]], faces[:, [0, 2, 3]]])
        a, b, c = points[triangles].transpose(1, 0, 2)
        outwards = (np.cross(b - a, c - a) * [1, 1, 0] * a).sum(axis=1) > 0
        triangles[~outwards] = triangles[~outwards][:, ::-1]
        parts.append(Part(f"wall{number}", points, _plain(colour, len(points)), triangles))
    return parts


def _plain(colour: str, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return one colour for every point, sRGB, [count, 3]."""
    from matplotlib.colors import to_rgb

    return np.tile(to_rgb(colour), (count, 1))
