"""``landscape animate``: films of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape import viz
from landscape.cli.choosing import chosen_surfaces, planes_only
from landscape.cli.looks import height_of, styled
from landscape.cli.options import Chosen, Height, View, option
from landscape.cli.remarks import remarks
from landscape.cli.wiring import bars, configuration_of, load_data
from landscape.records.choices import check_known, known_names

if TYPE_CHECKING:
    from landscape.records.panel import Panel
    from landscape.records.surface import Surface
    from landscape.store import StudyFile
    from landscape.study.reporting import Reporter

_FILM = "The film"
KINDS = ("descent", "zoom")
_SECONDS = {"descent": 6.0, "zoom": 10.0}
_TURNS = {"descent": 120.0, "zoom": 60.0}
# Each window of a zoom is so many times narrower than the one before.
_FACTOR = 2.7
_POINTS = 73  # Samples across each window.
# The last window, in optimizer steps: narrow enough for single kinks of a small network.
_LAST = 0.1


def animate(
    chosen: Chosen,
    view: View,
    kind: Annotated[
        str, option("descent (of the optimizer) or zoom (down to single kinks).")
    ] = "descent",
    height: Height = "log",
    seconds: Annotated[float | None, option("Duration. [6, a zoom 10]", _FILM)] = None,
    fps: Annotated[float, option("Frames per second.", _FILM)] = 24.0,
    size: Annotated[str, option("Width and height in pixels, both even.", _FILM)] = "1280x720",
    turn: Annotated[
        float | None, option("Degrees by which the camera turns. [120, a zoom 60]", _FILM)
    ] = None,
    pace: Annotated[
        str, option("Pace of a descent: steps, or distance (equally fast everywhere).", _FILM)
    ] = "steps",
    last: Annotated[
        float | None, option("Width of a zoom's last window in optimizer steps. [0.1]", _FILM)
    ] = None,
    out: Annotated[Path | None, option("The film, .mp4 or .gif. [beside the study]")] = None,
    force: Annotated[bool, option("Replace a file that is there.")] = False,
) -> None:
    """Film the optimizer walking down a surface, or the way into the loss microscope.

    In a descent the optimizer walks down while the camera turns. A zoom goes from the whole surface
    down to single kinks, the best-fitting quadratic removed; it first samples about ten windows
    around the solution in float64. Two to three frames of 1280x720 are rendered a second on two
    cores without a graphics card: a minute for 6 seconds of film. No frame is kept in memory. The
    camera passes --camera in the middle of its turn.
    Needs pip install 'lossoscope[video]'.

    Example: landscape animate study --surface relu-gd-seed0.pca
    """
    from landscape.cli import pictures
    from landscape.store import open_study
    from landscape.viz.films.video import check_video
    from landscape.viz.offscreen import ensure

    check_known("kind of film", kind, KINDS)
    if kind == "zoom" and (pace != "steps" or height != "log"):
        raise ValueError("--pace and --height are for a descent; leave them out with --kind zoom")
    if kind == "descent" and last is not None:
        raise ValueError("--last is for --kind zoom; leave it out with a descent")
    source = open_study(chosen.study)
    surface = _filmed(source, kind, chosen)
    target = out or source.path.parent / f"{surface}.{kind}.mp4"
    if target.exists() and not force:
        raise ValueError(f"{target} is there; choose another --out, or overwrite it with --force")
    panel = pictures.panel(source, surface)
    film: dict[str, Any] = {
        "seconds": _SECONDS[kind] if seconds is None else seconds, "fps": fps,
        "turn": _TURNS[kind] if turn is None else turn, "size": parse_size(size),
    }  # fmt: skip
    style = styled(view.style, camera=view.camera)
    heights, limit = height_of(height)
    look = viz.Look(height=heights, limit=limit, style=style)
    check_video(target, film["size"], fps, film["seconds"])
    ensure()
    if kind == "descent" and not panel.paths:
        raise ValueError(f"{surface} has no path on it; a zoom needs none")
    with bars() as progress:
        if kind == "zoom":
            levels, step = _levels(source, panel, progress, last=_LAST if last is None else last)
            first = viz.Panel(levels[0], title=panel.title)
            viz.animate_zoom([first, *levels[1:]], target, viz.Look(style=style), step=step,
                             progress=_filming(progress, film), **film)  # fmt: skip
        else:
            viz.animate_descent(panel, target, look, pace=pace,  # type: ignore[arg-type]
                                progress=_filming(progress, film), **film)  # fmt: skip
    print(f"wrote {target}")
    for note in [*_notes(panel), *remarks({surface: panel}, heights)] if kind == "descent" else ():
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


def _filmed(study: StudyFile, kind: str, chosen: Chosen) -> str:
    """Return the id of the surface that is filmed: the one that is chosen, or the only one.

    Raises:
        ValueError: if not exactly one is; the message lists those there are.
    """
    names, films = chosen_surfaces(study, chosen), _films(study, kind)
    matching = names if chosen.surface else [name for name in names if name in films]
    if len(matching) == 1:
        return matching[0]
    raise ValueError(f"a {kind} needs one surface, as --surface ID; {known_names(films)}")


def _films(study: StudyFile, kind: str) -> list[str]:
    """Return the surfaces that can be filmed."""
    from landscape.cli import pictures
    from landscape.viz.geometry.window import visible

    names = planes_only(study)
    if kind == "descent":
        return [name for name in names if any(map(visible, pictures.panel(study, name).paths[:1]))]
    return [name for name in names if study.surface(name).run in study.runs()]


def parse_size(text: str) -> tuple[int, int]:
    """Read ``1280x720``.

    Raises:
        ValueError: for anything else.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdecimal() for part in parts):
        raise ValueError(f"a size is written 1280x720, got {text!r}")
    return int(parts[0]), int(parts[1])


def _filming(progress: Reporter, film: dict[str, Any]) -> Any:
    """Begin the bar of the frames; return what moves it."""
    progress.stage("filming", max(round(film["seconds"] * film["fps"]), 2))
    return lambda _done, _count: progress.advance(1)


def _levels(
    study: StudyFile, panel: Panel, progress: Reporter, *, last: float
) -> tuple[list[Surface], float]:
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

    surface, plane = panel.surface, panel.plane
    if surface.run is None or plane is None or len(surface.grid.shape) != 2:
        raise ValueError("a zoom needs a surface over a plane around the solution of a run")
    run = study.trajectory(surface.run)
    full = 2 * min(float(min(-axis[0], axis[-1])) for axis in surface.grid.axes)
    if not full > 0:
        raise ValueError("a zoom goes to the plane's origin, which this surface does not hold")
    step = window_of_step({surface.run: run}, plane).width
    if not (math.isfinite(last) and 0 < last * step < full):
        raise ValueError(
            f"the last window must be > 0 and narrower than the surface, {full / step:.3g} "
            f"optimizer steps, got {last}"
        )
    count = math.ceil(math.log(full / (last * step)) / math.log(_FACTOR)) + 1
    widths = zoom_series(full, last * step, levels=max(count, 2))
    data = trained_on(study, configuration_of(study), load_data)
    problem = replace(solution_problem(run, data), dtype=torch.float64)
    engine = SamplingConfig(
        strategy="batched", chunk=8, batch_size=1024, compile="never", threads=1
    )
    progress.stage("sampling", len(widths))
    levels = []
    for width in widths:
        grid = Grid.square(_POINTS, span=float(width) / 2)
        levels.append(sample(problem, plane, grid=grid, engine=engine))
        progress.advance(1)
    return levels, step
