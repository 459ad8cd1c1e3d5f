"""Tables of what was analysed in a study, printed and as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from landscape.records.plurals import counted

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
_NOTE = (
    "Medians over steps and random lines, of the loss over all examples. Off by: signed share "
    "of the slope change that sits in kinks, which autograd's curvature misses. Bend, kink: shares "
    "of all change of slope, unsigned, per example; the kink share shows whether kinks occur, not "
    "how much they matter. Check: budgets whose closure error is within its bound, and whose net "
    "residual is below 2 % of the larger signed part."
)
_PATH_COLUMNS = ("run", "steps", "change", "kinks", "missed", "error", "cost", "swapped", "undone")
_PATH_NOTE = (
    "Along single steps d of the first and the last third of each path, sums over steps, of the "
    "loss that each step goes down (that of its own minibatch, if there are such). Change: "
    "of the slope along the step, over what the gradient promises, |g.d|; kinks: the part of it "
    "that sits in kinks. Missed: share of the change that autograd's curvature misses, of steps "
    "that change by over 1 % of |g.d|. Error: median, of the change as predicted from the start of "
    "the step. Cost: loss that kinks add, over |g.d|. Swapped: the change with the activation's "
    "copy on the same weights. Undone: crossings of kinks that the next step takes back. -: not "
    "measured, as no copy of the activation is known, or the next step is neither on record nor "
    "that of plain gradient descent."
)

_SPECTRUM_COLUMNS = ("run", "scale", "mean", "rms", "error", "noise", "autograd")
_SPECTRUM_NOTE = (
    "All eigenvalues of the Hessian at the solution: their mean (the curvature along random "
    "directions, with its standard error) and root mean square. Scale: size of the cloud that the "
    "loss is averaged over, the root mean square length of its steps in parameter space (and of "
    "which step of the run it is the length), so that kinks are in; none is autograd's Hessian, "
    "without kinks. Error: of curvatures with that scale, against a Monte Carlo mean of gradients, "
    "as a share of their root mean square; noise: of that mean; autograd: error of autograd's "
    "curvatures. An error below the noise is not told from zero."
)


def print_report(summary: dict[str, Any]) -> None:
    """Print a line for each kind of segment of a run, two for its path, one for each spectrum.

    Args:
        summary: what :func:`landscape.study.analysis_summaries.report` returns.
    """
    # Class and net residual are left out, so that a line has 80 characters.
    shown = [number for number, name in enumerate(_COLUMNS) if name not in ("class", "net")]
    rows = [[row[number].split(" (")[0] for number in shown] for row in _rows(summary)]
    _print_table([_COLUMNS[number] for number in shown], rows, _NOTE)
    _print_table(_PATH_COLUMNS, _path_rows(summary), _PATH_NOTE)
    _print_table(_SPECTRUM_COLUMNS, _spectrum_rows(summary), _SPECTRUM_NOTE)


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


def write_report(summary: dict[str, Any], folder: Path) -> list[Path]:
    """Write the same tables as CSV, Markdown and LaTeX, and return the files."""
    written = _write_tables("slope-budget", _COLUMNS, _rows(summary), folder)
    if rows := _path_rows(summary):
        written += _write_tables("along-path", _PATH_COLUMNS, rows, folder)
    if rows := _spectrum_rows(summary):
        written += _write_tables("spectra", _SPECTRUM_COLUMNS, rows, folder)
    return written


def _rows(summary: dict[str, Any]) -> list[list[str]]:
    rows = []
    for name, entry in summary["runs"].items():
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


def _path_rows(summary: dict[str, Any]) -> list[list[str]]:
    """Return the cells of every run that was followed."""
    return [
        _path_row(name, entry["along_path"][part], entry.get("swap_control", {}).get(part, {}))
        for name, entry in summary["runs"].items()
        if "along_path" in entry
        for part in ("first", "last")
        if part in entry["along_path"]
    ]


def _path_row(name: str, values: dict[str, Any], swapped: dict[str, Any]) -> list[str]:
    def cell(entry: dict[str, Any], key: str, form: str = ".1%") -> str:
        value = entry.get(key)
        if isinstance(value, dict):
            value = value["median"]
        if value is None:
            return "-"
        text = format(value, form)
        return text if float(text[:-1]) else text.removeprefix("-")

    return [
        name,
        f"{values['from_step']} to {values['to_step']}",
        cell(values, "slope_change_of_promise"),
        cell(values, "kink_of_promise", ".2%"),
        cell(values, "missed"),
        cell(values, "predicted_error"),
        cell(values, "taken_back_of_promise", ".2%"),
        cell(swapped, "swapped"),
        cell(swapped, "undone", ".0%"),
    ]


def _spectrum_rows(summary: dict[str, Any]) -> list[list[str]]:
    """Return the cells of every spectrum."""
    return [
        _spectrum_row(name, values)
        for name, entry in summary["runs"].items()
        for values in entry.get("spectra", [])
    ]


def _spectrum_row(name: str, values: dict[str, Any]) -> list[str]:
    step, check = values["scale_step"], values["check"] or {}
    scale = "none" if values["scale"] is None else f"{values['scale']:.3g}"
    scale += "" if step is None else f" (step {step})"
    error = "" if values["mean_error"] is None else f" ({values['mean_error']:.1g})"
    shares = [f"{check[key]:.1%}" if check else "-"
              for key in ("rms_error", "noise", "autograd_rms_error")]  # fmt: skip
    return [name, scale, f"{values['mean']:.3g}{error}", f"{values['rms']:.3g}", *shares]


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
