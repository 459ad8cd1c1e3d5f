"""Examples in fixed order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A data set.

    Attributes:
        inputs: floating point, [N, ...]; images are [N, channels, height, width].
        targets: class indices (int64), [N], or values (float64), [N, 1], one for each output of a
            network, as the loss ``mse`` compares them.
        name: its name in the catalogue.
        sha256: digest of the decoded arrays before standardisation, see :func:`digest`.
        standardisation: how inputs (and the values of a regression) were scaled.
        classes: number of classes; None for a regression.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    name: str
    sha256: str
    standardisation: str = "none"
    classes: int | None = None

    def __post_init__(self) -> None:
        form = (len(self.inputs),) if self.classes else (len(self.inputs), 1)
        if not len(self.inputs) or self.targets.shape != form:
            kind = "class indices [N]" if self.classes else "values [N, 1]"
            raise ValueError(
                f"{self.name} must have inputs [N, ...] and as many targets, {kind}, at least one; "
                f"got {self.inputs.shape} and {self.targets.shape}"
            )
        if not np.all(np.isfinite(self.inputs)):
            raise ValueError(f"the inputs of {self.name} hold NaN or infinity")
        for array in (self.inputs, self.targets):
            array.flags.writeable = False


def digest(inputs: NDArray[Any], targets: NDArray[Any]) -> str:
    """Return the SHA-256 of both arrays: shape, type and little endian values of each.

    The same data have the same digest on every machine.
    """
    seen = hashlib.sha256()
    for array in (inputs, targets):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        seen.update(f"{little.dtype.str}{little.shape}".encode())
        seen.update(little.data)
    return seen.hexdigest()
