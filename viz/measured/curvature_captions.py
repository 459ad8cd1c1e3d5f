"""What a reader must know about a figure of curvature against scale, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.records.results import Analysis

from ..flat.lines import between
from ..geometry.height import number
from .curvature_lines import ENOUGH, Per, ScaleLine, leaves, scale_lines

# Within this share the predicted roughness agrees with the measured.
_AGREE = 0.1
_DIVIDED = {
    "centre": "divided by autograd's curvature at the same place",
    "rms": "of which autograd's curvature is subtracted; the errors e are divided by the root mean "
    "square of autograd's curvature over the places, as it may come close to 0 at single ones: "
    "shown is 1 + e / rms",
}


def curvature_scale_caption(
    analyses: Sequence[Analysis],
    *,
    titles: Sequence[str],
    kinked: Sequence[bool],
    per: Per | None = None,
) -> str:
    """Write the caption of :func:`viz.curvature_scale`.

    Args:
        analyses: as there.
        titles: as there.
        kinked: as there.
        per: as there.

    Raises:
        ValueError: as there.
    """
    lines, chosen = scale_lines(analyses, titles, kinked, per)
    settings = [analysis.settings for analysis in analyses]
    kinds = " and ".join(sorted({str(one.get("segment", "custom")) for one in settings}))
    centres = between(len(a.arrays["centres"]) for a in analyses)
    examples = [int(one["examples"]) for one in settings if one.get("examples")]
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
    bad = [title for title, one in zip(titles, settings, strict=True)
           if one.get("budget_passed") is False]  # fmt: skip
    if bad:
        parts.append(f"The check of the jumps did not pass, do not trust: {', '.join(bad)}.")
    return " ".join(parts)


def _prediction(
    lines: Sequence[ScaleLine], titles: Sequence[str], kinked: Sequence[bool]
) -> list[str]:
    """Say what the dotted lines are, how far they hold, and what a finite sample hides."""
    shown = [(line, title) for line, title, is_so in zip(lines, titles, kinked, strict=True)
             if is_so]  # fmt: skip
    if not shown:
        return []
    return [
        "Dotted: what the jumps at kinks predict. It leaves out that the smooth part of the "
        "curvature changes within a wide stencil, and fails below the exactness with which "
        "crossings are placed. Roughness agrees with it within "
        f"{_AGREE:.0%}: {', '.join(f'{title} {_agreement(line)}' for line, title in shown)}.",
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
