"""The loss microscope as flat figures: residuals in a window, and the way down to it."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.records.residuals import Residual
from landscape.records.surface import Surface

from ..captions.plane_words import a_range
from ..captions.told import remember
from ..flat.contour_axes import draw_contours
from ..geometry.height import HeightScale, label, number, power_of_ten
from ..geometry.relief import Relief, draw_relief, ground_colours
from ..geometry.rows import per_row
from ..style import Style
from .microscope_captions import (
    StepFacts,
    microscope_caption,
    percent,
    zooms_caption,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def microscope(
    residuals: Sequence[Residual],
    *,
    titles: Sequence[str] | None = None,
    full: Sequence[Surface] | None = None,
    step: StepFacts | None = None,
    columns: int | None = None,
    isolines: int = 0,
    inset: bool = True,
    width: float | None = None,
    style: Style | str | None = None,
) -> Figure:
    """Draw residuals as hill-shaded maps on one scale of height and light.

    Light comes from the upper left and falls on the residual itself, cell by cell. A panel that
    uses less than an eighth of the common scale has an inset, magnified by the power of 2 written
    above it. What is only rounding is drawn as 0 and says so.

    Args:
        residuals: one for each panel, see :func:`landscape.remove_quadratic`.
        titles: of each panel.
        full: surfaces at full scale, one for each panel, drawn above them on a log scale.
        step: of the optimizer that the window is wide, for the caption.
        columns: panels per row; by default at most 4. With ``full`` all stand in one row.
        isolines: about how many lines of equal height between the ends of the scale.
        inset: whether flat panels get one.
        width: of the figure in inches; by default 5.5 for up to 3 columns, else 6.75.
        style: colours of the surfaces at full scale.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`.

    Raises:
        ValueError: for no residual, lists of other lengths, or residuals that are 0 everywhere.
    """
    count = check_residuals(residuals, titles=titles, full=full)
    style = Style.of(style)
    relief = Relief.of(residuals)
    in_row = count if full else per_row(count, columns, 4)
    rows = math.ceil(count / in_row)
    across = width or (5.5 if in_row <= 3 else 6.75) * style.letters
    figure, grid = _panels(rows + bool(full), in_row, across, style)
    with _settings(style):
        if full:
            _draw_full(figure, grid[0], full, titles, style)
            grid = grid[1:]
        for place, axes in enumerate(grid.ravel()):
            if place >= count:
                axes.set_axis_off()
                continue
            draw_relief(axes, residuals[place], relief, isolines=isolines, inset=inset)
            title = titles[place] if titles and not full else ""
            _head(axes, title, share_text(residuals[place]))
        _label(grid[-1], grid[:, 0], residuals[0].grid.axes)
        _colour_bar(figure, grid, relief)
    remember(figure, microscope_caption(residuals, titles, step, full))
    return figure


def zooms(
    full: Sequence[Surface],
    residuals: Sequence[Sequence[Residual]],
    *,
    titles: Sequence[str],
    isolines: int = 0,
    width: float = 6.75,
    style: Style | str | None = None,
) -> Figure:
    """Draw the way down: rows are networks, columns windows from full scale to one step.

    The first column is the loss on a log scale, the others residuals. Every column has one scale,
    that of its colour bar below; the scales of two columns differ, as the windows do.

    Args:
        full: for each network the surface at full scale.
        residuals: for each network those of the smaller windows, widest first.
        titles: of the rows.
        isolines: see :func:`microscope`.
        width: of the figure in inches.
        style: colours of the surfaces at full scale.

    Raises:
        ValueError: for no network, lists of other lengths, or a column that is 0 everywhere.
    """
    count = check_residuals(residuals, titles=titles, full=full)
    levels = {len(row) for row in residuals}
    if len(levels) != 1 or not min(levels):
        raise ValueError(
            f"every network must have as many residuals, at least one, got {sorted(levels)}"
        )
    columns = list(zip(*residuals, strict=True))
    style = Style.of(style)
    figure, grid = _panels(count, 1 + len(columns), width, style, bars_below=True)
    with _settings(style):
        scale = HeightScale.of(full)
        for axes, surface in zip(grid[:, 0], full, strict=True):
            filled = draw_contours(axes, surface, (), scale, style)
        extents = sorted({number(float(np.ptp(one.alphas))) for one in full}, key=float)
        grid[0, 0].set_title(f"loss, width {a_range(extents)}")
        _ticked(figure.colorbar(filled, ax=list(grid[:, 0]), **_BELOW), scale, 3)
        _label(grid[-1, :1], grid[:, 0], full[0].grid.axes)
        for column, axes in zip(columns, grid[:, 1:].T, strict=True):
            relief = Relief.of(column)
            for one, residual in zip(axes, column, strict=True):
                draw_relief(one, residual, relief, isolines=isolines)
            widths = sorted({number(one.width) for one in column}, key=float)
            axes[0].set_title(f"residual, width {a_range(widths)}")
            _label(axes[-1:], axes, column[0].grid.axes, beta=False)
            _colour_bar(figure, axes, relief, **_BELOW)
        for one, title in zip(grid[:, 0], titles, strict=True):
            one.set_ylabel(f"{title}\n{one.get_ylabel()}")
    remember(figure, zooms_caption(residuals, titles))
    return figure


def share_text(residual: Residual) -> str:
    """Return what share of the window's range of losses a residual is, in words for its panel."""
    if not residual.resolved:
        return "rounding only"
    return f"residual: {percent(residual.share)} of loss range"


_BELOW: dict[str, Any] = {"orientation": "horizontal", "shrink": 0.85, "aspect": 18, "pad": 0.02}


def check_residuals(residuals: Sequence[Any], **others: Sequence[Any] | None) -> int:
    """Return the number of panels, all lists being as long."""
    count = len(residuals)
    if not count:
        raise ValueError("the microscope needs at least one residual, got none")
    for name, values in others.items():
        if values is not None and len(values) != count:
            raise ValueError(f"{name} must be as many as residuals, {count}, got {len(values)}")
    columns: list[Any] = (
        [residuals] if isinstance(residuals[0], Residual) else list(zip(*residuals, strict=False))
    )
    windows = [{tuple(float(v) for a in r.grid.axes for v in (a[0], a[-1])) for r in column}
               for column in columns]  # fmt: skip
    if any(len(found) > 1 for found in windows):
        warnings.warn("the residuals span different windows: compare with care", stacklevel=3)
    return count


def _settings(style: Style) -> Any:
    import matplotlib

    return matplotlib.rc_context(dict(style.figure_settings))


def _panels(
    rows: int, columns: int, across: float, style: Style, *, bars_below: bool = False
) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    bar = 0.8 if bars_below else 1.0
    with _settings(style):
        tall = rows * ((across - bar - 0.1) / columns + (0.06 if bars_below else 0.42))
        figure = Figure(
            figsize=(across, tall + (0.95 if bars_below else 0.3)), layout="constrained"
        )
        return figure, figure.subplots(rows, columns, squeeze=False)


def _draw_full(
    figure: Figure, row: Any, full: Sequence[Surface], titles: Sequence[str] | None, style: Style
) -> None:
    scale = HeightScale.of(full)
    names = titles or [""] * len(full)
    for axes, surface, title in zip(row, full, names, strict=True):
        filled = draw_contours(axes, surface, (), scale, style)
        _head(axes, title, "full scale")
    _label(row, row[:1], full[0].grid.axes)
    bar = figure.colorbar(filled, ax=list(row), shrink=0.9, aspect=18, pad=0.015)
    _ticked(bar, scale, 6)


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
    largest = max(abs(float(axis[k])) for axis in ends for k in (0, -1))
    power = power_of_ten(largest)
    for axes in {*lowest, *leftmost}:
        for axis in (axes.xaxis, axes.yaxis):
            _scale_ticks(axis, power)
    for axes in leftmost:
        axes.tick_params(labelbottom=axes in list(lowest), labelleft=beta)
        axes.set_ylabel(_in_powers(r"$\beta$", power) if beta else "")
    for axes in lowest:
        axes.tick_params(labelbottom=True, labelleft=beta and axes in list(leftmost))
        axes.set_xlabel(_in_powers(r"$\alpha$", power))


def _colour_bar(figure: Figure, grid: Any, relief: Relief, **options: Any) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shown = ScalarMappable(Normalize(-relief.limit, relief.limit), ground_colours())
    place = options or {"shrink": 0.9, "aspect": 18, "pad": 0.015}
    bar = figure.colorbar(shown, ax=list(np.ravel(grid)), **place)
    power = power_of_ten(relief.limit)
    axis = bar.ax.xaxis if options.get("orientation") == "horizontal" else bar.ax.yaxis
    _scale_ticks(axis, power, count=4)
    bar.set_label(_in_powers("loss − quadratic", power))


def _scale_ticks(axis: Any, power: int, *, count: int = 4) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis.set_major_locator(MaxNLocator(count, steps=[1, 2, 5, 10], symmetric=True))
    axis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / 10.0**power:.3g}".replace("-", "−"))
    )


def _in_powers(text: str, power: int) -> str:
    return f"{text}  [$10^{{{power}}}$]" if power else text
