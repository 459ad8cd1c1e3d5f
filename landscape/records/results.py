"""Small records of results: trajectories placed on planes, and analyses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, freeze, read_only
from landscape.records.presenting import Presented

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Projection(Presented):
    """A trajectory seen on a plane.

    Attributes:
        run: name of the run whose trajectory it is.
        plane: id of the plane.
        steps: optimizer steps of each record, [T].
        coordinates: (alpha, beta) of the nearest point of the plane, [T, axes].
        off_plane_distances: Euclidean distance from the plane, [T].
        distances: Euclidean distance from the plane's origin, [T].
        losses: loss at the recorded parameters, [T].
        plane_losses: loss at the nearest point of the plane, [T].
    """

    run: str
    plane: str
    steps: NDArray[np.int64]
    coordinates: Floats
    off_plane_distances: Floats
    distances: Floats
    losses: Floats
    plane_losses: Floats

    def __post_init__(self) -> None:
        count = len(self.steps)
        names = ("off_plane_distances", "distances", "losses", "plane_losses")
        coordinates = (count, *np.shape(self.coordinates)[1:2])
        freeze(self, {"coordinates": coordinates, **dict.fromkeys(names, (count,))},
               {"steps": (count,)})  # fmt: skip

    @property
    def captured(self) -> float:
        """Share of the whole path's squared displacement that lies in the plane.

        Of the points whose distances are known; 1 if there is none.
        """
        total = float(np.nansum(self.distances**2))
        return 1.0 - float(np.nansum(self.off_plane_distances**2)) / total if total > 0 else 1.0


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Analysis(Presented):
    """Named arrays and settings of one analysis, stored under ``/analyses/<kind>/<id>``."""

    kind: str
    arrays: Mapping[str, NDArray[Any]]
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        arrays = {name: read_only(np.asarray(a)) for name, a in self.arrays.items()}
        object.__setattr__(self, "arrays", MappingProxyType(arrays))
        freeze(self)


def record_from(
    make: Callable[..., Record], analysis: Analysis, *, kind: str, facts: str
) -> Record:
    """Make a record again from the analysis that it was stored as.

    Args:
        make: the record's class; takes the arrays, the facts and ``settings`` by name.
        analysis: arrays, and settings with the facts among them.
        kind: which the analysis must be of.
        facts: the setting that holds them.

    Raises:
        ValueError: for an analysis of another kind, or one that lacks a part.
    """
    if analysis.kind != kind:
        raise ValueError(f"an analysis of kind {kind!r} is needed, got {analysis.kind!r}")
    settings = dict(analysis.settings)
    fields: dict[str, Any] = {**analysis.arrays, **settings.pop(facts, {})}
    try:
        return make(**fields, settings=settings)
    except TypeError as error:
        raise ValueError(
            f"the analysis of kind {kind!r} lacks a part, or has one too many: {error}"
        ) from None
