"""Claim 1: does descent bounce, and more so at kinks?

Two things are called bouncing. Descent along a valley at a rate near 2 / sharpness jumps from one
wall to the other, kink or none: successive gradients point against each other, and the step
reverses along the sharpest direction. And a unit may jump left and right of z = 0: a
pre-activation crosses 0 and crosses back with the next step. Both depend on the rate times the
sharpness, so that twins are compared at equal products, kept equal as the sharpness changes.

The sharpness by which rates are matched is that of gradients a step apart, the largest
eigenvalue of ``(g(theta + h v) - g(theta - h v)) / 2h``. Autograd's is logged beside it, and
cannot serve: it is blind to the kinks of ReLU, and sees the same corner, rounded over a width that
holds a handful of pre-activations, as a few enormous spikes.

References:
    Cohen et al. (2021), Gradient descent on neural networks typically occurs at the edge of
    stability, section 3.
    Xing et al. (2018), A walk with SGD, section 3, for the cosine of successive gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.arrays import Floats
from landscape.dynamics.claims import KIND, Finding, Setting, claim_of, finding
from landscape.dynamics.comparing import Quantity, contrasts, said
from landscape.dynamics.pre_activations import pre_activations
from landscape.dynamics.stable_rate import sharpness_at
from landscape.dynamics.stacked import Examples, Stack
from landscape.dynamics.twins import activations_of, twins
from landscape.randomness import keyed_normal
from landscape.results import Analysis

# Rates x sharpness: two below the edge of stability at 2, one above.
LEVELS = (0.5, 1.5, 2.5)
_PRODUCTS = 16
# What is measured at every step and averaged over a run.
_MEANS = ("cosines", "reversals", "along", "crossings", "returns")


def sharpest(
    gradient: Callable[[Floats], Floats], theta: Floats, start: Floats, *, scale: float
) -> tuple[float, Floats]:
    """Return the largest curvature at a scale, and its direction.

    By Lanczos' method with full reorthogonalisation on differences of gradients ``scale`` to either
    side; exact for a quadratic.

    Args:
        gradient: of the mean loss, [P] to [P].
        theta: where, [P].
        start: any vector, [P]; the direction found last is best.
        scale: h, a length in parameter space.
    """
    basis = [start / np.linalg.norm(start)]
    products: list[Floats] = []
    for _ in range(min(_PRODUCTS, len(theta))):
        step = scale * basis[-1]
        products.append((gradient(theta + step) - gradient(theta - step)) / (2 * scale))
        rest = products[-1].copy()
        for _ in range(2):
            rest -= np.stack(basis).T @ (np.stack(basis) @ rest)
        length = float(np.linalg.norm(rest))
        if length <= 1e-8 * float(np.linalg.norm(products[-1])):
            break
        basis.append(rest / length)
    inner = np.stack(basis[: len(products)]) @ np.stack(products).T
    values, vectors = np.linalg.eigh((inner + inner.T) / 2)
    direction = vectors[:, -1] @ np.stack(basis[: len(products)])
    return float(values[-1]), direction


def bounce(
    model: nn.Module,
    loss: str,
    examples: Examples,
    *,
    level: float,
    steps: int,
    every: int,
    seed: int = 0,
) -> dict[str, Floats]:
    """Let gradient descent run at ``level / sharpness`` and watch it bounce.

    The sharpness, at the scale of the last step, is measured anew every few steps, and the rate
    with it.

    Args:
        model: the network at its start; left alone.
        loss: see :func:`landscape.dynamics.stacked.descend`.
        examples: pair (inputs, targets).
        level: rate x sharpness; a quadratic descends below 2, and bounces above 1.
        steps: optimizer steps.
        every: steps between measurements of the sharpness.
        seed: of the vector from which the sharpest direction is found.

    Returns:
        For every step after the first, [steps - 1]: ``cosines`` of successive gradients (at a
        constant rate those of successive steps too), ``along`` (share of the squared gradient along
        the sharpest direction), ``reversals`` (1 where the component of the
        step along the sharpest direction changed its sign), ``crossings`` of z = 0 as a share of
        all pre-activations, ``returns``: those that crossed back with the step after, as a share
        of the crossings of the step before; NaN where there were none. Per measurement:
        ``sharpness``, ``rates``. ``losses [steps]``. Shorter if the loss was not finite any more.
    """
    stack = Stack(model, loss)
    theta = stack.theta.double().numpy()

    def at(place: Floats) -> tuple[float, Floats]:
        losses, slopes = stack.gradients(torch.from_numpy(place)[None].to(stack.dtype), examples)
        return float(losses[0]), slopes[0].double().numpy()

    watched = _Watched(model, examples[0], stack)
    direction = keyed_normal((len(theta),), seed, "sharpest").numpy()
    log: dict[str, list[float]] = {name: [] for name in (*_MEANS, "sharpness", "rates", "losses")}
    before = component = None
    scale, rate = 1e-3 * float(np.linalg.norm(theta)), 0.0
    for step in range(steps):
        value, slope = at(theta)
        if not np.isfinite(value) or not np.isfinite(slope).all():
            break
        if step % every == 0:
            found, direction = sharpest(lambda p: at(p)[1], theta, direction, scale=scale)
            rate = level / max(found, np.finfo(float).tiny)
            log["sharpness"].append(found)
            log["rates"].append(rate)
            component = None
        along = float(slope @ direction)
        if before is not None:
            lengths = float(np.linalg.norm(slope) * np.linalg.norm(before))
            log["cosines"].append(float(slope @ before) / lengths if lengths else np.nan)
            log["along"].append(along**2 / max(float(slope @ slope), np.finfo(float).tiny))
            # A new sharpest direction has no step before it.
            log["reversals"].append(np.nan if component is None else float(along * component < 0))
        crossed, returned = watched.seen(theta)
        if step:
            log["crossings"].append(crossed)
            log["returns"].append(returned)
        log["losses"].append(value)
        before, component = slope, along
        scale = max(rate * float(np.linalg.norm(slope)), 1e-12)
        theta = theta - rate * slope
    return {name: np.array(values) for name, values in log.items()}


class _Watched:
    """Counts crossings of z = 0, and those that are taken back at once."""

    def __init__(self, model: nn.Module, inputs: Tensor, stack: Stack) -> None:
        self._model, self._inputs, self._stack = model, inputs, stack
        self._side: Tensor | None = None
        self._crossed: Tensor | None = None

    def seen(self, theta: Floats) -> tuple[float, float]:
        """Return the share that crossed since the last call, and of those before that returned."""
        parameters = self._stack.named(torch.from_numpy(theta).to(self._stack.dtype))
        found = pre_activations(self._model, self._inputs, parameters)
        side = torch.cat([z.reshape(-1) > 0 for z in found.values()])
        crossed = None if self._side is None else side ^ self._side
        share = float("nan") if crossed is None else float(crossed.double().mean())
        returned = float("nan")
        if crossed is not None and self._crossed is not None and self._crossed.any():
            returned = float(crossed[self._crossed].double().mean())
        self._side, self._crossed = side, crossed
        return share, returned


def measure(setting: Setting) -> Analysis:
    """Measure claim 1 for one seed.

    Returns:
        Arrays over activations A and levels of rate x sharpness C, means over the steps:
        ``cosines``, ``reversals``, ``along``, ``crossings``, ``returns`` [A, C]; ``sharpness [A, C,
        records]``; ``autograd_sharpness [A]`` at the start; ``ended [A, C]``: steps that were
        finite; ``last_losses [A, C]``.
    """
    names, effort = activations_of(twins(setting.effort.twins)), setting.effort
    every = max(effort.steps // effort.records, 1)
    records = -(-effort.steps // every)
    shape = (len(names), len(LEVELS))
    arrays: dict[str, Floats] = {
        key: np.full(shape, np.nan) for key in (*_MEANS, "ended", "last_losses")
    }
    arrays["sharpness"] = np.full((*shape, records), np.nan)
    arrays["autograd_sharpness"] = np.full(len(names), np.nan)
    for row, name in enumerate(names):
        model = setting.model(name)
        start = torch.cat([p.detach().reshape(-1) for p in model.parameters()]).numpy()
        arrays["autograd_sharpness"][row] = sharpness_at(
            model, setting.loss, setting.examples, start
        )
        for column, level in enumerate(LEVELS):
            run = bounce(model, setting.loss, setting.examples, level=level,
                         steps=effort.steps, every=every, seed=setting.seed)  # fmt: skip
            for key in _MEANS:
                arrays[key][row, column] = _mean(run[key])
            arrays["ended"][row, column] = len(run["losses"])
            arrays["last_losses"][row, column] = run["losses"][-1]
            arrays["sharpness"][row, column, : len(run["sharpness"])] = run["sharpness"]
    settings = {**setting.facts(), "claim": 1, "activations": list(names), "levels": list(LEVELS)}
    return Analysis(KIND, arrays, settings)


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _pick(field: str, level: int) -> Any:
    return lambda analysis, activation: float(analysis.arrays[field][activation, level])


def _quantities(field: str, name: str, claimed: int, margin: float) -> list[Quantity]:
    return [
        Quantity(name=f"{name} at rate x sharpness {level:g}", values=_pick(field, column),
                 claimed=claimed, margin=margin, scale="linear")
        for column, level in enumerate(LEVELS)
    ]  # fmt: skip


# Fixed before any sweep was run: five in a hundred steps, or crossings.
_MARGIN = 0.05
_REVERSALS = _quantities("reversals", "share of steps that reverse", 1, _MARGIN)
_RETURNS = _quantities("returns", "share of crossings taken back", 1, _MARGIN)
# One level on either side of the edge.
PRIMARY = (*_REVERSALS[1:], *_RETURNS[1:])
SHOWN = (
    _REVERSALS[0],
    _RETURNS[0],
    *_quantities("cosines", "cosine of successive gradients", -1, _MARGIN),
)


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Judge claim 1: the kinked twin reverses more often, and its units cross back more often."""
    deciding = [c for quantity in PRIMARY for c in contrasts(analyses, quantity)]
    beside = [c for quantity in SHOWN for c in contrasts(analyses, quantity)]
    beside += [c for q in PRIMARY for c in contrasts(analyses, q, primary=False)]
    return finding(
        1,
        deciding,
        sentence=f"Kinked minus smooth: {said(deciding) or 'not compared, one seed'}. "
        f"{_weight(analyses)}",
        shown=beside,
        limits="Full-batch gradient descent; rates follow the sharpness at the scale of a step.",
    )


def _weight(analyses: Sequence[Analysis]) -> str:
    """Say how much the reversals weigh: their share of the gradient, and its cosines."""
    if not analyses:
        return ""
    along = max(float(np.median([a.arrays["along"][0, c] for a in analyses]))
                for c in range(len(LEVELS)))  # fmt: skip
    least = np.median([a.arrays["cosines"][0].min() for a in analyses])
    return (
        f"For ReLU the sharpest direction holds at most {along:.2g} of the squared gradient, and "
        f"successive gradients keep a cosine of at least {least:.3g}: what reverses is a small "
        "part of the step."
        if along < 0.05 < least
        else f"For ReLU the sharpest direction holds up to {along:.2g} of the squared gradient; "
        f"cosines of successive gradients go down to {least:.3g}."
    )


CLAIM = claim_of(1, measure=measure, verdict=verdict)
