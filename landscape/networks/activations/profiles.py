"""An activation on a range: its values and derivatives, and where they jump.

Values and both derivatives come from the module in float64 by autograd; where something jumps the
range is cut, and both sides have their own one-sided values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from landscape.networks.activations.registry import get, make
from landscape.records.arrays import Floats
from landscape.records.results import Analysis

if TYPE_CHECKING:
    from torch import nn

KIND = "activation"
_USUAL = (-4.0, 4.0)
# A kink outside the usual range widens it if its jump is at least this.
_SEEN = 0.05
_MARGIN = 1.0
# So close to a jump derivatives are taken, relative to 1 or its place.
_BESIDE = 1e-9
# A step between two neighbours of at least this is looked into: is it a jump or only steep?
_STEP = 1e-3
_HALVINGS = 40
# As far out as "at infinity" is measured, and the digits that are meant there.
_FAR, _DIGITS = 1e8, 7


def profile(
    name: str, *, low: float | None = None, high: float | None = None, points: int = 801
) -> Analysis:
    """Measure an activation and its first two derivatives on a range.

    The range is sampled evenly and cut at every jump of the value, of the first derivative (the
    kinks of the registry) or of the second; there ``x`` has the place twice, first with the values
    from the left, then with those from the right. The second derivative is that between the
    kinks: the delta at a kink has the weight of its jump and stands in ``kinks``.

    Args:
        name: as in :func:`landscape.networks.activations.names`, with or without a parameter.
        low: start of the range; by default -4, or further where kinks of 0.05 or more are.
        high: end of the range; by default 4, likewise.
        points: evenly spaced over the range, at least 3.

    Returns:
        An analysis of the kind ``activation``, without tensors. Arrays: ``x``, ``values``,
        ``first``, ``second`` [M]; ``kinks`` [k, 2] of the registry (place, jump of the first
        derivative), also outside the range; ``kink_slopes`` [k, 3] from the left, by autograd at
        the kink itself, and from the right; ``value_jumps`` and ``second_jumps`` [j, 2] as
        measured in the range; ``bounds``, ``limits`` and ``slopes`` [2]: bounds of the registry,
        values and slopes far to the left and right. Settings: ``name``, ``label``, ``smoothness``,
        ``parameter``, ``learnable``, and ``second`` (``autograd``, or ``differences`` of the first
        derivative where torch has no second).

    Raises:
        ValueError: for an unknown name, a range that is not finite and increasing, or fewer than 3
            points.

    >>> record = profile("relu", low=-1.0, high=1.0, points=3)
    >>> record.arrays["x"].tolist()
    [-1.0, 0.0, 0.0, 1.0]
    >>> record.arrays["first"].tolist()
    [0.0, 0.0, 1.0, 1.0]
    """
    facts = get(name)
    usual = usual_range([name])
    low, high = usual[0] if low is None else low, usual[1] if high is None else high
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ValueError(f"the range must be finite and increasing, got {low} to {high}")
    if points < 3:
        raise ValueError(f"a range needs at least 3 points, got {points}")
    curve = _Curve(name)
    even = np.linspace(low, high, points)
    known = np.array([kink.place for kink in facts.kinks if low < kink.place < high])
    values_jump = curve.jumps(0, even, known)
    cuts = np.union1d(known, values_jump[:, 0])
    second_jumps = np.concatenate([curve.jumps(2, even, cuts), curve.jumps_at(2, cuts)])
    second_jumps = second_jumps[np.argsort(second_jumps[:, 0])]
    x, measured = curve.along(even, np.union1d(cuts, second_jumps[:, 0]))
    slopes = np.round(curve.at(np.array([-_FAR, _FAR]))[1], _DIGITS) + 0.0
    kinks = np.array([(kink.place, kink.jump) for kink in facts.kinks]).reshape(-1, 2)
    arrays = {
        "x": x, "values": measured[0], "first": measured[1], "second": measured[2],
        "kinks": kinks, "kink_slopes": curve.slopes_at(kinks[:, 0]),
        "value_jumps": values_jump, "second_jumps": second_jumps,
        "bounds": np.array([facts.lower, facts.upper]), "limits": curve.limits(slopes),
        "slopes": slopes,
    }  # fmt: skip
    settings = {
        "name": name, "label": facts.label, "smoothness": str(facts.smoothness),
        "parameter": facts.parameter, "learnable": facts.learnable,
        "second": "autograd" if curve.exact else "differences",
    }  # fmt: skip
    return Analysis(KIND, arrays, settings)


def usual_range(names: Sequence[str]) -> tuple[float, float]:
    """Return the range that shows several activations: -4 to 4, further where kinks of 0.05 are.

    Raises:
        ValueError: for an unknown name.

    >>> usual_range(["relu", "relu6"])
    (-4.0, 7.0)
    """
    kinks = [kink for name in names for kink in get(name).kinks if abs(kink.jump) >= _SEEN]
    low = min([_USUAL[0], *(kink.place - _MARGIN for kink in kinks)])
    return low, max([_USUAL[1], *(kink.place + _MARGIN for kink in kinks)])


class _Curve:
    """A module as a function of numbers, with its first two derivatives."""

    def __init__(self, name: str) -> None:
        self._module: nn.Module = make(name).double().eval()
        self.exact = True

    def at(self, places: Floats) -> Floats:
        """Return value, first and second derivative at each place, [3, n]."""
        import torch

        x = torch.tensor(places, dtype=torch.float64, requires_grad=True)
        value = self._module(x)
        (first,) = torch.autograd.grad(value.sum(), x, create_graph=True)
        second = torch.zeros_like(x)
        if first.requires_grad:
            try:
                (second,) = torch.autograd.grad(first.sum(), x)
            except RuntimeError:
                # Hardsigmoid: torch has no second derivative.
                self.exact = False
                second = torch.from_numpy(self._difference(places))
        return np.stack([t.detach().numpy() for t in (value, first, second)])

    def along(self, even: Floats, cuts: Floats) -> tuple[Floats, Floats]:
        """Return places and what is measured there, every cut twice, from both sides."""
        inner = np.setdiff1d(even, cuts)
        places = np.concatenate([inner, cuts, cuts])
        # The ends are limits from inside: a kink may lie on them.
        inwards = np.concatenate([_sides(inner[:1])[1], inner[1:-1], _sides(inner[-1:])[0]])
        evaluated = np.concatenate([inwards, *_sides(cuts)])
        order = np.argsort(evaluated)
        return places[order], self.at(evaluated[order])

    def jumps(self, derivative: int, even: Floats, cuts: Floats) -> Floats:
        """Find jumps of a derivative between cuts; [j, 2] place, jump.

        Where neighbours differ, the interval is halved forty times: over a jump the step stays.
        """
        low, high = _sides(cuts)
        edges = np.unique(np.concatenate([np.setdiff1d(even, cuts), low, high]))
        between = ~np.isin(edges[:-1], low)
        left, right = edges[:-1][between], edges[1:][between]
        # A sample may lie on the jump itself, where either side's value may stand.
        room = 1e-3 * (right - left)
        left = np.where(np.isin(left, high), left, left - room)
        right = np.where(np.isin(right, low), right, right + room)
        at_left, at_right = self._part(derivative, left), self._part(derivative, right)
        step = np.abs(at_right - at_left) >= _STEP
        left, right, at_left, at_right = (v[step] for v in (left, right, at_left, at_right))
        before = np.abs(at_right - at_left)
        for _ in range(_HALVINGS if len(left) else 0):
            middle = (left + right) / 2
            value = self._part(derivative, middle)
            lower = np.abs(value - at_left) >= np.abs(at_right - value)
            left, right = np.where(lower, left, middle), np.where(lower, middle, right)
            at_left, at_right = np.where(lower, at_left, value), np.where(lower, value, at_right)
        after = at_right - at_left
        real = np.abs(after) >= np.maximum(_STEP, 0.5 * before)
        places = np.round((left + right)[real] / 2, 9) + 0.0
        _, once = np.unique(places, return_index=True)
        return np.stack([places[once], after[real][once]], axis=1)

    def jumps_at(self, derivative: int, cuts: Floats) -> Floats:
        """Return the jumps of a derivative at known places, [j, 2] place, jump."""
        low, high = _sides(cuts)
        jump = self._part(derivative, high) - self._part(derivative, low)
        return np.stack([cuts, jump], axis=1)[np.abs(jump) >= _STEP]

    def slopes_at(self, kinks: Floats) -> Floats:
        """Return the slopes left of, at, and right of each kink, [k, 3]."""
        low, high = _sides(kinks)
        return np.stack([self._part(1, places) for places in (low, kinks, high)], axis=1)

    def limits(self, slopes: Floats) -> Floats:
        """Return what the values tend to on the left and right: infinite where the slope is not 0.

        No activation of the registry grows without bound while its slope tends to 0.
        """
        values = np.round(self.at(np.array([-_FAR, _FAR]))[0], _DIGITS) + 0.0
        endless = slopes * np.array([-1.0, 1.0])
        return np.asarray(np.where(slopes == 0, values, np.copysign(np.inf, endless)))

    def _part(self, derivative: int, places: Floats) -> Floats:
        return np.asarray(self.at(places)[derivative])

    def _difference(self, places: Floats) -> Floats:
        """Central differences of the first derivative, closer than any kink is parted."""
        import torch

        h = _BESIDE / 4

        def first(z: Floats) -> Floats:
            x = torch.tensor(z, dtype=torch.float64, requires_grad=True)
            (slope,) = torch.autograd.grad(self._module(x).sum(), x)
            return np.asarray(slope.numpy())

        return np.asarray((first(places + h) - first(places - h)) / (2 * h))


def _sides(cuts: Floats) -> tuple[Floats, Floats]:
    """Return the places just left and right of each cut."""
    beside = _BESIDE * np.maximum(1.0, np.abs(cuts))
    return cuts - beside, cuts + beside
