"""CIFAR-10, the binary version and the Python version. The latter is a pickle: read restricted."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RECORD = 1 + 3 * 32 * 32
# What a pickled numpy array of bytes needs, under numpy's old and new module names.
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


def read_binary(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one file of the binary version: images [n, 3, 32, 32] and labels [n].

    Raises:
        ValueError: if its length is no multiple of a record.
    """
    content = path.read_bytes()
    if not content or len(content) % _RECORD:
        raise ValueError(
            f"{path} must hold records of {_RECORD} bytes, got {len(content):,}; copy it again"
        )
    records = np.frombuffer(content, dtype=np.uint8).reshape(-1, _RECORD)
    return _checked(records[:, 1:], records[:, 0], path)


def read_pickle(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read one file of the Python version, without running any code it may hold.

    Raises:
        ValueError: if it holds anything else than byte arrays and lists.
    """
    try:
        content = _Restricted(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError,
            ValueError, KeyError) as error:  # fmt: skip
        raise ValueError(f"{path} is no CIFAR-10 file: {error}") from None
    if not isinstance(content, dict) or not {b"data", b"labels"} <= content.keys():
        raise ValueError(f"{path} is no CIFAR-10 file: it needs 'data' and 'labels'")
    return _checked(content[b"data"], content[b"labels"], path)


def _checked(images: Any, labels: Any, path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    images, labels = np.asarray(images), np.asarray(labels, dtype=np.int64)
    fits = images.dtype == np.uint8 and images.shape == (len(labels), 3072)
    if not fits or labels.min() < 0 or labels.max() > 9:
        raise ValueError(f"{path} is no CIFAR-10 file: {images.dtype} {images.shape}")
    return images.reshape(-1, 3, 32, 32), labels


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")
        return super().find_class(module, name)
