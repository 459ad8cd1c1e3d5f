"""The kinds of pictures of a study: what each shows, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape import viz
from landscape.cli import pictures
from landscape.cli.choosing import by_smoothness
from landscape.cli.close_ups import LEVELS, MOST, series_of
from landscape.cli.targets import write_captioned
from landscape.records.naming import RunKey

if TYPE_CHECKING:
    from landscape.records.close_up import CloseUp
    from landscape.records.panel import Panel
    from landscape.records.surface import Surface
    from landscape.store import StudyFile
    from landscape.study.study_close_ups import Of

FIGURE_FORMATS = ("pdf", "svg", "png")
# Beside a figure for a paper.
CAPTIONS = (".tex", ".md")


@dataclass(frozen=True, slots=True)
class Picture:
    """What a picture shows beside its surfaces, and how.

    Attributes:
        kind: a key of :data:`KINDS`.
        look: of all panels.
        paper: whether it is a figure for a paper: of a width, its caption beside it.
        width: of a figure in inches; None for that of its kind.
        dpi: of what is rendered in a figure.
        titles: of the panels, in their order; none for those of the runs.
        named: whether the surfaces were named by their ids.
    """

    kind: str
    look: viz.Look
    paper: bool = False
    width: float | None = None
    dpi: int = 600
    titles: tuple[str, ...] = ()
    named: bool = False

    @property
    def size(self) -> dict[str, Any]:
        """The width as an argument, if it is given."""
        return {} if self.width is None else {"width": self.width}


def draw(study: StudyFile, surfaces: Iterable[str], path: Path, picture: Picture) -> list[Path]:
    """Write one picture of surfaces, and its caption beside it.

    Args:
        study: the study.
        surfaces: their ids; a figure for a paper shows them in this order, other pictures by the
            smoothness of their activations.
        path: of the picture.
        picture: of which kind, and how it looks.

    Returns:
        The files written.

    Raises:
        ValueError: if the study lacks what is shown, or shows it twice.
    """
    names = list(surfaces) if picture.paper else by_smoothness(study, surfaces)
    drawn = KINDS[picture.kind].draw(study, names, picture)
    return write_captioned(drawn, path, captions_of(picture.paper))


def captions_of(paper: bool) -> tuple[str, ...]:
    """Return the suffixes of the captions beside a picture, for a paper or for the screen."""
    return CAPTIONS if paper else CAPTIONS[1:]


def shown_by(study: StudyFile, groups: Iterable[Iterable[str]], kind: str) -> dict[str, Panel]:
    """Return what pictures of a kind show, by the ids of the surfaces; not close-ups of these."""
    from landscape.records.panel import Panel

    if KINDS[kind].levels:
        return {}
    names = dict.fromkeys(name for group in groups for name in group)
    if kind == "line":
        return {name: Panel(line_of(study, name)) for name in names}
    return {name: pictures.panel(study, name) for name in names}


def _panels(study: StudyFile, names: Sequence[str], picture: Picture) -> list[Panel]:
    panels = [pictures.panel(study, name) for name in names]
    return _titled(panels, picture) if picture.titles else pictures.shortened(panels)


def _titled(panels: Sequence[Panel], picture: Picture) -> list[Panel]:
    """Return panels with the titles that were asked for.

    Raises:
        ValueError: for another number of titles than of panels.
    """
    _check_titles(picture, len(panels))
    return [replace(p, title=title) for p, title in zip(panels, picture.titles, strict=True)]


def _check_titles(picture: Picture, count: int) -> None:
    if len(picture.titles) != count:
        raise ValueError(
            f"give --title once for each of the {count} panels, got {len(picture.titles)}"
        )


def _surface(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    return viz.surface(_alone(study, names, picture), picture.look)


def _alone(study: StudyFile, names: Sequence[str], picture: Picture) -> Panel:
    """Return a single panel, whose title names the optimizer too."""
    panel = pictures.panel(study, names[0])
    return _titled([panel], picture)[0] if picture.titles else panel


def _compare(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    return viz.compare(_panels(study, names, picture), picture.look)


def _contour(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    panels = _panels(study, names, picture)
    drawn = viz.contour(panels, picture.look, caption=not picture.paper, **picture.size)
    if picture.paper:
        drawn.set_dpi(picture.dpi)
    return drawn


def _hybrid(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    panels = _panels(study, names, picture)
    return viz.figure(panels, picture.look, dpi=picture.dpi, **picture.size)


def _matrix(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    """Draw a row for each activation, a column for each optimizer and seed."""
    from landscape.networks.activations import get

    panels = [pictures.panel(study, name) for name in names]
    keys = [RunKey.parse(str(panel.surface.run)) for panel in panels]
    rows = list(dict.fromkeys(key.activation for key in keys))
    columns = sorted({(key.optimizer, key.seed) for key in keys})
    placed = {
        (key.activation, key.optimizer, key.seed): panel
        for key, panel in zip(keys, panels, strict=True)
    }
    cells = [[(row, *column) for column in columns] for row in rows]
    absent = [RunKey(*cell).name for line in cells for cell in line if cell not in placed]
    if absent or len(placed) < len(panels):
        problem = f"missing: {', '.join(absent)}" if absent else "a run has several surfaces"
        raise ValueError(f"a matrix shows one surface of each activation and column; {problem}")
    several = len({optimizer for optimizer, _ in columns}) > 1
    return viz.matrix(
        [[placed[cell] for cell in line] for line in cells],
        picture.look,
        row_titles=[get(row).label for row in rows],
        column_titles=[
            f"{pictures.OPTIMIZERS.get(optimizer, optimizer)}, seed {seed}" if several
            else f"seed {seed}" for optimizer, seed in columns
        ],
    )  # fmt: skip


def _line(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    """Draw the lines that were named, or the longest of each run."""
    from landscape.records.panel import Panel

    lines = [
        Panel(line_through(study, name), title=name)
        if picture.named or len(study.surface(name).grid.shape) == 1
        else Panel(line := line_of(study, name), title=pictures.title_of_surface(line, name))
        for name in names
    ]  # fmt: skip
    if picture.titles:
        lines = _titled(lines, picture)
    elif not picture.named:
        lines = pictures.shortened(lines)
    drawn = viz.line(lines, picture.look, **picture.size)
    drawn.set_dpi(picture.dpi)
    return drawn


def line_of(study: StudyFile, name: str) -> Surface:
    """Return the longest line of a surface's run, or the one through the surface.

    Segments between two points of a plane are drawn where their ids are given, and not instead.
    """
    surface = study.surface(name)
    others = (study.surface(other) for other in study.surfaces() if not other.endswith(".nodes"))
    lines = [s for s in others if s.run == surface.run and s.run and len(s.grid.shape) == 1
             and s.settings.get("kind") != "segment"]  # fmt: skip
    return max(lines, key=lambda line: line.grid.size) if lines else line_through(study, name)


def line_through(study: StudyFile, name: str) -> Surface:
    """Return a line of a study, or the one along alpha through a surface."""
    surface = study.surface(name)
    return surface if len(surface.grid.shape) == 1 else viz.section(surface)


def _volume(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    if len(names) > 1:
        raise ValueError(f"a figure shows one volume, got {', '.join(names)}")
    drawn = viz.volume(_alone(study, names, picture), picture.look, caption=False,
                       **picture.size)  # fmt: skip
    drawn.set_dpi(picture.dpi)
    return drawn


def _mosaic(study: StudyFile, names: Sequence[str], picture: Picture) -> Any:
    from landscape.study.analysis_summaries import budgets

    if len(names) > 1:
        raise ValueError(f"a mosaic shows one activation, got {', '.join(names)}")
    solid = _alone(study, names, picture)
    run = solid.surface.run
    flat = pictures.panel(study, f"{run}.pca") if f"{run}.pca" in study.surfaces() else None
    measured = [budget for budget in budgets(study) if budget.settings.get("run") == run]
    measured.sort(key=lambda budget: (str(budget.settings.get("segment")),
                                      budget.settings.get("step", 0)))  # fmt: skip
    return viz.mosaic(
        solid, picture.look, flat=flat, line=line_of(study, names[0]), budgets=measured[-6:],
        dpi=picture.dpi, **picture.size,
    )  # fmt: skip


def _zoom(study: StudyFile, runs: Sequence[str], picture: Picture) -> Any:
    rows = _close_ups(study, runs, picture)
    return viz.zoom(rows, picture.look, dpi=picture.dpi, **picture.size)


def _microscope(study: StudyFile, runs: Sequence[str], picture: Picture) -> Any:
    """Draw one step in three columns: the loss, without its tilt, without its quadratic."""
    from landscape.records.close_up import REMOVED

    return _one_step(study, runs, picture, REMOVED)


def _residual(study: StudyFile, runs: Sequence[str], picture: Picture) -> Any:
    return _one_step(study, runs, picture, "quadratic")


def _one_step(study: StudyFile, runs: Sequence[str], picture: Picture, removing: Any) -> Any:
    steps = [row[-1] for row in _close_ups(study, runs, picture)]
    return viz.microscope(steps, picture.look, removing=removing, dpi=picture.dpi, **picture.size)


def _close_ups(study: StudyFile, runs: Sequence[str], picture: Picture) -> list[list[CloseUp]]:
    kind = KINDS[picture.kind]
    # Windows of one step are the same for all runs, and an activation may have no copy.
    groups = [runs] if kind.levels > 1 else [[run] for run in runs]
    rows = [row for of in kind.of for group in groups for row in series_of(study, group, of=of)]
    if not picture.titles:
        return rows
    _check_titles(picture, len(rows))
    return [[replace(closeup, title=title) for closeup in row]
            for row, title in zip(rows, picture.titles, strict=True)]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of picture.

    Attributes:
        draw: makes it of a study, the ids of surfaces and a :class:`Picture`.
        stem: of its file; "" for the ids of its surfaces, each of which has a picture.
        formats: it can be written in, the usual one first.
        most: surfaces that one figure for a paper shows by default; 0 for what is no such figure.
        without: options that would do nothing.
        heights: scales that it can have.
        levels: close-ups that it shows of each run; 0 for a picture of surfaces. One of close-ups
            is drawn of the ids of runs.
        of: what these are of, see :func:`landscape.cli.close_ups.series_of`.
        axes: of the surfaces that are drawn unnamed; a line is also one through a plane.
    """

    draw: Callable[[StudyFile, Sequence[str], Picture], Any]
    stem: str = ""
    formats: tuple[str, ...] = ("png",)
    most: int = 0
    without: tuple[str, ...] = ()
    heights: tuple[str, ...] = ("auto", "log", "linear", "clipped")
    levels: int = 0
    of: tuple[Of, ...] = ("random",)
    axes: int = 2


