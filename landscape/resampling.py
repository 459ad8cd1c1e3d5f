"""Spectral resampling: a fine surface from few evaluations, where the loss is smooth enough.

The loss is evaluated at Chebyshev points, on nested grids of 9, 17, 33, ... points along each axis,
until the polynomial through them agrees with the loss at points it has not seen. The rest of the
surface is interpolated, and says so. Never below the scale at which kinks are to be seen: it
smooths them.

References:
    Trefethen (2013), Approximation theory and approximation practice, chapters 2 to 8.
    Berrut, Trefethen (2004), Barycentric Lagrange interpolation, SIAM Review 46.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.fft import dctn
from scipy.interpolate import BarycentricInterpolator, RegularGridInterpolator

from landscape.arrays import Floats
from landscape.evaluation import PlaneEvaluator
from landscape.grid import Grid
from landscape.plane import Plane
from landscape.results import Analysis
from landscape.sampling import empty_surface, sample_tiles
from landscape.surface import Status, Surface

_LOG = logging.getLogger(__name__)
HEIGHTS = ("log", "linear")
_LEVELS = (9, 17, 33, 65, 129, 257)
_UNSEEN = 48
_DECADES = 0.02
_DEGREES = 16
# Points of the grid that are evaluated around its minimum, on each side of it.
_AROUND_MINIMUM = 2

NO_GRADIENTS = (
    "gradients are evaluated at every point, never interpolated: the tolerance holds for the loss "
    "alone; sample with gradients, or resample without"
)
SampleNodes = Callable[[Grid, Surface | None], Surface]


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A resampled surface and what it was made from.

    Attributes:
        surface: on the grid asked for; ``status`` tells what was evaluated and what interpolated.
        nodes: the values at the Chebyshev points, all evaluated.
        decay: largest Chebyshev coefficient of each degree over the largest of all, [n]; how fast
            it falls measures how smooth the loss is on the plane.
        converged: whether the tolerance was met. Otherwise the surface was evaluated in full.
    """

    surface: Surface
    nodes: Surface
    decay: Floats
    converged: bool

    def analysis(self) -> Analysis:
        """Return the decay as a record for a study."""
        degrees = np.arange(len(self.decay))
        settings = {"surface": self.surface.plane, "run": self.surface.run,
                    "rate": decay_rate(self.decay)}  # fmt: skip
        return Analysis("spectral_decay", {"degrees": degrees, "decay": self.decay}, settings)


def resample(
    evaluator: PlaneEvaluator,
    plane: Plane,
    grid: Grid,
    *,
    tolerance: float = 1e-3,
    height: str = "log",
    seed: int = 0,
    plane_id: str | None = None,
    run: str | None = None,
    sample_nodes: SampleNodes | None = None,
    sample_rest: Callable[[Surface], Surface] | None = None,
) -> Resampled:
    """Sample a surface at Chebyshev points and interpolate the rest.

    Args:
        evaluator: of the model on the plane.
        plane: line, plane or volume.
        grid: where the surface is wanted.
        tolerance: largest error allowed, as a share of the range of the losses.
        height: ``linear``, or ``log`` if the surface will be drawn on a log axis: then the error
            must also stay below 0.02 decades everywhere.
        seed: of the points for the estimate of the error.
        plane_id: of the surface's record.
        run: likewise.
        sample_nodes: how the nodes are sampled, given their grid and the nodes of the coarser
            level; None samples in memory.
        sample_rest: how a surface is completed where interpolation does not converge.

    Raises:
        ValueError: for a tolerance that is not positive, an unknown height, or an evaluator of
            derivatives.
    """
    check_tolerance(tolerance)
    check_height(height)
    if evaluator.choice.strategy == "gradient":
        raise ValueError(NO_GRADIENTS)
    empty = empty_surface(evaluator, plane, grid, plane_id=plane_id, run=run)

    def completed(surface: Surface) -> Surface:
        for indices, values in sample_tiles(evaluator, surface):
            surface = surface.with_points(indices, values, Status.EVALUATED)
        return surface

    def in_memory(finer: Grid, known: Surface | None) -> Surface:
        made = empty_surface(evaluator, plane, finer, plane_id=plane_id, run=run)
        return completed(with_known(made, known))

    sample_level = sample_nodes or in_memory
    nodes = sample_level(_chebyshev(grid, _LEVELS[0]), None)
    points = _near_minimum(_unseen_points(grid, seed), nodes, seed)
    seen = evaluator(points)["losses"]
    errors: dict[str, float] = {}
    for level in _LEVELS[1:]:
        if level ** len(grid.shape) + len(points) > grid.size / 2 or not _finite(nodes, seen):
            break
        nodes = sample_level(_chebyshev(grid, level), nodes)
        transform, errors = _best_transform(nodes, points, seen, height)
        if _finite(nodes, seen) and _good(errors, tolerance, height):
            return _interpolated(evaluator, empty, nodes, transform, errors, tolerance, height)
    reason = ", ".join(f"{name} {value:.2g}" for name, value in errors.items())
    _LOG.warning("interpolation does not reach the tolerance (%s): evaluating every point",
                 reason or "too few points, or values that are not finite")  # fmt: skip
    return Resampled((sample_rest or completed)(empty), nodes, decay_of(nodes), converged=False)


