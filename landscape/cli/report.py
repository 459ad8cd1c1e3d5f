"""``landscape report``: everything a study holds, in one file that needs nothing beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from landscape import viz
from landscape.cli.options import Study, option
from landscape.cli.targets import files_of
from landscape.cli.wiring import bars
from landscape.records.plurals import counted


def report(
    study: Study,
    out: Annotated[Path | None, option("The .html file, or its folder. [beside the study]")] = None,
    panels: Annotated[int, option("Most surfaces that one picture shows.", min=1)] = 8,
    title: Annotated[str, option("Title of the page. [a question]")] = "",
    table: Annotated[
        Path | None,
        option(
            "Write every effect of the claims to this .csv file, and no page. [none]", name="--csv"
        ),
    ] = None,
) -> None:
    """Write a report: the answer, the ten claims, surfaces, methods and limits.

    One HTML file, which opens offline, on a phone, and prints. Claims that the study has not got
    are listed as not measured, with the command that measures them.

    Example: landscape report claims.h5 --out report.html
    """
    from landscape.cli.report_contents import contents
    from landscape.store import open_study

    source = open_study(study)
    if table is not None:
        from landscape.cli.claims_table import write_table

        if table.is_dir():
            raise ValueError(f"--csv is a folder, {table}; name the file, as effects.csv in it")
        if table.suffix != ".csv":
            raise ValueError(
                f"--csv writes a table as .csv, got {table.name!r}; name it effects.csv"
            )
        count = write_table(source, table)
        print(f"wrote {table} ({counted(count, 'effect')})")
        return
    folder = out or source.path.parent
    (target,) = files_of(["report"], folder, ("html", "htm"), "a report")
    with bars() as progress:
        made = contents(source, title=title, panels=panels, progress=progress)
    path = viz.report.write_report(made, target)
    print(f"wrote {path} ({path.stat().st_size / 1e6:.1f} MB)")
