"""``landscape import``: surfaces, directions and paths of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landscape.cli.options import option
from landscape.cli.wiring import bars


def import_(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Files of Li et al. 2018 (surface, direction, projection), Landscaper (.npz), "
            "landscapeviz (meshfile.hdf5), or CSV as 'landscape export' writes it."
        ),
    ],
    out: Annotated[Path, option("The study file; it is made, or it grows.")] = Path("study.h5"),
    name: Annotated[str, option("Id of surface and plane. [the first file's name]")] = "",
    field: Annotated[str, option("Field that holds the loss, as test_loss. [the usual one]")] = "",
    force: Annotated[bool, option("Replace records of that name in the study.")] = False,
) -> None:
    """Put surfaces, directions and paths of other programs into a study.

    Files given together belong together: a surface, the directions of its plane, a path on it. The
    command reads them in a process of its own, with limits on time and memory. Nothing in them is
    run.

    Example: landscape import surface.h5 directions.h5 --out study.h5
    """
    from landscape.store.importing import import_files

    target = out if out.suffix in (".h5", ".hdf5") else out / "study.h5"
    with bars():
        written = import_files(files, target, name=name, field=field, force=force)
    for path in written:
        print(f"wrote {path} to {target}")
    surfaces = [path.removeprefix("surfaces/") for path in written if path.startswith("surfaces/")]
    if surfaces:
        print(f"next: landscape render {target} --surface {surfaces[0]}")
