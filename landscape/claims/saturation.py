"""Claim 9: what saturated units leave to the other weights.

A network in which a share of the units is saturated by hand, by a bias far out on a flat side of
the activation, is compared with itself without: the same other weights, the same examples, the same
rate. *Other weights* are all parameters but those that make the saturated units. If saturation
leaves them the work, they move more and get more of the gradient; if it only takes capacity away,
they do not.

The effective rank of the gradient, the exponential of the entropy of the singular values of the
per-example gradients [N, P], tells in how many directions the examples pull: N if they are
orthogonal and of equal length, 1 if all are parallel.

References:
    Roy and Vetterli (2007), The effective rank: a measure of effective dimensionality.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import grad, vmap

from landscape.claims.comparing import groups
from landscape.claims.effects import paired_effect
from landscape.claims.one_batch import in_one_batch
from landscape.claims.optimizers import methods_at
from landscape.claims.primary import primary
from landscape.claims.rates import middle_rate
from landscape.claims.setting import Setting, stacked
from landscape.claims.stacked import descend
from landscape.claims.statistics import Contrast
from landscape.claims.summaries import ranges
from landscape.claims.verdicts import Finding, finding
from landscape.claims.watching import watched
from landscape.networks.randomness import keyed_generator
from landscape.problem import Problem
from landscape.problem.examples import Part, map_tensors
from landscape.records.results import Analysis

# All are flat far out on the left.
ACTIVATIONS = ("elu", "tanh", "relu", "gelu")
SHARES = (0.0, 0.25, 0.5, 0.75)
# So far out a unit's slope is below 1e-8 for inputs of usual size.
_FAR = 30.0
_EXAMPLES = 128
# A quarter of 2 / sharpness of ReLU at the start.
_LEVEL = 0.25
_FIXED = primary(9, "movement of the other weights")
JUDGED = tuple(pair[0] for pair in _FIXED.pairs)


def effective_rank(gradients: Any) -> float:
    """Return the effective rank of per-example gradients [N, P], between 1 and min(N, P).

    ``exp(-sum p log p)`` with p the singular values over their sum; 0 for gradients that are 0.

    >>> effective_rank(np.eye(3)), effective_rank(np.ones((3, 5)))
    (3.0, 1.0)
    """
    values = torch.linalg.svdvals(torch.as_tensor(gradients, dtype=torch.float64))
    total = float(values.sum())
    # Singular values below rounding are none.
    known = values[values > 1e-12 * total] / total if total else values[:0]
    if not len(known):
        return 0.0
    return round(math.exp(float(-(known * known.log()).sum())), 12)


def example_gradients(problem: Problem) -> Tensor:
    """Return the gradient of each example's loss, [N, P], in the order of the parameters.

    Args:
        problem: network, loss and data, the network one that ``vmap`` can take; only read.

    Raises:
        ValueError: where the loss of an example depends on the others in its batch, or as
            :func:`landscape.claims.one_batch.in_one_batch`.
    """
    network, part = in_one_batch(problem)
    problem.check_uncoupled("the gradient of each example")
    theta = {slot.name: network.parameter(slot.name).detach() for slot in network.layout.slots}

    def loss_of_one(values: dict[str, Tensor], example: Part) -> Tensor:
        alone = map_tensors(lambda t: t[None], example)

        def loss(_: nn.Module) -> Tensor:
            output, read = network.output(alone)
            return network.objective.mean(output, read[1], 1)

        return cast(Tensor, network.called(values, loss))

    with network.ready():
        gradients = vmap(grad(loss_of_one), in_dims=(None, 0))(theta, part)
    return torch.cat([gradients[name].flatten(1) for name in theta], dim=1)


def saturate(model: nn.Module, inputs: Tensor, share: float, *, seed: int = 0) -> Tensor:
    """Saturate a share of the units of every layer by hand, in place.

    Their bias goes to -30 (ReLU, ELU, GELU, tanh are flat there), after which the slope is
    practically 0 on all examples.

    Args:
        model: a network whose activations follow linear or convolutional layers with biases.
        inputs: examples that show the layers.
        share: of each layer's units, rounded.
        seed: of which units; a larger share contains the units of a smaller one.

    Returns:
        Which parameters belong to the saturated units, [P].

    Raises:
        ValueError: if an activation follows no layer with a bias.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be between 0 and 1, got {share}")
    named = dict(model.named_parameters())
    touched = {name: torch.zeros_like(value, dtype=torch.bool) for name, value in named.items()}
    for call in watched(model, inputs).calls:
        if len(call.weights) != 2:
            raise ValueError(f"{call.layer} must follow a layer with a bias; give it one")
        units = len(named[call.weights[1]])
        order = torch.randperm(units, generator=keyed_generator(seed, "saturate", call.layer))
        chosen = order[: round(share * units)]
        with torch.no_grad():
            named[call.weights[1]][chosen] = -_FAR
        for name in call.weights:
            touched[name][chosen] = True
    return torch.cat([mask.reshape(-1) for mask in touched.values()])


