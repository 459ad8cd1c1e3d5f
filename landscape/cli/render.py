"""``landscape render``: pictures of a study, and figures for papers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from landscape import viz
from landscape.cli.choosing import (
    axes_shown,
    by_kind,
    chosen_surfaces,
    for_one_figure,
    over_standard_planes,
    with_values,
)
from landscape.cli.close_ups import runs_in_close_up, with_close_ups
from landscape.cli.drawing import FIGURES, KINDS, USUAL, Picture, captions_of, draw, shown_by
from landscape.cli.looks import height_of, look_of, styled
from landscape.cli.options import Chosen, Drawn, Force, option
from landscape.cli.remarks import remarks
from landscape.cli.targets import check_ours, files_of
from landscape.cli.wiring import bars
from landscape.records.choices import check_known

if TYPE_CHECKING:
    from landscape.store import StudyFile

_SIZE = "Size, and figures for papers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """How large a picture is, and for which paper."""

    size: Annotated[
        str, option("Inches: a 3D panel as 5.5x4, a figure's width as 3.25. [by kind]", _SIZE)
    ] = ""
    dpi: Annotated[
        int | None,
        option("Pixels per inch of what is rendered. [the style's; figures 600]", _SIZE, min=1),
    ] = None
    venue: Annotated[
        str, option("Venue of a paper, whose width the figure has, as icml. [none]", _SIZE)
    ] = ""
    columns: Annotated[
        int | None, option("Columns of the venue that it fills: 1 or 2. [1]", _SIZE)
    ] = None
    title: Annotated[
        list[str] | None, option("Title of a panel, in their order. Repeat. [made up]", _SIZE)
    ] = None

    @property
    def asked(self) -> bool:
        """Whether a figure for a paper is asked for: one of a width."""
        return bool(self.venue or (self.size and "x" not in self.size.lower()))

    @property
    def width(self) -> float | None:
        """The width in inches; None for that of the kind.

        Raises:
            ValueError: for a venue and a width, an unknown venue, columns that it has not or
                without a venue, or an impossible width.
        """
        if self.size and self.venue:
            raise ValueError("give --size or --venue, not both")
        if self.columns is not None and not self.venue:
            raise ValueError("--columns counts those of --venue; name one, as --venue icml")
        if self.venue:
            return viz.width_of(self.venue, columns=1 if self.columns is None else self.columns)
        try:
            inches = float(self.size) if self.size else None
        except ValueError:
            raise ValueError(
                f"the size of a figure is its width in inches, as 3.25, got {self.size!r}"
            ) from None
        if inches is not None and not 1.5 <= inches <= 20:
            raise ValueError(f"a width must be from 1.5 to 20 inches, got {inches:g}")
        return inches


def render(
    chosen: Chosen,
    drawn: Drawn,
    paper: Paper,
    kind: Annotated[
        str, option("One of the list above, as zoom. [surface; hybrid; line; volume]")
    ] = "",
    out: Annotated[
        Path | None,
        option("Folder, or the file (.png, .pdf, .svg) of a single picture. [the study's]"),
    ] = None,
    force: Force = False,
) -> None:
    """Draw surfaces of a study, with the optimizer's path, for the screen or for a paper.

    The kinds: surface is a 3D picture of each, compare has all in one, on one scale, matrix a row
    for each activation, contour is flat. Surfaces over several kinds of planes have a picture each,
    as their coordinates do not compare. For papers, hybrid has contours below 3D surfaces, mosaic
    one activation's surface, path, line and slope budgets, line the losses along a line, volume the
    slices of a volume.

    Close-ups show kinked beside smooth. Those that the study lacks are sampled first and kept.
    zoom goes from the whole surface down to one optimizer step. microscope shows that step as it
    is, without its tilt, and without its quadratic. residual is the last of these. swapped adds the
    same weights with the activation's smooth copy (SmeLU for ReLU). steps is the plane of the last
    two consecutive steps.

    With --venue, a width as --size, or the kinds from hybrid on, the command writes a figure for a
    paper: text in embedded fonts, surfaces rendered at 600 dpi, the caption beside it as .tex and
    .md. It shows up to four activations of one optimizer over the random plane; patterns of ids
    choose others. A 3D picture takes 1 to 3 seconds, a panel for a paper 5.

    Example: landscape render study --select relu,gelu --venue icml --columns 2
    """
    from landscape.records.atomic import writable_folder
    from landscape.store import open_study

    if kind:
        check_known("kind of picture", kind, KINDS)
    source = open_study(chosen.study)
    axes = axes_shown(source, chosen)
    kind = kind or ("hybrid" if paper.asked and axes == 2 else USUAL[axes])
    for_paper = paper.asked or kind in FIGURES
    _check(kind, drawn, paper, for_paper=for_paper)
    width = paper.width if for_paper else None
    look = look_of(source, drawn, _style(drawn, paper, for_paper=for_paper))
    picture = Picture(kind, look, for_paper, width, paper.dpi or 600, tuple(paper.title or ()),
                      bool(chosen.surface))  # fmt: skip
    groups, left_out = _groups(source, chosen, picture)
    planned = _planned(groups, kind, out or source.path.parent)
    for path in planned:
        check_ours(path, force=force, captions=captions_of(for_paper))
    writable_folder(next(iter(planned)).parent)
    written: list[Path] = []
    with bars() as progress:
        for of in KINDS[kind].of if KINDS[kind].levels else ():
            source = with_close_ups(source, groups[""], KINDS[kind].levels, progress, of=of)
        progress.stage("drawing", len(planned))
        for path, names in planned.items():
            written += draw(source, names, path, picture)
            progress.advance(1)
    for path in written:
        print(f"wrote {path}")
    for text in remarks(shown_by(source, groups.values(), kind), drawn.height):
        print(text)
    if left_out:
        print(f"choose with --select from also {', '.join(left_out)}")


def _style(drawn: Drawn, paper: Paper, *, for_paper: bool) -> viz.Style:
    from landscape.viz.paper.hybrid import figure_style

    if for_paper:
        return styled(figure_style(drawn.style), camera=drawn.camera)
    return styled(drawn.style, camera=drawn.camera, size=paper.size, dpi=paper.dpi)


def _groups(
    study: StudyFile, chosen: Chosen, picture: Picture
) -> tuple[dict[str, list[str]], list[str]]:
    """Return the surfaces of each picture by what tells its name, and what was left out."""
    if KINDS[picture.kind].levels:
        return {"": runs_in_close_up(study, chosen)}, []
    axes = min(axes_shown(study, chosen), 2) if picture.kind == "line" else KINDS[picture.kind].axes
    names = chosen_surfaces(study, chosen, axes)
    if chosen.surface:
        return {"": names}, []
    names = with_values(study, names)
    left_out: list[str] = []
    if picture.paper:
        names, left_out = for_one_figure(study, names, chosen.select, KINDS[picture.kind].most)
    elif picture.kind == "compare" and not chosen.select:
        standard = over_standard_planes(study, names)
        names, left_out = standard, [name for name in names if name not in standard]
    groups = by_kind(study, names)
    return ({"": names} if len(groups) == 1 else groups), left_out


def _planned(groups: dict[str, list[str]], kind: str, out: Path) -> dict[Path, list[str]]:
    """Return the file of each picture, with its surfaces.

    Raises:
        ValueError: for a file of another format, or one file for several pictures.
    """
    form = KINDS[kind]
    pictures = {"-".join(filter(None, (form.stem, plane))): names
                for plane, names in groups.items()}  # fmt: skip
    if not form.stem:
        pictures = {name: [name] for names in groups.values() for name in names}
    files = files_of(list(pictures), out, form.formats, kind)
    return dict(zip(files, pictures.values(), strict=True))


def _check(kind: str, drawn: Drawn, paper: Paper, *, for_paper: bool) -> None:
    """Check that a kind of picture has what is asked of it.

    Raises:
        ValueError: for a choice that would do nothing.
    """
    form = KINDS[kind]
    if for_paper and not form.most:
        figures = ", ".join(name for name, other in KINDS.items() if other.most)
        raise ValueError(
            f"--venue, and a width as --size, are for figures: {figures}; got --kind {kind}"
        )
    if not for_paper and form.most and (paper.size or paper.dpi):
        raise ValueError(
            "--dpi, and a size of two sides, are for 3D pictures; with --venue or a width as "
            "--size 3.25, contours are a figure for a paper, which has --dpi"
        )
    if not for_paper and paper.columns is not None:
        raise ValueError("--columns counts those of --venue; name one, as --venue icml")
    for name in form.without:
        if getattr(drawn, name) != Drawn.__dataclass_fields__[name].default:
            raise ValueError(f"--{name} does nothing with --kind {kind}; leave it out")
    height, limit = height_of(drawn.height)
    check_known("height", height, form.heights)
    if limit is not None and "clipped" not in form.heights:
        raise ValueError(f"--kind {kind} is not cut at a loss; give --height {height}")
    if kind == "mosaic" and ":" in drawn.colour:
        raise ValueError(
            "a mosaic shows two planes, and a reference fits one; take --kind hybrid or contour"
        )
    if for_paper and not 72 <= (paper.dpi or 600) <= 1200:
        raise ValueError(f"--dpi of a figure must be from 72 to 1200, got {paper.dpi}")
