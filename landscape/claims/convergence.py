"""Claim 8: do kinks slow convergence, over rates and batch sizes?

Every twin descends from the same weights with the same batches at every rate of one grid and every
batch size. What is compared is the number of optimizer steps to a given training loss, at the best
rate of each: that is speed. Other seeds choose it (:mod:`landscape.claims.pilot`). A run that does
not arrive is censored: it took longer than any that did.

Beside it, never judged: what the twins do at one and the same rate. A difference there is mechanism
and not speed, for a rate that is too large for one and not for the other is nobody's choice.

Networks with batch statistics are trained as they are used: minibatches, torch's training mode,
running statistics for every record of the loss.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from landscape.claims.comparing import Quantity, Values, contrasts, decided, groups, registered
from landscape.claims.effects import paired_effect
from landscape.claims.optimizers import methods_at
from landscape.claims.pilot import judged_apart, pilot_sentence
from landscape.claims.primary import primary
from landscape.claims.rates import rate_grid
from landscape.claims.setting import Setting
from landscape.claims.stacked import Descent, descend, steps_to
from landscape.claims.statistics import Contrast, log_margin
from landscape.claims.summaries import effects
from landscape.claims.twins import activations_of, twins
from landscape.claims.verdicts import Finding, finding
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

_STEPS = "steps at the best rate"
_MARGIN = primary(8, _STEPS).bound


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
    return trained(setting, activations_of(twins(setting.effort.twins)), 8)


def trained(setting: Setting, names: Sequence[str], claim: int) -> Analysis:
    """Measure some activations for claim 8 or 10, see :func:`measure`."""
    rates = rate_grid(setting)
    runs = list(descents(setting, names, rates).values())
    losses = np.array([[run.losses for run in by_size] for by_size in runs])
    steps = runs[0][0].steps
    arrays = {
        "losses": losses,
        "steps": steps,
        "needed": steps_to(losses, steps, setting.target_loss),
        "rates": rates,
        "batch_sizes": np.array(setting.effort.batch_sizes),
    }
    if runs[0][0].accuracies is not None:
        arrays["accuracies"] = np.array([[run.accuracies for run in by_size] for by_size in runs])
    seconds = [[round(run.seconds / len(rates), 4) for run in by_size] for by_size in runs]
    return setting.analysis(claim, names, arrays, target_loss=setting.target_loss, seconds=seconds)


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
    runs = {
        name: [
            descend(
                setting.problem(name, dtype=torch.float32),
                methods_at(rates, [effort.optimizer]),
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
    return {name: runs[name] for name in names}


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
    contrasts_at: list[Contrast] = []
    for group, seeds in groups(judged).items():
        names = list(seeds[0].settings["activations"])
        for column, size in enumerate(seeds[0].arrays["batch_sizes"].tolist()):
            for twin in twins("few"):
                if {twin.kinked, twin.smooth} <= set(names):
                    rows = names.index(twin.kinked), names.index(twin.smooth)
                    name = f"at the smooth twin's rate, {_batch(size)}: {twin.name}, {group}"
                    contrasts_at += _at_one_rate(seeds, rows, column, name)
    return contrasts_at


def _at_one_rate(
    seeds: Sequence[Analysis], rows: tuple[int, int], column: int, name: str
) -> Iterator[Contrast]:
    rates = [(a.arrays, int(a.arrays["chosen"][rows[1], column])) for a in seeds]
    needed = [[arrays["needed"][row, column, rate] for arrays, rate in rates] for row in rows]
    ends = [[arrays["losses"][row, column, rate, -1] for arrays, rate in rates] for row in rows]
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
            arrived = np.isfinite(sides[0]) | np.isfinite(sides[1])
            difference = sides[0][arrived] - sides[1][arrived]
        slower += int((difference > _MARGIN).sum())
        faster += int((difference < -_MARGIN).sum())
        cells += int(arrived.sum())
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
        sentence=f"{pilot_sentence(analyses, judged)} Kinked over smooth: "
        f"{effects(deciding) or 'not compared'}. Pairs of runs at the same seed, rate and batch "
        "size, of those in which one arrives, where the kinked one needs 10 % more steps | 10 % "
        "fewer: "
        f"{'; '.join(cells)}.",
        shown=[*beside, *at_equal_rates(judged)],
        limits=f"{_ways(analyses)}; steps to a training loss. 'Hardly' speaks for the second "
        "reading, 'does not slow'. What twins do at equal rates is mechanism, not speed.",
    )


def _ways(analyses: Sequence[Analysis]) -> str:
    """Name how the networks were trained, each way once."""
    efforts = [analysis.settings.get("effort", {}) for analysis in analyses]
    ways = {f"{effort.get('optimizer', 'sgd')}, {effort.get('schedule', 'constant')} rate"
            for effort in efforts}  # fmt: skip
    return f"Trained by {' and '.join(sorted(ways))}" if ways else "Not trained"
