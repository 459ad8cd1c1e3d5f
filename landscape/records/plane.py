"""A plane in parameter space: ``theta = origin + alpha d_alpha + beta d_beta``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, as_floats, frozen_settings
from landscape.records.layout import Layout
from landscape.records.presenting import Presented

Normalisation = Literal["filter", "layer", "global", "none"]
NORMALISATIONS: tuple[str, ...] = get_args(Normalisation)
Length = Literal["unit", "displacement"]
LENGTHS: tuple[str, ...] = get_args(Length)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Plane(Presented):
    """An origin and one to three directions; coordinates are multiples of the directions.

    Attributes:
        origin: parameters at (0, 0), [P].
        d_alpha: first direction, [P].
        d_beta: second direction, [P]; None for a line.
        layout: names and shapes of the P parameters.
        kind: how it was made: ``random``, ``pca``, or a name of the user's.
        settings: how exactly (seed, normalisation, explained variance, ...), plain JSON values.
        d_gamma: third direction, [P]; only for a volume.
    """

    origin: Floats
    d_alpha: Floats
    d_beta: Floats | None
    layout: Layout
    kind: str = "custom"
    settings: Json = field(default_factory=dict)
    d_gamma: Floats | None = None

    def __post_init__(self) -> None:
        if self.d_beta is None and self.d_gamma is not None:
            raise ValueError("a third direction needs a second one; give d_beta")
        for name in ("origin", "d_alpha", "d_beta", "d_gamma"):
            values = getattr(self, name)
            if values is None:
                continue
            vector = as_floats(values, name, (self.layout.size,))
            if not np.all(np.isfinite(vector)):
                raise ValueError(f"{name} must be finite; it holds NaN or infinity")
            if name != "origin" and not vector.any():
                raise ValueError("a direction must not be zero everywhere")
            object.__setattr__(self, name, vector)
        for cosine in self.cosines:
            if abs(cosine) > 1 - 1e-12:
                raise ValueError(
                    f"the directions must not be parallel, got cosine {cosine:.12f}; "
                    "choose another second direction"
                )
        object.__setattr__(self, "settings", frozen_settings(self.settings))

    @classmethod
    def through(
        cls,
        origin: Floats,
        directions: Sequence[Floats],
        layout: Layout,
        *,
        kind: str = "custom",
        settings: Json | None = None,
    ) -> Plane:
        """Make a line, plane or volume from one, two or three directions.

        Raises:
            ValueError: for another number of directions, or impossible ones.
        """
        if not 1 <= len(directions) <= 3:
            raise ValueError(f"1 to 3 directions are needed, got {len(directions)}")
        more = [*directions[1:], None, None]
        return cls(origin, directions[0], more[0], layout, kind, settings or {}, more[1])

    @property
    def axes(self) -> int:
        """Number of directions: 1 for a line, 2 for a plane, 3 for a volume."""
        return len(self.directions)

    @property
    def directions(self) -> Floats:
        """The directions as rows, [axes, P]."""
        every = (self.d_alpha, self.d_beta, self.d_gamma)
        return np.stack([d for d in every if d is not None])

    @property
    def cosines(self) -> tuple[float, ...]:
        """Cosines of the angles between the directions: (alpha, beta), (alpha, gamma), ..."""
        units = self.directions / np.linalg.norm(self.directions, axis=1, keepdims=True)
        rows, columns = np.triu_indices(len(units), 1)
        return tuple(float(c) for c in (units @ units.T)[rows, columns])

    def points(self, coordinates: NDArray[np.float64]) -> Floats:
        """Return the parameter vectors [K, P] at ``coordinates`` [K, n], n <= axes.

        Coordinates that are not given are 0.
        """
        thetas = np.broadcast_to(self.origin, (len(coordinates), len(self.origin)))
        for column, direction in zip(coordinates.T, self.directions, strict=False):
            thetas = thetas + column[:, None] * direction
        return thetas
