"""``landscape animate``: films of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape import viz
from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Camera, Seed, Select, Study, Style, Surface
from landscape.cli.wiring import bars, configuration_of, load_data
from landscape.records.choices import check_known, known_names

if TYPE_CHECKING:
    from landscape.records.panel import Panel
    from landscape.records.surface import Surface as SampledSurface
    from landscape.store import StudyFile
    from landscape.study.reporting import Reporter

KINDS = ("descent", "zoom")
_SECONDS = {"descent": 6.0, "zoom": 10.0}
_TURNS = {"descent": 120.0, "zoom": 60.0}
# Each window of a zoom is so many times narrower than the one before.
_FACTOR = 2.7
_FEWEST_POINTS, _POINTS = 35, 73
# The last window, in optimizer steps: narrow enough for single kinks of a small network.
_LAST = 0.1


@one_line_errors
def animate(
    study: Study,
    surface: Surface = "",
    select: Select = "",
    seed: Seed = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="descent: the optimizer walks down while the camera turns; zoom: from the whole "
            "surface down to single kinks, the best-fitting quadratic removed.",
        ),
    ] = "descent",
    out: Annotated[
        Path | None, typer.Option("--out", help="The film, .mp4 or .gif. [beside the study]")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option("--seconds", help="Duration. [6, a zoom 10]")
    ] = None,
    fps: Annotated[float, typer.Option("--fps", help="Frames per second.")] = 24.0,
    size: Annotated[str, typer.Option("--size", help="Pixels, both even.")] = "1280x720",
    turn: Annotated[
        float | None,
        typer.Option("--turn", help="Degrees by which the camera turns. [120, a zoom 60]"),
    ] = None,
    pace: Annotated[
        str,
        typer.Option("--pace", help="Of a descent: steps, or distance (equally fast everywhere)."),
    ] = "steps",
    height: Annotated[
        str, typer.Option("--height", help="Of a descent: log, linear or clipped.")
    ] = "log",
    style: Style = "paper",
    camera: Camera = "",
    last: Annotated[
        float | None,
        typer.Option("--last", help="Of a zoom: last window, in optimizer steps. [0.1]"),
    ] = None,
    points: Annotated[
        int | None, typer.Option("--points", help="Of a zoom: samples across each window. [73]")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that is there.")] = False,
) -> None:
    """Film the optimizer walking down a surface, or the way into the loss microscope.

    Two to three frames of 1280x720 are rendered a second on two cores without a graphics card: a
    minute for 6 seconds of film. No frame is kept in memory. A zoom first samples about ten windows
    around the solution in float64. The camera passes --camera in the middle of its turn.
    Needs pip install 'lossoscope[video]'.
    """
    from landscape.cli import pictures
    from landscape.cli.looks import look_of, styled
    from landscape.store import open_study
    from landscape.viz.films.video import check_video
    from landscape.viz.offscreen import ensure

    check_known("kind of film", kind, KINDS)
    if kind == "zoom" and (pace != "steps" or height != "log"):
        raise ValueError("--pace and --height are for a descent; leave them out with --kind zoom")
    if kind == "descent" and (last is not None or points is not None):
        raise ValueError("--last and --points are for --kind zoom; leave them out with a descent")
    source = open_study(study)
    surface = _chosen(source, kind, surface, select, seed)
    target = out or source.path.parent / f"{surface}.{kind}.mp4"
    if target.exists() and not force:
        raise ValueError(f"{target} is there; choose another --out, or overwrite it with --force")
    panel = pictures.panel(source, surface)
    options: dict[str, Any] = {
        "seconds": _SECONDS[kind] if seconds is None else seconds, "fps": fps,
        "turn": _TURNS[kind] if turn is None else turn,
        "size": parse_size(size),
    }  # fmt: skip
    looks = styled(style, camera=camera)
    check_video(target, options["size"], fps, options["seconds"])
    ensure()
    with bars() as shown:
        if kind == "zoom":
            levels, step = _levels(source, panel, shown, last=_LAST if last is None else last,
                                   points=_POINTS if points is None else points)  # fmt: skip
            film = _filming(shown, options)
            first = viz.Panel(levels[0], title=panel.title)
            viz.animate_zoom([first, *levels[1:]], target, viz.Look(style=looks), step=step,
                             progress=film, **options)  # fmt: skip
        else:
            if not panel.paths:
                raise ValueError(f"{surface} has no path on it; a zoom needs none")
            film = _filming(shown, options)
            look = look_of(height=height, style=looks)
            options["pace"] = pace
            viz.animate_descent(panel, target, look, progress=film, **options)
    print(f"wrote {target}")
    for note in _notes(panel) if kind == "descent" else ():
        print(note)


def _notes(panel: Panel) -> list[str]:
    """Say what a film of a descent does not show by itself."""
    import math

    path, *others = panel.paths
    notes = []
    if not any(map(math.isfinite, path.losses)):
        notes.append("the path lies on the surface, as its losses are not known")
    if others:
        names = ", ".join(other.run for other in others)
        notes.append(f"films the path of {path.run}; also on this plane: {names}")
    return notes


def _chosen(study: StudyFile, kind: str, surface: str, select: str, seed: int | None) -> str:
    """Return the id of the surface that is filmed.

    Raises:
        ValueError: if none is named, or not exactly one matches; the message lists those there are.
    """
    from landscape.cli.export import chosen_surfaces

    if surface and not select and seed is None:
        return surface
    films = _films(study, kind)
    if select or seed is not None:
        named = [surface] if surface else None
        films = [name for name in chosen_surfaces(study, named, select, seed) if name in films]
        if len(films) == 1:
            return films[0]
    raise ValueError(f"a {kind} needs one surface, as --surface ID; {known_names(films)}")


def _films(study: StudyFile, kind: str) -> list[str]:
    """Return the surfaces that can be filmed."""
    from landscape.cli import pictures
    from landscape.cli.choosing import planes_only
    from landscape.viz.geometry.window import visible

    found = planes_only(study)
    if kind == "descent":
        return [name for name in found if any(map(visible, pictures.panel(study, name).paths[:1]))]
    return [name for name in found if study.surface(name).run in study.runs()]


def parse_size(text: str) -> tuple[int, int]:
    """Read ``1280x720``.

    Raises:
        ValueError: for anything else.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"a size is written 1280x720, got {text!r}")
    return int(parts[0]), int(parts[1])


