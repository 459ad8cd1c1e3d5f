"""Claim 7: how a unit's behaviour on an example changes from one step to the next.

What a unit does to an example is its slope there, act'(z). Its change from step to step is defined
for every activation; for a kinked one it is a flip between pieces. Four numbers tell a sudden
change from a gradual one that is as large:

- the mean change |act'(z_t+1) - act'(z_t)| per (example, unit) pair and step
- the share of pairs and steps that change *completely*, by at least half of the largest slope
- the concentration: of each pair's total change the largest single step's share, weighted by it
- the autocorrelation of the change at lag 1: -1 where every change is taken back with the next
  step, 0 where changes are independent, above 0 where a change goes on.

Whether the other weights chase it shows in how much the gradient changes, |g_t+1 - g_t| / |g_t|.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.claims.comparing import Quantity, decided, registered
from landscape.claims.optimizers import methods_at
from landscape.claims.rates import middle_rate
from landscape.claims.setting import Setting
from landscape.claims.stacked import Stack, descend
from landscape.claims.statistics import log_margin
from landscape.claims.summaries import ranges
from landscape.claims.twins import activations_of, twins
from landscape.claims.verdicts import Finding, finding
from landscape.claims.watching import per_unit, watched
from landscape.networks.parameters import layout_of, unflatten, unwrapped
from landscape.problem import Problem
from landscape.records.arrays import Floats, freeze
from landscape.records.results import Analysis

# A change of at least this share of the largest slope is complete.
COMPLETE = 0.5
# Fractions of 2 / sharpness of ReLU at the start.
LEVELS = (0.25, 0.75)
# Gradients along a path that are taken in one pass.
_TOGETHER = 16


@dataclass(frozen=True, slots=True, eq=False)
class PatternChanges:
    """How act'(z) changed along a path of T parameter vectors.

    Attributes:
        layers: names of the L activations.
        change: mean |change| over pairs, for every step and layer, [T - 1, L].
        complete: share of pairs that changed completely, [T - 1, L].
        flips: share of pairs that came to lie on another piece, [T - 1, L]; NaN without kinks.
        concentration: share of all change that a pair's largest step holds, [L]; NaN where nothing
            changes.
        autocorrelation: of the change at lag 1, over all pairs, [L]; NaN likewise.
    """

    layers: tuple[str, ...]
    change: Floats
    complete: Floats
    flips: Floats
    concentration: Floats
    autocorrelation: Floats

    def __post_init__(self) -> None:
        steps, count = len(self.change), len(self.layers)
        freeze(self, {**dict.fromkeys(("change", "complete", "flips"), (steps, count)),
                      **dict.fromkeys(("concentration", "autocorrelation"), (count,))})  # fmt: skip


@dataclass(slots=True)
class _Layer:
    """What is known of a layer so far."""

    steepest: float
    slopes: Tensor
    pieces: Tensor | None
    last: Tensor | None = None
    largest: Tensor | None = None
    total: Tensor | None = None
    product: float = 0.0
    squares: float = 0.0

    def step(self, slopes: Tensor, pieces: Tensor | None) -> tuple[float, float, float]:
        """Take the next slopes in; return mean change, complete share and flips."""
        change = slopes - self.slopes
        size = change.abs()
        self.largest = size if self.largest is None else torch.maximum(self.largest, size)
        self.total = size if self.total is None else self.total + size
        if self.last is not None:
            self.product += float((change * self.last).sum())
        self.squares += float(change.square().sum())
        flips = float("nan")
        if pieces is not None and self.pieces is not None:
            flips = float((pieces != self.pieces).double().mean())
        self.slopes, self.pieces, self.last = slopes, pieces, change
        complete = (size >= COMPLETE * self.steepest).double().mean()
        return float(size.mean()), float(complete), flips

    @property
    def concentration(self) -> float:
        """The largest steps' share of all change."""
        if self.total is None or self.largest is None or not float(self.total.sum()):
            return float("nan")
        return float(self.largest.sum() / self.total.sum())

    @property
    def autocorrelation(self) -> float:
        """Sum of products of successive changes over the sum of squares."""
        return self.product / self.squares if self.squares else float("nan")


def pattern_changes(model: nn.Module, inputs: Tensor, thetas: Iterable[Any]) -> PatternChanges:
    """Follow act'(z) of every (example, unit) pair along a path.

    Args:
        model: any network; left alone.
        inputs: examples [n, ...].
        thetas: at least two parameter vectors [P], one for each step.

    Raises:
        ValueError: for fewer than two.
    """
    bare = unwrapped(model)
    layout, first = layout_of(model), next(bare.parameters())
    layers: list[_Layer] = []
    rows: list[list[tuple[float, float, float]]] = []
    names: tuple[str, ...] = ()
    for theta in thetas:
        vector = torch.as_tensor(np.array(theta), dtype=first.dtype, device=first.device)
        run = watched(bare, inputs, parameters=unflatten(vector, layout))
        # In float64, so that sums over a long path keep small changes.
        slopes_and_pieces = [(per_unit(c.slopes()).double(), c.pieces()) for c in run.calls]
        if not layers:
            names = run.layers
            layers = [
                _Layer(c.steepest(), *s) for c, s in zip(run.calls, slopes_and_pieces, strict=True)
            ]
            continue
        rows.append([layer.step(*s) for layer, s in zip(layers, slopes_and_pieces, strict=True)])
    if not rows:
        raise ValueError("a change needs at least two parameter vectors along the path")
    numbers = np.array(rows)
    return PatternChanges(
        layers=names,
        change=numbers[..., 0],
        complete=numbers[..., 1],
        flips=numbers[..., 2],
        concentration=np.array([layer.concentration for layer in layers]),
        autocorrelation=np.array([layer.autocorrelation for layer in layers]),
    )


