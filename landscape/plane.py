"""A plane in parameter space: ``theta = origin + alpha d_alpha + beta d_beta``."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from landscape.arrays import Floats, Json, as_floats, frozen_settings
from landscape.layout import Layout


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """An origin and two directions; coordinates are multiples of the directions.

    Attributes:
        origin: parameters at (0, 0), [P].
        d_alpha: first direction, [P].
        d_beta: second direction, [P].
        layout: names and shapes of the P parameters.
        kind: how it was made: ``random``, ``pca``, or a name of the user's.
        settings: how exactly (seed, normalisation, explained variance, ...), plain JSON values.
    """

    origin: Floats
    d_alpha: Floats
    d_beta: Floats
    layout: Layout
    kind: str = "custom"
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("origin", "d_alpha", "d_beta"):
            vector = as_floats(getattr(self, name), name, (self.layout.size,))
            if not np.all(np.isfinite(vector)):
                raise ValueError(f"{name} must be finite; it holds NaN or infinity")
            object.__setattr__(self, name, vector)
        if not self.d_alpha.any() or not self.d_beta.any():
            raise ValueError("a direction must not be zero everywhere")
        if abs(self.cosine) > 1 - 1e-12:
            raise ValueError(
                f"the directions must not be parallel, got cosine {self.cosine:.12f}; "
                "choose another second direction"
            )
        object.__setattr__(self, "settings", frozen_settings(self.settings))

    @property
    def cosine(self) -> float:
        """Cosine of the angle between the two directions; 0 when orthogonal."""
        norms = np.linalg.norm(self.d_alpha) * np.linalg.norm(self.d_beta)
        return float(self.d_alpha @ self.d_beta / norms)

    @property
    def directions(self) -> Floats:
        """Both directions as rows, [2, P]."""
        return np.stack([self.d_alpha, self.d_beta])

    def points(self, coordinates: NDArray[np.float64]) -> Floats:
        """Return the parameter vectors [K, P] at ``coordinates`` [K, 2], or [K, 1] on d_alpha."""
        thetas = self.origin + coordinates[:, :1] * self.d_alpha
        return thetas + coordinates[:, 1:] * self.d_beta if coordinates.shape[1] > 1 else thetas
