"""The slope budget: measured crossing by crossing, checked example by example.

Along ``theta(t) = origin + t direction`` the slope s_n of example n obeys

    s_n(t1) - s_n(t0) = integral of autograd's curvature + sum of the jumps J at its crossings.

Kinks of random sign cancel in the sum over the examples, so that the net residual says nothing
about J. The check is the closure error: the sum over examples and intervals of |residual|, over the
sum over examples of (integral of |curvature| + sum of |J|). Where it is largest, intervals are cut
into four, for the examples concerned alone, until it is small enough.

References:
    Duersch et al. (2024), arXiv 2411.16914, and Dauphin, Agarwala, Mobahi (2024), Neglected Hessian
    component, for curvature hidden in jumps of the gradient.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landscape.arrays import Floats
from landscape.budget import SlopeBudget
from landscape.evaluation import LossFunction, as_batches
from landscape.evaluation.examples import Part, count, map_tensors
from landscape.kinks.crossings import Crossings, crossings
from landscape.kinks.jets import Jet, LineProbe, SiteJet, line_probe, subset

# Entries of all units of a chunk of examples; a jet holds some ten arrays of that size.
_ENTRIES = 1 << 22
_CUTS = 4
# The goal lies below the bound of the check, which is 5 % of the share.
_GOAL = 0.4
_ROUNDS = 16
# Refinement that gains less than this factor, twice, has met its limit.
_STALLED = 0.9


def slope_budget(
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    *,
    origin: Floats,
    direction: Floats,
    start: float = 0.0,
    end: float = 1.0,
    samples: int = 17,
    keep_crossings: bool = False,
    settings: dict[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> SlopeBudget:
    """Measure how much of the change of slope along a segment sits in kinks.

    Everything is computed in float64. The model is bit-identical afterwards.

    Args:
        model: any module; only its structure and buffers are used, in evaluation mode.
        loss: ``cross_entropy``, ``mse``, or a function of (output, target); torch's losses are
            asked for one value per example.
        data: pair (inputs, targets), or an iterable of such pairs.
        origin: parameters at t = 0, [P].
        direction: [P]; t is a multiple of it.
        start: t at the start.
        end: t at the end.
        samples: places of the first pass, at least 2.
        keep_crossings: whether place and jump of every crossing are kept.
        settings: what to note in the record.
        progress: called with the number of examples of each finished chunk.

    Raises:
        ValueError: for an empty segment, or an activation that jumps in value.

    References:
        docs/mathematics.md derives the budget.
    """
    if not (np.isfinite([start, end]).all() and start < end):
        raise ValueError(f"a segment needs finite start < end, got {start} and {end}")
    if samples < 2:
        raise ValueError(f"samples must be >= 2, got {samples}")
    batches = as_batches(data, device=next(model.parameters()).device, dtype=torch.float64)
    places = np.linspace(start, end, samples)
    total = _Total(places, keep_crossings)
    with line_probe(model, loss, origin, direction) as probe:
        for part in _chunks(probe, batches.parts, start):
            total.add(_Chunk(probe, part, places).refined())
            if progress is not None:
                progress(count(part))
    return total.budget(tuple(probe.unseen), settings or {})


@dataclass(slots=True)
class _Rows:
    """Pieces (interval, example) of a chunk; every array [R]."""

    example: NDArray[np.int64]
    start: Floats
    end: Floats
    change: Floats
    smooth: Floats
    variation: Floats
    bend: Floats
    rest: Floats
    kink: Floats
    kinks: Floats
    residual: Floats

    @classmethod
    def joined(cls, parts: list[_Rows]) -> _Rows:
        names = cls.__slots__
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in names))

    def only(self, mask: NDArray[np.bool_]) -> _Rows:
        return _Rows(*(getattr(self, n)[mask] for n in self.__slots__))


@dataclass(slots=True)
class _Events:
    """Crossings of a chunk; every array [E]. ``row`` is the piece they happened in."""

    row: NDArray[np.int64]
    site: NDArray[np.int64]
    unit: NDArray[np.int64]
    place: Floats
    jump: Floats

    @classmethod
    def joined(cls, parts: list[_Events]) -> _Events:
        return cls(*(np.concatenate([getattr(p, n) for p in parts]) for n in cls.__slots__))

    def only(self, mask: NDArray[np.bool_]) -> _Events:
        return _Events(*(getattr(self, n)[mask] for n in self.__slots__))


@dataclass(slots=True)
class _Chunk:
    """Some of the examples along the segment."""

    probe: LineProbe
    part: Part
    places: Floats
    sites: list[tuple[str, int]] = field(default_factory=list)
    curvature: Floats = field(init=False)
    refinements: int = 0
    rows: _Rows = field(init=False)
    events: _Events = field(init=False)

    def refined(self) -> _Chunk:
        """Walk along the segment, then cut pieces until the closure error is small enough."""
        everyone = np.arange(count(self.part))
        places = np.repeat(self.places[:, None], len(everyone), axis=1)
        self.rows, self.events, self.curvature = self._walk(places, everyone)
        stalls, before = 0, np.inf
        for _ in range(_ROUNDS):
            error = self._closure()
            stalls = stalls + 1 if error > _STALLED * before else 0
            before = error
            chosen = self._worst()
            if stalls == 2 or not chosen.any():
                break
            self._cut(chosen)
        return self

    def _walk(self, places: Floats, examples: NDArray[np.int64]) -> Any:
        """Measure intervals for some examples, each between its own places [K, examples]."""
        some = subset(self.part, examples)
        rows, events, curvature = [], [], []
        left = None
        for number, t in enumerate(places):
            right = self.probe.at(t, some)
            curvature.append(float(right.curvatures.sum()))
            if not self.sites:
                self.sites = [_site(jet) for jet in right.sites]
            if left is not None:
                ends = (places[number - 1], t)
                found = crossings(left, right, torch.from_numpy(ends[1] - ends[0]).to(right.slopes))
                rows.append(_measured(left, right, found, ends, examples))
                events.append(_events(found, ends, offset=len(examples) * (number - 1)))
            left = right
        return _Rows.joined(rows), _Events.joined(events), np.array(curvature)

    def _closure(self) -> float:
        whole = (self.rows.variation + self.rows.kinks).sum()
        return float(np.abs(self.rows.residual).sum() / whole) if whole > 0 else 0.0

    def _worst(self) -> NDArray[np.bool_]:
        """Choose the pieces whose residuals are to go, so that the rest is below the goal."""
        rows = self.rows
        kinks, bends, rest = rows.kinks.sum(), rows.bend.sum() + rows.kinks.sum(), rows.rest.sum()
        share = (kinks or bends or 0.02 * rest) / max(bends + rest, 1e-300)
        allowed = _GOAL * 0.05 * share * (rows.variation + rows.kinks).sum()
        size = np.abs(rows.residual)
        # Pieces cannot be cut below the rounding of t.
        fine = np.spacing(np.abs(self.places).max()) * 1e4
        size = np.where(rows.end - rows.start > fine, size, 0.0)
        order = np.argsort(size)
        chosen = np.zeros(len(size), dtype=bool)
        if np.abs(rows.residual).sum() > allowed:
            kept = np.cumsum(size[order]) <= allowed / 2
            chosen[order[~kept]] = True
        return chosen & (size > 0)

    def _cut(self, chosen: NDArray[np.bool_]) -> None:
        """Cut the chosen pieces into four."""
        rows, events = self.rows, self.events
        self.refinements += int(chosen.sum())
        share = np.linspace(0, 1, _CUTS + 1)[:, None]
        start, end = rows.start[chosen], rows.end[chosen]
        added, found, _ = self._walk((1 - share) * start + share * end, rows.example[chosen])
        kept = events.only(~chosen[events.row])
        kept.row = (np.cumsum(~chosen) - 1)[kept.row]
        found.row = found.row + int((~chosen).sum())
        self.rows = _Rows.joined([rows.only(~chosen), added])
        self.events = _Events.joined([kept, found])


def _measured(
    left: Jet,
    right: Jet,
    found: Crossings,
    ends: tuple[Floats, Floats],
    examples: NDArray[np.int64],
) -> _Rows:
    """Split the change of slope of every example in one interval."""
    n, zeros = len(examples), torch.zeros_like(left.slopes)
    width = torch.from_numpy(ends[1] - ends[0]).to(zeros)
    crossed = torch.zeros(n, dtype=torch.long, device=zeros.device)
    crossed.index_add_(0, found.example, torch.ones_like(found.example))
    kink = zeros.index_add(0, found.example, found.jump)
    kinks = zeros.index_add(0, found.example, found.jump.abs())
    # The curvature of an example jumps where it crosses: one crossing divides the interval there.
    share = torch.full_like(zeros, 0.5)
    share[found.example] = found.place.to(share)
    share = torch.where(crossed == 1, share, 0.5)

    def integral(before: Tensor, after: Tensor) -> Tensor:
        return width * (share * before + (1 - share) * after)

    smooth = integral(left.curvatures, right.curvatures)
    change = right.slopes - left.slopes
    rest = tuple((jet.curvatures - jet.bends).abs() for jet in (left, right))
    columns = (
        change, smooth, integral(left.curvatures.abs(), right.curvatures.abs()),
        integral(left.bend_sizes, right.bend_sizes), integral(*rest), kink, kinks,
        change - smooth - kink,
    )  # fmt: skip
    return _Rows(examples, *ends, *(c.cpu().numpy() for c in columns))


def _events(found: Crossings, ends: tuple[Floats, Floats], *, offset: int) -> _Events:
    arrays = (found.example, found.site, found.unit, found.place, found.jump)
    row, site, unit, place, jump = (a.cpu().numpy() for a in arrays)
    t = (1 - place) * ends[0][row] + place * ends[1][row]
    return _Events(row + offset, site, unit, t, jump)


@dataclass(slots=True)
class _Total:
    """Sums over all chunks."""

    places: Floats
    keep: bool
    examples: int = 0
    refinements: int = 0
    sites: list[tuple[str, int]] = field(default_factory=list)
    sums: dict[str, float] = field(default_factory=dict)
    curvature: Floats | None = None
    units: dict[str, NDArray[Any]] = field(default_factory=dict)
    events: list[tuple[Floats, Floats]] = field(default_factory=list)

    def add(self, chunk: _Chunk) -> None:
        """Add a finished chunk."""
        rows, events = chunk.rows, chunk.events
        self.examples += count(chunk.part)
        self.refinements += chunk.refinements
        if not self.sites:
            self.sites = chunk.sites
            size = sum(units for _, units in self.sites)
            self.units = {name: np.zeros(size) for name in ("count", "size", "signed")}
            self.curvature = np.zeros(len(self.places))
        values = {n: float(getattr(rows, n).sum()) for n in _Rows.__slots__[3:]}
        values["residuals"] = float(np.abs(rows.residual).sum())
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
        self.curvature = self.curvature + chunk.curvature
        slot = self.offsets[events.site] + events.unit
        for name, weight in (("count", np.ones_like(events.jump)), ("size", np.abs(events.jump)),
                             ("signed", events.jump)):  # fmt: skip
            np.add.at(self.units[name], slot, weight)
        if self.keep:
            self.events.append((events.place, events.jump))

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where the units of each site start."""
        return np.concatenate([[0], np.cumsum([units for _, units in self.sites])]).astype(np.int64)

    def budget(self, unseen: tuple[str, ...], settings: dict[str, Any]) -> SlopeBudget:
        """Return the record, all sums divided by the number of examples."""
        n, sums = self.examples, self.sums
        mean = {name: value / n for name, value in sums.items()}
        whole = sums["variation"] + sums["kinks"]
        offsets = self.offsets

        def by_layer(values: NDArray[Any]) -> NDArray[Any]:
            return np.array([values[a:b].sum() for a, b in zip(offsets, offsets[1:], strict=False)])

        places = np.concatenate([e[0] for e in self.events] or [np.zeros(0)])
        order = np.argsort(places, kind="stable")
        jumps = np.concatenate([e[1] for e in self.events] or [np.zeros(0)])[order] / n
        curvature = np.abs(self.curvature) / n
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
            examples=n,
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
            settings=settings,
        )


def _site(jet: SiteJet) -> tuple[str, int]:
    site = jet.site
    return f"{site.layer}:{site.operation}", int(jet.gradient.shape[1])


def _chunks(probe: LineProbe, parts: tuple[Part, ...], t: float) -> Iterator[Part]:
    """Cut the batches so that all units of a chunk fit in memory."""
    one = probe.at(np.array([t]), map_tensors(lambda x: x[:1], parts[0]))  # type: ignore[arg-type]
    units = sum(jet.site.inputs.shape[1] + jet.gradient.shape[1] for jet in one.sites)
    size = max(_ENTRIES // max(units, 1), 1)
    for part in parts:
        for first in range(0, count(part), size):
            yield map_tensors(lambda x, i=first: x[i : i + size], part)  # type: ignore[misc]
