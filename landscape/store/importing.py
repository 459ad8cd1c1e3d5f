"""Records of a study from files of other programs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from landscape.records.grid import Grid
from landscape.records.layout import Layout, Slot
from landscape.records.naming import check_identifier
from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Surface
from landscape.store.foreign import Arrays, read_foreign
from landscape.store.places import plane_path, projection_path, surface_path
from landscape.store.writer import StudyWriter

Parts = tuple[dict[str, Any], Arrays]


def import_files(
    files: Sequence[Path], out: Path, *, name: str = "", field: str = "", force: bool = False
) -> list[str]:
    """Put files of other programs into a study, which is made or grows.

    Files given together belong together: a surface, the directions of its plane, a path on it.
    They can also be given one after another under the same name.

    Args:
        files: see :data:`landscape.store.foreign.KINDS`.
        out: the study file.
        name: id of surface and plane; "" takes the name of the first file.
        field: which of a surface's fields is the loss; "" for the usual one.
        force: whether records of that name are replaced.

    Returns:
        Paths of the records that were written.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is none of those that are known, a path is in lengths along
            directions that are not there, or the name is taken.
    """
    identifier = check_identifier(name or identifier_of(files[0]), "surface")
    parts = [(file, *read_foreign(file, field=field)) for file in files]
    order = {"directions": 0, "surface": 1, "paths": 2}
    parts.sort(key=lambda part: order[part[1]["what"]])
    written: list[str] = []
    with StudyWriter(out) as writer:
        for file, facts, arrays in parts:
            try:
                records = _records(writer, identifier, facts, arrays)
            except ValueError as error:
                raise ValueError(f"{file}: {error}") from None
            for path, record in records:
                if writer.find(path) is not None and not force:
                    raise ValueError(f"{out} has {path} already; give another --name, or --force")
                writer.put_record(path, record)
                written.append(path)
        _link(writer, identifier, written)
    return written


def identifier_of(file: Path) -> str:
    """Return the stem of a file's name as an id.

    >>> identifier_of(Path("model_300.t7_[-1.0,1.0,51].h5"))
    'model_300.t7_-1.0_1.0_51'
    """
    return re.sub(r"[^A-Za-z0-9.@+-]+", "_", file.stem).strip("_.") or "imported"


def _records(
    writer: StudyWriter, identifier: str, facts: dict[str, Any], arrays: Arrays
) -> list[tuple[str, Surface | Plane | Projection]]:
    match facts["what"]:
        case "surface":
            return [(surface_path(identifier), _surface(facts, arrays))]
        case "directions":
            return [(plane_path(identifier), _plane(facts, arrays))]
        case _:
            return _projections(writer, identifier, facts, arrays)


def _surface(facts: dict[str, Any], arrays: Arrays) -> Surface:
    axes = [arrays[f"axis{i}"] for i in range(3) if f"axis{i}" in arrays]
    fields = {check_identifier(name, "field"): arrays[name] for name in facts["fields"]}
    about = {key: facts[key] for key in ("format", "direction_file", "loss") if facts.get(key)}
    return Surface(Grid(tuple(axes)), fields, arrays["status"], settings={"imported": about})


def _plane(facts: dict[str, Any], arrays: Arrays) -> Plane:
    slots = tuple(Slot(str(i), tuple(shape)) for i, shape in enumerate(facts["shapes"]))
    directions = [arrays[f"direction{i}"].astype(np.float64) for i in range(2)
                  if f"direction{i}" in arrays]  # fmt: skip
    about = {"format": facts["format"], "origin": "unknown, zeros", "pca": facts["pca"]}
    origin = np.zeros(len(directions[0]))
    return Plane.through(
        origin, directions, Layout(slots), kind="imported", settings={"imported": about}
    )


def _projections(
    writer: StudyWriter, identifier: str, facts: dict[str, Any], arrays: Arrays
) -> list[tuple[str, Surface | Plane | Projection]]:
    scale = _lengths(writer, identifier) if facts["unit"] == "lengths" else np.ones(1)
    found: list[tuple[str, Surface | Plane | Projection]] = []
    for number, run in enumerate(facts["runs"]):
        name = check_identifier(run or identifier, "run")
        if not np.isfinite(arrays[f"coordinates{number}"]).all():
            raise ValueError(f"the path {name} must have finite coordinates")
        record = Projection(
            run=name,
            plane=identifier,
            steps=arrays[f"steps{number}"],
            coordinates=arrays[f"coordinates{number}"] / scale,
            off_plane_distances=arrays[f"off_plane_distances{number}"],
            distances=arrays[f"distances{number}"],
            losses=arrays[f"losses{number}"],
            plane_losses=arrays[f"plane_losses{number}"],
        )
        found.append((projection_path(name, identifier), record))
    return found


def _lengths(writer: StudyWriter, identifier: str) -> Any:
    """Return the lengths of the directions, by which a path is divided once; 1 for those of PCA."""
    plane = writer.find(plane_path(identifier))
    if not isinstance(plane, Plane):
        raise ValueError(
            "the path is in lengths along the directions, which are not there; give the direction "
            "file as well"
        )
    if plane.settings.get("imported", {}).get("pca"):
        return np.ones(plane.axes)
    return np.linalg.norm(plane.directions, axis=1)


def _link(writer: StudyWriter, identifier: str, written: list[str]) -> None:
    """Tell the surface of its plane and of the first path on it."""
    surface = writer.find(surface_path(identifier))
    if not isinstance(surface, Surface):
        return
    runs = [p.split("/")[1].split("@")[0] for p in written if p.startswith("projections/")]
    there = runs or writer.find(plane_path(identifier)) is not None
    if there and (surface.plane is None or (runs and surface.run is None)):
        run = surface.run or (runs[0] if runs else None)
        writer.put_record(surface_path(identifier), replace(surface, plane=identifier, run=run))
