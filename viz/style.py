"""How pictures look: one object for all of them, 3D scenes and flat figures alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from landscape.records.choices import check_known

Font = Literal["serif", "sans"]
FONTS = ("serif", "sans")
Light = Literal["above", "raking"]
LIGHTS = ("above", "raking")
Material = Literal["coloured", "clay"]
MATERIALS = ("coloured", "clay")
# Of a clay surface. Its walls are the base, whose colour names the activation: told apart in all
# forms of colour-blindness; found by search, bounded by a test.
CLAY = "#efe8dc"
BASES: Mapping[str, str] = MappingProxyType(
    {
        "relu": "#b84a00", "leaky_relu": "#532701", "prelu": "#7f5162", "elu": "#11a371",
        "gelu": "#1f6fa8", "silu": "#984fe5", "tanh": "#5c5f3a", "sigmoid": "#8a8fa4",
        "smelu": "#063a5e",
    }
)  # fmt: skip
OTHER_BASE = "#3e2f28"
# Of residuals; its middle is 0.
RESIDUAL_MAP = "RdBu_r"
# Degrees.
_OVER_RANDOM, _OVER_OTHERS = 50.0, 40.0
# Size of tick labels on paper, in points.
_LETTERS = 9.0
# 8 colours each that stay apart in all three forms of colour-blindness and stand out on viridis and
# on the floor, or on ivory; found by search, bounded by a test.
_ON_WHITE = ("#d7191c", "#000000", "#d68fe0", "#4346f4", "#66f796", "#914ccb", "#8b4d5a", "#6b0301")
_ON_CLAY = ("#d7191c", "#1a01a1", "#1792a3", "#d53fe9", "#772d93", "#921631", "#870efe", "#2f033f")
_ON_DARK = ("#ff5247", "#ffffff", "#42e287", "#9243b0", "#e59cc0", "#d4a0f4", "#833c56", "#3a04e9")
# Names of attributes, what they must be in words, and whether a value is that.
_ALLOWED: tuple[tuple[tuple[str, ...], str, Callable[[float], bool]], ...] = (
    (("panel_width", "panel_height", "dpi", "font_size", "height"), "> 0", lambda v: v > 0),
    (("small_width", "small_height", "isoline_width", "key_light", "fill_light"), ">= 0",
     lambda v: v >= 0),
    (("ambient", "diffuse"), "from 0 to 1", lambda v: 0 <= v <= 1),
    (("azimuth",), "a finite number of degrees", math.isfinite),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """Colours, sizes, light and camera of every picture. Lengths in points and inches at ``dpi``.

    Attributes:
        panel_width: width of a 3D panel in inches.
        panel_height: height of a 3D panel in inches.
        small_width: width of a 3D panel in a comparison; 0 for ``panel_width``.
        small_height: height of a 3D panel in a comparison; 0 for ``panel_height``.
        dpi: pixels per inch of a 3D picture.
        font: ``serif`` (as in a paper) or ``sans`` (as on slides).
        font_size: of tick labels, in points; titles are a fifth larger.
        colour_map: matplotlib's name; perceptually uniform and safe for the colour-blind.
        diverging_map: of differences, curvatures and residuals; its middle is 0.
        path_colours: one for each path.
        background: of the picture.
        ink: colour of text and frame.
        isoline_colour: of lines of equal height on a surface.
        missing: of flat figures where there is no value, and of surfaces without a colour.
        clipped: of the flat top of a surface that is clipped.
        isoline_width: in points.
        isolines: whether 3D surfaces have lines of equal height.
        ambient: share of a 3D surface's colour that is seen without light.
        diffuse: share that the light adds where it falls straight on it.
        material: of 3D surfaces: ``coloured`` by the colour map, or ``clay``: ivory, on walls in
            the colour of the activation, without a colour bar.
        light: where the key light comes from: ``above`` (from the upper left), or ``raking`` (from
            the left, close to the floor), which shows creases; a surface has no isolines then.
        key_light: intensity of the key light.
        fill_light: intensity of the light from the right.
        elevation: of the camera over the plane, in degrees; 0 for 50 over random planes, whose
            bowls are looked into, and 40 over others.
        azimuth: of the camera, in degrees from the alpha axis.
        height: height of the surface over its width.
        anti_aliasing: supersampling of 3D pictures.
    """

    panel_width: float = 5.5
    panel_height: float = 4.0
    small_width: float = 0.0
    small_height: float = 0.0
    dpi: int = 300
    font: Font = "serif"
    font_size: float = _LETTERS
    colour_map: str = "viridis"
    diverging_map: str = "RdBu_r"
    path_colours: tuple[str, ...] = _ON_WHITE
    background: str = "#ffffff"
    ink: str = "#222222"
    isoline_colour: str = "#1a1a1a"
    missing: str = "#d9d9d9"
    clipped: str = "#bdbdbd"
    isoline_width: float = 0.5
    isolines: bool = True
    ambient: float = 0.42
    diffuse: float = 0.62
    material: Material = "coloured"
    light: Light = "above"
    key_light: float = 0.75
    fill_light: float = 0.25
    elevation: float = 0.0
    azimuth: float = -58.0
    height: float = 0.33
    anti_aliasing: bool = True

    def __post_init__(self) -> None:
        for names, wanted, allowed in _ALLOWED:
            for name in names:
                if not allowed(value := getattr(self, name)):
                    raise ValueError(f"{name} must be {wanted}, got {value}")
        if not 0 <= self.elevation < 90:
            raise ValueError(
                f"elevation must be between 0 and 90 degrees, got {self.elevation}; 0 takes the "
                "usual"
            )
        check_known("font", self.font, FONTS)
        check_known("light", self.light, LIGHTS)
        check_known("material", self.material, MATERIALS)
        if not self.path_colours:
            raise ValueError("path_colours must name at least one colour, got none")

    @classmethod
    def named(cls, name: str) -> Style:
        """Return the style ``paper``, ``slides``, ``dark``, ``testing`` or ``clay``.

        ``clay`` has the letters and the ground of ``paper``; ``slides+clay`` and ``dark+clay`` have
        those of the others.

        Raises:
            ValueError: for another name; the message lists the known.
        """
        base = name.removesuffix("+clay")
        check_known("style", base, _NAMED, more=", slides+clay, dark+clay, or a file that ends in "
                    ".toml")  # fmt: skip
        return _NAMED[base] if base == name else _NAMED[base].of_clay()

    @classmethod
    def from_toml(cls, path: Path | str) -> Style:
        """Read a style: keys are the attributes, and ``base`` names the style they change.

        Raises:
            OSError: if the file cannot be read.
            ValueError: if it is not TOML, for unknown keys (the message lists the known), or
                values of another type or out of range.
        """
        import tomllib

        try:
            settings = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"{path} is not TOML: {error}") from None
        except OSError as error:
            raise type(error)(
                f"cannot read the style {path}: {error.strerror}; name one of "
                f"{', '.join(_NAMED)}, or a TOML file of settings, as font_size = 12"
            ) from None
        base = settings.pop("base", "paper")
        known = {f.name: getattr(PAPER, f.name) for f in fields(cls)}
        for key in settings:
            check_known(f"key of {path}", key, ("base", *known))
        return replace(
            cls.named(str(base)), **{n: _checked(n, v, known[n]) for n, v in settings.items()}
        )

    @classmethod
    def of(cls, which: Style | str | None) -> Style:
        """Return a style as it is, by its name, from the file whose name ends in ``.toml``.

        Raises:
            ValueError: for an unknown name, or a file that holds no style.
        """
        if isinstance(which, Style):
            return which
        if which is None:
            return PAPER
        return cls.from_toml(which) if which.endswith(".toml") else cls.named(which)

    def of_many(self) -> Style:
        """Return the style of panels in a comparison: smaller, with finer isolines."""
        if not (self.small_width and self.small_height):
            return self
        return replace(self, panel_width=self.small_width, panel_height=self.small_height,
                       small_width=0.0, small_height=0.0,
                       isoline_width=0.7 * self.isoline_width)  # fmt: skip

    def over(self, kinds: Iterable[str]) -> Style:
        """Return the style with the camera for planes of these kinds, unless it has its own."""
        usual = _OVER_RANDOM if set(kinds) == {"random"} else _OVER_OTHERS
        return self if self.elevation else replace(self, elevation=usual)

    def of_clay(self) -> Style:
        """Return the style with surfaces of clay: shape is seen by raking light alone."""
        return replace(self, material="clay", isolines=False, path_colours=_ON_CLAY,
                       height=0.42)  # fmt: skip

    def of_creases(self) -> Style:
        """Return the style of surfaces cut along their kinks: raking light, strong shade."""
        return replace(self, light="raking", key_light=0.85, fill_light=0.2, ambient=0.22,
                       diffuse=0.88)  # fmt: skip

    def of_residuals(self) -> Style:
        """Return the style of what a quadratic leaves: colours about 0, strong shade.

        Without lines of equal height: these would hide creases, which need contrast.
        """
        return replace(self, colour_map=RESIDUAL_MAP, isolines=False, ambient=0.15, diffuse=0.95)

    @property
    def letters(self) -> float:
        """How large letters are, as a multiple of those on paper."""
        return self.font_size / _LETTERS

    @property
    def em(self) -> float:
        """About the size of a letter in a 3D panel, in the picture's units."""
        return self.font_size / 72 * 2.3 / self.panel_height

    def pixels(self, points: float) -> float:
        """Return a length of ``points`` in pixels."""
        return points * self.dpi / 72

    def legible(self, colour: str) -> str:
        """Return a colour of letters, mixed with the ink until its contrast to the ground is 4.5.

        The contrast is that of WCAG 2.2: (L1 + 0.05) / (L2 + 0.05), L the relative luminance.
        """
        from matplotlib.colors import to_hex, to_rgb

        ground = _luminance(to_rgb(self.background)) + 0.05
        for share in (k / 20 for k in range(21)):
            pairs = zip(to_rgb(colour), to_rgb(self.ink), strict=True)
            mixed = tuple((1 - share) * one + share * other for one, other in pairs)
            levels = sorted((_luminance(mixed) + 0.05, ground))
            if levels[1] >= 4.5 * levels[0]:
                return str(to_hex(mixed))
        return self.ink

    def path_colour(self, number: int) -> str:
        """Return the colour of a path; they repeat after the last."""
        return self.path_colours[number % len(self.path_colours)]

    @property
    def layout_settings(self) -> Mapping[str, Any]:
        """Settings of matplotlib for a figure that is laid out for letters as on paper.

        Fonts and colours are the style's; on a slide the whole figure is made larger.
        """
        # The letters of DejaVu Sans are so much wider than those of STIX.
        size = _LETTERS if self.font == "serif" else 0.87 * _LETTERS
        return replace(self, font_size=size).figure_settings

    @property
    def figure_settings(self) -> Mapping[str, Any]:
        """Settings of matplotlib for a flat figure in this style.

        Text stays text, in embedded TrueType fonts that come with matplotlib; no LaTeX is needed.
        """
        serif = self.font == "serif"
        size = self.font_size - 1
        coloured = dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "axes.titlecolor", "xtick.color",
             "ytick.color"), self.ink,
        )  # fmt: skip
        grounds = dict.fromkeys(
            ("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"),
            self.background,
        )
        plain = self.background == "#ffffff"
        # Black on white is matplotlib's own, and sharper in print than a dark grey.
        return MappingProxyType(
            {
                # The second has the superscripts that the first has not.
                "font.family": ("STIXGeneral", "DejaVu Serif") if serif else ("DejaVu Sans",),
                "mathtext.fontset": "stix" if serif else "dejavusans",
                "pdf.fonttype": 42,
                "svg.fonttype": "none",
                "svg.hashsalt": "lossoscope",
                "font.size": size,
                "axes.titlesize": size + 0.5,
                "axes.linewidth": 0.6,
                "xtick.major.width": 0.6,
                "ytick.major.width": 0.6,
                "xtick.labelsize": size - 1,
                "ytick.labelsize": size - 1,
                "savefig.dpi": 300,
                **({} if plain else {**coloured, **grounds}),
            }
        )


