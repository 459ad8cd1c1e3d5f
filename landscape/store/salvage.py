"""Saving what is sound of a damaged study: whole records, and single tiles of surfaces."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.atomic import remove_leftovers, replacing
from landscape.records.grid import AXES, Grid
from landscape.records.surface import Status, Surface
from landscape.store import checking, child, codec, digests, guard
from landscape.store.checking import DAMAGE, WHOLE
from landscape.store.images import write_hdf5
from landscape.store.lock import WriterLock, followed
from landscape.store.seal import put_seal

_FLETCHER_BYTES = 4


@dataclass(frozen=True, slots=True)
class Salvaged:
    """What was done to a damaged study.

    Attributes:
        removed: paths of records that are gone.
        missing: number of points of each damaged surface that are missing now, by path.
        kept: where the damaged file is kept; None if nothing was damaged.
    """

    removed: tuple[str, ...]
    missing: dict[str, int]
    kept: Path | None


def salvage(path: Path) -> Salvaged:
    """Replace a damaged study by one with all of its sound records and tiles.

    Damaged tiles of a surface become missing points; other damaged records are removed. The
    damaged file is kept beside it as ``<name>.damaged``.

    Raises:
        FileNotFoundError: if there is no study.
        ValueError: if nothing can be saved.
        BlockingIOError: if another process is writing it.
        OSError: if there is no room.
    """
    if not path.is_file():
        raise FileNotFoundError(f"there is no study file {path}")
    path = followed(path)
    lock = WriterLock(path.with_name(path.name + ".lock"))
    try:
        remove_leftovers(path)
        findings = checking.check_file(path)
        if not findings.problems and findings.sealed:
            return Salvaged((), {}, None)
        damaged = path.with_name(path.name + ".damaged")
        with replacing(path) as temporary:
            done = child.ask("salvage", path, str(temporary))
            put_seal(temporary)
            checking.verify_written(temporary)
            if findings.problems:
                damaged.unlink(missing_ok=True)
                os.link(path, damaged)
        kept = damaged if findings.problems else None
        return Salvaged(tuple(done["removed"]), dict(done["missing"]), kept)
    finally:
        lock.release()


def salvage_in_child(path: str, out: str) -> dict[str, Any]:
    """Write what is sound to another file; to be called in a process of its own."""
    removed: list[str] = []
    missing: dict[str, int] = {}
    with checking.opened(Path(path)) as old:
        problems = checking.findings(old).problems
        attributes = _attributes(old, path, damaged=WHOLE in problems)
        paths = [p for p in problems if p != WHOLE]
        listed = _listed(old)

        def fill(new: h5py.File) -> None:
            for name, value in attributes.items():
                new.attrs[name] = value
            for record in checking.record_paths(old):
                if record not in problems:
                    old.copy(checking.at(old, record), new, record)
            for record in paths:
                surface = _sound_tiles(old, record, listed)
                if surface is None:
                    removed.append(record)
                else:
                    codec.write(new.create_group(record), surface)
                    missing[record] = int(np.sum(surface.status == Status.MISSING))
            digests.put_list(new, checking.record_paths(new))

        write_hdf5(Path(out), fill, (1 << 20) + Path(path).stat().st_size * 2)
    return {"removed": removed, "missing": missing}


def _attributes(file: h5py.File, path: str, *, damaged: bool) -> dict[str, Any]:
    """Return the attributes of the root, from the list where they are damaged themselves."""
    with suppress(*DAMAGE):
        if not damaged or digests.root_digest(file) == digests.stored(file):
            return {n: value for n, value in guard.attributes(file).items() if n != digests.NAME}
    try:
        return digests.listed(file)[0]
    except DAMAGE:
        raise ValueError(
            f"{path} is damaged where it says what it is, twice: nothing can be vouched for"
        ) from None


def _sound_tiles(file: h5py.File, path: str, listed: dict[str, str]) -> Surface | None:
    """Return a damaged surface with its sound tiles, the others missing; None if it is lost."""
    try:
        group = checking.at(file, path)
        wanted = listed.get(path, digests.stored(group))
        if guard.attribute(group, "record") != "surface" or digests.record_digest(group) != wanted:
            return None
        grid = Grid(tuple(_sound(group, name) for name in AXES if guard.has(group, name)))
        noted = _sound(group, codec.TILES)
        names = codec.fields_of(group)
        fields = {name: _raw(group, name, grid.shape).astype("f8") for name in names}
        status = _raw(group, "status", grid.shape).astype("u1")
        empty = Surface.empty(
            grid, tuple(names), plane=codec.link_of(group, "plane"),
            run=codec.link_of(group, "run"), settings=codec.settings_of(group),
        )  # fmt: skip
    except DAMAGE:
        return None
    return _matching(empty, fields, status, noted)


def _matching(
    empty: Surface,
    fields: dict[str, NDArray[np.float64]],
    status: NDArray[np.uint8],
    noted: NDArray[np.uint8],
) -> Surface | None:
    status = np.minimum(status, max(Status))
    digests = codec.tile_digests(Surface(empty.grid, fields, status))
    tiles = empty.grid.tiles()
    if digests.shape != noted.shape:
        return None
    kept = {name: values.copy() for name, values in empty.fields.items()}
    marks = empty.status.copy()
    for tile, sound in zip(tiles, (digests == noted).all(axis=1), strict=True):
        if sound:
            marks.reshape(-1)[tile] = status.reshape(-1)[tile]
            for name, values in kept.items():
                values.reshape(-1)[tile] = fields[name].reshape(-1)[tile]
    return Surface(empty.grid, kept, marks, empty.plane, empty.run, empty.settings)


def _listed(file: h5py.File) -> dict[str, str]:
    try:
        return digests.listed(file)[1]
    except DAMAGE:
        return {}


def _sound(group: h5py.Group, name: str) -> NDArray[Any]:
    data = guard.dataset(group, name)
    if digests.dataset_digest(data) != digests.stored(data):
        raise ValueError(f"{data.name} is not as published")
    return np.asarray(data[()])


def _raw(group: h5py.Group, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Read a data set past its check sums; bytes that are gone are zero."""
    data = guard.dataset(group, name)
    if data.shape != shape or data.chunks is None:
        raise ValueError(f"{data.name} must have the shape {shape}, got {data.shape}")
    try:
        return np.asarray(data[()])
    except DAMAGE:
        values = np.zeros(shape, dtype=data.dtype)
    for number in range(data.id.get_num_chunks()):
        place = data.id.get_chunk_info(number).chunk_offset
        _, content = data.id.read_direct_chunk(place)
        chunk = np.frombuffer(content[:-_FLETCHER_BYTES], dtype=data.dtype).reshape(data.chunks)
        inside = tuple(
            slice(0, min(n, s - p)) for n, s, p in zip(data.chunks, shape, place, strict=True)
        )
        there = tuple(slice(p, p + i.stop) for p, i in zip(place, inside, strict=True))
        values[there] = chunk[inside]
    return values
