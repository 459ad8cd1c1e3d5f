"""Curves of the claims of a report: what was measured, beside the effects that decide."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.cli.pictures import own_viz

if TYPE_CHECKING:
    from landscape.results import Analysis


@dataclass(frozen=True, slots=True)
class _Curve:
    """One figure of a claim.

    Attributes:
        places: of an analysis, the numbers along the horizontal axis.
        values: of an analysis, [A, X].
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


def _relative_rates(arrays: Any) -> Any:
    return arrays["rates"] / arrays["rates"][0]


_RATE = "rate, in multiples of the smallest of the grid"
_CURVES: dict[int, tuple[_Curve, ...]] = {
    5: (
        _Curve(lambda a: a["depths"], lambda a: a["survival"][:, :, 0], "hidden layers",
               "gradient at the first layer / last", "y",
               "What is left at the first layer of the gradient at the last, at the start, with "
               "gains that keep the mean square of the outputs."),
        _Curve(lambda a: a["depths"], lambda a: a["activation_part"][:, :, 0], "hidden layers",
               "the activation's factor", "y",
               "The activation's part of it: the product of |J| / |W| of all layers."),
    ),
    6: (
        _Curve(_relative_rates, lambda a: a["for_good"], _RATE, "share of units dead for good", "x",
               "Units that died and stayed dead through the second half of the run, by learning "
               "rate. At the largest rates the loss ends above its start."),
    ),
    8: (
        _Curve(_relative_rates, lambda a: a["needed"][:, 0], _RATE, "steps to the target loss",
               "xy", "Optimizer steps to the target loss, by rate, with the first batch size. "
               "Where a run did not arrive there is a gap."),
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
    from landscape.dynamics.comparing import groups

    if number not in _CURVES or not analyses:
        return
    group, seeds = next(iter(groups(analyses).items()))
    names = list(seeds[0].settings["activations"])[:8]
    viz = own_viz()
    for curve in _CURVES[number]:
        lines = {
            _label(name): np.stack([np.asarray(curve.values(s.arrays), float)[i] for s in seeds])
            for i, name in enumerate(names)
        }
        figure = viz.spread_lines(
            curve.places(seeds[0].arrays), lines, xlabel=curve.xlabel, ylabel=curve.ylabel,
            kinked=[_kinked(name) for name in names], log=curve.log,
        )  # fmt: skip
        words = (f"{curve.caption} {group}, median and range over {len(seeds)} seeds; solid: with "
                 "kinks, dashed: without.")  # fmt: skip
        yield viz.picture_of(figure, alt=f"{curve.ylabel} against {curve.xlabel}", caption=words)


# The quantity of a claim that is drawn against the size of the kinks: module and place.
_DOSED = {1: ("bounce", 2), 2: ("stable_rate", 1), 7: ("pattern_changes", 1)}


def dose_curves(number: int, analyses: Sequence[Analysis]) -> Iterator[Any]:
    """Yield how the effect of a claim grows with the size of the kinks, with all twins."""
    from importlib import import_module

    from landscape.dynamics.comparing import groups
    from landscape.dynamics.doses import doses

    if number not in _DOSED or not analyses:
        return
    module, place = _DOSED[number]
    quantity = import_module(f"landscape.dynamics.{module}").PRIMARY[place]
    group, seeds = next(iter(groups(analyses).items()))
    viz = own_viz()
    log = quantity.scale == "log"
    for one in doses(seeds, quantity):
        figure = viz.spread_lines(
            one.doses, one.effects, xlabel=one.what, log="xy" if log else "x",
            ylabel="kinked over smooth" if log else "kinked minus smooth",
        )  # fmt: skip
        sides, nothing = ("over", "1") if log else ("minus", "0")
        words = (f"Effect of kinks by their size: {quantity.name}, kinked {sides} smooth, against "
                 f"the {one.what}. {group}, median and range over {len(seeds)} seeds. {nothing} is "
                 "no effect.")  # fmt: skip
        yield viz.picture_of(figure, alt=f"{quantity.name} against the {one.what}", caption=words)


def _label(name: str) -> str:
    from landscape.activations import get

    return get(name).label if "/" not in name else name


def _kinked(name: str) -> bool:
    from landscape.activations import get

    return bool(get(name.partition("/")[0]).kinks)
