"""The loss microscope as flat figures: residuals in a window, and the way down to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.residuals import Residual

from ..captions.told import remember
from ..flat.contour_axes import draw_contours, draw_isolines
from ..geometry.height import HeightScale
from ..geometry.numbers import a_range, label, minus, number, power_of_ten
from ..geometry.relief import Relief, ground_colours
from ..geometry.rows import per_row
from ..look import USUAL, Look
from ..style import Style
from .closeup import Closeup, closeups_of
from .microscope_captions import StepFacts, microscope_caption, percent, zooms_caption

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_BELOW: dict[str, Any] = {"orientation": "horizontal", "shrink": 0.85, "aspect": 18, "pad": 0.02}
_BESIDE: dict[str, Any] = {"shrink": 0.9, "aspect": 18, "pad": 0.015}


def microscope(
    closeups: Sequence[Closeup | Residual],
    look: Look = USUAL,
    *,
    step: StepFacts | None = None,
    columns: int | None = None,
    isolines: int = 0,
    inset: bool = True,
    width: float | None = None,
) -> Figure:
    """Draw residuals as hill-shaded maps: one window of each network, or the way down to it.

    Light comes from the upper left and falls on the residual itself, cell by cell. A panel that
    uses less than an eighth of its scale has an inset, magnified by the power of 2 written above
    it. What is only rounding is drawn as 0 and says so.

    Close-ups of one window stand side by side on one scale of height and light, below their
    surfaces at full scale. Close-ups of several windows are rows: the surface at full scale, then
    the windows. Every column has one scale, that of its colour bar below; the scales of two columns
    differ, as the windows do.

    Args:
        closeups: of each network; all with as many windows.
        look: style, and height of the surfaces at full scale.
        step: of the optimizer that the window is wide, for the caption of one window.
        columns: panels per row of one window; by default at most 4. With surfaces at full scale all
            stand in one row.
        isolines: about how many lines of equal height between the ends of the scale.
        inset: whether flat panels get one.
        width: of the figure in inches; by default 5.5 for up to 3 columns, else 6.75.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no close-up, other numbers of windows, a surface at full scale for some of
            them alone, another colour, or residuals that are 0 everywhere.
    """
    import matplotlib

    look.check_plain("the microscope")
    chosen = closeups_of(closeups)
    style = Style.of(look.style)
    with matplotlib.rc_context(dict(style.figure_settings)):
        if len(chosen[0].residuals) > 1:
            figure = _rows(chosen, look, isolines, width, inset=inset)
            remember(figure, zooms_caption(chosen))
            return figure
        full, count = chosen[0].full is not None, len(chosen)
        in_row = count if full else per_row(count, columns, 4)
        figure, grid = _panels(math.ceil(count / in_row) + full, in_row, width, style)
        if full:
            _head_row(figure, grid[0], chosen, look)
            grid = grid[1:]
        residuals = [closeup.residuals[0] for closeup in chosen]
        relief = Relief.of(residuals)
        for axes in grid.ravel()[count:]:
            axes.set_axis_off()
        for axes, closeup, residual in zip(grid.ravel(), chosen, residuals, strict=False):
            draw_relief(axes, residual, relief, isolines=isolines, inset=inset)
            _head(axes, "" if full else closeup.title, share_text(residual))
        _label(grid[-1], grid[:, 0], residuals[0].grid.axes)
        _colour_bar(figure, grid, relief, **_BESIDE)
    remember(figure, microscope_caption(chosen, step))
    return figure


def _rows(
    closeups: Sequence[Closeup], look: Look, isolines: int, width: float | None, *, inset: bool
) -> Figure:
    """Draw a row for each network: its surface at full scale, and its windows."""
    columns = list(zip(*(closeup.residuals for closeup in closeups), strict=True))
    whole = [closeup.full for closeup in closeups if closeup.full]
    style = Style.of(look.style)
    figure, grid = _panels(len(closeups), bool(whole) + len(columns), width, style, bars_below=True)
    windows = grid.T[bool(whole) :]
    if whole:
        scale = look.scale(whole)
        for axes, surface in zip(grid[:, 0], whole, strict=True):
            filled = draw_contours(axes, surface, (), scale, style)
        extents = sorted({number(float(np.ptp(surface.alphas))) for surface in whole}, key=float)
        grid[0, 0].set_title(f"loss, width {a_range(extents)}")
        _ticked(figure.colorbar(filled, ax=list(grid[:, 0]), **_BELOW), scale, 3)
        _label(grid[-1, :1], grid[:, 0], whole[0].grid.axes)
    for place, (residuals, column) in enumerate(zip(columns, windows, strict=True)):
        relief = Relief.of(residuals)
        for axes, residual in zip(column, residuals, strict=True):
            draw_relief(axes, residual, relief, isolines=isolines, inset=inset)
        widths = sorted({number(residual.width) for residual in residuals}, key=float)
        column[0].set_title(f"residual, width {a_range(widths)}")
        first = not whole and place == 0
        _label(column[-1:], column, residuals[0].grid.axes, beta=first)
        _colour_bar(figure, column, relief, **_BELOW)
    for axes, closeup in zip(grid[:, 0], closeups, strict=True):
        axes.set_ylabel(f"{closeup.title}\n{axes.get_ylabel()}")
    return figure


def share_text(residual: Residual) -> str:
    """Return what share of the window's range of losses a residual is, in words for its panel."""
    if not residual.resolved:
        return "rounding only"
    return f"residual: {percent(residual.share)} of loss range"


