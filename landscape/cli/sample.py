"""``landscape sample``: one more surface of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import bars, load_data, parse_points


@one_line_errors
def sample(
    study: Annotated[Path, typer.Argument(help="The study file, or its folder.")],
    run: Annotated[str, typer.Option("--run", help="The run, as relu-gd-seed0.")],
    plane: Annotated[str, typer.Option("--plane", help="random or pca.")] = "random",
    seed: Annotated[int, typer.Option("--seed", help="Of the random directions.")] = 0,
    normalisation: Annotated[
        str, typer.Option("--normalisation", help="filter, layer or none.")
    ] = "filter",
    grid: Annotated[str, typer.Option("--grid", help="Points, as 51 or 51x41.")] = "51",
    alpha: Annotated[tuple[float, float], typer.Option("--alpha", help="First and last alpha.")] = (
        -1.0,
        1.0,
    ),
    beta: Annotated[tuple[float, float], typer.Option("--beta", help="First and last beta.")] = (
        -1.0,
        1.0,
    ),
    name: Annotated[str, typer.Option("--name", help="Id of plane and surface. [made up]")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for study.h5. [the study itself grows]")
    ] = None,
) -> None:
    """Sample one more plane around a solution of a study.

    Coordinates are multiples of the directions. Interrupted, the same command continues.
    """
    from landscape.config import StudyConfig
    from landscape.grid import Grid
    from landscape.store import open_study
    from landscape.study import more

    source = open_study(study)
    config = StudyConfig.from_dict(source.config)
    request = more.Request(
        run=run, kind=plane, seed=seed, normalisation=normalisation,
        grid=Grid.rectangle(parse_points(grid), alpha, beta), identifier=name,
    )  # fmt: skip
    with bars() as shown:
        shown.note(f"sampling {request.grid.size:,} points of {run}")
        path, surface = more.sample_more(
            source, config, request, load_data=load_data, out=out, reporter=shown
        )
    print(f"wrote surface {surface} to {path}")
    print(f"next: landscape render {path} --surface {surface}")