def gradient_changes(gradients: Floats) -> Floats:
    """Return |g_t+1 - g_t| / |g_t| along a path, [T - 1]; gradients [T, P].

    >>> gradient_changes(np.array([[3.0, 4.0], [3.0, -4.0]])).tolist()
    [1.6]
    """
    norms = np.linalg.norm(gradients[:-1], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.linalg.norm(np.diff(gradients, axis=0), axis=1) / norms)


_MEANS = ("change", "complete", "flips", "concentration", "autocorrelation", "gradient_change")


def measure(setting: Setting) -> Analysis:
    """Measure claim 7 for one seed: twins descend at the same rates.

    Returns:
        Arrays over activations A and rates R: ``change``, ``complete``, ``flips``,
        ``concentration``, ``autocorrelation``, ``gradient_change``, means over steps and layers
        [A, R], inf where a run was not finite; ``rates [R]``.
    """
    pairs = tuple(t for t in twins(setting.effort.twins) if "/" not in t.kinked + t.smooth)
    names, effort = activations_of(pairs), setting.effort
    rates = middle_rate(setting) * np.array(LEVELS)
    arrays = {key: np.full((len(names), len(rates)), np.inf) for key in _MEANS}
    for row, name in enumerate(names):
        problem = setting.problem(name)
        run = descend(problem, methods_at(rates), steps=effort.steps, seed=setting.seed,
                      keep_path=True)  # fmt: skip
        for column, path in run.finite_paths.items():
            for key, value in _along(setting, problem, path).items():
                arrays[key][row, column] = value
    return setting.analysis(7, names, {**arrays, "rates": rates}, levels=list(LEVELS))


def _along(setting: Setting, problem: Problem, path: Floats) -> dict[str, float]:
    changes = pattern_changes(problem.model, setting.inputs, path)
    stack = Stack(problem)
    thetas = torch.from_numpy(path).to(stack.dtype)
    slopes = [stack.gradients(some)[1] for some in torch.split(thetas, _TOGETHER)]
    means = {key: _mean(getattr(changes, key)) for key in _MEANS[:-1]}
    return means | {"gradient_change": _mean(gradient_changes(torch.cat(slopes).numpy()))}


def _mean(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else 0.0


def _pick(field: str, level: int) -> Any:
    """Return a field at a level; NaN of a run that was not finite, of which nothing is known."""

    def value(analysis: Analysis, activation: int) -> float:
        mean = float(analysis.arrays[field][activation, level])
        return mean if np.isfinite(mean) else float("nan")

    return value


def _at(name: str, level: int) -> str:
    return f"{name} at {LEVELS[level]:g} of 2 / sharpness"


def _quantities(field: str, name: str, *, margin: float, log: bool = False) -> list[Quantity]:
    return [
        Quantity(name=_at(name, column), values=_pick(field, column),
                 claimed=1, margin=margin, scale="log" if log else "linear")
        for column in range(len(LEVELS))
    ]  # fmt: skip


_CONCENTRATION = "share of a pair's change in one step"
_GRADIENT = "change of the gradient"
# At the larger of the rates; the smaller one is shown.
PRIMARY = (
    registered(7, _at(_CONCENTRATION, -1), _pick("concentration", -1)),
    registered(7, _at(_GRADIENT, -1), _pick("gradient_change", -1)),
)
SHOWN = (
    *_quantities("concentration", _CONCENTRATION, margin=0.1)[:-1],
    *_quantities("gradient_change", _GRADIENT, margin=log_margin(0.1), log=True)[:-1],
    *_quantities("change", "change of act' per step", margin=log_margin(0.1), log=True),
    *_quantities("complete", "complete changes per step", margin=0.001),
    *_quantities("autocorrelation", "autocorrelation of the change", margin=0.1),
)


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 7: the kinked twin changes in single steps, and its gradient changes more."""
    deciding, beside = decided(analyses, PRIMARY, SHOWN)
    return finding(
        7,
        deciding,
        sentence=f"Kinked against smooth: {ranges(deciding) or 'not compared, one seed'}.",
        shown=beside,
        limits="Gradient descent on all examples, every step seen. That a slope with a jump "
        "changes in one step is almost a matter of definition; that the other weights chase it is "
        "read from how much the gradient changes from step to step.",
    )
