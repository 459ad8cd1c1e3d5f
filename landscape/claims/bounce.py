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

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.claims.comparing import Quantity, decided, registered
from landscape.claims.primary import deciding_twins
from landscape.claims.rates import sharpness_at
from landscape.claims.setting import Setting
from landscape.claims.sharpest import sharpest
from landscape.claims.stacked import Stack
from landscape.claims.statistics import log_margin
from landscape.claims.summaries import effects
from landscape.claims.twins import activations_of, twins
from landscape.claims.verdicts import Finding, finding
from landscape.claims.watching import pre_activations
from landscape.networks.randomness import keyed_normal
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

# Rates x sharpness: two below the edge of stability at 2, one above.
LEVELS = (0.5, 1.5, 2.5)
# What is measured at every step and averaged over a run.
_MEANS = ("cosines", "reversals", "along", "crossings", "returns")


def bounce(
    problem: Problem,
    *,
    levels: Sequence[float],
    steps: int,
    every: int,
    seed: int = 0,
) -> list[dict[str, Floats]]:
    """Let gradient descent run at ``level / sharpness``, for several levels, and watch it bounce.

    The sharpness, at the scale of the last step, is measured anew every few steps, and the rate
    with it.

    Args:
        problem: the network at its start, loss and data; see
            :func:`landscape.claims.stacked.descend`.
        levels: rates x sharpness; a quadratic descends below 2, and bounces above 1.
        steps: optimizer steps.
        every: steps between measurements of the sharpness.
        seed: of the vector from which the sharpest direction is found.

    Returns:
        For each level: for every step after the first, [steps - 1]: ``cosines`` of successive
        gradients (at a constant rate those of successive steps too), ``along`` (share of the
        squared gradient along the sharpest direction), ``reversals`` (1 where the component of the
        step along the sharpest direction changed its sign), ``crossings`` of z = 0 as a share of
        all pre-activations, ``returns``: those that crossed back with the step after, as a share
        of the crossings of the step before; NaN where there were none. Per measurement:
        ``sharpness``, ``rates``. ``losses [steps]``. Shorter if the loss was not finite any more.
    """
    stack = Stack(problem)
    count = len(levels)
    thetas = np.repeat(stack.theta.double().numpy()[None], count, axis=0)

    def at(places: Floats) -> tuple[Floats, Floats]:
        losses, slopes = stack.gradients(torch.from_numpy(places).to(stack.dtype))
        return losses.double().numpy(), slopes.double().numpy()

    runs = [_Run(stack) for _ in levels]
    directions = np.repeat(keyed_normal((thetas.shape[1],), seed, "sharpest").numpy()[None], count,
                           axis=0)  # fmt: skip
    scales, rates = 1e-3 * np.linalg.norm(thetas, axis=1), np.zeros(count)
    for step in range(steps):
        values, slopes = at(thetas)
        going = np.isfinite(values) & np.isfinite(slopes).all(axis=1)
        if not going.any():
            break
        fresh = step % every == 0
        if fresh:
            sharpness, directions = sharpest(lambda p: at(p)[1], thetas, directions, scales=scales)
            rates = np.asarray(levels) / np.maximum(np.nan_to_num(sharpness), np.finfo(float).tiny)
        for copy, run in enumerate(runs):
            run.going = run.going and bool(going[copy])
            if not run.going:
                continue
            if fresh:
                run.measured(float(sharpness[copy]), float(rates[copy]))
            run.step(float(values[copy]), slopes[copy], directions[copy], thetas[copy])
        scales = np.maximum(rates * np.linalg.norm(slopes, axis=1), 1e-12)
        thetas = thetas - rates[:, None] * slopes
    return [run.log() for run in runs]


class _Run:
    """What is noted of one descent."""

    def __init__(self, stack: Stack) -> None:
        self.going = True
        self._stack = stack
        self._side: Tensor | None = None
        self._crossed: Tensor | None = None
        self._before: Floats | None = None
        self._component: float | None = None
        self._log: dict[str, list[float]] = {
            name: [] for name in (*_MEANS, "sharpness", "rates", "losses")
        }

    def measured(self, sharpness: float, rate: float) -> None:
        """Note a measurement of the sharpness."""
        self._log["sharpness"].append(sharpness)
        self._log["rates"].append(rate)
        # A new sharpest direction has no step before it.
        self._component = None

    def step(self, value: float, slope: Floats, direction: Floats, theta: Floats) -> None:
        """Note a step: the loss, the gradient [P], the sharpest direction [P], the place [P]."""
        log, along = self._log, float(slope @ direction)
        crossed, returned = self._crossings(theta)
        if self._before is not None:
            lengths = float(np.linalg.norm(slope) * np.linalg.norm(self._before))
            log["cosines"].append(float(slope @ self._before) / lengths if lengths else np.nan)
            log["along"].append(along**2 / max(float(slope @ slope), np.finfo(float).tiny))
            log["reversals"].append(
                np.nan if self._component is None else float(along * self._component < 0)
            )
            log["crossings"].append(crossed)
            log["returns"].append(returned)
        log["losses"].append(value)
        self._before, self._component = slope, along

    def _crossings(self, theta: Floats) -> tuple[float, float]:
        """Return the share that crossed since the last call, and of those before that returned."""
        parameters = self._stack.named(torch.from_numpy(theta).to(self._stack.dtype))
        inputs = pre_activations(self._stack.network.inner, self._stack.examples[0], parameters)
        side = torch.cat([z.reshape(-1) > 0 for z in inputs.values()])
        crossed = None if self._side is None else side ^ self._side
        share = float("nan") if crossed is None else float(crossed.double().mean())
        returned = float("nan")
        if crossed is not None and self._crossed is not None and self._crossed.any():
            returned = float(crossed[self._crossed].double().mean())
        self._side, self._crossed = side, crossed
        return share, returned

    def log(self) -> dict[str, Floats]:
        """Return everything that was noted."""
        return {name: np.array(values) for name, values in self._log.items()}


