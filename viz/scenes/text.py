"""Writing in 3D pictures: at a place in the scene or of the panel; cutting text into lines."""

from __future__ import annotations

import textwrap
from functools import cache
from typing import Any, Literal

from ..geometry.numbers import minus
from ..style import Font, Style, font_file

Align = Literal["left", "centre", "right"]
# Letters of a line.
_FEWEST = 10


def text_3d(
    plotter: Any,
    text: str,
    position: Any,
    style: Style,
    *,
    size: float = 1.0,
    align: Align = "centre",
    grounded: bool = False,
) -> None:
    """Write at a place in the scene, always facing the viewer, before everything.

    Not as a billboard: that would be lit, and grey on a dark background. ``grounded`` text has the
    picture's background behind it, for places on a surface.
    """
    actor = _written(plotter, minus(text), style, size, align)
    actor.GetPositionCoordinate().SetCoordinateSystemToWorld()
    actor.GetPositionCoordinate().SetValue(*map(float, position))
    if grounded:
        import pyvista

        actor.GetTextProperty().SetBackgroundColor(*pyvista.Color(style.background).float_rgb)
        actor.GetTextProperty().SetBackgroundOpacity(0.7)


def text_2d(
    plotter: Any,
    text: str,
    position: tuple[float, float],
    style: Style,
    *,
    size: float = 1.0,
    vertical: str = "centre",
    align: Align = "centre",
    colour: str = "",
    upright: bool = False,
) -> None:
    """Write at a place of the panel, in shares of its width and height."""
    actor = _written(plotter, text, style, size, align, colour)
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    if vertical == "top":
        actor.GetTextProperty().SetVerticalJustificationToTop()
    if upright:
        actor.SetOrientation(90.0)


def _written(
    plotter: Any, text: str, style: Style, size: float, align: Align, colour: str = ""
) -> Any:
    """Add an actor of text, in the font that has its letters, centred vertically."""
    import pyvista
    from vtkmodules.vtkRenderingCore import vtkTextActor

    actor = vtkTextActor()
    actor.SetInput(text)
    properties = actor.GetTextProperty()
    properties.SetFontFamily(4)  # VTK_FONT_FILE
    properties.SetFontFile(font_file(text, style.font))
    properties.SetFontSize(letter_pixels(style, size))
    properties.SetColor(*pyvista.Color(colour or style.ink).float_rgb)
    properties.SetJustification(("left", "centre", "right").index(align))
    properties.SetVerticalJustificationToCentered()
    properties.SetLineSpacing(1.25)
    plotter.add_actor(actor, reset_camera=False, pickable=False)
    return actor


def letter_shares(plotter: Any, style: Style) -> tuple[float, float]:
    """Return the font's size as shares of the active renderer's width and height."""
    left, low, right, high = map(float, plotter.renderer.viewport)
    width, height = map(float, plotter.window_size)
    size = style.pixels(style.font_size)
    return size / ((right - left) * width), size / ((high - low) * height)


def inches(text: str, style: Style, size: float = 1.0) -> float:
    """Return how wide a line of text is in a 3D picture.

    Args:
        text: what is written.
        style: of the picture.
        size: of the font, as a multiple of the style's.
    """
    from PIL import ImageFont

    letters = ImageFont.truetype(font_file(text, style.font), letter_pixels(style, size),
                                 layout_engine=ImageFont.Layout.BASIC)  # fmt: skip
    return float(letters.getlength(minus(text))) / style.dpi


def wrapped(text: str, width: float, size: float, font: Font = "serif") -> list[str]:
    """Cut a text into lines, as its font is wide.

    Args:
        text: what is written; "" gives no line.
        width: of a line in inches.
        size: of the font in points.
        font: which.
    """
    return _lines(text, int(width * 72 / (size * letter_width(font)))) if text else []


def wrapped_in_scene(text: str, width: float, style: Style, size: float) -> list[str]:
    """Cut a text into lines that fit into a 3D picture, whose letters are whole pixels large.

    Args:
        text: what is written; "" gives no line.
        width: of a line in inches.
        style: of the picture.
        size: of the font, as a multiple of the style's.
    """
    lines = wrapped(text, width, style.font_size * size, style.font)
    most = max(map(len, lines), default=0)
    while most > _FEWEST and any(inches(x, style, size) > width for x in lines):
        most -= 1
        lines = _lines(text, most)
    return lines


def _lines(text: str, letters: int) -> list[str]:
    # Names of runs have hyphens that are no places to break.
    return textwrap.wrap(text, max(letters, _FEWEST), break_on_hyphens=False)


def letter_pixels(style: Style, size: float) -> int:
    """Return how large letters are in a 3D picture, as a multiple of the style's."""
    return max(round(style.pixels(style.font_size * size)), 1)


@cache
def letter_width(font: Font) -> float:
    """Return how wide a letter of usual text is, as a share of the font's size."""
    from PIL import ImageFont

    usual = "Each triangle of the grid is shaded as it is; 51 x 51 points, 1,797 examples. "
    # A little more than the average: lines differ.
    return (
        1.04
        * float(ImageFont.truetype(font_file(font=font), 100).getlength(usual))
        / (100 * len(usual))
    )
