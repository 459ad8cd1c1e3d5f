"""Surfaces and paths made of plain arrays."""

from __future__ import annotations

import numpy as np

from landscape.grid import Grid
from landscape.results import Projection
from landscape.surface import Status, Surface


def make_surface(losses: np.ndarray, grid: Grid, run: str | None = None) -> Surface:
    status = np.full(grid.shape, Status.EVALUATED, dtype=np.uint8)
    settings = {"kind": "random", "normalisation": "filter", "seed": 3, "examples": 1797,
                "loss": "cross_entropy"}  # fmt: skip
    return Surface(grid, {"losses": losses}, status, run=run, settings=settings)


def make_path(coordinates: np.ndarray, losses: np.ndarray, *, off_plane: float = 0.0) -> Projection:
    count = len(losses)
    distances = np.linalg.norm(coordinates, axis=1)
    return Projection(
        run="relu-gd-seed0", plane="p", steps=np.arange(count), coordinates=coordinates,
        off_plane_distances=np.full(count, off_plane),
        distances=np.hypot(distances, off_plane), losses=losses, plane_losses=losses,
    )  # fmt: skip
