"""3D pictures: one surface, or several on one scale, in one range of colours, from one camera."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from landscape.plane import Plane
from landscape.results import Projection
from landscape.surface import Surface
from viz.captions import caption as caption_of
from viz.colourbar import draw_colour_bar
from viz.colouring import Colours, Reference, colours_of
from viz.frame import Frame
from viz.height import HeightScale, Kind
from viz.matching import mismatches
from viz.mesh import Shading, check_shading
from viz.offscreen import ensure
from viz.scene import Panel, draw_panel
from viz.style import Style
from viz.text import text_2d, wrapped
from viz.told import remember

Paths = Projection | Sequence[Projection] | None
_BAR_WIDTH = 0.75
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
            start, end and step marks. The surface passes through their ends.
        plane: its plane, for the caption.
        title: above the picture.
        height: ``log``, ``linear``, ``clipped`` (linear up to a limit), or a scale shared with
            other pictures; ``HeightScale.of([surface], kind="clipped", limit=3.0)``.
        colour: what it is coloured by: ``losses``, ``slope``, ``curvature``, ``status``,
            ``difference``, ``kinks`` or a field such as ``accuracies``; see
            :func:`viz.colouring.colours_of`.
        reference: for ``difference`` the other surface, for ``kinks`` the kink map.
        shading: see :func:`viz.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks: a style, the name of one, or a file of one.
        off_screen: False to open a window with ``.show()``.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save` or show it.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for an unknown height, colour or shading, or a surface without a finite value.
    """
    panels = [Panel(surface, as_paths(path), title)]
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
        shading: see :func:`viz.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks: a style, the name of one, or a file of one.
        off_screen: False to open a window with ``.show()``.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save` or show it.

    Raises:
        RuntimeError: if nothing can be rendered here.
        ValueError: for no surface or too many, or lists of different lengths.
    """
    count = len(surfaces)
    if not 1 <= count <= _MOST_PANELS:
        raise ValueError(f"a comparison shows 1 to {_MOST_PANELS} surfaces, got {count}")
    for name, values in (("paths", paths), ("titles", titles), ("planes", planes)):
        if values is not None and len(values) != count:
            raise ValueError(f"{name} must be as many as surfaces, {count}, got {len(values)}")
    warn_of_mismatches(surfaces, planes or [])
    panels = [
        Panel(s, as_paths(paths[i] if paths else None), titles[i] if titles else "")
        for i, s in enumerate(surfaces)
    ]
    per_row = columns or (count if count <= 4 else math.ceil(count / math.ceil(count / 4)))
    choice = Choice(planes or [None] * count, height, shading, caption, colour, reference)
    look = Style.of(style).of_many()
    return draw_chosen(panels, choice, look, columns=per_row, off_screen=off_screen)


def warn_of_mismatches(surfaces: Sequence[Surface], planes: Sequence[Plane | None]) -> None:
    """Warn if panels are not comparable as they stand, in the caller's caller's name."""
    found = mismatches(surfaces, planes)
    if found:
        warnings.warn(f"{'; '.join(found)}: compare with care", stacklevel=3)


@dataclass(frozen=True, slots=True)
class Choice:
    """What the caller of a picture chose.

    Attributes:
        planes: of each panel, for the caption.
        height: of the surfaces.
        shading: see :func:`viz.mesh.surface_mesh`.
        caption: whether it is drawn.
        colour: see :func:`viz.colouring.colours_of`.
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
    height = choice.height
    scale = height if isinstance(height, HeightScale) else HeightScale.of(
        surfaces, kind=height, paths=paths
    )  # fmt: skip
    frame = Frame.around(surfaces, scale, style)
    colours = colours_of(surfaces, choice.colour, style, height=scale.kind,
                         reference=choice.reference)  # fmt: skip
    text = caption_of(
        surfaces, paths, scale=scale, frame=frame, shading=choice.shading,
        plane=choice.planes[0] if len(choice.planes) == 1 else None, planes=choice.planes,
        colours=colours, own=[panel.paths for panel in panels],
    )  # fmt: skip
    group = Group(panels, frame, style, choice.shading, colours)
    plotter = draw_groups([group], text if choice.caption else "", columns=columns,
                          off_screen=off_screen)  # fmt: skip
    remember(plotter, text)
    return plotter


@dataclass(frozen=True, slots=True)
class Group:
    """Panels on one scale, in rows of their own, with one colour bar.

    Attributes:
        panels: what is shown.
        frame: where it is drawn.
        style: how it looks; sizes and resolution are those of a picture's first group.
        shading: see :func:`viz.mesh.surface_mesh`.
        colours: what the surfaces are coloured by; None for their losses.
    """

    panels: Sequence[Panel]
    frame: Frame
    style: Style
    shading: Shading
    colours: Colours | None = None