PAPER = Style(small_width=2.6, small_height=2.1)
SLIDES = Style(
    panel_width=7.2, panel_height=5.0, small_width=4.0, small_height=3.1, dpi=200, font="sans",
    font_size=13.0, isoline_width=0.8,
)  # fmt: skip
DARK = replace(
    SLIDES, background="#14171c", ink="#e6e6e6", path_colours=_ON_DARK, missing="#4a4f57",
    clipped="#8a9099", ambient=0.5,
)  # fmt: skip
TESTING = Style(panel_width=2.0, panel_height=1.5, dpi=100, anti_aliasing=False)
_NAMED: Mapping[str, Style] = MappingProxyType(
    {"paper": PAPER, "slides": SLIDES, "dark": DARK, "testing": TESTING, "clay": PAPER.of_clay()}
)
STYLES = tuple(_NAMED)


def _luminance(colour: Sequence[float]) -> float:
    """Return the relative luminance of red, green and blue from 0 to 1."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def base_of(activation: str) -> str:
    """Return the colour of the walls and the name of a network, the same in every picture."""
    stem = activation.rstrip("0123456789.").rstrip("_")
    return BASES.get(activation, BASES.get(stem, OTHER_BASE))


def _checked(name: str, value: Any, usual: Any) -> Any:
    """Return a value of a file as what the attribute holds, or raise ValueError."""
    makers: dict[type, tuple[tuple[type, ...], Callable[[Any], Any], str]] = {
        bool: ((bool,), bool, "true or false"),
        int: ((int,), int, "a whole number"),
        float: ((int, float), float, "a number"),
        str: ((str,), str, "a text"),
        tuple: ((list,), tuple, "a list of colours"),
    }
    types, make, wanted = makers[type(usual)]
    if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
        raise ValueError(f"{name} must be {wanted}, got {value!r}")
    _check_look(name, value)
    return make(value)


def _check_look(name: str, value: Any) -> None:
    """Raise ValueError for colours and colour maps that matplotlib does not know."""
    import matplotlib
    from matplotlib.colors import is_color_like

    if name in ("colour_map", "diverging_map"):
        if value not in matplotlib.colormaps:
            raise ValueError(f"{name} must be a colour map of matplotlib, got {value!r}")
        return
    colours = ("background", "ink", "isoline_colour", "missing", "clipped")
    for colour in value if name == "path_colours" else [value] if name in colours else []:
        if not is_color_like(colour):
            raise ValueError(f"{name} must hold colours such as '#d7191c', got {colour!r}")


# The superscripts that STIXGeneral has not.
_SUPERSCRIPTS = frozenset("⁻⁰⁴⁵⁶⁷⁸⁹")


@cache
def font_file(text: str = "", font: Font = "serif") -> str:
    """Return a font file with every letter of ``text``; matplotlib ships it."""
    import matplotlib

    serif = "DejaVuSerif.ttf" if _SUPERSCRIPTS & set(text) else "STIXGeneral.ttf"
    name = serif if font == "serif" else "DejaVuSans.ttf"
    return str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name)
