"""``landscape sample``: one more surface of a study, or one of a network of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import (
    GRID,
    MODEL,
    READ,
    Checkpoint,
    Data,
    IgnoreKeys,
    Loss,
    Model,
    OptionalStudy,
    check_unused,
    option,
)
from landscape.cli.user_model import UserModel
from landscape.cli.wiring import bars, configuration_of, load_data
from landscape.records.grid_notation import parse_shape, parse_spans
from landscape.records.plurals import plural

if TYPE_CHECKING:
    from landscape.records.grid import Grid
    from landscape.records.grid_notation import Span

_PLANE = "Which plane"
# Where alpha and beta begin and end, if not at -1 and 1.
_ENDS = {
    "pca": ((-1.5, 0.5), (-1.0, 1.0)),
    "between": ((-0.5, 1.5), (-0.5, 1.5)),
    "through": ((-0.5, 1.5), (-0.5, 1.5)),
}
_LINE = ((0.0, 1.0),)
_USUAL = ((-1.0, 1.0),) * 3


@one_line_errors
def sample(
    study: OptionalStudy = None,
    run: Annotated[str, option("Id of a run, as relu-gd-seed0. [required of a study]")] = "",
    name: Annotated[str, option("Id of plane and surface. [made up]")] = "",
    plane: Annotated[
        str,
        option(
            "Kind of plane: random, pca (of the path), hessian (eigenvectors), gradient, "
            "update (the last two steps), between (the line to another solution) or through"
            " (three solutions).",
            _PLANE,
        ),
    ] = "random",
    other: Annotated[
        list[str] | None,
        option(
            "Another solution for between and through: a run, or NAME=FILE of weights with "
            "--model. Repeat. [none]",
            _PLANE,
        ),
    ] = None,
    also: Annotated[
        list[str] | None,
        option("A further run whose path is placed on the plane. Repeat. [none]", _PLANE),
    ] = None,
    seed: Annotated[int, option("Seed of random directions.", _PLANE)] = 0,
    normalisation: Annotated[
        str, option("Scale of random directions: filter, layer, global or none.", _PLANE)
    ] = "filter",
    which: Annotated[
        list[str] | None,
        option(
            "Parameters that random directions perturb: all, trainable, a layer's name, or "
            "a pattern as 'layer4.*'. Repeat. [all]",
            _PLANE,
        ),
    ] = None,
    length: Annotated[
        str,
        option(
            "Unit of a pca plane's coordinates: displacement (the path's, from start to "
            "solution) or unit. [displacement]",
            _PLANE,
        ),
    ] = "",
    line: Annotated[
        tuple[float, float, float, float] | None,
        option(
            "Sample only the line between two points of the plane, alpha and beta of each, "
            "as 0 0 0.5 -0.5. [the plane]",
            _PLANE,
        ),
    ] = None,
    grid: Annotated[
        str,
        option(
            "Points, as 51 or 51x41; 101x1 is a line, 17x17x17 a volume. [51; between "
            "101x1, --line 201x1]",
            GRID,
        ),
    ] = "",
    span: Annotated[
        str,
        option(
            "First and last coordinate of each axis, in multiples of the directions: 0.5 "
            "(from -0.5 to 0.5), -1:1 or -1:1x0:2. [1; pca -1.5:0.5x-1:1, where the path "
            "comes from about -1; between and through -0.5:1.5, where solutions lie at 0 "
            "and 1; --line 0:1]",
            GRID,
        ),
    ] = "",
    resample: Annotated[
        int,
        option(
            "Points a side, instead of --grid: evaluate at few Chebyshev points and "
            "interpolate the rest, if that is exact enough. From 26 a side on, 130 along a "
            "line. 0 is off.",
            GRID,
        ),
    ] = 0,
    tolerance: Annotated[
        float | None,
        option("Error that --resample may make, as a share of the range. [0.001]", GRID),
    ] = None,
    gradients: Annotated[
        bool,
        option(
            "Evaluate the derivatives along the axes too, by a backward pass per point; "
            "'render --shading gradient' draws with them.",
            READ,
            name="--gradients",
        ),
    ] = False,
    divergence: Annotated[
        bool,
        option(
            "Evaluate the mean KL divergence of the predictions from those at the centre too.",
            READ,
            name="--divergence",
        ),
    ] = False,
    curvature: Annotated[
        bool,
        option(
            "Note the Hessian's largest and smallest eigenvalue beside a random plane.",
            READ,
            name="--curvature/--no-curvature",
        ),
    ] = True,
    batch_norm: Annotated[
        str,
        option(
            "Statistics that normalise: frozen (those the network holds), batch (those of "
            "each batch, as in training) or recalibrated (those of all data, anew at every "
            "point).",
            READ,
        ),
    ] = "frozen",
    subset: Annotated[
        int,
        option(
            "Number of examples to draw (seed 0), with standard errors; 0 takes all.", READ, min=0
        ),
    ] = 0,
    dtype: Annotated[
        str, option("Precision: float32 or float64. [the study's, or the network's]", READ)
    ] = "",
    expected_loss: Annotated[
        float | None,
        option(
            "Known loss of the network, as from training: stop before the grid is sampled "
            "if the loss at the centre differs by more than 1 %. [not checked]",
            READ,
        ),
    ] = None,
    strategy: Annotated[
        str,
        option(
            "How points are evaluated: auto (the fastest), batched, vmap, copy or loop. "
            "[the study's, or auto]",
            READ,
        ),
    ] = "",
    model: Model = "",
    data: Data = "",
    loss: Loss = "",
    checkpoint: Checkpoint = None,
    ignore_keys: IgnoreKeys = None,
    checkpoints: Annotated[
        list[str] | None,
        option(
            "A path: NAME=FOLDER of a recording or of checkpoints, or a pattern, "
            "NAME='runs/ep*.pth.tar'. The first ends at the solution; all are placed on the"
            " plane. Repeat. [none]",
            MODEL,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        option(
            "Folder for a study that holds this surface too; with --model the file. [the "
            "study itself; with --model study.h5]"
        ),
    ] = None,
) -> None:
    """Sample one more plane around a solution of a study, or around a network of your own.

    Coordinates are multiples of the directions. The engine measures for a second or two which way
    of evaluating is fastest, then works. Interrupted, the same command continues.

    With --model the Python files named are run, with all that is in them: give files you trust.
    Nothing in a file of weights is run. A study holds surfaces of several networks, checkpoints
    and data sets: give the same --out, and a --name for each.
    """
    from landscape.evaluation.resampling import check_worth
    from landscape.study.request import Request

    if bool(model) == (study is not None):
        raise ValueError("give either a study with --run, or --model with --data")
    if study is not None and not run:
        raise ValueError("a study needs --run, as relu-gd-seed0; 'landscape info' lists its runs")
    if study is not None:
        check_unused({"data": data, "loss": loss, "checkpoint": checkpoint,
                      "checkpoints": checkpoints, "ignore-keys": ignore_keys},
                     "is of --model; a study has its own")  # fmt: skip
    else:
        check_unused({"run": run, "also": also}, "is of a study; with --model give --checkpoints")
    if not resample:
        check_unused({"tolerance": tolerance}, "is of --resample; give that too")
    axes = _grid(grid, span, resample, plane, on_line=line is not None)
    paths = dict(map(_pair, checkpoints or []))
    others = dict(map(_pair, other or [])) if model else dict.fromkeys(other or [], "")
    request = Request(
        run=next(iter(paths), None) if model else run, kind=plane, seed=seed,
        normalisation=normalisation, which=tuple(which or ["all"]), others=tuple(others),
        placed=tuple(also or []), identifier=name, grid=axes,
        tolerance=(1e-3 if tolerance is None else tolerance) if resample else 0.0,
        gradients=gradients, subset=subset, divergence=divergence, curvature=curvature,
        dtype=dtype, batch_norm=batch_norm,  # type: ignore[arg-type]
        length=length or ("displacement" if plane == "pca" else "unit"),  # type: ignore[arg-type]
        line=line or (), expected_loss=expected_loss,
    )  # fmt: skip
    if resample:
        check_worth(axes)
    if study is not None:
        path, surface = _of_study(study, request, strategy, out)
    else:
        network = UserModel(
            model=model, data=data, loss=loss or "cross_entropy", checkpoint=checkpoint,
            ignore=tuple(ignore_keys or ()), paths=paths, others=others,
        )  # fmt: skip
        engine = _engine(None, strategy, gradients=gradients)
        with bars() as progress:
            path, surface = network.sample(request, out or Path("study.h5"), engine, progress)
    print(f"wrote surface {surface} to {path}")
    _print_centre(path, surface)
    if len(axes.shape) == 2:
        print(f"next: landscape render {path} --surface {surface}")
    if len(axes.shape) == 1:
        print(f"next: landscape figure {path} --kind line --surface {surface}")


def _of_study(study: Path, request: Any, strategy: str, out: Path | None) -> tuple[Path, str]:
    """Sample a surface of a study; return the file it is in, and its id."""
    from landscape.store import open_study
    from landscape.study.run_surfaces import sample_run

    source = open_study(study)
    config = configuration_of(source)
    engine = _engine(config.sampling, strategy, gradients=request.gradients)
    with bars() as progress:
        return sample_run(
            source, config, request, load_data=load_data, out=out, engine=engine,
            reporter=progress,
        )  # fmt: skip


def _print_centre(path: Path, name: str) -> None:
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
    verb = plural(lost, "is", "are")
    print(f"{words}{lost:,} of {size:,} losses {verb} not finite")
    if lost == size:
        raise RuntimeError(
            f"all {size:,} losses are not finite; check the data and the weights for NaN, or "
            "sample a smaller window or in float64"
        )
    for text in hints(surface, study.plane(name)):
        print(f"hint: {text}")


def _grid(grid: str, span: str, resample: int, plane: str, *, on_line: bool) -> Grid:
    """Return the coordinates that are sampled: those asked for, or the plane's usual ones.

    Raises:
        ValueError: for another form, or two numbers of points.
    """
    from landscape.records.grid import Grid

    if resample and grid:
        raise ValueError("--resample says how many points there are, and so does --grid; give one")
    one_axis = on_line or plane == "between"
    if resample:
        shape: tuple[int, ...] = (resample,) if one_axis else (resample, resample)
    else:
        shape = parse_shape(grid or ("201x1" if on_line else "101x1" if one_axis else "51"))
    usual: tuple[Span, ...] = _LINE if on_line else _ENDS.get(plane, _USUAL)
    return Grid.over(shape, parse_spans(span, len(shape)) if span else (*usual, *_USUAL))


def _engine(base: Any, strategy: str, *, gradients: bool) -> Any:
    """Return how points are evaluated: as the study says, unless told otherwise."""
    from dataclasses import replace

    from landscape.evaluation.engine_settings import SamplingConfig
    from landscape.evaluation.sampling import with_gradients

    base = base or SamplingConfig()
    given: dict[str, Any] = {"strategy": strategy} if strategy else {}
    if not gradients:
        return replace(base, **given)
    # What the study prescribes for the loss alone does not bind.
    return with_gradients(replace(base, **{"strategy": "auto", "compile": "never", **given}))


def _pair(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise ValueError(
            f"--checkpoints and --other need NAME=PATH, as adam=runs/adam, got {text!r}"
        )
    return name, place
