"""Volumes as slices: planes along the third direction, with one range of colours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from landscape.records.grid import Grid
from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..captions.told import caption_of, remember
from ..geometry.numbers import minus
from ..look import USUAL, Look
from ..style import Style
from .contours import contour, write_caption
from .lines import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_SLICES = 9
_COLUMNS = 3


def volume(
    panel: Panel | Surface, look: Look = USUAL, *, width: float | None = None, caption: bool = True
) -> Figure:
    """Draw a volume as slices along its third direction, at most 9, the first and last included.

    Args:
        panel: a surface with three axes. Its paths are not drawn: they lie in no slice.
        look: see :func:`viz.contour`.
        width: of the figure in inches; see :func:`viz.contour`.
        caption: whether its first sentence is drawn below.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for a surface without three axes, or what :func:`viz.contour` refuses.
    """
    (chosen,) = panels_of(panel)
    whole = chosen.surface
    slices = _slices(whole)
    shown = [Panel(one, title=minus(f"γ = {gamma:.3g}")) for gamma, one in slices.items()]
    figure = contour(shown, look, columns=min(_COLUMNS, len(shown)), width=width, caption=False)
    shape, of = " x ".join(map(str, whole.grid.shape)), caption_of(figure)
    some = f"{len(shown)} of its {whole.grid.shape[2]} values of γ"
    text = f"Slices of a volume of {shape} points at {some}: {of[0].lower()}{of[1:]}"
    remember(figure, text)
    if caption:
        with drawing(look.style):
            write_caption(figure, text, Style.of(look.style))
    return figure


def _slices(volume: Surface) -> dict[float, Surface]:
    """Return evenly chosen slices of a volume by their gamma."""
    if len(volume.grid.shape) != 3:
        raise ValueError(
            f"a volume has 3 axes, got a surface with {len(volume.grid.shape)}; take viz.surface, "
            "viz.contour or viz.line"
        )
    gammas = volume.grid.axes[2]
    chosen = np.linspace(0, len(gammas) - 1, min(len(gammas), _MOST_SLICES)).round().astype(int)
    grid = Grid(volume.grid.axes[:2])
    return {
        float(gammas[k]): Surface(
            grid,
            {name: values[..., k] for name, values in volume.fields.items()},
            volume.status[..., k],
            volume.plane,
            volume.run,
            {**volume.settings, "section_gamma": float(gammas[k])},
        )
        for k in chosen
    }
