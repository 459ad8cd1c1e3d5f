"""3D pictures: one surface, or several on one scale, in one range of colours, from one camera."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from landscape.plane import Plane
from landscape.results import Projection
from landscape.surface import Surface
from viz.captions import caption as caption_of
from viz.colourbar import draw_colour_bar
from viz.frame import Frame
from viz.height import HeightScale, Kind
from viz.mesh import Shading, check_shading
from viz.offscreen import ensure
from viz.scene import Panel, draw_panel
from viz.style import Style
from viz.text import text_2d

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
    shading: Shading = "flat",
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw a surface with the optimizer's path in 3D.

    Args:
        surface: two-dimensional.
        path: one or several trajectories placed on its plane; tubes through the true losses.
        plane: its plane, for the caption.
        title: above the picture.
        height: ``log``, ``linear``, or a scale shared with other pictures.
        shading: see :func:`viz.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks.
        off_screen: False to open a window with ``.show()``.

    Returns:
        A ``pyvista.Plotter``; write it with :func:`viz.save` or show it.

    Raises:
        RuntimeError: if nothing can be rendered here; the message names the missing packages.
        ValueError: for an unknown height or shading, or a surface without a finite value.
    """
    return _draw(
        [Panel(surface, _as_paths(path), title)], [plane], height, shading, caption,
        Style.of(style), columns=1, off_screen=off_screen,
    )  # fmt: skip


def compare(
    surfaces: Sequence[Surface],
    *,
    paths: Sequence[Paths] | None = None,
    planes: Sequence[Plane | None] | None = None,
    titles: Sequence[str] | None = None,
    columns: int | None = None,
    height: Kind | HeightScale = "log",
    shading: Shading = "flat",
    caption: bool = True,
    style: Style | str | None = None,
    off_screen: bool = True,
) -> Any:
    """Draw several surfaces side by side: one height scale, one range of colours, one camera.

    Args:
        surfaces: two-dimensional, 1 to 24; a warning tells if they span different windows.
        paths: of each surface.
        planes: of each surface.
        titles: of each surface.
        columns: panels per row; by default at most 4.
        height: ``log``, ``linear``, or a scale.
        shading: see :func:`viz.mesh.surface_mesh`.
        caption: whether the caption is drawn below.
        style: how it looks.
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
    windows = {tuple(float(v) for a in s.grid.axes for v in (a[0], a[-1])) for s in surfaces}
    if len(windows) > 1:
        warnings.warn("the surfaces span different windows: compare with care", stacklevel=2)
    panels = [
        Panel(s, _as_paths(paths[i] if paths else None), titles[i] if titles else "")
        for i, s in enumerate(surfaces)
    ]
    per_row = columns or (count if count <= 4 else math.ceil(count / math.ceil(count / 4)))
    look = Style.of(style).of_many()
    return _draw(panels, planes or [None] * count, height, shading, caption, look,
                 columns=per_row, off_screen=off_screen)  # fmt: skip


def _draw(
    panels: Sequence[Panel],
    planes: Sequence[Plane | None],
    height: Kind | HeightScale,
    shading: Shading,
    caption: bool,
    style: Style,
    *,
    columns: int,
    off_screen: bool,
) -> Any:
    check_shading(shading)
    surfaces = [panel.surface for panel in panels]
    paths = [path for panel in panels for path in panel.paths]
    scale = height if isinstance(height, HeightScale) else HeightScale.of(
        surfaces, kind=height, paths=paths
    )  # fmt: skip
    frame = Frame.around(surfaces, scale, style)
    text = caption_of(surfaces, paths, scale=scale, frame=frame, shading=shading,
                      plane=planes[0] if len(planes) == 1 else None)  # fmt: skip
    group = Group(panels, frame, style, shading)
    return draw_groups([group], text if caption else "", columns=columns, off_screen=off_screen)


@dataclass(frozen=True, slots=True)
class Group:
    """Panels on one scale, in rows of their own, with one colour bar.

    Attributes:
        panels: what is shown.
        frame: where it is drawn.
        style: how it looks; sizes and resolution are those of a picture's first group.
        shading: see :func:`viz.mesh.surface_mesh`.
    """

    panels: Sequence[Panel]
    frame: Frame
    style: Style
    shading: Shading


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
                       shading=group.shading, aspect=aspect)  # fmt: skip

        return Drawing(draw, len(group.panels), group.frame.scale, group.style)

    return arranged(list(map(drawing, groups)), caption, columns=columns, off_screen=off_screen)


@dataclass(frozen=True, slots=True)
class Drawing:
    """Panels that share a colour bar.

    Attributes:
        draw: draws the panel with a number into the plotter's active renderer.
        count: number of panels.
        scale: of all of them.
        style: how they look.
    """

    draw: Callable[[Any, int], None]
    count: int
    scale: HeightScale
    style: Style


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
    lines = _wrapped(caption, columns, style)
    # Labels of a narrow range have many digits.
    letters = max(len(t) for d in drawings for t in ["", *d.scale.labels(d.scale.ticks())])
    bar = _BAR_WIDTH * style.font_size / 9 * (1 + 0.1 * max(letters - 6, 0))
    plotter = _plotter(rows, columns, len(lines), bar, style, off_screen=off_screen)
    first = 0
    try:
        for drawing, more in zip(drawings, rows, strict=True):
            for number in range(drawing.count):
                plotter.subplot(first + number // columns, number % columns)
                drawing.draw(plotter, number)
            plotter.subplot(first, columns)
            draw_colour_bar(plotter, drawing.scale, drawing.style)
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


def _wrapped(text: str, columns: int, style: Style) -> list[str]:
    """Cut the caption into lines that fit the picture's width; none for no caption."""
    width = (columns * style.panel_width + _BAR_WIDTH) * 0.94
    # A character of this font is about 0.43 of its size wide.
    characters = int(width * 72 / (style.font_size * 0.85 * 0.43))
    return textwrap.wrap(text, characters)


def _as_paths(paths: Paths) -> tuple[Projection, ...]:
    if paths is None:
        return ()
    return (paths,) if isinstance(paths, Projection) else tuple(paths)
