"""The Hessian of the loss: autograd's, or that of the loss averaged over a cloud of parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np

from landscape.curvature.cloud import Cloud, Kernels
from landscape.curvature.derivatives import HessianProduct, LossAtPoint
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

KIND = "expected_hessian"
# Directions of a check, and what its settings hold of their errors.
DIRECTIONS = 8
CHECK = ("rms_error", "autograd_rms_error", "noise", "text")
# Gradients are compared this multiple of the scale before and behind a centre.
_HALF = 0.3


def hessian_product(
    problem: Problem,
    theta: Floats | None = None,
    *,
    varied: Collection[str] | None = None,
    scale: float | None = None,
    probes: int = 12,
    seed: int = 0,
) -> HessianProduct:
    """Return the Hessian of the loss as a linear operator [P, P].

    Without ``scale`` it is the Hessian that autograd finds. At kinks (ReLU, max pooling) it misses
    the jumps of the slope. With ``scale`` these are in it, as in the Hessian of the loss averaged
    over a cloud,

        L_e(theta) = E L(theta + e d),   E |e d|^2 = scale^2,

    where d is a filter-normalised random direction (:func:`landscape.random_plane`) in the
    parameters that vary. To first order in e

        Hess L_e = E Hess_ae + sum over examples, units, kinks z0 of
                   jump g N(z; z0, h^2) grad z grad z',    h^2 = E (e d . grad z)^2.

    For z is spread in the cloud like a normal variable with mean z(theta) and deviation h, and
    ``jump delta(z - z0) g grad z grad z'`` is the second derivative at the kink, with g the
    derivative of the loss by the unit's output and jump the right slope minus the left. The
    operator takes g, grad z and Hess_ae at theta. h of every unit and example comes from ``probes``
    forward passes. The largest of several values is the second best plus a ReLU of the difference.
    Loss and gradient do not change. Where nothing kinks it is autograd's Hessian exactly, and with
    scale -> 0 it tends to that away from kinks.

    It holds for directions that are drawn like the cloud. A given step, or the sharpest direction,
    is not: it depends on the very kinks that lie nearby. Along single steps of gradient descent the
    operator was off by 4 to 62 % in the median of four networks. For a given step there is
    :func:`landscape.kinks.predicted_slope_change`; the ends of the spectrum are offered of
    autograd's Hessian alone.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters.
        varied: names of the parameters that vary; rows and columns of all others are zero. None
            takes all, whatever their ``requires_grad``.
        scale: root mean square length of the cloud's steps in parameter space, such as the length
            of an optimizer's step; None is autograd's Hessian.
        probes: forward passes over the data to find h, whose relative error is about
            1 / sqrt(2 probes).
        seed: of the probes.

    Returns:
        The operator. A product takes 1.1 to 1.7 times as long with ``scale`` as without, and one
        number for each unit that kinks and example is kept. ``unseen`` names what may kink and is
        not covered: choices by a comparison, sorting, functions of the user's own.

    Raises:
        ValueError: as :func:`gradient`, for unknown names, a model that is not deterministic, a
            network without second derivatives (reentrant checkpoints), a scale that is not
            positive or nothing to spread. A product raises it where an operation has no second
            derivative.

    References:
        docs/mathematics.md, section "The Hessian of a cloud".

    >>> import torch
    >>> bowl = torch.nn.Linear(2, 1, bias=False)
    >>> operator = hessian_product(Problem(bowl, "mse", (torch.eye(2), torch.zeros(2, 1))))
    >>> (operator @ np.array([1.0, 0.0])).tolist()
    [1.0, 0.0]
    """
    at = LossAtPoint(problem, theta, varied=varied)
    operator = HessianProduct(at)
    if scale is not None:
        operator.kinks = Kernels(problem, at, scale, probes=probes, seed=seed)
    return operator


def expected_hessian_check(
    problem: Problem,
    theta: Floats | None = None,
    *,
    scale: float,
    varied: Collection[str] | None = None,
    directions: int = DIRECTIONS,
    centres: int = 40,
    probes: int = 12,
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Compare :func:`hessian_product` at a scale with differences of gradients over its cloud.

    For each of K unit directions v drawn like the cloud, v' Hess L_e v is estimated from M centres
    c of the cloud, drawn anew for each, by the mean of

        v' (grad L(c + s v) - grad L(c - s v)) / (2 s),   s = 0.3 scale.

    That takes 2 K M gradients. An rms error is the root mean square of the differences from these
    estimates, over the root mean square of the estimates; the noise is that of their standard
    errors. An error below the noise is not told from zero.

    Args:
        problem: network, loss and data; only read.
        theta: where, [P]; None takes the model's present parameters.
        scale: as of :func:`hessian_product`.
        varied: as there.
        directions: K.
        centres: M, at least 2.
        probes: as there.
        seed: of all draws.
        progress: called with 1 after every direction.

    Returns:
        An analysis ``expected_hessian`` with v'Hv for each direction, [K]: ``truth`` and its
        ``standard_errors``, ``expected`` (with the scale) and ``autograd`` (without). Settings:
        ``rms_error``, ``autograd_rms_error``, ``noise`` as shares, ``text`` that says them, and
        those of the operator.

    Raises:
        ValueError: as :func:`hessian_product`, for fewer than 1 direction or 2 centres, or where
            the loss has no curvature along any direction.

    >>> import torch
    >>> bowl = torch.nn.Linear(2, 1, bias=False)
    >>> problem = Problem(bowl, "mse", (torch.eye(2), torch.zeros(2, 1)))
    >>> found = expected_hessian_check(problem, scale=0.1, directions=2, centres=3)
    >>> found.arrays["truth"].round(9).tolist(), found.arrays["expected"].round(9).tolist()
    ([1.0, 1.0], [1.0, 1.0])
    """
    if directions < 1 or centres < 2:
        raise ValueError(
            f"directions must be >= 1 and centres >= 2, got {directions} and {centres}"
        )
    operator = hessian_product(problem, theta, varied=varied, scale=scale, probes=probes, seed=seed)
    at = operator.at
    cloud = Cloud.around(problem, at, scale, seed=seed)
    rows = []
    for number in range(directions):
        v = cloud.direction(f"direction {number}")
        v /= np.linalg.norm(v)
        points = [cloud.point(f"centre {number} {m}") for m in range(centres)]
        each = [_curvature(at, point, v, _HALF * scale) for point in points]
        at.theta = cloud.theta
        along = (v @ (operator @ v), v @ at.hessian_times(v))
        rows.append((np.mean(each), np.std(each, ddof=1) / np.sqrt(centres), *along))
        if progress is not None:
            progress(1)
    names = ("truth", "standard_errors", "expected", "autograd")
    arrays = dict(zip(names, np.array(rows).T, strict=True))
    counts = {"directions": directions, "centres": centres}
    return Analysis(KIND, arrays, {**operator.settings, **counts, **_errors(arrays)})


def _curvature(at: LossAtPoint, centre: Floats, v: Floats, half: float) -> float:
    """Return the difference of slopes along a unit vector, over the way between them."""
    slopes = []
    for sign in (1, -1):
        at.theta = centre + sign * half * v
        slopes.append(float(v @ at.gradient()))
    return (slopes[0] - slopes[1]) / (2 * half)


def _errors(arrays: Mapping[str, Floats]) -> dict[str, Any]:
    """Return errors as shares of the root mean square of the truth, and a text with them.

    Raises:
        ValueError: if that is zero.
    """
    truth = arrays["truth"]
    whole = _rms(truth)
    if whole == 0:
        raise ValueError("the loss has no curvature along any of the directions; is it linear?")
    error, plain = (_rms(arrays[name] - truth) / whole for name in ("expected", "autograd"))
    noise = _rms(arrays["standard_errors"]) / whole
    text = (
        f"rms error {100 * error:.2g} % (noise of the check {100 * noise:.2g} %), "
        f"autograd's {100 * plain:.2g} %"
    )
    return dict(zip(CHECK, (error, plain, noise, text), strict=True))


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
