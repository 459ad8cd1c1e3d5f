"""HDF5 files of Li et al. 2018 (tomgoldstein/loss-landscape) and of landscapeviz."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.choices import known_names
from landscape.records.surface import Status
from landscape.store import guard

Parts = tuple[dict[str, Any], dict[str, NDArray[Any]]]
# Name there, name here, what stands for "not computed", and the factor to our unit.
_LI_FIELDS = (
    ("train_loss", "losses", -1.0, 1.0),
    ("loss_vals", "losses", -1.0, 1.0),
    ("train_acc", "accuracies", -1.0, 0.01),
    ("test_loss", "test_losses", -1.0, 1.0),
    ("test_acc", "test_accuracies", -1.0, 0.01),
    ("min_eig", "min_eigenvalues", 1.0, 1.0),
    ("max_eig", "max_eigenvalues", -1.0, 1.0),
)
_LOSS_WORDS = ("loss", "entropy", "error", "hinge", "mse", "divergence", "z_")


def li_surface(file: h5py.File, field: str) -> Parts:
    """Read a surface.

    Two-dimensional arrays are allocated (nx, ny), but filled in the flat order of
    ``meshgrid(x, y)``: row after row of constant y.
    """
    axes = [
        _numbers(file, name, 1)
        for name in ("xcoordinates", "ycoordinates")
        if guard.has(file, name)
    ]
    shape = tuple(len(axis) for axis in axes)
    fields: dict[str, NDArray[Any]] = {}
    status = np.full(shape, Status.EVALUATED, dtype=np.uint8)
    for theirs, ours, sentinel, factor in _LI_FIELDS:
        if not guard.has(file, theirs) or ours in fields:
            continue
        flat = _numbers(file, theirs).ravel()
        if flat.size != np.prod(shape):
            raise ValueError(f"{theirs} must have {shape} values, got {flat.size}")
        values = flat.reshape(shape[::-1]).T
        absent = values == sentinel
        if theirs == (field or "train_loss") or (theirs == "loss_vals" and not field):
            status[absent] = Status.MISSING
        fields[ours] = np.where(absent, np.nan, values) * factor
    known = {theirs: ours for theirs, ours, _, _ in _LI_FIELDS}
    chosen = known.get(field, field) if field else "losses"
    if chosen not in fields and not field and "test_losses" in fields:
        chosen = "test_losses"
        status[np.isnan(fields[chosen])] = Status.MISSING
    if chosen not in fields:
        raise ValueError(f"there is no field {field or 'train_loss'}; {known_names(fields)}")
    fields["losses"] = fields.pop(chosen)
    facts = {
        "what": "surface", "format": "li2018", "fields": list(fields),
        "direction_file": _text(file, "dir_file"),
    }  # fmt: skip
    return facts, {**{f"axis{i}": a for i, a in enumerate(axes)}, **fields, "status": status}


def li_directions(file: h5py.File) -> Parts:
    """Read directions: tensors named 0, 1, ... in the order of parameters, without their names."""
    directions: dict[str, NDArray[Any]] = {}
    shapes: list[list[list[int]]] = []
    for number, name in enumerate(("xdirection", "ydirection")):
        if not guard.has(file, name):
            continue
        group = guard.subgroup(file, name)
        keys = sorted(guard.names(group, ids=False), key=_as_integer)
        if not keys:
            raise ValueError(f"{name} must hold the tensors of a direction, it is empty")
        tensors = [_numbers(group, key) for key in keys]
        shapes.append([list(tensor.shape) for tensor in tensors])
        directions[f"direction{number}"] = np.concatenate([t.ravel() for t in tensors])
    if len(shapes) == 2 and shapes[0] != shapes[1]:
        raise ValueError("both directions must have tensors of the same shapes")
    facts = {
        "what": "directions", "format": "li2018", "shapes": shapes[0],
        "pca": any("explained_variance" in name for name in guard.names(file, ids=False)),
    }  # fmt: skip
    return facts, directions


def li_projection(file: h5py.File, name: str) -> Parts:
    """Read a path: ``cos`` in lengths along the directions, ``lstsq`` in multiples of them."""
    columns = [
        _numbers(file, n).ravel() for n in ("proj_xcoord", "proj_ycoord") if guard.has(file, n)
    ]
    if len({len(column) for column in columns}) != 1:
        raise ValueError("proj_xcoord and proj_ycoord must be of one length")
    count = len(columns[0])
    unknown = np.full(count, np.nan)
    facts = {
        "what": "paths", "format": "li2018", "runs": [""],
        "unit": "directions" if "lstsq" in name else "lengths",
    }  # fmt: skip
    measures = ("losses", "plane_losses", "off_plane_distances", "distances")
    return facts, {
        "steps0": np.arange(count), "coordinates0": np.stack(columns, axis=1),
        **{f"{measure}0": unknown for measure in measures},
    }  # fmt: skip


def landscapeviz(file: h5py.File, field: str) -> Parts:
    """Read a mesh file: ``X`` and ``Y`` (or ``space``, both axes), metrics with y along rows."""
    if guard.has(file, "space"):
        axes = [_numbers(file, "space", 1)] * 2
    else:
        axes = [_numbers(file, "X", 2)[0], _numbers(file, "Y", 2)[:, 0]]
    shape = (len(axes[1]), len(axes[0]))
    names = [n for n in guard.names(file, ids=False)
             if n not in ("X", "Y", "space") and not n.startswith("original_")]  # fmt: skip
    metrics = {name: _numbers(file, name) for name in names}
    wrong = [name for name, values in metrics.items() if values.shape != shape]
    if wrong:
        raise ValueError(f"{wrong[0]} must have the shape {shape}, got {metrics[wrong[0]].shape}")
    loss = field or _loss_of(list(metrics))
    if loss not in metrics:
        raise ValueError(f"there is no field {loss}; {known_names(metrics)}; give --field")
    fields = {"losses": metrics.pop(loss).T.astype(np.float64)}
    for name, values in metrics.items():
        fields["accuracies" if "acc" in name else name] = values.T.astype(np.float64)
    status = np.full(fields["losses"].shape, Status.EVALUATED, dtype=np.uint8)
    facts = {"what": "surface", "format": "landscapeviz", "fields": list(fields), "loss": loss}
    return facts, {"axis0": axes[0], "axis1": axes[1], **fields, "status": status}


def _loss_of(names: list[str]) -> str:
    likely = [n for n in names if any(word in n.lower() for word in _LOSS_WORDS)]
    others = [n for n in names if "acc" not in n.lower()]
    chosen = likely or others
    if len(chosen) != 1:
        raise ValueError(f"which field is the loss? give --field; {known_names(names)}")
    return chosen[0]


def _numbers(group: h5py.Group, name: str, axes: int | None = None) -> NDArray[Any]:
    data = guard.dataset(group, name)
    if data.dtype.kind not in "fiu" or not data.size:
        raise ValueError(f"{data.name} must hold numbers, got {data.size or 0} of {data.dtype}")
    if axes is not None and data.ndim != axes:
        raise ValueError(f"{data.name} must have {axes} axes, got the shape {data.shape}")
    return np.asarray(data[()])


def _text(file: h5py.File, name: str) -> str:
    if not guard.has(file, name):
        return ""
    value = guard.dataset(file, name)[()]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return "".join(c for c in text if c.isprintable())[:300]


def _as_integer(key: str) -> int:
    if not key.isdecimal():
        raise ValueError(f"the tensors of a direction are named 0, 1, ..., got {key!r}")
    return int(key)