def check_tolerance(tolerance: float) -> None:
    """Raise ValueError for a tolerance outside (0, 1)."""
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}; 1e-3 is usual")


def check_height(height: str) -> None:
    """Raise ValueError for an unknown height; the message lists the known."""
    if height not in HEIGHTS:
        raise ValueError(f"unknown height {height!r}; known: {', '.join(HEIGHTS)}")


def _finite(nodes: Surface, seen: Floats) -> bool:
    return bool(np.all(np.isfinite(nodes.losses)) and np.all(np.isfinite(seen)))


def with_known(surface: Surface, known: Surface | None) -> Surface:
    """Return ``surface`` with the values of a coarser nested one filled in."""
    if known is None:
        return surface
    steps = [(len(a) - 1) // (len(b) - 1) for a, b in
             zip(surface.grid.axes, known.grid.axes, strict=True)]  # fmt: skip
    index = np.arange(surface.grid.size).reshape(surface.grid.shape)
    places = index[tuple(slice(None, None, step) for step in steps)].reshape(-1)
    values = {name: field.reshape(-1) for name, field in known.fields.items()}
    return surface.with_points(places, values, Status.EVALUATED)


def coarser(surface: Surface, grid: Grid) -> Surface:
    """Return the values of a finer nested surface at the points of ``grid``."""
    steps = [(len(a) - 1) // (len(b) - 1) for a, b in
             zip(surface.grid.axes, grid.axes, strict=True)]  # fmt: skip
    every = tuple(slice(None, None, step) for step in steps)
    fields = {name: values[every] for name, values in surface.fields.items()}
    return Surface(grid, fields, surface.status[every], surface.plane, surface.run,
                   surface.settings)  # fmt: skip


def decay_of(nodes: Surface) -> Floats:
    """Return the largest Chebyshev coefficient of each degree over the largest of all, [n].

    The degree of a product of polynomials is the larger of the two.
    """
    values = nodes.losses
    if not np.all(np.isfinite(values)):
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


