"""Hill-shaded maps of residuals: one range of colours and one light for all panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.residuals import Residual

from ..style import RESIDUAL_MAP

if TYPE_CHECKING:
    from matplotlib.colors import Colormap

# A panel that uses less than this share of the common scale looks flat on it.
FLAT = 1 / 8
_STEEPNESS = 0.55
# Flat ground is not white, so that slopes towards the light can be brighter.
_GROUND = 0.9
# How much darker the steepest slope away from the light is: its colour must still be seen.
_SHADE = 0.5
_MISSING = 0.85
# Towards the light: from the upper left, 45 degrees high.
_LIGHT = np.array([-0.5, 0.5, math.sqrt(0.5)])


@dataclass(frozen=True, slots=True)
class Relief:
    """How residuals become colours and shades.

    Attributes:
        limit: colours run from ``-limit`` to ``limit``, in units of the loss.
        rise: by which the slope of (residual over limit) against (coordinate over width) is
            multiplied before it is lit.
    """

    limit: float
    rise: float

    @classmethod
    def of(cls, residuals: Sequence[Residual]) -> Relief:
        """Make the scale that suits all: the largest value is the limit, the roughest is lit well.

        Raises:
            ValueError: if none of the residuals is more than rounding.
        """
        limit = max((float(np.nanmax(np.abs(r.shown))) for r in residuals), default=0.0)
        if not limit > 0:
            raise ValueError(
                "at least one residual must be more than rounding, got none in a window "
                f"{max((r.width for r in residuals), default=0):.2g} wide; take a wider one"
            )
        steep = [np.hypot(*_slopes(r, limit)) for r in residuals]
        roughest = max(_root_mean_square(s) for s in steep)
        return cls(limit, _STEEPNESS / roughest if roughest > 0 else 1.0)

    def magnified(self, factor: float) -> Relief:
        """Return the scale on which ``factor`` times smaller residuals look alike."""
        return Relief(self.limit / factor, self.rise)

    def factor(self, residual: Residual) -> int:
        """Return by which power of 2 a residual is to be magnified, 1 where it need not be.

        Only what looks flat on the common scale and is more than rounding is magnified.
        """
        if not residual.resolved or residual.peak > FLAT * self.limit:
            return 1
        return int(2 ** math.floor(math.log2(self.limit / residual.peak)))

    def colours(self, residual: Residual) -> Floats:
        """Return the colour of each cell, [A - 1, B - 1, 3], red, green and blue from 0 to 1.

        A cell is lit by its own slope, from its four corners: a crease stays a line between cells.
        A cell with a corner that is not finite is grey. What is only rounding is drawn as 0.
        """
        values = residual.shown
        corners = values[:-1, :-1] + values[1:, :-1] + values[1:, 1:] + values[:-1, 1:]
        there = np.isfinite(corners)
        share = np.clip(np.where(there, corners / 4, 0.0) / self.limit, -1, 1)
        colours = ground_colours()(0.5 + 0.5 * share)[..., :3]
        light = self.light(residual)[..., None]
        lit = np.where(light > 0, colours + (1 - colours) * light, colours * (1 + _SHADE * light))
        return np.asarray(np.where(there[..., None], lit, _MISSING))

    def light(self, residual: Residual) -> Floats:
        """Return how much each cell is lit more than a flat one, [A - 1, B - 1], from -1 to 1."""
        along, across = (np.nan_to_num(s) * self.rise for s in _slopes(residual, self.limit))
        normal = np.stack([-along, -across, np.ones_like(along)], axis=-1)
        normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
        more = normal @ _LIGHT - _LIGHT[2]
        return np.asarray(
            np.clip(np.where(more > 0, more / (1 - _LIGHT[2]), more / _LIGHT[2]), -1, 1)
        )


def ground_colours() -> Colormap:
    """Return the colours of flat ground: the diverging map, a little darker."""
    import matplotlib
    from matplotlib.colors import ListedColormap

    colours = matplotlib.colormaps[RESIDUAL_MAP](np.linspace(0, 1, 256))[:, :3]
    return ListedColormap(_GROUND * colours)


def _slopes(residual: Residual, limit: float) -> tuple[Floats, Floats]:
    """Slopes of (value over limit) against (coordinate over width), two of [A - 1, B - 1]."""
    values = residual.shown / limit
    along = (np.diff(values, axis=0)[:, :-1] + np.diff(values, axis=0)[:, 1:]) / 2
    across = (np.diff(values, axis=1)[:-1] + np.diff(values, axis=1)[1:]) / 2
    alphas, betas = residual.grid.axes
    return (along / np.diff(alphas)[:, None] * residual.width,
            across / np.diff(betas)[None, :] * residual.width)  # fmt: skip


def _root_mean_square(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(np.sqrt(np.mean(finite**2))) if len(finite) else 0.0
