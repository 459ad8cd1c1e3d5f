"""Tiles of a surface as bytes, on their way through the journal."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats
from landscape.records.surface import Surface

Tile = tuple[NDArray[np.int64], dict[str, Floats]]
_INDICES = "__indices__"


def packed(indices: NDArray[np.int64], values: dict[str, Floats]) -> bytes:
    """Return a tile as bytes: its flat indices [K] and the values [K] of every field there."""
    image = BytesIO()
    np.savez(image, **{_INDICES: indices}, **values)  # type: ignore[arg-type]
    return image.getvalue()


def unpacked(image: bytes) -> Tile:
    """Return the tile that :func:`packed` made.

    Raises:
        ValueError: if it did not make it.
    """
    try:
        with zipfile.ZipFile(BytesIO(image)) as archive:
            # A tile is never compressed, so that it is as large as it says.
            if any(item.compress_type != zipfile.ZIP_STORED for item in archive.infolist()):
                raise ValueError("a tile is compressed")
        with np.load(BytesIO(image), allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        if not all(isinstance(array, np.ndarray) for array in values.values()):
            raise ValueError("it holds something else than arrays")
        return values.pop(_INDICES), values
    except (ValueError, KeyError, OSError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"a tile cannot be read ({error})") from None


def check_fits(
    indices: NDArray[np.int64], values: dict[str, Floats], surface: Surface, journal: Path
) -> None:
    """Check that a tile has a value of every field for each of its points, all of the surface.

    Raises:
        ValueError: otherwise.
    """
    inside = indices.dtype.kind == "i" and indices.ndim == 1 and indices.size > 0
    inside = inside and bool(indices.min() >= 0 and indices.max() < surface.grid.size)
    whole = surface.fields.keys() <= values.keys()
    if not (inside and whole and all(v.shape == indices.shape for v in values.values())):
        raise ValueError(
            f"the journal {journal} holds a tile of another surface; remove it to start anew"
        )
