"""``landscape check``: is a study whole, and what can be saved of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landscape.cli.options import Study, option
from landscape.cli.wiring import bars, configuration_of, load_data
from landscape.records.plurals import counted, plural


def check(
    study: Study,
    repair: Annotated[
        bool, option("Save what is sound of a damaged study, compute the rest.")
    ] = False,
    recompute: Annotated[
        bool,
        option(
            "Whether --repair computes what is missing, where it can.",
            name="--recompute/--no-recompute",
        ),
    ] = True,
) -> None:
    """Verify every digest of a study file and say which part is damaged.

    The file is read in a process of its own, with limits on time and memory. The exit code is 0 if
    the study is whole, 1 if a part is damaged, 2 if it is no study at all.

    With --repair, damaged tiles of surfaces become missing points and other damaged records are
    removed. A study of 'landscape run' then continues, and so do the surfaces that 'landscape
    sample' added to it: only what is missing is computed. For the rest, as surfaces of a network
    of your own, whose code is not run from here, the command to give is printed. The damaged file
    is kept as <name>.damaged.

    Example: landscape check study --repair
    """
    path = _file(study)
    if repair:
        _repair(path, recompute=recompute)
        return
    if not recompute:
        raise ValueError("--no-recompute is of --repair; add --repair")
    _verify(path)


def _verify(path: Path) -> None:
    """Print whether a file is whole.

    Raises:
        typer.Exit: with the code 1, if it is not.
    """
    from landscape.store.checking import check_file

    with bars():
        checked = check_file(path)
    for part, problem in checked.problems.items():
        print(f"{path}: {part} is damaged: {problem}")
    if checked.problems:
        print(f"mend it with: landscape check --repair {path}")
        raise typer.Exit(1)
    records = counted(checked.records, "record")
    if not checked.digests:
        print(f"{path}: {records} can be read; without digests, damage cannot be told")
        return
    how = "every byte is as published" if checked.sealed else (
        "every digest is right, though the file was rewritten by another program"
    )  # fmt: skip
    print(f"{path}: {records}, {how}")


def _repair(path: Path, *, recompute: bool) -> None:
    """Save what is sound, compute the rest where that is possible, and print what was done."""
    from landscape.store import open_study
    from landscape.store.salvage import salvage

    with bars():
        done = salvage(path)
    if done.kept is None:
        print(f"{path}: nothing is damaged")
        return
    for part, points in done.missing.items():
        print(f"{part}: {counted(points, 'point')} {plural(points, 'is', 'are')} missing now")
    for part in done.removed:
        print(f"{part}: removed")
    print(f"the damaged file is kept as {done.kept}")
    from landscape.study.repair import incomplete, remedy

    damaged = [*done.missing, *done.removed]
    failed = _recomputed(path, damaged) if recompute else {}
    mended = open_study(path)
    for part in incomplete(path, damaged):
        why = f" ({failed[part]})" if part in failed else ""
        print(f"{part}: not computed again{why}; give: {remedy(mended, part)}")


def _recomputed(path: Path, damaged: list[str]) -> dict[str, str]:
    """Compute what is missing of a study with a configuration; say what could not be."""
    from landscape.store import open_study
    from landscape.study.experiment import Study as Work
    from landscape.study.repair import repair_surfaces

    sound = open_study(path)
    if "activations" not in sound.config:
        return {}
    config = configuration_of(sound)
    surfaces = sound.surfaces() or [p for p in damaged if p.startswith("surfaces/")]
    with bars() as progress:
        Work(config, path, load_data, progress).run(sample=bool(surfaces))
        return repair_surfaces(
            open_study(path), config, damaged, load_data=load_data, reporter=progress
        )  # fmt: skip


def _file(study: Path) -> Path:
    path = study / "study.h5" if study.is_dir() else study
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no study file {path}; make one with: landscape run --out FOLDER"
        )
    return path
