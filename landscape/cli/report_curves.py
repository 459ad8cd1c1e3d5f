"""Curves of the claims of a report: what was measured, beside the effects that decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape import viz

if TYPE_CHECKING:
    from landscape.records.results import Analysis


@dataclass(frozen=True, slots=True)
class _Curve:
    """One figure of a claim.

    Attributes:
        places: of an analysis, the numbers along the horizontal axis.
        values: of the arrays of an analysis, [A, X]; None where that was not measured.
        xlabel: horizontal.
        ylabel: vertical.
        log: logarithmic axes.
        caption: what is to be seen.
    """

    places: Callable[[Any], Any]
    values: Callable[[Any], Any]
    xlabel: str
    ylabel: str
    log: str
    caption: str


# Lines that a figure holds.
_MOST_DRAWN = 8


def _relative_rates(arrays: Any) -> Any:
    return arrays["rates"] / arrays["rates"][0]


_RATE = "rate, in multiples of the smallest of the grid"
_CURVES: dict[int, tuple[_Curve, ...]] = {
    1: (
        _Curve(lambda a: np.arange(a["sharpness"].shape[2]) / a["sharpness"].shape[2],
               lambda a: a["sharpness"][:, 1], "share of the run", "largest curvature", "y",
               "The largest eigenvalue at the scale of a step, measured anew during the run, at "
               "rate x sharpness 1.5: the rates follow it."),
    ),
    5: (
        _Curve(lambda a: a["depths"], lambda a: a["survival"][:, :, 0], "hidden layers",
               "gradient at the first layer / last", "y",
               "What is left at the first layer of the gradient at the last, at the start, with "
               "gains that keep the mean square of the outputs."),
        _Curve(lambda a: a["depths"], lambda a: a["activation_part"][:, :, 0], "hidden layers",
               "the activation's factor", "y",
               "The activation's part of it: the product of |J| / |W| of all layers but the last."),
    ),
    6: (
        _Curve(_relative_rates, lambda a: a["for_good"], _RATE, "share of units dead for good", "x",
               "Units that died and stayed dead through the second half of the run, by learning "
               "rate. At the largest rates the loss may end above its start."),
        _Curve(_relative_rates, lambda a: a["held_out"], _RATE,
               "share of units dead on held-out data", "x", "Units that are dead at the end on "
               "examples that were not trained on, whenever they died."),
    ),
    8: (
        _Curve(_relative_rates, lambda a: a["needed"][:, 0], _RATE, "steps to the target loss",
               "xy", "Optimizer steps to the target loss, by rate, with the first batch size. "
               "Where a run did not arrive there is a gap."),
        _Curve(_relative_rates, lambda a: a["losses"][:, 0, :, -1], _RATE,
               "training loss at the end", "xy", "Loss after the last step, by rate, with the "
               "first batch size. Twins are compared at the best rate of each. What stands between "
               "them at one rate is also that their best rates differ."),
        _Curve(_relative_rates, lambda a: a["accuracies"][:, 0] if "accuracies" in a else None,
               _RATE, "held-out accuracy at the end", "x", "Share of held-out examples that is "
               "right after the last step, by rate, with the first batch size."),
    ),
    9: (
        _Curve(lambda a: a["shares"], lambda a: a["movement"], "share of units saturated by hand",
               "movement of the other weights", "", "How far the same other weights move until "
               "the end, with more and more of the units saturated by hand."),
        _Curve(lambda a: a["shares"], lambda a: a["rank"], "share of units saturated by hand",
               "effective rank of the gradient", "", "In how many directions the examples pull at "
               "the start."),
    ),
}  # fmt: skip


def curves(number: int, analyses: Sequence[Analysis]) -> Iterator[Any]:
    """Yield the pictures of a claim, of its first group: one data set, network and arm."""
    from landscape.claims.comparing import groups

    if not analyses:
        return
    group, seeds = next(iter(groups(analyses).items()))
    for curve in _CURVES.get(number, ()):
        if curve.values(seeds[0].arrays) is None:
            continue
        figure = viz.report.spread_lines(
            curve.places(seeds[0].arrays), _lines(seeds, curve.values), xlabel=curve.xlabel,
            ylabel=curve.ylabel, kinked=[_kinked(name) for name in _drawn(seeds[0])],
            log=curve.log,
        )  # fmt: skip
        yield _picture(figure, f"{curve.ylabel} against {curve.xlabel}",
                       f"{curve.caption} {_told(group, seeds)}")  # fmt: skip
    if number == 3:
        yield from _differences(group, seeds)
    if number == 8:
        yield from _losses(group, seeds)


def _differences(group: str, seeds: Sequence[Analysis]) -> Iterator[Any]:
    """Draw difference quotients against their step, over all crossings that were found."""
    steps = seeds[0].arrays["steps"]
    span = float(seeds[0].settings["span"])
    lines = {f"{name}, {_label(activation)}": np.stack([_placed(s, name, row) for s in seeds])
             for row, name, activation in _QUOTIENTS}  # fmt: skip
    if not all(np.isfinite(values).all() for values in lines.values()):
        return
    figure = viz.report.spread_lines(
        steps / (10 * steps[0]), lines, xlabel="step of the difference, as a share of the line",
        ylabel="slope that it gives", kinked=[row == 0 for row, *_ in _QUOTIENTS], log="x",
        levels={"slope on the left": 0.0, "slope on the right": 1.0}, limits=(-1.0, 2.0),
    )  # fmt: skip
    words = ("Difference quotients of the mean loss across kinks that were found on a random line "
             f"(of {span:g} of the weights' length), median over them. 0 and 1 are the slopes on "
             "either side, the distance between them the jump: backward and forward differences "
             "tend to one each, the central one to neither. The smooth twin at the same places, in "
             "the same unit, from its slope on the left. ")  # fmt: skip
    yield _picture(figure, "Difference quotients against their step", words + _told(group, seeds))


# Of the analysis of claim 3: row of the activation, quotient, activation.
_QUOTIENTS = (
    (0, "backward", "relu"),
    (0, "central", "relu"),
    (0, "forward", "relu"),
    (1, "central", "smelu_1"),
)


def _placed(analysis: Analysis, name: str, row: int) -> Any:
    """Return quotients as places between ReLU's slopes on either side, median over kinks, [H]."""
    arrays = analysis.arrays
    jumps = (arrays["right"] - arrays["left"])[0]
    known = jumps != 0
    if not known.any():
        return np.full(len(arrays["steps"]), np.nan)
    away = arrays[name][row] - arrays["left"][row][:, None]
    return np.median(away[known] / jumps[known, None], axis=0)


