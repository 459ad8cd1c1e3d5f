"""The map of the live explorer: what is shown, seen from above, as attributes of its element."""

from __future__ import annotations

import json
from io import BytesIO

import numpy as np
from numpy.typing import NDArray

from ..browser.packing import TYPES, base64_of, float_kind
from ..geometry.height import surface_heights
from ..geometry.relief import Relief
from ..geometry.window import Window, drawn_records, visible
from ..style import Style
from .live_scene import Drawn


def map_attributes(picture: Drawn, style: Style) -> dict[str, str]:
    """Return what the map needs.

    Returns:
        ``map_src``, a PNG as data URL; ``map_extent``, first and last alpha and beta of its edges;
        ``map_window``, those of the points; ``map_shape``, how many; ``map_values`` in base64, as
        little-endian float32 in the order of the grid, or float64 if that cannot hold them;
        ``map_quantity``, what they are; ``map_path``, the coordinates of the path of the surface's
        own run, as JSON.
    """
    surface = picture.surface
    pixels, whole_cells = map_pixels(picture, style)
    extent, window = [], []
    for axis in surface.grid.axes:
        half = 0.0 if whole_cells else float(axis[-1] - axis[0]) / (len(axis) - 1) / 2
        extent += [float(axis[0]) - half, float(axis[-1]) + half]
        window += [float(axis[0]), float(axis[-1])]
    # The first path is that of the surface's own run.
    path = next((p for p in picture.paths if visible(p)), None)
    drawn = None if path is None else drawn_records(path, Window.around([surface]))
    points = [] if path is None else path.coordinates[drawn].tolist()
    kind = TYPES[float_kind(surface.losses)]
    return {
        "map_src": "data:image/png;base64," + base64_of(_png(pixels)),
        "map_extent": " ".join(map(repr, extent)),
        "map_window": " ".join(map(repr, window)),
        "map_shape": " ".join(map(str, surface.grid.shape)),
        "map_values": base64_of(np.ascontiguousarray(surface.losses, dtype=kind).tobytes()),
        "map_quantity": "loss" if picture.residual is None else "residual",
        "map_path": json.dumps(points),
    }


def map_pixels(drawn: Drawn, style: Style) -> tuple[NDArray[np.uint8], bool]:
    """Return the picture, beta upwards, [rows, columns, 3], and whether pixels lie between points.

    Losses have a pixel at each point; residuals, one for each cell, lit by its slope, so that
    creases are lines.
    """
    if drawn.residual is not None and drawn.residual.resolved:
        lit = Relief.of([drawn.residual]).colours(drawn.residual)
        return _upright(np.rint(255 * lit).astype(np.uint8)), True
    import matplotlib

    heights = surface_heights(drawn.surface, drawn.scale.kind)
    share = (heights - drawn.scale.low) / (drawn.scale.high - drawn.scale.low)
    name = style.colour_map if drawn.residual is None else style.diverging_map
    colours = matplotlib.colormaps[name].with_extremes(bad=style.missing)
    return _upright(colours(np.ma.masked_invalid(share), bytes=True)[..., :3]), False


def _upright(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    # Axis 0 is alpha and goes to the right, axis 1 is beta and goes up.
    return np.ascontiguousarray(pixels.transpose(1, 0, 2)[::-1])


def _png(pixels: NDArray[np.uint8]) -> bytes:
    import matplotlib.image

    file = BytesIO()
    matplotlib.image.imsave(file, pixels, format="png")
    return file.getvalue()
