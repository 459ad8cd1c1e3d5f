"""The rendered part of a figure: surface, isolines and paths on nothing, without text and frame.

Rendered in tiles and finer than shown, so that neither the size of a window nor a way of smoothing
edges that the graphics offers, or not, decides how it looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from landscape.records.results import Projection

from ..geometry.colouring import Colours
from ..geometry.frame import Frame
from ..geometry.mesh import Shading
from ..geometry.paths import TUBE, bead_points, draw_beads, draw_halo, path_pieces
from ..geometry.viewport import View
from ..geometry.window import visible
from ..offscreen import ensure
from ..scenes.scene import DrawnPanel, draw_mesh, panel_mesh, shaded_smooth
from ..style import Style

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]
_TILE = 1500


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A rendered picture and its place in a view.

    Attributes:
        pixels: red, green, blue and opacity, the uppermost row first, [rows, columns, 4].
        extent: left, right, bottom and top in inches from the view's lower left corner.
    """

    pixels: Bytes
    extent: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class Solid:
    """A surface in 3D, as it is drawn on paper.

    Attributes:
        panel: what is shown.
        frame: where it is drawn.
        view: the paper.
        style: how it looks; its resolution is not used.
        shading: see :func:`viz.geometry.mesh.surface_mesh`.
        dpi: pixels per inch of what is rendered.
        colours: of all panels of the figure; None for those of the losses.
        number: which of the colours' surfaces this is.
    """

    panel: DrawnPanel
    frame: Frame
    view: View
    style: Style
    shading: Shading
    dpi: int
    colours: Colours | None = None
    number: int = 0


def render(solid: Solid) -> Layer:
    """Render what a panel shows, but for frame and text, cropped to what is not empty.

    Raises:
        RuntimeError: if nothing can be rendered here, or nothing is to be seen.
    """
    ensure()
    view, dpi = solid.view, solid.dpi
    shape = (max(round(view.height * dpi), 1), max(round(view.width * dpi), 1))
    picture = np.zeros((*shape, 4), dtype=np.uint8)
    for rows, columns, tile in _tiles(solid, shape):
        picture[rows, columns] = _as_bytes(tile)
    return _cropped(picture, dpi)


