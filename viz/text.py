"""Writing in 3D pictures: at a place in the scene or of the panel."""

from __future__ import annotations

from typing import Any

from viz.style import Style, font_file


def text_3d(
    plotter: Any,
    text: str,
    position: Any,
    style: Style,
    *,
    size: float = 1.0,
    align: str = "centre",
) -> None:
    """Write at a place in the scene, always facing the viewer."""
    from vtkmodules.vtkRenderingCore import vtkBillboardTextActor3D

    actor = vtkBillboardTextActor3D()
    actor.SetPosition(*map(float, position))
    actor.SetInput(text.replace("-", "−"))
    set_font(actor.GetTextProperty(), text, style, size)
    if align == "right":
        actor.GetTextProperty().SetJustificationToRight()
    actor.GetTextProperty().SetVerticalJustificationToCentered()
    plotter.add_actor(actor, reset_camera=False, pickable=False)


def text_2d(
    plotter: Any,
    text: str,
    position: tuple[float, float],
    style: Style,
    *,
    size: float = 1.0,
    vertical: str = "centre",
    align: str = "centre",
    colour: str = "",
) -> None:
    """Write at a place of the panel, in shares of its width and height."""
    import pyvista
    from vtkmodules.vtkRenderingCore import vtkTextActor

    actor = vtkTextActor()
    actor.SetInput(text)
    actor.GetPositionCoordinate().SetCoordinateSystemToNormalizedViewport()
    actor.SetPosition(*position)
    set_font(actor.GetTextProperty(), text, style, size)
    if vertical == "top":
        actor.GetTextProperty().SetVerticalJustificationToTop()
    else:
        actor.GetTextProperty().SetVerticalJustificationToCentered()
    if align == "left":
        actor.GetTextProperty().SetJustificationToLeft()
    if colour:
        actor.GetTextProperty().SetColor(*pyvista.Color(colour).float_rgb)
    plotter.add_actor(actor, reset_camera=False, pickable=False)


def set_font(properties: Any, text: str, style: Style, size: float) -> None:
    """Set font, size and colour of VTK's text properties, for this text."""
    import pyvista

    properties.SetFontFamily(4)  # VTK_FONT_FILE
    properties.SetFontFile(font_file(text, style.font))
    properties.SetFontSize(max(round(style.pixels(style.font_size * size)), 1))
    properties.SetColor(*pyvista.Color(style.ink).float_rgb)
    properties.SetJustificationToCentered()
    properties.SetLineSpacing(1.25)
