"""How much a random plane depends on its draw: the loss around the centre, over many planes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.passes import EngineChoice
from landscape.planes.random import random_plane
from landscape.problem import Problem
from landscape.records.arrays import Floats, as_floats
from landscape.records.plane import Normalisation
from landscape.records.results import Analysis

_RADII = tuple(np.arange(1, 9) / 8)


def plane_variability(
    problem: Problem,
    *,
    planes: int = 10,
    radii: Floats | None = None,
    angles: int = 16,
    seed: int = 0,
    normalisation: Normalisation = "filter",
    one_dimensional: str = "zero",
    engine: SamplingConfig | None = None,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Measure the loss on circles around the model's parameters, in several random planes.

    One random plane is one draw. On a circle of radius r the mean loss of a plane is, close to the
    centre, ``L + r^2 (c_alpha + c_beta) / 4`` with the curvatures along its two directions: what
    is left of the draw is what this shows. A difference between two networks' planes that is
    smaller than the spread of either is none.

    Args:
        problem: network, loss and data; the network's present parameters are the centre.
        planes: how many, at least 2; their seeds are ``seed``, ``seed + 1``, ...
        radii: of the circles in multiples of the directions, increasing, [R]; 1/8 to 1 by default.
        angles: points on a circle, evenly spaced, at least 4.
        seed: of the first plane, which is that of ``random_plane(model, seed=seed)``.
        normalisation: as in :func:`landscape.random_plane`.
        one_dimensional: likewise.
        engine: how points are evaluated; None measures once and takes the fastest.
        progress: called with the number of points of each finished plane.

    Returns:
        Analysis ``plane_variability`` with ``radii`` [R], ``seeds`` [K], ``centre`` (the loss
        there), ``losses`` [K, R] (mean over each circle), and over the planes their ``median``,
        ``low`` (smallest) and ``high`` (largest), each [R].

    Raises:
        ValueError: for impossible numbers or radii, or as :func:`landscape.sample`.
    """
    circles = _checked(np.array(_RADII) if radii is None else radii, planes, angles)
    turns = 2 * np.pi * np.arange(angles) / angles
    points = circles[:, None, None] * np.stack([np.cos(turns), np.sin(turns)], axis=1)

    bare = replace(problem, metrics={})

    def evaluator(number: int, choice: EngineChoice | None = None) -> PlaneEvaluator:
        plane = random_plane(
            problem.model, seed=number, normalisation=normalisation, one_dimensional=one_dimensional
        )
        return PlaneEvaluator(
            bare, plane, config=engine, choice=choice,
            points=planes * points[..., 0].size,
        )  # fmt: skip

    first = evaluator(seed)
    losses = np.empty((planes, len(circles)))
    for row in range(planes):
        # The first plane's choice serves all: nothing is measured again.
        here = evaluator(seed + row, first.choice) if row else first
        values = here(points.reshape(-1, 2))["losses"]
        losses[row] = values.reshape(len(circles), angles).mean(axis=1)
        if progress is not None:
            progress(len(values))
    arrays = {
        "radii": circles,
        "seeds": seed + np.arange(planes),
        "centre": first(np.zeros((1, 2)))["losses"][0],
        "losses": losses,
        **_over_planes(losses),
    }
    settings = {"normalisation": normalisation, "one_dimensional": one_dimensional}
    return Analysis("plane_variability", arrays, {**first.settings, **settings, "angles": angles})


def _over_planes(losses: Floats) -> dict[str, Floats]:
    """Median and extremes [R] of losses [K, R]."""
    return {
        "median": np.asarray(np.median(losses, axis=0)),
        "low": np.asarray(losses.min(axis=0)),
        "high": np.asarray(losses.max(axis=0)),
    }


def _checked(radii: Floats, planes: int, angles: int) -> Floats:
    circles = as_floats(radii, "radii", (len(radii),))
    if not len(circles) or not circles[0] > 0 or np.any(np.diff(circles) <= 0):
        raise ValueError(f"radii must be positive and increasing, got {circles.tolist()}")
    if planes < 2 or angles < 4:
        raise ValueError(
            f"a spread needs at least 2 planes and 4 angles, got {planes} and {angles}"
        )
    return circles
