"""From analyses of single seeds to contrasts of twins.

Every analysis holds the activations it compared in ``settings["activations"]``; the first axis of
its arrays are these. A group is one data set, network and arm; its seeds are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from landscape.claims.effects import Effect, Scale, paired_effect
from landscape.claims.primary import primary
from landscape.claims.statistics import Contrast
from landscape.claims.twins import NULL, Twin, twins
from landscape.records.results import Analysis

# Of an analysis and the index of an activation one number: inf of a run that did not arrive, NaN of
# one that diverged and of which nothing is known. None where it was not measured.
Values = Callable[[Analysis, int], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """What twins are compared by.

    Attributes:
        name: with its unit.
        values: of an analysis and the index of an activation, one number, see ``Values``.
        claimed: sign of kinked minus smooth if the claim is true.
        margin: differences up to this size do not matter.
        scale: ``log`` or ``linear``.
        family: of contrasts that decide; "" of a quantity that is exploratory.
    """

    name: str
    values: Values
    claimed: int
    margin: float
    scale: Scale = "log"
    family: str = ""


def registered(claim: int, name: str, values: Values, *, known_as: str = "") -> Quantity:
    """Return a quantity with the margin and the family that were fixed for it.

    Args:
        claim: 1 to 10.
        name: as it stands in the file of primary contrasts.
        values: of an analysis and the index of an activation, one number.
        known_as: a longer name, ``name, variant``; "" keeps it. Of several variants one decides.

    Raises:
        ValueError: if it was not fixed.
    """
    fixed = primary(claim, name)
    decides = known_as in ("", name, f"{name}, {fixed.variant}")
    return Quantity(name=known_as or name, values=values, claimed=fixed.claimed,
                    margin=fixed.bound, scale=fixed.scale,
                    family=fixed.family if decides else "")  # fmt: skip


def groups(analyses: Sequence[Analysis]) -> dict[str, list[Analysis]]:
    """Return the analyses of each group, by seed."""
    by_group: dict[str, list[Analysis]] = {}
    for analysis in sorted(analyses, key=lambda a: int(a.settings["seed"])):
        by_group.setdefault(str(analysis.settings["group"]), []).append(analysis)
    return by_group


def effect_of(analyses: Sequence[Analysis], pair: tuple[str, str], quantity: Quantity) -> Effect:
    """Compare two activations over the seeds of one group: the first minus the second.

    Raises:
        ValueError: for fewer than 2 seeds, or an activation that was not measured.
    """
    sides = [_measured(analyses, name, quantity) for name in pair]
    return paired_effect(*sides, scale=quantity.scale)


def compared(
    analyses: Sequence[Analysis], quantity: Quantity, pairs: Sequence[tuple[str, str]]
) -> list[Contrast]:
    """Compare activations that are no twins, pair by pair, in every group of several seeds.

    Raises:
        ValueError: for an activation that was not measured.
    """
    return [
        Contrast(f"{quantity.name}: {a} against {b}, {group}",
                 effect_of(seeds, (a, b), quantity), quantity.claimed, quantity.margin)
        for group, seeds in groups(analyses).items() if len(seeds) > 1
        for a, b in pairs
    ]  # fmt: skip


def decided(
    analyses: Sequence[Analysis], primary: Sequence[Quantity], shown: Sequence[Quantity] = ()
) -> tuple[list[Contrast], list[Contrast]]:
    """Return the contrasts by which a claim is measured, and those shown beside them.

    Args:
        analyses: of one claim.
        primary: quantities that were fixed, between primary twins; between others they are shown.
        shown: quantities that are shown only, between primary twins.
    """
    deciding = [c for quantity in primary for c in contrasts(analyses, quantity)]
    beside = [c for quantity in shown for c in contrasts(analyses, quantity)]
    beside += [c for q in primary for c in contrasts(analyses, q, primary=False)]
    return deciding, beside


def contrasts(
    analyses: Sequence[Analysis], quantity: Quantity, *, primary: bool | None = True
) -> list[Contrast]:
    """Compare all twins that were measured, in every group.

    The floor of each contrast is the size of the same effect between ReLU and SmeLU(0.001), the
    same function for all practical purposes: the larger of its median and of the root of its mean
    square over the root of the number of seeds.

    Args:
        analyses: of one claim.
        quantity: what is compared.
        primary: whether of the primary twins, of the others (False), or of all (None).

    Returns:
        Contrasts, none of a group with a single seed, nor of an activation for which some seed
        was not measured, or has a value without a logarithm. Runs that diverged or did not arrive
        are compared.
    """
    compared_twins = []
    for group, seeds in groups(analyses).items():
        if len(seeds) < 2:
            continue
        measured = {n for n in seeds[0].settings["activations"] if _comparable(seeds, n, quantity)}
        floor = _floor(seeds, quantity) if set(NULL) <= measured else 0.0
        for twin in _pairs(primary):
            if {twin.kinked, twin.smooth} <= measured:
                effect = effect_of(seeds, (twin.kinked, twin.smooth), quantity)
                name = f"{quantity.name}: {twin.name}, {group}"
                family = quantity.family if twin.primary else ""
                compared_twins.append(Contrast(name, effect, quantity.claimed, quantity.margin,
                                               floor, family))  # fmt: skip
    return compared_twins


def twin_of(contrast: Contrast) -> str:
    """Return the name of the twin that a contrast of :func:`contrasts` compares."""
    return contrast.name.partition(": ")[2].partition(", ")[0]


def _pairs(primary: bool | None) -> list[Twin]:
    every = {(twin.kinked, twin.smooth): twin for twin in (*twins("all"), *twins("few"))}
    return [twin for twin in every.values() if primary is None or twin.primary is primary]


def _comparable(seeds: Sequence[Analysis], name: str, quantity: Quantity) -> bool:
    values = _measured(seeds, name, quantity)
    return None not in values and not (quantity.scale == "log" and np.any(np.less_equal(values, 0)))


def _measured(analyses: Sequence[Analysis], name: str, quantity: Quantity) -> list[Any]:
    return [quantity.values(a, list(a.settings["activations"]).index(name)) for a in analyses]


def _floor(seeds: Sequence[Analysis], quantity: Quantity) -> float:
    """Return the size of the null's effect: its median, or what its scatter makes of a mean of 0.

    Differences of both signs may cancel, and say no more than that they scatter.
    """
    effect = effect_of(seeds, NULL, quantity)
    known = effect.lowest[np.isfinite(effect.lowest)]
    scatter = float(np.sqrt(np.mean(known**2) / len(known))) if len(known) else 0.0
    median = abs(effect.estimate)
    return max(float(median), scatter) if np.isfinite(median) else scatter
