"""What a reader must know about a picture of the loss microscope, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from landscape.records.plurals import counted
from landscape.records.residuals import Residual
from landscape.records.surface import Surface

from ..captions.normalising import statistics_used
from ..geometry.centre_mark import centre_sentences
from ..geometry.height import number
from ..geometry.relief import Relief


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What is known of the optimizer step that a window of the microscope is wide, for captions.

    Attributes:
        run: name of the run whose median step it is.
        length: of the step in parameter space; None where that is not known.
        noise: for each panel what the choice of a minibatch adds to one step, in units of the loss;
            see :func:`landscape.minibatch_noise`.
        batch_size: examples of such a minibatch; 0 where that is not known.
    """

    run: str
    length: float | None = None
    noise: Sequence[float] | None = None
    batch_size: int = 0


def microscope_caption(
    residuals: Sequence[Residual],
    titles: Sequence[str] | None,
    step: StepFacts | None,
    full: Sequence[Surface] | None,
) -> str:
    """Write the caption of :func:`viz.microscope` or :func:`viz.microscope_3d`.

    It says how small what is seen is: visible is not large.

    Raises:
        ValueError: for noise of another number of panels.
    """
    count = len(residuals)
    names = titles or [f"panel {i + 1}" for i in range(count)]
    parts = [_window(residuals[0], step), _removed(residuals), _shares(residuals, names)]
    if step is not None and step.noise is not None:
        if len(step.noise) != count:
            raise ValueError(f"noise must be as many as residuals, {count}, got {len(step.noise)}")
        parts.append(_noise(residuals, names, step.noise, step.batch_size))
    parts += _insets(residuals, names)
    whole = list(full or ())
    parts += centre_sentences(whole, [()] * len(whole), [None] * len(whole))
    return " ".join(parts)


def zooms_caption(residuals: Sequence[Sequence[Residual]], titles: Sequence[str]) -> str:
    """Write the caption of :func:`viz.zooms`."""
    widths = [f"{number(one.width)}" for one in residuals[0]]
    said = f"one {widths[0]} wide" if len(widths) == 1 else (
        f"windows {', '.join(widths[:-1])} and {widths[-1]} wide"
    )  # fmt: skip
    return (
        f"Rows: {', '.join(titles)}. First column: the loss at full scale. Then the loss minus its "
        f"best-fitting quadratic in {said}, in multiples of the direction. Every column has the "
        "scale of the bar below it."
    )


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
    examples = residual.settings.get("examples")
    loss = str(residual.settings.get("loss", "loss")).replace("_", " ")
    over = f"{loss} over {counted(examples, 'example')}" if examples else loss
    words = [f"{text}. Mean {over}, {residual.settings.get('dtype', 'float64')}.",
             statistics_used(residual.settings)]  # fmt: skip
    return " ".join(filter(None, words))


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
        low, high = number(min(times)), number(max(times))
        ends = low if low == high else f"{low} to {high}"
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