def _chebyshev(grid: Grid, level: int) -> Grid:
    """Return Chebyshev points of the second kind over the range of a grid."""
    cosines = -np.cos(np.pi * np.arange(level) / (level - 1))
    cosines[level // 2] = 0.0
    return Grid(tuple(
        (axis[0] + axis[-1]) / 2 + (axis[-1] - axis[0]) / 2 * cosines for axis in grid.axes
    ))  # fmt: skip


def _unseen_points(grid: Grid, seed: int) -> Floats:
    generator = np.random.default_rng(seed)
    low, high = (np.array([axis[i] for axis in grid.axes]) for i in (0, -1))
    return np.asarray(low + (high - low) * generator.random((_UNSEEN, len(low))))


def _near_minimum(points: Floats, nodes: Surface, seed: int) -> Floats:
    """Draw half of the points towards the minimum, at all distances from it."""
    lowest = np.where(np.isfinite(nodes.losses), nodes.losses, np.inf)
    where = np.unravel_index(int(np.argmin(lowest)), nodes.grid.shape)
    minimum = np.array([axis[i] for axis, i in zip(nodes.grid.axes, where, strict=True)])
    half = len(points) // 2
    nearness = 10.0 ** -np.random.default_rng(seed + 1).uniform(0.3, 2.0, size=(half, 1))
    return np.concatenate([minimum + nearness * (points[:half] - minimum), points[half:]])


def _best_transform(
    nodes: Surface, points: Floats, seen: Floats, height: str
) -> tuple[str, dict[str, float]]:
    """Return whether the loss itself or its logarithm is better interpolated, and the errors."""
    tried = {}
    positive = bool(np.all(nodes.losses > 0))
    for transform in ("linear", "log") if positive else ("linear",):
        found = _at_points(nodes, points, transform)
        errors = {"error": float(np.max(np.abs(found - seen)) / np.ptp(nodes.losses))}
        if height == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                decades = np.abs(np.log10(found) - np.log10(seen))
            errors["decades"] = float(np.max(np.where(np.isnan(decades), np.inf, decades)))
        tried[transform] = errors
    worst = "decades" if height == "log" else "error"
    best = min(tried, key=lambda transform: tried[transform][worst])
    return best, tried[best]


def _good(errors: dict[str, float], tolerance: float, height: str) -> bool:
    # Twice the margin: the largest error of all points is larger than that of a sample.
    linear = errors["error"] < tolerance / 2
    return linear and (height == "linear" or errors["decades"] < _DECADES / 2)


def _transformed(values: Floats, transform: str) -> Floats:
    return np.log10(values) if transform == "log" else values


def _back(values: Floats, transform: str) -> Floats:
    return np.asarray(10.0**values) if transform == "log" else values


def _along(values: Floats, nodes: Floats, wanted: Floats, axis: int) -> Floats:
    """Interpolate along one axis. The weights are known, which keeps the result the same."""
    weights = (-1.0) ** np.arange(len(nodes))
    weights[[0, -1]] /= 2
    return np.asarray(BarycentricInterpolator(nodes, values, axis=axis, wi=weights)(wanted))


def _at_points(nodes: Surface, points: Floats, transform: str) -> Floats:
    values = _transformed(nodes.losses, transform)
    found = []
    for point in points:
        rest = values
        for axis, coordinate in zip(nodes.grid.axes, point, strict=True):
            rest = _along(rest, axis, np.array([coordinate]), 0)[0]
        found.append(float(rest))
    return _back(np.array(found), transform)


def _on_grid(nodes: Surface, grid: Grid, transform: str) -> Floats:
    values = _transformed(nodes.losses, transform)
    for i, (axis, wanted) in enumerate(zip(nodes.grid.axes, grid.axes, strict=True)):
        values = _along(values, axis, wanted, i)
    return _back(values, transform)


def _interpolated(
    evaluator: PlaneEvaluator,
    empty: Surface,
    nodes: Surface,
    transform: str,
    errors: dict[str, float],
    tolerance: float,
    height: str,
) -> Resampled:
    """Fill a surface from the nodes, and evaluate the points around its minimum."""
    grid = empty.grid
    every = np.arange(grid.size)
    coordinates = grid.coordinates(every)
    values = {"losses": _on_grid(nodes, grid, transform).reshape(-1)}
    for name in nodes.fields:
        if name not in values:
            # An accuracy has steps, through which no polynomial goes.
            between = RegularGridInterpolator(nodes.grid.axes, nodes.fields[name])
            values[name] = np.asarray(between(coordinates))
    minimum = np.unravel_index(int(np.argmin(values["losses"])), grid.shape)
    spans = [
        np.arange(max(int(i) - _AROUND_MINIMUM, 0), min(int(i) + _AROUND_MINIMUM + 1, n))
        for i, n in zip(minimum, grid.shape, strict=True)
    ]
    near = np.arange(grid.size).reshape(grid.shape)[np.ix_(*spans)].reshape(-1)
    settings = {
        **empty.settings,
        "resampled": {
            "nodes": list(nodes.grid.shape),
            "evaluations": nodes.grid.size + _UNSEEN + len(near),
            "interpolated": transform,
            "tolerance": tolerance,
            "height": height,
            **{f"estimated_{name}": value for name, value in errors.items()},
        },
    }
    surface = Surface(grid, empty.fields, empty.status, empty.plane, empty.run, settings)
    surface = surface.with_points(every, values, Status.INTERPOLATED)
    surface = surface.with_points(near, evaluator(grid.coordinates(near)), Status.EVALUATED)
    return Resampled(surface, nodes, decay_of(nodes), converged=True)
