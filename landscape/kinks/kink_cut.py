"""A loss surface cut along its kinks: exact edges, and the gradient on each side of them.

The triangles of a grid are cut by one kink curve after another, first layers first: a curve of a
deeper layer then bends only where a triangle ends. The gradient at a corner of a triangle is
autograd's at a point moved from the corner into the triangle by a millionth of the way to its
centre; that every kink is on its right side there is checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from landscape.kinks.cutting import Triangles, cut
from landscape.kinks.marching import Ints, roots
from landscape.kinks.plane_probe import PlaneProbe, described, plane_probe
from landscape.kinks.probe import subset
from landscape.kinks.smooth_part import SplitLoss
from landscape.problem import Problem
from landscape.problem.evaluator import Evaluator
from landscape.problem.example_losses import single_evaluator
from landscape.problem.examples import Part, count
from landscape.records.arrays import Floats, Json
from landscape.records.grid import Grid
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.kink_map import KinkMap
from landscape.records.plane import Plane

# Shares of the way from a corner to the centre of its triangle, tried in turn.
_NUDGES = (1e-6, 1e-4, 1e-2, 0.3)
_NONE = np.zeros(0, dtype=np.int64)
# Entries of the inputs of all kinks that are held at once.
_ENTRIES = 1 << 23
# Vertices that are added for a cell of the grid that a curve passes, and for two curves in a cell
# of the map. Three cuts of 16 to 102 curves added as many, within 10 %.
_PER_CELL, _PER_PAIR = 2.1, 1.25


def kink_cut_surface(
    problem: Problem,
    plane: Plane,
    kinks: KinkMap | None = None,
    *,
    grid: Grid | None = None,
    least: float = 1e-3,
    limit: int = 400,
    vertices: int = 200_000,
    settings: Json | None = None,
) -> KinkCutSurface:
    """Cut a window of the mean loss along its kinks, in float64.

    Of more than ``limit`` curves, or of curves that would make more than ``vertices`` vertices,
    those with the largest jumps are cut. The others are only seen in the gradients at the corners.
    So time and memory are bounded: about 2 GiB for 400 curves and 200,000 vertices.

    Args:
        problem: that of the map.
        plane: as for the map.
        kinks: the map of the window; without one, or with one that lists no segments, nothing is
            cut.
        grid: of the same window, whose triangles are cut; the map's if not given.
        least: curves whose largest jump is below this share of the largest of all are not cut.
        limit: most curves that are cut.
        vertices: about how many the mesh has at most.
        settings: what to note in the record.

    Raises:
        ValueError: without a map and a grid, for a map of another number of examples or another
            window, or a grid that has not 2 axes.
    """
    evaluator = single_evaluator(problem)
    whole = evaluator.batches.joined()
    n = count(whole)
    grid = _grid(kinks, grid, n)
    listed = kinks if kinks is not None and kinks.listed else None
    chosen, cut_share = (
        _chosen(listed, grid, least, limit, vertices) if listed is not None else (_NONE, 0.0)
    )
    with plane_probe(evaluator.network, plane) as probe:
        probe.watch(whole, grid.coordinates(np.zeros(1, dtype=np.int64))[0])
        curves = _Curves.of(probe, whole, listed, chosen)
        mesh = _cut_all(curves, grid, listed.tolerance if listed is not None else 0.0)
        place, faces, doubtful, points = _corners(curves, mesh)
        at = SplitLoss.of(probe, whole, _kinked(probe, listed, n), grid)
        losses, slopes = at(points)
        if not probe.levels and not probe.unseen and not probe.left_out:
            cut_share = 1.0
    share = n / evaluator.objective.over(n)
    losses, slopes = losses / share, slopes / share
    where = mesh.points[place]
    # From the moved point back to the corner: the term left out is a millionth, squared.
    losses = losses + ((where - points) * slopes).sum(axis=1)
    mean = np.bincount(place, losses) / np.maximum(np.bincount(place), 1)
    uncut = kinks.curves - len(chosen) if kinks is not None else 0
    noted = described(plane, evaluator.network, n, settings) | dict(_statistics(evaluator))
    return KinkCutSurface(where, mean[place], slopes, faces, len(chosen), uncut, doubtful, n,
                          cut_share=cut_share,
                          settings=noted)  # fmt: skip


def _statistics(evaluator: Evaluator) -> Json:
    """Return which statistics normalise, if any do."""
    layers = evaluator.normalising_layers
    return {"normalising_layers": layers, "batch_norm": evaluator.policy} if layers else {}


def _kinked(probe: PlaneProbe, kinks: KinkMap | None, examples: int) -> Ints:
    """Return the examples that may meet a kink in the window; all where nothing is known."""
    if probe.unseen or probe.left_out or (kinks is None and probe.levels):
        return np.arange(examples)
    return np.unique(kinks.example) if kinks is not None else _NONE


@dataclass(frozen=True, slots=True)
class _Curves:
    """The functions that cut, C of them, and the n examples they belong to.

    Attributes:
        probe: the network.
        part: the n examples.
        example: of each function, an index among the n, [C].
        level: of each, [C].
        unit: of each, [C].
        straight: of each, whether it is affine, [C].
    """

    probe: PlaneProbe
    part: Part
    example: Ints
    level: Ints
    unit: Ints
    straight: NDArray[np.bool_]

    @classmethod
    def of(cls, probe: PlaneProbe, whole: Part, kinks: KinkMap | None, chosen: Ints) -> _Curves:
        """Make them from one segment of each curve, first layers first."""
        if kinks is None:
            return cls(probe, subset(whole, _NONE), _NONE, _NONE, _NONE, np.zeros(0, dtype=bool))
        chosen = chosen[np.argsort(kinks.layer[chosen], kind="stable")]
        sites = sorted({level.site for level in probe.levels})
        names = {(sites.index(v.site), v.knot): i for i, v in enumerate(probe.levels)}
        layer = kinks.layer[chosen]
        level = [names[int(a), float(b)] for a, b in zip(layer, kinks.knots[chosen], strict=True)]
        examples, example = np.unique(kinks.example[chosen], return_inverse=True)
        straight = np.array(kinks.straight, dtype=bool)[layer]
        return cls(probe, subset(whole, examples), example.reshape(-1),
                   np.array(level, dtype=np.int64), kinks.unit[chosen], straight)  # fmt: skip

    def __len__(self) -> int:
        return len(self.level)

    def values(self, points: Floats) -> Floats:
        """Return every function at points [K, 2], [K, C]."""
        return np.concatenate([np.empty((0, len(self))), *(z for _, z in self.blocks(points))])

    def blocks(self, points: Floats) -> Iterator[tuple[slice, Floats]]:
        """Yield every function at some points after others, [k, C], and which points they are."""
        for block, levels in self._run(points, self.part):
            values = np.empty((block.stop - block.start, len(self)))
            for number, z in enumerate(levels):
                mine = np.flatnonzero(self.level == number)
                values[:, mine] = z[:, self.example[mine], self.unit[mine]]
            yield block, values

    def one(self, number: int, points: Floats) -> Floats:
        """Return one function at points [K, 2], [K]."""
        single = subset(self.part, self.example[number : number + 1])
        level, unit = self.level[number], self.unit[number]
        values = [levels[level][:, 0, unit] for _, levels in self._run(points, single)]
        return np.concatenate([np.empty(0), *values])

    def _run(self, points: Floats, part: Part) -> Iterator[tuple[slice, list[Floats]]]:
        """Yield every kink of some examples at some points after others.

        They are far more than the C that are kept: those of all points are never held at once.
        """
        if not len(self):
            yield slice(0, len(points)), []
            return
        rows = max(_ENTRIES // (count(part) * self.probe.width), 1)
        for start in range(0, len(points), rows):
            block = slice(start, min(start + rows, len(points)))
            yield block, self.probe.values(points[block], part)


def _cut_all(curves: _Curves, grid: Grid, tolerance: float) -> Triangles:
    mesh = Triangles.of_grid(grid, len(curves))
    values = curves.values(mesh.points)
    for number in range(len(curves)):

        def inside(points: Floats, k: int = number) -> Floats:
            return curves.one(k, points)

        def root(low: Floats, high: Floats, z: Floats, k: int = number) -> Floats:
            if curves.straight[k]:
                return np.asarray(z[:, 0] / (z[:, 0] - z[:, 1]))

            def along(t: Floats, rows: Ints) -> Floats:
                return curves.one(k, low[rows] + t[:, None] * (high - low)[rows])

            return roots(z, along, tolerance=tolerance)

        mesh, added = cut(mesh, number, values[:, 0], root, inside)
        # What has cut is not needed again.
        values = values[:, 1:]
        if added:
            more = curves.values(mesh.points[-added:])[:, number + 1 :]
            values = np.concatenate([values, more])
    return mesh


def _corners(curves: _Curves, mesh: Triangles) -> tuple[Ints, Ints, int, Floats]:
    """Give every vertex one copy for each region around it.

    Returns:
        The vertex of each copy [M], the triangles in copies [T, 3], how many copies have no point
        of their own side, and a point beside each copy, [M, 2].
    """
    packed = np.ascontiguousarray(np.packbits(mesh.sides > 0, axis=1))
    region = np.unique(packed, axis=0, return_inverse=True)[1].reshape(-1) if len(curves) else 0
    key = mesh.faces + (np.zeros(len(mesh.faces), dtype=np.int64) + region)[:, None] * len(
        mesh.points
    )
    # Of the triangles around a copy the largest is its own.
    p = mesh.points[mesh.faces]
    side, next_side = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = np.abs(side[:, 0] * next_side[:, 1] - side[:, 1] * next_side[:, 0])
    order = np.argsort(-area, kind="stable")
    _, first, back = np.unique(key[order].ravel(), return_index=True, return_inverse=True)
    triangle = order[first // 3]
    faces = np.empty_like(mesh.faces)
    faces[order] = back.reshape(-1, 3)
    place = mesh.faces[order].ravel()[first]
    centres = mesh.points[mesh.faces[triangle]].mean(axis=1)
    points = np.empty_like(centres)
    todo = np.arange(len(place))
    for nudge in _NUDGES:
        start = mesh.points[place[todo]]
        points[todo] = start + nudge * (centres[todo] - start)
        wrong = [((z > 0) != (mesh.sides[triangle[todo[block]]] > 0)).any(axis=1)
                 for block, z in curves.blocks(points[todo])]  # fmt: skip
        todo = todo[np.concatenate(wrong)]
        if not len(todo):
            break
    return place, faces, len(todo), points


def _chosen(
    kinks: KinkMap, grid: Grid, least: float, limit: int, vertices: int
) -> tuple[Ints, float]:
    """Return a segment of each curve that is cut, and their share of all jumps times lengths."""
    curve = kinks.curve_of()
    if not len(curve):
        return _NONE, 1.0
    largest = np.zeros(curve.max() + 1)
    np.maximum.at(largest, curve, kinks.weights)
    first = np.unique(curve, return_index=True)[1]
    order = np.argsort(-largest, kind="stable")
    most = min(limit, int((largest >= least * largest.max()).sum()))
    while most and _expected(kinks, first[order[:most]], grid) > vertices:
        most = most * 3 // 4
    total = np.bincount(curve, kinks.weights * kinks.lengths)
    cut_share = float(total[order[:most]].sum() / total.sum()) if total.sum() else 1.0
    return first[np.sort(order[:most])], min(cut_share, 1.0)


def _expected(kinks: KinkMap, chosen: Ints, grid: Grid) -> int:
    """Estimate how many vertices a grid has after it is cut along curves, from their segments."""
    curve = kinks.curve_of()
    cutting = np.isin(curve, curve[chosen])
    ends = kinks.segments[cutting].reshape(-1, 2, 2)
    low, high = np.array(kinks.window).T
    shape = np.array([len(kinks.alphas), len(kinks.betas)]) - 1
    shares = (ends - low) / (high - low)
    passed = (np.abs(shares[:, 1] - shares[:, 0]) * (np.array(grid.shape) - 1)).sum()
    places = np.floor(shares.mean(axis=1) * shape).astype(np.int64)
    meetings = np.unique(np.column_stack([places, curve[cutting]]), axis=0)
    crowds = np.unique(meetings[:, :2], axis=0, return_counts=True)[1].astype(np.float64)
    pairs = (crowds * (crowds - 1) / 2).sum()
    return int(grid.size + _PER_CELL * passed + _PER_PAIR * pairs)


def _grid(kinks: KinkMap | None, grid: Grid | None, examples: int) -> Grid:
    """Return the grid that is cut, if it fits the map."""
    if kinks is None:
        if grid is None:
            raise ValueError("a surface needs a kink map or a grid, got neither")
    elif kinks.examples != examples:
        raise ValueError(
            f"the map is of {kinks.examples} examples, got {examples}; give the map's own data"
        )
    grid = grid or Grid((kinks.alphas, kinks.betas))  # type: ignore[union-attr]
    if len(grid.shape) != 2:
        raise ValueError(f"a surface cut along kinks needs a grid of 2 axes, got {len(grid.shape)}")
    window = tuple((float(a[0]), float(a[-1])) for a in grid.axes)
    if kinks is not None and window != kinks.window:
        raise ValueError(f"the grid must span the map's window {kinks.window}, got {window}")
    return grid
