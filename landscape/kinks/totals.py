"""Sums over the chunks of examples of a slope budget, and the record made of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from landscape.kinks.pieces import Rows
from landscape.records.arrays import Floats
from landscape.records.budget import SlopeBudget

if TYPE_CHECKING:
    from landscape.kinks.slope_budgets import Chunk

# Rounding of a slope: a sum over all weights, as a share of its size.
_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(slots=True)
class Total:
    """Sums over all chunks."""

    places: Floats
    keep: bool
    examples: int = 0
    refinements: int = 0
    sites: list[tuple[str, int]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    curvature: Floats = field(default_factory=lambda: np.zeros(0))
    units: dict[str, NDArray[Any]] = field(default_factory=dict)
    events: list[tuple[Floats, Floats]] = field(default_factory=list)
    each: list[tuple[Floats, Floats]] = field(default_factory=list)

    def add(self, chunk: Chunk) -> None:
        """Add a finished chunk of examples."""
        rows, events, slopes = chunk.rows, chunk.events, chunk.slopes
        self.examples += len(slopes)
        self.refinements += chunk.refinements
        if self.sites and chunk.sites != self.sites:
            raise ValueError(
                "a slope budget needs batches whose units are the same, got such of several "
                "shapes; pad them to one shape"
            )
        if not self.sites:
            self.sites = chunk.sites
            size = sum(units for _, units in self.sites)
            self.units = {name: np.zeros(size) for name in ("count", "size", "signed")}
            self.curvature = np.zeros(len(self.places))
        values = {n: float(getattr(rows, n).sum()) for n in Rows.__slots__[4:]}
        values["residuals"] = float(np.abs(rows.residual).sum())
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.curvature = self.curvature + chunk.curvature
        slot = self.offsets[events.site] + events.unit
        for name, weight in (("count", np.ones_like(events.jump)), ("size", np.abs(events.jump)),
                             ("signed", events.jump)):  # fmt: skip
            np.add.at(self.units[name], slot, weight)
        kinks = np.zeros(len(slopes))
        np.add.at(kinks, rows.example, rows.kink)
        self.each.append((slopes, kinks))
        if self.keep:
            self.events.append((events.place, events.jump))

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where the units of each site start."""
        return np.concatenate([[0], np.cumsum([units for _, units in self.sites])]).astype(np.int64)

    def budget(
        self, unseen: tuple[str, ...], settings: dict[str, Any], *, over: float = 1.0
    ) -> SlopeBudget:
        """Return the record, of a loss that is ``over`` times its mean over the examples."""
        n, sums = self.examples / over, self.sums
        mean = {name: value / n for name, value in sums.items()}
        whole = sums["variation"] + sums["kinks"]
        offsets = self.offsets

        def by_layer(values: NDArray[Any]) -> NDArray[Any]:
            return np.array([values[a:b].sum() for a, b in pairwise(offsets)])

        places = np.concatenate([e[0] for e in self.events] or [np.zeros(0)])
        order = np.argsort(places, kind="stable")
        jumps = np.concatenate([e[1] for e in self.events] or [np.zeros(0)])[order] / n
        curvature = np.abs(self.curvature) / n
        slopes, kinks = (np.concatenate([each[i] for each in self.each]) for i in (0, 1))
        return SlopeBudget(
            start=float(self.places[0]),
            end=float(self.places[-1]),
            slope_change=mean["change"],
            signed_smooth=mean["smooth"],
            signed_kink=mean["kink"],
            smooth_variation=float(np.trapezoid(curvature, self.places)),
            kink_variation=mean["kinks"],
            example_variation=mean["variation"],
            bend=mean["bend"] + mean["kinks"],
            rest=mean["rest"],
            closure_error=sums["residuals"] / whole if whole > 0 else 0.0,
            net_residual=mean["residual"],
            rounding=_ROUNDING * (over * float(np.abs(slopes).mean()) + whole / n),
            examples=self.examples,
            samples=len(self.places),
            refinements=self.refinements,
            layers=tuple(name for name, _ in self.sites),
            layer_crossings=by_layer(self.units["count"]),
            layer_kinks=by_layer(self.units["size"]) / n,
            layer_signed=by_layer(self.units["signed"]) / n,
            unit_offsets=offsets,
            unit_crossings=self.units["count"],
            unit_kinks=self.units["size"] / n,
            unseen=unseen,
            places=places[order],
            jumps=jumps,
            slope=over * float(np.mean(slopes)),
            slope_deviation=float(np.std(slopes)),
            kink_deviation=float(np.std(kinks)),
            settings=settings,
        )
