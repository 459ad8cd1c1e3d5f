"""The layout of a parameter vector: which entries belong to which parameter, and its filters.

A *filter* is the slice of a weight that makes one output (Li et al. 2018). For most layers that is
an index of axis 0; for a transposed convolution it is an index of axis 1 (within its group).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from landscape.records.choices import check_known

Role = Literal["weight", "embedding", "bias", "norm", "slope", "scale", "other"]
ROLES: tuple[str, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class Slot:
    """One named parameter inside a parameter vector.

    Two slots are equal if name and shape are: these say whether a vector belongs to a model. The
    rest says how a direction was scaled there.

    Attributes:
        name: name as given by ``named_parameters``.
        shape: its shape.
        filter_axis: the axis that counts outputs, None for a parameter without filters
            (fewer than two dimensions, or a bias, norm scale or weight-norm scale of any shape).
        groups: groups of a transposed convolution; outputs are counted per group.
        role: what the layer does with it: ``weight`` and ``embedding`` (a table of rows) have
            filters; ``bias``, ``norm`` (scale of a normalisation layer), ``slope`` (PReLU) and
            ``scale`` (one number per filter, as in weight normalisation) have none; ``other`` is
            not known.
    """

    name: str
    shape: tuple[int, ...]
    filter_axis: int | None = field(default=None, compare=False)
    groups: int = field(default=1, compare=False)
    role: Role = field(default="other", compare=False)

    def __post_init__(self) -> None:
        if any(n < 0 for n in self.shape):
            raise ValueError(f"shape of {self.name} must be >= 0, got {self.shape}")
        if self.filter_axis is not None and not 0 <= self.filter_axis < len(self.shape):
            raise ValueError(
                f"filter_axis of {self.name} must be an axis of {self.shape}, "
                f"got {self.filter_axis}"
            )
        if self.groups < 1 or (self.groups > 1 and self.shape[0] % self.groups):
            raise ValueError(f"groups of {self.name} must divide axis 0, got {self.groups}")
        check_known(f"role of {self.name}", self.role, ROLES)

    @property
    def size(self) -> int:
        """Number of entries."""
        return math.prod(self.shape)

    @property
    def filters(self) -> int:
        """Number of filters; 0 for a parameter without."""
        return 0 if self.filter_axis is None else self.groups * self.shape[self.filter_axis]

    def as_filters(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return flat ``values`` [size] as a matrix [filters, entries per filter] (a copy).

        Raises:
            ValueError: if the parameter has no filters.
        """
        if self.filter_axis is None:
            raise ValueError(f"{self.name} of shape {self.shape} has no filters")
        grouped = values.reshape(self.groups, self.shape[0] // self.groups, *self.shape[1:])
        moved = np.moveaxis(grouped, self.filter_axis + 1, 1)
        return moved.reshape(self.groups * moved.shape[1], -1)

    def from_filters(self, filters: NDArray[Any]) -> NDArray[Any]:
        """Undo :meth:`as_filters`: [filters, entries per filter] to flat [size]."""
        if self.filter_axis is None:
            raise ValueError(f"{self.name} of shape {self.shape} has no filters")
        grouped_shape = (self.groups, self.shape[0] // self.groups, *self.shape[1:])
        axis = self.filter_axis + 1
        moved_shape = [
            grouped_shape[0],
            grouped_shape[axis],
            *(n for i, n in enumerate(grouped_shape) if i not in (0, axis)),
        ]
        return np.moveaxis(filters.reshape(moved_shape), 1, axis).reshape(-1)


@dataclass(frozen=True, slots=True)
class Layout:
    """The parameters of a model in the order in which they are joined to ``theta`` [P].

    >>> layout = Layout((Slot("weight", (2, 3), 0), Slot("bias", (2,))))
    >>> layout.size
    8
    >>> [(slot.name, part) for slot, part in layout.parts()]
    [('weight', slice(0, 6, None)), ('bias', slice(6, 8, None))]
    """

    slots: tuple[Slot, ...]

    def __post_init__(self) -> None:
        names = [slot.name for slot in self.slots]
        if len(set(names)) != len(names):
            raise ValueError("parameter names must be unique")

    @property
    def size(self) -> int:
        """Number of parameters P."""
        return sum(slot.size for slot in self.slots)

    def parts(self) -> Iterator[tuple[Slot, slice]]:
        """Yield each slot with its range in ``theta``."""
        start = 0
        for slot in self.slots:
            yield slot, slice(start, start + slot.size)
            start += slot.size

    def to_json(self) -> str:
        """Write the layout as JSON, for an attribute of a file."""
        return json.dumps([asdict(slot) for slot in self.slots])

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """Read a layout written by :meth:`to_json`; an unknown or missing role is ``other``."""
        slots = []
        for d in json.loads(text):
            role = cast("Role", d["role"]) if d.get("role") in ROLES else "other"
            shape, groups = tuple(d["shape"]), d.get("groups", 1)
            slots.append(Slot(d["name"], shape, d["filter_axis"], groups, role))
        return cls(tuple(slots))
