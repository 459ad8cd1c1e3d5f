"""A surface as triangles cut along its kinks, with one-sided gradients. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from landscape.records.arrays import Floats, Json, freeze, read_only
from landscape.records.presenting import Presented
from landscape.records.residuals import monomials
from landscape.records.results import Analysis, record_from

KIND = "creases"
_ARRAYS = ("coordinates", "losses", "gradients", "triangles")
_FACTS = ("curves", "uncut", "doubtful", "examples", "removed", "cut_share")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KinkCutSurface(Presented):
    """Triangles whose edges lie on every crease of the loss.

    A place on a crease is there once for each side: same coordinates and loss, another gradient.

    Attributes:
        coordinates: (alpha, beta) of each vertex, [M, 2].
        losses: [M].
        gradients: (d loss / d alpha, d loss / d beta) on the vertex's own side, [M, 2].
        triangles: vertices, counted around the triangle, [T, 3].
        curves: kink curves that were cut.
        uncut: kink curves of the window that were not, because their jumps are small or there are
            too many.
        doubtful: vertices of which no point of their own side was found.
        examples: number of examples N.
        removed: coefficients of the polynomial that was subtracted, see :meth:`minus`.
        cut_share: share that the cut curves have in the sum of jump times length of all curves; 1
            for a surface without kinks, 0 where no map says how many there are.
        settings: what it is a surface of, plain JSON values.
    """

    coordinates: Floats
    losses: Floats
    gradients: Floats
    triangles: NDArray[np.int64]
    curves: int
    uncut: int
    doubtful: int
    examples: int
    removed: tuple[float, ...] = (0.0,) * 6
    cut_share: float = 1.0
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.losses)
        freeze(self, {"coordinates": (count, 2), "losses": (count,), "gradients": (count, 2)})
        faces = np.asarray(self.triangles, dtype=np.int64)
        if faces.ndim != 2 or faces.shape[1] != 3 or not faces.size:
            raise ValueError(f"triangles must have shape (T, 3) with T >= 1, got {faces.shape}")
        if not 0 <= faces.min() <= faces.max() < count:
            raise ValueError(f"triangles must name vertices 0 to {count - 1}, got {faces.max()}")
        object.__setattr__(self, "triangles", read_only(faces))
        object.__setattr__(self, "removed", _six(self.removed))

    @property
    def window(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ends of alpha and of beta."""
        low, high = self.coordinates.min(axis=0), self.coordinates.max(axis=0)
        return (float(low[0]), float(high[0])), (float(low[1]), float(high[1]))

    def polynomial(self, degree: int = 2) -> tuple[float, ...]:
        """Return the coefficients of the best-fitting polynomial, every triangle by its area.

        They belong to 1, alpha, beta, alpha^2, alpha beta, beta^2.

        Args:
            degree: 0 for a constant, 1 for a plane, 2 for a quadratic.
        """
        p = self.coordinates[self.triangles]
        first, second = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
        area = np.abs(first[:, 0] * second[:, 1] - first[:, 1] * second[:, 0])
        weight = np.sqrt(np.bincount(self.triangles.ravel(), np.repeat(area, 3), len(self.losses)))
        scale = np.abs(self.coordinates).max()
        powers = np.array([0, 1, 1, 2, 2, 2])
        used = powers <= degree
        terms = monomials(*(self.coordinates / scale).T)[:, used]
        coefficients = np.zeros(6)
        coefficients[used] = np.linalg.lstsq(
            terms * weight[:, None], self.losses * weight, rcond=None
        )[0]
        return tuple(float(c) for c in coefficients / scale**powers)

    def minus(self, polynomial: ArrayLike) -> KinkCutSurface:
        """Return the surface without a polynomial, in losses and gradients.

        Args:
            polynomial: 6 coefficients, of 1, alpha, beta, alpha^2, alpha beta, beta^2.

        Raises:
            ValueError: for another number of coefficients.
        """
        c = np.array(_six(polynomial))
        a, b = self.coordinates.T
        slope = np.stack([c[1] + 2 * c[3] * a + c[4] * b, c[2] + c[4] * a + 2 * c[5] * b], axis=1)
        return replace(
            self, losses=self.losses - monomials(a, b) @ c,
            gradients=self.gradients - slope, removed=_six(np.array(self.removed) + c),
        )  # fmt: skip

    def to_analysis(self) -> Analysis:
        """Return the surface as a record of a study."""
        facts = {name: getattr(self, name) for name in _FACTS}
        return Analysis(
            KIND, {n: getattr(self, n) for n in _ARRAYS}, {**self.settings, "creases": facts}
        )

    @classmethod
    def from_analysis(cls, analysis: Analysis) -> KinkCutSurface:
        """Return the surface of a stored record.

        Raises:
            ValueError: for an analysis of another kind, or one that lacks a part.
        """
        return record_from(cls, analysis, kind=KIND, facts="creases")


def _six(values: ArrayLike) -> tuple[float, ...]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (6,) or not np.all(np.isfinite(array)):
        raise ValueError(
            "a polynomial has 6 finite coefficients, of 1, alpha, beta, alpha^2, alpha beta and "
            f"beta^2, got shape {array.shape}; see KinkCutSurface.polynomial"
        )
    return tuple(float(v) for v in array)
