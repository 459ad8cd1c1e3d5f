"""Checked, read-only numpy arrays for the frozen records."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Json = Mapping[str, Any]
Shape = tuple[int, ...]


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return a view of ``values`` that cannot be written through."""
    view = values.view()
    view.flags.writeable = False
    return view


def as_floats(values: ArrayLike, name: str, shape: Shape | None = None) -> Floats:
    """Return ``values`` as a read-only float64 array, of the given shape if one is named.

    Raises:
        ValueError: if the shape differs; the message tells both.
    """
    array = np.asarray(values, dtype=np.float64)
    if shape is not None and array.shape != shape:
        hint = "; transpose it" if array.shape == shape[::-1] and len(shape) > 1 else ""
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}{hint}")
    return read_only(array)


def as_integers(values: ArrayLike, name: str, shape: Shape) -> NDArray[np.int64]:
    """Return ``values`` as a read-only int64 array of the given shape.

    Raises:
        ValueError: if the shape differs.
    """
    array = np.asarray(values, dtype=np.int64)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
    return read_only(array)


def freeze(
    record: Any,
    floats: Mapping[str, Shape] = MappingProxyType({}),
    integers: Mapping[str, Shape] = MappingProxyType({}),
    tuples: Iterable[str] = (),
) -> None:
    """Check the fields of a frozen record and make them read-only; for its ``__post_init__``.

    Its ``settings``, if it has any, become plain JSON values.

    Args:
        record: the record.
        floats: shapes of its arrays of numbers, by the names of the fields.
        integers: shapes of its arrays of whole numbers.
        tuples: names of the fields that become tuples.

    Raises:
        ValueError: if a shape differs.
        TypeError: if a setting cannot be written as JSON.
    """
    for name, shape in floats.items():
        object.__setattr__(record, name, as_floats(getattr(record, name), name, shape))
    for name, shape in integers.items():
        object.__setattr__(record, name, as_integers(getattr(record, name), name, shape))
    for name in tuples:
        object.__setattr__(record, name, tuple(getattr(record, name)))
    if hasattr(record, "settings"):
        object.__setattr__(record, "settings", frozen_settings(record.settings))


def frozen_settings(settings: Json) -> Json:
    """Return a read-only copy of JSON-like ``settings``.

    JSON has no NaN and no infinity: such a number becomes None.

    Raises:
        TypeError: if a value cannot be written as JSON.
    """
    try:
        plain = json.loads(json.dumps(dict(settings)), parse_constant=lambda _name: None)
    except TypeError as error:
        raise TypeError(f"settings must be plain JSON values: {error}") from None
    return MappingProxyType(plain)
