"""From losses to heights: one scale for all panels of a picture, nothing replaced."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.plurals import counted
from landscape.records.results import Projection
from landscape.records.surface import Status, Surface

from .numbers import distinct, label, power_of_ten, with_power
from .window import Window, drawn_records

# ``clipped`` is linear up to a limit, ``auto`` is log or linear, see :func:`resolved`.
Kind = Literal["auto", "log", "linear", "clipped"]
KINDS = ("auto", "log", "linear", "clipped")
# Decades that losses must span for ``auto`` to be log.
_DECADES = 2.0
# Without a limit of the user's, a clipped surface shows this share of its points below it.
_SHOWN = 0.75
# Decades in which a few quarters would be too few isolines.
_NARROW = 0.75


@dataclass(frozen=True, slots=True)
class HeightScale:
    """How losses become heights and colours.

    Attributes:
        kind: ``log`` (log10 of the loss) or ``linear``.
        low: lowest height shown.
        high: highest height shown.
        quantity: what is written at the axis.
        clipped: whether surfaces go on above ``high``: they are cut there, with a flat top of
            another colour.
    """

    kind: Kind
    low: float
    high: float
    quantity: str = "loss"
    clipped: bool = False

    def __post_init__(self) -> None:
        check_known("height", self.kind, ("log", "linear"))
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"heights must be finite and increasing, got {self.low}, {self.high}")

    @classmethod
    def of(
        cls,
        surfaces: Iterable[Surface],
        *,
        kind: Kind = "log",
        paths: Iterable[Projection] = (),
        limit: float | None = None,
    ) -> HeightScale:
        """Make the scale of all finite heights of the surfaces and of what is drawn of paths.

        Args:
            surfaces: what is shown.
            kind: ``log``, ``linear``, ``clipped`` (linear up to the limit), or ``auto``, see
                :func:`resolved`.
            paths: what is drawn on them.
            limit: loss above which surfaces are cut, also on a log scale. For ``clipped`` by
                default the upper quartile of the surfaces' losses, but no lower than what is drawn
                of the paths.

        Raises:
            ValueError: if there is no finite height; on a log scale that includes losses <= 0. For
                a limit below all of them, or paths on a surface without two axes.
        """
        check_known("height", kind, KINDS)
        drawn, placed = list(surfaces), list(paths)
        kind = resolved(kind, losses_shown(drawn, placed))
        check_values(drawn, kind)
        parts = [surface_heights(surface, kind).ravel() for surface in drawn]
        if kind == "clipped" and limit is None:
            limit = _usual_limit(parts, drawn, placed)
        if placed:
            window = Window.around(drawn)
            parts += [heights(p.losses[drawn_records(p, window)], kind) for p in placed]
            # The mesh passes through the end of a path at its loss in the plane.
            parts += [heights(p.plane_losses[-1:][window.inside(p.coordinates)[-1:]], kind)
                      for p in placed]  # fmt: skip
        scale = cls.around(np.concatenate(parts), kind, least=1.0)
        return scale if limit is None else scale.cut_at(limit)

    @classmethod
    def around(
        cls, heights: Floats, kind: Kind, quantity: str = "loss", *, least: float = 1e-300
    ) -> HeightScale:
        """Make the scale from the lowest to the highest of finite heights, at least one.

        Equal heights are drawn flat, in the middle of a small range: those that differ by less than
        1e-12 of the largest, or of ``least`` if that is larger.
        """
        finite = heights[np.isfinite(heights)]
        low, high = float(finite.min()), float(finite.max())
        if not high - low > 1e-12 * max(abs(high), least):
            low, high = low - 0.5, high + 0.5
        return cls("log" if kind == "log" else "linear", low, high, quantity)

    @classmethod
    def of_residuals(cls, limit: float) -> HeightScale:
        """Make the scale of residuals up to ``limit`` on both sides of 0."""
        return cls("linear", -limit, limit, "residual")

    def cut_at(self, limit: float) -> HeightScale:
        """Return the scale on which surfaces are cut at a loss; as it is if none is higher.

        Raises:
            ValueError: if no loss is lower.
        """
        top = float(heights(np.array(limit), self.kind))
        if not top > self.low:
            raise ValueError(
                f"the limit must be above the lowest loss, {self.loss_at(self.low):.4g}, "
                f"got {limit:g}"
            )
        return replace(self, high=top, clipped=True) if top < self.high else self

    def of_losses(self, losses: Floats) -> Floats:
        """Return the heights of ``losses``; NaN where there is none."""
        return heights(losses, self.kind)

    def loss_at(self, height: float) -> float:
        """Return the loss of a height."""
        return float(10.0**height) if self.kind == "log" else height

    @property
    def power(self) -> int:
        """Power of ten in which labels of a linear scale are counted; 0 on a log scale."""
        linear = self.kind == "linear"
        return power_of_ten(max(abs(self.low), abs(self.high))) if linear else 0

    @property
    def title(self) -> str:
        """What is written at the axis: the quantity, and the power of ten of its labels."""
        return with_power(self.quantity, self.power)

    def labels(self, heights: Floats) -> list[str]:
        """Write the losses of several heights, with as many digits as tell them apart."""
        losses = [self.loss_at(float(h)) / 10.0**self.power for h in heights]
        texts = list(map(label, losses))
        return texts if len(set(texts)) == len(texts) else distinct(losses, 5)

    def levels(self) -> Floats:
        """Return heights for isolines, as in the page: round numbers, so few that they stay apart.

        On a log scale quarter decades, in more than 4 decades half ones, in more than 12 whole
        ones or several, at most 18; within three quarters of a decade about 10. On a linear scale
        about 12.
        """
        if self.kind != "log":
            return _nice(self.low, self.high, 12)
        decades = self.high - self.low
        if decades <= _NARROW:
            return _nice(self.low, self.high, 10)
        apart = 0.25 if decades <= 4 else 0.5 if decades <= 12 else math.ceil(decades / 18)
        return np.arange(math.ceil(self.low / apart), self.high / apart) * apart

    def ticks(self) -> Floats:
        """Return heights for labels: the decades inside, with 3s between if they are few."""
        if self.kind == "linear":
            return _nice(self.low, self.high, 5)
        decades = np.arange(np.ceil(self.low - 1e-9), self.high + 1e-9)
        if len(decades) >= 3:
            step = int(np.ceil(len(decades) / 6))
            return decades[::step]
        between = np.log10(np.outer(10.0 ** np.arange(-12, 13), [1, 2, 5])).ravel()
        inside = between[(between >= self.low) & (between <= self.high)]
        return inside if len(inside) >= 2 else np.linspace(self.low, self.high, 3)


def resolved(kind: Kind, losses: Sequence[Floats]) -> Kind:
    """Return the kind of heights that fits losses, if ``auto`` is asked for.

    ``log`` where all finite losses are positive and span more than two decades, else ``linear``.

    >>> resolved("auto", [np.array([0.01, 2.0])]), resolved("auto", [np.array([0.1, 2.0])])
    ('log', 'linear')
    """
    if kind != "auto":
        return kind
    joined = np.concatenate([values.ravel() for values in losses])
    known = joined[np.isfinite(joined)]
    wide = len(known) and known.min() > 0 and known.max() > 10.0**_DECADES * known.min()
    return "log" if wide else "linear"


def losses_shown(surfaces: Sequence[Surface], paths: Sequence[Projection] = ()) -> list[Floats]:
    """Return the losses of surfaces, NaN where there is none, and of what is drawn of paths."""
    losses = [surface_heights(surface, "linear") for surface in surfaces]
    if paths:
        window = Window.around(surfaces)
        losses += [path.losses[drawn_records(path, window)] for path in paths]
    return losses


def scale_of(
    height: Kind | HeightScale,
    surfaces: Sequence[Surface],
    paths: Iterable[Projection] = (),
    *,
    limit: float | None = None,
) -> HeightScale:
    """Return a scale as it is, or make that of the surfaces and of what is drawn of paths.

    Raises:
        ValueError: as :meth:`HeightScale.of` does.
    """
    if isinstance(height, HeightScale):
        check_values(surfaces, height.kind)
        return height
    return HeightScale.of(surfaces, kind=height, paths=paths, limit=limit)


def heights(losses: Floats, kind: Kind) -> Floats:
    """Return log10 of the losses or themselves; NaN for what has no finite height."""
    values = np.asarray(losses, dtype=np.float64)
    usable = np.isfinite(values) & ((values > 0) | (kind != "log"))
    safe = np.where(usable, values, 1.0)
    return np.where(usable, np.log10(safe) if kind == "log" else safe, np.nan)


def surface_heights(surface: Surface, kind: Kind) -> Floats:
    """Return the heights of a surface, [A, B]; NaN also where it was not evaluated."""
    there = np.isin(surface.status, (Status.EVALUATED, Status.INTERPOLATED))
    return np.where(there, heights(surface.losses, kind), np.nan)


def check_values(surfaces: Sequence[Surface], kind: Kind) -> None:
    """Refuse surfaces of which no point has a height; a path on them would be drawn over nothing.

    Raises:
        ValueError: naming them, with the number of their points by what is wrong with these.
    """
    if any(np.isfinite(surface_heights(surface, kind)).any() for surface in surfaces):
        return
    counts = left_out(surfaces, kind)
    reasons = ", ".join(f"{counted(count, 'point')} {reason}" for reason, count in counts.items())
    remedies = {
        "not positive": "use a linear height",
        "NaN or infinite": "sample a smaller window, or in float64",
        "not evaluated": "finish sampling",
    }
    hint = next((f"; {text}" for reason, text in remedies.items() if reason in counts), "")
    names = ", ".join(dict.fromkeys(str(s.plane or s.run) for s in surfaces if s.plane or s.run))
    which = f" ({names})" if names else ""
    raise ValueError(f"the surfaces{which} have no finite value to draw: {reasons}{hint}")


def left_out(surfaces: Sequence[Surface], kind: Kind) -> dict[str, int]:
    """Count the points that have no height, by reason."""
    counts = dict.fromkeys(("not evaluated", "NaN or infinite", "not positive"), 0)
    for surface in surfaces:
        there = np.isin(surface.status, (Status.EVALUATED, Status.INTERPOLATED))
        finite = np.isfinite(surface.losses)
        low = there & finite & (surface.losses <= 0) & (kind == "log")
        for reason, points in zip(counts, (~there, there & ~finite, low), strict=True):
            counts[reason] += int(np.sum(points))
    return {reason: count for reason, count in counts.items() if count}


def above(surface: Surface, scale: HeightScale) -> int:
    """Count the points of a surface that lie above the limit of a clipped scale."""
    with np.errstate(invalid="ignore"):
        over = surface_heights(surface, scale.kind) > scale.high
    return int(np.sum(over)) if scale.clipped else 0


def _usual_limit(
    parts: Sequence[Floats], surfaces: Sequence[Surface], paths: Sequence[Projection]
) -> float:
    joined = np.concatenate(parts)
    limits = [np.quantile(joined[np.isfinite(joined)], _SHOWN)] if np.isfinite(joined).any() else []
    if paths:
        window = Window.around(surfaces)
        drawn = np.concatenate([p.losses[drawn_records(p, window)] for p in paths])
        limits += list(drawn[np.isfinite(drawn)])
    return float(max(limits, default=np.inf))


def _nice(low: float, high: float, count: int) -> Floats:
    from matplotlib.ticker import MaxNLocator

    ticks: Sequence[float] = MaxNLocator(count).tick_values(low, high)
    inside = np.asarray(ticks, dtype=np.float64)
    return inside[(inside >= low) & (inside <= high)]
