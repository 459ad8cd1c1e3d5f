"""Figures for a paper: surfaces rendered, everything else lines and text; contours below them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from landscape.plane import Plane
from landscape.results import Projection
from landscape.surface import Surface
from viz.captions import caption as caption_of
from viz.contours import draw_contours
from viz.frame import Frame
from viz.height import HeightScale, Kind, power_of_ten, with_power
from viz.layer import isolines, render
from viz.lines import drawing
from viz.mesh import Shading, check_shading, surface_mesh
from viz.page import LABEL, Page, common_names
from viz.paper_axes import draw_floor, draw_marks, draw_ticks, tick_labels, ticks
from viz.scene import Panel
from viz.solution_marks import mark_solutions, points_of
from viz.solutions import seen
from viz.style import PAPER as SCREEN
from viz.style import STYLES, Style
from viz.told import remember
from viz.vertices import known_points
from viz.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from viz.panels import Paths

MOST_PANELS = 12
# In figures panels are small: surfaces are drawn a little steeper.
FIGURE_STYLE = replace(SCREEN, height=0.42)


def figure_style(which: Style | str | None = None) -> Style:
    """Return the style of a figure for a paper; change it with ``dataclasses.replace``.

    Args:
        which: a style or a file of one is taken as it is; by default or for ``paper``, and for
            ``slides``, ``dark`` and ``testing``, surfaces are drawn a little steeper, as panels are
            small.

    Raises:
        ValueError: for an unknown name, or a file that holds no style.
    """
    if which is None:
        return FIGURE_STYLE
    found = Style.of(which)
    if which not in STYLES:
        return found
    # Laid out as on paper, whatever the letters of the style.
    return replace(found, height=FIGURE_STYLE.height, isoline_width=FIGURE_STYLE.isoline_width)


def figure(
    surfaces: Surface | Sequence[Surface],
    *,
    paths: Sequence[Paths] | Projection | None = None,
    planes: Sequence[Plane | None] | None = None,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    width: float = 5.5,
    dpi: int = 600,
    contours: bool = True,
    caption: bool = False,
    style: Style | str | None = None,
) -> Figure:
    """Draw surfaces in 3D, and as contours below, on one scale with one colour bar, for a paper.

    The surfaces, their isolines and the paths are rendered at ``dpi`` on nothing; frame, ticks,
    labels, the floor, the ends of paths, titles and colour bar are lines and text over and under
    them. Written as PDF, text can be selected and its fonts are embedded. About 5 seconds a panel.

    Args:
        surfaces: one or several, two-dimensional.
        paths: of each surface: one or several placed trajectories.
        planes: of each surface, for the caption.
        titles: of each surface.
        columns: panels per row; by default at most 3, or 4 from a width of 6.5.
        height: ``log``, ``linear`` or a scale.
        shading: see :func:`viz.mesh.surface_mesh`.
        width: of the figure in inches: 5.5, 3.25 and 6.75 are usual.
        dpi: pixels per inch of what is rendered.
        contours: whether each surface is drawn as contours too.
        caption: whether the caption is drawn below; :func:`viz.figure_caption` writes it.
        style: colours and camera: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, which keeps ``dpi``.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for no surface or too many, lists of other lengths, an unknown height or
            shading, or panels that would be too small.
    """
    panels = checked_panels(surfaces, paths, titles, planes)
    check_shading(shading)
    style = figure_style(style)
    scale, frame = scale_and_frame(panels, height, style)
    words = _caption(panels, planes, scale, frame, shading, contours)
    panels = [panel.laid(scale) for panel in panels]
    names = common_names(panels, style)
    with drawing(style):
        page = Page.of(frame, style, len(panels), width=width, columns=columns, contours=contours,
                       legend=bool(names), caption=words if caption else "",
                       titles=[panel.title for panel in panels])  # fmt: skip
        drawn = page.start(dpi)
        for number, panel in enumerate(panels):
            draw_hybrid(page.panel(drawn, number), panel, page.view, frame, style,
                        shading=shading, dpi=dpi, count=page.ticks)  # fmt: skip
            page.write_title(drawn, number)
            if contours:
                flat_panel(page.contour(drawn, number), panel, scale, style,
                           named=number % page.columns == 0, legend=not names,
                           count=page.ticks)  # fmt: skip
        colour_bar(page.bar(drawn), scale, style, upright=page.upright)
        page.write_legend(drawn, names, style)
        page.write_caption(drawn)
    remember(drawn, words)
    return drawn


def figure_caption(
    surfaces: Surface | Sequence[Surface],
    *,
    paths: Sequence[Paths] | Projection | None = None,
    planes: Sequence[Plane | None] | None = None,
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    contours: bool = True,
    style: Style | str | None = None,
) -> str:
    """Write the caption of :func:`figure`, given the same arguments.

    Raises:
        ValueError: as :func:`figure` does.
    """
    panels = checked_panels(surfaces, paths, None, planes, quiet=True)
    scale, frame = scale_and_frame(panels, height, figure_style(style))
    return _caption(panels, planes, scale, frame, shading, contours)


def _caption(
    panels: Sequence[Panel],
    planes: Sequence[Plane | None] | None,
    scale: HeightScale,
    frame: Frame,
    shading: str,
    contours: bool,
) -> str:
    shown = [path for panel in panels for path in panel.paths]
    surfaces = [panel.surface for panel in panels]
    words = caption_of(surfaces, shown, scale=scale, frame=frame, shading=shading,
                       planes=planes or (), own=[panel.paths for panel in panels])  # fmt: skip
    return f"{words} Below: the same as contours." if contours else words


def checked_panels(
    surfaces: Surface | Sequence[Surface],
    paths: Sequence[Paths] | Projection | None,
    titles: Sequence[str] | None,
    planes: Sequence[Plane | None] | None,
    *,
    quiet: bool = False,
) -> list[Panel]:
    """Return what is shown, one panel for each surface.

    Args:
        surfaces: one or several.
        paths: of each.
        titles: of each.
        planes: of each.
        quiet: whether nothing is said of surfaces that span different windows.

    Raises:
        ValueError: for no surface or too many, or lists of other lengths.
    """
    every = [surfaces] if isinstance(surfaces, Surface) else list(surfaces)
    count = len(every)
    if not 1 <= count <= MOST_PANELS:
        raise ValueError(f"a figure shows 1 to {MOST_PANELS} surfaces, got {count}")
    placed = [paths] if isinstance(paths, Projection) else paths
    for name, values in (("paths", placed), ("titles", titles), ("planes", planes)):
        if values is not None and len(values) != count:
            raise ValueError(f"{name} must be as many as surfaces, {count}, got {len(values)}")
    windows = {tuple(float(v) for a in s.grid.axes for v in (a[0], a[-1])) for s in every}
    if len(windows) > 1 and not quiet:
        warnings.warn("the surfaces span different windows: compare with care", stacklevel=3)
    return [
        Panel.of(
            s,
            placed[i] if placed else None,
            titles[i] if titles else "",
            plane=planes[i] if planes else None,
        )
        for i, s in enumerate(every)
    ]


def scale_and_frame(
    panels: Sequence[Panel], height: Kind | HeightScale, style: Style
) -> tuple[HeightScale, Frame]:
    """Return the scale and the frame that all panels share."""
    surfaces = [panel.surface for panel in panels]
    shown = [path for panel in panels for path in panel.paths]
    scale = height if isinstance(height, HeightScale) else HeightScale.of(
        surfaces, kind=height, paths=shown
    )  # fmt: skip
    return scale, Frame.around(surfaces, scale, style)


def draw_hybrid(
    axes: Axes,
    panel: Panel,
    view: View,
    frame: Frame,
    style: Style,
    *,
    shading: Shading,
    dpi: int,
    count: int = 4,
) -> None:
    """Draw a surface into axes: what hides is rendered, the rest is lines and text.

    Args:
        axes: as large as the view; they are set to inches.
        panel: what is shown.
        view: how it is seen.
        frame: where it is drawn.
        style: colours and camera.
        shading: see :func:`viz.mesh.surface_mesh`.
        dpi: pixels per inch of what is rendered.
        count: of ticks along alpha and beta, about.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    mesh = surface_mesh(panel.surface, frame, known=known_points(panel.surface, panel.paths))
    lines = list(isolines(mesh, frame)) if style.isolines else []
    draw_floor(axes, frame, view, lines, panel.paths, style)
    layer = render(panel, frame, view, style, shading=shading, dpi=dpi)
    # Without interpolation the pixels go into a PDF as they are.
    axes.imshow(layer.pixels, extent=layer.extent, interpolation="none", aspect="auto",
                zorder=2.0, clip_on=False)  # fmt: skip
    draw_marks(axes, frame, view, panel.paths, style)
    _draw_solutions(axes, panel, view, frame, style)
    draw_ticks(axes, frame, view, style, size=LABEL, count=count)
    axes.set(xlim=(0, view.width), ylim=(0, view.height))
    axes.set_axis_off()


