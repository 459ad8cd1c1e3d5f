"""Which runs and surfaces of a study a picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from landscape.cli import pictures

if TYPE_CHECKING:
    from landscape.store import StudyFile


def planes_only(study: StudyFile) -> list[str]:
    """Return the surfaces over planes, without lines, volumes and the nodes of resampled ones."""
    names = [name for name in study.surfaces() if not name.endswith(".nodes")]
    return [name for name in names if len(study.surface(name).grid.shape) == 2]


def selected(study: StudyFile, select: str, seed: int | None) -> list[str]:
    """Return the surfaces over planes that are asked for.

    Args:
        study: the study.
        select: activations, or patterns of ids (``*-gd-*.pca``), separated by commas; "" takes all.
        seed: of the runs; None takes all.

    Raises:
        ValueError: if there is none; the message lists what there is.
    """
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


def activation_of(run: str) -> str:
    """Return the activation's name in a run's name."""
    from landscape.records.naming import RunKey

    return RunKey.parse(run).activation


def choose(
    study: StudyFile, names: Sequence[str], *, optimizer: str, seed: int, most: int
) -> tuple[list[str], list[str]]:
    """Choose runs of a study.

    Args:
        study: the study.
        names: activations; none for as many as ``most``, kinked and other ones alike.
        optimizer: of the runs; "" for the study's first.
        seed: of the runs.
        most: how many runs a figure shows by default; for 1, how many names may be given too.

    Returns:
        The runs, and the activations that were left out unasked.

    Raises:
        ValueError: if the study has no such runs; the message lists what it has.
    """
    from landscape.records.naming import RunKey

    _check_runs(study)
    keys = [RunKey.parse(run) for run in study.runs()]
    if not keys:
        raise ValueError(f"{study.path} has no runs; make some with 'landscape run'")
    listed = [o for o in study.config.get("optimizers", []) if o in {k.optimizer for k in keys}]
    wanted = optimizer or (listed or [keys[0].optimizer])[0]
    found = {key.activation: key.name for key in keys
             if key.optimizer == wanted and key.seed == seed}  # fmt: skip
    if not found:
        known = ", ".join(sorted({f"{key.optimizer} with seed {key.seed}" for key in keys}))
        raise ValueError(f"no run of {wanted} with seed {seed} in the study; it has {known}")
    missing = [name for name in names if name not in found]
    if missing:
        raise ValueError(f"no run of {', '.join(missing)}; the study has {', '.join(found)}")
    if names and most == 1 and len(names) > 1:
        raise ValueError(f"this figure shows one activation, got {', '.join(names)}")
    if names:
        return [found[name] for name in dict.fromkeys(names)], []
    ordered = pictures.runs_by_smoothness(study, found.values())
    chosen = ordered if len(ordered) <= most else _mixed(ordered, most)
    return chosen, [activation_of(run) for run in ordered if run not in chosen]


def _check_runs(study: StudyFile) -> None:
    """Check that the runs of a study are those of activations.

    Raises:
        ValueError: if they are the paths of a network of the user's own.
    """
    if "own" in study.config:
        known = ", ".join(n for n in study.surfaces() if not n.endswith(".nodes"))
        raise ValueError(
            f"{study.path} holds a network of your own, whose paths are no runs of an activation; "
            f"name what is shown with --surface; known: {known or 'none'}"
        )


def _mixed(runs: Sequence[str], most: int) -> list[str]:
    """Take kinked and other runs alike, as far as there are."""
    kinked = [run for run in runs if pictures.kinked(run)]
    others = [run for run in runs if run not in kinked]
    half = max(most - most // 2, most - len(others))
    first = kinked[:half]
    return first + others[: most - len(first)]
