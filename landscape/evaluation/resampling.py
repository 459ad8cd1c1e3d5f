"""Spectral resampling: a fine surface from few evaluations, where the loss is smooth enough.

The loss is evaluated at Chebyshev points, on nested grids of 9, 17, 33, ... points along each axis,
until the polynomial through them agrees with the loss at points it has not seen. The rest of the
surface is interpolated, and says so. Never below the scale at which kinks are to be seen: it
smooths them.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from landscape.evaluation.chebyshev import at_points, chebyshev_grid, decay_of, decay_rate, on_grid
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import empty_surface, fill
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.grid import Grid
from landscape.records.plane import Plane
from landscape.records.results import Analysis
from landscape.records.surface import Status, Surface

_LOG = logging.getLogger(__name__)
HEIGHTS = ("log", "linear")
_LEVELS = (9, 17, 33, 65, 129, 257)
_UNSEEN = 48
_DECADES = 0.02
# Fields beside the loss that are smooth where the network is: interpolated by polynomials too.
_SMOOTH = ("divergences", "standard_errors")
# Points of the grid that are evaluated around its minimum, on each side of it.
_AROUND_MINIMUM = 2

NO_GRADIENTS = (
    "gradients are evaluated at every point, never interpolated: the tolerance holds for the loss "
    "alone; sample with gradients, or resample without"
)
# Completes a surface; the second argument tells whether it holds the Chebyshev points.
Complete = Callable[[Surface, bool], Surface]


@dataclass(frozen=True, slots=True, eq=False)
class Resampled:
    """A resampled surface and what it was made from.

    Attributes:
        surface: on the grid; ``status`` says of each point whether it was evaluated.
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
    problem: Problem,
    plane: Plane,
    *,
    grid: Grid,
    tolerance: float = 1e-3,
    height: str = "log",
    seed: int = 0,
    engine: SamplingConfig | None = None,
    standard_errors: bool | None = None,
    divergence: bool = False,
) -> Resampled:
    """Sample a surface at Chebyshev points and interpolate the rest.

    Where interpolation does not reach the tolerance, every point is evaluated.

    Args:
        problem: network, loss and data.
        plane: a line, plane or volume of the problem's network.
        grid: coordinates of the surface.
        tolerance: largest error allowed, as a share of the range of the losses. Divergences and
            standard errors keep to it too. Accuracies and other metrics have steps; they are
            interpolated linearly between the nodes, without a bound, and the setting ``linear``
            names them.
        height: ``linear``, or ``log`` if the surface will be drawn on a log axis: then the error
            must also stay below 0.02 decades everywhere.
        seed: of the points for the estimate of the error.
        engine: how points are evaluated; None measures briefly and takes the fastest.
        standard_errors: see :func:`landscape.sample`.
        divergence: see :func:`landscape.sample`.

    Raises:
        ValueError: for a tolerance that is not positive, an unknown height, a grid on which nothing
            could be saved, the strategy of derivatives, or as :func:`landscape.sample`.
    """
    check_tolerance(tolerance)
    check_height(height)
    evaluator = PlaneEvaluator(
        problem, plane, config=engine, points=grid.size, standard_errors=standard_errors,
        divergence=divergence,
    )  # fmt: skip
    return resample_on(
        evaluator, empty_surface(evaluator, grid), tolerance=tolerance, height=height, seed=seed
    )


def resample_on(
    evaluator: PlaneEvaluator,
    empty: Surface,
    *,
    tolerance: float,
    height: str,
    seed: int = 0,
    complete: Complete | None = None,
) -> Resampled:
    """Resample a surface by what evaluates it; see :func:`resample`.

    Args:
        evaluator: of the model on the plane.
        empty: the surface that is wanted, every point missing.
        tolerance: see :func:`resample`.
        height: see :func:`resample`.
        seed: see :func:`resample`.
        complete: returns a surface with its missing points evaluated; called with each level of
            Chebyshev points and True, and with ``empty`` and False where interpolation does not
            reach the tolerance. None evaluates them in memory.
    """
    grid = empty.grid
    check_worth(grid)
    if evaluator.choice.strategy == "gradient":
        raise ValueError(NO_GRADIENTS)
    complete = complete or (lambda surface, _is_nodes: fill(evaluator, surface))

    def sample_level(level: int, known: Surface | None) -> Surface:
        nodes = Surface.empty(
            chebyshev_grid(grid, level), tuple(empty.fields), plane=empty.plane, run=empty.run,
            settings=empty.settings,
        )  # fmt: skip
        return complete(with_known(nodes, known), True)

    nodes = sample_level(_LEVELS[0], None)
    points = _near_minimum(_unseen_points(grid, seed), nodes, seed)
    seen = evaluator(points)
    errors: dict[str, float] = {}
    for level in _LEVELS[1:]:
        if _worth(len(grid.shape), level) > grid.size or not _finite(nodes, seen):
            break
        nodes = sample_level(level, nodes)
        transform, errors = _best_transform(nodes, points, seen["losses"], height)
        errors |= _errors_beside(nodes, points, seen)
        if _finite(nodes, seen) and _good(errors, tolerance, height):
            estimate = {"tolerance": tolerance, "height": height}
            estimate |= {f"estimated_{name}": error for name, error in errors.items()}
            return _interpolated(evaluator, empty, nodes, transform, estimate)
    reason = ", ".join(f"{name} {value:.2g}" for name, value in errors.items())
    _LOG.warning("interpolation does not reach the tolerance (%s): evaluating every point",
                 reason or "too few points, or values that are not finite")  # fmt: skip
    return Resampled(complete(empty, False), nodes, decay_of(nodes), converged=False)


