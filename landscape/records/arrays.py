"""Checked, read-only numpy arrays for the frozen records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Json = Mapping[str, Any]


def read_only(values: NDArray[Any]) -> NDArray[Any]:
    """Return a view of ``values`` that cannot be written through."""
    view = values.view()
    view.flags.writeable = False
    return view


def as_floats(values: ArrayLike, name: str, shape: tuple[int, ...] | None = None) -> Floats:
    """Return ``values`` as a read-only float64 array, of the given shape if one is named.

    Raises:
        ValueError: if the shape differs; the message tells both.
    """
    array = np.asarray(values, dtype=np.float64)
    if shape is not None and array.shape != shape:
        hint = "; transpose it" if array.shape == shape[::-1] and len(shape) > 1 else ""
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}{hint}")
    return read_only(array)


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
