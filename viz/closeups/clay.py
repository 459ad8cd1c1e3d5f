"""Kinked beside smooth at a glance: close-ups as blocks of clay, under the microscope and zoomed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.arrays import Floats
from landscape.records.choices import check_known
from landscape.records.close_up import REMOVED, CloseUp, Removed
from landscape.records.kink_cut_surface import KinkCutSurface
from landscape.records.plurals import counted

from ..captions.told import remember
from ..flat.lines import drawing, grey
from ..geometry.height import heights, number
from ..look import USUAL, Look
from ..style import Style
from .blocks import RISE, Block, mark
from .clay_page import Page

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Kinked activations are warm, smooth ones cool; ReLU and GELU differ for every colour-blind eye.
BASES: Mapping[str, str] = MappingProxyType(
    {
        "relu": "#b84a00", "leaky_relu": "#c98a1b", "prelu": "#8f3b1b", "elu": "#00796b",
        "gelu": "#1f6fa8", "silu": "#5a4fa2", "tanh": "#3f7d3a", "sigmoid": "#5f6f80",
        "smelu": "#0f8f9c",
    }
)  # fmt: skip
_OTHER = "#7a6a58"
_TITLE, _WORDS = 1.75, 0.95


def base_of(closeup: CloseUp) -> str:
    """Return the colour of a network's walls and name, the same in every picture."""
    return BASES.get(closeup.activation.partition("(")[0], _OTHER)


def microscope(
    closeups: Sequence[CloseUp],
    *,
    removing: Removed | Sequence[Removed] = "quadratic",
    look: Look = USUAL,
    width: float = 6.75,
    dpi: int = 600,
    title: str = "",
    caption: bool = False,
) -> Figure:
    """Draw close-ups of one window beside one another as blocks of clay, on one height scale.

    Args:
        closeups: one for each panel, such as ReLU and GELU in the window of one step.
        removing: ``nothing``; ``tilt``, the best-fitting plane; or ``quadratic``. Of several each
            has a row.
        look: its style gives letters and background.
        width: of the figure in inches.
        dpi: pixels per inch of what is rendered.
        title: above the figure.
        caption: whether the caption is drawn below; :func:`viz.caption_of` returns it.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, which keeps ``dpi``.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no close-up, close-ups of windows of other widths, or another name in
            ``removing``.
    """
    _check(closeups)
    steps = [removing] if isinstance(removing, str) else list(removing)
    for step in steps:
        check_known("what is removed", step, REMOVED)
    widths = {float(f"{closeup.width:.9g}") for closeup in closeups}
    if len(widths) > 1:
        raise ValueError(f"the windows must be equally wide to share a scale, got {sorted(widths)}")
    columns = [_on_one_scale([closeup.without(step) for closeup in closeups]) for step in steps]
    words = microscope_caption(closeups, steps)
    style = Style.of(look.style)
    with drawing(style):
        if len(steps) == 1:
            page = Page(style, [columns[0]], width=width, dpi=dpi, title=title, named=True,
                        caption=_honest(closeups, steps[0]) if caption else "")  # fmt: skip
            for column, (closeup, block) in enumerate(zip(closeups, columns[0], strict=True)):
                page.panel(0, column, block, base_of(closeup))
                page.name(column, closeup.title, base_of(closeup))
                page.below_name(column, _panel_words(closeup, steps[0]))
                page.arrow(column, _width_words(closeup))
        else:
            rows = [list(row) for row in zip(*columns, strict=True)]
            page = Page(style, rows, width=width, dpi=dpi, title=title,
                        caption=_honest(closeups, steps[-1]) if caption else "")  # fmt: skip
            for row, (closeup, blocks) in enumerate(zip(closeups, rows, strict=True)):
                page.beside(row, closeup.title, base_of(closeup))
                for column, (step, block) in enumerate(zip(steps, blocks, strict=True)):
                    page.panel(row, column, block, base_of(closeup))
                    page.head(column, _HEADS[step])
        page.end()
    remember(page.figure, words)
    return page.figure


_HEADS: Mapping[Removed, str] = MappingProxyType(
    {"nothing": "the loss", "tilt": "without its tilt", "quadratic": "without its quadratic"}
)


