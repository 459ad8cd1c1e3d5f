"""Panels of a study, and their titles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from landscape.cli.choosing import activation_of, key_of

if TYPE_CHECKING:
    from landscape.records.panel import Panel
    from landscape.records.surface import Surface
    from landscape.store import StudyFile


def panel(study: StudyFile, identifier: str) -> Panel:
    """Collect what belongs to a surface: its plane and the paths placed on it.

    Raises:
        KeyError: if there is no such surface.
    """
    from landscape.records.panel import Panel

    surface = study.surface(identifier)
    plane = study.plane(surface.plane) if surface.plane in study.planes() else None
    # The path of the surface's own run comes first.
    placed = [name.rpartition("@") for name in study.projections()]
    runs = sorted({run for run, _, where in placed if where == surface.plane},
                  key=lambda run: (run != surface.run, run))  # fmt: skip
    paths = tuple(study.projection(run, str(surface.plane)) for run in runs)
    return Panel(surface, plane, paths, title_of_surface(surface, identifier))


def title_of_surface(surface: Surface, identifier: str) -> str:
    """Return the title of a surface: of its run, or of a plane of the user's own network.

    An id that the user chose is the title of a surface of their network.
    """
    from landscape.viz.geometry.numbers import listed

    run, asked = surface.run, surface.settings.get("asked") or {}
    if "own" not in surface.settings:
        return title_of(run) or identifier
    kind = str(asked.get("kind"))
    if kind not in _OWN or not identifier.startswith(f"{run or 'own'}.{kind}"):
        return identifier
    made_of = [run or "the network", *map(str, asked.get("others") or ())]
    return f"{_OWN[kind]} {listed(made_of)}"


# What planes of the user's own networks are called, before the names of what they are made of.
_OWN = {
    "random": "Random plane around",
    "pca": "PCA plane of",
    "hessian": "Hessian plane around",
    "gradient": "Plane of the gradient at",
    "update": "Last two steps of",
    "between": "Line between",
    "through": "Plane through",
}


def title_of(run: str | None, *, seed: bool = True) -> str:
    """Return the activation's usual name, how smooth it is, and the optimizer's name.

    >>> title_of("leaky_relu-gd-seed0")
    'LeakyReLU (kinked), gradient descent'
    """
    if not run:
        return ""
    key, activation = key_of(run), activation_of(run)
    if key is None or activation is None:
        return run
    number = f", seed {key.seed}" if seed and key.seed else ""
    name = f"{activation.label} ({CLASSES.get(activation.smoothness, activation.smoothness)})"
    return f"{name}, {OPTIMIZERS.get(key.optimizer, key.optimizer)}{number}"


CLASSES = {"C0": "kinked", "C-infinity": "smooth"}
OPTIMIZERS = {
    "gd": "gradient descent",
    "sgd": "SGD",
    "momentum": "momentum",
    "nesterov": "Nesterov",
    "adam": "Adam",
    "adamw": "AdamW",
}


def shortened(panels: Sequence[Panel]) -> list[Panel]:
    """Leave the optimizer out of the titles of panels where all have the same."""
    optimizers = {panel.title.partition(", ")[2] for panel in panels}
    if len(optimizers) > 1:
        return list(panels)
    return [replace(panel, title=panel.title.partition(", ")[0]) for panel in panels]
