"""3D pictures: one surface, or several on one scale, in one range of colours, from one camera."""

from __future__ import annotations

import math
import textwrap
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from landscape.plane import Plane
from landscape.results import Projection
from landscape.surface import Surface
from viz.captions import caption as caption_of
from viz.colourbar import draw_colour_bar
from viz.frame import Frame
from viz.height import HeightScale, Kind
from viz.lettering import text_2d
from viz.mesh import Shading, check_shading
from viz.offscreen import ensure
from viz.scene import Panel, draw_panel
from viz.style import PANELS, PAPER, Style

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
    style: Style | None = None,
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
        style or PAPER, columns=1, off_screen=off_screen,
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
    style: Style | None = None,
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
    return _draw(panels, planes or [None] * count, height, shading, caption, style or PANELS,
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
    aspect = style.panel_width / style.panel_height

    def draw(plotter: Any, number: int) -> None:
        draw_panel(plotter, panels[number], frame, style, shading=shading, aspect=aspect)

    return arranged(draw, len(panels), scale, text if caption else "", style,
                    columns=columns, off_screen=off_screen)  # fmt: skip


def arranged(
    draw: Callable[[Any, int], None],
    count: int,
    scale: HeightScale,
    text: str,
    style: Style,
    *,
    columns: int = 1,
    off_screen: bool = True,
) -> Any:
    """Put panels, their colour bar and their caption into one picture.

    Args:
        draw: draws the panel with a number into the plotter's active renderer.
        count: number of panels.
        scale: of all panels.
        text: the caption, or nothing.
        style: how it looks.
        columns: panels per row.
        off_screen: False to open a window.

    Returns:
        A ``pyvista.Plotter``.

    Raises:
        RuntimeError: if nothing can be rendered here.
    """
    rows = math.ceil(count / columns)
    lines = _wrapped(text, columns, style) if text else []
    letters = max(map(len, scale.labels(scale.ticks())), default=0)
    bar = _BAR_WIDTH * style.font_size / 9 * (1 + 0.1 * max(letters - 6, 0))
    plotter = _plotter(rows, columns, len(lines), bar, style, off_screen=off_screen)
    try:
        for number in range(count):
            plotter.subplot(number // columns, number % columns)
            draw(plotter, number)
    except BaseException:
        plotter.close()
        raise
    plotter.subplot(0, columns)
    draw_colour_bar(plotter, scale, style)
    plotter.subplot(rows, 0)
    if lines:
        text_2d(plotter, "\n".join(lines), (0.5, 0.92), style, size=0.85, vertical="top")
    plotter.subplot(0, 0)
    return plotter


def _plotter(
    rows: int, columns: int, lines: int, bar: float, style: Style, *, off_screen: bool
) -> Any:
    """Make the window: panels, a column for the colour bar, a strip for the caption."""
    if off_screen:
        ensure()
    import numpy as np
    import pyvista

    strip = (lines * 1.3 * 0.85 + 1.0) * style.font_size / 72
    width = columns * style.panel_width + bar
    tall = rows * style.panel_height + strip
    plotter = pyvista.Plotter(
        shape=(rows + 1, columns + 1),
        row_weights=[*[style.panel_height] * rows, strip],
        col_weights=[*[style.panel_width] * columns, bar],
        groups=[(np.s_[0:rows], columns), (rows, np.s_[:])],
        border=False,
        off_screen=off_screen,
        window_size=[round(width * style.dpi), round(tall * style.dpi)],
        lighting="none",
    )
    plotter.set_background("white")
    if style.anti_aliasing:
        plotter.enable_anti_aliasing("ssaa", all_renderers=True)
    return plotter


def _wrapped(text: str, columns: int, style: Style) -> list[str]:
    """Cut the caption into lines that fit the picture's width."""
    width = (columns * style.panel_width + _BAR_WIDTH) * 0.94
    # A character of this font is about 0.43 of its size wide.
    characters = int(width * 72 / (style.font_size * 0.85 * 0.43))
    return textwrap.wrap(text, characters)


def _as_paths(paths: Paths) -> tuple[Projection, ...]:
    if paths is None:
        return ()
    return (paths,) if isinstance(paths, Projection) else tuple(paths)
