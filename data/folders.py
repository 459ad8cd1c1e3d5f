"""Data sets that lie in a folder of the user's: where they are looked for."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from . import cifar
from .batch import Arrays
from .idx import read_idx

VARIABLE = "LANDSCAPE_DATA"
SYSTEM = Path("/usr/share/datasets")

_IDX_FOLDERS = {
    "mnist": ("MNIST/raw", "mnist", "."),
    "fashion_mnist": ("FashionMNIST/raw", "fashion-mnist", "."),
}
_CIFAR_FOLDERS = ("cifar-10-batches-py", "cifar-10-batches-bin", ".")
_REMEDIES = {
    "fashion_mnist": "on Debian: apt-get install dataset-fashion-mnist; or ",
    "mnist": "",
    "cifar10": "",
}


def idx_images(name: str, folder: Path | None, *, train: bool = True) -> Arrays:
    """Read MNIST or Fashion-MNIST: images [N, 1, 28, 28] of bytes, labels [N].

    Raises:
        FileNotFoundError: if it is not found; the message says what was looked for and where.
        ValueError: if a file is damaged.
    """
    part = "train" if train else "t10k"
    files = (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")
    for place in _places(folder, _IDX_FOLDERS[name]):
        found = [_plain_or_gz(place / file) for file in files]
        if found[0] is not None and found[1] is not None:
            images, labels = read_idx(found[0]), read_idx(found[1])
            if images.ndim != 3 or labels.shape != (len(images),):
                raise ValueError(
                    f"{place}: images {images.shape} and labels {labels.shape} do not fit"
                )
            return images[:, None], labels.astype(np.int64)
    raise _missing(name, f"{files[0]}[.gz] and {files[1]}[.gz]", folder, _IDX_FOLDERS[name])


def cifar10(folder: Path | None, *, train: bool = True) -> Arrays:
    """Read CIFAR-10, Python or binary version: images [N, 3, 32, 32] of bytes, labels [N].

    Raises:
        FileNotFoundError: if it is not found; the message says what was looked for and where.
        ValueError: if a file is damaged or holds code.
    """
    stems = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
    for place in _places(folder, _CIFAR_FOLDERS):
        for suffix, read in (("", cifar.read_pickle), (".bin", cifar.read_binary)):
            paths = [place / (stem + suffix) for stem in stems]
            if all(path.is_file() for path in paths):
                parts = [read(path) for path in paths]
                return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    wanted = f"{stems[0]}[.bin]" + (f" to {stems[-1]}[.bin]" if train else "")
    raise _missing("cifar10", wanted, folder, _CIFAR_FOLDERS)


def _roots(folder: Path | None) -> list[Path]:
    """Search path: the argument alone if given, else the environment's and the system's."""
    if folder is not None:
        return [folder]
    named = os.environ.get(VARIABLE)
    return ([Path(named)] if named else []) + [SYSTEM]


def _places(folder: Path | None, inside: tuple[str, ...]) -> list[Path]:
    places = []
    for root in _roots(folder):
        for name in inside:
            # Files lying loose in the system's folder would belong to no set in particular.
            if not (name == "." and root == SYSTEM):
                places.append(root / name)
    return places


def _plain_or_gz(path: Path) -> Path | None:
    for candidate in (path, path.with_name(path.name + ".gz")):
        if candidate.is_file():
            return candidate
    return None


def _missing(
    name: str, files: str, folder: Path | None, inside: tuple[str, ...]
) -> FileNotFoundError:
    looked = ", ".join(map(str, _places(folder, inside)))
    return FileNotFoundError(
        f"{name}: looked for {files} in {looked}; {_REMEDIES[name]}"
        f"name the folder that holds it (--set data.folder=FOLDER, or the "
        f"environment variable {VARIABLE})"
    )
