"""Panels of figures for papers, rendered and written over; their contours; their colour bar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..flat.contour_axes import draw_contours
from ..flat.ticks import label_plane, power_of_axes
from ..geometry.centre_mark import crossed
from ..geometry.colouring import Colours
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.mesh import surface_mesh
from ..geometry.numbers import ticks
from ..geometry.paths import path_pieces
from ..geometry.solution_points import seen
from ..geometry.vertices import known_points
from ..geometry.window import visible
from ..scenes.cross import arms_of, mark_cross
from ..scenes.scene import DrawnPanel
from ..scenes.solution_marks import mark_solutions, points_of
from ..style import Style
from .layer import Solid, isolines, render
from .page import LABEL
from .paper_axes import draw_floor, draw_marks, draw_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def draw_hybrid(axes: Axes, solid: Solid, *, count: int = 4) -> None:
    """Draw a surface into axes: what hides is rendered, the rest is lines and text.

    Args:
        axes: as large as the view; they are set to inches.
        solid: the surface, and how it is seen.
        count: of ticks along alpha and beta, about.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    panel, frame, view, style = solid.panel, solid.frame, solid.view, solid.style
    mesh = surface_mesh(panel.surface, frame, known=known_points(panel.surface, panel.paths))
    lines = list(isolines(mesh, frame)) if style.isolines else []
    draw_floor(axes, frame, view, lines, panel.paths, style, plain=solid.colours is not None)
    if mesh.n_cells or _has_tube(panel, frame):
        layer = render(solid)
        # Without interpolation the pixels go into a PDF as they are.
        axes.imshow(layer.pixels, extent=layer.extent, interpolation="none", aspect="auto",
                    zorder=2.0, clip_on=False)  # fmt: skip
    draw_marks(axes, frame, view, panel.paths, style)
    _draw_solutions(axes, solid)
    if crossed(panel.surface, panel.paths, panel.solutions):
        _draw_cross(axes, solid)
    draw_ticks(axes, frame, view, style, size=LABEL, count=count)
    axes.set(xlim=(0, view.width), ylim=(0, view.height))
    axes.set_axis_off()


def _has_tube(panel: DrawnPanel, frame: Frame) -> bool:
    """Return whether a path is to be rendered, also where the surface has no cell."""
    pieces = (path_pieces(path, frame) for path in panel.paths if visible(path))
    return any(len(piece) > 1 for each in pieces for piece in each)


def _draw_solutions(axes: Axes, solid: Solid) -> None:
    """Draw the marks of solutions on the surface and, without letters, on the floor."""
    panel, frame, view, style = solid.panel, solid.frame, solid.view, solid.style
    solutions = seen(panel.solutions, frame.window)
    if not solutions:
        return
    points = points_of(solutions, panel.surface, frame)
    floor = np.column_stack([points[:, :2], np.full(len(points), frame.floor)])
    size = 4.6 * view.line_share
    mark_solutions(axes, solutions, view.on_paper(floor), panel.paths, style, zorder=1.4,
                   size=0.6 * size, lettered=False)  # fmt: skip
    mark_solutions(axes, solutions, view.on_paper(points), panel.paths, style, zorder=3.4,
                   size=size)  # fmt: skip


def _draw_cross(axes: Axes, solid: Solid) -> None:
    """Draw the cross at the network's own weights on the surface and, thinner, on the floor."""
    *above, floor = arms_of(solid.panel.surface, solid.frame)
    view = solid.view
    for arms, zorder, line in [*((a, 3.3, 0.9) for a in above), (floor, 1.4, 0.6)]:
        flat = view.on_paper(arms.reshape(-1, 3)).reshape(2, 2, 2)
        mark_cross(axes, flat, solid.style, zorder=zorder, width=line * view.line_share)


def flat_panel(
    axes: Axes,
    panel: DrawnPanel,
    scale: HeightScale,
    style: Style,
    *,
    named: bool,
    legend: bool,
    count: int = 4,
    colours: Colours | None = None,
    number: int = 0,
) -> None:
    """Draw a surface as contours.

    Args:
        axes: of the window's shape.
        panel: what is shown.
        scale: of all panels.
        style: colours.
        named: whether the beta axis is named.
        legend: whether paths are named here.
        count: of ticks along each axis, about.
        colours: of all panels of the figure; None for those of the losses.
        number: which of the colours' surfaces this is.
    """
    draw_contours(axes, panel.surface, panel.paths, scale, style, solutions=panel.solutions,
                  colours=colours, number=number)  # fmt: skip
    drawn = axes.get_legend()
    if drawn is not None and not legend:
        drawn.remove()
    grid = panel.surface.grid
    alphas, betas = ((float(values[0]), float(values[-1])) for values in grid.axes)
    label_plane(axes, ticks(alphas, count), ticks(betas, count), power_of_axes(alphas, betas),
                named=(True, named))  # fmt: skip
    axes.tick_params(length=2.5, pad=2)
    axes.xaxis.labelpad, axes.yaxis.labelpad = 1.0, 0.0


def bar_texts(scale: HeightScale, colours: Colours | None) -> list[str]:
    """Return what stands at the ticks of a colour bar."""
    texts = scale.labels(scale.ticks()) if colours is None else colours.labels()
    return [text.replace("-", "−") for text in texts]


def colour_bar(
    axes: Axes,
    scale: HeightScale,
    style: Style,
    *,
    upright: bool = True,
    colours: Colours | None = None,
) -> None:
    """Draw the colour bar of all panels into axes of its own, on a log scale with decades' parts.

    Args:
        axes: what it fills.
        scale: of the heights.
        style: its colour map.
        upright: whether it stands.
        colours: what the surfaces are coloured by, if not by their losses.
    """
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    values = scale if colours is None else colours.scale
    clipped = scale.clipped and colours is None
    painted: Any = matplotlib.colormaps[style.colour_map].with_extremes(over=style.clipped)
    shades = ScalarMappable(
        Normalize(values.low, values.high), painted if colours is None else colours.colour_map
    )
    bar: Any = axes.figure.colorbar(
        shades, cax=axes, orientation="vertical" if upright else "horizontal",
        extend="max" if clipped else "neither",
    )  # fmt: skip
    # Written as a few pixels, not as 256 rectangles with seams.
    bar.solids.set_rasterized(True)
    ticks = values.ticks() if colours is None else colours.ticks()
    bar.set_ticks(list(ticks), labels=bar_texts(scale, colours))
    if values.kind == "log" and values.high - values.low <= 6:
        parts = np.log10(np.outer(10.0 ** np.arange(-30, 31), np.arange(1, 10))).ravel()
        bar.set_ticks(parts[(parts >= values.low) & (parts <= values.high)], minor=True)
    bar.ax.tick_params(which="minor", length=1.5, width=0.4)
    bar.ax.tick_params(which="major", length=2.5, pad=2)
    bar.outline.set_linewidth(0.6)
    bar.set_label(values.title, labelpad=2)
