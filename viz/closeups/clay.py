"""Kinked beside smooth at a glance: close-ups as blocks of clay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from landscape.records.choices import check_known
from landscape.records.close_up import REMOVED, CloseUp, Removed
from landscape.records.kink_cut_surface import KinkCutSurface

from ..captions.told import remember
from ..flat.lines import drawing
from ..look import USUAL, Look
from ..style import Style
from .blocks import Block, mark, walk
from .clay_captions import (
    HEADS,
    ZOOMED,
    below_name,
    microscope_caption,
    microscope_sentence,
    times,
    width_words,
    zoom_caption,
)
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


def base_of(closeup: CloseUp) -> str:
    """Return the colour of a network's walls and name, the same in every picture."""
    return base_named(closeup.activation) or _OTHER


def base_named(activation: str) -> str:
    """Return the colour of an activation, or "" for one without a colour of its own."""
    stem = activation.rstrip("0123456789.").rstrip("_")
    return BASES.get(activation, BASES.get(stem, ""))


def microscope(
    closeups: Sequence[CloseUp],
    look: Look = USUAL,
    *,
    removing: Removed | Sequence[Removed] = "quadratic",
    width: float = 6.75,
    dpi: int = 600,
    title: str = "",
    caption: bool = False,
) -> Figure:
    """Draw close-ups of one window beside one another, on one height scale.

    Args:
        closeups: one for each network, such as ReLU and GELU in the window of one step.
        look: its style gives letters, ink and background.
        removing: ``nothing``; ``tilt``, the best-fitting plane; or ``quadratic``. With several each
            has a column, and each network a row.
        width: of the figure in inches.
        dpi: pixels per inch of what is rendered.
        title: above the figure.
        caption: whether two sentences of the caption are drawn below; :func:`viz.caption_of`
            returns all of it.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, which keeps ``dpi``.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no close-up, windows of other widths, losses that are not finite, or another
            name in ``removing``.
    """
    rows = check_series([[closeup] for closeup in closeups])
    steps: list[Removed] = [removing] if isinstance(removing, str) else list(removing)
    for step in steps:
        check_known("what is removed", step, REMOVED)
    columns = [_on_one_scale([closeup.without(step) for [closeup] in rows]) for step in steps]
    words = microscope_sentence(closeups, steps[-1]) if caption else ""
    style = Style.of(look.style)
    with drawing(style):
        if len(steps) == 1:
            page = Page(style, columns, width=width, dpi=dpi, title=title, caption=words,
                        named=True)  # fmt: skip
            for column, closeup in enumerate(closeups):
                block = columns[0][column]
                page.panel(0, column, block, base_of(closeup), walk(block, closeup))
                page.name(column, closeup.title, base_of(closeup))
                page.below_name(column, below_name(closeup, steps[0]))
                if not len(closeup.path):
                    page.arrow(column, width_words(closeup))
        else:
            blocks = [list(row) for row in zip(*columns, strict=True)]
            page = Page(style, blocks, width=width, dpi=dpi, title=title, caption=words)
            for row, closeup in enumerate(closeups):
                page.beside(row, closeup.title, base_of(closeup))
                for column, block in enumerate(blocks[row]):
                    page.panel(row, column, block, base_of(closeup), walk(block, closeup))
            for column, step in enumerate(steps):
                page.head(column, HEADS[step])
        page.end()
    remember(page.figure, microscope_caption(closeups, steps))
    return page.figure


def zoom(
    series: Sequence[Sequence[CloseUp]],
    look: Look = USUAL,
    *,
    width: float = 6.75,
    dpi: int = 600,
    title: str = "",
    caption: bool = False,
) -> Figure:
    """Draw the way from whole surfaces down to one optimizer step, a network in each row.

    The widest window has log heights, if its losses are positive. The others are drawn without
    their tilt. Every panel is drawn to the same height. A red square marks the next window.

    Args:
        series: for each network its close-ups, widest first, see :func:`landscape.close_ups`.
        look: as for :func:`microscope`; so are the other arguments.
        width: of the figure in inches.
        dpi: pixels per inch of what is rendered.
        title: above the figure.
        caption: whether sentences of the caption are drawn below.

    Returns:
        A ``matplotlib.figure.Figure``.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no network, other windows for some, or losses that are not finite.
    """
    rows = check_series(series)
    blocks = [
        [Block.of(log_heights(row[0].surface)), *(Block.of(c.without("tilt")) for c in row[1:])]
        for row in rows
    ]
    style = Style.of(look.style)
    with drawing(style):
        page = Page(style, blocks, width=width, dpi=dpi, title=title,
                    caption=ZOOMED if caption else "")  # fmt: skip
        for row, closeups in enumerate(rows):
            page.beside(row, closeups[0].title, base_of(closeups[0]))
            for column, (closeup, block) in enumerate(zip(closeups, blocks[row], strict=True)):
                inner = [c.width / closeup.width for c in closeups[column + 1 : column + 2]]
                page.panel(row, column, block, base_of(closeup), [mark(block, s) for s in inner])
        for column, closeup in enumerate(rows[0]):
            page.head(column, times(closeup) if column else "whole surface")
        page.end()
    remember(page.figure, zoom_caption(rows))
    return page.figure


def check_series(series: Sequence[Sequence[CloseUp]]) -> list[list[CloseUp]]:
    """Return the close-ups of networks, all of the same windows, widest first.

    Raises:
        ValueError: for none, other numbers of windows, other widths, or losses that are not finite.
    """
    rows = [list(closeups) for closeups in series]
    if not rows or not all(rows):
        raise ValueError("a picture of close-ups needs at least one, got none")
    widths = [[float(f"{closeup.width:.6g}") for closeup in row] for row in rows]
    if any(row != widths[0] for row in widths) or sorted(set(widths[0]), reverse=True) != widths[0]:
        raise ValueError(f"every network needs the same windows, widest first, got {widths}")
    for closeup in (closeup for row in rows for closeup in row):
        if not np.isfinite(closeup.surface.losses).all():
            raise ValueError(
                f"the window of {closeup.title or 'a network'}, {closeup.width:.3g} wide, has "
                "losses that are not finite; take a smaller one"
            )
    return rows


def log_heights(surface: KinkCutSurface) -> KinkCutSurface:
    """Return log10 of the losses and its slopes; the surface as it is if a loss is not positive."""
    if surface.losses.min() <= 0:
        return surface
    slopes = surface.gradients / (np.log(10.0) * surface.losses[:, None])
    return replace(surface, losses=np.log10(surface.losses), gradients=slopes)


def _on_one_scale(surfaces: Sequence[KinkCutSurface]) -> list[Block]:
    """Return blocks on one scale, each standing on its own lowest place."""
    largest = max(float(np.ptp(surface.losses)) for surface in surfaces)
    return [Block.of(surface, largest=largest) for surface in surfaces]