def zoom(
    series: Sequence[Sequence[CloseUp]],
    *,
    look: Look = USUAL,
    width: float = 6.75,
    dpi: int = 600,
    title: str = "",
    caption: bool = False,
) -> Figure:
    """Draw the way from whole surfaces down to one optimizer step, a network in each row.

    The widest window has log heights, where its losses are positive. The others are drawn without
    their tilt. Every panel is drawn to the same height. A red square marks the next window.

    Args:
        series: for each network its close-ups, widest first.
        look: as for :func:`microscope`.
        width: likewise.
        dpi: likewise.
        title: likewise.
        caption: likewise.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no network, or series of other lengths or widths.
    """
    series = [list(row) for row in series]
    _check([closeup for row in series for closeup in row])
    widths = [[float(f"{closeup.width:.6g}") for closeup in row] for row in series]
    if any(row != widths[0] for row in widths) or sorted(widths[0], reverse=True) != widths[0]:
        raise ValueError(f"every network needs the same windows, widest first, got {widths}")
    blocks = [[whole_block(row[0]), *(_alone(closeup.without("tilt")) for closeup in row[1:])]
              for row in series]  # fmt: skip
    words = zoom_caption(series)
    style = Style.of(look.style)
    with drawing(style):
        page = Page(style, blocks, width=width, dpi=dpi, title=title,
                    caption=_ZOOMED if caption else "")  # fmt: skip
        for row, closeups in enumerate(series):
            colour = base_of(closeups[0])
            page.beside(row, closeups[0].title, colour)
            for column, closeup in enumerate(closeups):
                block = blocks[row][column]
                inner = (
                    widths[0][column + 1] / widths[0][column] if column + 1 < len(closeups) else 0
                )
                page.panel(row, column, block, colour, [mark(block, inner)] if inner else ())
                if not row:
                    page.head(column, magnified(closeup, first=not column))
        page.end()
    remember(page.figure, words)
    return page.figure


def whole_block(closeup: CloseUp) -> Block:
    """Return the block of a whole surface: log heights, or linear ones for losses <= 0."""
    surface = closeup.surface
    if surface.losses.min() <= 0:
        return _alone(surface)
    height = heights(surface.losses, "log")
    slopes = surface.gradients / (np.log(10.0) * surface.losses[:, None])
    return _alone(_replaced(surface, height, slopes))


def _replaced(surface: KinkCutSurface, losses: Floats, gradients: Floats) -> KinkCutSurface:
    from dataclasses import replace

    return replace(surface, losses=losses, gradients=gradients)


def _alone(surface: KinkCutSurface) -> Block:
    return Block.of(surface, rise=RISE / (float(np.ptp(surface.losses)) or 1.0))


def _on_one_scale(surfaces: Sequence[KinkCutSurface]) -> list[Block]:
    """Return blocks on one scale, each standing on its own lowest place."""
    rise = RISE / (max(float(np.ptp(surface.losses)) for surface in surfaces) or 1.0)
    return [Block.of(surface, rise=rise) for surface in surfaces]


def magnified(closeup: CloseUp, *, first: bool = False) -> str:
    """Return how close a window is: ``whole surface``, ``10 x closer``, ``2,600 x: one step``."""
    if first:
        return "whole surface"
    times = float(f"{closeup.magnification:.2g}")
    text = f"{times:,.0f} ×" if times >= 10 else f"{times:g} ×"
    one_step = closeup.in_steps and abs(closeup.in_steps - 1) < 0.05
    return f"{text}: one step" if one_step else f"{text} closer"


def _panel_words(closeup: CloseUp, removed: Removed) -> str:
    cut = closeup.surface.curves + closeup.surface.uncut
    creases = counted(cut, "crease") if cut else "no crease"
    if removed == "nothing":
        return creases
    return f"{creases}; {_share(closeup, removed)} of the loss range here"


def _share(closeup: CloseUp, removed: Removed) -> str:
    """Return the range of what is left as a share of the range of the losses in the window."""
    left = float(np.ptp(closeup.without(removed).losses))
    share = 100 * left / (float(np.ptp(closeup.surface.losses)) or 1.0)
    # A power of ten is not read at a glance.
    return f"{number(share) if share >= 0.01 else np.format_float_positional(share, 1, fractional=False, trim='-')} %"


_ZOOMED = (
    "Heights are scaled anew in every panel; from the second on the tilt is removed. Red: the next "
    "window. One random plane of each network."
)


