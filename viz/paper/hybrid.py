"""Figures for a paper: surfaces rendered, everything else lines and text; contours below them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..captions.surfaces import caption as caption_of
from ..captions.told import remember
from ..flat.lines import drawing
from ..geometry.colouring import Colours, Reference, colours_of
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, scale_of
from ..geometry.mesh import Shading, check_shading
from ..scenes.panel_lists import panels_of, warn_of_mismatches
from ..scenes.scene import Panel, Paths
from ..style import PAPER as SCREEN
from ..style import STYLES, Style
from .page import Page, common_names
from .paper_panels import bar_texts, colour_bar, draw_hybrid, flat_panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def check_dpi(dpi: int) -> None:
    """Raise ValueError for a resolution below 1 pixel per inch."""
    if not dpi >= 1:
        raise ValueError(f"dpi must be >= 1, got {dpi}")


def figure(
    surfaces: Surface | Sequence[Surface],
    *,
    paths: Sequence[Paths] | Projection | None = None,
    planes: Sequence[Plane | None] | None = None,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    height: Kind | HeightScale = "log",
    colour: str = "losses",
    reference: Reference | Sequence[Reference] | None = None,
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
        height: ``log``, ``linear``, ``clipped`` (linear up to a limit) or a scale.
        colour: of surfaces and contours, whose isolines are those of the loss: ``losses``,
            ``slope``, ``curvature``, ``status``, ``difference``, ``kinks`` or a field such as
            ``accuracies``; see :func:`viz.surface`.
        reference: one for all surfaces or one for each; see :func:`viz.surface`.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        width: of the figure in inches: 5.5, 3.25 and 6.75 are usual.
        dpi: pixels per inch of what is rendered.
        contours: whether each surface is drawn as contours too.
        caption: whether the caption is drawn below; :func:`viz.figure_caption` writes it.
        style: colours and camera: a style, the name of one, or a file of one.

    Returns:
        A ``matplotlib.figure.Figure``; write it with :func:`viz.save`, which keeps ``dpi``.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for no surface or too many, lists of other lengths, an unknown height, colour
            or shading, a reference that does not fit, less than 1 column or pixel per inch, or
            panels that would be too small.
    """
    panels = _panels(surfaces, paths, titles, planes)
    warn_of_mismatches([panel.surface for panel in panels], planes or ())
    check_shading(shading)
    check_dpi(dpi)
    style = figure_style(style)
    scale, frame = _scale_and_frame(panels, height, style)
    colours = _colours(panels, colour, reference, scale, style)
    words = _caption(panels, planes, scale, frame, shading, contours, colours)
    panels = [panel.laid(scale) for panel in panels]
    names = common_names(panels, style)
    with drawing(style):
        page = Page.of(frame, style, len(panels), width=width, columns=columns, contours=contours,
                       legend=bool(names), caption=words if caption else "",
                       titles=[panel.title for panel in panels],
                       bar=bar_texts(scale, colours))  # fmt: skip
        drawn = page.start(dpi)
        for number, panel in enumerate(panels):
            draw_hybrid(page.panel(drawn, number), panel, page.view, frame, style,
                        shading=shading, dpi=dpi, count=page.ticks, colours=colours,
                        number=number)  # fmt: skip
            page.write_title(drawn, number)
            if contours:
                flat_panel(page.contour(drawn, number), panel, scale, style,
                           named=number % page.columns == 0, legend=not names,
                           count=page.ticks, colours=colours, number=number)  # fmt: skip
        colour_bar(page.bar(drawn), scale, style, upright=page.upright, colours=colours)
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
    colour: str = "losses",
    reference: Reference | Sequence[Reference] | None = None,
    shading: Shading = "flat",
    contours: bool = True,
    style: Style | str | None = None,
) -> str:
    """Write the caption of :func:`figure`, given the same arguments.

    Raises:
        ValueError: as :func:`figure` does.
    """
    panels = _panels(surfaces, paths, None, planes)
    style = figure_style(style)
    scale, frame = _scale_and_frame(panels, height, style)
    colours = _colours(panels, colour, reference, scale, style)
    return _caption(panels, planes, scale, frame, shading, contours, colours)


def _colours(
    panels: Sequence[Panel],
    colour: str,
    reference: Reference | Sequence[Reference] | None,
    scale: HeightScale,
    style: Style,
) -> Colours | None:
    surfaces = [panel.surface for panel in panels]
    return colours_of(surfaces, colour, style, height=scale.kind, reference=reference)


def _caption(
    panels: Sequence[Panel],
    planes: Sequence[Plane | None] | None,
    scale: HeightScale,
    frame: Frame,
    shading: str,
    contours: bool,
    colours: Colours | None,
) -> str:
    shown = [path for panel in panels for path in panel.paths]
    surfaces = [panel.surface for panel in panels]
    words = caption_of(surfaces, shown, scale=scale, frame=frame, shading=shading,
                       planes=planes or (), colours=colours,
                       own=[panel.paths for panel in panels])  # fmt: skip
    return f"{words} Below: the same as contours." if contours else words


def _panels(
    surfaces: Surface | Sequence[Surface],
    paths: Sequence[Paths] | Projection | None,
    titles: Sequence[str] | None,
    planes: Sequence[Plane | None] | None,
) -> list[Panel]:
    return panels_of(surfaces, paths, titles, planes, most=MOST_PANELS, what="a figure")


def _scale_and_frame(
    panels: Sequence[Panel], height: Kind | HeightScale, style: Style
) -> tuple[HeightScale, Frame]:
    """Return the scale and the frame that all panels share."""
    surfaces = [panel.surface for panel in panels]
    scale = scale_of(height, surfaces, [path for panel in panels for path in panel.paths])
    return scale, Frame.around(surfaces, scale, style)