def draw_relief(
    axes: Axes, residual: Residual, relief: Relief, *, isolines: int = 0, inset: bool = True
) -> int:
    """Draw a residual into axes, with an inset at its own scale where it looks flat.

    Args:
        axes: of matplotlib.
        residual: what is drawn.
        relief: the common scale.
        isolines: about how many lines of equal height between ``-limit`` and ``limit``; 0 for none.
        inset: whether a flat panel gets one.

    Returns:
        The factor of the inset; 1 if there is none.
    """
    _fill(axes, residual, relief, isolines)
    axes.set_aspect("equal")
    if not residual.resolved:
        axes.text(0.5, 0.5, "rounding only", transform=axes.transAxes, ha="center", va="center",
                  fontsize="small", color="0.3")  # fmt: skip
    factor = relief.factor(residual) if inset else 1
    if factor > 1:
        small: Any = axes.inset_axes((0.2, 0.12, 0.6, 0.6))
        small.set_in_layout(False)
        _fill(small, residual, relief.magnified(factor), isolines)
        small.set(xticks=[], yticks=[], aspect="equal")
        axes.text(0.5, 0.75, f"$\\times\\,${factor}", transform=axes.transAxes, ha="center",
                  va="bottom", fontsize=7.5)  # fmt: skip
    return factor


def _fill(axes: Axes, residual: Residual, relief: Relief, isolines: int) -> None:
    alphas, betas = residual.grid.axes
    colours = relief.colours(residual).transpose(1, 0, 2)
    axes.pcolormesh(alphas, betas, colours, rasterized=True, antialiased=False)
    if isolines and residual.resolved:
        draw_isolines(axes, residual.grid, np.ma.masked_invalid(residual.values),
                      np.linspace(-relief.limit, relief.limit, isolines + 1), colors="0.15",
                      linewidths=0.3)  # fmt: skip
    axes.set_xlim(alphas[0], alphas[-1])
    axes.set_ylim(betas[0], betas[-1])


def _panels(
    rows: int, columns: int, width: float | None, style: Style, *, bars_below: bool = False
) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    across = width or (5.5 if columns <= 3 else 6.75) * style.letters
    bar, titles, bottom = (0.8, 0.06, 0.95) if bars_below else (1.0, 0.42, 0.3)
    tall = rows * ((across - bar - 0.1) / columns + titles) + bottom
    figure = Figure(figsize=(across, tall), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def _head_row(figure: Figure, row: Any, closeups: Sequence[Closeup], look: Look) -> None:
    """Draw surfaces at full scale with their titles."""
    surfaces = [closeup.full for closeup in closeups if closeup.full]
    scale = look.scale(surfaces)
    for axes, surface, closeup in zip(row, surfaces, closeups, strict=True):
        filled = draw_contours(axes, surface, (), scale, Style.of(look.style))
        _head(axes, closeup.title, "full scale")
    _label(row, row[:1], surfaces[0].grid.axes)
    _ticked(figure.colorbar(filled, ax=list(row), **_BESIDE), scale, 6)


def _ticked(bar: Any, scale: HeightScale, most: int) -> None:
    ticks = scale.ticks()
    ticks = ticks[:: math.ceil(len(ticks) / most)]
    bar.set_ticks(list(ticks), labels=[label(scale.loss_at(float(t))) for t in ticks])
    bar.minorticks_off()
    bar.set_label("loss")


def _head(axes: Axes, title: str, below: str) -> None:
    """Write a title and a smaller line below it."""
    axes.set_title(title, pad=12 if title else None)
    axes.text(0.5, 1.02, below, transform=axes.transAxes, ha="center", va="bottom", fontsize=6.5,
              alpha=0.85)  # fmt: skip


def _label(lowest: Any, leftmost: Any, ends: Sequence[Any], *, beta: bool = True) -> None:
    """Tick the axes of panels in multiples of the directions, powers of ten in the label."""
    power = power_of_ten(max(abs(float(axis[k])) for axis in ends for k in (0, -1)))
    for axes in {*lowest, *leftmost}:
        for axis in (axes.xaxis, axes.yaxis):
            _scale_ticks(axis, power)
    for axes in leftmost:
        axes.tick_params(labelbottom=axes in list(lowest), labelleft=beta)
        axes.set_ylabel(_in_powers(r"$\beta$", power) if beta else "")
    for axes in lowest:
        axes.tick_params(labelbottom=True, labelleft=beta and axes in list(leftmost))
        axes.set_xlabel(_in_powers(r"$\alpha$", power))


def _colour_bar(figure: Figure, grid: Any, relief: Relief, **place: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours = ScalarMappable(Normalize(-relief.limit, relief.limit), ground_colours())
    bar = figure.colorbar(colours, ax=list(np.ravel(grid)), **place)
    power = power_of_ten(relief.limit)
    _scale_ticks(bar.ax.xaxis if bar.orientation == "horizontal" else bar.ax.yaxis, power)
    bar.set_label(_in_powers("loss − quadratic", power))


def _scale_ticks(axis: Any, power: int) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], symmetric=True))
    axis.set_major_formatter(FuncFormatter(lambda value, _: minus(f"{value / 10.0**power:.3g}")))


def _in_powers(text: str, power: int) -> str:
    return f"{text}  [$10^{{{power}}}$]" if power else text
