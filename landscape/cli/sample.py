"""``landscape sample``: one more surface of a study, or one of a network of the user's own."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from landscape.cli.options import (
    GRID,
    MODEL,
    PLANE,
    READ,
    OptionalStudy,
    Runs,
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
    from landscape.study.request import Request

# Where alpha and beta begin and end, if not at -1 and 1.
_ENDS = {
    "pca": ((-1.5, 0.5), (-1.0, 1.0)),
    "between": ((-0.5, 1.5), (-0.5, 1.5)),
    "through": ((-0.5, 1.5), (-0.5, 1.5)),
}
_LINE = ((0.0, 1.0),)
_USUAL = ((-1.0, 1.0),) * 3
# Error that interpolation may make, as a share of the range of the losses.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """Which plane, or which line in it."""

    plane: Annotated[
        str, option("Kind: random, pca, hessian, gradient, update, between or through.", PLANE)
    ] = "random"
    seed: Annotated[int, option("Seed of random directions.", PLANE)] = 0
    normalisation: Annotated[
        str, option("Scale of random directions: filter, layer, global or none.", PLANE)
    ] = "filter"
    which: Annotated[
        list[str] | None,
        option("Parameters to perturb: all, trainable, a name, a pattern. Repeat. [all]", PLANE),
    ] = None
    line: Annotated[
        tuple[float, float, float, float] | None,
        option("Only the line between two points, as 0 0 0.5 -0.5. [the plane]", PLANE),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Where the loss is evaluated."""

    grid: Annotated[
        str, option("Points, as 51, 51x41, 101x1 or 17x17x17. [51; lines 101x1 or 201x1]", GRID)
    ] = ""
    span: Annotated[
        str, option("First and last coordinates, as 0.5, -1:1 or -1:1x0:2. [by the plane]", GRID)
    ] = ""
    resample: Annotated[
        int, option("Points a side of a grid that is mostly interpolated. 0 is off.", GRID)
    ] = 0

    def on(self, directions: Directions) -> Grid:
        """Return the coordinates that are sampled: those asked for, or the plane's usual ones.

        Raises:
            ValueError: for another form, or two numbers of points.
        """
        from landscape.evaluation.resampling import check_worth
        from landscape.records.grid import Grid

        if self.resample and self.grid:
            raise ValueError(
                "--resample says how many points there are, and so does --grid; give one"
            )
        on_line = directions.line is not None
        one_axis = on_line or directions.plane == "between"
        if self.resample:
            shape: tuple[int, ...] = (self.resample,) * (1 if one_axis else 2)
        else:
            usual_grid = "201x1" if on_line else "101x1" if one_axis else "51"
            shape = parse_shape(self.grid or usual_grid)
        usual: tuple[Span, ...] = _LINE if on_line else _ENDS.get(directions.plane, _USUAL)
        spans = parse_spans(self.span, len(shape)) if self.span else (*usual, *_USUAL)
        grid = Grid.over(shape, spans)
        if self.resample:
            check_worth(grid)
        return grid


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the loss is read, and what is evaluated beside it; named as in a request."""

    gradients: Annotated[
        bool, option("Evaluate the derivatives along the axes too, for exact shading.", READ)
    ] = False
    divergence: Annotated[
        bool, option("Evaluate the KL divergence from the predictions at the centre too.", READ)
    ] = False
    batch_norm: Annotated[
        str, option("Statistics of BatchNorm: frozen, batch or recalibrated.", READ)
    ] = "frozen"
    subset: Annotated[
        int, option("Number of examples to draw (seed 0); 0 takes all.", READ, min=0)
    ] = 0
    dtype: Annotated[
        str, option("Precision: float32 or float64. [the study's, or the network's]", READ)
    ] = ""
    expected_loss: Annotated[
        float | None,
        option("Known loss, from which the centre may differ by 1 %. [not checked]", READ),
    ] = None


def sample(
    directions: Directions,
    points: Points,
    reading: Reading,
    network: UserModel,
    study: OptionalStudy = None,
    run: Runs = None,
    checkpoints: Annotated[
        list[str] | None,
        option(
            "NAME=FOLDER or NAME=PATTERN of a path, NAME=FILE of a solution. Repeat. [none]", MODEL
        ),
    ] = None,
    name: Annotated[str, option("Id of plane and surface. [made up]")] = "",
    out: Annotated[
        Path | None,
        option("Folder for a copy of the study; with --model the file. [the study; study.h5]"),
    ] = None,
) -> None:
    """Sample one more plane around a solution of a study, or around a network of your own.

    A plane has random directions, or those of the path (pca), the Hessian's eigenvectors, the
    gradient, the last two steps (update), or other solutions: between is the line to one, through
    the plane of two. The first --run is the solution at the centre, the next ones are those other
    solutions; the paths of all are placed on the plane. Coordinates are multiples of the
    directions: a pca plane goes from -1.5 to 0.5, as the path comes from about -1; between and
    through go from -0.5 to 1.5, as the solutions lie at 0 and 1; others from -1 to 1.

    The engine measures for a second or two which way of evaluating is fastest, then works.
    Interrupted, the same command continues. With --resample, from 26 points a side (130 along a
    line), Chebyshev points are evaluated and the rest is interpolated, if the error stays below
    0.1 % of the range. BatchNorm's statistics are those the network holds (frozen), of each batch
    as in training, or recalibrated on all data at every point.

    With --model the Python files named are run, with all that is in them: give files you trust.
    Nothing in a file of weights is run. The first path ends at the solution. A study holds surfaces
    of several networks, checkpoints and data sets: give the same --out, and a --name for each.

    Example: landscape sample study --run relu-gd-seed0 --plane hessian --grid 101
    """
    from landscape.study.request import OTHERS, Request

    if bool(network.model) == (study is not None):
        raise ValueError("give either a study with --run, or --model with --data")
    if study is not None and not run:
        raise ValueError("a study needs --run, as relu-gd-seed0; 'landscape info' lists its runs")
    if study is None:
        check_unused({"run": run}, "is of a study; with --model give --checkpoints")
    else:
        check_unused({"checkpoints": checkpoints}, "is of --model; with a study give --run")
    places = dict(map(_pair, checkpoints or []))
    runs = run or [name for name, place in places.items() if not Path(place).is_file()]
    further = runs[1:] if run else []
    others = further[: OTHERS.get(directions.plane, 0)]
    if network.model:
        others = [name for name, place in places.items() if Path(place).is_file()]
    pca = directions.plane == "pca"
    request = Request(
        run=next(iter(runs), None), kind=directions.plane, seed=directions.seed,
        normalisation=directions.normalisation, which=tuple(directions.which or ["all"]),
        others=tuple(others), placed=tuple(p for p in further if p not in others),
        identifier=name, grid=points.on(directions),
        tolerance=_TOLERANCE if points.resample else 0.0,
        length="displacement" if pca else "unit", line=directions.line or (), **asdict(reading),
    )  # fmt: skip
    if study is not None:
        path, surface = _of_study(study, request, out)
    else:
        with bars() as progress:
            path, surface = network.sample(request, places, out or Path("study.h5"), progress)
    print(f"wrote surface {surface} to {path}")
    _print_centre(path, surface)
    if (axes := len(request.grid.shape)) < 3:
        line = " --kind line" if axes == 1 else ""
        print(f"next: landscape render {path}{line} --surface {surface}")


def _of_study(study: Path, request: Request, out: Path | None) -> tuple[Path, str]:
    """Sample a surface of a study; return the file it is in, and its id."""
    from landscape.store import open_study
    from landscape.study.run_surfaces import sample_run

    source = open_study(study)
    config = configuration_of(source)
    with bars() as progress:
        return sample_run(
            source, config, request, load_data=load_data, out=out, reporter=progress
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


def _pair(text: str) -> tuple[str, str]:
    name, equals, place = text.partition("=")
    if not (name and equals and place):
        raise ValueError(f"--checkpoints needs NAME=PATH, as adam=runs/adam, got {text!r}")
    return name, place