def _losses(group: str, seeds: Sequence[Analysis]) -> Iterator[Any]:
    """Draw the losses of twins at the best rate of each, for every batch size."""
    from landscape.claims.pilot import PILOT, best_rates, judged_apart

    judged, first = judged_apart(seeds), seeds[0]
    drawn = judged or [
        replace(seed, arrays={**seed.arrays, "chosen": best_rates(seeds)}) for seed in seeds
    ]
    for column, size in enumerate(first.arrays["batch_sizes"]):
        figure = viz.report.spread_lines(
            first.arrays["steps"],
            _lines(drawn, partial(_at_rates, column=column)),
            xlabel="optimizer steps", ylabel="training loss", log="y",
            kinked=[_kinked(name) for name in _drawn(first)],
            levels={"target": float(first.settings["target_loss"])},
        )  # fmt: skip
        batch = f"batches of {size}" if size else "all examples in a step"
        by = f"{PILOT} other seeds chose for each seed" if judged else "these seeds chose"
        words = f"Loss at the rate of each activation that {by}; {batch}. "
        yield _picture(figure, f"Losses of twins, {batch}", words + _told(group, drawn))


def _at_rates(arrays: Any, *, column: int) -> Any:
    """Return losses at the chosen rate of each activation, [A, records]."""
    chosen = arrays["chosen"][:, column]
    return arrays["losses"][np.arange(len(chosen)), column, chosen]


def _drawn(analysis: Analysis) -> list[str]:
    """Return which activations are drawn: one twin of each family, else the first eight."""
    from landscape.claims.primary import deciding_twins

    names = list(analysis.settings["activations"])
    smooth: dict[str, str] = {}
    for twin in deciding_twins():
        smooth.setdefault(*twin)
    twins = [name for pair in smooth.items() for name in pair]
    return twins if set(twins) <= set(names) else names[:8]


def _lines(seeds: Sequence[Analysis], values: Callable[[Any], Any]) -> dict[str, Any]:
    """Return the lines of the activations that are drawn, [S, X] each."""
    names = list(seeds[0].settings["activations"])
    lines = np.stack([np.asarray(values(seed.arrays), float) for seed in seeds])
    return {_label(name): lines[:, names.index(name)] for name in _drawn(seeds[0])}


def _told(group: str, seeds: Sequence[Analysis]) -> str:
    count = "one seed" if len(seeds) == 1 else f"median and range over {len(seeds)} seeds"
    return f"{group}, {count}; solid: with kinks, dashed: without."


def _picture(figure: Any, alt: str, caption: str) -> Any:
    return viz.report.picture_of(figure, alt=alt, caption=caption)


def _label(name: str) -> str:
    from landscape.networks.activations import get

    return get(name).label if "/" not in name else name


def _kinked(name: str) -> bool:
    from landscape.networks.activations import get

    return bool(get(name.partition("/")[0]).kinks)
