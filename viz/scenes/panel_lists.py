"""Panels of a picture from the lists that a caller gives, all as long."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

from landscape.records.plane import Plane
from landscape.records.results import Projection
from landscape.records.surface import Surface

from ..geometry.matching import mismatches
from .scene import Panel, Paths


def panels_of(
    surfaces: Surface | Sequence[Surface],
    paths: Sequence[Paths] | Projection | None,
    titles: Sequence[str] | None,
    planes: Sequence[Plane | None] | None,
    *,
    most: int,
    what: str,
) -> list[Panel]:
    """Return one panel for each surface.

    Args:
        surfaces: one or several.
        paths: of each; for one surface a path may stand for its list.
        titles: of each.
        planes: of each.
        most: how many surfaces there may be.
        what: the picture is, for messages.

    Raises:
        ValueError: for no surface or too many, or lists of other lengths.
    """
    every = [surfaces] if isinstance(surfaces, Surface) else list(surfaces)
    count = len(every)
    if not 1 <= count <= most:
        raise ValueError(f"{what} shows 1 to {most} surfaces, got {count}")
    placed = [paths] if isinstance(paths, Projection) else paths
    for name, values in (("paths", placed), ("titles", titles), ("planes", planes)):
        if values is not None and len(values) != count:
            raise ValueError(f"{name} must be as many as surfaces, {count}, got {len(values)}")
    return [
        Panel.of(
            surface,
            placed[i] if placed else None,
            titles[i] if titles else "",
            plane=planes[i] if planes else None,
        )
        for i, surface in enumerate(every)
    ]


def warn_of_mismatches(surfaces: Sequence[Surface], planes: Sequence[Plane | None]) -> None:
    """Warn if panels are not comparable as they stand, in the caller's caller's name."""
    found = mismatches(surfaces, planes)
    if found:
        warnings.warn(f"{'; '.join(found)}: compare with care", stacklevel=3)
