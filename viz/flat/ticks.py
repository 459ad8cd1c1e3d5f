"""Where axes of planes are labelled, in units of a power of ten, and how much room labels take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from landscape.records.arrays import Floats

from ..geometry.numbers import power_of_ten, tick_labels, ticks, with_power
from .lines import setting

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Ends = tuple[float, float]
POINT = 1 / 72
_MOST = 6
# Room between two labels, as a share of their size.
_BETWEEN = 0.8


def extent(text: str, size: float) -> tuple[float, float]:
    """Return width and height of a text in inches."""
    from matplotlib.textpath import TextPath

    if not text.strip():
        # A path without a stroke has no extent that matplotlib could tell.
        return 0.0, 0.0
    box = TextPath((0, 0), text, size=size).get_extents()
    return float(box.width) * POINT, float(box.height) * POINT


def power_of_axes(*ends: Sequence[float]) -> int:
    """Return the power of ten in which axes with these ends are labelled."""
    return power_of_ten(max(abs(float(end)) for both in ends for end in both))


def fitting(ends: Ends, power: int, room: float, size: float, *, upright: bool = False) -> Floats:
    """Return the most round numbers between ``ends``, at most about 6, whose labels stay apart.

    Args:
        ends: of the axis.
        power: of ten, in units of which they are written.
        room: length of the axis in inches.
        size: of letters in points.
        upright: whether the axis stands.
    """
    per_inch = (ends[1] - ends[0]) / room

    def apart(places: Floats) -> bool:
        halves = [extent(text, size)[int(upright)] / 2 for text in tick_labels(places, power)]
        needed = [a + b + _BETWEEN * size * POINT for a, b in pairwise(halves)]
        return bool(np.all(np.diff(places) / per_inch >= needed))

    for count in range(_MOST, 1, -1):
        places = ticks(ends, count)
        if apart(places):
            return places
    while len(places) > 1 and not apart(places):
        places = places[::2]
    return places


def label_plane(
    axes: Axes, alphas: Floats, betas: Floats, power: int, *, named: tuple[bool, bool]
) -> None:
    """Label axes of matplotlib that show a plane.

    Args:
        axes: what is labelled.
        alphas: where along alpha.
        betas: where along beta.
        power: of ten, in units of which numbers are written.
        named: whether alpha and beta are named, with the power.
    """
    for axis, places, name, is_named in zip(
        (axes.xaxis, axes.yaxis), (alphas, betas), ("α", "β"), named, strict=True
    ):
        axis.set_ticks(list(places), labels=tick_labels(places, power))
        if is_named:
            axis.set_label_text(with_power(name, power), style="italic")


def label_window(
    axes: Axes,
    window: tuple[Ends, Ends],
    room: float,
    *,
    power: int | None = None,
    named: tuple[bool, bool] = (True, True),
) -> None:
    """Label axes with as many numbers as have room, in letters of the ticks' size.

    Args:
        axes: of equal units along both axes.
        window: ends of alpha and of beta.
        room: width of the axes in inches.
        power: see :func:`label_plane`; by default that of the window.
        named: see :func:`label_plane`.
    """
    size = setting("font.size") - 1
    alpha, beta = window
    unit = power_of_axes(alpha, beta) if power is None else power
    tall = room * (beta[1] - beta[0]) / (alpha[1] - alpha[0])
    label_plane(axes, fitting(alpha, unit, room, size),
                fitting(beta, unit, tall, size, upright=True), unit, named=named)  # fmt: skip
