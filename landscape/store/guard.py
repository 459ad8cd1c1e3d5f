"""What may be read from a file that somebody else may have made.

Links lead nowhere but into the file itself, names are plain ids, and nothing is larger than the
file could hold.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import h5py

from landscape.naming import check_identifier
from landscape.store.packing import check_packing, largest

_MEMBERS = 100_000
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
        ValueError: if it is a link, virtual, stored elsewhere, larger than the file can hold,
            packed so that it unpacks to more, or neither numbers nor one text.
    """
    found = member(group, name)
    if not isinstance(found, h5py.Dataset):
        raise ValueError(f"{group.name}/{name} must be a data set, got a group")
    where = found.name
    if found.is_virtual or found.external:
        raise ValueError(f"{where} keeps its values in other files; these are not followed")
    if found.dtype.kind not in _KINDS or _is_reference(found.dtype):
        raise ValueError(f"{where} must hold numbers or text, got {found.dtype}")
    if found.dtype.kind == "O" and found.shape != ():
        # Any number of texts may share the same bytes in the file.
        raise ValueError(f"{where} must hold one text or numbers, got texts of {found.shape}")
    check_packing(found)
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
    if total > largest(path.stat().st_size):
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
