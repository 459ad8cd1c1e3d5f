"""Files of other programs, read into plain arrays in a child process with limits.

Every reader returns *parts*: a dictionary with ``what`` (``surface``, ``directions`` or ``paths``),
plain facts, and arrays by name. :mod:`landscape.store.importing` makes records of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.surface import Status
from landscape.store import child, guard
from landscape.store.foreign_hdf5 import landscapeviz, li_directions, li_projection, li_surface

Arrays = dict[str, NDArray[Any]]
KINDS = (
    "surface, direction and projection files of Li et al. 2018 (.h5), loss and coordinates of "
    "Landscaper (.npz), meshfile.hdf5 of landscapeviz, CSV as 'landscape export' writes it"
)
_TEXT_BYTES = 1 << 30
_RUNS = _FIELDS = 1000
_COORDINATES = ("alpha", "beta", "gamma")
_PATH_FIELDS = ("losses", "plane_losses", "off_plane_distances", "distances")


def read_foreign(path: Path, *, field: str = "") -> tuple[dict[str, Any], Arrays]:
    """Read a file of another program in a child process.

    Args:
        path: the file.
        field: which of its fields is the loss; "" for the usual one.

    Returns:
        Facts, ``what`` among them, and arrays by name.

    Raises:
        FileNotFoundError: if there is none.
        BlockingIOError: if another program is writing it.
        ValueError: if it is none of those that are known, or cannot be read within limits.
    """
    import tempfile

    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "arrays.npz"
        facts = child.ask("read", path, str(target), field)
        with np.load(target, allow_pickle=False) as arrays:
            return facts, {name: arrays[name] for name in arrays.files}


def read_in_child(path: str, out: str, field: str) -> dict[str, Any]:
    """Read a file and write its arrays to another; to be called in a process of its own."""
    facts, arrays = _parts(Path(path), field)
    if facts["what"] == "surface":
        if len(facts["fields"]) > _FIELDS:
            raise ValueError(f"it holds {len(facts['fields']):,} fields; {_FIELDS:,} are allowed")
        _turn(facts["fields"], arrays)
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return facts


def _parts(path: Path, field: str) -> tuple[dict[str, Any], Arrays]:
    with path.open("rb") as file:
        head = file.read(512)
    if head.startswith(b"PK"):
        return _landscaper(path)
    if h5py.is_hdf5(path):
        return _hdf5(path, field)
    if head.startswith((b"alpha,", b"run,step,alpha")):
        return _csv(path)
    if head.startswith(b"\x80") or b"pickle" in head:
        raise ValueError(
            f"{path} is a pickle, which can run anything when it is loaded; write its arrays with "
            "numpy.savez and give that"
        )
    if head.lstrip().lower().startswith((b"<!doctype", b"<html", b"version https://git-lfs")):
        raise ValueError(f"{path} is a web page or a pointer of git-lfs, not the file itself")
    raise ValueError(f"{path} is none of the files that are known: {KINDS}")


def _turn(fields: list[str], arrays: Arrays) -> None:
    """Turn axes that run downwards, and every value with them; coordinates stay what they are."""
    for number in range(len(_COORDINATES)):
        axis = arrays.get(f"axis{number}")
        if axis is not None and len(axis) > 1 and axis[0] > axis[-1]:
            arrays[f"axis{number}"] = axis[::-1]
            for name in (*fields, "status"):
                arrays[name] = np.flip(arrays[name], number)


def _hdf5(path: Path, field: str) -> tuple[dict[str, Any], Arrays]:
    with h5py.File(path, "r") as file:
        names = set(guard.names(file, ids=False))
        kind = guard.attribute(file, "format")
        if isinstance(kind, str) and kind == "lossoscope-study":
            raise ValueError(f"{path} is a study already; open it as it is")
        if "xcoordinates" in names:
            return li_surface(file, field)
        if "xdirection" in names:
            return li_directions(file)
        if "proj_xcoord" in names:
            return li_projection(file, path.name)
        if "space" in names or {"X", "Y"} <= names:
            return landscapeviz(file, field)
    raise ValueError(f"{path} is HDF5, but none of the files that are known: {KINDS}")


def _landscaper(path: Path) -> tuple[dict[str, Any], Arrays]:
    """``loss`` with axis i along direction i, ``coordinates`` [axes, n]."""
    guard.check_zip(path)
    with np.load(path, allow_pickle=False) as file:
        if not {"loss", "coordinates"} <= set(file.files):
            raise ValueError(f"{path} must hold loss and coordinates, got {sorted(file.files)[:8]}")
        try:
            loss, coordinates = file["loss"], file["coordinates"]
        except ValueError as error:
            if "allow_pickle" not in str(error):
                raise ValueError(f"{path} is damaged: {error}") from None
            raise ValueError(
                f"{path} holds Python objects, which can run anything when they are loaded; save "
                "coordinates as one array of numbers, all axes of one length"
            ) from None
    if not (isinstance(loss, np.ndarray) and isinstance(coordinates, np.ndarray)):
        raise ValueError(f"{path} is damaged: loss or coordinates are no array")
    if {loss.dtype.kind, coordinates.dtype.kind} - set("fiu"):
        raise ValueError(
            f"loss and coordinates must be real numbers, got {loss.dtype} and {coordinates.dtype}"
        )
    if coordinates.ndim != 2 or loss.shape != (coordinates.shape[1],) * len(coordinates):
        raise ValueError(
            f"loss must have one axis for each row of coordinates, got {loss.shape} and "
            f"{coordinates.shape}"
        )
    if not 1 <= loss.ndim <= len(_COORDINATES):
        raise ValueError(f"a surface has 1 to 3 axes, got {loss.ndim}")
    axes = {f"axis{i}": row for i, row in enumerate(coordinates)}
    facts = {"what": "surface", "format": "landscaper", "fields": ["losses"]}
    return facts, {**axes, "losses": loss, "status": _evaluated(loss)}


def _csv(path: Path) -> tuple[dict[str, Any], Arrays]:
    if path.stat().st_size > _TEXT_BYTES:
        raise ValueError(f"{path} has more than {_TEXT_BYTES:,} bytes; split it")
    try:
        rows = csv.reader(io.StringIO(path.read_text("utf-8"), newline=""), strict=True)
        header = next(rows)
        table = list(rows)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} is no CSV: {error}") from None
    wrong = [number for number, row in enumerate(table, 2) if len(row) != len(header)]
    if wrong or len(set(header)) != len(header):
        raise ValueError(f"{path}, line {wrong[0] if wrong else 1}: {len(header)} columns needed")
    columns = {name: [row[i] for row in table] for i, name in enumerate(header)}
    return _csv_paths(columns, path) if header[0] == "run" else _csv_surface(columns, path)


def _csv_surface(columns: Mapping[str, list[str]], path: Path) -> tuple[dict[str, Any], Arrays]:
    names = [name for name in _COORDINATES if name in columns]
    numbers = {name: _numbers(values, name, path) for name, values in columns.items()}
    if "losses" not in numbers:
        raise ValueError(f"{path} must have the column losses, got {', '.join(columns)}")
    axes, places = [], []
    for name in names:
        axis, place = np.unique(numbers[name], return_inverse=True)
        axes.append(axis)
        places.append(place)
    shape = tuple(map(len, axes))
    if np.prod(shape) > 4 * len(numbers["losses"]) + 64:
        raise ValueError(f"{path} is no grid: {len(numbers['losses'])} rows, coordinates {shape}")
    fields = [name for name in numbers if name not in (*names, "status")]
    found: Arrays = {f"axis{i}": axis for i, axis in enumerate(axes)}
    given = numbers.get("status", np.ones(len(places[0])))
    if not np.isin(given, list(Status)).all():
        raise ValueError(f"{path}, column status: 0 to {max(Status)} needed")
    flat = np.ravel_multi_index(tuple(places), shape)
    if len(np.unique(flat)) < len(flat):
        raise ValueError(f"{path} holds a point more than once; which value counts?")
    status = np.zeros(shape, dtype=np.uint8)
    status[tuple(places)] = given.astype(np.uint8)
    for name in fields:
        found[name] = np.full(shape, np.nan)
        found[name][tuple(places)] = numbers[name]
    facts = {"what": "surface", "format": "csv", "fields": fields}
    return facts, {**found, "status": status}


def _csv_paths(columns: Mapping[str, list[str]], path: Path) -> tuple[dict[str, Any], Arrays]:
    names = [name for name in _COORDINATES if name in columns]
    if "alpha" not in names:
        raise ValueError(f"{path} must have the columns run, step, alpha, got {', '.join(columns)}")
    numbers = {n: _numbers(values, n, path) for n, values in columns.items() if n != "run"}
    if not np.equal(np.mod(numbers["step"], 1), 0).all() or np.abs(numbers["step"]).max() > 2**53:
        raise ValueError(f"{path}, column step: whole numbers needed")
    rows: dict[str, list[int]] = {}
    for place, run in enumerate(columns["run"]):
        rows.setdefault(run, []).append(place)
    if len(rows) > _RUNS:
        raise ValueError(f"{path} holds {len(rows):,} runs; {_RUNS:,} are allowed")
    arrays: Arrays = {}
    for number, places in enumerate(rows.values()):
        arrays[f"steps{number}"] = numbers["step"][places].astype(np.int64)
        arrays[f"coordinates{number}"] = np.stack([numbers[n][places] for n in names], axis=1)
        for name in _PATH_FIELDS:
            unknown = np.full(len(columns["run"]), np.nan)
            arrays[f"{name}{number}"] = numbers.get(name, unknown)[places]
    return {"what": "paths", "format": "csv", "runs": list(rows), "unit": "directions"}, arrays


def _numbers(values: list[str], name: str, path: Path) -> NDArray[np.float64]:
    try:
        # Python takes 1_0 for 10.
        return np.array([float(value.replace("_", "?")) for value in values])
    except ValueError as error:
        raise ValueError(f"{path}, column {name}: {error}") from None


def _evaluated(losses: NDArray[Any]) -> NDArray[np.uint8]:
    return np.full(losses.shape, Status.EVALUATED, dtype=np.uint8)
