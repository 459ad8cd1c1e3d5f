"""``landscape animate``: films of a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from landscape import viz
from landscape.cli.choosing import chosen_surfaces, planes_only
from landscape.cli.close_ups import LEVELS, runs_in_close_up, series_of, with_close_ups
from landscape.cli.looks import height_of, styled
from landscape.cli.options import Chosen, Height, View, option
from landscape.cli.remarks import remarks
from landscape.cli.wiring import bars
from landscape.records.choices import check_known, known_names

if TYPE_CHECKING:
    from landscape.records.close_up import Removed
    from landscape.records.panel import Panel
    from landscape.store import StudyFile
    from landscape.study.reporting import Reporter

_FILM = "The film"
# Degrees and seconds: the usual turn of the camera, and the usual duration.
_TURNS = {"descent": 120.0, "zoom": 40.0, "microscope": 360.0}
_SECONDS = {"descent": 6.0, "zoom": 10.0, "microscope": 10.0}


def animate(
    chosen: Chosen,
    view: View,
    kind: Annotated[
        str, option("descent (of the optimizer), zoom (to one step), or microscope (an orbit).")
    ] = "descent",
    height: Height = "log",
    seconds: Annotated[float | None, option("Duration. [6; close-ups 10]", _FILM)] = None,
    fps: Annotated[float, option("Frames per second.", _FILM)] = 24.0,
    size: Annotated[str, option("Width and height in pixels, both even.", _FILM)] = "1280x720",
    turn: Annotated[
        float | None,
        option("Degrees by which the camera turns. [120; zoom 40; microscope 360]", _FILM),
    ] = None,
    pace: Annotated[
        str, option("Pace of a descent: steps, or distance (equally fast everywhere).", _FILM)
    ] = "steps",
    out: Annotated[Path | None, option("The film, .mp4 or .gif. [beside the study]")] = None,
    force: Annotated[bool, option("Replace a file that is there.")] = False,
) -> None:
    """Film the optimizer walking down a surface, or kinked beside smooth at close range.

    In a descent the optimizer walks down while the camera turns. A zoom goes from the whole surface
    down to one optimizer step, in networks side by side: ReLU beside GELU, if nothing is chosen. In
    a microscope the camera goes around the window of that step, its best-fitting quadratic removed.
    Close-ups that the study lacks are sampled first and kept. Two to four frames are rendered a
    second on two cores without a graphics card. The camera passes --camera in the middle of its
    turn. Needs pip install 'lossoscope[video]'.

    Example: landscape animate study --kind zoom
    """
    from landscape.store import open_study
    from landscape.viz.films.video import check_video
    from landscape.viz.offscreen import ensure

    check_known("kind of film", kind, _TURNS)
    if kind != "descent" and (pace != "steps" or height != "log"):
        raise ValueError(f"--pace and --height are for a descent; leave them out with {kind}")
    source = open_study(chosen.study)
    descends = kind == "descent"
    names = [_filmed(source, chosen)] if descends else runs_in_close_up(source, chosen)
    stem = f"{names[0]}.descent" if descends else kind
    target = out or source.path.parent / f"{stem}.mp4"
    if target.exists() and not force:
        raise ValueError(f"{target} is there; choose another --out, or overwrite it with --force")
    film: dict[str, Any] = {
        "seconds": _SECONDS[kind] if seconds is None else seconds, "fps": fps,
        "turn": _TURNS[kind] if turn is None else turn, "size": parse_size(size),
    }  # fmt: skip
    heights, limit = height_of(height)
    look = viz.Look(heights, limit, style=styled(view.style, camera=view.camera))
    check_video(target, film["size"], fps, film["seconds"])
    ensure()
    with bars() as progress:
        if descends:
            notes = _descent(source, names[0], target, look, progress, {"pace": pace, **film})
        else:
            notes = []
            levels = LEVELS if kind == "zoom" else 1
            rows = series_of(with_close_ups(source, names, levels, progress), names)
            removing: Removed = "tilt" if kind == "zoom" else "quadratic"
            rows = rows if kind == "zoom" else [row[-1:] for row in rows]
            viz.animate_zoom(rows, target, look, removing=removing,
                             progress=_filming(progress, film), **film)  # fmt: skip
    for line in [f"wrote {target}", *notes]:
        print(line)


def _descent(
    study: StudyFile, surface: str, target: Path, look: viz.Look, progress: Reporter,
    film: dict[str, Any],
) -> list[str]:  # fmt: skip
    """Film a descent; return what the film does not show by itself."""
    from landscape.cli import pictures

    panel = pictures.panel(study, surface)
    if not panel.paths:
        raise ValueError(f"{surface} has no path on it; --kind zoom needs none")
    viz.animate_descent(panel, target, look, progress=_filming(progress, film), **film)
    return [*_notes(panel), *remarks({surface: panel}, str(look.height))]


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


def _filmed(study: StudyFile, chosen: Chosen) -> str:
    """Return the id of the surface that is filmed: the one that is chosen, or the only one.

    Raises:
        ValueError: if not exactly one is; the message lists those there are.
    """
    from landscape.cli import pictures
    from landscape.viz.geometry.window import visible

    films = [name for name in planes_only(study)
             if any(map(visible, pictures.panel(study, name).paths[:1]))]  # fmt: skip
    names = chosen_surfaces(study, chosen)
    matching = names if chosen.surface else [name for name in names if name in films]
    if len(matching) == 1:
        return matching[0]
    raise ValueError(f"a descent needs one surface, as --surface ID; {known_names(films)}")


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