def _honest(closeups: Sequence[CloseUp], removed: Removed) -> str:
    """Return the sentences that stand in the picture: how small what is seen is."""
    shares = ", ".join(f"{_share(closeup, removed)} for {closeup.title}" for closeup in closeups)
    left = {
        "nothing": "The loss itself",
        "tilt": f"The loss without its tilt, {shares} of its range in this window",
        "quadratic": "Not hills of the loss: what its best-fitting quadratic misses, "
                     f"{shares} of its range in this window",
    }[removed]  # fmt: skip
    return f"{left}. One height scale, one random plane of each network; the arrow is a length."


def _width_words(closeup: CloseUp) -> str:
    steps = closeup.in_steps
    if not steps:
        return f"{number(closeup.width)} of the direction"
    return "one step" if abs(steps - 1) < 0.05 else f"{number(steps)} steps"


def _check(closeups: Sequence[CloseUp]) -> None:
    if not closeups:
        raise ValueError("a picture of close-ups needs at least one, got none")
    for closeup in closeups:
        if not np.isfinite(closeup.surface.losses).all():
            raise ValueError(f"the window of {closeup.title} has losses that are not finite")


def microscope_caption(closeups: Sequence[CloseUp], removing: Sequence[Removed]) -> str:
    """Write the caption of :func:`microscope`."""
    first = closeups[0]
    parts = [_subject(first), _window(first)]
    names = {"nothing": "the loss itself", "tilt": "the loss minus its best-fitting plane",
             "quadratic": "the loss minus its best-fitting quadratic"}  # fmt: skip
    shown = "; then ".join(names[step] for step in removing)
    parts.append(f"Shown: {shown}; each row has one height scale.")
    if "quadratic" in removing:
        parts.append("These are not hills of the loss: they are what remains of it after tilt and "
                     "quadratic are removed.")  # fmt: skip
    for step in removing:
        if step == "nothing":
            continue
        shares = ", ".join(
            f"{c.title} {number(float(np.ptp(c.without(step).losses)))} of "
            f"{number(float(np.ptp(c.surface.losses)))}" for c in closeups
        )  # fmt: skip
        parts.append(f"Range without {step} and of the loss in the window: {shares}.")
    falls = [f"{c.title} {number(c.descent)}" for c in closeups if c.descent]
    if falls:
        parts.append(f"The median step lowers the loss by {', '.join(falls)}.")
    return " ".join([*parts, *_cut_words(closeups), *_networks(closeups)])


def zoom_caption(series: Sequence[Sequence[CloseUp]]) -> str:
    """Write the caption of :func:`zoom`."""
    first = series[0]
    scale = "log" if all(row[0].surface.losses.min() > 0 for row in series) else "linear"
    widths = ", ".join(number(closeup.width) for closeup in first)
    parts = [
        _subject(first[0]),
        f"Windows {widths} wide, in multiples of the direction. The first is drawn with {scale} "
        "heights, the others without their tilt, the best-fitting plane. Heights are scaled anew "
        "in every panel. Red: the next window, drawn no smaller than 5 % of the side.",
    ]
    last = [row[-1] for row in series]
    return " ".join([*parts, *_cut_words(last), *_networks(last)])


def _subject(closeup: CloseUp) -> str:
    settings = closeup.surface.settings
    loss = str(settings.get("loss", "loss")).replace("_", " ")
    return (f"Mean {loss} over {counted(closeup.surface.examples, 'example')} in a plane of two "
            "random directions.")  # fmt: skip


def _window(closeup: CloseUp) -> str:
    text = f"The window is {number(closeup.width)} of the direction wide"
    if closeup.in_steps:
        text += (f", {_width_words(closeup)}: the arrow is the length of the median optimizer step, "
                 "not its path")  # fmt: skip
    return f"{text}."


def _cut_words(closeups: Sequence[CloseUp]) -> list[str]:
    cut = [f"{c.title} along {counted(c.surface.curves, 'kink curve')}" for c in closeups
           if c.surface.curves]  # fmt: skip
    text = [f"Cut {', '.join(cut)}; lit by the exact gradient on each side."] if cut else []
    partial = [f"{c.title} {number(100 * c.surface.cut_share)} %" for c in closeups
               if c.surface.uncut]  # fmt: skip
    if partial:
        text.append("Share of the jumps of the gradient that the cuts hold: "
                    f"{', '.join(partial)}; the others are only shaded.")  # fmt: skip
    return text


def _networks(closeups: Sequence[CloseUp]) -> list[str]:
    runs = {closeup.run for closeup in closeups}
    if len(runs) < 2:
        return []
    return [f"{len(runs)} differently trained networks, one plane of each."]
