"""Data sets of HDF5 that unpack to no more than they say, found out before HDF5 unpacks them.

HDF5 gives a filter all the memory it asks for: a chunk of a few kilobytes that claims nine numbers
can hold gigabytes, packed once or twice.
"""

from __future__ import annotations

import math
import zlib
from itertools import product

import h5py

_GROWTH = 1100  # deflate makes at most 1032 bytes of one
# Beyond this what real numbers never reach tells a bomb.
_LARGE, _LARGE_GROWTH = 1 << 28, 64
_SLACK = 1 << 16
_GZIP, _SHUFFLE, _FLETCHER, _LZF = 1, 2, 3, 32000
# In the order in which they are applied when chunks are written.
_ORDERS = {
    (*shuffle, *packing, *fletcher)
    for shuffle, packing, fletcher in product(
        ((), (_SHUFFLE,)), ((), (_GZIP,), (_LZF,)), ((), (_FLETCHER,))
    )
}
_KNOWN = (_GZIP, _SHUFFLE, _FLETCHER, _LZF)


def largest(size: int) -> int:
    """Return how many bytes so many packed ones may unpack to.

    >>> largest(1_000), largest(1_000_000_000)
    (1165536, 64000065536)
    """
    return max(min(_GROWTH * size, _LARGE), _LARGE_GROWTH * size) + _SLACK


def check_packing(data: h5py.Dataset) -> None:
    """Check that a data set can be as large as it says, and its chunks no larger.

    Raises:
        ValueError: if it claims more than the file can hold, uses a filter that is not known, or
            has a chunk that unpacks to something else than a chunk.
    """
    creation = data.id.get_create_plist()
    filters = tuple(creation.get_filter(i)[0] for i in range(creation.get_nfilters()))
    unknown = [number for number in filters if number not in _KNOWN]
    if unknown:
        raise ValueError(f"{data.name} uses the filter {unknown[0]}, which is not known here")
    if filters not in _ORDERS:
        raise ValueError(f"{data.name} is packed more than once, or in an unusual order")
    packed = _GZIP in filters or _LZF in filters
    file_size = data.file.id.get_filesize()
    for shape in (data.shape or (), data.chunks or ()):
        wanted = math.prod(shape) * data.dtype.itemsize
        if wanted > (largest(file_size) if packed else file_size + _SLACK):
            raise ValueError(
                f"{data.name} claims {wanted:,} bytes, more than a file of {file_size:,} can hold"
            )
    if packed:
        _check_chunks(data, gzip=_GZIP in filters)


def _check_chunks(data: h5py.Dataset, *, gzip: bool) -> None:
    size = math.prod(data.chunks) * data.dtype.itemsize
    if size > _LARGE:
        raise ValueError(f"{data.name} has chunks of {size:,} bytes; {_LARGE:,} are allowed")
    chunks: list[h5py.h5d.StoreInfo] = []
    data.id.chunk_iter(chunks.append)
    for chunk in chunks:
        # What packing would have enlarged is stored as it is.
        if chunk.size > size + _SLACK:
            raise ValueError(
                f"{data.name} has a chunk of {chunk.size:,} bytes, of {size:,} at most"
            )
        if gzip:
            _, content = data.id.read_direct_chunk(chunk.chunk_offset)
            unpacker = zlib.decompressobj()
            try:
                unpacked = len(unpacker.decompress(content, size + 1))
            except zlib.error:
                continue  # not packed after all, or damaged: HDF5 tells
            if unpacked > size:
                raise ValueError(
                    f"{data.name} has a chunk that unpacks to more than {size:,} bytes"
                )
