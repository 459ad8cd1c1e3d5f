"""Records to HDF5 groups and back. One function pair per record; ``docs/format.md`` says the same.

Data sets are chunked, checked by fletcher32 and filled with NaN, so that a lost chunk does not
read as zeros.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.grid import AXES, Grid
from landscape.layout import Layout
from landscape.plane import Plane
from landscape.results import Analysis, Projection
from landscape.surface import Surface
from landscape.trajectory import Trajectory

Record = Trajectory | Plane | Surface | Projection | Analysis

UNITS = {
    "losses": "loss", "accuracies": "fraction", "step_losses": "loss", "plane_losses": "loss",
    "gradient_norms": "loss / parameter", "step_lengths": "parameter",
    "off_plane_distances": "parameter", "distances": "parameter", "alphas": "d_alpha",
    "betas": "d_beta", "gammas": "d_gamma", "coordinates": "d_alpha, d_beta, d_gamma",
    "steps": "step", "gradient_alpha": "loss / d_alpha", "gradient_beta": "loss / d_beta",
    "gradient_gamma": "loss / d_gamma",
}  # fmt: skip
_CHUNK_ENTRIES = 1 << 17


def write(group: h5py.Group, record: Record) -> None:
    """Write a record into an empty group."""
    _WRITERS[type(record)](group, record)


def read(group: h5py.Group) -> Record:
    """Read the record of a group, by its ``record`` attribute.

    Raises:
        ValueError: if the group holds no record, or one that breaks the format.
    """
    kind = group.attrs.get("record")
    if not isinstance(kind, str) or kind not in _READERS:
        raise ValueError(f"{group.name} holds no record of this format")
    try:
        return _READERS[kind](group)
    except KeyError as error:
        raise ValueError(f"{group.name} lacks a part: {error.args[0]}") from None


def put_array(group: h5py.Group, name: str, values: NDArray[Any]) -> None:
    """Write an array, chunked and checked, with its unit."""
    options: dict[str, Any] = {}
    if values.ndim and values.size:
        options = {"chunks": _chunks(values.shape), "fletcher32": True}
        if values.dtype.kind == "f":
            options["fillvalue"] = np.nan
    data = group.create_dataset(name, data=values, track_times=False, **options)
    if name in UNITS:
        data.attrs["units"] = UNITS[name]


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


def _settings(group: h5py.Group) -> dict[str, Any]:
    return dict(json.loads(group.attrs["settings"]))


def _array(group: h5py.Group, name: str) -> NDArray[Any]:
    if name not in group:
        raise KeyError(name)
    return np.asarray(group[name][()])


def _put_layout(group: h5py.Group, layout: Layout) -> None:
    # Not an attribute: HDF5 limits those to 64 kB, which deep networks pass.
    group.create_dataset("layout", data=layout.to_json(), track_times=False)


def _layout(group: h5py.Group) -> Layout:
    if "layout" not in group:
        raise KeyError("layout")
    return Layout.from_json(group["layout"].asstr()[()])


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
    diverged = group.attrs.get("diverged_at")
    return Trajectory(
        thetas=_array(group, "thetas"),
        steps=_array(group, "steps"),
        losses=_array(group, "losses"),
        accuracies=_array(group, "accuracies") if "accuracies" in group else None,
        step_losses=_array(group, "step_losses"),
        gradient_norms=_array(group, "gradient_norms"),
        step_lengths=_array(group, "step_lengths"),
        learning_rates=_array(group, "learning_rates"),
        layout=_layout(group),
        buffers={name: _array(group["buffers"], name) for name in group["buffers"]},
        diverged_at=None if diverged is None else int(diverged),
        settings=_settings(group),
    )


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
        _array(group, "d_beta") if "d_beta" in group else None,
        _layout(group),
        str(group.attrs["kind"]),
        _settings(group),
        _array(group, "d_gamma") if "d_gamma" in group else None,
    )


def _write_surface(group: h5py.Group, surface: Surface) -> None:
    _put_attributes(group, "surface", surface.settings, plane=surface.plane, run=surface.run)
    group.attrs["fields"] = json.dumps(list(surface.fields))
    for name, axis in zip(AXES, surface.grid.axes, strict=False):
        put_array(group, name, axis)
    for name, values in surface.fields.items():
        put_array(group, name, values)
    put_array(group, "status", surface.status)


def _read_surface(group: h5py.Group) -> Surface:
    return Surface(
        Grid(tuple(_array(group, name) for name in AXES if name in group)),
        {name: _array(group, name) for name in json.loads(group.attrs["fields"])},
        _array(group, "status"),
        group.attrs.get("plane"),
        group.attrs.get("run"),
        _settings(group),
    )


def _write_projection(group: h5py.Group, projection: Projection) -> None:
    _put_attributes(group, "projection", {}, run=projection.run, plane=projection.plane)
    for name in ("steps", "coordinates", "off_plane_distances", "distances", "losses",
                 "plane_losses"):  # fmt: skip
        put_array(group, name, getattr(projection, name))


def _read_projection(group: h5py.Group) -> Projection:
    return Projection(
        run=str(group.attrs["run"]),
        plane=str(group.attrs["plane"]),
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
    return Analysis(
        str(group.attrs["kind"]), {name: _array(group, name) for name in group}, _settings(group)
    )


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
