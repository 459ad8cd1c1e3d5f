"""Learning rates of a grid around the limit of a quadratic, 2 / sharpness at the start."""

from __future__ import annotations

import numpy as np

from landscape.claims.effort import Effort
from landscape.claims.optimizers import MOMENTUM
from landscape.claims.setting import Setting
from landscape.curvature.hessian import hessian_eigenpairs
from landscape.problem import Problem
from landscape.records.arrays import Floats

_SHARPNESS_TOLERANCE = 1e-3
# Rates of a grid below its middle.
BELOW = 4
# The middle of Adam's grid: its steps have the length of the rate, whatever the sharpness.
_ADAM = 0.004


def sharpness_at(problem: Problem, theta: Floats | None = None) -> float:
    """Return the largest eigenvalue of autograd's Hessian, which does not see kinks."""
    pairs = hessian_eigenpairs(
        problem, theta=theta, top=1, bottom=0, tolerance=_SHARPNESS_TOLERANCE
    )
    return float(pairs.values[0])


def grid_around(middles: float | Floats, effort: Effort) -> Floats:
    """Return the rates of a grid around one middle, [R], or around each of several, [M, R]."""
    factors = effort.factor ** (np.arange(effort.rates) - BELOW)
    return np.asarray(np.multiply.outer(middles, factors))


def rate_grid(setting: Setting) -> Floats:
    """Return the rates that every activation is trained with, [R].

    Around 2 / sharpness of the ReLU network at the start, whose autograd's Hessian this is; around
    a tenth of that with momentum 0.9, by which steps add up to ten times as much; of Adam around
    0.004.
    """
    effort = setting.effort
    if effort.optimizer == "adam":
        middle = _ADAM
    else:
        middle = 2 / sharpness_at(setting.problem("relu"))
        middle *= 1.0 if effort.optimizer == "sgd" else 1 - MOMENTUM
    return grid_around(middle, effort)


def middle_rate(setting: Setting) -> float:
    """Return the rate in the middle of the grid: of gradient descent 2 / sharpness at the start."""
    return float(rate_grid(setting)[0] * setting.effort.factor**BELOW)
