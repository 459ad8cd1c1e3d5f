"""Claim 6: units that die, for a time or for good, and units that saturate.

A unit is dead where act'(z) is exactly 0 on every example: no gradient goes through it, and its own
weights stand still on these data. Whether it stays so depends on the layers below, which move on;
and an example that was not trained on may still wake it.

A rate so large that the loss ends above its start kills units too, by driving everything far away;
activations are compared at the largest rate at which all of them descended.

*Died* is dead at the end and not at the start. *For good*: and at every record of the second half
of the run. *For a time*: dead at some record, and not at the end.

References:
    Lu et al. (2019), Dying ReLU and initialization, section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landscape.claims.comparing import Quantity, compared
from landscape.claims.layer_gradients import mean_outputs, saturated_share
from landscape.claims.optimizers import methods_at
from landscape.claims.primary import primary
from landscape.claims.rates import rate_grid
from landscape.claims.setting import Setting
from landscape.claims.stacked import descend
from landscape.claims.summaries import ranges
from landscape.claims.verdicts import Finding, finding
from landscape.claims.watching import Parameters, per_unit, watched
from landscape.networks.parameters import layout_of, unflatten, unwrapped
from landscape.records.arrays import Floats, freeze
from landscape.records.results import Analysis

Flags = NDArray[np.bool_]
ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "tanh", "smelu_1")
# Against ReLU: those of which is claimed that they do not die, and its smooth twin, flat as well.
_FIXED = primary(6, "share of units dead for good")
PAIRS = _FIXED.pairs
BESIDE = (("relu", "gelu"), ("relu", "smelu_1"))


@dataclass(frozen=True, slots=True, eq=False)
class UnitStates:
    """Units along a path of T parameter vectors.

    Attributes:
        dead: whether act' is 0 on every example, of all U units of the L layers, [T, U].
        saturated: share of pairs with |act'| below a tenth of its largest, [T, L].
        means: mean output over all pairs, [T, L].
    """

    dead: Flags
    saturated: Floats
    means: Floats

    def __post_init__(self) -> None:
        shape = (len(self.dead), np.shape(self.means)[-1])
        freeze(self, dict.fromkeys(("saturated", "means"), shape))

    @property
    def died(self) -> Flags:
        """Dead at the end and not at the start, [U]."""
        return np.asarray(self.dead[-1] & ~self.dead[0])

    @property
    def for_good(self) -> Flags:
        """Died, and dead at every record of the second half, [U]."""
        return np.asarray(self.died & self.dead[len(self.dead) // 2 :].all(axis=0))

    @property
    def for_a_time(self) -> Flags:
        """Dead at some record and not at the end, [U]."""
        return np.asarray(self.dead.any(axis=0) & ~self.dead[-1])


def dead_units(
    model: nn.Module, inputs: Any, *, parameters: Parameters | None = None
) -> dict[str, Tensor]:
    """Return of every layer which units are dead on these examples, [U].

    Args:
        model: any network; left alone.
        inputs: examples [n, ...].
        parameters: by name, in place of the model's own.

    >>> layer = nn.Linear(1, 2)
    >>> with torch.no_grad():
    ...     _ = layer.weight.fill_(1.0), layer.bias.copy_(torch.tensor([0.0, -9.0]))
    >>> dead_units(nn.Sequential(layer, nn.ReLU()), torch.tensor([[-1.0], [1.0]]))
    {'1': tensor([False,  True])}
    """
    calls = watched(model, inputs, parameters=parameters).calls
    return {call.layer: (per_unit(call.slopes()) == 0).all(dim=0) for call in calls}


def unit_states(model: nn.Module, inputs: Tensor, thetas: Floats) -> UnitStates:
    """Follow the units of a network along a path.

    Args:
        model: any network; left alone.
        inputs: examples [n, ...].
        thetas: parameter vectors, [T, P].
    """
    layout, bare = layout_of(model), unwrapped(model)
    first = next(bare.parameters())
    rows: dict[str, list[Any]] = {"dead": [], "saturated": [], "means": []}
    for theta in torch.as_tensor(np.asarray(thetas), dtype=first.dtype, device=first.device):
        calls = watched(bare, inputs, parameters=unflatten(theta, layout)).calls
        states = [(per_unit(call.slopes()) == 0).all(dim=0) for call in calls]
        rows["dead"].append(torch.cat(states).cpu().numpy())
        rows["saturated"].append([saturated_share(call) for call in calls])
        rows["means"].append(mean_outputs(calls))
    return UnitStates(
        dead=np.stack(rows["dead"]),
        saturated=np.array(rows["saturated"]),
        means=np.array(rows["means"]),
    )


def measure(setting: Setting) -> Analysis:
    """Measure claim 6 for one seed: gradient descent at every rate of one grid.

    Returns:
        Arrays over activations A and rates R, shares of all units: ``dead`` at the end, ``died``,
        ``for_good``, ``for_a_time``, ``held_out`` (dead at the end on examples that were not
        trained on; NaN without any); ``saturated`` and ``means`` at the start and the end
        [A, R, 2], over all layers; ``descended [A, R]``: whether the loss ended below its start;
        ``rates [R]``. NaN where a run was not finite.
    """
    rates = rate_grid(setting)
    effort = setting.effort
    every = max(effort.steps // max(effort.records, 8), 1)
    shape = (len(ACTIVATIONS), len(rates))
    shares = ("dead", "died", "for_good", "for_a_time", "held_out")
    arrays: dict[str, Any] = {name: np.full(shape, np.nan) for name in shares}
    arrays |= {name: np.full((*shape, 2), np.nan) for name in ("saturated", "means")}
    arrays |= {"descended": np.zeros(shape, dtype=bool), "rates": rates}
    for row, name in enumerate(ACTIVATIONS):
        problem = setting.problem(name)
        run = descend(problem, methods_at(rates), steps=effort.steps, record_every=every,
                      seed=setting.seed, keep_path=True)  # fmt: skip
        arrays["descended"][row] = run.losses[:, -1] < run.losses[:, 0]
        for column, path in run.finite_paths.items():
            for key, value in _ended(setting, problem.model, path).items():
                arrays[key][row, column] = value
    return setting.analysis(6, ACTIVATIONS, arrays)


def _ended(setting: Setting, model: nn.Module, path: Floats) -> dict[str, Any]:
    """Return what became of the units along one finite path [T, P]."""
    states = unit_states(model, setting.inputs, path)
    ended: dict[str, Any] = {"dead": states.dead[-1].mean()}
    ended |= {key: getattr(states, key).mean() for key in ("died", "for_good", "for_a_time")}
    ended |= {key: getattr(states, key)[[0, -1]].mean(axis=1) for key in ("saturated", "means")}
    if setting.held_out is not None:
        ended["held_out"] = unit_states(model, setting.held_out[0], path[-1:]).dead[-1].mean()
    return ended


def _at_largest(field: str) -> Any:
    """Return a field at the largest rate at which every activation descended; NaN without any."""

    def value(analysis: Analysis, activation: int) -> float:
        shared = np.flatnonzero(analysis.arrays["descended"].all(axis=0))
        if not len(shared):
            return float("nan")
        # Of two numbers, that at the end.
        return float(np.ravel(analysis.arrays[field][activation, shared[-1]])[-1])

    return value


def _quantity(field: str, name: str, claimed: int) -> Quantity:
    return Quantity(name=name, values=_at_largest(field), claimed=claimed, margin=_FIXED.bound,
                    scale=_FIXED.scale)  # fmt: skip


_FOR_GOOD = _quantity("for_good", _FIXED.name, _FIXED.claimed)
_DIED = _quantity("died", "share of units that died", 1)
_SATURATED = _quantity("saturated", "saturated share", -1)


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 6: more units of ReLU die for good than of leaky ReLU and of ELU."""
    deciding = compared(analyses, _FOR_GOOD, PAIRS)
    beside = [*compared(analyses, _FOR_GOOD, BESIDE), *compared(analyses, _DIED, PAIRS),
              *compared(analyses, _SATURATED, (("relu", "elu"),))]  # fmt: skip
    elu = ACTIVATIONS.index("elu")
    saturated, mean = (
        np.mean([_at_largest(field)(a, elu) for a in analyses]) for field in ("saturated", "means")
    )
    ends = (
        f"Of ELU's pairs {saturated:.1%} are saturated at the end, its mean output is {mean:+.2f}."
        if np.isfinite(saturated)
        else "No rate of the grid lets every activation descend in every seed."
    )
    return finding(
        6,
        deciding,
        sentence=f"Against leaky ReLU and ELU: {ranges(deciding) or 'not compared'}. {ends}",
        shown=beside,
        limits="Gradient descent on all examples, at the largest rate of a grid at which every "
        "activation descended. These activations differ in more than whether they die.",
    )
