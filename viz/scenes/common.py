"""What all panels of a picture have in common: scale, frame, colours, and the caption."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

from landscape.records.panel import Panel, panels_of
from landscape.records.surface import Surface

from ..captions.surfaces import surface_caption
from ..geometry.colouring import Colours
from ..geometry.frame import Frame
from ..geometry.height import HeightScale
from ..geometry.matching import mismatches, settings_of
from ..look import Look
from ..style import Style
from .arrangement import Drawing
from .scene import DrawnPanel

# What a function that draws several panels takes: a surface is a panel without paths.
Panels = Panel | Surface | Sequence[Panel | Surface]
_OF_CLAY = "Light alone shows the shape; the colour of the walls names the activation."


@dataclass(frozen=True, slots=True)
class Common:
    """What all panels of a picture have in common.

    Attributes:
        panels: what is shown.
        look: how it looks.
        style: that of the look, for panels of this size.
        scale: of their heights.
        frame: where they are drawn.
        colours: of their surfaces; None for those of the losses.
    """

    panels: tuple[Panel, ...]
    look: Look
    style: Style
    scale: HeightScale
    frame: Frame
    colours: Colours | None

    @classmethod
    def of(
        cls, panels: Sequence[Panel], look: Look, style: Style, *, scale: HeightScale | None = None
    ) -> Common:
        """Work out what panels have in common.

        Args:
            panels: two-dimensional.
            look: how they look.
            style: that of the look, for panels of this size.
            scale: of their heights; by default that of the surfaces and the paths on them.

        Raises:
            ValueError: for an unknown field, a reference that does not fit, or surfaces without a
                finite value.
        """
        if style.material == "clay" and look.colour != "losses":
            raise ValueError(
                f"clay is of one colour, got colour {look.colour!r}; leave it out, or take another "
                "style"
            )
        surfaces = [panel.surface for panel in panels]
        scale = scale or look.scale(surfaces, [path for panel in panels for path in panel.paths])
        kinds = {str(settings_of(p.surface, p.plane).get("kind")) for p in panels}
        style = style.over(kinds)
        frame = Frame.around(surfaces, scale, style)
        colours = look.colours(surfaces, scale, style)
        return cls(tuple(panels), look, style, scale, frame, colours)

    def drawn(self) -> list[DrawnPanel]:
        """Return the panels as they are drawn."""
        return [DrawnPanel.of(panel, self.scale) for panel in self.panels]

    def drawing(self, drawn: Sequence[DrawnPanel] | None = None) -> Drawing:
        """Return the 3D drawing of the panels, or of ``drawn`` in their place."""
        return Drawing.of(drawn or self.drawn(), self.frame, self.style, self.look.shading,
                          self.colours)  # fmt: skip

    def caption(self, *, flat: bool = False) -> str:
        """Write the caption of the panels in 3D, or flat."""
        clay = not flat and self.style.material == "clay"
        said = surface_caption(
            self.panels, scale=self.scale, frame=None if flat else self.frame,
            shading="" if flat else self.look.shading, colours=self.colours,
        )  # fmt: skip
        return f"{said} {_OF_CLAY}" if clay else said


def counted(given: Panels, most: int, what: str) -> list[Panel]:
    """Return the panels of a picture that shows 1 to ``most``; warn if they differ in kind.

    The warning is in the name of the caller's caller.

    Raises:
        TypeError: for what is neither a panel nor a surface.
        ValueError: for none or too many.
    """
    panels = panels_of(given)
    if not 1 <= len(panels) <= most:
        raise ValueError(f"{what} shows 1 to {most} surfaces, got {len(panels)}")
    different = mismatches([panel.surface for panel in panels], [panel.plane for panel in panels])
    if different:
        warnings.warn(f"{'; '.join(different)}: compare with care", stacklevel=3)
    return panels
