"""``landscape sample``: one more surface of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import bars, configuration_of, load_data, parse_grid


@one_line_errors
def sample(
    study: Annotated[Path, typer.Argument(help="The study file, or its folder.")],
    run: Annotated[str, typer.Option("--run", help="The run, as relu-gd-seed0.")],
    plane: Annotated[str, typer.Option("--plane", help="random or pca.")] = "random",
    seed: Annotated[int, typer.Option("--seed", help="Of the random directions.")] = 0,
    normalisation: Annotated[
        str, typer.Option("--normalisation", help="filter, layer, global or none.")
    ] = "filter",
    grid: Annotated[
        str,
        typer.Option("--grid", help="Points, as 51 or 51x41; 101x1 is a line, 17x17x17 a volume."),
    ] = "51",
    alpha: Annotated[tuple[float, float], typer.Option("--alpha", help="First and last alpha.")] = (
        -1.0,
        1.0,
    ),
    beta: Annotated[tuple[float, float], typer.Option("--beta", help="First and last beta.")] = (
        -1.0,
        1.0,
    ),
    gamma: Annotated[tuple[float, float], typer.Option("--gamma", help="First and last gamma.")] = (
        -1.0,
        1.0,
    ),
    resample: Annotated[
        int,
        typer.Option(
            "--resample",
            help="Points a side, instead of --grid: evaluate at few Chebyshev points and "
            "interpolate the rest, if that is exact enough.",
        ),
    ] = 0,
    tolerance: Annotated[
        float, typer.Option("--tolerance", help="Of --resample: error as a share of the range.")
    ] = 1e-3,
    height: Annotated[
        str,
        typer.Option(
            "--height", help="Of --resample: log also keeps the error below 0.02 decades."
        ),
    ] = "log",
    gradients: Annotated[
        bool,
        typer.Option(
            "--gradients",
            help="Also the derivatives along the axes, by a backward pass per point; "
            "'render --shading gradient' draws with them.",
        ),
    ] = False,
    strategy: Annotated[
        str,
        typer.Option(
            "--strategy",
            help="batched, vmap, copy, loop, or auto: the fastest; gradient is "
            "--gradients. [the study's]",
        ),
    ] = "",
    threads: Annotated[
        int, typer.Option("--threads", help="0: one or all, whichever is faster.")
    ] = 0,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say how the engine was chosen.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Id of plane and surface. [made up]")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for study.h5. [the study itself grows]")
    ] = None,
) -> None:
    """Sample one more plane around a solution of a study.

    Coordinates are multiples of the directions. The engine first measures for a second or two which
    way of evaluating is fastest, and says what it takes. Interrupted, the same command continues.
    """
    import logging
    from dataclasses import replace

    from landscape.grid import Grid
    from landscape.sampling import with_gradients
    from landscape.store import open_study
    from landscape.study import more

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("landscape").setLevel(logging.DEBUG if verbose else logging.WARNING)
    source = open_study(study)
    config = configuration_of(source)
    shape = (resample, resample) if resample else parse_grid(grid)
    given: dict[str, Any] = {"strategy": strategy} if strategy else {}
    if gradients:
        # What the study prescribes for the loss alone does not bind.
        given = {"strategy": "auto", "compile": "never", **given}
    engine = replace(config.sampling, threads=threads or config.sampling.threads, **given)
    if gradients:
        engine = with_gradients(engine)
    request = more.Request(
        run=run, kind=plane, seed=seed, normalisation=normalisation, identifier=name,
        grid=Grid.over(shape, (alpha, beta, gamma)),
        tolerance=tolerance if resample else 0.0, height=height, gradients=gradients,
    )  # fmt: skip
    with bars() as shown:
        shown.note(f"sampling {request.grid.size:,} points of {run}")
        path, surface = more.sample_more(
            source, config, request, load_data=load_data, out=out, engine=engine, reporter=shown
        )
    print(f"wrote surface {surface} to {path}")
    if len(shape) == 2:
        print(f"next: landscape render {path} --surface {surface}")
