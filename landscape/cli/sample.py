"""``landscape sample``: one more surface of a study, or one of a network of the user's own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
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
    from landscape.study.reporting import Reporter
    from landscape.study.request import Request

# Error that interpolation may make, as a share of the range of the losses.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class Directions:
    """Which plane, or which line in it."""

    plane: Annotated[
        str,
        option(
            "Kind: random, pca, hessian, gradient, update, between or through. [by what is given]",
            PLANE,
        ),
    ] = ""
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

    def on(self, directions: Directions, plane: str) -> Grid:
        """Return the coordinates that are sampled: those asked for, or the usual ones.

        Args:
            directions: whether there is a line in the plane.
            plane: its kind.

        Raises:
            ValueError: for another form, or two numbers of points.
        """
        from landscape.evaluation.resampling import check_worth
        from landscape.evaluation.usual_window import usual_grid
        from landscape.records.grid import Grid

        if self.resample and self.grid:
            raise ValueError(
                "--resample says how many points there are, and so does --grid; give one"
            )
        on_line = directions.line is not None
        one_axis = on_line or plane == "between"
        if self.resample:
            shape: tuple[int, ...] = (self.resample,) * (1 if one_axis else 2)
        else:
            usual = "201x1" if on_line else "101x1" if one_axis else "51"
            shape = parse_shape(self.grid or usual)
        grid = usual_grid("segment" if on_line else plane, shape)
        if self.span:
            grid = Grid.over(shape, parse_spans(self.span, len(shape)))
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

    A plane has random directions, or those of all paths together (pca), the Hessian's eigenvectors,
    the gradient, the last two steps (update), or other solutions: between is the line to one,
    through the plane of two. The first --run or --checkpoints is the solution at the centre, the
    next ones are those other paths or solutions; the paths of all are placed on the plane. Without
    --plane, a network of your own gets pca with folders of checkpoints, between with one file,
    through with two.

    Coordinates are multiples of the directions. Windows hold what their plane is made of: pca all
    paths and the lowest loss near them, through the solutions, hessian a bowl of about ten times
    the loss at the centre; between goes from -0.5 to 1.5, as the solutions lie at 0 and 1; others
    go from -1 to 1.

    The engine measures for a second or two which way of evaluating is fastest, then works.
    Interrupted, the same command continues. With --resample, from 26 points a side (130 along a
    line), Chebyshev points are evaluated and the rest is interpolated, if the error stays below
    0.1 % of the range. BatchNorm's statistics are those the network holds (frozen), of each batch
    as in training, or recalibrated on all data at every point.

    With --model the Python files named are run, with all that is in them: give files you trust.
    Nothing in a file of weights is run. The first path ends at the solution. A study holds surfaces
    of several networks, checkpoints and data sets: give the same --out, and a --name for each.

    Example: landscape sample --model my.py:build --data my.py:data --checkpoints adam=runs/adam
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
    places = _places(checkpoints or [])
    folders = [name for name, place in places.items() if not Path(place).is_file()]
    files = [name for name in places if name not in folders]
    runs, further = run or folders, (run or folders)[1:]
    plane = directions.plane or _plane_by(folders, files)
    others = further[: OTHERS.get(plane, 0)] if study is not None or plane == "pca" else []
    others += files
    request = Request(
        run=next(iter(runs), None), kind=plane, seed=directions.seed,
        normalisation=directions.normalisation, which=tuple(directions.which or ["all"]),
        others=tuple(others), placed=tuple(p for p in further if p not in others),
        identifier=name, grid=points.on(directions, plane),
        tolerance=_TOLERANCE if points.resample else 0.0,
        length="displacement" if plane == "pca" else "unit", line=directions.line or (),
        **asdict(reading),
    )  # fmt: skip
    with bars() as progress:
        fit = not points.span
        if study is not None:
            path, surface = _of_study(study, request, out, fit, progress)
        else:
            path, surface = network.sample(
                request, places, out or Path("study.h5"), fit=fit, reporter=progress
            )
    print(f"wrote surface {surface} to {path}")
    _print_centre(path, surface)
    if (axes := len(request.grid.shape)) < 3:
        kind = ["--kind", "line"] if axes == 1 else []
        print("next:", shlex.join(["landscape", "render", str(path), *kind, "--surface", surface]))


def _plane_by(folders: Sequence[str], files: Sequence[str]) -> str:
    """Return the kind of plane that paths and other solutions of the user's are shown on."""
    return "pca" if folders else {1: "between", 2: "through"}.get(len(files), "random")


def _of_study(
    study: Path, request: Request, out: Path | None, fit: bool, reporter: Reporter
) -> tuple[Path, str]:
    """Sample a surface of a study; return the file it is in, and its id."""
    from landscape.store import open_study
    from landscape.study.run_surfaces import sample_run

    source = open_study(study)
    config = configuration_of(source)
    return sample_run(
        source, config, request, fit=fit, load_data=load_data, out=out, reporter=reporter
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


def _places(given: Sequence[str]) -> dict[str, str]:
    """Read NAME=PATH of each."""
    places: dict[str, str] = {}
    for text in given:
        name, equals, place = text.partition("=")
        if not (name and equals and place):
            raise ValueError(f"--checkpoints needs NAME=PATH, as adam=runs/adam, got {text!r}")
        if name in places:
            raise ValueError(
                f"--checkpoints names each path once, got {name}={places[name]} and {text}; give "
                "one of them another name"
            )
        places[name] = place
    return places
