"""How pictures look: one object for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Colours, sizes and camera of every picture. Lengths in points and inches at ``dpi``.

    Attributes:
        panel_width: width of a 3D panel in inches.
        panel_height: height of a 3D panel in inches.
        dpi: pixels per inch.
        font_size: of tick labels, in points; titles are a fifth larger.
        colour_map: matplotlib's name; perceptually uniform and safe for the colour-blind.
        path_colours: one for each path.
        ink: colour of text and frame.
        isoline_width: in points.
        isolines: whether 3D surfaces have lines of equal height.
        ambient: share of a 3D surface's colour that is seen without light.
        diffuse: share that the light adds where it falls straight on it.
        elevation: of the camera over the plane, in degrees.
        azimuth: of the camera, in degrees from the alpha axis.
        height: height of the surface over its width.
        anti_aliasing: supersampling of 3D pictures.
    """

    panel_width: float = 5.5
    panel_height: float = 4.0
    dpi: int = 300
    font_size: float = 9.0
    colour_map: str = "viridis"
    path_colours: tuple[str, ...] = ("#d7191c", "#000000", "#ff8c00", "#7b3294")
    ink: str = "#222222"
    isoline_width: float = 0.5
    isolines: bool = True
    ambient: float = 0.42
    diffuse: float = 0.62
    elevation: float = 40.0
    azimuth: float = -58.0
    height: float = 0.33
    anti_aliasing: bool = True

    def __post_init__(self) -> None:
        if min(self.panel_width, self.panel_height, self.dpi, self.font_size, self.height) <= 0:
            raise ValueError("sizes must be > 0")
        if not 0 < self.elevation < 90:
            raise ValueError(f"elevation must be between 0 and 90 degrees, got {self.elevation}")

    @property
    def em(self) -> float:
        """About the size of a letter in a 3D panel, in the picture's units."""
        return self.font_size / 72 * 2.3 / self.panel_height

    def pixels(self, points: float) -> float:
        """Return a length of ``points`` in pixels."""
        return points * self.dpi / 72


PAPER = Style()
PANELS = Style(panel_width=2.6, panel_height=2.1, font_size=9.0, isoline_width=0.35)
TESTING = Style(panel_width=2.0, panel_height=1.5, dpi=100, anti_aliasing=False)


# The superscripts that STIXGeneral has not.
_SUPERSCRIPTS = frozenset("⁻⁰⁴⁵⁶⁷⁸⁹")


@cache
def font_file(text: str = "") -> str:
    """Return a font file with every letter of ``text``; matplotlib ships it."""
    import matplotlib

    name = "DejaVuSerif.ttf" if _SUPERSCRIPTS & set(text) else "STIXGeneral.ttf"
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)
