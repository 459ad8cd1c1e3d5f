"""Which runs and surfaces of a study a picture shows, and in which order."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from landscape.records.choices import known_names
from landscape.records.naming import RunKey

if TYPE_CHECKING:
    from landscape.cli.options import Chosen
    from landscape.networks.activations import Activation
    from landscape.records.surface import Surface
    from landscape.store import StudyFile

# What surfaces are called by their number of axes.
NAMES = {1: "lines", 2: "surfaces", 3: "volumes"}


def planes_only(study: StudyFile) -> list[str]:
    """Return the surfaces over planes, without lines, volumes and the nodes of resampled ones."""
    return with_axes(study, 2)


def with_axes(study: StudyFile, axes: int) -> list[str]:
    """Return the surfaces with a number of axes, without the nodes of resampled ones."""
    names = [name for name in study.surfaces() if not name.endswith(".nodes")]
    return [name for name in names if len(study.surface(name).grid.shape) == axes]


def axes_shown(study: StudyFile, chosen: Chosen) -> int:
    """Return how many axes the surfaces have that are named; else 2 where the study has planes."""
    if chosen.surface:
        return len(study.surface(chosen.surface[0]).grid.shape)
    return next((axes for axes in (2, 1, 3) if with_axes(study, axes)), 2)


def chosen_surfaces(study: StudyFile, chosen: Chosen, axes: int = 2) -> list[str]:
    """Return the ids of surfaces that are named or match; all with so many axes by default.

    Raises:
        ValueError: if there is none; the message lists what there is.
    """
    if chosen.surface and chosen.select:
        raise ValueError("--surface names surfaces, --select matches them; give one of the two")
    if chosen.surface:
        return list(dict.fromkeys(chosen.surface))
    known = with_axes(study, axes)
    if not known:
        raise ValueError(
            f"{study.path} has no {NAMES[axes]}; make some with 'landscape run' or 'sample'"
        )
    matching: list[str] = []
    for word in words(chosen.select) or ["*"]:
        names = [name for name in known
                 if fnmatchcase(name, word) or _activation(study, name) == word]  # fmt: skip
        if not names:
            raise ValueError(f"no surface matches {word!r}; {known_names(known)}")
        matching += names
    return list(dict.fromkeys(matching))


def words(text: str) -> list[str]:
    """Split what is separated by commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def key_of(run: object) -> RunKey | None:
    """Return what the name of a run says; None for a name of the user's own."""
    try:
        return RunKey.parse(str(run))
    except ValueError:
        return None


def _activation(study: StudyFile, surface: str) -> str | None:
    key = key_of(study.surface(surface).run)
    return None if key is None else key.activation


def over_standard_planes(study: StudyFile, surfaces: Sequence[str]) -> list[str]:
    """Return the surfaces that the study made of each run itself; all where it made none."""
    own = [name for kind, names in by_kind(study, surfaces).items() for name in names
           if name == f"{study.surface(name).run}.{kind}"]  # fmt: skip
    return own or list(surfaces)


def for_one_figure(
    study: StudyFile, surfaces: Sequence[str], select: str, most: int
) -> tuple[list[str], list[str]]:
    """Choose what one figure shows of surfaces that were matched by activations, or not at all.

    Args:
        study: the study.
        surfaces: that match.
        select: what they match; patterns of ids choose for themselves.
        most: how many runs a figure shows by default, kinked and other ones alike.

    Returns:
        One surface of each run of the first optimizer and seed, over the random plane if there is
        one; and the activations that were left out unasked.
    """
    activations = [_activation(study, name) for name in surfaces]
    if any(word not in activations for word in words(select)) or not any(activations):
        return list(surfaces), []
    groups = by_kind(study, of_first_optimizer(study, surfaces))
    by_run: dict[str, str] = {}
    for name in groups.get("random") or next(iter(groups.values())):
        run = str(study.surface(name).run)
        # The study's own goes before those that were added.
        if run not in by_run or name == f"{run}.random":
            by_run[run] = name
    if select or len(by_run) <= most:
        return list(by_run.values()), []
    ordered = runs_by_smoothness(study, by_run)
    runs = _mixed(ordered, most)
    return [by_run[run] for run in runs], [run.partition("-")[0] for run in ordered
                                           if run not in runs]  # fmt: skip