def measure(setting: Setting) -> Analysis:
    """Measure claim 9 for one seed.

    Returns:
        Arrays over activations A and saturated shares S: ``saturated`` at the start (share of
        pairs without a slope), ``other_gradient`` (norm at the start of the gradient by the
        weights that make no saturated unit at the largest share, the same weights for every S),
        ``movement`` of the same weights until the end, ``rank`` (effective rank at the start),
        ``losses`` at start and end [A, S, 2]; ``shares [S]``.
    """
    rate = _LEVEL * middle_rate(setting)
    cells = []
    for name in ACTIVATIONS:
        # Weights that are free at every share are compared at every share.
        bound = saturate(setting.model(name), setting.inputs[:2], SHARES[-1], seed=setting.seed)
        cells.append([_with_saturated(setting, name, share, bound, rate) for share in SHARES])
    arrays = {**stacked(cells), "shares": np.array(SHARES)}
    return setting.analysis(9, ACTIVATIONS, arrays, rate=rate)


def _with_saturated(
    setting: Setting, activation: str, share: float, bound: Tensor, rate: float
) -> dict[str, Any]:
    problem = setting.problem(activation)
    model = problem.model
    saturate(model, setting.inputs[:2], share, seed=setting.seed)
    gradients = example_gradients(setting.first(_EXAMPLES, problem))
    start = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
    run = descend(problem, methods_at(np.array([rate])), steps=setting.effort.steps,
                  record_every=setting.effort.steps, seed=setting.seed)  # fmt: skip
    moved = torch.from_numpy(run.thetas[0]) - start
    free = ~bound
    movement = float(moved[free].norm())
    return {
        "saturated": share_of_flat(model, setting.inputs),
        "other_gradient": float(gradients.mean(dim=0)[free].norm()),
        "movement": movement if math.isfinite(movement) else math.inf,
        "rank": effective_rank(gradients),
        "losses": run.losses[0, [0, -1]],
    }


def share_of_flat(model: nn.Module, inputs: Tensor) -> float:
    """Return the share of (example, unit) pairs whose slope is practically 0, over all layers."""
    slopes = [call.slopes().flatten() for call in watched(model, inputs).calls]
    return float((torch.cat(slopes).abs() < 1e-6).double().mean())


def _over_seeds(
    analyses: Sequence[Analysis], field: str, activation: str, share: float
) -> list[float]:
    row, column = ACTIVATIONS.index(activation), SHARES.index(share)
    # Of two losses, that at the end.
    return [float(np.ravel(a.arrays[field][row, column])[-1]) for a in analyses]


def _compared(
    analyses: Sequence[Analysis],
    field: str,
    name: str,
    activations: Sequence[str],
    share: float,
    *,
    claimed: int = _FIXED.claimed,
) -> list[Contrast]:
    """Compare a share of saturated units with none."""
    return [
        Contrast(f"{name}: {activation}, {share:.0%} of units saturated against none, {group}",
                 paired_effect(*(_over_seeds(seeds, field, activation, s) for s in (share, 0.0))),
                 claimed, _FIXED.bound)
        for group, seeds in groups(analyses).items() if len(seeds) > 1
        for activation in activations
    ]  # fmt: skip


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 9: the other weights move farther where half of the units are saturated."""
    deciding = _compared(analyses, "movement", _FIXED.name, JUDGED, 0.5)
    beside = [
        *_compared(analyses, "movement", _FIXED.name, ("relu", "gelu"), 0.5),
        *_compared(analyses, "movement", _FIXED.name, JUDGED, 0.75),
        *_compared(analyses, "other_gradient", "gradient of the other weights", JUDGED, 0.5),
        *_compared(analyses, "rank", "effective rank of the gradient", JUDGED, 0.5),
        *_compared(analyses, "losses", "loss at the end", JUDGED, 0.5, claimed=-1),
    ]
    losses = beside[-len(JUDGED) :] if len(beside) >= len(JUDGED) else []
    return finding(
        9,
        deciding,
        sentence="Half of the units saturated against none: "
        f"{'; '.join(filter(None, map(ranges, (deciding, losses)))) or 'not compared, one seed'}.",
        shown=beside,
        limits="Units are saturated by hand, by their biases; those that come to saturate by "
        "themselves may be others. That the other weights move more does not say that more is "
        "learned: see the loss.",
    )
