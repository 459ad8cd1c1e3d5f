"""A sampled surface: values on a grid, each with a status that says where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, as_floats, frozen_settings, read_only
from landscape.records.grid import Grid
from landscape.records.presenting import Pictured


class Status(IntEnum):
    """Where a value came from. NaN and infinity are values, not statuses."""

    MISSING = 0
    EVALUATED = 1
    INTERPOLATED = 2
    FAILED = 3


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Surface(Pictured):
    """Values on a grid over a plane (or along a line, or in a volume).

    Attributes:
        grid: the coordinates; axis 0 of every field is alpha.
        fields: named arrays of the grid's shape, ``losses`` among them.
        status: :class:`Status` of every point, of the grid's shape.
        plane: id of the plane in the study, None for an imported surface.
        run: name of the run in the study, None for an imported surface.
        settings: examples, dtype, strategy, BatchNorm policy, ..., plain JSON values.
    """

    grid: Grid
    fields: Mapping[str, Floats]
    status: NDArray[np.uint8]
    plane: str | None = None
    run: str | None = None
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "losses" not in self.fields:
            raise ValueError(f"a surface needs the field 'losses', got {sorted(self.fields)}")
        shape = self.grid.shape
        fields = {name: as_floats(values, name, shape) for name, values in self.fields.items()}
        status = np.asarray(self.status)
        # Compared before it is made narrow: 257 is not 1.
        if status.shape != shape or not np.isin(status, list(Status)).all():
            raise ValueError(
                f"status must have shape {shape} and values 0 to {max(Status)}, "
                f"got {status.shape} and values to {status.max()}"
            )
        object.__setattr__(self, "fields", MappingProxyType(fields))
        object.__setattr__(self, "status", read_only(status.astype(np.uint8, copy=False)))
        object.__setattr__(self, "settings", frozen_settings(self.settings))

    @property
    def alphas(self) -> Floats:
        """First axis, [A]."""
        return self.grid.axes[0]

    @property
    def betas(self) -> Floats:
        """Second axis, [B].

        Raises:
            IndexError: for a surface along a line.
        """
        return self.grid.axes[1]

    @property
    def losses(self) -> Floats:
        """Loss at every point, [A, B]; NaN where missing."""
        return self.fields["losses"]

    @property
    def complete(self) -> bool:
        """Whether no point is missing."""
        return bool(np.all(self.status != Status.MISSING))

    @classmethod
    def empty(
        cls,
        grid: Grid,
        fields: tuple[str, ...] = ("losses",),
        *,
        plane: str | None = None,
        run: str | None = None,
        settings: Json | None = None,
    ) -> Surface:
        """Make a surface with every point missing and NaN in every field."""
        return cls(
            grid,
            {name: np.full(grid.shape, np.nan) for name in fields},
            np.zeros(grid.shape, dtype=np.uint8),
            plane,
            run,
            settings or {},
        )

    def with_points(
        self, indices: NDArray[np.int64], values: Mapping[str, Floats], status: Status
    ) -> Surface:
        """Return a copy in which the points with these flat ``indices`` have new values."""
        fields = {name: array.copy() for name, array in self.fields.items()}
        for name, array in fields.items():
            array.reshape(-1)[indices] = values[name]
        new_status = self.status.copy()
        new_status.reshape(-1)[indices] = status
        return Surface(self.grid, fields, new_status, self.plane, self.run, self.settings)
