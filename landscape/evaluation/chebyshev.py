"""Polynomials through values at Chebyshev points: nodes, interpolation, and how fast they decay.

References:
    Trefethen (2013), Approximation theory and approximation practice, chapters 2 to 8.
    Berrut, Trefethen (2004), Barycentric Lagrange interpolation, SIAM Review 46.
"""

from __future__ import annotations

import numpy as np
from scipy.fft import dctn
from scipy.interpolate import BarycentricInterpolator

from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.surface import Surface

_DEGREES = 16


def decay_of(nodes: Surface) -> Floats:
    """Return the largest Chebyshev coefficient of each degree over the largest of all, [n].

    The degree of a product of polynomials is the larger of the two. NaN where a loss is not finite,
    and where all are 0.
    """
    values = nodes.losses
    if not np.all(np.isfinite(values)) or not np.any(values):
        return np.full(max(values.shape), np.nan)
    coefficients = np.abs(dctn(values, type=1))
    for axis in range(values.ndim):
        ends = np.moveaxis(coefficients, axis, 0)
        ends[[0, -1]] /= 2
    degree = np.max(np.indices(values.shape), axis=0)
    largest = [coefficients[degree == k].max() for k in range(max(values.shape))]
    return np.asarray(largest / np.max(largest))


def decay_rate(decay: Floats) -> float:
    """Return by how many decades the coefficients fall per degree, by least squares.

    Only degrees above the rounding floor (1e-6 of the largest) count; NaN for fewer than 3.
    """
    # The same degrees whatever the grid, so that surfaces can be compared.
    head = decay[:_DEGREES]
    degrees = np.flatnonzero(np.isfinite(head) & (head > 1e-6))
    if len(degrees) < 3:
        return float("nan")
    return float(-np.polyfit(degrees, np.log10(head[degrees]), 1)[0])


def chebyshev_grid(grid: Grid, level: int) -> Grid:
    """Return Chebyshev points of the second kind over the range of a grid."""
    cosines = -np.cos(np.pi * np.arange(level) / (level - 1))
    cosines[level // 2] = 0.0
    return Grid(tuple(
        (axis[0] + axis[-1]) / 2 + (axis[-1] - axis[0]) / 2 * cosines for axis in grid.axes
    ))  # fmt: skip


def _transformed(values: Floats, transform: str) -> Floats:
    return np.log10(values) if transform == "log" else values


def _back(values: Floats, transform: str) -> Floats:
    return np.asarray(10.0**values) if transform == "log" else values


def _along(values: Floats, nodes: Floats, wanted: Floats, axis: int) -> Floats:
    """Interpolate along one axis. The weights are known, which keeps the result the same."""
    weights = (-1.0) ** np.arange(len(nodes))
    weights[[0, -1]] /= 2
    return np.asarray(BarycentricInterpolator(nodes, values, axis=axis, wi=weights)(wanted))


def at_points(
    nodes: Surface, points: Floats, name: str = "losses", transform: str = "linear"
) -> Floats:
    """Interpolate a field at points [K, axes], [K].

    Args:
        nodes: values on a grid of :func:`chebyshev_grid`.
        points: coordinates.
        name: of the field.
        transform: ``linear``, or ``log``: the polynomial goes through the logarithms.
    """
    values = _transformed(nodes.fields[name], transform)
    interpolated = []
    for point in points:
        rest = values
        for axis, coordinate in zip(nodes.grid.axes, point, strict=True):
            rest = _along(rest, axis, np.array([coordinate]), 0)[0]
        interpolated.append(float(rest))
    return _back(np.array(interpolated), transform)


def on_grid(nodes: Surface, grid: Grid, name: str = "losses", transform: str = "linear") -> Floats:
    """Interpolate a field at every point of a grid; arguments as of :func:`at_points`."""
    values = _transformed(nodes.fields[name], transform)
    for i, (axis, wanted) in enumerate(zip(nodes.grid.axes, grid.axes, strict=True)):
        values = _along(values, axis, wanted, i)
    return _back(values, transform)