# What close-ups do not have: their look is clay.
_LOOKS = ("height", "colour", "shading", "camera")
KINDS = {
    "surface": Kind(_surface),
    "compare": Kind(_compare, "comparison"),
    "matrix": Kind(_matrix, "matrix"),
    "contour": Kind(_contour, "contours", FIGURE_FORMATS, 4, ("shading", "camera")),
    "hybrid": Kind(_hybrid, "hybrid", FIGURE_FORMATS, 4),
    "mosaic": Kind(_mosaic, "mosaic", FIGURE_FORMATS, 1, (), ("auto", "log", "linear")),
    "line": Kind(_line, "line", FIGURE_FORMATS, 4, ("colour", "shading", "camera"),
                 ("auto", "log", "linear")),
    "volume": Kind(_volume, "volume", FIGURE_FORMATS, 1, ("shading", "camera"), axes=3),
    "residual": Kind(_residual, "residual", FIGURE_FORMATS, MOST, _LOOKS, levels=1),
    "microscope": Kind(_microscope, "microscope", FIGURE_FORMATS, MOST, _LOOKS, levels=1),
    "swapped": Kind(_residual, "swapped", FIGURE_FORMATS, MOST, _LOOKS, levels=1,
                    of=("random", "swapped")),
    "steps": Kind(_residual, "steps", FIGURE_FORMATS, MOST, _LOOKS, levels=1, of=("steps",)),
    "zoom": Kind(_zoom, "zoom", FIGURE_FORMATS, MOST, _LOOKS, levels=LEVELS),
}  # fmt: skip
# Those that are always figures for papers.
FIGURES = ("hybrid", "mosaic", "line", "volume", "residual", "microscope", "swapped", "steps",
           "zoom")  # fmt: skip
# What is drawn unasked of surfaces with so many axes.
USUAL = {1: "line", 2: "surface", 3: "volume"}
