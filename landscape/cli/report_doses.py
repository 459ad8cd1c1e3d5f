"""Effects of claims against the size of the kinks, as curves and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape import viz
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.claims.comparing import Quantity
    from landscape.records.results import Analysis

# The quantity of a claim that is drawn against the size of the kinks: module and place.
_DOSED = {1: ("bounce", 2), 2: ("stable_rate", 1), 7: ("pattern_changes", 1)}
_HEADER = ("family", "dose", "values apart, rms", "effect", "lowest", "highest", "seeds")


def dose_curves(number: int, analyses: Sequence[Analysis]) -> Iterator[Any]:
    """Yield how the effect of a claim grows with the size of the kinks, with all twins."""
    from landscape.claims.doses import doses

    group, seeds, quantity = _dosed(number, analyses)
    if quantity is None:
        return
    log = quantity.scale == "log"
    for curve in doses(seeds, quantity):
        figure = viz.report.spread_lines(
            curve.doses, curve.effects, xlabel=curve.what, log="xy" if log else "x",
            ylabel="kinked over smooth" if log else "kinked minus smooth",
        )  # fmt: skip
        sides, nothing = ("over", "1") if log else ("minus", "0")
        words = (f"Effect of kinks by their size: {quantity.name}, kinked {sides} smooth, against "
                 f"the {curve.what}. {group}, median and range over {counted(len(seeds), 'seed')}. "
                 f"{nothing} is no effect. The values of the twins are apart by "
                 f"{_told_apart(curve.apart)}: large doses compare values, too.")  # fmt: skip
        yield viz.report.picture_of(
            figure, alt=f"{quantity.name} against the {curve.what}", caption=words
        )


def dose_table(number: int, analyses: Sequence[Analysis]) -> Any:
    """Return effects with the distance of the twins' values beside each; None with few twins."""
    from landscape.claims.doses import doses

    group, seeds, quantity = _dosed(number, analyses)
    curves = [] if quantity is None else doses(seeds, quantity)
    if not curves:
        return None
    rows = [
        (family, float(dose), float(apart), *_spread(effects[:, place]))
        for curve in curves
        for family, effects in curve.effects.items()
        for place, (dose, apart) in enumerate(zip(curve.doses, curve.apart[family], strict=True))
    ]
    sides = "over" if quantity is not None and quantity.scale == "log" else "minus"
    return viz.report.Table(
        name=f"claim-{number}-doses",
        title="Effects by the size of the kinks",
        header=_HEADER,
        rows=tuple(rows),
        note=f"{quantity.name if quantity else ''}, kinked {sides} smooth, {group}: median, lowest "
        "and highest over the seeds. Dose: width of the rounding of ReLU, spacing of the knots of "
        "a copy. Values apart: root mean square of the difference of the two activations over that "
        "of ReLU or of what is copied, for standard normal z.",
    )


def _dosed(
    number: int, analyses: Sequence[Analysis]
) -> tuple[str, Sequence[Analysis], Quantity | None]:
    """Return a claim's first group, its seeds, and what is compared; None where nothing is."""
    from landscape.claims.comparing import groups

    if number == 8:
        analyses = import_module("landscape.claims.pilot").judged_apart(analyses)
    if not analyses or number not in (*_DOSED, 8):
        return "", (), None
    group, seeds = next(iter(groups(analyses).items()))
    if number == 8:
        return group, seeds, import_module("landscape.claims.convergence").quantities(seeds, 8)[0]
    module, place = _DOSED[number]
    return group, seeds, import_module(f"landscape.claims.{module}").PRIMARY[place]


def _spread(values: Any) -> tuple[float | None, float | None, float | None, int]:
    known = values[np.isfinite(values)]
    if not len(known):
        return None, None, None, 0
    return float(np.median(known)), float(known.min()), float(known.max()), len(known)


def _told_apart(apart: dict[str, Any]) -> str:
    return "; ".join(
        f"{family} " + ", ".join(f"{100 * value:.2g}" for value in values) + " %"
        for family, values in apart.items()
    )
