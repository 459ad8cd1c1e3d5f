"""``landscape analyse``: slope budgets of a study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from landscape import viz
from landscape.cli.mistakes import one_line_errors
from landscape.cli.path_table import COLUMNS as PATH_COLUMNS
from landscape.cli.path_table import NOTE as PATH_NOTE
from landscape.cli.path_table import path_rows
from landscape.cli.spectrum_table import COLUMNS as SPECTRUM_COLUMNS
from landscape.cli.spectrum_table import NOTE as SPECTRUM_NOTE
from landscape.cli.spectrum_table import spectrum_rows
from landscape.cli.wiring import AsJson, Study, Style, bars, configuration_of, load_data
from landscape.records.atomic import writable_folder
from landscape.records.plurals import counted

# Fewer points a side determine no quadratic; fewer lines or centres, no surface and no quartiles.
_LEAST = {"--scales": 2, "--microscope": 3, "--map": 2, "--creases": 2}
# Steps that are followed along a path, at most.
_FOLLOWED = 100
_NOTE = (
    "Medians over steps and random lines, of the loss over all examples. Off by: signed share "
    "of the slope change that sits in kinks, which autograd's curvature misses. Bend, kink: shares "
    "of all change of slope, unsigned, per example; the kink share shows whether kinks occur, not "
    "how much they matter. Check: budgets whose closure error is within its bound, and whose net "
    "residual is below 2 % of the larger signed part."
)
_COLUMNS = (
    "run",
    "class",
    "segments",
    "off by",
    "bend",
    "kink",
    "crossings",
    "closure",
    "net",
    "check",
)


@one_line_errors
def analyse(
    study: Study,
    run: Annotated[list[str] | None, typer.Option("--run", help="Only this; repeatable.")] = None,
    steps: Annotated[
        int, typer.Option("--steps", min=0, help="Optimizer steps of each run, spread evenly.")
    ] = 10,
    lines: Annotated[
        int, typer.Option("--lines", min=0, help="Random lines through each solution.")
    ] = 0,
    path: Annotated[
        bool,
        typer.Option(
            "--path",
            help="Follow up to 100 single steps: how much of the change of slope sits in kinks, "
            "what autograd sees of it, and what can be predicted. At --steps of them also "
            "linear range, the gradient's Lipschitz constant, the largest eigenvalue, kink noise.",
        ),
    ] = False,
    swap: Annotated[
        bool,
        typer.Option(
            "--swap",
            help="With --path: measure the same steps again with the activation's copy on the "
            "same weights: "
            "ReLU as SmeLU(0.1), GELU, tanh and ELU as piecewise linear ones, and the reverse.",
        ),
    ] = False,
    scales: Annotated[
        int,
        typer.Option(
            "--scales", min=0, help="Curvature against scale at so many centres (50 is usual)."
        ),
    ] = 0,
    spectrum: Annotated[
        int,
        typer.Option(
            "--spectrum",
            min=0,
            help="Spectral density of the Hessian at the solution, by so many Lanczos steps (60 "
            "is usual).",
        ),
    ] = 0,
    scale: Annotated[
        str | None,
        typer.Option(
            "--scale",
            metavar="step|LENGTH",
            help="With --spectrum: average the loss over a cloud of this size first, so that kinks "
            "are in its Hessian. The size is a root mean square length in parameter space; 'step' "
            "takes that of the last recorded step. A Monte Carlo check is printed. "
            "[none: autograd's Hessian, without kinks]",
        ),
    ] = None,
    microscope: Annotated[
        int,
        typer.Option(
            "--microscope",
            min=0,
            help="Points a side of the window of one optimizer step (101 is usual).",
        ),
    ] = 0,
    kink_map: Annotated[
        int,
        typer.Option(
            "--map", min=0, help="Every kink in that window, cut at so many lines (33 is usual)."
        ),
    ] = 0,
    creases: Annotated[
        int,
        typer.Option(
            "--creases",
            min=0,
            help="The surface of that window cut along its kinks, points a side (13 is usual).",
        ),
    ] = 0,
    as_json: AsJson = False,
    tables: Annotated[
        Path | None, typer.Option("--tables", help="Folder for the table as CSV, Markdown, LaTeX.")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", help="Folder for figures of all analyses in the study."),
    ] = None,
    style: Style = "paper",
) -> None:
    """Measure how much of the change of slope sits in kinks, which autograd's Hessian cannot see.

    Along an optimizer step (or a random line) the change of the loss's slope is the integral of
    autograd's curvature plus the jumps at kinks. Analyses are added to the study; those that are
    there are not measured again.
    """
    from landscape.store import open_study
    from landscape.study.analyses import Wanted, add_analyses
    from landscape.study.analysis_summaries import report
    from landscape.study.microscopes import add_microscopes

    looks = viz.Style.of(style)
    _check({"--scales": scales, "--microscope": microscope, "--map": kink_map,
            "--creases": creases}, alone=swap and not path)  # fmt: skip
    wanted = Wanted(steps=steps, lines=lines, path=_FOLLOWED * path, swap=_FOLLOWED * swap,
                    centres=scales, map_points=kink_map, crease_points=creases,
                    spectrum=spectrum, scale=_scale(scale))  # fmt: skip
    for folder in filter(None, (tables, figures)):
        writable_folder(folder)
    source = open_study(study)
    config = configuration_of(source)
    with bars() as shown:
        add_analyses(source, config, wanted, load_data=load_data, runs=run or (), reporter=shown)
        if microscope:
            add_microscopes(
                source, config, load_data=load_data, runs=run or (), points=microscope,
                reporter=shown,
            )  # fmt: skip
    done = open_study(source.path)
    found = report(done)
    written = []
    if tables is not None:
        written += _write_tables("slope-budget", _COLUMNS, _rows(found), tables)
        if rows := path_rows(found):
            written += _write_tables("along-path", PATH_COLUMNS, rows, tables)
        if rows := spectrum_rows(found):
            written += _write_tables("spectra", SPECTRUM_COLUMNS, rows, tables)
    if figures is not None:
        from landscape.cli.analysis_pictures import draw_analyses

        written += draw_analyses(done, figures, looks)
    if as_json:
        print(json.dumps(found, indent=2))
        return
    print_report(found)
    for one in written:
        print(f"wrote {one}")


def _check(counts: dict[str, int], *, alone: bool) -> None:
    """Check how many points are asked for, and that steps to swap are followed.

    Raises:
        ValueError: for too few, or ``--swap`` alone.
    """
    if alone:
        raise ValueError("--swap measures the steps of --path again; add --path")
    for option, number in counts.items():
        if 0 < number < _LEAST[option]:
            raise ValueError(
                f"{option} must be at least {_LEAST[option]}, or 0 for none, got {number}"
            )


def _scale(text: str | None) -> float | Literal["step"] | None:
    """Read the size of a cloud.

    Raises:
        ValueError: for what is neither ``step`` nor a number.
    """
    if text is None or text == "step":
        return text  # type: ignore[return-value]
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--scale must be 'step' or a length > 0, got {text!r}") from None


def _rows(found: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, entry in found["runs"].items():
        for key in ("slope_budget", "slope_budget_random"):
            if key in entry:
                rows.append(_row(name, entry["activation_class"], entry[key]))
    return rows


def _row(name: str, smoothness: str | None, values: dict[str, Any]) -> list[str]:
    def cell(key: str, form: str) -> str:
        value = values[key]
        if not isinstance(value, dict):
            return "-" if value is None else format(value, form)
        middle, low, high = (format(value[k], form) for k in ("median", "low", "high"))
        return f"{middle} ({low} to {high})"

    count = values["segments"]
    what = "line" if values["segment"] == "random" else "step"
    return [
        name, smoothness or "-", counted(count, what),
        cell("off_by", ".1%"), cell("bend_share", ".3f"), cell("kink_share", ".3f"),
        cell("crossings", ".0f"), cell("closure_error", ".0e"),
        cell("net_residual", ".0e"), f"{values['passed']}/{count}",
    ]  # fmt: skip


def print_report(found: dict[str, Any]) -> None:
    """Print a line for each kind of segment of a run, two for its path, one for each spectrum."""
    # Class and net residual are left out, so that a line has 80 characters.
    shown = [number for number, name in enumerate(_COLUMNS) if name not in ("class", "net")]
    rows = [[row[number].split(" (")[0] for number in shown] for row in _rows(found)]
    _print_table([_COLUMNS[number] for number in shown], rows, _NOTE)
    _print_table(PATH_COLUMNS, path_rows(found), PATH_NOTE)
    _print_table(SPECTRUM_COLUMNS, spectrum_rows(found), SPECTRUM_NOTE)


def _print_table(columns: Sequence[str], rows: list[list[str]], note: str) -> None:
    from rich.console import Console
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for number, heading in enumerate(columns):
        table.add_column(heading, no_wrap=True, justify="left" if number < 2 else "right")
    for row in rows:
        table.add_row(*row)
    console = Console()
    console.print(table)
    console.print(note, highlight=False)


def _write_tables(
    stem: str, columns: tuple[str, ...], rows: list[list[str]], folder: Path
) -> list[Path]:
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    markdown = ["| " + " | ".join(row) + " |" for row in (columns, ["---"] * len(columns), *rows)]
    escaped = [[cell.replace("%", r"\%").replace("_", r"\_") for cell in row]
               for row in (list(columns), *rows)]  # fmt: skip
    body = [" & ".join(row) + r" \\" for row in escaped]
    latex = [rf"\begin{{tabular}}{{{'l' * len(columns)}}}", r"\hline", body[0], r"\hline",
             *body[1:], r"\hline", r"\end{tabular}"]  # fmt: skip
    contents = {"csv": text.getvalue(), "md": "\n".join(markdown) + "\n",
                "tex": "\n".join(latex) + "\n"}  # fmt: skip
    paths = []
    for ending, content in contents.items():
        path = folder / f"{stem}.{ending}"
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    return paths
