"""Sampling: the loss at every point of a grid over a plane, tile by tile."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.usual_window import fitted_grid, usual_shape
from landscape.problem import Problem, check_problem
from landscape.records.arrays import Floats
from landscape.records.grid import Grid
from landscape.records.panel import Panel
from landscape.records.plane import Plane
from landscape.records.projection import project
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface
from landscape.records.trajectory import Trajectory

_LOG = logging.getLogger(__name__)
Progress = Callable[[int], None]
OnTile = Callable[[NDArray[np.int64], dict[str, Floats]], bool | None]


@overload
def sample(
    problem: Problem,
    plane: Plane,
    *,
    paths: None = None,
    grid: Grid | None = None,
    engine: SamplingConfig | None = None,
    gradients: bool = False,
    standard_errors: bool | None = None,
    divergence: bool = False,
    expected_loss: float | None = None,
    progress: Progress | None = None,
) -> Surface: ...
@overload
def sample(
    problem: Problem,
    plane: Plane,
    *,
    paths: Mapping[str, Trajectory] | Sequence[Trajectory],
    grid: Grid | None = None,
    engine: SamplingConfig | None = None,
    gradients: bool = False,
    standard_errors: bool | None = None,
    divergence: bool = False,
    expected_loss: float | None = None,
    progress: Progress | None = None,
) -> Panel: ...
def sample(
    problem: Problem,
    plane: Plane,
    *,
    paths: Mapping[str, Trajectory] | Sequence[Trajectory] | None = None,
    grid: Grid | None = None,
    engine: SamplingConfig | None = None,
    gradients: bool = False,
    standard_errors: bool | None = None,
    divergence: bool = False,
    expected_loss: float | None = None,
    progress: Progress | None = None,
) -> Surface | Panel:
    """Sample the loss over a plane, and place trajectories on it.

    The point (alpha, beta) is ``origin + alpha d_alpha + beta d_beta``, computed in float64 from
    the plane's vectors alone; the model is bit-identical afterwards.

    Args:
        problem: network, loss and data; see :class:`landscape.Problem`.
        plane: a line, plane or volume, as of :func:`landscape.random_plane`.
        paths: trajectories that are placed on the plane, by their names or as a sequence, whose
            names are ``path 1``, ``path 2`` and so on; see :func:`place`.
        grid: coordinates; 51 x 51 points of a plane by default. A PCA plane's hold its paths and
            the lowest loss near them, those of a plane through solutions hold these, others go
            from -1 to 1; see :mod:`landscape.evaluation.usual_window`.
        engine: how points are evaluated; None measures briefly and takes the fastest.
        gradients: whether the fields ``gradient_alpha`` (``gradient_beta``, ``gradient_gamma``)
            are evaluated as well: d loss / d alpha = <grad loss, d_alpha>, by one backward pass
            per point.
        standard_errors: whether the field ``standard_errors`` is evaluated, sqrt(s^2 / m) with the
            variance s^2 of the losses of the m examples, for a subset of M times
            sqrt(1 - m / M): how far the mean is from that over all, as the draw has it. None does
            for a subset, if the loss gives one value per example; True needs that.
        divergence: whether the field ``divergences`` is evaluated, the mean KL divergence of the
            predictions from those at the origin, in nats, by a further forward pass per point:
            a distance that compares across activations; see
            :func:`landscape.evaluation.output_divergence.output_divergence`.
        expected_loss: the loss that is known of the origin, as from training; None checks nothing.
        progress: called with the number of points of each finished tile.

    Returns:
        The surface; ``settings["centre"]`` holds the fields at the origin. With ``paths`` a panel
        that :func:`viz.surface` draws: the surface, the plane and the placed paths. Its title is
        the name of a single named path, else "".

    Raises:
        ValueError: if the loss at the origin is more than 1 % (and 1e-4) from ``expected_loss``;
            if the plane does not belong to the model, for unusable data, for standard
            errors of a loss without one value per example, or for gradients of a loss that has
            none or by a strategy that gives none.
    """
    check_problem(problem)
    if gradients:
        engine = with_gradients(engine or SamplingConfig())
    if not isinstance(grid, Grid | None):
        raise TypeError(f"grid must be a Grid, got {grid!r}; write Grid.square({grid})")
    shape = usual_shape(plane.axes) if grid is None else grid.shape
    evaluator = PlaneEvaluator(
        problem, plane, config=engine, points=math.prod(shape), standard_errors=standard_errors,
        divergence=divergence,
    )  # fmt: skip
    if grid is None:
        grid = fitted_grid(plane, shape, lambda places: evaluator(places)["losses"])
    if expected_loss is not None:
        check_loss(evaluator, expected_loss)
    report = progress or (lambda _points: None)
    surface = fill(
        evaluator, empty_surface(evaluator, grid), lambda indices, _values: report(len(indices))
    )
    if not np.isfinite(surface.losses).any():
        _LOG.warning("none of the %s losses of this surface is finite", f"{grid.size:,}")
    if paths is None:
        return surface
    named = paths if isinstance(paths, Mapping) else _numbered(paths)
    placed = [
        place_on(evaluator, trajectory, run=name, plane_id=plane.kind)
        for name, trajectory in named.items()
    ]
    title = next(iter(named)) if isinstance(paths, Mapping) and len(named) == 1 else ""
    return Panel(surface, plane, tuple(placed), title)


def _numbered(paths: Sequence[Trajectory]) -> dict[str, Trajectory]:
    return {f"path {i}": trajectory for i, trajectory in enumerate(paths, 1)}


def with_gradients(engine: SamplingConfig) -> SamplingConfig:
    """Return the settings by which derivatives along the axes are evaluated as well.

    Raises:
        ValueError: if another strategy is prescribed, or compiling, which has no backward pass.
    """
    if engine.strategy not in ("auto", "gradient"):
        raise ValueError(
            "gradients are evaluated by the strategy 'gradient', got the strategy "
            f"{engine.strategy!r}; leave it at 'auto'"
        )
    if engine.compile == "always":
        raise ValueError(
            "gradients are not evaluated by a compiled network, got compile 'always'; "
            "leave it at 'auto'"
        )
    return replace(engine, strategy="gradient")


def loss_on_plane(
    problem: Problem, plane: Plane, *, engine: SamplingConfig | None = None
) -> Callable[[Floats], Floats]:
    """Return the loss as a function of coordinates, [K, axes] -> [K].

    Args:
        problem: network, loss and data.
        plane: of the problem's network.
        engine: how points are evaluated; None measures briefly and takes the fastest.

    Raises:
        ValueError: if the plane does not belong to the model, or for unusable data.
    """
    evaluator = PlaneEvaluator(problem, plane, config=engine, standard_errors=False)
    return lambda coordinates: evaluator(coordinates)["losses"]


def check_loss(evaluator: PlaneEvaluator, expected: float) -> None:
    """Check that the loss at the plane's origin is what is known of it.

    Raises:
        ValueError: if it is more than 1 % and 1e-4 away.
    """
    loss = float(evaluator(np.zeros((1, evaluator.plane.axes)))["losses"][0])
    if not abs(loss - expected) <= max(0.01 * abs(expected), 1e-4):
        raise ValueError(
            f"the loss at the centre must be within 1 % of {expected:.6g}, got {loss:.6g}; check "
            "the preprocessing of the data, the loss and its reduction, and the weights"
        )


def empty_surface(
    evaluator: PlaneEvaluator, grid: Grid, *, plane_id: str | None = None, run: str | None = None
) -> Surface:
    """Make the surface that :func:`fill` will fill, every point missing.

    Its settings hold the fields at the plane's origin, as ``centre``.

    Raises:
        ValueError: if grid and plane have different numbers of axes.
    """
    plane = evaluator.plane
    if len(grid.shape) != plane.axes:
        raise ValueError(
            f"the grid must have one axis for each of the plane's {plane.axes} directions, "
            f"got {len(grid.shape)}"
        )
    centre = {name: float(v[0]) for name, v in evaluator(np.zeros((1, plane.axes))).items()}
    settings = {**evaluator.settings, "centre": centre, "kind": plane.kind, **plane.settings}
    return Surface.empty(
        grid, evaluator.fields, plane=plane_id, run=run,
        settings={**settings, "cosines": list(plane.cosines)},
    )  # fmt: skip


def fill(evaluator: PlaneEvaluator, surface: Surface, on_tile: OnTile | None = None) -> Surface:
    """Evaluate the missing points of a surface, tile by tile, coarse to fine.

    Args:
        evaluator: of the model on the surface's plane.
        surface: unfinished.
        on_tile: called after each tile with the flat indices [K] of its points and the values [K]
            of every field there; True stops.

    Returns:
        The surface with the points that were evaluated.
    """
    missing = surface.status.reshape(-1) == Status.MISSING
    tiles: list[tuple[NDArray[np.int64], dict[str, Floats]]] = []
    for indices in surface.grid.tiles():
        # Whole tiles only: which points share a pass decides the last bits.
        if missing[indices].any():
            tiles.append((indices, evaluator(surface.grid.coordinates(indices))))
            if on_tile is not None and on_tile(*tiles[-1]):
                break
    if not tiles:
        return surface
    values = {name: np.concatenate([tile[name] for _, tile in tiles]) for name in surface.fields}
    indices = np.concatenate([indices for indices, _ in tiles])
    return surface.with_points(indices, values, Status.EVALUATED)


def place(
    problem: Problem,
    plane: Plane,
    trajectory: Trajectory,
    *,
    name: str = "path",
    engine: SamplingConfig | None = None,
) -> Projection:
    """Place a trajectory on a plane, and evaluate the loss where it was placed.

    Args:
        problem: network, loss and data.
        plane: of the problem's network.
        trajectory: the path.
        name: of the path, for legends.
        engine: how points are evaluated; None measures briefly and takes the fastest.

    Returns:
        The path's nearest points on the plane, with its own losses and those of the plane there.
        Its own losses are evaluated if none is known, as of checkpoints, or over a subset of the
        examples.

    Raises:
        ValueError: if the plane or the trajectory belongs to another model, or for unusable data.
    """
    evaluator = PlaneEvaluator(problem, plane, config=engine)
    return place_on(evaluator, trajectory, run=name, plane_id=plane.kind)


def place_on(
    evaluator: PlaneEvaluator, trajectory: Trajectory, *, run: str, plane_id: str
) -> Projection:
    """Place a trajectory on a plane by what evaluates it there, see :func:`place`.

    The path's own losses are those it recorded. They are evaluated if it recorded none, and over a
    subset of the examples, as the surface has them.

    Args:
        evaluator: of the model on the plane.
        trajectory: the path.
        run: name of the trajectory's run.
        plane_id: id of the plane.

    Raises:
        ValueError: if plane and trajectory belong to different models.
    """
    coordinates, off_plane, distances = project(trajectory.thetas, evaluator.plane)
    unknown = evaluator.subset or not np.isfinite(trajectory.losses).any()
    return Projection(
        run=run,
        plane=plane_id,
        steps=trajectory.steps,
        coordinates=coordinates,
        off_plane_distances=off_plane,
        distances=distances,
        losses=evaluator.losses_at(trajectory.thetas) if unknown else trajectory.losses,
        plane_losses=evaluator(coordinates)["losses"],
    )
