"""Curvature of a surface, from its sampled values alone."""

from __future__ import annotations

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.surface import Surface


def plane_hessian(surface: Surface) -> Floats:
    """Fit the Hessian of the loss in the plane at the origin, [2, 2], by central differences.

    A quadratic is fitted to the 5 x 5 points nearest to (0, 0) by least squares, exact for a
    quadratic loss on any grid. Kinks narrower than the stencil are part of the result, unlike in
    autograd's Hessian.

    Returns:
        Second derivatives with respect to (alpha, beta); NaN if a value of the stencil is not
        finite.

    Raises:
        ValueError: for a surface that is not two-dimensional, has fewer than 3 points a side, or
            does not reach to the origin.
    """
    if surface.losses.ndim != 2 or min(surface.losses.shape) < 3:
        raise ValueError(
            f"curvature needs a grid of at least 3 x 3 points, got {surface.grid.shape}"
        )
    for name, axis in (("alpha", surface.alphas), ("beta", surface.betas)):
        if not axis[0] <= 0 <= axis[-1]:
            raise ValueError(
                f"the curvature is that at the origin: {name} must reach from below 0 to above, "
                f"got {axis[0]:g} to {axis[-1]:g}"
            )
    rows, columns = (_nearest(axis) for axis in (surface.alphas, surface.betas))
    values = surface.losses[np.ix_(rows, columns)].reshape(-1)
    if not np.all(np.isfinite(values)):
        return np.full((2, 2), np.nan)
    alpha, beta = np.meshgrid(surface.alphas[rows], surface.betas[columns], indexing="ij")
    a, b = alpha.reshape(-1), beta.reshape(-1)
    terms = np.stack([np.ones_like(a), a, b, a * a / 2, a * b, b * b / 2], axis=1)
    scale = np.abs(terms).max(axis=0)
    fit = np.linalg.lstsq(terms / scale, values, rcond=None)[0] / scale
    return np.array([[fit[3], fit[4]], [fit[4], fit[5]]])


def plane_sharpness(surface: Surface) -> float:
    """Return the largest curvature of the loss in the plane at the origin.

    The larger eigenvalue of :func:`plane_hessian`, in loss per squared multiple of the direction.
    On a filter-normalised plane it does not change when a network is rescaled, so that it can be
    compared between networks; on others it cannot.
    """
    hessian = plane_hessian(surface)
    return float(np.linalg.eigvalsh(hessian)[-1]) if np.all(np.isfinite(hessian)) else float("nan")


def _nearest(axis: Floats) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Indices of the (up to) five neighbouring points nearest to 0."""
    count = min(5, len(axis))
    starts = [np.abs(axis[i : i + count]).max() for i in range(len(axis) - count + 1)]
    first = int(np.argmin(starts))
    return np.arange(first, first + count, dtype=np.int64)