def _tiles(solid: Solid, shape: tuple[int, int]) -> Iterator[tuple[slice, slice, Floats]]:
    """Yield tiles, with rows counted from below: colours times opacity, and opacity, 0 to 1."""
    import pyvista

    dpi, finer = solid.dpi, 3 if solid.style.anti_aliasing else 1
    side = max(_TILE // finer, 1)
    window = [min(side, shape[1]) * finer, min(side, shape[0]) * finer]
    plotter = pyvista.Plotter(off_screen=True, window_size=window, lighting="none", border=False)
    try:
        plotter.disable_anti_aliasing()
        plotter.set_background("black")
        plotter.image_transparent_background = True
        plotter.renderer.SetBackgroundAlpha(0.0)
        _draw(plotter, solid)
        size = np.array([window[0], window[1]]) / (dpi * finer)
        for row in range(0, shape[0], side):
            for column in range(0, shape[1], side):
                solid.view.aim(plotter.renderer, np.array([column, row]) / dpi, size)
                tile = _averaged(_seen(plotter), finer)
                high, wide = (min(side, n - k) for n, k in ((shape[0], row), (shape[1], column)))
                yield slice(row, row + high), slice(column, column + wide), tile[:high, :wide]
    finally:
        plotter.close()


def _draw(plotter: Any, solid: Solid) -> None:
    frame, view, style, colours = solid.frame, solid.view, solid.style, solid.colours
    mesh = panel_mesh(solid.panel, frame, solid.shading, colours, solid.number)
    # Wide lines have notches at their corners and between tiles: lines are drawn as tubes.
    draw_mesh(plotter, mesh, frame, replace(style, isolines=False), framed=False, colours=colours,
              smooth=shaded_smooth(solid.shading, colours), inch=1 / view.scale,
              base=solid.panel.base)  # fmt: skip
    for _, line in isolines(mesh, frame) if style.isolines else ():
        _tube(plotter, line, _isoline(style, view), style.isoline_colour, lighting=False)
    for path, colour in coloured(solid.panel.paths, style):
        for piece in path_pieces(path, frame) if visible(path) else ():
            if len(piece) > 1:
                draw_halo(plotter, piece, style)
                _tube(plotter, piece, TUBE, colour, ambient=0.75, diffuse=0.35,
                      smooth_shading=True)  # fmt: skip
        if visible(path) and len(places := bead_points(path, frame)):
            draw_beads(plotter, places, style, colour)


def _isoline(style: Style, view: View) -> float:
    """Return the radius of isolines in units of the picture; thinner in a small view."""
    # As wide as those of contours.
    return 0.8 * style.isoline_width * view.line_share / 144 / view.scale


def isolines(mesh: Any, frame: Frame) -> Iterator[tuple[float, Floats]]:
    """Yield the lines of equal height of a surface's mesh: the height, and points [n, 3]."""
    for level in frame.scale.levels():
        contour = mesh.contour([float(level)], scalars="heights")
        if not contour.n_points:
            continue
        joined = contour.strip(max_length=100_000)
        points, cells, first = np.asarray(joined.points, dtype=np.float64), joined.lines, 0
        while first < len(cells):
            count = int(cells[first])
            yield float(level), points[cells[first + 1 : first + 1 + count]]
            first += count + 1


def coloured(paths: Sequence[Projection], style: Style) -> list[tuple[Projection, str]]:
    """Return each path of a panel with its colour."""
    return [(path, style.path_colour(number)) for number, path in enumerate(paths)]


def _tube(plotter: Any, points: Floats, radius: float, colour: str, **look: Any) -> None:
    import pyvista

    line = pyvista.lines_from_points(points)
    plotter.add_mesh(line.tube(radius=radius, n_sides=12), color=colour, **look)


def _seen(plotter: Any) -> Floats:
    """Return what is seen on a black ground that does not count, lowest row first."""
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

    plotter.render_window.Render()
    taken = vtkWindowToImageFilter()
    taken.SetInput(plotter.render_window)
    taken.SetInputBufferTypeToRGBA()
    taken.ReadFrontBufferOff()
    taken.ShouldRerenderOff()
    taken.Update()
    wide, high, _ = taken.GetOutput().GetDimensions()
    read: Any = vtk_to_numpy  # Without annotations.
    values = np.asarray(read(taken.GetOutput().GetPointData().GetScalars()), dtype=np.float64)
    return np.asarray(values.reshape(high, wide, 4) / 255.0)


def _averaged(image: Floats, finer: int) -> Floats:
    """Average squares of ``finer`` pixels."""
    rows, columns = image.shape[0] // finer, image.shape[1] // finer
    blocks = image.reshape(rows, finer, columns, finer, 4)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _as_bytes(tile: Floats) -> Bytes:
    """Divide colours by their opacity and write both as bytes."""
    opacity = tile[..., 3:]
    colours = tile[..., :3] / np.where(opacity > 0, opacity, 1.0)
    shown = np.concatenate([np.clip(colours, 0.0, 1.0), opacity], axis=-1)
    return np.round(255 * shown).astype(np.uint8)


def _cropped(picture: Bytes, dpi: int) -> Layer:
    """Cut off empty rims and turn the picture, its lowest row first, upside down."""
    rows, columns = (np.flatnonzero(picture[..., 3].any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        raise RuntimeError("the picture came out empty; try 'landscape info --machine'")
    part = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    extent = (columns[0], columns[-1] + 1, rows[0], rows[-1] + 1)
    left, right, bottom, top = (float(edge) / dpi for edge in extent)
    return Layer(np.ascontiguousarray(part[::-1]), (left, right, bottom, top))
