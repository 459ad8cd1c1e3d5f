"""What pictures say of the statistics that BatchNorm normalises by: frozen ones too.

A surface notes the number of layers with running statistics, ``normalising_layers``, and which
statistics they used, ``batch_norm``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from landscape.records.plurals import counted
from landscape.records.results import Projection

from ..geometry.drape import lossless
from ..geometry.window import visible

_USED = {
    "frozen": "BatchNorm uses the network's own running statistics at every point.",
    "batch": "BatchNorm uses the statistics of each batch.",
    "recalibrated": "BatchNorm's statistics are found anew at every point.",
}
_FIRST = "BatchNorm's statistics are those of the first solution everywhere."

Settings = Mapping[str, Any]


def loss_name(settings: Settings) -> str:
    """Return what the loss is called."""
    return str(settings.get("loss", "loss")).replace("_", " ")


def loss_over(settings: Settings) -> str:
    """Say which loss over how many examples."""
    examples = settings.get("examples")
    over = f" over {counted(examples, 'example')}" if examples else ""
    return loss_name(settings) + over


def statistics_used(settings: Settings) -> str:
    """Say which statistics normalise; "" for a network without any, or where that is not known."""
    policy = str(settings.get("batch_norm") or "frozen")
    if policy != "frozen":
        return _USED.get(policy, "")
    origin = settings.get("batch_statistics")
    layers = bool(settings.get("normalising_layers"))
    if origin == "differ" or (origin == "unknown" and layers):
        return _FIRST
    return _USED[policy] if layers else ""


def in_short(settings: Settings) -> list[str]:
    """Return a line for the corner of a film, or none."""
    policy = settings.get("batch_norm") or "frozen"
    return [f"BatchNorm: {policy} statistics"] if statistics_used(settings) else []


def statistics_of_paths(paths: Sequence[Projection], every: Sequence[Settings]) -> list[str]:
    """Say with which statistics the losses of drawn paths are, where a surface has its own.

    A path's losses are with its statistics of the time, or, where they were evaluated afterwards,
    with those it ends with: ``end_statistics`` names the runs of which that is known.

    Args:
        paths: on surfaces of these settings.
        every: settings of each surface.
    """
    runs = {path.run for path in paths if visible(path) and not lossless(path)}
    if not runs or not any(map(statistics_used, every)):
        return []
    ended = {str(run) for settings in every for run in settings.get("end_statistics") or ()}
    whose = "the path's" if len(runs) == 1 else "each path's"
    which = "as at its end" if runs <= ended else "as recorded"
    return [f"The losses of {'the path' if len(runs) == 1 else 'paths'} are with {whose} own "
            f"statistics of BatchNorm, {which}."]  # fmt: skip
