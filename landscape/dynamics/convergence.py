"""Claims 8 and 10: do kinks slow convergence, over rates and batch sizes, data sets and networks?

Every twin descends from the same weights with the same batches at every rate of one grid and every
batch size. What is compared is the number of optimizer steps to a given training loss, at the best
rate of each, and cell by cell at the same rate. A run that does not arrive is censored: it took
longer than any that did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.arrays import Floats
from landscape.dynamics.claims import KIND, Finding, Setting, claim_of, finding
from landscape.dynamics.comparing import (
    Quantity,
    contrasts,
    decided,
    groups,
    registered,
    said,
)
from landscape.dynamics.primary import primary
from landscape.dynamics.stable_rate import sharpness_at
from landscape.dynamics.stacked import Methods, descend, steps_to
from landscape.dynamics.twins import activations_of, twins
from landscape.results import Analysis

# Rates of a grid below 2 / sharpness of ReLU at the start.
_BELOW = 4
# Steps between records at most: what is compared are steps, of which fast runs need few.
_APART = 2


def loss_curves(
    setting: Setting, names: Sequence[str], rates: Floats
) -> tuple[Floats, NDArray[np.int64]]:
    """Train every activation at every rate and batch size.

    Args:
        setting: network, data, seed, effort.
        names: of activations, A.
        rates: R.

    Returns:
        Losses over all examples [A, B, R, records], inf after a divergence; steps [records].
    """
    effort = setting.effort
    every = min(max(effort.steps // 30, 1), _APART)
    methods = Methods(rates, np.zeros(len(rates)), np.zeros(len(rates)))
    rows = []
    for name in names:
        problem = setting.problem(name, dtype=torch.float32)
        runs = [
            descend(problem, methods, steps=effort.steps, batch_size=size, record_every=every,
                    seed=setting.seed)
            for size in effort.batch_sizes
        ]  # fmt: skip
        rows.append(np.stack([run.losses for run in runs]))
    return np.stack(rows), runs[0].steps


def rate_grid(setting: Setting) -> Floats:
    """Return the rates that every activation is trained with, [R].

    Around 2 / sharpness of the ReLU network at the start, whose autograd's Hessian this is.
    """
    middle = 2 / sharpness_at(setting.problem("relu"))
    effort = setting.effort
    return np.asarray(middle * effort.factor ** (np.arange(effort.rates) - _BELOW))


def measure(setting: Setting) -> Analysis:
    """Measure claim 8 for one seed.

    Returns:
        Arrays over activations A, batch sizes B and rates R: ``losses [A, B, R, records]`` at
        ``steps [records]``, ``needed [A, B, R]`` (steps to the target, inf if censored), ``best
        [A, B]`` (at the best rate), ``rates [R]``, ``batch_sizes [B]``.
    """
    return _measured(setting, activations_of(twins(setting.effort.twins)), 8)


def measure_elsewhere(setting: Setting) -> Analysis:
    """Measure claim 10 for one seed: claim 8 with the first batch size and few twins."""
    effort = replace(setting.effort, batch_sizes=setting.effort.batch_sizes[:1])
    return _measured(replace(setting, effort=effort), activations_of(twins("few")), 10)


def _measured(setting: Setting, names: Sequence[str], number: int) -> Analysis:
    rates = rate_grid(setting)
    losses, steps = loss_curves(setting, names, rates)
    needed = steps_to(losses, steps, setting.target_loss)
    settings = {
        **setting.facts(),
        "claim": number,
        "activations": list(names),
        "target_loss": setting.target_loss,
    }
    arrays = {
        "losses": losses,
        "steps": steps,
        "needed": needed,
        "best": needed.min(axis=-1),
        "rates": rates,
        "batch_sizes": np.array(setting.effort.batch_sizes),
    }
    return Analysis(KIND, arrays, settings)


def _best(column: int) -> Any:
    return lambda analysis, activation: float(analysis.arrays["best"][activation, column])


def _arrived(analysis: Analysis, activation: int) -> float:
    """Return the share of rates and batch sizes at which the target was reached."""
    return float(np.isfinite(analysis.arrays["needed"][activation]).mean())


_STEPS = "steps at the best rate"
_MARGIN = primary(8, _STEPS).bound


def _quantities(analyses: Sequence[Analysis], claim: int) -> list[Quantity]:
    sizes = {int(s): i for a in analyses for i, s in enumerate(a.arrays["batch_sizes"])}
    return [
        registered(claim, _STEPS, _best(column), known_as=f"{_STEPS}, batch {size or 'of all'}")
        for size, column in sizes.items()
    ]


def slower_cells(analyses: Sequence[Analysis], kinked: str, smooth: str) -> tuple[int, int, int]:
    """Count cells (seed, batch size, rate) by which twin needs 10 % more steps.

    Returns:
        Cells where the kinked one does (or alone does not arrive), where the smooth one does, and
        where at least one of the two arrives.
    """
    slower, faster, cells = 0, 0, 0
    for analysis in analyses:
        names = list(analysis.settings["activations"])
        with np.errstate(invalid="ignore"):
            sides = [np.log(analysis.arrays["needed"][names.index(n)]) for n in (kinked, smooth)]
            one = np.isfinite(sides[0]) | np.isfinite(sides[1])
            difference = sides[0][one] - sides[1][one]
        slower += int((difference > _MARGIN).sum())
        faster += int((difference < -_MARGIN).sum())
        cells += int(one.sum())
    return slower, faster, cells


def verdict(analyses: Sequence[Analysis]) -> Finding:
    """Judge claim 8, "does slow": the kinked twin needs more steps at its best rate."""
    quantities = _quantities(analyses, 8)
    deciding, beside = decided(analyses, quantities)
    arrived = Quantity(name="share of rates and batch sizes that arrive", values=_arrived,
                       claimed=-1, margin=0.05, scale="linear")  # fmt: skip
    beside += contrasts(analyses, arrived)
    cells = []
    for twin in twins("few"):
        slower, faster, every = slower_cells(analyses, twin.kinked, twin.smooth)
        cells.append(f"{twin.name} {slower} | {faster} of {every}")
    return finding(
        8,
        deciding,
        sentence=f"Kinked over smooth: {said(deciding) or 'not compared, one seed'}. Pairs of "
        "runs at the same seed, rate and batch size, of those in which one arrives, where the "
        f"kinked one needs 10 % more steps | 10 % fewer: {'; '.join(cells)}.",
        shown=beside,
        limits="Plain (stochastic) gradient descent; steps to a training loss, not time or "
        "accuracy. 'Hardly' speaks for the second reading, 'does not slow'.",
    )


def verdict_elsewhere(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 10: whether a twin is faster on one data set or network, slower on another."""
    quantities = _quantities(analyses, 10)
    fixed = [c for quantity in quantities for c in contrasts(analyses, quantity)]
    # A place that a sweep has only begun with is not compared, and counts for nothing.
    places = [seeds[0].settings for seeds in groups(analyses).values() if len(seeds) > 1]
    data = {str(place["data"]) for place in places}
    networks = {str(place["network"].get("kind")) for place in places}
    return finding(
        10,
        fixed,
        sentence=f"{_counted(data, 'data set')}, {_counted(networks, 'kind')} of network. "
        f"Kinked over smooth: {said(fixed) or 'not compared, one seed'}.",
        limits="At least three data sets and two networks are needed to see both directions; each "
        "is one data set of its kind, not a sample of kinds.",
    )


def _counted(some: set[str], noun: str) -> str:
    return f"{len(some)} {noun}{'' if len(some) == 1 else 's'}"


CLAIM = claim_of(8, measure=measure, verdict=verdict)
CLAIM_ELSEWHERE = claim_of(10, measure=measure_elsewhere, verdict=verdict_elsewhere)