def measure(setting: Setting) -> Analysis:
    """Measure claim 1 for one seed.

    Returns:
        Arrays over activations A and levels of rate x sharpness C, means over the steps:
        ``cosines``, ``reversals``, ``along``, ``crossings``, ``returns`` [A, C], NaN where there
        were none; ``sharpness [A, C, records]``; ``autograd_sharpness [A]`` at the start;
        ``ended [A, C]``: steps that were finite; ``last_losses [A, C]``.
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
        single = setting.problem(name, dtype=torch.float32)
        arrays["autograd_sharpness"][row] = sharpness_at(setting.problem(name))
        runs = bounce(single, levels=LEVELS, steps=effort.steps, every=every, seed=setting.seed)
        for column, run in enumerate(runs):
            for key in _MEANS:
                arrays[key][row, column] = _mean(run[key])
            arrays["ended"][row, column] = len(run["losses"])
            arrays["last_losses"][row, column] = run["losses"][-1]
            arrays["sharpness"][row, column, : len(run["sharpness"])] = run["sharpness"]
    return setting.analysis(1, names, arrays, levels=list(LEVELS))


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else float("nan")


def _pick(field: str, level: int, *, diverged: float = float("nan")) -> Any:
    """Return a field at a level; ``diverged`` of a descent that left the numbers."""

    def value(analysis: Analysis, activation: int) -> float:
        arrays, steps = analysis.arrays, analysis.settings["effort"]["steps"]
        whole = arrays["ended"][activation, level] == steps
        return float(arrays[field][activation, level]) if whole else diverged

    return value


_DECIDING = {"reversals": "share of steps that reverse", "returns": "share of crossings taken back"}


def _at(name: str, column: int) -> str:
    return f"{name} at rate x sharpness {LEVELS[column]:g}"


def _shown(field: str, name: str, column: int, claimed: int) -> Quantity:
    margin = PRIMARY[0].margin
    return Quantity(name=_at(name, column), values=_pick(field, column), claimed=claimed,
                    margin=margin, scale="linear")  # fmt: skip


# One level on either side of the edge of stability.
PRIMARY = tuple(
    registered(1, _at(name, column), _pick(field, column))
    for field, name in _DECIDING.items() for column in (1, 2)
)  # fmt: skip
SHOWN = (
    *(_shown(field, name, 0, 1) for field, name in _DECIDING.items()),
    *(_shown("cosines", "cosine of successive gradients", c, -1) for c in range(len(LEVELS))),
    # Speed where the rate is matched to the sharpness, not tuned.
    *(Quantity(name=_at("loss at the end", c), values=_pick("last_losses", c, diverged=np.inf),
               claimed=1, margin=log_margin(0.1)) for c in range(len(LEVELS))),
)  # fmt: skip


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Judge claim 1: the kinked twin reverses more often, and its units cross back more often."""
    deciding, beside = decided(analyses, PRIMARY, SHOWN)
    return finding(
        1,
        deciding,
        sentence=f"Kinked minus smooth: {effects(deciding) or 'not compared, one seed'}. "
        f"{_weight(analyses)}",
        shown=beside,
        limits="Full-batch gradient descent; rates follow the sharpness at the scale of a step.",
    )


def _weight(analyses: Sequence[Analysis]) -> str:
    """Say how much the reversals weigh: their share of what the gradient promises, and its cosines.

    To first order a step of rate r along the gradient g lowers the loss by r |g|^2, and its
    component along the sharpest direction v by r (g . v)^2.
    """
    if not analyses:
        return ""
    names = list(analyses[0].settings["activations"])
    kinked = [names.index(name) for name in dict.fromkeys(pair[0] for pair in deciding_twins())
              if name in names]  # fmt: skip
    along, cosines = (np.median([a.arrays[key][kinked] for a in analyses], axis=0)
                      for key in ("along", "cosines"))  # fmt: skip
    if not np.isfinite(along[:, 1:]).all() or not np.isfinite(cosines[:, 1:]).all():
        return ""
    shares = ", ".join(
        f"{_percent(along[:, c].min())} to {_percent(along[:, c].max())} at {LEVELS[c]:g}"
        for c in (1, 2)
    )
    return (
        "How much that is: the component that reverses holds so much of the squared gradient, and "
        f"so of the decrease that the gradient promises: {shares} (kinked twins, medians over the "
        f"seeds); successive gradients keep a cosine of {cosines[:, 1:].min():.3g} or more."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
