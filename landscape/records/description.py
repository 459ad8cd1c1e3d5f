"""What a plane perturbs by how much, parameter by parameter: to be read before it is sampled."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import NamedTuple

import numpy as np

from landscape.records.layout import Role
from landscape.records.plane import Plane
from landscape.records.plurals import counted

_AXES = ("alpha", "beta", "gamma")
_WIDTH = 100
_GAP = "  "
# Names up to this length are not shortened; role and filters give way first.
_LONGEST = 44


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One parameter on a plane.

    Of a masked or parametrised weight on a random plane, the norms are those of the weight that
    acts and of its change, not of the parameter it is computed from.

    Attributes:
        name: its name.
        shape: its shape.
        role: what its layer does with it, see :class:`landscape.records.layout.Slot`.
        filters: number of filters, 0 for a parameter without.
        weight_norm: Euclidean norm at the origin of the plane.
        direction_norms: Euclidean norm of each direction there.
        shares: share of each direction's squared norm that lies there; they sum to 1.
        acting: whether the norms are those of a weight that is computed from the parameter.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    filters: int
    weight_norm: float
    direction_norms: tuple[float, ...]
    shares: tuple[float, ...]
    acting: bool = False

    @property
    def ratios(self) -> tuple[float, ...]:
        """Norm of each direction over that of the weights; NaN for 0 / 0."""
        return tuple(_ratio(norm, self.weight_norm) for norm in self.direction_norms)

    @property
    def perturbed(self) -> bool:
        """Whether it varies over the plane."""
        return any(self.direction_norms)


@dataclass(frozen=True, slots=True)
class PlaneDescription:
    """What a plane perturbs by how much; printed, it is a table.

    Attributes:
        kind: how the plane was made.
        rows: one for each parameter, in the order of the layout.
        size: number of entries P of a parameter vector.
        perturbed: how many of them vary over the plane.
        perturbed_norm: Euclidean norm of those entries at the origin.
        weight_norm: Euclidean norm of the origin.
        direction_norms: Euclidean norm of each direction.
        cosines: of the angles between (alpha, beta), (alpha, gamma), (beta, gamma).
        hidden: number of masked or parametrised weights of which the plane does not tell the norms
            that act, because they are too many; their rows have the norms of the parameters.
    """

    kind: str
    rows: tuple[ParameterRow, ...]
    size: int
    perturbed: int
    perturbed_norm: float
    weight_norm: float
    direction_norms: tuple[float, ...]
    cosines: tuple[float, ...]
    hidden: int = 0

    def __str__(self) -> str:
        axes = ", ".join(_AXES[: len(self.direction_norms)])
        legend = f"under {axes}: |d|/|w|, and the share of the direction's squared length"
        return "\n".join([*self._head(), "", *self._table(), *self._left_out(), legend])

    def _head(self) -> Iterator[str]:
        axes = len(self.direction_norms)
        what = {1: "line", 2: "plane", 3: "volume"}[axes]
        share = 100 * self.perturbed / self.size
        yield (
            f"{self.kind} {what}: {self.perturbed:,} of {self.size:,} parameters perturbed "
            f"({share:.3g} %)"
        )
        yield f"|w| = {self.weight_norm:.4g}, {self.perturbed_norm:.4g} of what is perturbed"
        for axis, norm in zip(_AXES, self.direction_norms, strict=False):
            ratio = _ratio(norm, self.perturbed_norm)
            yield f"|d_{axis}| = {norm:.4g}, {_number(ratio)} times that"
        if acting := sum(row.acting for row in self.rows):
            many = counted(acting, "parameter")
            yield f"of {many}, masked or parametrised, norms are of the weights that act"
        if self.hidden:
            many = counted(self.hidden, "parameter")
            yield f"of {many}, masked or parametrised, norms are of the parameters"
        if self.cosines:
            pairs = [(a, b) for i, a in enumerate(_AXES[:axes]) for b in _AXES[i + 1 : axes]]
            yield "cosines: " + ", ".join(
                f"({a}, {b}) {cosine:.3g}"
                for (a, b), cosine in zip(pairs, self.cosines, strict=True)
            )

    def _table(self) -> list[str]:
        moved = [row for row in self.rows if row.perturbed]
        columns = [
            _Column("shape", ["x".join(map(str, row.shape)) or "()" for row in moved], left=True),
            _Column("role", [str(row.role) for row in moved], left=True, optional=True),
            _Column(
                "filters",
                [f"{row.filters:,}" if row.filters else "-" for row in moved],
                optional=True,
            ),
            _Column("|w|", [f"{row.weight_norm:.4g}" for row in moved]),
        ]
        for i, axis in enumerate(_AXES[: len(self.direction_norms)]):
            columns.append(_Column(axis, [_number(row.ratios[i]) for row in moved]))
            columns.append(_Column("share", [f"{100 * row.shares[i]:.1f} %" for row in moved]))
        return _aligned([row.name for row in moved], columns)

    def _left_out(self) -> Iterator[str]:
        still = [row for row in self.rows if not row.perturbed]
        without = Counter(row.role for row in still if not row.filters)
        if without:
            each = ", ".join(f"{n} {role}" for role, n in without.most_common())
            yield f"not perturbed: {counted(without.total(), 'parameter')} without filters ({each})"
        others = [row for row in still if row.filters]
        if others:
            entries = sum(math.prod(row.shape) for row in others)
            zeros = sum(not row.weight_norm for row in others)
            note = f", {zeros} of them all zeros" if zeros else ""
            many = counted(len(others), "parameter")
            yield f"not perturbed: {many} with filters ({entries:,} entries){note}"


def describe(plane: Plane) -> PlaneDescription:
    """Tell what a plane perturbs by how much.

    A direction of relative size |d|/|w| = 1 replaces, at coordinate 1, every weight by itself plus
    noise as large. Filter normalisation makes it 1 in every filter, and so in every parameter.

    Args:
        plane: any line, plane or volume.

    Returns:
        The description, with a row for each parameter; its text is a table of at most 100 columns
        of those that are perturbed.

    >>> import numpy as np
    >>> from landscape.records.layout import Layout, Slot
    >>> layout = Layout((Slot("weight", (2, 2), 0), Slot("bias", (2,))))
    >>> line = Plane(np.full(6, 3.0), np.array([4.0, 0, 0, 0, 0, 3]), None, layout)
    >>> [(row.name, row.weight_norm, row.shares) for row in describe(line).rows]
    [('weight', 6.0, (0.64,)), ('bias', 4.242640687119285, (0.36,))]
    """
    acting, directions = _acting(plane), plane.directions
    moved = np.asarray(directions.any(axis=0))
    norms, squares = [], 0.0
    for slot, part in plane.layout.parts():
        vectors = (plane.origin[part], *directions[:, part])
        of_slot = [float(np.linalg.norm(vector)) for vector in vectors]
        if slot.name in acting and any(acting[slot.name][1:]) != any(of_slot[1:]):
            del acting[slot.name]  # A foreign file: what moves has a length.
        norms.append(acting.get(slot.name, of_slot))
        plain = float(np.sum(plane.origin[part][moved[part]] ** 2))
        squares += norms[-1][0] ** 2 if slot.name in acting and moved[part].any() else plain
    weights, *totals = (float(total) for total in np.sum(np.square(norms), axis=0))
    rows = tuple(
        ParameterRow(
            slot.name,
            slot.shape,
            slot.role,
            slot.filters,
            of_slot[0],
            tuple(of_slot[1:]),
            tuple(_ratio(n * n, total) for n, total in zip(of_slot[1:], totals, strict=True)),
            slot.name in acting,
        )
        for slot, of_slot in zip(plane.layout.slots, norms, strict=True)
    )
    hidden = plane.settings.get("acting")
    return PlaneDescription(
        kind=plane.kind,
        rows=rows,
        size=plane.layout.size,
        perturbed=int(moved.sum()),
        perturbed_norm=math.sqrt(squares),
        weight_norm=math.sqrt(weights),
        direction_norms=tuple(map(math.sqrt, totals)),
        cosines=plane.cosines,
        hidden=hidden if isinstance(hidden, int) else 0,
    )


def _acting(plane: Plane) -> dict[str, list[float]]:
    """Return norms of weights that act, and of their changes, as a random plane notes them."""
    noted = plane.settings.get("acting")
    if not isinstance(noted, Mapping):
        return {}
    return {
        name: norms
        for name, norms in noted.items()
        if isinstance(norms, list)
        and len(norms) == 1 + plane.axes
        and all(isinstance(norm, float) for norm in norms)
    }


class _Column(NamedTuple):
    head: str
    cells: list[str]
    left: bool = False
    optional: bool = False

    @property
    def width(self) -> int:
        return max(map(len, [self.head, *self.cells]))

    def cell(self, line: int) -> str:
        text = self.cells[line - 1] if line else self.head
        return text.ljust(self.width) if self.left else text.rjust(self.width)


def _ratio(part: float, whole: float) -> float:
    if whole:
        return part / whole
    return math.inf if part else math.nan


def _number(value: float) -> str:
    return f"{value:.3g}" if math.isfinite(value) else "-"


def _aligned(names: Sequence[str], columns: Sequence[_Column]) -> list[str]:
    """Return a table of at most 100 columns; what names share, and their middles, give way."""
    longest = max(map(len, names))
    kept = list(columns)
    for column in reversed(columns):
        if column.optional and _room(kept) < min(longest, _LONGEST):
            kept.remove(column)
    above = []
    if longest > _room(kept) and (shared := _shared(names)):
        above, names = [f"all in {shared}"], [name.removeprefix(shared) for name in names]
    names = ["parameter", *names]
    first = min(_room(kept), max(map(len, names)))
    return above + [
        _GAP.join([_shortened(name, first).ljust(first), *(c.cell(i) for c in kept)]).rstrip()
        for i, name in enumerate(names)
    ]


def _room(columns: Sequence[_Column]) -> int:
    """Return how wide the names may be beside these columns."""
    return max(_WIDTH - sum(c.width + len(_GAP) for c in columns), len("parameter"))


def _shared(names: Sequence[str]) -> str:
    """Return the layers in which all names lie, as ``model.layers.``, or an empty text."""
    # What the first and the last in the alphabet share, all share.
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(min(names), max(names), strict=False))
    common = "".join(a for a, _ in pairs)
    return common[: common.rfind(".") + 1]


def _shortened(name: str, width: int) -> str:
    if len(name) <= width:
        return name
    tail = 2 * (width - 1) // 3
    return f"{name[: width - 1 - tail]}…{name[-tail:]}"
