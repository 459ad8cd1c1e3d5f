"""Surfaces and paths made of plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

from landscape import Grid, Projection, Surface
from landscape.records.results import Analysis
from landscape.records.surface import Status


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


def followed_path(count: int = 30, *, rate: float | None = 0.1, kinked: bool = True,
              **changes: Any) -> Analysis:  # fmt: skip
    """Make what was measured along a path: ``count`` steps, four of them in full."""
    t = np.linspace(0, 1, count)
    change = 0.03 + 0.08 * t
    checked = np.unique(np.linspace(0, max(count - 1, 0), 4).astype(int)) if count else t
    c = np.linspace(0, 1, len(checked))
    arrays = {
        "steps": np.arange(count) * 10, "losses": 2 * np.exp(-3 * t), "promised": -2 - t,
        "slope_change": change, "smooth": change * (1 - 0.8 * t), "kink": 0.8 * t * change,
        "predicted_kink": 0.85 * t * change, "predicted_crossings": 100 * (2 - 1.9 * t),
        "taken_back": 0.3 * t * change, "predicted_taken_back": 0.33 * t * change,
        "checked": checked, "budget_smooth": 0.05 - 0.02 * c, "budget_kink": 0.04 * c,
        "linear_range": 1 + c, "lipschitz": 30 - 20 * c, "sharpness": 4 + c,
        "kink_noise": 0.01 + 0.1 * c, **changes,
    }  # fmt: skip
    settings = {"learning_rate": rate, "examples": 100, "kinked": kinked, "least_change": 0.01}
    return Analysis("along_path", arrays, settings)
