"""SHA-256 of what a study holds: of every data set, every record, and the list of records.

HDF5's own check sums miss lost chunks and swapped names; these do not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from landscape.records.naming import is_identifier
from landscape.store import guard

NAME = "sha256"
LIST = "digests"
_BLOCK = 1 << 22


def array_digest(values: NDArray[Any]) -> str:
    """Digest an array: its type and shape as text, a line feed, its values little-endian."""
    values = np.asarray(values)
    parts = (_bytes(values[rows]) for rows in blocks(values)) if values.ndim else [_bytes(values)]
    return _digest(values.dtype, values.shape, parts)


def text_digest(text: str) -> str:
    """Digest a text: ``text``, a line feed, its UTF-8 bytes."""
    return hashlib.sha256(b"text\n" + text.encode("utf-8", "surrogateescape")).hexdigest()


def dataset_digest(data: h5py.Dataset) -> str:
    """Digest a data set as :func:`array_digest` does, some rows at a time."""
    if data.dtype.kind == "O":
        value = data.asstr()[()]
        return text_digest(value if isinstance(value, str) else json.dumps(value.tolist()))
    if not data.shape:
        return array_digest(data[()])
    parts = (_bytes(data[rows]) for rows in blocks(data))
    return _digest(data.dtype, data.shape, parts)


def record_digest(group: h5py.Group) -> str:
    """Digest the names and attributes of a record, the digests of its data sets among them.

    It is that of a JSON object, keys sorted, without blanks: for every member of the group by its
    path below it, and for the group itself as "", its attributes; a text stands for itself, a
    number or array for its digest. The digest itself is left out.
    """
    texts = {"": attributes(group)}
    for path, item in members(group):
        texts[path] = attributes(item) if isinstance(item, h5py.Dataset) else {}
    texts[""].pop(NAME, None)
    return _json_digest(texts)


def root_digest(file: h5py.File) -> str:
    """Digest the attributes of the root, in the manner of a record without members."""
    texts = attributes(file)
    texts.pop(NAME, None)
    return _json_digest({"": texts})


def put_missing(group: h5py.Group) -> None:
    """Note digests of data sets that have none yet."""
    for _, item in members(group):
        if isinstance(item, h5py.Dataset) and NAME not in item.attrs:
            item.attrs[NAME] = dataset_digest(item)


def put_list(file: h5py.File, paths: list[str]) -> None:
    """Note the digests of all records, those of the root, and the list of all of them."""
    records = {}
    for path in paths:
        put_missing(file[path])
        records[path] = file[path].attrs[NAME] = record_digest(file[path])
    root = {n: v if isinstance(v, str) else int(v) for n, v in file.attrs.items() if n != NAME}
    text = json.dumps({"root": root, "records": records}, sort_keys=True)
    data = file.create_dataset(LIST, data=text, track_times=False)
    data.attrs[NAME] = text_digest(text)
    file.attrs[NAME] = root_digest(file)


def listed(file: h5py.File) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the attributes of the root and the digests of the records, as the list has them.

    Raises:
        KeyError: if there is no list.
        ValueError: if it is not as it was published.
    """
    data = guard.dataset(file, LIST)
    if stored(data) != dataset_digest(data):
        raise ValueError("the list of records is not as published")
    digests = json.loads(data.asstr()[()])
    root, records = dict(digests["root"]), dict(digests["records"])
    guard.check_texts(root)
    if len(records) > guard.MEMBERS:
        raise ValueError(f"the list has {len(records):,} records; {guard.MEMBERS:,} are allowed")
    strange = [path for path in records if not all(map(is_identifier, path.split("/")))]
    if strange:
        raise ValueError(f"the list has a record that none can be: {strange[0][:40]!a}")
    return root, {path: str(digest) for path, digest in records.items()}


def members(group: h5py.Group) -> Iterator[tuple[str, h5py.Group | h5py.Dataset]]:
    """Yield the data sets of a record and of its groups, which hold no further ones.

    Raises:
        ValueError: for anything that must not be read; see :mod:`landscape.store.guard`.
    """
    for name in guard.names(group):
        if not isinstance(guard.member(group, name), h5py.Group):
            yield name, guard.dataset(group, name)
            continue
        inner = guard.subgroup(group, name)
        yield name, inner
        for below in guard.names(inner, ids=False):
            yield f"{name}/{below}", guard.dataset(inner, below)


def stored(item: h5py.Group | h5py.Dataset) -> str | None:
    """Return the digest that is noted, or None for a file of a program that notes none."""
    value = guard.attribute(item, NAME)
    return None if value is None else str(value)


def attributes(item: h5py.Group | h5py.Dataset) -> dict[str, str]:
    """Return the attributes of a group or data set; numbers and arrays by their digests."""
    return {
        name: value if isinstance(value, str) else array_digest(np.asarray(value))
        for name, value in guard.attributes(item).items()
    }


def _json_digest(texts: dict[str, dict[str, str]]) -> str:
    text = json.dumps(texts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _digest(dtype: np.dtype[Any], shape: tuple[int, ...], parts: Any) -> str:
    hashed = hashlib.sha256()
    little = dtype.newbyteorder("<").str
    hashed.update(f"{little} {'x'.join(map(str, shape))}\n".encode())
    for part in parts:
        hashed.update(part)
    return hashed.hexdigest()


def blocks(values: Any) -> Iterator[slice]:
    """Yield slices of rows of an array or data set that are small together."""
    row = max(int(np.prod(values.shape[1:])) * values.dtype.itemsize, 1)
    step = max(_BLOCK // row, 1)
    for start in range(0, values.shape[0], step):
        yield slice(start, start + step)


def _bytes(values: Any) -> bytes:
    array = np.asarray(values)
    return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
