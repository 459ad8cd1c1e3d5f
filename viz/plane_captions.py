"""What captions say of planes through solutions, and of BatchNorm's statistics."""

from __future__ import annotations

from collections.abc import Sequence

from landscape.plane import Plane
from landscape.surface import Surface
from viz.matching import settings_of

_STATISTICS = {
    "batch": "BatchNorm uses the statistics of each batch.",
    "recalibrated": "BatchNorm's statistics are found anew at every point.",
}

_FIRST = "BatchNorm's statistics are those of the first solution everywhere."


def third(surfaces: Sequence[Surface], planes: Sequence[Plane | None]) -> list[str]:
    """Say where the third solution lies."""
    settings = settings_of(surfaces[0], planes[0])
    points = list(settings.get("points") or ())
    if settings.get("kind") != "through" or len(surfaces) > 1 or len(points) != 3:
        return []
    alpha, beta = (f"{float(value):.3g}".replace("-", "−") for value in points[2])
    return [f"The third lies at ({alpha}, {beta})."]


def statistics(surfaces: Sequence[Surface], planes: Sequence[Plane | None]) -> list[str]:
    """Say which statistics BatchNorm uses, where they are not the solution's own in any panel."""
    found = set()
    for surface, plane in zip(surfaces, planes, strict=True):
        settings = settings_of(surface, plane)
        policy = settings.get("batch_norm") or "frozen"
        others = settings.get("batch_statistics") == "differ"
        found.add(_STATISTICS.get(policy) or (_FIRST if others else ""))
    return [text for text in found if text and len(found) == 1]
