"""Curvature against scale: what differences of the loss see that autograd's curvature does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.results import Analysis

from ..captions.told import remember
from ..flat.lines import (
    arrays_of,
    between,
    blended,
    check_count,
    drawing,
    figure_over_legend,
    grey,
    ground,
    ink,
    line_colours,
    line_style,
)
from ..geometry.numbers import number
from ..style import Style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Per = Literal["centre", "rms"]
_TITLES: dict[Per, str] = {
    "centre": "central difference / autograd's curvature",
    "rms": "1 + (difference − autograd) / rms autograd",
}
_SHAPES = {"scales": "H", "centres": "C", "curvatures": "C", "ratios": "HC", "predicted": "HC",
           "rounding": "H"}  # fmt: skip
# Where a centre's curvature is below this share of their root mean square, its own ratio says
# little: the denominator passes 0.
_LEAST = 0.1
# Fewer stencils with a kink than this do not make a mean; their marks are hollow.
ENOUGH = 10
_PREDICTED = (0, (1.0, 1.1))
# Labels are longer in figures from this width in inches.
_WIDE = 5.0
# Within this share the predicted roughness agrees with the measured.
_AGREE = 0.1
_DIVIDED = {
    "centre": "divided by autograd's curvature at the same place",
    "rms": "of which autograd's curvature is subtracted; the errors e are divided by the root mean "
    "square of autograd's curvature over the places, as it may come close to 0 at single ones: "
    "shown is 1 + e / rms",
}


@dataclass(frozen=True, slots=True)
class ScaleLine:
    """One activation's line: central differences over autograd's curvature, at every scale.

    Attributes:
        scales: half-widths h of the stencil, rising, [H].
        bias: mean over the centres, [H].
        roughness: standard deviation over the centres, [H].
        error: standard error of the mean, [H].
        predicted_bias: what the jumps predict, [H].
        predicted_roughness: what the jumps predict, [H].
        hits: centres whose stencil holds a kink, [H].
        rounding: of one ratio, [H].
        lost: centres without a finite ratio, which take no part.
    """

    scales: Floats
    bias: Floats
    roughness: Floats
    error: Floats
    predicted_bias: Floats
    predicted_roughness: Floats
    hits: Floats
    rounding: Floats
    lost: int = 0

    @classmethod
    def of(cls, analysis: Analysis, per: Per) -> ScaleLine:
        """Summarise an analysis ``curvature_scale`` over its centres.

        ``centre`` divides every difference by autograd's curvature at its own centre, ``rms`` all
        by the root mean square of autograd's curvature over the centres: with e the difference
        minus autograd's curvature, the ratio is 1 + e / curvature or 1 + e / rms.

        Raises:
            ValueError: for an analysis of another kind, arrays that do not fit, or no centre with
                finite ratios.
        """
        arrays = arrays_of(analysis, "curvature_scale", _SHAPES)
        order = np.argsort(arrays["scales"])
        there = np.all(np.isfinite(arrays["ratios"]) & np.isfinite(arrays["predicted"]), axis=0)
        if not there.any():
            raise ValueError(
                "an analysis must have a place with finite ratios, got none: autograd's curvature "
                "is 0 or not finite everywhere on the segment; measure along another one"
            )
        weights, typical = _weights(arrays["curvatures"][there], per)
        measured, predicted = (
            1 + (arrays[name][order][:, there] - 1) * weights for name in ("ratios", "predicted")
        )
        spread = measured.std(axis=1)
        return cls(
            arrays["scales"][order],
            measured.mean(axis=1),
            spread,
            spread / np.sqrt(measured.shape[1]),
            predicted.mean(axis=1),
            predicted.std(axis=1),
            np.count_nonzero(arrays["predicted"][order][:, there] != 1, axis=1).astype(np.float64),
            np.abs(arrays["rounding"][order]) * typical,
            int(np.sum(~there)),
        )


def _weights(curvatures: Floats, per: Per) -> tuple[Floats, float]:
    """Return what turns errors per centre into those wanted, [C], and the same of rounding."""
    if per == "centre":
        return np.ones_like(curvatures), 1.0
    rms = float(np.sqrt(np.mean(curvatures**2)))
    # The record's rounding is a share of the median curvature.
    return curvatures / rms, float(np.median(np.abs(curvatures))) / rms


def normalisation(analyses: Sequence[Analysis]) -> Per:
    """Return ``centre`` if no centre's curvature is close to 0, else ``rms``."""
    for analysis in analyses:
        curvatures = arrays_of(analysis, "curvature_scale", _SHAPES)["curvatures"]
        if np.abs(curvatures).min() < _LEAST * np.sqrt(np.mean(curvatures**2)):
            return "rms"
    return "centre"


