"""Slopes and curvature of a sampled surface by differences of its grid."""

from __future__ import annotations

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.surface import Surface

# Fields of exact slopes.
GRADIENTS = ("gradient_alpha", "gradient_beta")


def has_gradients(surface: Surface) -> bool:
    """Return whether a surface has its exact slopes."""
    return set(GRADIENTS) <= set(surface.fields)


def slopes_of(height: Floats, axis: Floats, along: int) -> Floats:
    """Return central differences [A, B] along an axis of the grid.

    One-sided at the rim and beside missing values.
    """
    height = np.moveaxis(height, along, 0)
    step = np.diff(axis).reshape(-1, *[1] * (height.ndim - 1))
    slope = np.diff(height, axis=0) / step
    edge = np.full_like(height[:1], np.nan)
    pair = np.stack([np.concatenate([edge, slope]), np.concatenate([slope, edge])])
    there = np.isfinite(pair)
    total = np.where(there, pair, 0.0).sum(axis=0)
    return np.moveaxis(total / np.maximum(there.sum(axis=0), 1), 0, along)


def laplacian(values: Floats, axes: tuple[Floats, ...]) -> Floats:
    """Return the sum of second differences, [A, B]; NaN at the rim and beside missing values.

    Exact for quadratics, on uneven axes too.
    """
    total = np.zeros_like(values)
    for along, axis in enumerate(axes):
        moved = np.moveaxis(values, along, 0)
        step = np.diff(axis).reshape(-1, *[1] * (values.ndim - 1))
        slope = np.diff(moved, axis=0) / step
        second = np.full_like(moved, np.nan)
        second[1:-1] = np.diff(slope, axis=0) / ((step[1:] + step[:-1]) / 2)
        total = total + np.moveaxis(second, 0, along)
    return np.asarray(total)
