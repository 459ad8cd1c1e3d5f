"""Kink curves of a plane: where the gradient of the loss jumps, and by how much. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, freeze
from landscape.records.presenting import Presented
from landscape.records.results import Analysis, record_from

KIND = "kink_map"
_FACTS = ("layers", "straight", "examples", "curves", "found", "listed", "tolerance", "unseen",
          "left_out")  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class KinkMap(Presented):
    """Every curve of a window on which a pre-activation of an example passes a kink.

    A curve is the zero set of ``z - z0`` for one (layer, knot z0, example, unit). It is cut at the
    lines of the grid into segments. Across a segment the gradient of the mean loss jumps by
    ``jump`` along the normal, whichever way it is crossed: above 0 a valley, below 0 a ridge.
    Lengths and gradients are in coordinates: multiples of the directions.

    Attributes:
        segments: (alpha, beta) of both ends, [S, 4].
        jumps: ``g (act'(z0+) - act'(z0-)) |grad z| / N`` at the middle of each segment, in loss
            per coordinate, [S].
        layer: which of ``layers``, [S].
        example: index in the data, [S].
        unit: index in the layer, [S].
        knots: z0, [S].
        layers: names, as ``layer:operation``.
        straight: of each layer, whether its pre-activations are affine on the window, so that
            its segments have no grid error.
        alphas: lines of the grid, [A].
        betas: lines of the grid, [B].
        density: sum of |jump| times length over the area of each cell, in loss per squared
            coordinate, [A - 1, B - 1].
        signed_density: the same with signs: the kinks' part of the Laplacian of the loss.
        counts: curves that pass through each cell, over its area, [A - 1, B - 1].
        examples: number of examples N.
        curves: number of distinct (layer, knot, example, unit).
        found: number of segments; S if they are listed.
        listed: False where they were too many: then S is 0, and jumps in the density are those at
            the centres of the cells.
        tolerance: of the ends of curved segments, as a share of a cell's side.
        unseen: what may kink and could not be watched.
        left_out: choices and branches, which are not on this map.
        settings: what it is a map of, plain JSON values.
    """

    segments: Floats
    jumps: Floats
    layer: NDArray[np.int64]
    example: NDArray[np.int64]
    unit: NDArray[np.int64]
    knots: Floats
    layers: tuple[str, ...]
    straight: tuple[bool, ...]
    alphas: Floats
    betas: Floats
    density: Floats
    signed_density: Floats
    counts: Floats
    examples: int
    curves: int
    found: int
    listed: bool = True
    tolerance: float = 0.0
    unseen: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        count = len(self.jumps)
        cells = (len(self.alphas) - 1, len(self.betas) - 1)
        freeze(
            self,
            {"segments": (count, 4), "jumps": (count,), "knots": (count,),
             "alphas": (len(self.alphas),), "betas": (len(self.betas),),
             "density": cells, "signed_density": cells, "counts": cells},
            dict.fromkeys(("layer", "example", "unit"), (count,)),
            ("layers", "straight", "unseen", "left_out"),
        )  # fmt: skip
        if len(self.straight) != len(self.layers):
            raise ValueError(
                f"straight must be as many as layers, {len(self.layers)}, got {len(self.straight)}"
            )
        if count and not 0 <= self.layer.min() <= self.layer.max() < len(self.layers):
            raise ValueError(f"layer must be 0 to {len(self.layers) - 1}, got {self.layer.max()}")
        if self.listed and self.found != count:
            raise ValueError(f"found must be the number of segments, {count}, got {self.found}")

    @property
    def weights(self) -> Floats:
        """Size of the jump of the gradient across each segment, [S]."""
        return np.abs(self.jumps)

    @property
    def lengths(self) -> Floats:
        """Length of each segment, [S]."""
        return np.asarray(np.hypot(*(self.segments[:, 2:] - self.segments[:, :2]).T))

    @property
    def window(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Ends of alpha and of beta."""
        first, second = ((float(a[0]), float(a[-1])) for a in (self.alphas, self.betas))
        return first, second

    def curve_of(self) -> NDArray[np.int64]:
        """Return which curve each segment belongs to, [S], in the order of (layer, knot, ...)."""
        columns = (self.layer, self.knots, self.example, self.unit)
        keys = np.stack([np.asarray(c, dtype=np.float64) for c in columns], axis=1)
        return np.unique(keys, axis=0, return_inverse=True)[1].reshape(-1)

    def along(
        self, start: tuple[float, float], end: tuple[float, float]
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Return what a straight walk across the window crosses.

        Args:
            start: (alpha, beta) at t = 0.
            end: (alpha, beta) at t = 1.

        Returns:
            places t in order, the jump of d loss / dt at each (with the jumps of the segments'
            middles), and which segments they are; all [E].
        """
        a, b = self.segments[:, :2], self.segments[:, 2:]
        walk = np.subtract(end, start)
        side_a, side_b = (_cross(walk, p - np.asarray(start)) for p in (a, b))
        hit = (side_a > 0) != (side_b > 0)
        share = side_a[hit] / (side_a[hit] - side_b[hit])
        points = a[hit] + share[:, None] * (b - a)[hit]
        places = (points - np.asarray(start)) @ walk / (walk @ walk)
        inside = (places >= 0) & (places <= 1)
        index = np.flatnonzero(hit)[inside]
        across = np.abs(_cross(walk, (b - a)[index])) / self.lengths[index]
        order = np.argsort(places[inside], kind="stable")
        return places[inside][order], (self.jumps[index] * across)[order], index[order]

    def to_analysis(self) -> Analysis:
        """Return the map as a record of a study."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self)
                  if isinstance(getattr(self, f.name), np.ndarray)}  # fmt: skip
        facts = {name: getattr(self, name) for name in _FACTS}
        return Analysis(KIND, arrays, {**self.settings, "map": facts})

    @classmethod
    def from_analysis(cls, analysis: Analysis) -> KinkMap:
        """Return the map of a stored record.

        Raises:
            ValueError: for an analysis of another kind, or one that lacks a part.
        """
        return record_from(cls, analysis, kind=KIND, facts="map")


def _cross(one: Floats, other: Floats) -> Floats:
    return np.asarray(one[..., 0] * other[..., 1] - one[..., 1] * other[..., 0])