def curvature_scale(
    analyses: Sequence[Analysis],
    *,
    titles: Sequence[str],
    kinked: Sequence[bool],
    per: Per | None = None,
    width: float = 5.5,
    style: Style | str | None = None,
) -> Figure:
    """Draw how far central differences of the loss and autograd's curvature are apart, by scale.

    Above the mean of their ratio over the centres (bias, with its standard error as a band), below
    its standard deviation (roughness), against the half-width h of the stencil. Lines with marks
    are measured, solid for activations with kinks, dashed for the others. Dotted on top is what the
    jumps at kinks predict; in the upper panel it may leave the range of what was measured. Marks
    are hollow where fewer than 10 stencils hold a kink. What lies in the grey region is rounding.

    A ratio explodes where the curvature passes 0. By default every difference is divided by the
    curvature of its own centre if that is at least a tenth of their root mean square everywhere,
    else all are divided by that root mean square; axes and caption say which.

    Args:
        analyses: ``curvature_scale`` of each activation, see
            :func:`landscape.kinks.curvature_against_scale`.
        titles: of the lines.
        kinked: whether the activation has kinks, for each line.
        per: ``centre`` or ``rms``, the curvature that is divided by; None chooses.
        width: of the figure in inches.
        style: its fonts, ink and background: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no line, more than 8, lists of other lengths, an analysis of another kind,
            or an unknown ``per``.
    """
    lines, chosen = scale_lines(analyses, titles, kinked, per)
    with drawing(style):
        figure = figure_over_legend(_handles(titles, kinked), width, 0.78 * width)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(1.0, 1.25))
        above.set_xscale("log")
        below.set_yscale("log")
        for k, line in enumerate(lines):
            _draw(above, below, line, line_colours()[k], bool(kinked[k]))
        above.axhline(1, color=grey(0.35), linewidth=0.6, zorder=1)
        above.margins(x=0.02)
        above.set_ylim(*_around(lines))
        _rounding(above, below, lines)
        above.set_ylabel("mean (bias)")
        below.set_ylabel("deviation (roughness)")
        above.set_title(_TITLES[chosen])
        unit = ", multiples of the direction" if width >= _WIDE else ""
        below.set_xlabel(f"half-width $h$ of the stencil{unit}")
    remember(figure, _caption(analyses, lines, chosen, titles, kinked))
    return figure


def scale_lines(
    analyses: Sequence[Analysis],
    titles: Sequence[str],
    kinked: Sequence[bool],
    per: Per | None,
) -> tuple[list[ScaleLine], Per]:
    """Summarise the analyses for one figure, and return how they are normalised.

    Raises:
        ValueError: see :func:`curvature_scale`.
    """
    check_count(len(analyses), "analyses", titles=titles, kinked=kinked)
    if per is not None:
        check_known("per", per, get_args(Per))
    chosen = per or normalisation(analyses)
    return [ScaleLine.of(analysis, chosen) for analysis in analyses], chosen


def _draw(above: Axes, below: Axes, line: ScaleLine, colour: str, kinked: bool) -> None:
    low, high = line.bias - line.error, line.bias + line.error
    above.fill_between(line.scales, low, high, color=colour, alpha=0.16, linewidth=0)
    hollow = (line.hits < ENOUGH) & kinked
    for axes, values in ((above, line.bias), (below, _positive(line.roughness))):
        axes.plot(line.scales, values, color=colour, linewidth=1.2, linestyle=line_style(kinked))
        for some, inside in ((~hollow, colour), (hollow, ground())):
            axes.plot(line.scales[some], values[some], color=colour, linestyle="none", marker="o",
                      markersize=3.2, markerfacecolor=inside, markeredgewidth=0.8)  # fmt: skip
    if kinked:
        for axes, values in (
            (above, line.predicted_bias),
            (below, _positive(line.predicted_roughness)),
        ):
            axes.plot(line.scales, values, color=blended(colour, ink(), 0.6), linewidth=1.4,
                      linestyle=_PREDICTED, zorder=4)  # fmt: skip


def _positive(values: Floats) -> Floats:
    """Return what a log axis can show, NaN elsewhere."""
    return np.where(values > 0, values, np.nan)


def _around(lines: Sequence[ScaleLine]) -> tuple[float, float]:
    """Return the ends of the upper panel: what was measured; a prediction may leave it."""
    low = min(1.0, *(float(np.min(line.bias - line.error)) for line in lines))
    high = max(1.0, *(float(np.max(line.bias + line.error)) for line in lines))
    room = 0.08 * (high - low) or 0.01
    return low - room, high + room


def leaves(line: ScaleLine, lines: Sequence[ScaleLine]) -> bool:
    """Return whether what the jumps predict of a line's mean lies outside the upper panel."""
    low, high = _around(lines)
    return bool(np.any((line.predicted_bias < low) | (line.predicted_bias > high)))


