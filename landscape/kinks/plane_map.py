"""The kink map of a plane: every curve on which a unit of an example passes a kink.

A curve is the zero set of ``z - z0`` for one unit of one example. Its sign at the nodes of a grid
tells which cells it crosses (marching squares), and its ends on the sides of the cells are found on
the true z. Pre-activations of a first layer are affine in (alpha, beta), so that linear
interpolation between the nodes is exact. A curve that enters and leaves a cell through one side is
not seen: the grid is the resolution of curved ones. Within a cell a curve is one straight piece;
those of deeper layers bend where they meet curves of the layers before.

With g = d loss / d (output of the unit), the gradient of the loss by (alpha, beta) gains
``g (act'(z0+) - act'(z0-)) grad z`` on the way to larger z.

References:
    Lorensen, Cline (1987), Marching cubes, SIGGRAPH, of which marching squares are the flat case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from landscape.kinks.curve_segments import CutWindow, Segments, segments
from landscape.kinks.plane_probe import described, plane_probe
from landscape.problem import Problem
from landscape.problem.example_losses import single_evaluator
from landscape.problem.examples import Part, count, cut
from landscape.records.arrays import Floats, Json
from landscape.records.grid import Grid
from landscape.records.kink_map import KinkMap
from landscape.records.plane import Plane

# Pre-activations of a chunk of examples at all nodes, in float64 entries.
_ENTRIES = 1 << 24
Progress = Callable[[int], None]


def kink_map(
    problem: Problem,
    plane: Plane,
    *,
    grid: Grid,
    limit: int = 100_000,
    too_many: Literal["density", "raise"] = "density",
    tolerance: float = 1e-10,
    settings: Json | None = None,
    progress: Progress | None = None,
) -> KinkMap:
    """Map every kink of the mean loss in a window of a plane, in float64.

    Max pooling and branches on comparisons are left out and named in ``left_out``.

    Args:
        problem: network, loss with one value per example, and data; only read.
        plane: of two directions.
        grid: the window, and the cells at whose sides curves are cut.
        limit: most segments that are listed.
        too_many: beyond the limit: ``density`` keeps the density alone, with jumps as at the
            centres of the cells; ``raise`` stops.
        tolerance: of the ends of curved segments, as a share of a cell's side.
        settings: what to note in the record.
        progress: called with the number of examples of each finished chunk.

    Raises:
        ValueError: for a grid that has not 2 axes, a plane that does not belong to the model, more
            segments than ``limit`` with ``raise``, or an activation that jumps in value.
    """
    if len(grid.shape) != 2:
        raise ValueError(f"a kink map needs a grid of 2 axes, got {len(grid.shape)}")
    if too_many not in ("density", "raise"):
        raise ValueError(f"unknown too_many {too_many!r}; known: density, raise")
    if limit < 1:
        raise ValueError(f"limit must be >= 1, got {limit}")
    evaluator = single_evaluator(problem)
    batches = evaluator.batches
    with plane_probe(evaluator.network, plane) as probe:
        window = CutWindow(probe, grid, tolerance)
        probe.watch(batches.parts[0], window.nodes[0])
        size = max(_ENTRIES // (grid.size * max(sum(v.units for v in probe.levels), 1)), 1)
        parts = list(_chunks(batches.parts, size))
        done = _walk(window, parts, limit, progress)
        listed = done.found <= limit
        if not listed and too_many == "raise":
            raise ValueError(
                f"a kink map lists at most {limit:,} segments, got {done.found:,} from the first "
                f"{done.examples:,} of {batches.examples:,} examples and the next; take a smaller "
                "window, fewer examples, a higher limit, or too_many='density'"
            )
        if not listed:
            done = _walk(window, parts, None, progress)
        noted = described(plane, evaluator.network, batches.examples, settings)
        over = evaluator.objective.over(batches.examples)
        return _record(window, done, batches.examples, over, listed=listed, settings=noted)


@dataclass(slots=True)
class _Done:
    """Segments if they are listed, and what was summed up of them."""

    listed: list[Segments]
    sums: Floats  # of each cell: weight times length, signed, number of segments; [3, cells]
    curves: int = 0
    found: int = 0
    examples: int = 0
    bent: set[int] = field(default_factory=set)

    def add(self, fresh: Segments, examples: int, *, keep: bool) -> None:
        """Add the segments of a chunk."""
        weights = (np.abs(fresh.jump) * fresh.lengths, fresh.jump * fresh.lengths, None)
        self.sums += [np.bincount(fresh.cell, w, self.sums.shape[1]) for w in weights]
        self.curves += fresh.curves
        self.found += len(fresh.jump)
        if keep:
            fresh.example = fresh.example + self.examples
            self.listed.append(fresh)
        self.examples += examples


def _walk(
    window: CutWindow, parts: list[Part], limit: int | None, progress: Progress | None
) -> _Done:
    """Go through the chunks until there are more than ``limit`` segments; None never stops."""
    done = _Done([], np.zeros((3, window.areas.size)))
    for part in parts:
        most = None if limit is None else limit - done.found
        fresh, bent = segments(window, part, most=most)
        done.bent |= bent
        if isinstance(fresh, int):
            done.found += fresh
            return done
        done.add(fresh, count(part), keep=limit is not None)
        if progress is not None:
            progress(count(part))
    return done


def _record(
    window: CutWindow, done: _Done, examples: int, over: float, *, listed: bool, **more: Any
) -> KinkMap:
    """Put a map together, of a loss that is so many times its mean over the examples."""
    each = over / examples
    probe, grid = window.probe, window.grid
    sites = sorted({level.site for level in probe.levels})
    layer_of = np.array([sites.index(level.site) for level in probe.levels], dtype=np.int64)
    names = {level.site: level.name for level in probe.levels}
    bent = {probe.levels[number].site for number in done.bent}
    knots = np.array([level.knot for level in probe.levels])
    every = Segments.joined(done.listed)
    density, signed, counts = (
        total.reshape(window.areas.shape) / window.areas for total in done.sums
    )
    return KinkMap(
        segments=every.ends.reshape(-1, 4),
        jumps=every.jump * each,
        layer=layer_of[every.level],
        example=every.example,
        unit=every.unit,
        knots=knots[every.level],
        layers=tuple(names[site] for site in sites),
        straight=tuple(site not in bent for site in sites),
        alphas=grid.axes[0],
        betas=grid.axes[1],
        density=density * each,
        signed_density=signed * each,
        counts=counts,
        examples=examples,
        curves=done.curves,
        found=done.found,
        listed=listed,
        tolerance=window.tolerance,
        unseen=tuple(probe.unseen),
        left_out=probe.left_out,
        **more,
    )


def _chunks(parts: tuple[Part, ...], size: int) -> Iterator[Part]:
    for part in parts:
        for first in range(0, count(part), size):
            yield cut(part, first, first + size)
