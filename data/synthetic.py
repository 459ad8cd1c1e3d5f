"""Two-dimensional toys, the same on every call."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .batch import Arrays

_SEED = 0


def moons(examples: int = 500, noise: float = 0.1) -> Arrays:
    """Return two interleaved half circles with Gaussian noise, [examples, 2], 2 classes."""
    rng = np.random.default_rng(_SEED)
    half = examples // 2
    upper, lower = np.linspace(0, np.pi, half), np.linspace(0, np.pi, examples - half)
    points = np.concatenate(
        [
            np.stack([np.cos(upper), np.sin(upper)], axis=1),
            np.stack([1 - np.cos(lower), 0.5 - np.sin(lower)], axis=1),
        ]
    )
    return points + rng.normal(scale=noise, size=points.shape), _classes(half, examples - half)


def spirals(examples: int = 600, noise: float = 0.02, turns: float = 1.75) -> Arrays:
    """Return two interleaved spirals with Gaussian noise, [examples, 2], 2 classes.

    Points lie at even distances along the radius, so that the middle is densest.
    """
    rng = np.random.default_rng(_SEED)
    half = examples // 2
    arms = []
    for arm, count in enumerate((half, examples - half)):
        radius = np.linspace(0.05, 1.0, count)
        angle = 2 * np.pi * turns * radius + np.pi * arm
        arms.append(np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1))
    points = np.concatenate(arms)
    return points + rng.normal(scale=noise, size=points.shape), _classes(half, examples - half)


def _classes(first: int, second: int) -> NDArray[np.int64]:
    return np.repeat(np.array([0, 1], dtype=np.int64), (first, second))
