"""Small pictures of surfaces, as a notebook shows them beside what they hold."""

from __future__ import annotations

from io import BytesIO

from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..look import Look
from .contours import contour
from .line_figures import line
from .volumes import volume

_LOOK = Look(height="auto")


def thumbnail(panel: Panel | Surface, *, width: float = 3.0) -> bytes:
    """Return a small flat picture of a surface, a line or a volume, as PNG.

    Args:
        panel: what is shown, with its paths over a plane.
        width: of the picture in inches, of 100 pixels each.

    Raises:
        ValueError: for a surface without a finite value.
    """
    (chosen,) = panels_of(panel)
    axes = len(chosen.surface.grid.shape)
    if axes == 1:
        figure = line(chosen, _LOOK, width=width)
    else:
        figure = (contour if axes == 2 else volume)(chosen, _LOOK, width=width, caption=False)
    file = BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return file.getvalue()