def draw_groups(
    groups: Sequence[Group], caption: str, *, columns: int, off_screen: bool = True
) -> Any:
    """Draw groups of panels below one another, and the caption below them.

    Args:
        groups: at least one.
        caption: "" for none.
        columns: panels per row.
        off_screen: False to open a window with ``.show()``.

    Returns:
        A ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    style = groups[0].style
    aspect = style.panel_width / style.panel_height

    def drawing(group: Group) -> Drawing:
        def draw(plotter: Any, number: int) -> None:
            draw_panel(plotter, group.panels[number], group.frame, group.style,
                       shading=group.shading, aspect=aspect, colours=group.colours,
                       number=number)  # fmt: skip

        return Drawing(draw, len(group.panels), group.frame.scale, group.style, group.colours)

    return arranged(list(map(drawing, groups)), caption, columns=columns, off_screen=off_screen)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels that share a colour bar.

    Attributes:
        draw: draws the panel with a number into the plotter's active renderer.
        count: number of panels.
        scale: of all of them.
        style: how they look.
        colours: what they are coloured by, if not by their heights.
    """

    draw: Callable[[Any, int], None]
    count: int
    scale: HeightScale
    style: Style
    colours: Colours | None = None

    @property
    def title(self) -> str:
        """What is written above the colour bar."""
        return self.colours.scale.title if self.colours is not None else self.scale.title

    @property
    def labels(self) -> list[str]:
        """What is written at the colour bar's ticks."""
        if self.colours is not None:
            return self.colours.labels()
        clipped = ["clipped"] if self.scale.clipped else []
        return [*clipped, *self.scale.labels(self.scale.ticks())]


def arranged(
    drawings: Sequence[Drawing], caption: str, *, columns: int = 1, off_screen: bool = True
) -> Any:
    """Put panels, their colour bars and the caption into one picture.

    Args:
        drawings: each in rows of its own; sizes are those of the first one's style.
        caption: "" for none.
        columns: panels per row.
        off_screen: False to open a window.

    Returns:
        A ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    style = drawings[0].style
    rows = [math.ceil(drawing.count / columns) for drawing in drawings]
    across = (columns * style.panel_width + _BAR_WIDTH) * 0.94
    lines = wrapped(caption, across, style.font_size * 0.85, style.font)
    # Labels of a narrow range have many digits; a title begins further to the left.
    letters = max(len(t) for d in drawings for t in ["", *d.labels])
    letters = max(letters, *(round(0.65 * len(t)) for d in drawings for t in d.title.split("  ")))
    bar = _BAR_WIDTH * style.font_size / 9 * (1 + 0.1 * max(letters - 6, 0))
    plotter = _plotter(rows, columns, len(lines), bar, style, off_screen=off_screen)
    first = 0
    try:
        for drawing, more in zip(drawings, rows, strict=True):
            for number in range(drawing.count):
                plotter.subplot(first + number // columns, number % columns)
                drawing.draw(plotter, number)
            plotter.subplot(first, columns)
            draw_colour_bar(plotter, drawing.scale, drawing.style, drawing.colours)
            first += more
    except BaseException:
        plotter.close()
        raise
    plotter.subplot(first, 0)
    if lines:
        text_2d(plotter, "\n".join(lines), (0.5, 0.92), style, size=0.85, vertical="top")
    plotter.subplot(0, 0)
    return plotter


def _plotter(
    groups: Sequence[int],
    columns: int,
    lines: int,
    bar: float,
    style: Style,
    *,
    off_screen: bool,
) -> Any:
    """Make the window: groups of rows of panels, a column for colour bars, a caption's strip."""
    if off_screen:
        ensure()
    import numpy as np
    import pyvista

    strip = (lines * 1.3 * 0.85 + 1.0) * style.font_size / 72
    width = columns * style.panel_width + bar
    rows = sum(groups)
    tall = rows * style.panel_height + strip
    ends = [sum(groups[: i + 1]) for i in range(len(groups))]
    bars = [(np.s_[end - count : end], columns) for end, count in zip(ends, groups, strict=True)]
    plotter = pyvista.Plotter(
        shape=(rows + 1, columns + 1),
        row_weights=[*[style.panel_height] * rows, strip],
        col_weights=[*[style.panel_width] * columns, bar],
        groups=[*bars, (rows, np.s_[:])],
        border=False,
        off_screen=off_screen,
        window_size=[round(width * style.dpi), round(tall * style.dpi)],
        lighting="none",
    )
    plotter.set_background(style.background)
    if style.anti_aliasing:
        plotter.enable_anti_aliasing("ssaa", all_renderers=True)
    return plotter


def as_paths(paths: Paths) -> tuple[Projection, ...]:
    """Return one or several paths, or none, as a tuple."""
    if paths is None:
        return ()
    return (paths,) if isinstance(paths, Projection) else tuple(paths)
