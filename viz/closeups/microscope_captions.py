"""What a reader must know about a picture of the loss microscope, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.records.residuals import Residual

from ..captions.normalising import loss_over, statistics_used
from ..geometry.centre_mark import centre_sentences
from ..geometry.numbers import a_range, listed, number
from ..geometry.relief import Relief
from .closeup import Closeup


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known of the optimizer step that a window of the microscope is wide, for captions.

    Attributes:
        run: name of the run whose median step it is.
        length: of the step in parameter space; None where that is not known.
        batch_size: examples of the minibatches whose noise the close-ups hold; 0 where that is not
            known.
    """

    run: str
    length: float | None = None
    batch_size: int = 0


def microscope_caption(closeups: Sequence[Closeup], step: StepFacts | None) -> str:
    """Write the caption of close-ups of one window each.

    It says how small what is seen is: visible is not large.
    """
    residuals = [closeup.residuals[0] for closeup in closeups]
    names = _names(closeups, "panel")
    parts = [_window(residuals[0], step), _removed(residuals), _shares(residuals, names)]
    noises = [closeup.noise for closeup in closeups]
    known = [i for i, noise in enumerate(noises) if noise is not None]
    if known:
        parts.append(_noise(
            [residuals[i] for i in known], [names[i] for i in known],
            [noise for noise in noises if noise is not None], step.batch_size if step else 0,
        ))  # fmt: skip
    parts += _insets(residuals, names)
    whole = [closeup.full for closeup in closeups if closeup.full]
    parts += centre_sentences(whole, [()] * len(whole), [None] * len(whole))
    return " ".join(parts)


def zooms_caption(closeups: Sequence[Closeup]) -> str:
    """Write the caption of close-ups of several windows."""
    widths = [number(residual.width) for residual in closeups[0].residuals]
    full = "" if closeups[0].full is None else "First column: the loss at full scale. Then t"
    return (
        f"Rows: {', '.join(_names(closeups, 'row'))}. {full or 'T'}he loss minus its "
        f"best-fitting quadratic in windows {listed(widths)} wide, in multiples of the direction. "
        "Every column has the scale of the bar below it."
    )


def _names(closeups: Sequence[Closeup], what: str) -> list[str]:
    """Return titles; of a close-up without one its number."""
    return [closeup.title or f"{what} {i}" for i, closeup in enumerate(closeups, start=1)]


def percent(share: float) -> str:
    """Write a share with two digits.

    >>> percent(0.0612), percent(0.000123)
    ('6.1 %', '0.012 %')
    """
    return f"{number(100 * share)} %"


def _window(residual: Residual, step: StepFacts | None) -> str:
    across = " x ".join(map(str, residual.grid.shape))
    text = f"Window {number(residual.width)} of the direction wide, {across} points"
    if step is not None:
        text += f": one optimizer step (median of run {step.run}"
        text += f", length {number(step.length)})" if step.length else ")"
    dtype = residual.settings.get("dtype", "float64")
    text += f". Mean {loss_over(residual.settings)}, {dtype}."
    return " ".join(filter(None, [text, statistics_used(residual.settings)]))


def _removed(residuals: Sequence[Residual]) -> str:
    limit = number(Relief.of(residuals).limit)
    return (
        "Shown is the loss minus its best-fitting quadratic (least squares over the window, each "
        f"panel its own), on one scale from −{limit} to {limit}."
    )


def _shares(residuals: Sequence[Residual], titles: Sequence[str]) -> str:
    each = [
        f"{title} {percent(r.share)} ({number(np.ptp(_finite(r)))} of "
        f"{number(r.loss_range)})" if r.resolved else f"{title} rounding only"
        for r, title in zip(residuals, titles, strict=True)
    ]  # fmt: skip
    return (
        "The whole range of the residual as a share of the range of the loss in the window: "
        f"{', '.join(each)}. What is visible here is not large."
    )


def _noise(
    residuals: Sequence[Residual], titles: Sequence[str], noise: Sequence[float], batch_size: int
) -> str:
    each = [f"{title} {number(n)}" for n, title in zip(noise, titles, strict=True)]
    sized = f" of {batch_size}" if batch_size else ""
    times = [n / np.ptp(_finite(r)) for n, r in zip(noise, residuals, strict=True) if r.resolved]
    compared = ""
    if times:
        ends = a_range([number(min(times)), number(max(times))])
        compared = f"; that is {ends} times the whole range of the residual"
    return (
        f"For comparison: drawing another minibatch{sized} changes what such a step does to the "
        f"loss by a standard deviation of {', '.join(each)}{compared}."
    )


def _insets(residuals: Sequence[Residual], titles: Sequence[str]) -> list[str]:
    relief = Relief.of(residuals)
    factors = [(t, relief.factor(r)) for r, t in zip(residuals, titles, strict=True)]
    each = [f"{title} x {factor:,}" for title, factor in factors if factor > 1]
    return [f"Insets show flat panels magnified: {', '.join(each)}."] if each else []


def _finite(residual: Residual) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return residual.values[np.isfinite(residual.values)]
