"""``landscape figure``: a figure for a paper, with its caption beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from landscape import viz
from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Camera, Reference, Study, Style
from landscape.records.choices import check_known

KINDS = ("hybrid", "mosaic", "line", "contour")
FORMATS = (".pdf", ".svg", ".png")


@one_line_errors
def figure(
    study: Study,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            help="hybrid: in 3D with contours below; mosaic: one activation's surface, path, line "
            "and slope budgets; line: losses along a line; contour: contours alone.",
        ),
    ] = "hybrid",
    select: Annotated[
        str,
        typer.Option("--select", help="Activations, as relu,gelu. [up to 4, for mosaic the first]"),
    ] = "",
    surface: Annotated[
        list[str] | None,
        typer.Option(
            "--surface",
            help="Surface id, as of a network of your own; instead of --select, --seed, --plane "
            "and --optimizer. Repeat.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Of the runs.")] = 0,
    plane: Annotated[str, typer.Option("--plane", help="random or pca.")] = "random",
    optimizer: Annotated[
        str, typer.Option("--optimizer", help="Of the runs. [the study's first]")
    ] = "",
    title: Annotated[
        list[str] | None, typer.Option("--title", help="Of a panel, in their order. Repeat.")
    ] = None,
    colour: Annotated[
        str,
        typer.Option(
            "--colour",
            help="Of surfaces and contours: losses, slope, curvature, status, a field such as "
            "accuracies; not of mosaics: difference, kinks.",
        ),
    ] = "losses",
    reference: Reference = None,
    width: Annotated[float, typer.Option("--width", help="In inches. [by kind]")] = 0.0,
    venue: Annotated[
        str, typer.Option("--venue", help="Whose width it is, as icml, neurips or ieee.")
    ] = "",
    columns: Annotated[
        int | None, typer.Option("--columns", help="Of --venue: 1 or 2.  [default: 1]")
    ] = None,
    dpi: Annotated[int, typer.Option("--dpi", help="Of what is rendered.")] = 600,
    height: Annotated[
        str, typer.Option("--height", help="log or linear; of hybrid and contour also clipped.")
    ] = "log",
    limit: Annotated[
        float | None,
        typer.Option(
            "--limit", help="Loss above which hybrid and contour are cut. [clipped: a quartile]"
        ),
    ] = None,
    shading: Annotated[
        str,
        typer.Option("--shading", help="Of hybrid and mosaic: flat, differences or gradient."),
    ] = "flat",
    style: Style = "paper",
    camera: Camera = "",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="A file (pdf, svg, png) or a folder. [beside the study]"),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Replace files that this command did not write.")
    ] = False,
) -> None:
    """Write a figure that goes into a paper, and its caption as .tex and .md.

    Text is text in embedded fonts, surfaces are rendered at 600 dpi. About 5 seconds a surface.
    """
    from landscape.cli import choosing, paper
    from landscape.cli.looks import look_of, reference_of, styled
    from landscape.store import open_study

    check_known("kind of figure", kind, KINDS)
    check_known("plane", plane, ("random", "pca"))
    if not 72 <= dpi <= 1200:
        raise ValueError(f"--dpi must be from 72 to 1200, got {dpi}")
    _check_choice(kind, colour, height, limit, shading=shading, camera=camera)
    inches = width_of(width, venue, columns)
    source = open_study(study)
    names = [name.strip() for name in select.split(",") if name.strip()]
    if surface and (kind == "mosaic" or names or seed or optimizer or plane != "random"):
        raise ValueError(
            "--surface names surfaces for hybrid, line or contour; leave out --select, --seed, "
            "--plane and --optimizer"
        )
    shown: list[str] = []
    runs, others = shown, shown
    if not surface:
        runs, others = choosing.choose(
            source, names, optimizer=optimizer, seed=seed, most=1 if kind == "mosaic" else 4
        )
        shown = [choosing.activation_of(run) for run in runs]
    parts = ["mosaic", *shown] if kind == "mosaic" else [kind, *(surface or [plane, *names])]
    parts += [part for part in (optimizer, f"seed{seed}" if seed else "",
                                "" if height == "log" else height,
                                "" if limit is None else f"limit{limit:g}",
                                "" if colour == "losses" else colour) if part]  # fmt: skip
    target = paper.target(out or source.path.parent, "-".join(parts), FORMATS)
    paper.check_replaceable(target, force=force)
    from landscape.viz.paper.hybrid import figure_style

    look = look_of(
        height=height,
        limit=limit,
        colour=colour,
        reference=reference_of(source, colour, reference),
        shading=shading,
        style=styled(figure_style(style), camera=camera),
    )
    wanted = paper.Wanted(
        kind, plane, inches, dpi, look, tuple(surface or ()), tuple(title or ())
    )  # fmt: skip
    for path in paper.write(source, runs, wanted, target):
        print(f"wrote {path}")
    if others:
        print(f"shows {', '.join(shown)}; choose with --select from also {', '.join(others)}")


def _check_choice(
    kind: str, colour: str, height: str, limit: float | None, *, shading: str, camera: str
) -> None:
    """Check that a kind of figure has what is asked of it.

    Raises:
        ValueError: for a choice that would do nothing.
    """
    check_known("height", height, ("log", "linear", "clipped"))
    if colour != "losses" and kind == "line":
        raise ValueError("--colour is for surfaces and contours; leave it out with --kind line")
    if colour in ("difference", "kinks") and kind == "mosaic":
        raise ValueError(
            f"--colour {colour} is for --kind hybrid or contour: a mosaic shows two planes, and a "
            "reference fits one"
        )
    if (height == "clipped" or limit is not None) and kind in ("line", "mosaic"):
        raise ValueError(
            f"--height clipped and --limit are for --kind hybrid or contour; leave them out with "
            f"--kind {kind}"
        )
    if (camera or shading != "flat") and kind in ("line", "contour"):
        raise ValueError(
            f"--camera and --shading are for surfaces in 3D; leave them out with --kind {kind}"
        )


def width_of(width: float, venue: str, columns: int | None) -> float | None:
    """Return the width in inches that the options ask for, None for none.

    Raises:
        ValueError: for both, an unknown venue, columns that it has not or without a venue, or an
            impossible width.
    """
    if width and venue:
        raise ValueError("give --width or --venue, not both")
    if columns is not None and not venue:
        raise ValueError("--columns counts those of --venue; name one, as --venue icml")
    if width and not 1.5 <= width <= 20:
        raise ValueError(f"--width must be from 1.5 to 20 inches, got {width:g}")
    if venue:
        return float(viz.width_of(venue, columns=1 if columns is None else columns))
    return width or None
