"""What may be read from a file that somebody else may have made.

Links lead nowhere but into the file itself, names are plain ids, and nothing is larger than the
file could hold.
"""

from __future__ import annotations

import math
import zipfile
from pathlib import Path
from typing import Any

import h5py

from landscape.naming import check_identifier

_MEMBERS = 100_000
_GROWTH = 1100  # deflate makes at most 1 byte of 1032
_SLACK = 1 << 16
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}
_PACKING = (1, 32000)
_KINDS = "fiubSO"


def names(group: h5py.Group, *, ids: bool = True) -> list[str]:
    """Return the names in a group, sorted.

    Args:
        group: the group.
        ids: whether every name must be an id; otherwise printable ones will do, as for the buffers
            of a network.

    Raises:
        ValueError: for a name that is not allowed, or an absurd number of them.
    """
    if len(group) > _MEMBERS:
        raise ValueError(f"{group.name} holds {len(group):,} members; {_MEMBERS:,} are allowed")
    found = sorted(group)
    for name in found:
        if ids:
            check_identifier(name, "record")
        elif not name.isprintable():
            raise ValueError(f"{group.name} holds a name that cannot be printed: {name!r}")
    return found


def subgroup(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group that lies in the file itself.

    Raises:
        KeyError: if there is none.
        ValueError: if it is a link, or no group.
    """
    found = member(group, name)
    if not isinstance(found, h5py.Group):
        raise ValueError(f"{group.name}/{name} must be a group, got a data set")
    return found


def dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a data set that lies in the file itself and can be as large as it says.

    Raises:
        KeyError: if there is none.
        ValueError: if it is a link, virtual, stored elsewhere, larger than the file can hold, or of
            a type that is neither number nor text.
    """
    found = member(group, name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{group.name}/{name} must be a data set, got a group")
    where = found.name
    if found.is_virtual or found.external:
        raise ValueError(f"{where} keeps its values in other files; these are not followed")
    if found.dtype.kind not in _KINDS or _is_reference(found.dtype):
        raise ValueError(f"{where} must hold numbers or text, got {found.dtype}")
    _check_size(found)
    return found


def check_zip(path: Path) -> None:
    """Check that a ZIP archive does not unpack to more than its bytes can be.

    Raises:
        ValueError: if it does, or is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(item.file_size for item in archive.infolist())
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if total > _GROWTH * path.stat().st_size + _SLACK:
        raise ValueError(f"{path} claims to unpack to {total:,} bytes")


def member(group: h5py.Group, name: str) -> Any:
    """Return what lies under a name in the file itself.

    Raises:
        KeyError: if there is nothing.
        ValueError: if it is a link.
    """
    link = group.get(name, getlink=True)
    if link is None:
        raise KeyError(name)
    if not isinstance(link, h5py.HardLink):
        raise ValueError(f"{group.name}/{name} is a link to another place; links are not followed")
    return group[name]


def _is_reference(dtype: Any) -> bool:
    return dtype.kind == "O" and h5py.check_string_dtype(dtype) is None


def _check_size(data: h5py.Dataset) -> None:
    file_size = data.file.id.get_filesize()
    creation = data.id.get_create_plist()
    filters = [creation.get_filter(i)[0] for i in range(creation.get_nfilters())]
    unknown = [str(number) for number in filters if number not in _FILTERS]
    if unknown:
        raise ValueError(f"{data.name} uses the filter {unknown[0]}, which is not known here")
    growth = _GROWTH if any(number in _PACKING for number in filters) else 1
    sizes = [data.shape or ()] + ([data.chunks] if data.chunks else [])
    for shape in sizes:
        wanted = math.prod(shape) * data.dtype.itemsize
        if wanted > growth * file_size + _SLACK:
            raise ValueError(
                f"{data.name} claims {wanted:,} bytes, more than a file of {file_size:,} can hold"
            )
