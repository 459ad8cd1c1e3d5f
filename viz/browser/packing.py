"""Arrays as text inside a page: bytes shuffled, compressed, in base64."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from landscape.records.choices import check_known

# What a page reads back. ``f2`` is scaled first: a float16 ends at 65,504.
TYPES = {"f8": "<f8", "f4": "<f4", "f2": "<f2", "u1": "u1", "i4": "<i4"}
_LARGEST_HALF = 2.0**15


def base64_of(content: bytes) -> str:
    """Return bytes as text."""
    return base64.b64encode(content).decode("ascii")


class Blob:
    """Several arrays in one compressed text.

    The bytes of an array are sorted by their place in a number (all first bytes, then all second
    ones), because neighbours agree in some places and not in others: that halves what gzip makes of
    a smooth float array.
    """

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._length = 0

    def add(self, values: ArrayLike, kind: str) -> dict[str, Any]:
        """Append an array and return where it is, as plain JSON values.

        Args:
            values: of any shape; NaN and infinity stay what they are.
            kind: ``f8``, ``f4``, ``f2`` (half precision, after division by a power of two that
                brings its largest finite value near the end of the range), ``u1`` or ``i4``.

        Raises:
            ValueError: for another kind.
        """
        check_known("type", kind, TYPES)
        array = np.asarray(values)
        scale = _half_scale(array) if kind == "f2" else 1.0
        scaled = array.astype(np.float64) / scale if kind == "f2" else array
        numbers = np.ascontiguousarray(scaled, dtype=TYPES[kind])
        size = numbers.dtype.itemsize
        shuffled = numbers.reshape(-1).view(np.uint8).reshape(-1, size).T.tobytes()
        place = {"at": self._length, "type": kind, "shape": list(array.shape), "scale": scale}
        self._parts.append(shuffled)
        self._length += len(shuffled)
        return place

    def text(self) -> str:
        """Return everything as base64 of gzip; the same arrays give the same text."""
        packed = gzip.compress(b"".join(self._parts), compresslevel=9, mtime=0)
        return base64_of(packed)


def float_kind(values: ArrayLike) -> str:
    """Return ``f4``, or ``f8`` where a value would become infinite or lose digits in it."""
    array = np.asarray(values)
    sizes = np.abs(array[np.isfinite(array) & (array != 0)])
    ends = np.finfo(np.float32)
    held = not len(sizes) or (sizes.max() <= ends.max and sizes.min() >= ends.tiny)
    return "f4" if held else "f8"


def _half_scale(array: np.ndarray) -> float:
    finite = np.abs(array[np.isfinite(array)])
    largest = float(finite.max()) if finite.size else 0.0
    if largest == 0.0:
        return 1.0
    return float(2.0 ** np.ceil(np.log2(largest / _LARGEST_HALF)))
