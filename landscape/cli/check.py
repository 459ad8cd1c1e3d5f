"""``landscape check`` and ``landscape repair``: is a study whole, and what can be saved of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import Study


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
            help="Compute what is missing, where the study says how and the data are at hand.",
        ),
    ] = True,
) -> None:
    """Save what is sound of a damaged study, and compute the rest again where that is possible.

    Damaged tiles of surfaces become missing points, other damaged records are removed. A study
    of 'landscape run' then continues, and so do the surfaces that 'landscape sample' added to it:
    just what is missing is computed. For the rest, as surfaces of a network of your own, whose
    code is not run from here, it says the command. The damaged file is kept as <name>.damaged.
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
    from landscape.study.repair import incomplete, remedy

    damaged = [*done.missing, *done.removed]
    failed = _recomputed(path, damaged) if recompute else {}
    mended = open_study(path)
    for part in incomplete(path, damaged):
        why = f" ({failed[part]})" if part in failed else ""
        print(f"{part}: not computed again{why}; give: {remedy(mended, part)}")


def _recomputed(path: Path, damaged: list[str]) -> dict[str, str]:
    """Compute what is missing of a study with a configuration; say what could not be."""
    from landscape.cli.wiring import bars, configuration_of, load_data
    from landscape.store import open_study
    from landscape.study import Study as Work
    from landscape.study.repair import repair_surfaces

    sound = open_study(path)
    if "activations" not in sound.config:
        return {}
    config = configuration_of(sound)
    surfaces = sound.surfaces() or [p for p in damaged if p.startswith("surfaces/")]
    with bars() as shown:
        Work(config, path, load_data, shown).run(sample=bool(surfaces))
        return repair_surfaces(
            open_study(path), config, damaged, load_data=load_data, reporter=shown
        )  # fmt: skip


def _file(study: Path) -> Path:
    path = study / "study.h5" if study.is_dir() else study
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no study file {path}; make one with: landscape run --out FOLDER"
        )
    return path
