"""How pictures of a study look, as the command line was asked for."""

from __future__ import annotations

from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

# What renderers take; above it they end the program.
_MOST_PIXELS = 8192

if TYPE_CHECKING:
    from landscape.store import StudyFile


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
    from landscape.cli.pictures import own_viz

    found = own_viz().Style.of(style)
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


def selected(study: StudyFile, select: str, seed: int | None) -> list[str]:
    """Return the surfaces over planes that are asked for.

    Args:
        study: the study.
        select: activations, or patterns of ids (``*-gd-*.pca``), separated by commas; "" takes all.
        seed: of the runs; None takes all.

    Raises:
        ValueError: if there is none; the message lists what there is.
    """
    from landscape.cli.pictures import planes_only

    known = planes_only(study)
    if not known:
        raise ValueError(
            f"{study.path} has no surfaces; make some with 'landscape run' or 'sample'"
        )
    wanted = [part.strip() for part in select.split(",") if part.strip()]
    keys = {name: _key(study.surface(name).run) for name in known}
    found = [
        name for name in known
        if (not wanted or any(fnmatchcase(name, w) or keys[name][0] == w for w in wanted))
        and seed in (None, keys[name][1])
    ]  # fmt: skip
    if not found:
        of = f" with seed {seed}" if seed is not None else ""
        raise ValueError(f"no surface matches {select or '*'!r}{of}; known: {', '.join(known)}")
    return found


def _key(run: str | None) -> tuple[str | None, int | None]:
    from landscape.records.naming import RunKey

    try:
        key = RunKey.parse(run or "")
    except ValueError:
        return run, None
    return key.activation, key.seed


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
        raise ValueError(f"colour {colour!r} needs --reference; known: {', '.join(known) or none}")
    if colour == "difference":
        return study.surface(identifier)
    return KinkMap.from_analysis(study.analysis(KIND, identifier))


def check_ours(path: Path, *, force: bool) -> None:
    """Check that a picture's file is not somebody else's.

    Raises:
        ValueError: if it exists and does not name this software, unless ``force`` is given.
    """
    from viz.signature import signed

    if not force and path.exists() and not signed(path):
        raise ValueError(
            f"{path} exists and was not written by this program; name another file, or --force "
            "to replace it"
        )
