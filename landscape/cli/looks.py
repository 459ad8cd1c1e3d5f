"""How pictures of a study look, as the command line was asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.records.choices import known_names

if TYPE_CHECKING:
    from landscape.cli.options import Drawn
    from landscape.store import StudyFile

# What renderers take; above it they end the program.
_MOST_PIXELS = 8192


def look_of(study: StudyFile, drawn: Drawn, style: viz.Style) -> viz.Look:
    """Return the look that was asked for.

    Args:
        study: holds what a colour refers to.
        drawn: the options.
        style: fonts, sizes, camera.

    Raises:
        KeyError: if there is no surface or kink map of the id that a colour names.
        ValueError: for a limit that is no number, or as :class:`viz.Look`.
    """
    height, limit = height_of(drawn.height)
    colour, reference = _colour_of(study, drawn.colour)
    return viz.Look(height=height, limit=limit, colour=colour, reference=reference,
                    shading=drawn.shading, style=style)  # type: ignore[arg-type]  # fmt: skip


def height_of(text: str) -> tuple[Any, float | None]:
    """Read a scale of heights, and the loss above which surfaces are cut.

    >>> height_of("log"), height_of("clipped:2.5")
    (('log', None), ('clipped', 2.5))

    Raises:
        ValueError: for a limit that is no number.
    """
    height, colon, limit = text.partition(":")
    try:
        return height, float(limit) if colon else None
    except ValueError:
        raise ValueError(f"a height is cut at a loss, as {height}:2.5, got {text!r}") from None


def styled(style: Any, *, camera: str = "", size: str = "", dpi: int | None = None) -> viz.Style:
    """Return a style with the camera, the size and the resolution that were asked for.

    Args:
        style: an object, its name, or a file of it.
        camera: ``AZIMUTH,ELEVATION`` in degrees; "" leaves the style's.
        size: of a panel in inches, ``WIDTHxHEIGHT``; "" leaves the style's.
        dpi: pixels per inch; None leaves the style's.

    Raises:
        ValueError: for another form, or what the style refuses.
    """
    changes: dict[str, Any] = {} if dpi is None else {"dpi": dpi}
    if camera:
        changes |= dict(
            zip(("azimuth", "elevation"), _two(camera, ",", "--camera -58,40"), strict=True)
        )
    if size:
        wide, tall = _two(size.lower(), "x", "--size 5.5x4")
        changes |= {"panel_width": wide, "panel_height": tall, "small_width": wide,
                    "small_height": tall}  # fmt: skip
    changed = replace(viz.Style.of(style), **changes)
    for side, inches in {"wide": changed.panel_width, "high": changed.panel_height}.items():
        if inches * changed.dpi > _MOST_PIXELS:
            raise ValueError(
                f"a panel must be at most {_MOST_PIXELS:,} pixels {side}, got {inches:g} inches at "
                f"{changed.dpi} dpi; lower one of them"
            )
    return changed


def _two(text: str, between: str, example: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(between))
    except ValueError:
        raise ValueError(f"write two numbers, as {example}, got {text!r}") from None
    return first, second


def _colour_of(study: StudyFile, text: str) -> tuple[str, Any]:
    """Read a colour, and the surface or the kink map that it refers to; None if it needs none.

    Raises:
        KeyError: if there is none of this id.
        ValueError: if it is missing.
    """
    from landscape.records.kink_map import KIND, KinkMap

    colour, _, identifier = text.partition(":")
    if colour not in ("difference", "kinks"):
        return text, None
    if not identifier:
        known = study.surfaces() if colour == "difference" else study.analyses(KIND)
        none = "none" if colour == "difference" else (
            "none; make one with 'landscape analyse --measure map'")  # fmt: skip
        raise ValueError(
            f"colour {colour!r} needs a reference, as {colour}:ID; {known_names(known, none=none)}"
        )
    if colour == "difference":
        return colour, study.surface(identifier)
    return colour, KinkMap.from_analysis(study.analysis(KIND, identifier))
