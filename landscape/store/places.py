"""Where a record lives in a study file."""

from __future__ import annotations

from landscape.records.naming import check_identifier, is_identifier

GROUPS = ("runs", "planes", "surfaces", "projections", "analyses")


def is_record_path(path: str) -> bool:
    """Whether a record can live there.

    >>> is_record_path("surfaces/s"), is_record_path("surfaces/../s"), is_record_path("s")
    (True, False, False)
    """
    group, *names = path.split("/")
    depth = 2 if group == "analyses" else 1
    return group in GROUPS and len(names) == depth and all(map(is_identifier, names))


def run_path(run: str) -> str:
    """Return ``runs/<run>``."""
    return "runs/" + check_identifier(run, "run")


def plane_path(plane: str) -> str:
    """Return ``planes/<id>``."""
    return "planes/" + check_identifier(plane, "plane")


def surface_path(surface: str) -> str:
    """Return ``surfaces/<id>``."""
    return "surfaces/" + check_identifier(surface, "surface")


def projection_path(run: str, plane: str) -> str:
    """Return ``projections/<run>@<plane>``."""
    return "projections/" + check_identifier(f"{run}@{plane}", "projection")


def analysis_path(kind: str, identifier: str) -> str:
    """Return ``analyses/<kind>/<id>``."""
    check_identifier(kind, "analysis")
    return f"analyses/{kind}/{check_identifier(identifier, 'analysis')}"
