"""The summed loss of a window: examples without a kink by interpolation, if it is exact enough.

The loss of an example that meets no kink in the window is analytic there, so that its values at a
few Chebyshev points give it everywhere, to rounding. Whether they do is checked at other points;
where they do not, every example is evaluated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from landscape.kinks.marching import Ints
from landscape.kinks.plane_probe import PlaneProbe
from landscape.kinks.probe import subset
from landscape.problem.examples import Part, count
from landscape.records.arrays import Floats
from landscape.records.grid import Grid

# Chebyshev points each way that are tried in turn.
_NODES = (9, 17)
_EXACT = 1e-11
# Shares of the window at which the interpolation is checked.
_CHECKS = np.array([(0.03, 0.11), (0.47, 0.02), (0.98, 0.37), (0.71, 0.89), (0.29, 0.61)])


@dataclass(frozen=True, slots=True)
class SplitLoss:
    """The loss summed over all examples, and its gradient.

    Attributes:
        probe: the network.
        part: examples that are evaluated at each point.
        low: first alpha and beta of the window.
        high: last ones.
        coefficients: Chebyshev coefficients of the other examples' loss and gradient, [n, n, 3],
            or None.
    """

    probe: PlaneProbe
    part: Part
    low: Floats
    high: Floats
    coefficients: Floats | None

    @classmethod
    def of(cls, probe: PlaneProbe, whole: Part, kinked: Ints, grid: Grid) -> SplitLoss:
        """Interpolate what can be.

        Args:
            probe: the network.
            whole: all examples.
            kinked: which of them may meet a kink in the window.
            grid: the window.
        """
        low, high = np.array([(axis[0], axis[-1]) for axis in grid.axes]).T
        smooth = np.setdiff1d(np.arange(count(whole)), kinked)
        if not len(smooth):
            return cls(probe, whole, low, high, None)
        rest = subset(whole, smooth)
        places = low + _CHECKS * (high - low)
        exact = _sums(probe, places, rest)
        for nodes in _NODES:
            fitted, largest = _fitted(probe, rest, low, high, nodes)
            split = cls(probe, subset(whole, kinked), low, high, fitted)
            off = np.abs(split._smooth(places) - exact).max(axis=0)
            if np.all(off <= _EXACT * np.maximum(largest, 1e-300)):
                return split
        return cls(probe, whole, low, high, None)

    def __call__(self, points: Floats) -> tuple[Floats, Floats]:
        """Return the sum at points [K, 2], [K], and its gradient, [K, 2]."""
        total = np.zeros((len(points), 3))
        if count(self.part):
            total += _sums(self.probe, points, self.part)
        total += self._smooth(points)
        return total[:, 0], total[:, 1:]

    def _smooth(self, points: Floats) -> Floats:
        if self.coefficients is None:
            return np.zeros((len(points), 3))
        scaled = 2 * (points - self.low) / (self.high - self.low) - 1
        values = np.polynomial.chebyshev.chebval2d(scaled[:, 0], scaled[:, 1], self.coefficients)
        return np.asarray(values.T)


def _fitted(
    probe: PlaneProbe, part: Part, low: Floats, high: Floats, nodes: int
) -> tuple[Floats, Floats]:
    """Return Chebyshev coefficients [nodes, nodes, 3], and the largest values at the nodes, [3]."""
    x = np.cos((np.arange(nodes) + 0.5) * np.pi / nodes)
    places = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
    values = _sums(probe, low + (places + 1) / 2 * (high - low), part)
    table = np.polynomial.chebyshev.chebvander2d(places[:, 0], places[:, 1], (nodes - 1, nodes - 1))
    solved = np.asarray(np.linalg.solve(table, values), dtype=np.float64)
    return solved.reshape(nodes, nodes, 3), np.abs(values).max(axis=0)


def _sums(probe: PlaneProbe, points: Floats, part: Part) -> Floats:
    losses, slopes = probe.loss_sums(points, part)
    return np.concatenate([losses[:, None], slopes], axis=1)