def _filming(shown: Reporter, options: dict[str, Any]) -> Any:
    """Begin the bar of the frames; return what moves it."""
    shown.stage("filming", max(round(options["seconds"] * options["fps"]), 2))
    return lambda _done, _count: shown.advance(1)


def _levels(
    study: StudyFile, panel: Panel, shown: Reporter, *, last: float, points: int
) -> tuple[list[SampledSurface], float]:
    """Sample windows around a solution, from the whole surface down; return a step's width too.

    Raises:
        ValueError: for a surface without its run and plane, one that does not hold the solution,
            or other data than those the study was trained on.
    """
    import math
    from dataclasses import replace

    import torch

    from landscape.evaluation.engine_settings import SamplingConfig
    from landscape.evaluation.sampling import sample
    from landscape.kinks.microscope import window_of_step, zoom_series
    from landscape.records.grid import Grid
    from landscape.study.solution_network import solution_problem, trained_on

    one, plane = panel.surface, panel.plane
    if one.run is None or plane is None or len(one.grid.shape) != 2:
        raise ValueError("a zoom needs a surface over a plane around the solution of a run")
    run = study.trajectory(one.run)
    full = 2 * min(float(min(-axis[0], axis[-1])) for axis in one.grid.axes)
    if not full > 0:
        raise ValueError("a zoom goes to the plane's origin, which this surface does not hold")
    step = window_of_step({one.run: run}, plane).width
    if not (math.isfinite(last) and 0 < last * step < full):
        raise ValueError(
            f"the last window must be > 0 and narrower than the surface, {full / step:.3g} "
            f"optimizer steps, got {last}"
        )
    if points < _FEWEST_POINTS:
        raise ValueError(f"a window needs at least {_FEWEST_POINTS} points a side, got {points}")
    count = math.ceil(math.log(full / (last * step)) / math.log(_FACTOR)) + 1
    widths = zoom_series(full, last * step, levels=max(count, 2))
    data = trained_on(study, configuration_of(study), load_data)
    problem = replace(solution_problem(run, data), dtype=torch.float64)
    engine = SamplingConfig(
        strategy="batched", chunk=8, batch_size=1024, compile="never", threads=1
    )
    shown.stage("sampling", len(widths))
    levels = []
    for width in widths:
        grid = Grid.square(points, span=float(width) / 2)
        levels.append(sample(problem, plane, grid=grid, engine=engine))
        shown.advance(1)
    return levels, step
