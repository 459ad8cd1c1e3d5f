"""Claim 5: do tanh and sigmoid lose the gradient, and is it the activation that loses it?

Networks of every depth start with gains that keep E[act(z)^2], so that none begins with a larger
or smaller signal. What is compared is the factor by which the gradient shrinks from the last
layer to the first, and the part of it that is the activation's: the product of |J| / |W| over all
layers but the last (see :mod:`landscape.claims.layer_gradients`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch

from landscape.claims.comparing import Quantity, compared
from landscape.claims.layer_gradients import LayerGradients, layer_gradients
from landscape.claims.optimizers import methods_at
from landscape.claims.primary import primary
from landscape.claims.setting import Setting, stacked
from landscape.claims.stacked import descend
from landscape.claims.summaries import ranges
from landscape.claims.verdicts import Finding, finding
from landscape.networks.parameters import unflatten
from landscape.networks.spec import MLPSpec
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "pwl_tanh_0.5")
# Those of which it is claimed, against one that does not saturate; a copy of tanh made of kinks.
_FIXED = primary(5, "gradient left")
PAIRS = _FIXED.pairs
BESIDE = (("tanh", "pwl_tanh_0.5"), ("elu", "relu"), ("gelu", "relu"))
# Of one layer's Jacobian few examples suffice.
_EXAMPLES, _JACOBIANS = 128, 2
_RATE = 0.05
_BY_LAYER = ("gradient_norms", "saturated", "jacobian_norms", "weight_norms", "jacobian", "weight",
             "activation")  # fmt: skip
# A gradient that is 0 in floating point still has a logarithm.
_LEAST = 1e-300


def deep(setting: Setting, depth: int) -> Setting:
    """Return the setting with a network of so many equal hidden layers and preserved gains.

    Networks other than multilayer perceptrons keep their depth.
    """
    network = setting.network
    if isinstance(network, MLPSpec):
        width = network.hidden[0] if network.hidden else 32
        network = replace(network, hidden=(width,) * depth)
    return replace(setting, network=replace(network, initialisation="lecun"), arm="gain")


def depths(setting: Setting) -> tuple[int, ...]:
    """Return the depths that are measured: those of the effort that have two layers or more."""
    if not isinstance(setting.network, MLPSpec):
        return (0,)
    return tuple(depth for depth in setting.effort.depths if depth >= 2) or (2,)


def measure(setting: Setting) -> Analysis:
    """Measure claim 5 for one seed: at the start and after a descent, at every depth.

    Returns:
        Arrays over activations A, depths D, time (start, end) and layers L, NaN beyond a network's
        depth: ``gradient_norms``, ``saturated``, ``jacobian_norms``, ``weight_norms`` [A, D, 2, L];
        ``jacobian``, ``weight``, ``activation``: quantiles of the singular values [A, D, 2, L,
        5]; ``survival`` and ``activation_part`` [A, D, 2]; ``depths [D]``; ``losses [A, D, 2]``.
        NaN at the end of a descent that diverged, its loss inf.
    """
    chosen = depths(setting)
    runs = [[_at(deep(setting, depth), name) for depth in chosen] for name in ACTIVATIONS]
    longest = max(len(start.layers) for row in runs for (start, _), _ in row)

    arrays = stacked([[_values(*run, longest) for run in row] for row in runs])
    arrays["depths"] = np.array(chosen)
    return setting.analysis(5, ACTIVATIONS, arrays, rate=_RATE)


def activation_part(gradients: LayerGradients) -> float:
    """Return the product of |J| / |W| over all layers but the last.

    The part of the shrinking from the last layer to the first that is the activation's, if the
    directions of the gradient are those of an average. The last layer's slopes are in the gradient
    at its pre-activations already.
    """
    factors = gradients.activation_factors[:-1]
    return float(np.prod(factors)) if len(factors) else 1.0


def _at(
    setting: Setting, activation: str
) -> tuple[tuple[LayerGradients, LayerGradients | None], Floats]:
    """Measure a network at its start and after a descent (None if it diverged), and its losses."""
    problem = setting.problem(activation)
    run = descend(problem, methods_at(np.array([_RATE])), steps=setting.effort.steps,
                  record_every=setting.effort.steps, seed=setting.seed)  # fmt: skip
    few = setting.first(_EXAMPLES, problem)
    measured = partial(layer_gradients, few, jacobians=_JACOBIANS)
    end = None
    if np.isfinite(run.thetas).all() and np.isfinite(run.losses).all():
        end = measured(parameters=unflatten(torch.from_numpy(run.thetas[0]), problem.layout))
    return (measured(), end), run.losses[0, [0, -1]]


def _values(
    ends: tuple[LayerGradients, LayerGradients | None], losses: Floats, layers: int
) -> dict[str, Any]:
    """Return what is kept of a network's start and end."""
    values: dict[str, Any] = {"losses": losses}
    for key in _BY_LAYER:
        values[key] = _padded([g and getattr(g, key) for g in ends], layers)
    for key, factor in (("survival", lambda g: g.survival), ("activation_part", activation_part)):
        values[key] = [np.nan if g is None else factor(g) for g in ends]
    return values


def _padded(ends: Sequence[Any], length: int) -> Floats:
    """Return start and end with NaN beyond the network's depth, and where there is no end."""
    start, *_ = ends
    values = np.stack([np.full_like(start, np.nan) if end is None else end for end in ends])
    room = [(0, 0), (0, length - len(start)), *[(0, 0)] * (start.ndim - 1)]
    return np.asarray(np.pad(values, room, constant_values=np.nan))


def _at_depth(field: str, column: int, time: int) -> Any:
    """Return a field, at least a number that has a logarithm; NaN after a divergence."""

    def value(analysis: Analysis, activation: int) -> float:
        # Studies of earlier versions have the start in place of an end that was not finite.
        if not np.isfinite(analysis.arrays["losses"][activation, column, time]):
            return float("nan")
        return max(float(np.nan_to_num(analysis.arrays[field][activation, column, time])), _LEAST)

    return value


def _quantity(field: str, name: str, column: int, time: int) -> Quantity:
    return Quantity(name=name, values=_at_depth(field, column, time), claimed=_FIXED.claimed,
                    margin=_FIXED.bound)  # fmt: skip


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 5 at the greatest depth: less of the gradient is left than with ReLU."""
    deepest = np.asarray(analyses[0].arrays["depths"])
    depth, last = int(deepest[-1]), len(deepest) - 1
    layers = f"{depth} layers" if depth else "its own layers"
    start = _quantity("survival", f"{_FIXED.name} after {layers}", last, 0)
    deciding = compared(analyses, start, PAIRS)
    part = _quantity("activation_part", f"of it the activation's, {layers}", last, 0)
    later = _quantity("survival", f"{_FIXED.name} after {layers}, trained", last, 1)
    beside = [*compared(analyses, start, BESIDE), *compared(analyses, part, PAIRS + BESIDE[:1]),
              *compared(analyses, later, PAIRS)]  # fmt: skip
    each = "; ".join(f"{pair[0]} {ranges([c]).rpartition(' x ')[2]} times what ReLU keeps"
                     for pair, c in zip(PAIRS * len(deciding), deciding, strict=False))  # fmt: skip
    return finding(
        5,
        deciding,
        sentence=f"After {layers} at the start: {each or 'not compared, one seed'}.",
        shown=beside,
        limits="Gains keep E[act(z)^2]; another initialisation gives another decay. tanh and "
        "sigmoid stand together, and may differ from each other.",
    )
