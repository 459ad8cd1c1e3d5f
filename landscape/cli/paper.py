"""What ``landscape figure`` draws, and where it may write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli import pictures
from landscape.cli.choosing import planes_only
from landscape.records.panel import Panel

if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.viz import Look

# The first line of a caption that may be replaced.
_MARK = "Lossoscope: caption of"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of a figure.

    Attributes:
        kind: hybrid, mosaic, line or contour.
        plane: random or pca.
        width: in inches; None for the kind's own.
        dpi: of what is rendered.
        look: how it looks.
        surfaces: ids of what is shown, instead of that of the runs over the plane.
        titles: of the panels; none for those of the runs.
    """

    kind: str
    plane: str
    width: float | None
    dpi: int
    look: Look
    surfaces: tuple[str, ...] = ()
    titles: tuple[str, ...] = ()

    @property
    def size(self) -> dict[str, Any]:
        """The width as an argument, if it is given."""
        return {} if self.width is None else {"width": self.width}


def target(out: Path, name: str, formats: Sequence[str]) -> Path:
    """Return the figure's file: ``out`` itself, or ``name`` as PDF in the folder ``out``.

    Raises:
        ValueError: for a file of another format.
    """
    if out.is_dir() or not out.suffix:
        return out / f"{name}.pdf"
    if out.suffix not in formats:
        raise ValueError(f"figures are written as {', '.join(formats)}, got {out.name!r}")
    return out


def captions_of(path: Path) -> tuple[Path, Path]:
    """Return where the caption of a figure is written, as LaTeX and as Markdown."""
    return path.with_suffix(".tex"), path.with_suffix(".md")


def check_replaceable(path: Path, *, force: bool) -> None:
    """Check that neither a figure's file nor its captions are somebody else's.

    Raises:
        ValueError: if one exists that does not name this software, unless ``force`` is given.
    """
    from landscape.viz.signature import signed

    own = {path: signed, **dict.fromkeys(captions_of(path), _is_caption)}
    for file, is_ours in own.items():
        if not force and file.exists() and not is_ours(file):
            raise ValueError(
                f"{file} exists and was not written by this command; give another --out, or "
                "--force to replace it"
            )


def _is_caption(path: Path) -> bool:
    return _MARK.encode() in path.read_bytes().partition(b"\n")[0]


def write(study: StudyFile, runs: Sequence[str], wanted: Wanted, path: Path) -> Iterator[Path]:
    """Draw a figure and write it with its captions, yielding each path.

    Raises:
        ValueError: if the study lacks what is to be shown.
    """
    from landscape.records.atomic import writable_folder
    from landscape.viz.captions.beside import as_markdown, latex_caption

    writable_folder(path.parent)
    drawn = _DRAWN[wanted.kind](study, runs, wanted)
    words = viz.caption_of(drawn)
    yield viz.save(drawn, path)
    latex, markdown = captions_of(path)
    mark = f"{_MARK} {path.name}"
    latex.write_text(f"% {mark}.\n{latex_caption(words, path.stem)}", encoding="utf-8")
    yield latex
    markdown.write_text(f"<!-- {mark}. -->\n{as_markdown(words)}", encoding="utf-8")
    yield markdown


def _panels(study: StudyFile, runs: Sequence[str], wanted: Wanted) -> list[Panel]:
    names = wanted.surfaces or [surface_of(study, run, wanted.plane) for run in runs]
    return titled([pictures.panel(study, name) for name in names], wanted)


def surface_of(study: StudyFile, run: str, plane: str) -> str:
    """Return the id of a run's surface over a kind of plane; of several the study's own.

    Raises:
        ValueError: if there is none.
    """
    if f"{run}.{plane}" in study.surfaces():
        return f"{run}.{plane}"
    for identifier in planes_only(study):
        surface = study.surface(identifier)
        if surface.run == run and surface.settings.get("kind") == plane:
            return identifier
    raise ValueError(
        f"{run} has no surface over a {plane} plane; make one with "
        f"'landscape sample {study.path} --run {run} --plane {plane}'"
    )


def titled(panels: Sequence[Panel], wanted: Wanted) -> list[Panel]:
    """Return panels with the titles that were asked for, or those of their runs.

    Raises:
        ValueError: for another number of titles than of panels.
    """
    if not wanted.titles:
        return pictures.shortened(panels)
    if len(wanted.titles) != len(panels):
        raise ValueError(f"give --title once for each of the {len(panels)} panels, got "
                         f"{len(wanted.titles)}")  # fmt: skip
    return [replace(one, title=t) for one, t in zip(panels, wanted.titles, strict=True)]


def _hybrid(study: StudyFile, runs: Sequence[str], wanted: Wanted) -> Any:
    panels = _panels(study, runs, wanted)
    return viz.figure(panels, wanted.look, dpi=wanted.dpi, **wanted.size)


def _contour(study: StudyFile, runs: Sequence[str], wanted: Wanted) -> Any:
    panels = _panels(study, runs, wanted)
    drawn = viz.contour(panels, wanted.look, caption=False, **wanted.size)
    drawn.set_dpi(wanted.dpi)
    return drawn


def _line(study: StudyFile, runs: Sequence[str], wanted: Wanted) -> Any:
    if wanted.surfaces:
        lines = [Panel(line_through(study, name), title=name) for name in wanted.surfaces]
    else:
        found = [line_of(study, run, wanted.plane) for run in runs]
        lines = [Panel(line, title=pictures.title_of(line.run)) for line in found]
    if wanted.titles or not wanted.surfaces:
        lines = titled(lines, wanted)
    drawn = viz.line(lines, wanted.look, **wanted.size)
    drawn.set_dpi(wanted.dpi)
    return drawn


def line_of(study: StudyFile, run: str, plane: str) -> Any:
    """Return the longest line of a run, or the one through its surface over a kind of plane.

    Segments between two points of a plane are drawn where their ids are given, and not instead.
    """
    every = (study.surface(name) for name in study.surfaces() if not name.endswith(".nodes"))
    lines = [s for s in every if s.run == run and len(s.grid.shape) == 1
             and s.settings.get("kind") != "segment"]  # fmt: skip
    if lines:
        return max(lines, key=lambda surface: surface.grid.size)
    return line_through(study, surface_of(study, run, plane))


def line_through(study: StudyFile, identifier: str) -> Any:
    """Return a line of a study, or the one along alpha through a surface."""
    surface = study.surface(identifier)
    return surface if len(surface.grid.shape) == 1 else viz.section(surface)


def _mosaic(study: StudyFile, runs: Sequence[str], wanted: Wanted) -> Any:
    from landscape.study.analysis_summaries import budgets

    (run,) = runs
    solid = pictures.panel(study, surface_of(study, run, "random"))
    if wanted.titles:
        (solid,) = titled([solid], wanted)
    flat = pictures.panel(study, f"{run}.pca") if f"{run}.pca" in study.surfaces() else None
    own = [budget for budget in budgets(study) if budget.settings.get("run") == run]
    own.sort(key=lambda budget: (str(budget.settings.get("segment")),
                                 budget.settings.get("step", 0)))  # fmt: skip
    return viz.mosaic(
        solid, wanted.look, flat=flat, line=line_of(study, run, "random"), budgets=own[-6:],
        dpi=wanted.dpi, **wanted.size,
    )  # fmt: skip


_DRAWN = {"hybrid": _hybrid, "contour": _contour, "line": _line, "mosaic": _mosaic}
