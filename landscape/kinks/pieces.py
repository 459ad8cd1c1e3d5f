"""Pieces (interval, example) of a segment, and the crossings in them, as columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from landscape.kinks.crossings import Crossings
from landscape.kinks.jets import Jet
from landscape.records.arrays import Floats


@dataclass(slots=True)
class Rows:
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

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """Put several one after another."""
        names = cls.__slots__
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    def only(self, mask: NDArray[np.bool_]) -> Rows:
        """Return some of the pieces."""
        return Rows(*(getattr(self, n)[mask] for n in self.__slots__))


@dataclass(slots=True)
class Events:
    """Crossings of a chunk; every array [E]. ``row`` is the piece they happened in."""

    row: NDArray[np.int64]
    site: NDArray[np.int64]
    unit: NDArray[np.int64]
    place: Floats
    jump: Floats

    @classmethod
    def joined(cls, parts: list[Events]) -> Events:
        """Put several one after another."""
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in cls.__slots__))

    def only(self, mask: NDArray[np.bool_]) -> Events:
        """Return some of the crossings."""
        return Events(*(getattr(self, n)[mask] for n in self.__slots__))


def measured(
    left: Jet,
    right: Jet,
    found: Crossings,
    ends: tuple[Floats, Floats],
    examples: NDArray[np.int64],
) -> tuple[Rows, Crossings]:
    """Split the change of slope of every example in one interval.

    Returns:
        The pieces, and the crossings without those at which the slope does not jump.
    """
    width = torch.from_numpy(ends[1] - ends[0]).to(left.slopes)
    share = _shares(found, left.slopes)

    def integral(before: Tensor, after: Tensor) -> Tensor:
        return width * (share * before + (1 - share) * after)

    smooth = integral(left.curvatures, right.curvatures)
    change = right.slopes - left.slopes
    found = _seen(found, change - smooth)
    none = torch.zeros_like(change)
    kink = none.index_add(0, found.example, found.jump)
    kinks = none.index_add(0, found.example, found.jump.abs())
    rest = tuple((jet.curvatures - jet.bends).abs() for jet in (left, right))
    columns = (
        found.unclear, change, smooth, integral(left.curvatures.abs(), right.curvatures.abs()),
        integral(left.bend_sizes, right.bend_sizes), integral(*rest), kink, kinks,
        change - smooth - kink,
    )  # fmt: skip
    return Rows(examples, *ends, *(c.cpu().numpy() for c in columns)), found


def _shares(found: Crossings, like: Tensor) -> Tensor:
    """Return where the curvature of each example is taken to jump, as a share of the interval.

    One crossing divides the interval at its place; otherwise it is the middle.
    """
    crossed = torch.zeros_like(like, dtype=torch.long)
    crossed.index_add_(0, found.example, torch.ones_like(found.example))
    share = torch.full_like(like, 0.5)
    share[found.example] = found.place.to(share)
    return torch.where(crossed == 1, share, 0.5)


def _seen(found: Crossings, left_over: Tensor) -> Crossings:
    """Leave out the doubtful crossings of examples whose slopes change as if they were none.

    Args:
        found: the crossings.
        left_over: change of slope without the integral of the curvature, [n].
    """
    none = torch.zeros_like(left_over)
    doubt = found.jump * found.doubtful
    residual = left_over - none.index_add(0, found.example, found.jump)
    without = residual + none.index_add(0, found.example, doubt)
    smooth = without.abs() <= residual.abs()
    return found.only(~(found.doubtful & smooth[found.example]))


def events_of(found: Crossings, ends: tuple[Floats, Floats], *, offset: int) -> Events:
    """Return the crossings of one interval; ``offset`` is the row of its first example."""
    arrays = (found.example, found.site, found.unit, found.place, found.jump)
    row, site, unit, place, jump = (a.cpu().numpy() for a in arrays)
    t = (1 - place) * ends[0][row] + place * ends[1][row]
    return Events(row + offset, site, unit, t, jump)
