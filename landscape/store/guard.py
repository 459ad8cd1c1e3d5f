"""What may be read from a file that somebody else may have made.

Links lead nowhere but into the file itself, everything has one name, names are plain ids, texts do
nothing to a terminal, and nothing is larger than the file could hold.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import h5py

from landscape.records.naming import check_identifier
from landscape.store.unpacked_size import check_packing, largest

MEMBERS = 100_000
_ATTRIBUTES, _ATTRIBUTE_BYTES = 1000, 1 << 16
_KINDS = "fiubSO"
_PLAIN_CONTROLS = "\t\n\r"
# Control characters, bidirectional overrides, surrogates.
_CONTROLS = (("\0", "\x1f"), ("\x7f", "\x9f"), ("\u202a", "\u202e"), ("\u2066", "\u2069"),
             ("\ud800", "\udfff"))  # fmt: skip


def names(group: h5py.Group, *, ids: bool = True) -> list[str]:
    """Return the names in a group, sorted.

    Args:
        group: the group.
        ids: whether every name must be an id; otherwise printable ones will do, as for the buffers
            of a network.

    Raises:
        ValueError: for a name that is not allowed, or an absurd number of them.
    """
    if len(group) > MEMBERS:
        raise ValueError(f"{group.name} holds {len(group):,} members; {MEMBERS:,} are allowed")
    present = list(group)
    for name in present:
        if not isinstance(name, str) or not name.isprintable():
            raise ValueError(f"{group.name} holds a name that cannot be printed: {name!r}")
        if ids:
            check_identifier(name, "record")
    return sorted(present)


def has(group: h5py.Group, name: str) -> bool:
    """Whether there is something of that name; unlike ``in`` this follows no link to find out."""
    return bool(group.id.links.exists(name.encode()))


def attributes(item: h5py.Group | h5py.Dataset) -> dict[str, Any]:
    """Return the attributes of a group or data set: texts, numbers and small arrays of them.

    Raises:
        ValueError: for an attribute of another kind, a name or text that cannot be printed, or an
            absurd number of them.
    """
    count = h5py.h5a.get_num_attrs(item.id)
    if count > _ATTRIBUTES:
        raise ValueError(f"{item.name} has {count:,} attributes; {_ATTRIBUTES:,} are allowed")
    return {name: attribute(item, name) for name in item.attrs}


def attribute(item: h5py.Group | h5py.Dataset, name: str) -> Any:
    """Return an attribute, None if there is none; raises like :func:`attributes`."""
    if not isinstance(name, str) or not name.isprintable():
        raise ValueError(f"{item.name} has an attribute that cannot be printed: {name!r}")
    if name not in item.attrs:
        return None
    stored = item.attrs.get_id(name)
    text = h5py.check_string_dtype(stored.dtype) is not None and stored.shape == ()
    size = math.prod(stored.shape or ()) * stored.dtype.itemsize
    numbers = stored.dtype.kind in "fiub" and stored.shape is not None and size <= _ATTRIBUTE_BYTES
    if not text and not numbers:
        raise ValueError(
            f"{item.name} has the attribute {name!r}, which is neither one text nor a few numbers"
        )
    value = item.attrs[name]
    check_texts(value)
    return value


def check_texts(value: Any) -> None:
    """Refuse control characters, which a terminal obeys, and what turns text around or is none.

    Args:
        value: a text, or what JSON holds.

    Raises:
        ValueError: for a text with such a character.
    """
    if isinstance(value, str):
        if not value.isprintable() and any(map(_controls, value)):
            raise ValueError(f"a text holds control characters: {value[:40]!r}")
    elif isinstance(value, dict):
        for key, inner in value.items():
            check_texts(key)
            check_texts(inner)
    elif isinstance(value, list):
        for inner in value:
            check_texts(inner)


def check_total(items: Iterable[h5py.Group | h5py.Dataset]) -> None:
    """Check that data sets are together no larger than their file can hold.

    Raises:
        ValueError: if they are.
    """
    total = 0
    for item in items:
        if isinstance(item, h5py.Dataset) and item.shape is not None:
            total += math.prod(item.shape) * item.dtype.itemsize
            size = item.file.id.get_filesize()
            if total > largest(size):
                raise ValueError(
                    f"{item.parent.name} claims {total:,} bytes and more, more than a file of "
                    f"{size:,} can hold"
                )


def subgroup(group: h5py.Group, name: str) -> h5py.Group:
    """Return a group that lies in the file itself.

    Raises:
        KeyError: if there is none.
        ValueError: if it is a link, or no group.
    """
    item = member(group, name)
    if not isinstance(item, h5py.Group):
        raise ValueError(f"{group.name}/{name} must be a group, got a data set")
    return item


def dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return a data set that lies in the file itself and can be as large as it says.

    Raises:
        KeyError: if there is none.
        ValueError: if it is a link, virtual, stored elsewhere, larger than the file can hold,
            packed so that it unpacks to more, or neither numbers nor one text.
    """
    item = member(group, name)
    if not isinstance(item, h5py.Dataset):
        raise ValueError(f"{group.name}/{name} must be a data set, got a group")
    where = item.name
    if item.is_virtual or item.external:
        raise ValueError(f"{where} keeps its values in other files; these are not followed")
    if item.dtype.kind not in _KINDS or _is_reference(item.dtype):
        raise ValueError(f"{where} must hold numbers or text, got {item.dtype}")
    if item.dtype.kind == "O" and item.shape != ():
        # Any number of texts may share the same bytes in the file.
        raise ValueError(f"{where} must hold one text or numbers, got texts of {item.shape}")
    check_packing(item)
    return item


def check_zip(path: Path) -> None:
    """Check that a ZIP archive does not unpack to more than its bytes can be.

    Raises:
        ValueError: if it does, or is none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            items = archive.infolist()
    except zipfile.BadZipFile as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if len(items) > MEMBERS:
        raise ValueError(f"{path} holds {len(items):,} members; {MEMBERS:,} are allowed")
    total = sum(item.file_size for item in items)
    if total > largest(path.stat().st_size):
        raise ValueError(f"{path} claims to unpack to {total:,} bytes")


def member(group: h5py.Group, name: str) -> Any:
    """Return what lies under a name in the file itself.

    Raises:
        KeyError: if there is nothing.
        ValueError: if it is a link, or has another name besides.
    """
    if "/" in name or not has(group, name):
        raise KeyError(name)
    where = f"{group.name.rstrip('/')}/{name}"
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{where} is a link to another place; links are not followed")
    try:
        item = group[name]
    except KeyError as error:  # it is there, but damaged
        raise ValueError(f"{where} cannot be opened: {error.args[0]}") from None
    if h5py.h5o.get_info(item.id).rc > 1:
        raise ValueError(f"{where} has several names in the file; each part has one")
    return item


def _controls(character: str) -> bool:
    return character not in _PLAIN_CONTROLS and any(
        first <= character <= last for first, last in _CONTROLS
    )


def _is_reference(dtype: Any) -> bool:
    return dtype.kind == "O" and h5py.check_string_dtype(dtype) is None
