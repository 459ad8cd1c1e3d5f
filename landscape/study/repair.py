"""Surfaces that were added to a study, completed after damage took a part of them.

A surface notes its request. The same request again evaluates the points that are missing, and makes
planes and placed paths that are gone.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from landscape.store import StudyFile, open_study
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples, Reporter, Silent
from landscape.study.request import Request
from landscape.study.run_surfaces import sample_run
from landscape.study.sample_command import sample_command

_NODES = ".nodes"
_ANALYSED = ("slope_budget", "along_path", "curvature_scale", "kink_map", "closeup")


def repair_surfaces(
    study: StudyFile,
    config: StudyConfig,
    damaged: Collection[str],
    *,
    load_data: Callable[[Any], Examples],
    reporter: Reporter | None = None,
) -> dict[str, str]:
    """Complete the surfaces that ``landscape sample`` added and that damage touched.

    Args:
        study: after :func:`landscape.store.salvage.salvage`.
        config: its configuration.
        damaged: paths of records that lost tiles or were removed.
        load_data: called with ``config.data``.
        reporter: receives stages, progress and notes.

    Returns:
        Why a surface could not be completed, by its path.

    Raises:
        OSError: if there is no room.
    """
    reporter = reporter or Silent()
    failed = {}
    for identifier in touched(study, damaged):
        placed = [p[12:].rpartition("@")[0] for p in damaged
                  if p.startswith("projections/") and p.endswith(f"@{identifier}")]  # fmt: skip
        request = Request.of(study.surface(identifier), identifier, placed)
        if request is None:
            continue
        try:
            sample_run(study, config, request, load_data=load_data, reporter=reporter)
        except (ValueError, KeyError) as error:
            failed[f"surfaces/{identifier}"] = str(error.args[0] if error.args else error)
    return failed


def touched(study: StudyFile, damaged: Iterable[str]) -> list[str]:
    """Return the ids of surfaces whose points, plane, placed paths or decay damage took."""
    known, names = set(study.surfaces()), set()
    for path in damaged:
        group, _, rest = path.partition("/")
        if group in ("surfaces", "planes"):
            names |= {rest, rest.removesuffix(_NODES)}
        elif group == "projections":
            names.add(rest.rpartition("@")[2])
        elif path.startswith("analyses/spectral_decay/"):
            names.add(path.rpartition("/")[2])
    return sorted(name for name in names & known if not name.endswith(_NODES))


def remedy(study: StudyFile, path: str) -> str:
    """Return the command that makes a record anew, in words where the study does not tell.

    Args:
        study: after salvage and, where that was possible, completion.
        path: of a record that is missing, or of a surface with missing points.
    """
    group, _, name = path.partition("/")
    if group == "surfaces" and name in study.surfaces():
        request = Request.of(study.surface(name), name)
        user = study.surface(name).settings.get("own")
        if request is not None and (command := sample_command(request, study.path, user)):
            return command
    if path.split("/")[1] in _ANALYSED and group == "analyses":
        return f"landscape analyse {shlex.quote(str(study.path))}, with the same options as before"
    return "the command that made it"


def incomplete(file: Path, damaged: Iterable[str]) -> list[str]:
    """Return which of the damaged records are still absent, or lack points."""
    study = open_study(file)
    there = set(study.paths())
    return [
        path for path in damaged
        if path not in there
        or (path.startswith("surfaces/") and not study.surface(path.partition("/")[2]).complete)
    ]  # fmt: skip
