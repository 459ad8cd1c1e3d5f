"""A surface against a reference: the difference of the losses, or kinks in each of its cells."""

from __future__ import annotations

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.kink_map import KinkMap
from landscape.records.surface import Surface

from .height import Kind, surface_heights
from .matching import mismatches
from .window import Window


def reservations(surface: Surface, other: Surface) -> list[str]:
    """Say why a difference is not one between two losses at one place."""
    reasons = mismatches([surface, other])
    seeds = [each.settings.get("seed") for each in (surface, other)]
    if (
        all(each.settings.get("kind") == "random" for each in (surface, other))
        and len(set(seeds)) > 1
    ):
        reasons.append(f"their planes have the seeds {seeds[0]} and {seeds[1]}")
    if surface.run and surface.run == other.run and surface.plane and surface.plane != other.plane:
        reasons.append("they lie over two planes of one run")
    return [f"Subtract with care: {'; '.join(reasons)}."] if reasons else []


def difference(surface: Surface, other: Surface, height: Kind) -> Floats:
    """Return the heights of a surface less those of another, [A, B]; NaN where either has none.

    Raises:
        ValueError: if their grids differ.
    """
    same = surface.grid.shape == other.grid.shape and all(
        np.allclose(a, b, rtol=0, atol=1e-9 * np.ptp(a))
        for a, b in zip(surface.grid.axes, other.grid.axes, strict=True)
    )
    if not same:
        raise ValueError(
            "surface and reference must have one grid to be subtracted, got "
            f"{surface.grid.shape} and {other.grid.shape} points or other spans; sample both on one"
        )
    return np.asarray(surface_heights(surface, height) - surface_heights(other, height))


def cell_density(surface: Surface, kinks: KinkMap) -> Floats:
    """Return the density of a map in the cells of a surface's grid, [A - 1, B - 1].

    By the areas that the cells of the two grids share: the sum of density times area over the
    window stays as it is.

    Raises:
        ValueError: if surface and map span different windows.
    """
    check_window(surface, kinks)
    lines = (kinks.alphas, kinks.betas)
    first, second = (_shared(mine, theirs)
                     for mine, theirs in zip(surface.grid.axes, lines, strict=True))  # fmt: skip
    return np.asarray(first @ kinks.density @ second.T)


def check_window(surface: Surface, kinks: KinkMap) -> None:
    """Check that a surface and a map show one window.

    Raises:
        ValueError: otherwise, or for a surface without two axes.
    """
    window = Window.around([surface])
    ends = np.array([window.alpha, window.beta])
    room = 1e-9 * np.ptp(ends, axis=1, keepdims=True)
    if np.any(np.abs(ends - np.array(kinks.window)) > room):
        raise ValueError(
            f"surface and map must span one window, the map's is {kinks.window}, got "
            f"{tuple(map(tuple, ends.tolist()))}; sample the surface on the map's window"
        )


def _shared(mine: Floats, theirs: Floats) -> Floats:
    """Return which share of each of my intervals lies in each of theirs, [A - 1, K - 1]."""
    low = np.maximum(mine[:-1, None], theirs[None, :-1])
    high = np.minimum(mine[1:, None], theirs[None, 1:])
    return np.asarray(np.clip(high - low, 0.0, None) / np.diff(mine)[:, None])
