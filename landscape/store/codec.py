"""Records to HDF5 groups and back. One function pair per record; ``docs/format.md`` says the same.

Data sets are chunked, checked by fletcher32 and filled with NaN, so that a lost chunk does not
read as zeros.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.grid import AXES, Grid
from landscape.records.layout import Layout
from landscape.records.naming import check_identifier
from landscape.records.plane import Plane
from landscape.records.results import Analysis, Projection
from landscape.records.surface import Surface
from landscape.records.trajectory import Trajectory
from landscape.store import digests, guard, images

Record = Trajectory | Plane | Surface | Projection | Analysis

UNITS = {
    "losses": "loss", "accuracies": "fraction", "step_losses": "loss", "plane_losses": "loss",
    "gradient_norms": "loss / parameter", "step_lengths": "parameter",
    "off_plane_distances": "parameter", "distances": "parameter", "alphas": "d_alpha",
    "betas": "d_beta", "gammas": "d_gamma", "coordinates": "d_alpha, d_beta, d_gamma",
    "steps": "step", "gradient_alpha": "loss / d_alpha", "gradient_beta": "loss / d_beta",
    "gradient_gamma": "loss / d_gamma",
}  # fmt: skip
TILES = "tile_sha256"
_CHUNK_ENTRIES = 1 << 17


def write(group: h5py.Group, record: Record) -> None:
    """Write a record into an empty group."""
    _WRITERS[type(record)](group, record)


def read(group: h5py.Group) -> Record:
    """Read the record of a group, by its ``record`` attribute.

    Raises:
        ValueError: if the group holds no record, or one that breaks the format.
    """
    kind = guard.attribute(group, "record")
    if not isinstance(kind, str) or kind not in _READERS:
        raise ValueError(f"{group.name} holds no record of this format")
    guard.check_total(item for _, item in digests.members(group))
    try:
        return _READERS[kind](group)
    except KeyError as error:
        raise ValueError(f"{group.name} lacks a part: {error.args[0]}") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{group.name} holds a text that is no JSON: {error}") from None


def put_array(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    """Write an array, chunked and checked, with its unit and its digest."""
    options: dict[str, Any] = {}
    if values.ndim and values.size:
        options = {"chunks": _chunks(values.shape), "fletcher32": True}
        if values.dtype.kind == "f":
            options["fillvalue"] = np.nan
    data = group.create_dataset(name, data=values, track_times=False, **options)
    if name in UNITS:
        data.attrs["units"] = UNITS[name]
    data.attrs[digests.NAME] = digests.array_digest(values)


def stored_bytes(record: Record) -> int:
    """Return how many bytes a record takes in a file at most."""
    total = (1 << 16) + (record.grid.size if isinstance(record, Surface) else 0)
    for values in _arrays_of(record):
        chunk = _chunks(values.shape) if values.ndim and values.size else ()
        number = math.prod(-(-n // c) for n, c in zip(values.shape, chunk, strict=False))
        total += number * (max(math.prod(chunk), 1) * values.dtype.itemsize + 256) + 4096
    layout = getattr(record, "layout", None)
    return total + (len(layout.to_json()) if layout is not None else 0)


def _arrays_of(record: Record) -> list[NDArray[Any]]:
    arrays: list[NDArray[Any]] = []
    for name in record.__dataclass_fields__:
        value = getattr(record, name)
        parts = value.axes if isinstance(value, Grid) else [value]
        if hasattr(value, "values"):
            parts = value.values()
        arrays += [part for part in parts if isinstance(part, np.ndarray)]
    return arrays


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Rows together up to 2^17 entries, long rows cut."""
    chunk = list(shape)
    for axis in range(len(chunk)):
        rest = int(np.prod(chunk[axis + 1 :]))
        if chunk[axis] * rest <= _CHUNK_ENTRIES:
            break
        chunk[axis] = max(_CHUNK_ENTRIES // rest, 1)
    return tuple(chunk)


def _put_attributes(group: h5py.Group, record: str, settings: Any, /, **attributes: Any) -> None:
    group.attrs["record"] = record
    group.attrs["settings"] = json.dumps(dict(settings), sort_keys=True, allow_nan=False)
    for name, value in attributes.items():
        if value is not None:
            group.attrs[name] = value


def settings_of(group: h5py.Group) -> dict[str, Any]:
    """Return the settings of a record."""
    settings = json.loads(_text(group, "settings"))
    if not isinstance(settings, dict):
        raise ValueError(f"settings must be a JSON object, got a {type(settings).__name__}")
    guard.check_texts(settings)
    return settings


def _text(group: h5py.Group, name: str) -> str:
    """Return a text attribute that is no more than text."""
    value = guard.attribute(group, name)
    if value is None:
        raise KeyError(name)
    if not isinstance(value, str):
        raise ValueError(f"the attribute {name} must be text, got {type(value).__name__}")
    return value


def link_of(group: h5py.Group, name: str) -> str | None:
    """Return the id of another record, or None."""
    return check_identifier(_text(group, name), name) if name in group.attrs else None


def _array(group: h5py.Group, name: str) -> NDArray[Any]:
    data = guard.dataset(group, name)
    if data.dtype.kind in "OS":
        raise ValueError(f"{data.name} must hold numbers, got text")
    if data.shape is None:
        raise ValueError(f"{data.name} must hold numbers, it is empty")
    if not data.ndim or data.size * data.dtype.itemsize <= images.MAPPED:
        return np.asarray(data[()])
    inside = data.file.driver == "fileobj"
    folder = None if inside else Path(os.fsdecode(data.file.filename)).parent
    rows = (data[part] for part in digests.blocks(data))
    return images.gathered(data.shape, data.dtype, rows, folder=folder)


def _put_layout(group: h5py.Group, layout: Layout) -> None:
    # Not an attribute: HDF5 limits those to 64 kB, which deep networks pass.
    data = group.create_dataset("layout", data=layout.to_json(), track_times=False)
    data.attrs[digests.NAME] = digests.text_digest(layout.to_json())


def _layout(group: h5py.Group) -> Layout:
    return Layout.from_json(guard.dataset(group, "layout").asstr()[()])


def _write_trajectory(group: h5py.Group, run: Trajectory) -> None:
    _put_attributes(group, "trajectory", run.settings, diverged_at=run.diverged_at)
    _put_layout(group, run.layout)
    for name in ("thetas", "steps", "losses", "accuracies", "step_losses", "gradient_norms",
                 "step_lengths", "learning_rates"):  # fmt: skip
        if getattr(run, name) is not None:
            put_array(group, name, getattr(run, name))
    buffers = group.create_group("buffers")
    for name, values in run.buffers.items():
        put_array(buffers, name, values)


def _read_trajectory(group: h5py.Group) -> Trajectory:
    diverged = guard.attribute(group, "diverged_at")
    return Trajectory(
        thetas=_array(group, "thetas"),
        steps=_array(group, "steps"),
        losses=_array(group, "losses"),
        accuracies=_array(group, "accuracies") if guard.has(group, "accuracies") else None,
        step_losses=_array(group, "step_losses"),
        gradient_norms=_array(group, "gradient_norms"),
        step_lengths=_array(group, "step_lengths"),
        learning_rates=_array(group, "learning_rates"),
        layout=_layout(group),
        buffers=_buffers(group),
        diverged_at=None if diverged is None else int(diverged),
        settings=settings_of(group),
    )


def _buffers(group: h5py.Group) -> dict[str, NDArray[Any]]:
    inner = guard.subgroup(group, "buffers")
    return {name: _array(inner, name) for name in guard.names(inner, ids=False)}


def _write_plane(group: h5py.Group, plane: Plane) -> None:
    _put_attributes(
        group, "plane", plane.settings,
        kind=plane.kind, cosines=np.array(plane.cosines),
    )  # fmt: skip
    _put_layout(group, plane.layout)
    for name in ("origin", "d_alpha", "d_beta", "d_gamma"):
        if getattr(plane, name) is not None:
            put_array(group, name, getattr(plane, name))


def _read_plane(group: h5py.Group) -> Plane:
    return Plane(
        _array(group, "origin"),
        _array(group, "d_alpha"),
        _array(group, "d_beta") if guard.has(group, "d_beta") else None,
        _layout(group),
        _text(group, "kind"),
        settings_of(group),
        _array(group, "d_gamma") if guard.has(group, "d_gamma") else None,
    )


def _write_surface(group: h5py.Group, surface: Surface) -> None:
    _put_attributes(group, "surface", surface.settings, plane=surface.plane, run=surface.run)
    group.attrs["fields"] = json.dumps(list(surface.fields))
    for name, axis in zip(AXES, surface.grid.axes, strict=False):
        put_array(group, name, axis)
    for name, values in surface.fields.items():
        put_array(group, name, values)
    put_array(group, "status", surface.status)
    put_array(group, TILES, tile_digests(surface))


def tile_digests(surface: Surface) -> NDArray[np.uint8]:
    """Return the SHA-256 of each tile: its points of every field and of the status, [tiles, 32]."""
    columns = [values.reshape(-1).astype("<f8", copy=False) for values in surface.fields.values()]
    columns.append(surface.status.reshape(-1))
    rows = []
    for tile in surface.grid.tiles():
        hashed = hashlib.sha256()
        for column in columns:
            hashed.update(column[tile].tobytes())
        rows.append(np.frombuffer(hashed.digest(), dtype=np.uint8))
    return np.stack(rows)


def _read_surface(group: h5py.Group) -> Surface:
    return Surface(
        Grid(tuple(_array(group, name) for name in AXES if guard.has(group, name))),
        {name: _array(group, name) for name in fields_of(group)},
        _array(group, "status"),
        link_of(group, "plane"),
        link_of(group, "run"),
        settings_of(group),
    )


def fields_of(group: h5py.Group) -> list[str]:
    """Return the names of a surface's fields, each an id."""
    fields = json.loads(_text(group, "fields"))
    if not isinstance(fields, list) or not all(isinstance(name, str) for name in fields):
        raise ValueError(f"fields must be a list of names, got {fields!r}")
    return [check_identifier(name, "field") for name in fields]


def _write_projection(group: h5py.Group, projection: Projection) -> None:
    _put_attributes(group, "projection", {}, run=projection.run, plane=projection.plane)
    for name in ("steps", "coordinates", "off_plane_distances", "distances", "losses",
                 "plane_losses"):  # fmt: skip
        put_array(group, name, getattr(projection, name))


def _read_projection(group: h5py.Group) -> Projection:
    return Projection(
        run=check_identifier(_text(group, "run"), "run"),
        plane=check_identifier(_text(group, "plane"), "plane"),
        steps=_array(group, "steps"),
        coordinates=_array(group, "coordinates"),
        off_plane_distances=_array(group, "off_plane_distances"),
        distances=_array(group, "distances"),
        losses=_array(group, "losses"),
        plane_losses=_array(group, "plane_losses"),
    )


def _write_analysis(group: h5py.Group, analysis: Analysis) -> None:
    _put_attributes(group, "analysis", analysis.settings, kind=analysis.kind)
    for name, values in analysis.arrays.items():
        put_array(group, name, values)


def _read_analysis(group: h5py.Group) -> Analysis:
    arrays = {name: _array(group, name) for name in guard.names(group)}
    return Analysis(check_identifier(_text(group, "kind"), "analysis"), arrays, settings_of(group))


_WRITERS: dict[type, Callable[[h5py.Group, Any], None]] = {
    Trajectory: _write_trajectory,
    Plane: _write_plane,
    Surface: _write_surface,
    Projection: _write_projection,
    Analysis: _write_analysis,
}
_READERS: dict[str, Callable[[h5py.Group], Record]] = {
    "trajectory": _read_trajectory,
    "plane": _read_plane,
    "surface": _read_surface,
    "projection": _read_projection,
    "analysis": _read_analysis,
}
