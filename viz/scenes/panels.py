"""3D pictures: one surface, or several on one scale, in one range of colours, from one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from landscape.records.plane import Plane
from landscape.records.surface import Surface

from ..captions.surfaces import caption as caption_of
from ..captions.told import remember
from ..geometry.colouring import Reference, colours_of
from ..geometry.frame import Frame
from ..geometry.height import HeightScale, Kind, scale_of
from ..geometry.mesh import Shading, check_shading
from ..geometry.rows import per_row
from ..style import Style
from .arrangement import Drawing, Group, arranged, draw_groups
from .panel_lists import panels_of, warn_of_mismatches
from .scene import Panel, Paths

__all__ = ["Drawing", "Group", "arranged", "compare", "draw_groups", "surface"]
_MOST_PANELS = 24


def surface(
    surface: Surface,
    *,
    path: Paths = None,
    plane: Plane | None = None,
    title: str = "",
    height: Kind | HeightScale = "log",
    colour: str = "losses",
    reference: Reference | None = None,
    shading: Shading = "flat",
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw a surface with the optimizer's path in 3D.

    Args:
        surface: two-dimensional.
        path: one or several trajectories placed on its plane; tubes through the true losses, with
            start, end and step marks. The surface passes through their ends. Paths without losses
            lie on it.
        plane: its plane, for the caption, and the solutions that it was made through.
        title: above the picture.
        height: ``log``, ``linear``, ``clipped`` (linear up to a limit), or a scale shared with
            other pictures; ``HeightScale.of([surface], kind="clipped", limit=3.0)``.
        colour: what it is coloured by: ``losses``, ``slope``, ``curvature``, ``status``,
            ``difference``, ``kinks`` or a field such as ``accuracies``; see
            :func:`viz.geometry.colouring.colours_of`.
        reference: for ``difference`` the other surface, for ``kinks`` the kink map.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks: a style, the name of one, or a file of one.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for an unknown height, colour or shading, or a surface without a finite value.
    """
    panels = [Panel.of(surface, path, title, plane=plane)]
    choice = Choice([plane], height, shading, caption, colour, reference)
    return draw_chosen(panels, choice, Style.of(style), columns=1, off_screen=off_screen)


def compare(
    surfaces: Sequence[Surface],
    *,
    paths: Sequence[Paths] | None = None,
    planes: Sequence[Plane | None] | None = None,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    height: Kind | HeightScale = "log",
    colour: str = "losses",
    reference: Reference | Sequence[Reference] | None = None,
    shading: Shading = "flat",
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw several surfaces side by side: one height scale, one range of colours, one camera.

    Args:
        surfaces: two-dimensional, 1 to 24; a warning tells, and the caption too, if their windows,
            kinds of planes, normalisations, units or losses differ.
        paths: of each surface.
        planes: of each surface.
        titles: of each surface.
        columns: panels per row; by default at most 4.
        height: ``log``, ``linear``, ``clipped``, or a scale.
        colour: see :func:`surface`.
        reference: one for all surfaces or one for each; see :func:`surface`.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks: a style, the name of one, or a file of one.
        off_screen: False to draw for a window at once, which ``.show()`` opens.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save`, or ``.show()`` it in a notebook or,
            where there is a display, in a window.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no surface or too many, or lists of different lengths.
    """
    panels = panels_of(surfaces, paths, titles, planes, most=_MOST_PANELS, what="a comparison")
    warn_of_mismatches(surfaces, planes or [])
    every = planes or [None] * len(panels)
    choice = Choice(every, height, shading, caption, colour, reference)
    look, wide = Style.of(style).of_many(), per_row(len(panels), columns, 4)
    return draw_chosen(panels, choice, look, columns=wide, off_screen=off_screen)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller of a picture chose.

    Attributes:
        planes: of each panel, for the caption.
        height: of the surfaces.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        caption: whether it is drawn.
        colour: see :func:`viz.geometry.colouring.colours_of`.
        reference: of the colour.
    """

    planes: Sequence[Plane | None]
    height: Kind | HeightScale
    shading: Shading
    caption: bool
    colour: str = "losses"
    reference: Reference | Sequence[Reference] | None = None


def draw_chosen(
    panels: Sequence[Panel], choice: Choice, style: Style, *, columns: int, off_screen: bool = True
) -> Any:
    """Draw panels on one scale, and the caption that tells what a reader must know.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for an unknown height, colour or shading, or surfaces without a finite value.
    """
    check_shading(choice.shading)
    surfaces = [panel.surface for panel in panels]
    paths = [path for panel in panels for path in panel.paths]
    scale = scale_of(choice.height, surfaces, paths)
    frame = Frame.around(surfaces, scale, style)
    colours = colours_of(surfaces, choice.colour, style, height=scale.kind,
                         reference=choice.reference)  # fmt: skip
    text = caption_of(
        surfaces, paths, scale=scale, frame=frame, shading=choice.shading,
        plane=choice.planes[0] if len(choice.planes) == 1 else None, planes=choice.planes,
        colours=colours, own=[panel.paths for panel in panels],
    )  # fmt: skip
    group = Group([panel.laid(scale) for panel in panels], frame, style, choice.shading, colours)
    plotter = draw_groups([group], text if choice.caption else "", columns=columns,
                          off_screen=off_screen)  # fmt: skip
    remember(plotter, text)
    return plotter