def check_tolerance(tolerance: float) -> None:
    """Raise ValueError for a tolerance outside (0, 1)."""
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must be between 0 and 1, got {tolerance}; 1e-3 is usual")


def check_height(height: str) -> None:
    """Raise ValueError for an unknown height; the message lists the known."""
    check_known("height", height, HEIGHTS)


def check_worth(grid: Grid) -> None:
    """Raise ValueError for a grid whose points are too few for interpolation to save any.

    >>> check_worth(Grid.square(41))
    """
    axes = len(grid.shape)
    needed = _worth(axes, _LEVELS[1])
    if grid.size < needed:
        side = math.ceil(round(needed ** (1 / axes), 9))
        raise ValueError(
            f"resampling saves evaluations from {side} points along each axis on, got "
            f"{' x '.join(map(str, grid.shape))}; sample them without it (--grid)"
        )


def _worth(axes: int, level: int) -> int:
    """Points that a grid must have so that at least half of them need not be evaluated."""
    return 2 * (int(level**axes) + _UNSEEN)


def _finite(nodes: Surface, seen: Mapping[str, Floats]) -> bool:
    names = ("losses", *_smooth(nodes))
    return all(bool(np.isfinite(values[n]).all()) for values in (nodes.fields, seen) for n in names)


def _smooth(nodes: Surface) -> list[str]:
    """Return the fields beside the loss that are interpolated by polynomials."""
    return [name for name in _SMOOTH if name in nodes.fields]


def with_known(surface: Surface, known: Surface | None) -> Surface:
    """Return ``surface`` with the values of a coarser nested one filled in."""
    if known is None:
        return surface
    index = np.arange(surface.grid.size).reshape(surface.grid.shape)
    places = index[_every(surface.grid, known.grid)].reshape(-1)
    values = {name: field.reshape(-1) for name, field in known.fields.items()}
    return surface.with_points(places, values, Status.EVALUATED)


def coarser(surface: Surface, grid: Grid) -> Surface:
    """Return the values of a finer nested surface at the points of ``grid``."""
    every = _every(surface.grid, grid)
    fields = {name: values[every] for name, values in surface.fields.items()}
    return replace(surface, grid=grid, fields=fields, status=surface.status[every])


def _every(fine: Grid, coarse: Grid) -> tuple[slice, ...]:
    """Return where the points of a nested coarser grid lie in a finer one."""
    return tuple(slice(None, None, (len(a) - 1) // (len(b) - 1))
                 for a, b in zip(fine.axes, coarse.axes, strict=True))  # fmt: skip


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
        interpolated = at_points(nodes, points, "losses", transform)
        errors = {"error": _share(interpolated - seen, nodes.losses)}
        if height == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                decades = np.abs(np.log10(interpolated) - np.log10(seen))
            errors["decades"] = float(np.max(np.where(np.isnan(decades), np.inf, decades)))
        tried[transform] = errors
    worst = "decades" if height == "log" else "error"
    best = min(tried, key=lambda transform: tried[transform][worst])
    return best, tried[best]


def _errors_beside(nodes: Surface, points: Floats, seen: Mapping[str, Floats]) -> dict[str, float]:
    """Return the error of each smooth field beside the loss, as a share of its range."""
    return {
        f"error_of_{name}": _share(at_points(nodes, points, name) - seen[name], nodes.fields[name])
        for name in _smooth(nodes)
    }


def _share(errors: Floats, values: Floats) -> float:
    """Return the largest error as a share of the range of values, of rounding where that is 0."""
    rounding = 1e-12 * float(np.abs(values).max())
    spread = max(float(np.ptp(values)), rounding, float(np.finfo(float).tiny))
    return float(np.abs(errors).max()) / spread


def _good(errors: dict[str, float], tolerance: float, height: str) -> bool:
    # Twice the margin: the largest error of all points is larger than that of a sample.
    shares = [value for name, value in errors.items() if name != "decades"]
    return max(shares) < tolerance / 2 and (height == "linear" or errors["decades"] < _DECADES / 2)


def _interpolated(
    evaluator: PlaneEvaluator,
    empty: Surface,
    nodes: Surface,
    transform: str,
    estimate: dict[str, Any],
) -> Resampled:
    """Fill a surface from the nodes, and evaluate the points around its minimum."""
    grid = empty.grid
    every = np.arange(grid.size)
    coordinates = grid.coordinates(every)
    values = {"losses": on_grid(nodes, grid, "losses", transform).reshape(-1)}
    values |= {name: on_grid(nodes, grid, name).reshape(-1) for name in _smooth(nodes)}
    stepped = [name for name in nodes.fields if name not in values]
    for name in stepped:
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
            **({"linear": stepped} if stepped else {}),
            **estimate,
        },
    }
    surface = replace(empty, settings=settings)
    surface = surface.with_points(every, values, Status.INTERPOLATED)
    surface = surface.with_points(near, evaluator(grid.coordinates(near)), Status.EVALUATED)
    return Resampled(surface, nodes, decay_of(nodes), converged=True)
