"""Sampling: the loss at every point of a grid over a plane, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from landscape.arrays import Floats
from landscape.evaluation import Evaluator, LossFunction, as_batches, choose_engine
from landscape.grid import Grid
from landscape.parameters import layout_of
from landscape.plane import Plane
from landscape.projection import project
from landscape.results import Projection
from landscape.surface import Status, Surface
from landscape.trajectory import Trajectory

Progress = Callable[[int], None]
Tile = tuple[NDArray[np.int64], dict[str, Floats]]


def make_evaluator(
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    *,
    theta: Floats,
    dtype: torch.dtype | None = None,
    strategy: str = "auto",
    chunk: int = 16,
    threads: int = 0,
) -> Evaluator:
    """Make an evaluator with the strategy asked for, or the fastest by a brief measurement.

    Args:
        model: any module; never moved.
        loss: name or function of (output, target).
        data: pair of tensors or arrays, or an iterable of such pairs.
        theta: a typical point, [P].
        dtype: precision; None takes that of the model's first parameter.
        strategy: ``loop``, ``vmap`` or ``auto``.
        chunk: points per call of ``vmap``.
        threads: 0 takes one or all, whichever is faster.

    Raises:
        ValueError: for unusable data, or a model that is not deterministic in evaluation mode.
    """
    first = next(model.parameters(), None)
    if first is None:
        raise ValueError("the model has no parameters; nothing can be varied")
    dtype = dtype or first.dtype
    batches = as_batches(data, device=first.device, dtype=dtype)

    def make(strategy: str, chunk: int, threads: int) -> Evaluator:
        return Evaluator(
            model, loss, batches, dtype=dtype, strategy=strategy, chunk=chunk, threads=threads
        )

    make("loop", 1, 0).check_deterministic(theta)
    choice = choose_engine(make, theta, strategy=strategy, chunk=chunk, threads=threads)
    return make(choice.strategy, choice.chunk, choice.threads)


def sample(
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    plane: Plane,
    *,
    grid: Grid | None = None,
    dtype: torch.dtype | None = None,
    strategy: str = "auto",
    chunk: int = 16,
    threads: int = 0,
    progress: Progress | None = None,
) -> Surface:
    """Sample the loss over a plane.

    The point (alpha, beta) is ``origin + alpha d_alpha + beta d_beta``, computed in float64 from
    the plane's vectors alone; the model is bit-identical afterwards.

    Args:
        model: any module whose parameters have the plane's layout.
        loss: ``cross_entropy``, ``mse``, or a function of (output, target) that returns the mean
            of a batch or one value per example.
        data: pair (inputs, targets), or an iterable of such pairs.
        plane: see :func:`landscape.random_plane` and :func:`landscape.pca_plane`.
        grid: coordinates; 51 x 51 over [-1, 1]^2 by default.
        dtype: precision of the forward pass; None takes the model's.
        strategy: ``loop``, ``vmap`` or ``auto``.
        chunk: points per call of ``vmap``.
        threads: 0 takes one or all, whichever is faster.
        progress: called with the number of points of each finished tile.

    Raises:
        ValueError: if the plane does not belong to the model, or for unusable data.
    """
    _check_layout(model, plane)
    evaluator = make_evaluator(
        model, loss, data, theta=plane.origin, dtype=dtype, strategy=strategy, chunk=chunk,
        threads=threads,
    )  # fmt: skip
    surface = empty_surface(evaluator, plane, grid or Grid.square())
    for indices, values in sample_tiles(evaluator, plane, surface):
        surface = surface.with_points(indices, values, Status.EVALUATED)
        if progress is not None:
            progress(len(indices))
    return surface


def empty_surface(
    evaluator: Evaluator,
    plane: Plane,
    grid: Grid,
    *,
    plane_id: str | None = None,
    run: str | None = None,
) -> Surface:
    """Make the surface that :func:`sample_tiles` will fill, every point missing."""
    settings = {**evaluator.settings, "kind": plane.kind, **plane.settings, "cosine": plane.cosine}
    return Surface.empty(grid, evaluator.fields, plane=plane_id, run=run, settings=settings)


def sample_tiles(evaluator: Evaluator, plane: Plane, surface: Surface) -> Iterator[Tile]:
    """Evaluate the missing points of a surface, yielding each finished tile.

    Yields:
        Flat indices of the tile's points, and the values of every field there.
    """
    missing = surface.status.reshape(-1) == Status.MISSING
    for tile in surface.grid.tiles():
        if not missing[tile].any():
            continue
        # Whole tiles only: which points share a chunk decides the last bits.
        chunks = [tile[i : i + evaluator.chunk] for i in range(0, len(tile), evaluator.chunk)]
        parts = [evaluator(plane.points(surface.grid.coordinates(chunk))) for chunk in chunks]
        yield tile, {name: np.concatenate([p[name] for p in parts]) for name in evaluator.fields}


def place(
    evaluator: Evaluator, plane: Plane, trajectory: Trajectory, *, run: str, plane_id: str
) -> Projection:
    """Place a trajectory on a plane, and evaluate the loss where it was placed.

    Args:
        evaluator: of the model at the plane's origin.
        plane: the plane.
        trajectory: the path.
        run: name of the trajectory's run.
        plane_id: id of the plane.

    Raises:
        ValueError: if plane and trajectory belong to different models.
    """
    coordinates, off_plane, distances = project(trajectory.thetas, plane)
    chunks = range(0, len(coordinates), evaluator.chunk)
    parts = [evaluator(plane.points(coordinates[i : i + evaluator.chunk])) for i in chunks]
    return Projection(
        run=run,
        plane=plane_id,
        steps=trajectory.steps,
        coordinates=coordinates,
        off_plane_distances=off_plane,
        distances=distances,
        losses=trajectory.losses,
        plane_losses=np.concatenate([part["losses"] for part in parts]),
    )


def _check_layout(model: nn.Module, plane: Plane) -> None:
    layout = layout_of(model)
    if layout != plane.layout:
        names = [s.name for s in layout.slots if s not in plane.layout.slots]
        detail = f", first difference: {names[0]}" if names else ""
        raise ValueError(
            f"the plane must belong to the model: {plane.layout.size} parameters there, "
            f"{layout.size} here{detail}; make the plane from this model"
        )
