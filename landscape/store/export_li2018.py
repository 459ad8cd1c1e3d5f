"""Surfaces in the layout of Li et al. 2018 (tomgoldstein/loss-landscape), for its plots."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.atomic import write_bytes
from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface

_FIELDS = {
    "losses": ("train_loss", 1.0), "accuracies": ("train_acc", 100.0),
    "test_losses": ("test_loss", 1.0), "test_accuracies": ("test_acc", 100.0),
}  # fmt: skip
_NOT_COMPUTED = -1.0


def export_li2018(
    surface: Surface,
    path: Path,
    *,
    plane: Plane | None = None,
    placed: Projection | None = None,
    overwrite: bool = True,
) -> list[Path]:
    """Write a surface, the directions of its plane and a path on it as three files.

    Losses and accuracies (there in percent) are written, missing points as -1, in the order in
    which that program fills its arrays: flat, row after row of constant y. Directions go to
    ``<name>-directions.h5``, a path to ``<name>-directions.h5_proj_lstsq.h5``, in multiples of the
    directions.

    Args:
        surface: over a plane or along a line.
        path: of the surface.
        plane: whose directions are written.
        placed: the path.
        overwrite: False to refuse where a file is there.

    Returns:
        The files written, the surface's first.

    Raises:
        ValueError: for a volume.
        FileExistsError: if a file is there that must not be replaced.
        OSError: if a file cannot be written.
    """
    if len(surface.grid.shape) > 2:
        raise ValueError("that layout has planes and lines, got a volume; export it as csv")
    directions = path.with_name(f"{path.stem}-directions.h5")
    contents = {path: _surface(surface, directions.name if plane is not None else "")}
    if plane is not None:
        contents[directions] = _directions(plane)
    if placed is not None:
        columns = zip(("proj_xcoord", "proj_ycoord"), placed.coordinates.T, strict=False)
        name = f"{directions.name}_proj_lstsq.h5"
        contents[path.with_name(name)] = _file(dict(columns))
    there = [file for file in contents if file.exists() and not overwrite]
    if there:
        raise FileExistsError(f"{there[0]} is there already; replace it with --force")
    for file, content in contents.items():
        write_bytes(file, content)
    return list(contents)


def _surface(surface: Surface, directions: str) -> bytes:
    axes = dict(zip(("xcoordinates", "ycoordinates"), surface.grid.axes, strict=False))
    arrays: dict[str, Any] = {**axes, "dir_file": directions}
    missing = surface.status == Status.MISSING
    for name, (theirs, factor) in _FIELDS.items():
        if name in surface.fields:
            values = np.where(missing, _NOT_COMPUTED, surface.fields[name] * factor)
            arrays[theirs] = values.T.reshape(values.shape)
    return _file(arrays)


def _directions(plane: Plane) -> bytes:
    tensors: dict[str, Any] = {}
    for name, direction in zip(("xdirection", "ydirection"), plane.directions, strict=False):
        for number, (slot, part) in enumerate(plane.layout.parts()):
            tensors[f"{name}/{number}"] = direction[part].reshape(slot.shape)
    return _file(tensors)


def _file(arrays: Mapping[str, NDArray[Any] | str]) -> bytes:
    image = BytesIO()
    with h5py.File(image, "w") as file:
        for name, values in arrays.items():
            file[name] = values
    return image.getvalue()
