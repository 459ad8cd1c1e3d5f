"""``landscape check`` and ``landscape repair``: is a study whole, and what can be saved of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landscape.cli.mistakes import one_line_errors

Study = Annotated[Path, typer.Argument(help="The study file, or its folder.")]


@one_line_errors
def check(study: Study) -> None:
    """Verify every digest of a study file and say which part is damaged.

    The file is read in a process of its own, with limits on time and memory. The exit code is 0 if
    the study is whole, 1 if a part is damaged, 2 if it is no study at all.
    """
    from landscape.store.checking import check_file

    path = _file(study)
    found = check_file(path)
    for part, problem in found.problems.items():
        print(f"{path}: {part} is damaged: {problem}")
    if found.problems:
        print(f"mend it with: landscape repair {path}")
        raise typer.Exit(1)
    if not found.digests:
        print(f"{path}: {found.records} records can be read; they carry no digests, so that "
              "damage cannot be told")  # fmt: skip
        return
    how = "every byte is as published" if found.sealed else (
        "every digest is right, though the file was rewritten by another program"
    )  # fmt: skip
    print(f"{path}: {found.records} records, {how}")


@one_line_errors
def repair(
    study: Study,
    recompute: Annotated[
        bool,
        typer.Option(
            "--recompute/--no-recompute",
            help="Compute what is missing, for a study made by 'landscape run'.",
        ),
    ] = True,
) -> None:
    """Save what is sound of a damaged study, and compute the rest again where that is possible.

    Damaged tiles of surfaces become missing points, other damaged records are removed. A study
    of 'landscape run' then continues, which computes just these; for other surfaces give the
    command again that made them. The damaged file is kept as <name>.damaged.
    """
    from landscape.store import open_study
    from landscape.store.salvage import salvage

    path = _file(study)
    done = salvage(path)
    if done.kept is None:
        print(f"{path}: nothing is damaged")
        return
    for part, points in done.missing.items():
        print(f"{part}: {points} points are missing now")
    for part in done.removed:
        print(f"{part}: removed")
    print(f"the damaged file is kept as {done.kept}")
    sound = open_study(path)
    surfaces = sound.surfaces() or [p for p in done.removed if p.startswith("surfaces/")]
    if recompute and "activations" in sound.config:
        from landscape.cli.wiring import bars, configuration_of, load_data
        from landscape.study import Study as Work

        with bars() as shown:
            Work(configuration_of(sound), path, load_data, shown).run(sample=bool(surfaces))
        left = [p for p in done.missing if not open_study(path).surface(p[9:]).complete]
    else:
        left = [*done.missing, *done.removed]
    if left:
        print(f"not computed again: {', '.join(left)}; give the command that made them once more")


def _file(study: Path) -> Path:
    return study / "study.h5" if study.is_dir() else study
