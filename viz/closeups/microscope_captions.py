"""What a reader must know about a picture of the loss microscope, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from landscape.records.plurals import counted
from landscape.records.residuals import Residual
from landscape.records.surface import Surface

from ..captions.normalising import statistics_used
from ..geometry.centre_mark import centre_sentences
from ..geometry.height import number
from ..geometry.relief import Relief
from .microscopy import percent


def microscope_caption(
    residuals: Sequence[Residual],
    *,
    titles: Sequence[str],
    run: str = "",
    step_length: float | None = None,
    noise: Sequence[float] | None = None,
    batch_size: int = 0,
    full: Sequence[Surface] = (),
) -> str:
    """Write the caption of :func:`viz.microscope` or :func:`viz.microscope_3d`.

    It says how small what is seen is: visible is not large.

    Args:
        residuals: what is shown.
        titles: of the panels.
        run: name of the run whose median step is the width of the window; "" if it is not.
        step_length: that step in parameter space.
        noise: for each panel what the choice of a minibatch adds to one step, in units of the loss;
            see :func:`landscape.minibatch_noise`.
        batch_size: examples of such a minibatch.
        full: the surfaces at full scale, whose centres are marked.

    Raises:
        ValueError: for no residual, or lists of other lengths.
    """
    count = len(residuals)
    if not count:
        raise ValueError("a caption needs at least one residual, got none")
    for name, values in (("titles", titles), ("noise", noise)):
        if values is not None and len(values) != count:
            raise ValueError(f"{name} must be as many as residuals, {count}, got {len(values)}")
    parts = [
        _window(residuals[0], run, step_length),
        _removed(residuals),
        _shares(residuals, titles),
    ]
    if noise is not None:
        parts.append(_noise(residuals, titles, noise, batch_size))
    parts += _insets(residuals, titles)
    parts += centre_sentences(full, [()] * len(full), [None] * len(full))
    return " ".join(parts)


def _window(residual: Residual, run: str, step_length: float | None) -> str:
    across = " x ".join(map(str, residual.grid.shape))
    text = f"Window {number(residual.width)} of the direction wide, {across} points"
    if run:
        text += f": one optimizer step (median of run {run}"
        text += f", length {number(step_length)})" if step_length else ")"
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
