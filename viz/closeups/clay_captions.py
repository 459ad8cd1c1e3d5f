"""What a reader must know about pictures of close-ups: how small what is seen is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from landscape.records.arrays import Json
from landscape.records.close_up import CloseUp, Removed
from landscape.records.plurals import counted

from ..captions.normalising import statistics_used
from ..geometry.numbers import number

HEADS: Mapping[Removed, str] = MappingProxyType(
    {"nothing": "the loss", "tilt": "without its tilt", "quadratic": "without its quadratic"}
)
_SHOWN: Mapping[Removed, str] = MappingProxyType(
    {
        "nothing": "the loss itself", "tilt": "the loss minus its best-fitting plane",
        "quadratic": "the loss minus its best-fitting quadratic",
    }
)  # fmt: skip
ZOOMED = (
    "At full scale the heights are logarithmic; in the closer windows the tilt is removed. Heights "
    "are scaled anew in every panel. Red: the next window. One random plane of each network."
)
# Of shares in percent: smaller ones are not told apart at a glance.
_LEAST_SHARE = 1e-4


def below_name(closeup: CloseUp, removed: Removed) -> str:
    """Return what stands below the name of a panel: its creases and how small they are."""
    surface = closeup.surface
    curves = surface.curves + surface.uncut
    creases = counted(curves, "crease") if curves else "no crease"
    if not surface.cut_share and not curves:
        creases = "uncounted creases"
    if closeup.weights_of:
        creases = f"{closeup.weights_of}'s weights; {creases}"
    if removed == "nothing":
        return creases
    return f"{creases}; {_share(closeup, removed)} of the loss range here"


def width_words(closeup: CloseUp) -> str:
    """Return how wide a window is, in optimizer steps if the step is known."""
    steps = closeup.in_steps
    if not steps:
        return f"{number(closeup.width)} of the direction"
    return "one step" if closeup.is_one_step else f"{number(steps)} steps"


def times(closeup: CloseUp) -> str:
    """Return how close a window is: ``13 × closer``, ``2,600 ×: one step``."""
    factor = float(f"{closeup.magnification:.2g}")
    text = f"{factor:,.0f} ×" if factor >= 10 else f"{factor:g} ×"
    return f"{text}: one step" if closeup.is_one_step else f"{text} closer"


def microscope_sentence(closeups: Sequence[CloseUp], removed: Removed) -> str:
    """Return the sentences that stand in the picture."""
    shares = ", ".join(f"{_share(closeup, removed)} for {closeup.title}" for closeup in closeups)
    left = {
        "nothing": "The loss itself",
        "tilt": f"The loss without its tilt: {shares} of its range in this window",
        "quadratic": "Not hills of the loss, but what its best-fitting quadratic misses: "
                     f"{shares} of its range in this window",
    }[removed]  # fmt: skip
    if len(closeups[0].path):
        return f"{left}. One height scale. Red: two steps of each network, in their plane."
    return (
        f"{left}. One height scale, one random plane of each network. The arrow is the length of a "
        "step, not its path."
    )


def microscope_caption(closeups: Sequence[CloseUp], removing: Sequence[Removed]) -> str:
    """Return the caption of :func:`viz.microscope`."""
    first = closeups[0]
    shown = "; then ".join(_SHOWN[step] for step in removing)
    scale = "on one height scale" if len(removing) == 1 else "each column on one height scale"
    parts = [_subject(first), _window(first), f"Shown is {shown}, {scale}."]
    if "quadratic" in removing:
        parts.append("What is left then is not a hill of the loss: it is what tilt and quadratic "
                     "do not explain.")  # fmt: skip
    parts += [_ranges(closeups, step) for step in removing if step != "nothing"]
    falls = [f"{c.title} {number(c.descent)}" for c in closeups if c.descent]
    if falls:
        parts.append(f"The median optimizer step lowers the loss by {', '.join(falls)}.")
    noises = [f"{c.title} {number(c.noise)}" for c in closeups if c.noise]
    if noises:
        parts.append(f"Another minibatch of {first.batch_size} changes the loss of such a step by "
                     f"a standard deviation of {', '.join(noises)}.")  # fmt: skip
    return " ".join([*parts, *_cut(closeups), *_networks(closeups), *statistics(closeups)])


def zoom_caption(series: Sequence[Sequence[CloseUp]]) -> str:
    """Return the caption of :func:`viz.zoom`."""
    first = series[0]
    positive = all(row[0].surface.losses.min() > 0 for row in series)
    widths = ", ".join(number(closeup.width) for closeup in first)
    last = [row[-1] for row in series]
    parts = [
        _subject(first[0]),
        f"Windows {widths} wide, in multiples of the direction. The first has "
        f"{'logarithmic' if positive else 'linear'} heights. The others are drawn without their "
        "tilt, the best-fitting plane. Heights are scaled anew in every panel. Red: the next "
        "window, drawn no smaller than 5 % of the side.",
        *_cut(last), *_coarse([closeup for row in series for closeup in row[:-1]]),
    ]  # fmt: skip
    return " ".join([*parts, *_networks(last), *statistics(last)])


def _share(closeup: CloseUp, removed: Removed) -> str:
    """Return the range of what is left as a share of the range of the losses in the window."""
    left = float(np.ptp(closeup.without(removed).losses))
    share = 100 * left / (float(np.ptp(closeup.surface.losses)) or 1.0)
    if share >= 0.01:
        return f"{number(share)} %"
    if share < _LEAST_SHARE:
        return f"under {_LEAST_SHARE:.4f} %"
    # A power of ten is not read at a glance.
    return f"{np.format_float_positional(share, 1, fractional=False, trim='-')} %"


def _subject(closeup: CloseUp) -> str:
    settings = closeup.surface.settings
    loss = str(settings.get("loss", "loss")).replace("_", " ")
    plane = "the plane of two consecutive steps" if len(closeup.path) else "a random plane"
    return f"Mean {loss} over {counted(closeup.surface.examples, 'example')} in {plane}."


def _window(closeup: CloseUp) -> str:
    if len(closeup.path):
        return (f"The window is {width_words(closeup)} wide; red: the earlier step and the one "
                "after it, laid on the surface, with a dot where each began or ended.")  # fmt: skip
    text = f"The window is {number(closeup.width)} of the direction wide"
    if closeup.in_steps:
        text += (f", {width_words(closeup)}; the arrow is the length of the median optimizer "
                 "step, not its path")  # fmt: skip
    return f"{text}."


def _ranges(closeups: Sequence[CloseUp], removed: Removed) -> str:
    ranges = ", ".join(
        f"{c.title} {number(float(np.ptp(c.without(removed).losses)))} of "
        f"{number(float(np.ptp(c.surface.losses)))}" for c in closeups
    )  # fmt: skip
    return f"Its range without the {removed}, of that of the loss in the window: {ranges}."


def _cut(closeups: Sequence[CloseUp]) -> list[str]:
    cut = [
        f"{c.title} along {counted(c.surface.curves, 'kink curve')} of "
        f"{c.surface.curves + c.surface.uncut:,}, which hold {_held(c)} % of the jumps"
        for c in closeups if c.surface.curves
    ]  # fmt: skip
    return [f"Cut {'; '.join(cut)}; lit by the exact gradient on each side."] if cut else []


def _held(closeup: CloseUp) -> str:
    """Return the share of the jumps that is cut in percent; 100 only if it is all of them."""
    share = number(100 * closeup.surface.cut_share)
    return "over 99.9" if closeup.surface.uncut and float(share) == 100 else share


def _coarse(closeups: Sequence[CloseUp]) -> list[str]:
    coarse = sorted({number(c.width) for c in closeups if c.surface.cut_share == 0}, key=float)
    if not coarse:
        return []
    return [f"In windows {' and '.join(coarse)} wide kinks are too many to be cut: there only the "
            "exact gradients at the corners of the mesh show them."]  # fmt: skip


def _networks(closeups: Sequence[CloseUp]) -> list[str]:
    swapped = [f"{c.title}: the weights and the plane of {c.weights_of}, another activation."
               for c in closeups if c.weights_of]  # fmt: skip
    count = len({closeup.run for closeup in closeups})
    apart = [f"{count} differently trained networks, one plane of each."] if count > 1 else []
    return apart + swapped


def statistics(closeups: Sequence[CloseUp]) -> list[str]:
    """Say which statistics normalise, if any do."""
    return list(filter(None, [statistics_used(_settings(closeups))]))


def _settings(closeups: Sequence[CloseUp]) -> Json:
    """Return the settings of the first close-up whose network has normalising layers."""
    every = [closeup.surface.settings for closeup in closeups]
    return next((settings for settings in every if settings.get("normalising_layers")), every[0])
