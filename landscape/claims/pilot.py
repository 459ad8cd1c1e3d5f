"""The pilot: other seeds of a group choose the rates at which a seed is judged.

Three other seeds, its pilot, choose the rates of every seed: no run is judged by a rate that it
chose itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from landscape.claims.comparing import groups
from landscape.records.results import Analysis

# Seeds that choose the rates of a seed, and how many seeds must be there to be judged. Of four, a
# seed that bears little would choose for four others: in simulations up to a tenth of studies of 24
# seeds then show a difference where there is none.
PILOT, _LEAST = 3, 7
# Activations that are named one by one.
_MOST_NAMED = 3


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
    judged = []
    for seeds in groups(analyses).values():
        if len(seeds) < _LEAST:
            continue
        around = [*seeds, *seeds[:PILOT]]
        for place, analysis in enumerate(seeds, start=1):
            chosen = best_rates(around[place : place + PILOT])
            judged.append(replace(analysis, arrays={**analysis.arrays, "chosen": chosen}))
    return judged


def best_rates(pilot: Sequence[Analysis]) -> NDArray[np.int64]:
    """Return the best rates of some seeds, [A, B].

    The best is the one at which the fewest runs do not arrive; among those the one with the
    smallest mean logarithm of the steps of the runs that do; among those with the lowest loss.
    """
    needed = np.stack([analysis.arrays["needed"] for analysis in pilot])
    arrived = np.isfinite(needed)
    logs = np.log(np.maximum(np.where(arrived, needed, 1.0), np.finfo(float).tiny))
    steps = np.where(arrived, logs, 0.0).sum(axis=0) / np.maximum(arrived.sum(axis=0), 1)
    ends = np.mean([analysis.arrays["losses"][..., -1] for analysis in pilot], axis=0)
    missing = (~arrived).sum(axis=0)
    best = np.lexsort((ends, steps, missing), axis=-1)[..., 0]
    return np.asarray(best, dtype=np.int64)


def pilot_sentence(analyses: Sequence[Analysis], judged: Sequence[Analysis]) -> str:
    """Say who chose the rates and who is judged, and where nobody can be."""
    if not judged:
        seeds = max(map(len, groups(analyses).values()), default=0)
        return (
            f"Nothing can be judged: {PILOT} others choose the rates of every seed, which needs at "
            f"least {_LEAST} seeds, got {seeds}."
        )
    too_few = groups(analyses).keys() - groups(judged).keys()
    at_edge = sorted({name for analysis in judged for name in _at_edge(analysis)})
    names = ", ".join(at_edge) if len(at_edge) <= _MOST_NAMED else f"{len(at_edge)} activations"
    edges = f" Those of {names} lie at an end of the grid." if at_edge else ""
    left_out = f" Too few seeds: {', '.join(sorted(too_few))}." if too_few else ""
    return f"{PILOT} other seeds choose the rates of every seed.{edges}{left_out}"


def _at_edge(analysis: Analysis) -> Iterator[str]:
    """Yield the activations whose rate is the first or the last of the grid."""
    chosen, rates = analysis.arrays["chosen"], len(analysis.arrays["rates"])
    for name, places in zip(analysis.settings["activations"], chosen, strict=True):
        if np.isin(places, (0, rates - 1)).any():
            yield str(name)
