"""Pieces (interval, example) of a segment, and the crossings in them, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.kinks.columns import Columns
from landscape.kinks.crossings import Crossings
from landscape.kinks.jets import Jet
from landscape.records.arrays import Floats


@dataclass(slots=True)
class Rows(Columns):
    """Pieces (interval, example) of a chunk; every array [R].

    Attributes:
        example: which example.
        start: t where the piece starts.
        end: t where it ends.
        unclear: whether it must be cut to know its crossings.
        change: of the slope.
        smooth: integral of autograd's curvature.
        variation: integral of its absolute value.
        bend: integral of the absolute contributions of the activations' bends.
        rest: integral of the absolute curvature that is not due to bends.
        kink: sum of the jumps.
        kinks: sum of the absolute jumps.
        residual: change - smooth - kink.
    """

    example: NDArray[np.int64]
    start: Floats
    end: Floats
    unclear: NDArray[np.bool_]
    change: Floats
    smooth: Floats
    variation: Floats
    bend: Floats
    rest: Floats
    kink: Floats
    kinks: Floats
    residual: Floats


@dataclass(slots=True)
class Events(Columns):
    """Crossings of a chunk; every array [E]. ``row`` is the piece they happened in."""

    row: NDArray[np.int64]
    site: NDArray[np.int64]
    unit: NDArray[np.int64]
    place: Floats
    jump: Floats


def measured(
    left: Jet,
    right: Jet,
    crossings: Crossings,
    ends: tuple[Floats, Floats],
    examples: NDArray[np.int64],
) -> tuple[Rows, Crossings]:
    """Split the change of slope of every example in one interval.

    Returns:
        The pieces, and the crossings without those at which the slope does not jump.
    """
    width = torch.from_numpy(ends[1] - ends[0]).to(left.slopes)
    share = _shares(crossings, left.slopes)

    def integral(before: Tensor, after: Tensor) -> Tensor:
        return width * (share * before + (1 - share) * after)

    smooth = integral(left.curvatures, right.curvatures)
    change = right.slopes - left.slopes
    crossings = _seen(crossings, change - smooth)
    none = torch.zeros_like(change)
    kink = none.index_add(0, crossings.example, crossings.jump)
    kinks = none.index_add(0, crossings.example, crossings.jump.abs())
    rest = tuple((jet.curvatures - jet.bends).abs() for jet in (left, right))
    columns = (
        crossings.unclear, change, smooth, integral(left.curvatures.abs(), right.curvatures.abs()),
        integral(left.bend_sizes, right.bend_sizes), integral(*rest), kink, kinks,
        change - smooth - kink,
    )  # fmt: skip
    return Rows(examples, *ends, *(c.cpu().numpy() for c in columns)), crossings


def _shares(crossings: Crossings, like: Tensor) -> Tensor:
    """Return where the curvature of each example is taken to jump, as a share of the interval.

    One crossing divides the interval at its place; otherwise it is the middle.
    """
    crossed = torch.zeros_like(like, dtype=torch.long)
    crossed.index_add_(0, crossings.example, torch.ones_like(crossings.example))
    share = torch.full_like(like, 0.5)
    share[crossings.example] = crossings.place.to(share)
    return torch.where(crossed == 1, share, 0.5)


def _seen(crossings: Crossings, left_over: Tensor) -> Crossings:
    """Leave out the doubtful crossings of examples whose slopes change as if they were none.

    Args:
        crossings: of one interval.
        left_over: change of slope without the integral of the curvature, [n].
    """
    none = torch.zeros_like(left_over)
    doubt = crossings.jump * crossings.doubtful
    residual = left_over - none.index_add(0, crossings.example, crossings.jump)
    without = residual + none.index_add(0, crossings.example, doubt)
    smooth = without.abs() <= residual.abs()
    return crossings.only(~(crossings.doubtful & smooth[crossings.example]))


def events_of(crossings: Crossings, ends: tuple[Floats, Floats], *, offset: int) -> Events:
    """Return the crossings of one interval; ``offset`` is the row of its first example."""
    arrays = (crossings.example, crossings.site, crossings.unit, crossings.place, crossings.jump)
    row, site, unit, place, jump = (a.cpu().numpy() for a in arrays)
    t = (1 - place) * ends[0][row] + place * ends[1][row]
    return Events(row + offset, site, unit, t, jump)
