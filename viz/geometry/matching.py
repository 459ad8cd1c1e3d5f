"""Whether panels may be compared: one window, one kind of plane, one unit, one quantity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from landscape.records.plane import Plane
from landscape.records.surface import Surface

from .window import ends_of


def mismatches(surfaces: Sequence[Surface], planes: Sequence[Plane | None] = ()) -> list[str]:
    """Return why panels are not comparable as they stand; empty if they are.

    Args:
        surfaces: of the panels, two-dimensional.
        planes: of the panels, for what the surfaces' settings do not say.
    """
    every = list(planes) or [None] * len(surfaces)
    facts_of = [_facts(s, p) for s, p in zip(surfaces, every, strict=True)]
    windows = {ends_of(surface.grid) for surface in surfaces}
    reasons = ["the surfaces span different windows"] if len(windows) > 1 else []
    for key, text in (
        ("kind", "their planes are of different kinds"),
        ("normalisation", "their directions are normalised differently"),
        (
            "unit",
            "directions are of length 1 in some, as long as the way from start to end in others",
        ),
        ("loss", "they show different losses"),
        ("examples", "their losses are over different numbers of examples"),
        ("batch_norm", "BatchNorm uses different statistics"),
    ):
        values = {str(facts[key]) for facts in facts_of if facts[key] is not None}
        if len(values) > 1:
            reasons.append(f"{text} ({', '.join(sorted(values))})")
    return reasons


def settings_of(surface: Surface, plane: Plane | None) -> dict[str, Any]:
    """Return what is known of a panel's plane and surface; the surface's word counts."""
    kind = {"kind": plane.kind} if plane else {}
    return {**kind, **(plane.settings if plane else {}), **surface.settings}


def _facts(surface: Surface, plane: Plane | None) -> dict[str, Any]:
    settings = settings_of(surface, plane)
    length = settings.get("direction_length")
    unit = None if length is None else "1" if float(length) == 1.0 else "way"
    facts = {
        n: settings.get(n) for n in ("kind", "normalisation", "loss", "examples", "batch_norm")
    }
    return {**facts, "unit": unit}
