"""``landscape sample``: one more surface of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.user_model import Own
from landscape.cli.wiring import IgnoreKeys, bars, configuration_of, load_data, parse_grid

PLANES = "random, pca, hessian, gradient, update, between (a line) or through (three solutions)"

# Where alpha and beta begin and end, if not at -1 and 1.
_ENDS = {
    "pca": ((-1.5, 0.5), (-1.0, 1.0)),
    "between": ((-0.5, 1.5), (-0.5, 1.5)),
    "through": ((-0.5, 1.5), (-0.5, 1.5)),
}
_LINE = ((0.0, 1.0), (-1.0, 1.0))
_GRID = "51"


@one_line_errors
def sample(
    study: Annotated[
        Path | None, typer.Argument(help="The study file, or its folder. [--model instead]")
    ] = None,
    run: Annotated[str, typer.Option("--run", help="The run, as relu-gd-seed0.")] = "",
    plane: Annotated[str, typer.Option("--plane", help=f"{PLANES}.")] = "random",
    other: Annotated[
        list[str] | None,
        typer.Option(
            "--other",
            help="Another run for between and through; with --model NAME=FILE of weights. Repeat.",
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        typer.Option("--also", help="A further run whose path is placed on the plane. Repeat."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the random directions.")] = 0,
    normalisation: Annotated[
        str, typer.Option("--normalisation", help="filter, layer, global or none.")
    ] = "filter",
    which: Annotated[
        list[str] | None,
        typer.Option(
            "--which",
            help="Parameters that random directions perturb: all, trainable, a layer's name, or a "
            "pattern as 'layer4.*'. Repeat.",
        ),
    ] = None,
    grid: Annotated[
        str,
        typer.Option(
            "--grid",
            help="Points, as 51 or 51x41; 101x1 is a line, 17x17x17 a volume. With --line 201x1.",
        ),
    ] = _GRID,
    alpha: Annotated[
        tuple[float, float] | None,
        typer.Option(
            "--alpha",
            help="First and last alpha. [-1 1; pca, where the path comes from about -1: -1.5 0.5; "
            "between and through, where solutions lie at 0 and 1: -0.5 1.5; --line 0 1]",
        ),
    ] = None,
    beta: Annotated[
        tuple[float, float] | None,
        typer.Option("--beta", help="First and last beta. [-1 1; through: -0.5 1.5]"),
    ] = None,
    gamma: Annotated[
        tuple[float, float] | None, typer.Option("--gamma", help="First and last gamma. [-1 1]")
    ] = None,
    line: Annotated[
        tuple[float, float, float, float] | None,
        typer.Option(
            "--line",
            help="Alpha and beta of one point of the plane and of another, as 0 0 0.5 -0.5: sample "
            "the line between them, alpha 0 to 1, instead of the plane.",
        ),
    ] = None,
    resample: Annotated[
        int,
        typer.Option(
            "--resample",
            help="Points a side, instead of --grid: evaluate at few Chebyshev points and "
            "interpolate the rest, if that is exact enough. From 26 a side on, 130 along a line.",
        ),
    ] = 0,
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", help="Of --resample: error as a share of the range. [0.001]"),
    ] = None,
    height: Annotated[
        str,
        typer.Option(
            "--height",
            help="Of --resample: log also keeps the error below 0.02 decades; linear. [log]",
        ),
    ] = "",
    gradients: Annotated[
        bool,
        typer.Option(
            "--gradients",
            help="Also the derivatives along the axes, by a backward pass per point; "
            "'render --shading gradient' draws with them.",
        ),
    ] = False,
    batch_norm: Annotated[
        str,
        typer.Option(
            "--batch-norm",
            help="Statistics that normalise: frozen, those the network holds; batch, those of each "
            "batch, as in training; recalibrated, those of all data, anew at every point.",
        ),
    ] = "frozen",
    subset: Annotated[
        int,
        typer.Option(
            "--subset",
            min=0,
            help="Number of examples to draw (seed 0), with standard errors; 0 takes all.",
        ),
    ] = 0,
    divergence: Annotated[
        bool,
        typer.Option(
            "--divergence",
            help="Also the mean KL divergence of the predictions from those at the centre.",
        ),
    ] = False,
    curvature: Annotated[
        bool,
        typer.Option(
            "--curvature/--no-curvature",
            help="Note the Hessian's largest and smallest eigenvalue beside a random plane.",
        ),
    ] = True,
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
    model: Annotated[
        str,
        typer.Option(
            "--model", help="FILE.py:FUNCTION that returns a network of your own; the file is run."
        ),
    ] = "",
    data: Annotated[
        str, typer.Option("--data", help="Of --model: FILE.py:FUNCTION that returns the data.")
    ] = "",
    loss: Annotated[
        str,
        typer.Option(
            "--loss", help="Of --model: cross_entropy, mse, or FILE.py:FUNCTION. [cross_entropy]"
        ),
    ] = "",
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            "--checkpoint",
            help="Of --model: weights, .pt, .pth, .pth.tar, .t7, .ckpt, .bin, .safetensors, ...",
        ),
    ] = None,
    ignore_keys: IgnoreKeys = None,
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(
            "--checkpoints",
            help="Of --model: NAME=FOLDER, a path recorded or saved as checkpoints, or a pattern, "
            "NAME='runs/ep*.pth.tar'. The first ends at the solution; all are placed on the plane. "
            "Repeat.",
        ),
    ] = None,
    length: Annotated[
        str,
        typer.Option(
            "--length", help="Of pca: unit, or displacement: that of the whole path. [displacement]"
        ),
    ] = "",
    dtype: Annotated[
        str,
        typer.Option("--dtype", help="Precision: float32 or float64. [the study's, the network's]"),
    ] = "",
    expected_loss: Annotated[
        float | None,
        typer.Option(
            "--expected-loss",
            help="The known loss of the network, as from training. Stops before the "
            "grid is sampled if the loss at the centre differs by more than 1 %.",
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Say how the engine was chosen.")
    ] = False,
    name: Annotated[str, typer.Option("--name", help="Id of plane and surface. [made up]")] = "",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Folder for study.h5 [the study itself grows]; with --model the file. [study.h5]",
        ),
    ] = None,
) -> None:
    """Sample one more plane around a solution of a study, or around a network of your own.

    Coordinates are multiples of the directions. The engine first measures for a second or two which
    way of evaluating is fastest, and says what it takes. Interrupted, the same command continues.

    With --model the Python files named are run, with all that is in them: give files you trust.
    Weights are read without running anything in their file. A study holds surfaces of several
    networks, checkpoints and data sets: give the same --out, and a --name for each.
    """
    import logging
    from dataclasses import replace

    from landscape.evaluation.engine_settings import SamplingConfig
    from landscape.evaluation.resampling import check_worth
    from landscape.records.grid import Grid
    from landscape.study import one_surface

    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("landscape").setLevel(logging.DEBUG if verbose else logging.WARNING)
    if bool(model) == (study is not None):
        raise ValueError("give either a study with --run, or --model with --data")
    if study is not None and not run:
        raise ValueError("a study needs --run, as relu-gd-seed0; 'landscape info' lists its runs")
    own = {"data": data, "loss": loss, "checkpoint": checkpoint, "checkpoints": checkpoints,
           "ignore-keys": ignore_keys}  # fmt: skip
    _refuse_idle(own if study else {}, "is of --model; a study has its own")
    runs = {"run": run, "also": also}
    _refuse_idle(runs if model else {}, "is of a study; with --model give --checkpoints")
    finer = {"tolerance": tolerance, "height": height}
    _refuse_idle({} if resample else finer, "is of --resample; give that too")
    source, config = (None, None) if study is None else _opened(study)
    shape = _shape(grid, resample, 201 if line else 101 if plane == "between" else 0)
    idle = [("beta", beta), ("gamma", gamma)][len(shape) - 1 :]
    _refuse_idle(dict(idle), "is no axis of this grid; leave it out")
    usual = _LINE if line else _ENDS.get(plane, ((-1.0, 1.0), (-1.0, 1.0)))
    base = config.sampling if config else SamplingConfig()
    engine = _engine(replace(base, threads=threads or base.threads), strategy, gradients=gradients)
    axes = Grid.over(shape, (alpha or usual[0], beta or usual[1], gamma or (-1.0, 1.0)))
    pairs = dict(map(_pair, checkpoints or []))
    others = dict(map(_pair, other or [])) if model else dict.fromkeys(other or [], "")
    request = one_surface.Request(
        run=next(iter(pairs), None) if model else run, kind=plane, seed=seed,
        normalisation=normalisation, which=tuple(which or ["all"]), others=tuple(others),
        placed=tuple(also or []), identifier=name, grid=axes,
        tolerance=(1e-3 if tolerance is None else tolerance) if resample else 0.0,
        height=height or "log", gradients=gradients,
        subset=subset, divergence=divergence, curvature=curvature, dtype=dtype,
        batch_norm=batch_norm, length=length or ("displacement" if plane == "pca" else "unit"),  # type: ignore[arg-type]
        line=line or (), expected_loss=expected_loss,
    )  # fmt: skip
    if resample:
        check_worth(axes)
    with bars() as shown:
        if source is None or config is None:
            network = Own(
                model, data, loss or "cross_entropy", checkpoint, pairs, others,
                tuple(ignore_keys or ()),
            )  # fmt: skip
            path, surface = network.sample(request, out or Path("study.h5"), engine, shown)
        else:
            path, surface = one_surface.sample_more(
                source, config, request, load_data=load_data, out=out, engine=engine,
                reporter=shown,
            )  # fmt: skip
    print(f"wrote surface {surface} to {path}")
    _tell_centre(path, surface)
    if len(shape) == 2:
        print(f"next: landscape render {path} --surface {surface}")
    if len(shape) == 1:
        print(f"next: landscape figure {path} --kind line --surface {surface}")


def _tell_centre(path: Path, name: str) -> None:
    """Print the loss at the centre, how many losses are not finite, and what is suspicious.

    Raises:
        RuntimeError: if no loss is finite.
    """
    from landscape.records.centre import centre_of, hints, non_finite
    from landscape.store import open_study

    study = open_study(path)
    surface = study.surface(name)
    centre, lost, size = centre_of(surface), non_finite(surface), surface.grid.size
    words = f"centre: {centre.words}; " if centre is not None and centre.known else ""
    print(f"{words}{lost:,} of {size:,} losses are not finite")
    if lost == size:
        raise RuntimeError(
            f"all {size:,} losses are not finite; check the data and the weights for NaN, or "
            "sample a smaller window or in float64"
        )
    for text in hints(surface, study.plane(name)):
        print(f"hint: {text}")


def _shape(grid: str, resample: int, usual_line: int) -> tuple[int, ...]:
    """Return the points along each axis; of a line so many where no grid is given."""
    if resample and grid != _GRID:
        raise ValueError("--resample says how many points there are, and so does --grid; give one")
    if resample:
        return (resample,) if usual_line else (resample, resample)
    return (usual_line,) if usual_line and grid == _GRID else parse_grid(grid)


def _engine(base: Any, strategy: str, *, gradients: bool) -> Any:
    """Return how points are evaluated."""
    from dataclasses import replace

    from landscape.evaluation.sampling import with_gradients

    given: dict[str, Any] = {"strategy": strategy} if strategy else {}
    if not gradients:
        return replace(base, **given)
    # What the study prescribes for the loss alone does not bind.
    return with_gradients(replace(base, **{"strategy": "auto", "compile": "never", **given}))


def _refuse_idle(options: dict[str, Any], why: str) -> None:
    """Refuse options that were given and would change nothing."""
    for name, value in options.items():
        if value not in (None, "", []):
            raise ValueError(f"--{name} {why}")


def _opened(study: Path) -> tuple[Any, Any]:
    from landscape.store import open_study

    source = open_study(study)
    return source, configuration_of(source)


def _pair(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise ValueError(
            f"--checkpoints and --other need NAME=PATH, as adam=runs/adam, got {text!r}"
        )
    return name, place
