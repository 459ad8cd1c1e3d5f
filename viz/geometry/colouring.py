"""What a surface is coloured by: its loss, another field, a difference, or the density of kinks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.kink_map import KinkMap
from landscape.records.plurals import counted, plural
from landscape.records.surface import Status, Surface

from ..style import Style
from .differences import GRADIENTS, has_gradients, laplacian, slopes_of
from .height import HeightScale, Kind, heights, surface_heights
from .reference import cell_density, difference, reservations

Reference = Surface | KinkMap
# Colours that are worked out; any other is the name of a field.
WORKED_OUT = ("slope", "curvature", "status", "difference", "kinks")
# Colours that compare with something, and with what.
AGAINST: Mapping[str, str] = MappingProxyType({"difference": "surface", "kinks": "kink map"})
# A positive range of more than this factor is shown on a log scale.
_WIDE = 30.0
# Share of the values that a symmetric range holds; a few peaks do not wash out the rest.
_HELD = 0.98
_STATUS_COLOURS = ("#d9d9d9", "#0072B2", "#E69F00", "#000000")


@dataclass(frozen=True, slots=True)
class Colours:
    """How surfaces are coloured by something else than their loss, on one range.

    Attributes:
        scale: from values to colours; its quantity is written at the bar.
        colour_map: matplotlib's name or a colour map.
        values: as colours (log10 on a log scale), one array for each surface: of points, [A, B],
            or of cells, [A - 1, B - 1].
        names: of the classes 0, 1, ... if the values are classes.
        sentences: what a caption says about them.
        zeros: values of 0 that a log scale leaves without a colour; a sentence tells of them.
        diverging: whether colours run both ways from 0. Its colour in the shade is grey, so that
            places without a value are cross-hatched as well.
    """

    scale: HeightScale
    colour_map: Any
    values: tuple[Floats, ...]
    names: tuple[str, ...] = ()
    sentences: tuple[str, ...] = ()
    zeros: int = 0
    diverging: bool = False

    def ticks(self) -> Floats:
        """Return where the bar is labelled."""
        return np.arange(len(self.names), dtype=np.float64) if self.names else self.scale.ticks()

    def labels(self) -> list[str]:
        """Return what is written there."""
        return list(self.names) or self.scale.labels(self.scale.ticks())


def colours_of(
    surfaces: Sequence[Surface],
    colour: str,
    style: Style,
    *,
    height: Kind = "log",
    reference: Reference | Sequence[Reference] | None = None,
) -> Colours | None:
    """Work out what surfaces are coloured by; None for their losses on the height scale.

    Args:
        surfaces: two-dimensional.
        colour: ``losses``, ``slope`` (length of the gradient), ``curvature`` (Laplacian),
            ``status``, ``difference`` (to the reference), ``kinks`` (density of the reference), or
            the name of a field.
        style: for its colour maps.
        height: of the surfaces; differences are decades on a log scale.
        reference: a surface on the same grid, or a kink map of the same window; one for all
            surfaces or one for each.

    Raises:
        ValueError: for an unknown colour, or a reference that is missing or does not fit.
    """
    if colour == "losses":
        return None
    known = sorted({name for surface in surfaces for name in surface.fields} - {"losses"})
    check_known("colour", colour, ("losses", *WORKED_OUT, *known))
    colours = _worked_out(surfaces, colour, style, height, reference)
    label = colours.scale.quantity.split("  ")[0]
    return replace(colours, sentences=(*colours.sentences, *_missing(surfaces, colours, label)))


def _worked_out(
    surfaces: Sequence[Surface],
    colour: str,
    style: Style,
    height: Kind,
    reference: Reference | Sequence[Reference] | None,
) -> Colours:
    if colour in AGAINST:
        return _against(surfaces, colour, style, height, reference)
    work: dict[str, Callable[[Sequence[Surface], Style], Colours]] = {
        "slope": _slope, "curvature": _curvature, "status": _status,
    }  # fmt: skip
    if colour in work:
        return work[colour](surfaces, style)
    without = [str(s.run or i + 1) for i, s in enumerate(surfaces) if colour not in s.fields]
    if without:
        raise ValueError(f"no field {colour!r} in the surfaces {', '.join(without)}")
    sentence = f"Colour: {_singular(colour)}."
    return _ranged([s.fields[colour] for s in surfaces], _singular(colour), style, (sentence,))


def _singular(field: str) -> str:
    known = {"accuracies": "accuracy", "losses": "loss"}
    return known.get(field, field.replace("_", " "))


def _ranged(
    values: Sequence[Floats], label: str, style: Style, sentences: tuple[str, ...], *,
    wide: bool = False,
) -> Colours:  # fmt: skip
    """Make one sequential range, logarithmic if that is allowed and the range is wide."""
    joined = np.concatenate([v[np.isfinite(v)] for v in values])
    if not len(joined):
        raise ValueError(f"the surfaces have no finite {label} to be coloured by")
    positive, zeros = joined[joined > 0], 0
    kind: Kind = "linear"
    if wide and len(positive) and positive.max() > _WIDE * max(joined.min(), 0.0):
        kind = "log"
        # The lowest hundredth does not stretch the scale.
        least = float(np.quantile(positive, 0.01))
        below, zeros = int(np.sum(positive < least)), len(joined) - len(positive)
        if below:
            sentences += (f"Colours begin at {least:.3g}: {_are(below)} below.",)
        if zeros:
            sentences += (f"Grey: {counted(zeros, 'value')} of 0, which a log scale has not.",)
        joined = np.maximum(positive, least)
    scale = HeightScale.around(heights(joined, kind), kind, label, least=1.0)
    drawn = tuple(scale.of_losses(v) for v in values)
    return Colours(scale, style.colour_map, drawn, (), sentences, zeros)


def _symmetric(
    values: Sequence[Floats], label: str, style: Style, sentences: tuple[str, ...]
) -> Colours:
    """Make one diverging range around 0 that holds all but the largest values."""
    sizes = np.concatenate([np.abs(v[np.isfinite(v)]) for v in values])
    if not len(sizes):
        raise ValueError(f"the surfaces have no finite {label} to be coloured by")
    limit = float(np.quantile(sizes, _HELD)) or float(sizes.max()) or 1.0
    beyond = int(np.sum(sizes > limit))
    if sizes.max() <= 1.2 * limit:
        limit, beyond = float(sizes.max()) or 1.0, 0
    more = (f"Colours end at ±{limit:.3g}: {_are(beyond)} beyond.",) if beyond else ()
    scale = HeightScale("linear", -limit, limit, label)
    return Colours(scale, style.diverging_map, tuple(values), (), (*sentences, *more),
                   diverging=True)  # fmt: skip


def _are(count: int) -> str:
    return f"{counted(count, 'value')} {plural(count, 'is', 'are')}"


def _missing(surfaces: Sequence[Surface], colours: Colours, label: str) -> tuple[str, ...]:
    """Say at how many drawn points there is no value; zeros on a log scale are told of before."""
    count = sum(
        int(np.sum(np.isfinite(_there(surface)) & np.isnan(values)))
        for surface, values in zip(surfaces, colours.values, strict=True)
        if values.shape == surface.grid.shape
    )
    count -= colours.zeros
    how = "Cross-hatched" if colours.diverging else "Grey"
    return (f"{how}: {counted(count, 'point')} without {label}.",) if count > 0 else ()


def _there(surface: Surface) -> Floats:
    """Return the losses, NaN where they were not evaluated."""
    return surface_heights(surface, "linear")


def _slope(surfaces: Sequence[Surface], style: Style) -> Colours:
    exact = all(map(has_gradients, surfaces))
    slopes = []
    for surface in surfaces:
        parts = [surface.fields[name] for name in GRADIENTS] if exact else [
            slopes_of(_there(surface), axis, i) for i, axis in enumerate(surface.grid.axes)
        ]  # fmt: skip
        slope = np.hypot(*parts)
        slopes.append(np.where(np.isfinite(_there(surface)), slope, np.nan))
    how = "the stored gradients" if exact else "differences of the grid"
    sentence = f"Colour: slope, the length of the gradient in the plane, from {how}."
    return _ranged(slopes, "slope  [loss per α, β]", style, (sentence,), wide=True)


def _curvature(surfaces: Sequence[Surface], style: Style) -> Colours:
    curvatures = [laplacian(_there(surface), surface.grid.axes) for surface in surfaces]
    sentence = "Colour: curvature, the Laplacian of the loss in the plane, from second differences."
    return _symmetric(curvatures, "curvature  [loss per α², β²]", style, (sentence,))


def _status(surfaces: Sequence[Surface], _style: Style) -> Colours:
    from matplotlib.colors import ListedColormap

    present = sorted({int(v) for surface in surfaces for v in np.unique(surface.status)})
    place = {status: i for i, status in enumerate(present)}
    values = tuple(np.vectorize(place.get, otypes=[np.float64])(s.status) for s in surfaces)
    counts = [sum(int(np.sum(s.status == code)) for s in surfaces) for code in present]
    names = tuple(Status(code).name.lower() for code in present)
    counted_names = ", ".join(
        f"{count:,} {name}" for count, name in zip(counts, names, strict=True)
    )
    scale = HeightScale("linear", -0.5, len(present) - 0.5, "status")
    colours = ListedColormap([_STATUS_COLOURS[code] for code in present])
    return Colours(
        scale, colours, values, names, (f"Colour: where each value came from: {counted_names}.",)
    )


def _against(
    surfaces: Sequence[Surface],
    colour: str,
    style: Style,
    height: Kind,
    reference: Reference | Sequence[Reference] | None,
) -> Colours:
    wanted = Surface if colour == "difference" else KinkMap
    single = isinstance(reference, Surface | KinkMap)
    every = [reference] * len(surfaces) if single else list(reference or ())  # type: ignore[arg-type]
    if len(every) != len(surfaces) or not all(isinstance(other, wanted) for other in every):
        raise ValueError(
            f"colour {colour!r} needs reference=, one {AGAINST[colour]} or one for each of the "
            f"{len(surfaces)} surfaces"
        )
    if colour == "kinks":
        values = [cell_density(s, m) for s, m in zip(surfaces, every, strict=True)]  # type: ignore[arg-type]
        sentence = (
            "Colour: kink density, size of the jump of the gradient times length of kink curve, "
        )
        return _ranged(values, "kink density  [loss / unit²]", style,
                       (sentence + "per area, constant in each cell.",), wide=True)  # fmt: skip
    values = [difference(s, o, height) for s, o in zip(surfaces, every, strict=True)]  # type: ignore[arg-type]
    names = sorted({str(o.run) for o in every if isinstance(o, Surface) and o.run})
    to = f" to {names[0]}" if len(names) == 1 else " to the reference"
    what = "log10 of the ratio of the losses" if height == "log" else "difference of the losses"
    label = "difference  [decades]" if height == "log" else "difference  [loss]"
    reasons = [reservations(s, o) for s, o in zip(surfaces, every, strict=True)]  # type: ignore[arg-type]
    warnings = dict.fromkeys(text for texts in reasons for text in texts)
    return _symmetric(values, label, style, (f"Colour: {what}{to}.", *warnings))
