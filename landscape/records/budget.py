"""The slope budget of a segment: how much of the change of slope sits in kinks."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.arrays import Floats, Json, freeze
from landscape.records.presenting import Presented
from landscape.records.results import Analysis

LEAST_SHARE = 1e-3
# Of the larger signed part: what the net residual may be.
_NET_SHARE = 0.02
# Not in files of the first format.
_LATER = ("slope", "slope_deviation", "kink_deviation", "rounding")


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class SlopeBudget(Presented):
    """How the slope of the loss changes along a segment ``theta(t) = origin + t direction``.

    The change of the loss's slope is the integral of the curvature that autograd sees, plus the
    jumps J at kinks, which it cannot see. What is summed over examples is divided by their number,
    but for a loss that is a sum itself.

    Attributes:
        start: t where the segment starts.
        end: t where it ends.
        slope_change: slope at the end minus slope at the start, in loss per t.
        signed_smooth: integral of autograd's curvature.
        signed_kink: sum of the jumps.
        smooth_variation: integral of the absolute curvature of the loss.
        kink_variation: sum of the absolute jumps.
        example_variation: mean over the examples of the integral of their absolute curvature.
        bend: sum of the absolute contributions of all bends, kinks among them.
        rest: mean over the examples of the integral of the absolute curvature that is not due to
            bends.
        closure_error: the check, see :mod:`landscape.kinks.slope_budgets`.
        net_residual: slope change that the two signed parts leave unexplained; part of the check.
        examples: number of examples N.
        samples: places of the first pass along the segment.
        refinements: pieces of (interval, example) that were cut into four.
        layers: name of every site, as ``layer:operation``.
        layer_crossings: crossings of each site.
        layer_kinks: sum of |J| of each.
        layer_signed: sum of J of each.
        unit_offsets: where the units of each site start in the unit arrays, one more than sites.
        unit_crossings: crossings of each unit.
        unit_kinks: sum of |J| of each unit.
        unseen: what may kink and could not be watched.
        places: t of every crossing, in order; empty if they were not kept.
        jumps: J of every crossing, as part of the loss.
        slope: at the start, in loss per t.
        slope_deviation: standard deviation over the examples of their slopes at the start.
        kink_deviation: standard deviation over the examples of their sums of jumps.
        rounding: of slopes and their changes; a net residual of that size is none.
        settings: what segment it is, of what, plain JSON values.
    """

    start: float
    end: float
    slope_change: float
    signed_smooth: float
    signed_kink: float
    smooth_variation: float
    kink_variation: float
    example_variation: float
    bend: float
    rest: float
    closure_error: float
    net_residual: float
    examples: int
    samples: int
    refinements: int
    layers: tuple[str, ...]
    layer_crossings: NDArray[np.int64]
    layer_kinks: Floats
    layer_signed: Floats
    unit_offsets: NDArray[np.int64]
    unit_crossings: NDArray[np.int64]
    unit_kinks: Floats
    unseen: tuple[str, ...] = ()
    places: Floats = field(default_factory=lambda: np.zeros(0))
    jumps: Floats = field(default_factory=lambda: np.zeros(0))
    slope: float = float("nan")
    slope_deviation: float = float("nan")
    kink_deviation: float = float("nan")
    rounding: float = 0.0
    settings: Json = field(default_factory=dict)

    def __post_init__(self) -> None:
        sites, units = (len(self.layers),), np.shape(self.unit_kinks)
        places = np.shape(self.places)
        freeze(
            self,
            {"layer_kinks": sites, "layer_signed": sites, "unit_kinks": units, "places": places,
             "jumps": places},
            {"layer_crossings": sites, "unit_offsets": (sites[0] + 1,), "unit_crossings": units},
            ("layers", "unseen"),
        )  # fmt: skip

    @property
    def crossings(self) -> int:
        """Number of crossings of kinks."""
        return int(self.layer_crossings.sum())

    @property
    def bend_share(self) -> float:
        """Share of all change of slope that is due to bends; 0 where nothing changes."""
        return _share(self.bend, self.bend + self.rest)

    @property
    def kink_share(self) -> float:
        """The part of the bend share that sits in kinks.

        It shows whether kinks occur, not how much they matter.
        """
        return _share(self.kink_variation, self.bend + self.rest)

    @property
    def off_by(self) -> float:
        """Share of the slope change that autograd's curvature misses; NaN for no change."""
        return self.signed_kink / self.slope_change if self.slope_change else float("nan")

    @property
    def kink_noise(self) -> float:
        """Noise that the kinks of the segment add to the slope of a minibatch.

        As a share of the noise the slope of a minibatch has anyway: the ratio of two standard
        deviations over the examples, in which the size of the minibatch cancels. NaN where all
        examples have the same slope.
        """
        return self.kink_deviation / self.slope_deviation if self.slope_deviation else float("nan")

    @property
    def promise(self) -> float:
        """What the slope at the start promises over the segment, |g.d|, in units of the loss."""
        return abs(self.slope) * (self.end - self.start)

    @property
    def taken_back(self) -> float:
        """What kinks take back of it: the sum of ``J (end - t)``; NaN without kept crossings."""
        return self._taken(self.jumps)

    @property
    def taken_back_size(self) -> float:
        """Sum of ``|J| (end - t)``; NaN without kept crossings."""
        return self._taken(np.abs(self.jumps))

    def _taken(self, jumps: Floats) -> float:
        if len(jumps) < self.crossings:
            return float("nan")
        return float(jumps @ (self.end - self.places))

    @property
    def tolerance(self) -> float:
        """Bound of the closure error, see :func:`closure_bound`."""
        return closure_bound(self.kink_share, self.bend_share)

    @property
    def net_tolerance(self) -> float:
        """Bound of the net residual: 2 % of the larger signed part, and rounding."""
        larger = max(abs(self.signed_smooth), abs(self.signed_kink))
        return max(_NET_SHARE * larger, self.rounding)

    @property
    def passed(self) -> bool:
        """Whether the check passed, so that the parts can be trusted.

        The closure error bounds the unsigned parts, the net residual the signed ones.
        """
        closes = self.closure_error <= self.tolerance
        return closes and abs(self.net_residual) <= self.net_tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values, with the derived shares."""
        stored = self.to_analysis()
        arrays = {name: values.tolist() for name, values in stored.arrays.items()}
        derived = ("crossings", "bend_share", "kink_share", "off_by", "kink_noise", "tolerance",
                   "net_tolerance", "passed")  # fmt: skip
        values = {name: getattr(self, name) for name in derived}
        for name in ("off_by", "kink_noise"):
            if np.isnan(values[name]):
                values[name] = None
        return {**stored.settings, **arrays, **values}

    def to_analysis(self, **settings: Any) -> Analysis:
        """Return the record as it is stored, under ``/analyses/slope_budget``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        values["settings"] = {**self.settings, **settings}
        arrays = {k: v for k, v in values.items() if isinstance(v, np.ndarray)}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()
                 if k not in arrays}  # fmt: skip
        return Analysis("slope_budget", arrays, plain)

    @classmethod
    def from_analysis(cls, analysis: Analysis) -> SlopeBudget:
        """Return the record that an analysis holds.

        Raises:
            ValueError: for an analysis of another kind, or one that lacks a part.
        """
        values = {**analysis.arrays, **analysis.settings}
        missing = [f.name for f in fields(cls) if f.name not in values and f.name not in _LATER]
        if analysis.kind != "slope_budget" or missing:
            raise ValueError(
                f"a slope budget is needed, got the analysis {analysis.kind!r} without {missing}"
            )
        return cls(**{f.name: values[f.name] for f in fields(cls) if f.name in values})


def closure_bound(kink_share: float, bend_share: float) -> float:
    """Return the bound of the closure error.

    5 % of the kink share, or of the bend share where there are no kinks, or 1e-3 where nothing
    bends. A share under 1e-3 counts as none: kinks that cancel leave their rounding.
    """
    if kink_share >= LEAST_SHARE:
        return 0.05 * kink_share
    return 0.05 * bend_share if bend_share >= LEAST_SHARE else LEAST_SHARE


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 0.0