def _rounding(above: Axes, below: Axes, lines: Sequence[ScaleLine]) -> None:
    """Shade where a deviation would be only rounding, of the line with the most of it."""
    scales = np.unique(np.concatenate([line.scales for line in lines]))
    floors = [
        np.exp(np.interp(np.log(scales), np.log(line.scales), np.log(line.rounding)))
        for line in lines
        if np.all(line.rounding > 0)
    ]
    positive = np.concatenate([line.roughness[line.roughness > 0] for line in lines])
    if not len(positive):
        below.set_yscale("linear")
    if not len(positive) or not floors:
        return
    floor = np.max(floors, axis=0)
    above.fill_between(scales, 1 - floor, 1 + floor, color=grey(0.85), linewidth=0, zorder=0)
    # Room for the word in the corner of the grey region.
    bottom = min(0.4 * float(positive.min()), float(floor[0]) / 30)
    below.fill_between(scales, np.minimum(bottom, floor), floor, color=grey(0.85), linewidth=0,
                       zorder=0)  # fmt: skip
    below.set_ylim(bottom=bottom)
    below.annotate("rounding", (scales[0], bottom), (2, 3), textcoords="offset points",
                   fontsize=7, color=grey(0.4))  # fmt: skip


def _handles(titles: Sequence[str], kinked: Sequence[bool]) -> list[Any]:
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=line_colours()[k], linewidth=1.1, linestyle=line_style(kinked[k]),
               marker="o", markersize=3.2, label=title)
        for k, title in enumerate(titles)
    ]  # fmt: skip
    if any(kinked):
        handles.append(Line2D([], [], color=grey(0.15), linewidth=1.4, linestyle=_PREDICTED,
                              label="predicted by the jumps"))  # fmt: skip
    return handles


def _caption(
    analyses: Sequence[Analysis],
    lines: Sequence[ScaleLine],
    chosen: Per,
    titles: Sequence[str],
    kinked: Sequence[bool],
) -> str:
    """Write what a reader must know."""
    settings = [analysis.settings for analysis in analyses]
    kinds = " and ".join(sorted({str(known.get("segment", "custom")) for known in settings}))
    centres = between(len(a.arrays["centres"]) for a in analyses)
    examples = [int(known["examples"]) for known in settings if known.get("examples")]
    over = f" over {between(examples, 'example')}" if examples else ""
    away = [title for title, line, is_so in zip(titles, lines, kinked, strict=True)
            if is_so and leaves(line, lines)]  # fmt: skip
    parts = [
        f"Central differences (L(t + h) − 2 L(t) + L(t − h)) / h² of the mean loss{over} at "
        f"{centres} places of a segment ({kinds}), {_DIVIDED[chosen]}. Above their mean with its "
        "standard error, below their standard deviation over the places. Grey: rounding.",
        *_prediction(lines, titles, kinked),
    ]
    lost = [f"{title} {line.lost}" for title, line in zip(titles, lines, strict=True) if line.lost]
    if lost:
        parts.append("Places left out, as autograd's curvature is 0 or not finite there: "
                     f"{', '.join(lost)}.")  # fmt: skip
    if away:
        parts.append(f"The predicted mean leaves the panel: {', '.join(away)}.")
    bad = [title for title, known in zip(titles, settings, strict=True)
           if known.get("budget_passed") is False]  # fmt: skip
    if bad:
        parts.append(f"The check of the jumps did not pass, do not trust: {', '.join(bad)}.")
    return " ".join(parts)


def _prediction(
    lines: Sequence[ScaleLine], titles: Sequence[str], kinked: Sequence[bool]
) -> list[str]:
    """Say what the dotted lines are, how far they hold, and what a finite sample hides."""
    predicted = [(line, title) for line, title, is_so in zip(lines, titles, kinked, strict=True)
             if is_so]  # fmt: skip
    if not predicted:
        return []
    return [
        "Dotted: what the jumps at kinks predict. It leaves out that the smooth part of the "
        "curvature changes within a wide stencil, and fails below the exactness with which "
        "crossings are placed. Roughness agrees with it within "
        f"{_AGREE:.0%}: {', '.join(f'{title} {_agreement(line)}' for line, title in predicted)}.",
        f"Hollow marks: fewer than {ENOUGH} stencils hold a kink, single kinks decide. Over all "
        "places of the segment kinks give a bias that does not depend on h, and a roughness that "
        "grows like h^(−1/2); that both end at small h says that no place lies so near to a kink.",
    ]


def _agreement(line: ScaleLine) -> str:
    """Name the longest range of scales over which predicted and measured roughness agree."""
    off = np.abs(line.predicted_roughness - line.roughness)
    runs: list[list[float]] = [[]]
    for scale, agrees in zip(line.scales, off <= _AGREE * line.roughness, strict=True):
        if agrees:
            runs[-1].append(float(scale))
        elif runs[-1]:
            runs.append([])
    longest = max(runs, key=len)
    return f"for h from {number(longest[0])} to {number(longest[-1])}" if longest else "nowhere"
