"""Sampling: the loss at every point of a grid over a plane, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landscape.arrays import Floats
from landscape.config.study import SamplingConfig
from landscape.evaluation import BatchNorm, EngineChoice, LossFunction, PlaneEvaluator, Subset
from landscape.grid import Grid
from landscape.output_distance import output_divergence
from landscape.parameters import layout_of, unwrapped
from landscape.plane import Plane
from landscape.projection import project
from landscape.results import Projection
from landscape.surface import Status, Surface
from landscape.trajectory import Trajectory

Progress = Callable[[int], None]
Tile = tuple[NDArray[np.int64], dict[str, Floats]]


def sample(
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    plane: Plane,
    *,
    grid: Grid | None = None,
    dtype: torch.dtype | None = None,
    metrics: Mapping[str, LossFunction] | None = None,
    engine: SamplingConfig | None = None,
    gradients: bool = False,
    batch_norm: BatchNorm = "frozen",
    subset: int | None = None,
    subset_seed: int = 0,
    standard_errors: bool | None = None,
    divergence: bool = False,
    expected_loss: float | None = None,
    progress: Progress | None = None,
) -> Surface:
    """Sample the loss over a plane.

    The point (alpha, beta) is ``origin + alpha d_alpha + beta d_beta``, computed in float64 from
    the plane's vectors alone; the model is bit-identical afterwards.

    Args:
        model: any module whose parameters have the plane's layout.
        loss: ``cross_entropy``, ``mse``, or a function of (output, target) that returns the mean
            of a batch or one value per example (the sum, if its attribute ``reduction`` says so);
            or a function of (model, batch), see :func:`landscape.batch_loss`.
        data: pair (inputs, targets), mapping with ``labels``, DataLoader, Dataset or any iterable
            of batches, or a function that returns one of these; see
            :mod:`landscape.evaluation.reading`.
        plane: see :func:`landscape.random_plane` and :func:`landscape.pca_plane`; a line or a
            volume likewise.
        grid: coordinates; over [-1, 1] by default, 51 x 51 points of a plane.
        dtype: precision of the forward pass; None takes the model's, and float32 for a model in
            half precision.
        metrics: functions like the loss, by the name of their field; None takes ``accuracies``
            where the targets are class indices and the loss is ``cross_entropy``.
        engine: how points are evaluated; None measures briefly and takes the fastest.
        gradients: whether the fields ``gradient_alpha`` (``gradient_beta``, ``gradient_gamma``)
            are evaluated as well: d loss / d alpha = <grad loss, d_alpha>, by one backward pass
            per point.
        batch_norm: which statistics normalise: ``frozen``, those the model holds; ``batch``, those
            of each batch as in training; ``recalibrated``, those of all the data, computed anew at
            every point. For the last two, batches stay as they came; data that are one batch are
            cut by ``engine.batch_size`` alone.
        subset: number of examples, drawn without replacement; None takes all.
        subset_seed: of that draw.
        standard_errors: whether the field ``standard_errors`` is evaluated, sqrt(s^2 / m) with the
            variance s^2 of the losses of the m examples, for a subset of M times
            sqrt(1 - m / M): how far the mean is from that over all, as the draw has it. None does
            for a subset. Needs one value per example from the loss.
        divergence: whether the field ``divergences`` is evaluated, the mean KL divergence of the
            predictions from those at the origin, in nats, by a further forward pass per point:
            a distance that compares across activations; see
            :func:`landscape.output_divergence`.
        expected_loss: the loss that is known of the origin, as from training; None checks nothing.
        progress: called with the number of points of each finished tile.

    Raises:
        ValueError: if the loss at the origin is more than 1 % (and 1e-4) from ``expected_loss``;
            if the plane does not belong to the model, for unusable data, for standard
            errors of a loss without one value per example, or for gradients of a loss that has
            none or by a strategy that gives none.
    """
    if gradients:
        engine = with_gradients(engine or SamplingConfig())
    grid = grid or default_grid(plane)
    evaluator = plane_evaluator(
        model, loss, data, plane, dtype=dtype, metrics=metrics, config=engine, points=grid.size,
        batch_norm=batch_norm, subset=subset, subset_seed=subset_seed,
        standard_errors=standard_errors, divergence=divergence,
    )  # fmt: skip
    if expected_loss is not None:
        check_loss(evaluator, plane, expected_loss)
    surface = empty_surface(evaluator, plane, grid)
    for indices, values in sample_tiles(evaluator, surface):
        surface = surface.with_points(indices, values, Status.EVALUATED)
        if progress is not None:
            progress(len(indices))
    return surface


def plane_evaluator(
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    plane: Plane,
    *,
    dtype: torch.dtype | None = None,
    metrics: Mapping[str, LossFunction] | None = None,
    config: SamplingConfig | None = None,
    choice: EngineChoice | None = None,
    points: int = 0,
    batch_norm: BatchNorm = "frozen",
    subset: int | None = None,
    subset_seed: int = 0,
    standard_errors: bool | None = None,
    divergence: bool = False,
) -> PlaneEvaluator:
    """Make what evaluates a model on a plane; arguments as in :func:`sample`.

    Args:
        model: any module whose parameters have the plane's layout.
        loss: name or function.
        data: pair or iterable of pairs.
        plane: the plane.
        dtype: precision of the forward pass.
        metrics: by name.
        config: how points are evaluated.
        choice: an earlier choice, taken as it is.
        points: number of points to come.
        batch_norm: which statistics normalise.
        subset: number of examples drawn.
        subset_seed: of that draw.
        standard_errors: whether these are evaluated.
        divergence: whether these are evaluated.

    Raises:
        ValueError: if the plane does not belong to the model, for unusable data, or for a
            divergence where the statistics of BatchNorm are not frozen.
    """
    _check_layout(model, plane)
    if divergence and batch_norm != "frozen":
        raise ValueError(
            f"divergences are those of frozen statistics, got batch_norm {batch_norm!r}; leave "
            "one of the two out"
        )
    evaluator = PlaneEvaluator(
        model, loss, data, origin=plane.origin, directions=plane.directions, dtype=dtype,
        metrics=metrics, config=config, choice=choice, points=points, batch_norm=batch_norm,
        subset=None if subset is None else Subset(examples=subset, seed=subset_seed),
        standard_errors=standard_errors,
    )  # fmt: skip
    if divergence:
        data = evaluator.batches

        def divergences(coordinates: Floats) -> Floats:
            return output_divergence(model, data, plane, coordinates, dtype=evaluator.dtype)

        evaluator.also("divergences", divergences)
    return evaluator


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
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    plane: Plane,
    *,
    dtype: torch.dtype | None = None,
    engine: SamplingConfig | None = None,
    batch_norm: BatchNorm = "frozen",
    subset: int | None = None,
    subset_seed: int = 0,
) -> Callable[[Floats], Floats]:
    """Return the loss as a function of coordinates, [K, axes] -> [K].

    Arguments as in :func:`sample`.

    Raises:
        ValueError: if the plane does not belong to the model, or for unusable data.
    """
    evaluator = plane_evaluator(
        model, loss, data, plane, dtype=dtype, config=engine, batch_norm=batch_norm,
        subset=subset, subset_seed=subset_seed, standard_errors=False,
    )  # fmt: skip
    return lambda coordinates: evaluator(coordinates)["losses"]


def check_loss(evaluator: PlaneEvaluator, plane: Plane, expected: float) -> None:
    """Check that the loss at the plane's origin is what is known of it.

    Raises:
        ValueError: if it is more than 1 % and 1e-4 away.
    """
    found = float(evaluator(np.zeros((1, plane.axes)))["losses"][0])
    if not abs(found - expected) <= max(0.01 * abs(expected), 1e-4):
        raise ValueError(
            f"the loss at the origin must be {expected:.6g} as recorded, got {found:.6g}; check "
            "the preprocessing of the data, the loss and its reduction, and the weights"
        )


def default_grid(plane: Plane) -> Grid:
    """Return the usual grid: 101 points on a line, 51 x 51 on a plane, 17^3 in a volume."""
    points = {1: 101, 2: 51, 3: 17}[plane.axes]
    return Grid.cube((points,) * plane.axes)


def empty_surface(
    evaluator: PlaneEvaluator,
    plane: Plane,
    grid: Grid,
    *,
    plane_id: str | None = None,
    run: str | None = None,
) -> Surface:
    """Make the surface that :func:`sample_tiles` will fill, every point missing.

    Raises:
        ValueError: if grid and plane have different numbers of axes.
    """
    if len(grid.shape) != plane.axes:
        raise ValueError(
            f"the grid must have one axis for each of the plane's {plane.axes} directions, "
            f"got {len(grid.shape)}"
        )
    settings = {**evaluator.settings, "kind": plane.kind, **plane.settings}
    return Surface.empty(
        grid,
        evaluator.fields,
        plane=plane_id,
        run=run,
        settings={**settings, "cosines": list(plane.cosines)},
    )


def sample_tiles(evaluator: PlaneEvaluator, surface: Surface) -> Iterator[Tile]:
    """Evaluate the missing points of a surface, yielding each finished tile.

    Yields:
        Flat indices of the tile's points, and the values of every field there.
    """
    missing = surface.status.reshape(-1) == Status.MISSING
    for tile in surface.grid.tiles():
        # Whole tiles only: which points share a pass decides the last bits.
        if missing[tile].any():
            yield tile, evaluator(surface.grid.coordinates(tile))


def place(
    evaluator: PlaneEvaluator, plane: Plane, trajectory: Trajectory, *, run: str, plane_id: str
) -> Projection:
    """Place a trajectory on a plane, and evaluate the loss where it was placed.

    Args:
        evaluator: of the model on the plane.
        plane: the plane.
        trajectory: the path.
        run: name of the trajectory's run.
        plane_id: id of the plane.

    Raises:
        ValueError: if plane and trajectory belong to different models.
    """
    coordinates, off_plane, distances = project(trajectory.thetas, plane)
    return Projection(
        run=run,
        plane=plane_id,
        steps=trajectory.steps,
        coordinates=coordinates,
        off_plane_distances=off_plane,
        distances=distances,
        losses=trajectory.losses,
        plane_losses=evaluator(coordinates)["losses"],
    )


def _check_layout(model: nn.Module, plane: Plane) -> None:
    layout = layout_of(unwrapped(model))
    if plane.layout not in (layout, layout_of(model)):
        names = [s.name for s in layout.slots if s not in plane.layout.slots]
        detail = f", first difference: {names[0]}" if names else ""
        raise ValueError(
            f"the plane must belong to the model: {plane.layout.size} parameters there, "
            f"{layout.size} here{detail}; make the plane from this model"
        )
