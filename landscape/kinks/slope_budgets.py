"""The slope budget: measured crossing by crossing, checked example by example.

Along ``theta(t) = origin + t direction`` the slope s_n of example n obeys

    s_n(t1) - s_n(t0) = integral of autograd's curvature + sum of the jumps J at its crossings.

Kinks of random sign cancel in the sum over the examples, so that the net residual says nothing
about J. The check is the closure error: the sum over examples and intervals of |residual|, over the
sum over examples of (integral of |curvature| + sum of |J|). Where it is largest, intervals are cut
into four, for the examples concerned alone, until it is small enough. So are intervals in which
crossings may hide or cannot be told apart. The headline numbers are signed: where the net residual
is not small beside them, everything is refined further.

References:
    Duersch et al. (2024), arXiv 2411.16914, and Dauphin, Agarwala, Mobahi (2024), Neglected Hessian
    component, for curvature hidden in jumps of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from landscape.kinks.crossings import crossings
from landscape.kinks.jets import Jet, LineProbe, SiteJet, line_probe
from landscape.kinks.pieces import Events, Rows, events_of, measured
from landscape.kinks.probe import subset
from landscape.problem import Problem
from landscape.problem.example_losses import single_evaluator
from landscape.problem.examples import Part, count, cut
from landscape.records.arrays import Floats
from landscape.records.budget import SlopeBudget, closure_bound
from landscape.records.segment import Segment

# Entries of all units of a chunk of examples; a jet holds some ten arrays of that size.
_ENTRIES = 1 << 22
_CUTS = 4
# Pieces that are cut in one round, at most.
_PIECES = 1 << 18
# The goal lies below the bound of the check.
_GOAL = 0.4
_ROUNDS = 16
# Of the places between start and end from equal parts, as a share of a part.
_OFFSET = 0.0271828
# Pieces of less than this share of the segment are not cut to tell crossings apart.
_APART = 1e-7
# Passes over all examples for the net residual, and what share of its bound is aimed at.
_PASSES = 3
_AIM = 0.3
# Refinement that gains less than this factor, twice, has met its limit.
_STALLED = 0.9


def slope_budget(
    problem: Problem,
    segment: Segment,
    *,
    samples: int = 17,
    keep_crossings: bool = False,
    progress: Callable[[int], None] | None = None,
) -> SlopeBudget:
    """Measure how much of the change of slope along a segment sits in kinks.

    Everything is computed in float64. The model is bit-identical afterwards.

    Args:
        problem: network, loss and data. Losses must belong to single examples: torch's are asked
            for one value per example, one of (model, batch) returns one.
        segment: see :func:`landscape.step_segment`, :func:`landscape.records.segment.line_segment`,
            :func:`landscape.gradient_segment`, :func:`landscape.segment_between`.
        samples: places of the first pass, at least 2; between them it refines by itself.
        keep_crossings: whether place and jump of every crossing are kept.
        progress: called with the number of examples of each finished chunk.

    Raises:
        ValueError: for a segment that does not belong to the model, a loss without a value per
            example or with examples coupled in a batch, or an activation that jumps in value.

    References:
        docs/mathematics.md derives the budget.
    """
    if samples < 2:
        raise ValueError(f"samples must be >= 2, got {samples}")
    evaluator = single_evaluator(problem)
    places = segment.start + (segment.end - segment.start) * _shares(samples - 1)
    settings = {**segment.settings, "segment": segment.kind, "length": segment.length}
    over = evaluator.objective.over(evaluator.batches.examples)
    goal = _GOAL
    with line_probe(evaluator.network, segment.origin, segment.direction) as probe:
        for number in range(_PASSES):
            total = Total(places, keep_crossings)
            for part in _chunks(probe, evaluator.batches.parts, segment.start):
                total.add(Chunk(probe, part, places, goal).refined())
                if progress is not None and number == 0:
                    progress(count(part))
            budget = total.budget(tuple(probe.unseen), settings, over=over)
            if budget.passed or budget.closure_error > budget.tolerance:
                break
            goal *= min(_AIM * budget.net_tolerance / abs(budget.net_residual), _AIM)
    return budget


def _shares(count: int) -> Floats:
    """Cut [0, 1] into nearly equal parts.

    Kinks like round numbers, and on a kink autograd's slope is that of neither side.
    """
    shares = np.linspace(0, 1, count + 1)
    shares[1:-1] += _OFFSET / count
    return shares


@dataclass(slots=True)
class Chunk:
    """Some of the examples along the segment.

    Attributes:
        probe: the network.
        part: the examples, n of them.
        places: of the first pass, [K].
        goal: closure error that is aimed at, as a share of the bound of the check.
        sites: name and number of units of every site.
        curvature: of all examples together at the places, [K].
        slopes: of each example where the segment starts, [n].
        refinements: pieces that were cut.
        rows: the pieces.
        events: the crossings in them.
    """

    probe: LineProbe
    part: Part
    places: Floats
    goal: float = _GOAL
    sites: list[tuple[str, int]] = field(default_factory=list)
    curvature: Floats = field(init=False)
    slopes: Floats = field(init=False)
    refinements: int = 0
    rows: Rows = field(init=False)
    events: Events = field(init=False)

    def refined(self) -> Chunk:
        """Walk along the segment, then cut pieces until the closure error is small enough."""
        everyone = np.arange(count(self.part))
        places = np.repeat(self.places[:, None], len(everyone), axis=1)
        self.rows, self.events, self.curvature, self.slopes = self._walk(places, everyone)
        stalls, before = 0, np.inf
        for _ in range(_ROUNDS):
            error = self._closure()
            stalls = stalls + 1 if error > _STALLED * before else 0
            before = error
            chosen = self._worst()
            if not chosen.any() or (stalls >= 2 and not self.rows.unclear.any()):
                break
            self._cut(chosen)
        return self

    def _walk(self, places: Floats, examples: NDArray[np.int64]) -> Any:
        """Measure intervals for some examples, each between its own places [K, examples]."""
        some = subset(self.part, examples)
        rows, events, curvature, slopes = [], [], [], []
        left = None
        for number, t in enumerate(places):
            right = self.probe.at(t, some)
            curvature.append(float(right.curvatures.sum()))
            slopes.append(right.slopes.cpu().numpy())
            if not self.sites:
                self.sites = [_site(jet) for jet in right.sites]
            if left is not None:
                ends = (places[number - 1], t)
                width = torch.from_numpy(ends[1] - ends[0]).to(right.slopes)
                crossed = crossings(left, right, width)
                pieces, crossed = measured(left, right, crossed, ends, examples)
                rows.append(pieces)
                events.append(events_of(crossed, ends, offset=len(examples) * (number - 1)))
            left = right
        return Rows.joined(rows), Events.joined(events), np.array(curvature), slopes[0]

    def _closure(self) -> float:
        whole = (self.rows.variation + self.rows.kinks).sum()
        return float(np.abs(self.rows.residual).sum() / whole) if whole > 0 else 0.0

    def _worst(self) -> NDArray[np.bool_]:
        """Choose the pieces to cut.

        Those whose residuals are to go, so that the rest is below the goal, and unclear ones.
        """
        rows = self.rows
        kinks = rows.kinks.sum()
        bends = rows.bend.sum() + kinks
        whole = max(bends + rows.rest.sum(), np.finfo(float).tiny)
        bound = closure_bound(kinks / whole, bends / whole)
        allowed = self.goal * bound * (rows.variation + rows.kinks).sum()
        size = np.abs(rows.residual)
        # Pieces cannot be cut below the rounding of t.
        fine, width = np.spacing(np.abs(self.places).max()) * 1e4, rows.end - rows.start
        size = np.where(width > fine, size, 0.0)
        order = np.argsort(size)
        chosen = np.zeros(len(size), dtype=bool)
        if np.abs(rows.residual).sum() > allowed:
            kept = np.cumsum(size[order]) <= allowed / 2
            chosen[order[~kept][-_PIECES:]] = True
        apart = max(_APART * (self.places[-1] - self.places[0]), fine)
        chosen = (chosen & (size > 0)) | (rows.unclear & (width > apart))
        return np.asarray(chosen, dtype=np.bool_)

    def _cut(self, chosen: NDArray[np.bool_]) -> None:
        """Cut the chosen pieces into four."""
        rows, events = self.rows, self.events
        self.refinements += int(chosen.sum())
        share = _shares(_CUTS)[:, None]
        start, end = rows.start[chosen], rows.end[chosen]
        added, crossed, *_ = self._walk((1 - share) * start + share * end, rows.example[chosen])
        kept = events.only(~chosen[events.row])
        kept.row = (np.cumsum(~chosen) - 1)[kept.row]
        crossed.row = crossed.row + int((~chosen).sum())
        self.rows = Rows.joined([rows.only(~chosen), added])
        self.events = Events.joined([kept, crossed])


def _site(jet: SiteJet) -> tuple[str, int]:
    site = jet.site
    return f"{site.layer}:{site.operation}", int(jet.gradient.shape[1])


def fitting(jet: Jet) -> int:
    """Return how many examples fit in memory, from the jet of one."""
    units = sum(site.site.inputs.shape[1] + site.gradient.shape[1] for site in jet.sites)
    return max(_ENTRIES // max(units, 1), 1)


def _chunks(probe: LineProbe, parts: tuple[Part, ...], t: float) -> Iterator[Part]:
    """Cut the batches so that all units of a chunk fit in memory."""
    size = fitting(probe.at(np.array([t]), cut(parts[0], 0, 1)))
    for part in parts:
        for start in range(0, count(part), size):
            yield cut(part, start, start + size)


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
        values = {n: float(getattr(rows, n).sum()) for n in Rows.columns()[4:]}
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
