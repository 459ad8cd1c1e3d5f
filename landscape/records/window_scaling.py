"""How residuals grow with the window in which the best-fitting quadratic is removed."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, freeze
from landscape.records.residuals import RESOLVED
from landscape.records.results import Analysis


@dataclass(frozen=True, slots=True, eq=False)
class ResidualScaling:
    """How the residual grows with the width of the window, at several places.

    Attributes:
        centres: (alpha, beta) of the middle of each window, [C, 2], in multiples.
        widths: full widths, increasing, [W], in multiples.
        residual_rms: root mean square of the residual, [C, W], in units of the loss.
        quadratic_rms: that of the part of second degree that was removed, [C, W].
        rounding: root mean square of the residual where rounding alone is left, [C].
        settings: points of a window's side, what the evaluator is, plain JSON values.
    """

    centres: Floats
    widths: Floats
    residual_rms: Floats
    quadratic_rms: Floats
    rounding: Floats
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        count, widths = len(self.centres), len(self.widths)
        freeze(self, {"centres": (count, 2), "widths": (widths,), "residual_rms": (count, widths),
                      "quadratic_rms": (count, widths), "rounding": (count,)})  # fmt: skip

    @property
    def ratios(self) -> Floats:
        """Residual over removed quadratic, [C, W]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.residual_rms / self.quadratic_rms)

    @property
    def ratio_quartiles(self) -> Floats:
        """Lower quartile, median and upper quartile of the ratios over the centres, [3, W]."""
        return _quartiles(self.ratios)

    @property
    def residual_quartiles(self) -> Floats:
        """The same of ``residual_rms``, [3, W]."""
        return _quartiles(self.residual_rms)

    @property
    def floor(self) -> Floats:
        """Median over the centres of rounding over removed quadratic, [W]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(_quartiles(self.rounding[:, None] / self.quadratic_rms)[1])

    @property
    def resolved(self) -> NDArray[np.bool_]:
        """At which widths the median residual is more than rounding, [W]."""
        least = RESOLVED * float(np.nanmedian(self.rounding))
        return np.asarray(self.residual_quartiles[1] > least)

    def slope(self, *, low: float = 0.0, high: float = np.inf) -> float:
        """Fit the power of the width by which the median ratio grows.

        1 for smooth losses (a cubic term over a quadratic one); -1/2 for many creases of random
        sign, -1 for a single one in a window whose curvature is not the crease's.

        Args:
            low: smallest width that takes part.
            high: largest width that takes part.

        Returns:
            Slope of log ratio over log width, over the resolved widths; NaN for fewer than two.
        """
        ratio = self.ratio_quartiles[1]
        use = self.resolved & (self.widths >= low) & (self.widths <= high)
        use &= np.isfinite(ratio) & (ratio > 0)
        if use.sum() < 2:
            return float("nan")
        return float(np.polyfit(np.log10(self.widths[use]), np.log10(ratio[use]), 1)[0])

    def to_analysis(self) -> Analysis:
        """Return the arrays as a record for a study."""
        arrays = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "settings"}
        return Analysis("residual_scaling", arrays, self.settings)

    @classmethod
    def from_analysis(cls, analysis: Analysis) -> ResidualScaling:
        """Read what :meth:`analysis` wrote.

        Raises:
            ValueError: for an analysis of another kind.
        """
        if analysis.kind != "residual_scaling":
            raise ValueError(f"the analysis must be a residual_scaling, got {analysis.kind!r}")
        return cls(**analysis.arrays, settings=analysis.settings)


def _quartiles(values: Floats) -> Floats:
    """Quartiles over axis 0, NaN left out, [3, W]; NaN where nothing is left."""
    usable = np.isfinite(values)
    columns = [np.percentile(v[u], [25, 50, 75]) if u.any() else np.full(3, np.nan)
               for v, u in zip(values.T, usable.T, strict=True)]  # fmt: skip
    return np.stack(columns, axis=1)
