"""How pictures of a study look, as the command line was asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.records.choices import known_names

# What renderers take; above it they end the program.
_MOST_PIXELS = 8192

if TYPE_CHECKING:
    from landscape.store import StudyFile


def look_of(**asked: Any) -> viz.Look:
    """Return a look of what was typed.

    Args:
        asked: attributes of :class:`viz.Look`, which checks names.

    Raises:
        ValueError: as there.
    """
    return viz.Look(**asked)


def styled(style: Any, *, camera: str = "", size: str = "", dpi: int | None = None) -> Any:
    """Return a style with the camera, the size and the resolution that were asked for.

    Args:
        style: an object, its name, or a file of it.
        camera: ``AZIMUTH,ELEVATION`` in degrees; "" leaves the style's.
        size: of a panel in inches, ``WIDTHxHEIGHT``; "" leaves the style's.
        dpi: pixels per inch; None leaves the style's.

    Raises:
        ValueError: for another form, or what the style refuses.
    """
    found = viz.Style.of(style)
    changes: dict[str, Any] = {} if dpi is None else {"dpi": dpi}
    if camera:
        changes |= dict(
            zip(("azimuth", "elevation"), _two(camera, ",", "--camera -58,40"), strict=True)
        )
    if size:
        wide, tall = _two(size.lower(), "x", "--size 5.5x4")
        changes |= {"panel_width": wide, "panel_height": tall, "small_width": wide,
                    "small_height": tall}  # fmt: skip
    look = replace(found, **changes)
    for side, inches in {"wide": look.panel_width, "high": look.panel_height}.items():
        if inches * look.dpi > _MOST_PIXELS:
            raise ValueError(
                f"a panel must be at most {_MOST_PIXELS:,} pixels {side}, got {inches:g} inches at "
                f"{look.dpi} dpi; lower one of them"
            )
    return look


def _two(text: str, between: str, example: str) -> tuple[float, float]:
    try:
        first, second = (float(part) for part in text.split(between))
    except ValueError:
        raise ValueError(f"write two numbers, as {example}, got {text!r}") from None
    return first, second


def reference_of(study: StudyFile, colour: str, identifier: str | None) -> Any:
    """Return the surface or the kink map that a colour refers to; None if it needs none.

    Raises:
        KeyError: if there is none of this id.
        ValueError: if it is missing, or another colour is chosen.
    """
    from landscape.records.kink_map import KIND, KinkMap

    if colour not in ("difference", "kinks"):
        if identifier is not None:
            raise ValueError(f"colour {colour!r} has no reference; leave --reference out")
        return None
    if identifier is None:
        known = study.surfaces() if colour == "difference" else study.analyses(KIND)
        none = "none" if colour == "difference" else "none; make one with 'landscape analyse --map'"
        raise ValueError(f"colour {colour!r} needs --reference; {known_names(known, none=none)}")
    if colour == "difference":
        return study.surface(identifier)
    return KinkMap.from_analysis(study.analysis(KIND, identifier))


def check_ours(path: Path, *, force: bool) -> None:
    """Check that a picture's file is not somebody else's.

    Raises:
        ValueError: if it exists and does not name this software, unless ``force`` is given.
    """
    from landscape.viz.signature import signed

    if not force and path.exists() and not signed(path):
        raise ValueError(
            f"{path} exists and was not written by this program; name another file, or --force "
            "to replace it"
        )
