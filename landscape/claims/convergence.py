"""Claims 8 and 10: do kinks slow convergence, over rates and batch sizes, data sets and networks?

Every twin descends from the same weights with the same batches at every rate of one grid and every
batch size. What is compared is the number of optimizer steps to a given training loss, at the best
rate of each: that is speed. Three other seeds, its pilot, choose the rates of every seed: no run is
judged by a rate that it chose itself. A run that does not arrive is censored: it took longer than
any that did.

Beside it, never judged: what the twins do at one and the same rate. A difference there is mechanism
and not speed, for a rate that is too large for one and not for the other is nobody's choice.

Networks with batch statistics are trained as they are used: minibatches, torch's training mode,
running statistics for every record of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.claims.claim import KIND, Finding, Setting, claim_of, finding
from landscape.claims.comparing import (
    Quantity,
    Values,
    contrasts,
    decided,
    groups,
    registered,
    said,
)
from landscape.claims.effects import paired_effect
from landscape.claims.primary import primary
from landscape.claims.stability import MOMENTUM
from landscape.claims.stable_rate import sharpness_at
from landscape.claims.stacked import Descent, Methods, descend, steps_to
from landscape.claims.statistics import Contrast, log_margin
from landscape.claims.twins import activations_of, twins
from landscape.records.arrays import Floats
from landscape.records.plurals import counted
from landscape.records.results import Analysis

# Rates of a grid below its middle.
_BELOW = 4
# Seeds that choose the rates of a seed, and how many seeds must be there to be judged. Of four, a
# seed that bears little would choose for four others: in simulations up to a tenth of studies of 24
# seeds then show a difference where there is none.
PILOT, _LEAST = 3, 7
# Activations that are named one by one.
_MOST_NAMED = 3
# The middle of Adam's grid: its steps have the length of the rate, whatever the sharpness.
_ADAM = 0.004


def descents(setting: Setting, names: Sequence[str], rates: Floats) -> dict[str, list[Descent]]:
    """Train every activation at every rate and batch size, and score it on held-out examples.

    Args:
        setting: network, data, seed, effort.
        names: of activations.
        rates: R.

    Returns:
        Of each activation the R runs of each batch size, which begin with another activation for
        every seed: what a computer does first is slower.
    """
    effort, first = setting.effort, setting.seed % len(names)
    classes = setting.loss == "cross_entropy"
    found = {
        name: [
            descend(
                setting.problem(name, dtype=torch.float32),
                _methods(effort.optimizer, rates),
                steps=effort.steps,
                batch_size=size,
                record_every=effort.record_every,
                schedule=effort.schedule,
                held_out=setting.held_out if classes else None,
                seed=setting.seed,
            )
            for size in effort.batch_sizes
        ]
        for name in (*names[first:], *names[:first])
    }
    return {name: found[name] for name in names}


def _methods(optimizer: str, rates: Floats) -> Methods:
    alike = np.ones(len(rates))
    return Methods(rates, alike * (0.0 if optimizer == "sgd" else MOMENTUM),
                   alike * (optimizer == "nesterov"), adaptive=optimizer == "adam")  # fmt: skip


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
    return np.asarray(middle * effort.factor ** (np.arange(effort.rates) - _BELOW))


def measure(setting: Setting) -> Analysis:
    """Measure claim 8 for one seed.

    Returns:
        Arrays over activations A, batch sizes B and rates R: ``losses [A, B, R, records]`` over
        all training examples at ``steps [records]``, inf after a divergence; ``needed [A, B, R]``
        (steps to the target, inf if censored); ``accuracies [A, B, R]`` on held-out examples at
        the end, if there are any and the targets are classes; ``rates [R]``, ``batch_sizes [B]``.
        Among the settings ``seconds [A, B]``: process time of the steps, one rate of R that were
        computed together.
    """
    return _measured(setting, activations_of(twins(setting.effort.twins)), 8)


def measure_elsewhere(setting: Setting) -> Analysis:
    """Measure claim 10 for one seed: claim 8 with the first batch size and few twins."""
    effort = replace(setting.effort, batch_sizes=setting.effort.batch_sizes[:1])
    return _measured(replace(setting, effort=effort), activations_of(twins("few")), 10)


def _measured(setting: Setting, names: Sequence[str], number: int) -> Analysis:
    rates = rate_grid(setting)
    runs = list(descents(setting, names, rates).values())
    losses = np.array([[run.losses for run in some] for some in runs])
    steps = runs[0][0].steps
    settings = {
        **setting.facts(),
        "claim": number,
        "activations": list(names),
        "target_loss": setting.target_loss,
        "seconds": [[round(run.seconds / len(rates), 4) for run in some] for some in runs],
    }
    arrays = {
        "losses": losses,
        "steps": steps,
        "needed": steps_to(losses, steps, setting.target_loss),
        "rates": rates,
        "batch_sizes": np.array(setting.effort.batch_sizes),
    }
    if runs[0][0].accuracies is not None:
        arrays["accuracies"] = np.array([[run.accuracies for run in some] for some in runs])
    return Analysis(KIND, arrays, settings)


# -- the pilot -------------------------------------------------------------------------------------


def judged_apart(analyses: Sequence[Analysis]) -> list[Analysis]:
    """Let three other seeds of its group choose the rates of every seed: those that follow it.

    The last seeds are followed by the first. Near the largest rate that a network bears three seeds
    choose now one rate of the grid and now the next, which takes half as many steps again. A pilot
    that is the same for all seeds would pass its luck on to each of them, and make a difference of
    it with hardly any scatter.

    Rates are chosen by their place on the grid, for every activation and batch size: where the
    grid follows the sharpness at the start, that is a multiple of 2 / sharpness.

    Returns:
        The analyses, with ``chosen [A, B]``: places of the rates. None of a group with fewer than
        seven seeds.
    """
    found = []
    for seeds in groups(analyses).values():
        if len(seeds) < _LEAST:
            continue
        around = [*seeds, *seeds[:PILOT]]
        for place, one in enumerate(seeds, start=1):
            chosen = best_rates(around[place : place + PILOT])
            found.append(replace(one, arrays={**one.arrays, "chosen": chosen}))
    return found


def best_rates(pilot: Sequence[Analysis]) -> NDArray[np.int64]:
    """Return the best rates of some seeds, [A, B].

    The best is the one at which the fewest runs do not arrive; among those the one with the
    smallest mean logarithm of the steps of the runs that do; among those with the lowest loss.
    """
    needed = np.stack([one.arrays["needed"] for one in pilot])
    arrived = np.isfinite(needed)
    logs = np.log(np.maximum(np.where(arrived, needed, 1.0), np.finfo(float).tiny))
    steps = np.where(arrived, logs, 0.0).sum(axis=0) / np.maximum(arrived.sum(axis=0), 1)
    ends = np.mean([one.arrays["losses"][..., -1] for one in pilot], axis=0)
    missing = (~arrived).sum(axis=0)
    best = np.lexsort((ends, steps, missing), axis=-1)[..., 0]
    return np.asarray(best, dtype=np.int64)


def _told_pilot(analyses: Sequence[Analysis], judged: Sequence[Analysis]) -> str:
    """Say who chose the rates and who is judged, and where nobody can be."""
    if not judged:
        seeds = max(map(len, groups(analyses).values()), default=0)
        return (
            f"Nothing can be judged: {PILOT} others choose the rates of every seed, which needs at "
            f"least {_LEAST} seeds, got {seeds}."
        )
    left = groups(analyses).keys() - groups(judged).keys()
    edges = sorted({name for one in judged for name in _at_edge(one)})
    some = ", ".join(edges) if len(edges) <= _MOST_NAMED else f"{len(edges)} activations"
    said_edges = f" Those of {some} lie at an end of the grid." if edges else ""
    open_ = f" Too few seeds: {', '.join(sorted(left))}." if left else ""
    return f"{PILOT} other seeds choose the rates of every seed.{said_edges}{open_}"


def _at_edge(analysis: Analysis) -> Iterator[str]:
    """Yield the activations whose rate is the first or the last of the grid."""
    chosen, rates = analysis.arrays["chosen"], len(analysis.arrays["rates"])
    for name, places in zip(analysis.settings["activations"], chosen, strict=True):
        if np.isin(places, (0, rates - 1)).any():
            yield str(name)


# -- what is compared ------------------------------------------------------------------------------


_STEPS = "steps at the best rate"
_MARGIN = primary(8, _STEPS).bound


def _sizes(analyses: Sequence[Analysis]) -> list[int]:
    return list(dict.fromkeys(int(s) for a in analyses for s in a.arrays["batch_sizes"]))


def _arrived(analysis: Analysis, activation: int) -> float:
    """Return the share of rates and batch sizes at which the target was reached."""
    return float(np.isfinite(analysis.arrays["needed"][activation]).mean())


def _batch(size: int) -> str:
    return f"batch {size or 'of all'}"


def _at_chosen(field: str, size: int) -> Values:
    """Return what finds a field [A, B, R] at the chosen rate of an activation."""

    def value(analysis: Analysis, activation: int) -> float | None:
        sizes = analysis.arrays["batch_sizes"].tolist()
        if size not in sizes or field not in analysis.arrays:
            return None
        place = activation, sizes.index(size)
        return float(analysis.arrays[field][(*place, analysis.arrays["chosen"][place])])

    return value


def _seconds(size: int, *, to_target: bool) -> Values:
    """Return what finds the seconds of a run, or of its part up to the target."""
    steps = _at_chosen("needed", size)

    def value(analysis: Analysis, activation: int) -> float | None:
        sizes = analysis.arrays["batch_sizes"].tolist()
        if size not in sizes:
            return None
        whole = float(analysis.settings["seconds"][activation][sizes.index(size)])
        if not to_target:
            return whole
        return whole * (steps(analysis, activation) or 0.0) / float(analysis.arrays["steps"][-1])

    return value


def quantities(analyses: Sequence[Analysis], claim: int) -> list[Quantity]:
    """Return what decides claim 8 or 10, for every batch size; of analyses with chosen rates."""
    return [
        registered(claim, _STEPS, _at_chosen("needed", size), known_as=f"{_STEPS}, {_batch(size)}")
        for size in _sizes(analyses)
    ]


def _beside(analyses: Sequence[Analysis]) -> Iterator[Quantity]:
    """Yield what is shown of the runs at the best rates, for every batch size."""
    for size in _sizes(analyses):
        end = f"at the best rate, {_batch(size)}"
        yield Quantity(name=f"held-out accuracy {end}", values=_at_chosen("accuracies", size),
                       claimed=-1, margin=0.01, scale="linear")  # fmt: skip
        for name, part in (("seconds of training", False), ("seconds to the target", True)):
            yield Quantity(name=f"{name} {end}", values=_seconds(size, to_target=part), claimed=1,
                           margin=log_margin(0.1))  # fmt: skip


def at_equal_rates(judged: Sequence[Analysis]) -> list[Contrast]:
    """Compare twins at one rate, the one that is best for the smooth twin.

    The kinked twin arrives so many steps later, and ends with so many times the loss: mechanism,
    not speed.

    Args:
        judged: of :func:`judged_apart`.
    """
    found: list[Contrast] = []
    for group, seeds in groups(judged).items():
        names = list(seeds[0].settings["activations"])
        for column, size in enumerate(seeds[0].arrays["batch_sizes"].tolist()):
            for twin in twins("few"):
                if {twin.kinked, twin.smooth} <= set(names):
                    rows = names.index(twin.kinked), names.index(twin.smooth)
                    name = f"at the smooth twin's rate, {_batch(size)}: {twin.name}, {group}"
                    found += _at_one_rate(seeds, rows, column, name)
    return found


def _at_one_rate(
    seeds: Sequence[Analysis], rows: tuple[int, int], column: int, name: str
) -> Iterator[Contrast]:
    rates = [int(one.arrays["chosen"][rows[1], column]) for one in seeds]
    places = list(zip(seeds, rates, strict=True))
    needed = [[one.arrays["needed"][row, column, rate] for one, rate in places] for row in rows]
    ends = [[one.arrays["losses"][row, column, rate, -1] for one, rate in places] for row in rows]
    later = paired_effect(*needed, scale="linear")
    arrived = np.isfinite(needed[1])
    # A tenth of the steps that the smooth twin needs, or of all where it never arrives.
    usual = (
        np.median(np.array(needed[1])[arrived]) if arrived.any() else seeds[0].arrays["steps"][-1]
    )
    yield Contrast(f"extra steps {name}", later, 1, max(0.1 * float(usual), 1.0))
    yield Contrast(f"loss at the end {name}", paired_effect(*ends), 1, log_margin(0.1))


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
    """Judge claim 8, "does slow": the kinked twin needs more steps at its best rate.

    Other seeds choose the rates, see :func:`judged_apart`.
    """
    judged = judged_apart(analyses)
    arrived = Quantity(name="share of rates and batch sizes that arrive", values=_arrived,
                       claimed=-1, margin=0.05, scale="linear")  # fmt: skip
    deciding, beside = decided(judged, quantities(judged, 8), [arrived, *_beside(judged)])
    beside += [c for q in _beside(judged) for c in contrasts(judged, q, primary=False)]
    cells = []
    for twin in twins("few"):
        slower, faster, every = slower_cells(analyses, twin.kinked, twin.smooth)
        cells.append(f"{twin.name} {slower} | {faster} of {every}")
    return finding(
        8,
        deciding,
        sentence=f"{_told_pilot(analyses, judged)} Kinked over smooth: "
        f"{said(deciding) or 'not compared'}. Pairs of runs at the same seed, rate and batch size, "
        "of those in which one arrives, where the kinked one needs 10 % more steps | 10 % fewer: "
        f"{'; '.join(cells)}.",
        shown=[*beside, *at_equal_rates(judged)],
        limits=f"{_ways(analyses)}; steps to a training loss. 'Hardly' speaks for the second "
        "reading, 'does not slow'. What twins do at equal rates is mechanism, not speed.",
    )


def _ways(analyses: Sequence[Analysis]) -> str:
    """Name how the networks were trained, each way once."""
    efforts = [analysis.settings.get("effort", {}) for analysis in analyses]
    ways = {f"{one.get('optimizer', 'sgd')}, {one.get('schedule', 'constant')} rate"
            for one in efforts}  # fmt: skip
    return f"Trained by {' and '.join(sorted(ways))}" if ways else "Not trained"


def verdict_elsewhere(analyses: Sequence[Analysis]) -> Finding:
    """Estimate claim 10: whether a twin is faster on one data set or network, slower on another.

    Other seeds choose the rates, as in claim 8.
    """
    judged = judged_apart(analyses)
    fixed = [c for quantity in quantities(judged, 10) for c in contrasts(judged, quantity)]
    # A place that a sweep has only begun with is not compared, and counts for nothing.
    places = [seeds[0].settings for seeds in groups(judged).values()]
    data = {str(place["data"]) for place in places}
    networks = {str(place["network"].get("kind")) for place in places}
    return finding(
        10,
        fixed,
        sentence=f"{counted(len(data), 'data set')}, {counted(len(networks), 'kind')} of network. "
        f"{_told_pilot(analyses, judged)} Kinked over smooth: {said(fixed) or 'not compared'}.",
        limits="At least three data sets and two networks are needed to see both directions; each "
        "is one data set of its kind, not a sample of kinds.",
    )


CLAIM = claim_of(8, measure=measure, verdict=verdict)
CLAIM_ELSEWHERE = claim_of(10, measure=measure_elsewhere, verdict=verdict_elsewhere)