def _draw_solutions(axes: Axes, panel: Panel, view: View, frame: Frame, style: Style) -> None:
    """Draw the marks of solutions on the surface and, without letters, on the floor."""
    shown = seen(panel.solutions, frame.window)
    if not shown:
        return
    points = points_of(shown, panel.surface, frame)
    floor = np.column_stack([points[:, :2], np.full(len(points), frame.floor)])
    size = 4.6 * view.line_share
    mark_solutions(axes, shown, view.on_paper(floor), panel.paths, style, zorder=1.4,
                   size=0.6 * size, lettered=False)  # fmt: skip
    mark_solutions(axes, shown, view.on_paper(points), panel.paths, style, zorder=3.4, size=size)


def flat_panel(
    axes: Axes,
    panel: Panel,
    scale: HeightScale,
    style: Style,
    *,
    named: bool,
    legend: bool,
    count: int = 4,
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
    """
    draw_contours(axes, panel.surface, panel.paths, scale, style, solutions=panel.solutions)
    shown = axes.get_legend()
    if shown is not None and not legend:
        shown.remove()
    surface = panel.surface
    power = power_of_ten(max(float(np.abs(values).max()) for values in surface.grid.axes))
    for axis, values in ((axes.xaxis, surface.alphas), (axes.yaxis, surface.betas)):
        places = ticks((float(values[0]), float(values[-1])), count)
        axis.set_ticks(places, labels=tick_labels(places, power))
    axes.tick_params(length=2.5, pad=2)
    axes.set_xlabel(with_power("α", power), style="italic", labelpad=1)
    if named:
        axes.set_ylabel(with_power("β", power), style="italic", labelpad=0)


def colour_bar(axes: Axes, scale: HeightScale, style: Style, *, upright: bool = True) -> None:
    """Draw the colour bar of a scale into axes of its own, on a log scale with decades' parts."""
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    shades = ScalarMappable(
        Normalize(scale.low, scale.high), matplotlib.colormaps[style.colour_map]
    )
    bar: Any = axes.figure.colorbar(shades, cax=axes,
                               orientation="vertical" if upright else "horizontal")  # fmt: skip
    # Written as a few pixels, not as 256 rectangles with seams.
    bar.solids.set_rasterized(True)
    heights = scale.ticks()
    bar.set_ticks(list(heights), labels=[t.replace("-", "−") for t in scale.labels(heights)])
    if scale.kind == "log" and scale.high - scale.low <= 6:
        parts = np.log10(np.outer(10.0 ** np.arange(-30, 31), np.arange(1, 10))).ravel()
        bar.set_ticks(parts[(parts >= scale.low) & (parts <= scale.high)], minor=True)
    bar.ax.tick_params(which="minor", length=1.5, width=0.4)
    bar.ax.tick_params(which="major", length=2.5, pad=2)
    bar.outline.set_linewidth(0.6)
    bar.set_label(scale.title, labelpad=2)