def _mixed(runs: Sequence[str], most: int) -> list[str]:
    """Take kinked and other runs alike, as far as there are."""
    with_kinks = [run for run in runs if kinked(run)]
    others = [run for run in runs if run not in with_kinks]
    first = with_kinks[: max(most - most // 2, most - len(others))]
    return first + others[: most - len(first)]


def of_first_optimizer(study: StudyFile, surfaces: Sequence[str]) -> list[str]:
    """Keep the surfaces of the first optimizer and seed; all where no run is named so."""
    keys = {name: key for name in surfaces
            if (key := key_of(study.surface(name).run)) is not None}  # fmt: skip
    if not keys:
        return list(surfaces)
    listed = study.config.get("optimizers", [])
    order = {optimizer: place for place, optimizer in enumerate(listed)}
    first = min((order.get(k.optimizer, len(order)), k.seed, k.optimizer) for k in keys.values())
    return [name for name, k in keys.items() if (k.optimizer, k.seed) == (first[2], first[1])]


def activation_of(run: object) -> Activation | None:
    """Return what is known of a run's activation; None where its name says nothing of one."""
    from landscape.networks.activations import get

    key = key_of(run)
    try:
        return None if key is None else get(key.activation)
    except ValueError:
        return None


def kinked(run: str) -> bool:
    """Whether the activation of a run has kinks; False where its name says nothing of one."""
    activation = activation_of(run)
    return activation is not None and bool(activation.kinks)


def runs_by_smoothness(study: StudyFile, runs: Iterable[str]) -> list[str]:
    """Order runs: kinked activations first, each class as the study lists it; others last."""
    order = {name: place for place, name in enumerate(study.config.get("activations", []))}

    def rank(run: str) -> tuple[bool, int]:
        key = key_of(run)
        # A network of the user's own comes last.
        return (True, len(order)) if key is None else (
            not kinked(run), order.get(key.activation, 0))  # fmt: skip

    return sorted(runs, key=rank)


def by_smoothness(study: StudyFile, surfaces: Iterable[str]) -> list[str]:
    """Order surfaces by their runs, as :func:`runs_by_smoothness`."""
    runs = {name: str(study.surface(name).run) for name in surfaces}
    order = runs_by_smoothness(study, dict.fromkeys(runs.values()))
    return sorted(runs, key=lambda name: order.index(runs[name]))


def with_values(study: StudyFile, surfaces: Sequence[str]) -> list[str]:
    """Return the surfaces that have a finite loss, and say which have none.

    Where none has, all are returned: drawing them says what is wrong.
    """
    import numpy as np

    drawable = [name for name in surfaces if np.isfinite(study.surface(name).losses).any()]
    if drawable:
        for name in (name for name in surfaces if name not in drawable):
            size = study.surface(name).grid.size
            print(f"left out {name}: none of its {size:,} losses is finite")
    return drawable or list(surfaces)


def by_kind(study: StudyFile, surfaces: Iterable[str]) -> dict[str, list[str]]:
    """Group surfaces by the kind of their plane: coordinates of different kinds do not compare."""
    groups: dict[str, list[str]] = {}
    for name in surfaces:
        surface = study.surface(name)
        plane = study.plane(surface.plane) if surface.plane in study.planes() else None
        kind = str(surface.settings.get("kind") or getattr(plane, "kind", "") or "other")
        groups.setdefault(re.sub(r"[^A-Za-z0-9_.+]", "_", kind), []).append(name)
    return groups


def kinked_beside_smooth(study: StudyFile, surfaces: Sequence[str]) -> list[str]:
    """Return a surface of a kinked run and one of a smooth run over planes of one kind.

    The first kinked one, and of the smooth ones GELU if it is there; the first two if there is no
    such pair.
    """
    by_name = {name: study.surface(name) for name in surfaces}
    for name, surface in by_name.items():
        if not kinked(str(surface.run)):
            continue
        others = [
            other for other, smooth in by_name.items()
            if not kinked(str(smooth.run)) and _training(smooth) == _training(surface)
            and smooth.settings.get("kind") == surface.settings.get("kind")
        ]  # fmt: skip
        others.sort(key=lambda other: not other.startswith("gelu-"))
        if others:
            return [name, others[0]]
    return list(surfaces[:2])


def _training(surface: Surface) -> str:
    """Return optimizer and seed of a surface's run."""
    return str(surface.run).partition("-")[2]
