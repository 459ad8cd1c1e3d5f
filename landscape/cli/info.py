"""``landscape info``: what is in a study, what is known of activations, what works here."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape.cli.choosing import words
from landscape.cli.options import Force, Style, check_unused, option
from landscape.cli.wiring import configuration_of
from landscape.records.plurals import counted

if TYPE_CHECKING:
    from landscape.store import StudyFile

_ACTIVATIONS = "Activations"
# What a study notes of itself; summaries are in the table of runs.
_KEPT = ("engine", "summary")
# More ids of analyses of one kind are counted.
_LISTED = 12


def info(
    study: Annotated[
        Path | None,
        typer.Argument(help="The study file, or its folder; leave it out with the options below."),
    ] = None,
    config: Annotated[bool, option("Print the study's configuration as TOML and stop.")] = False,
    machine: Annotated[bool, option("Print versions, and whether rendering works here.")] = False,
    activations: Annotated[
        str, option("Activations to list, as relu,'*elu' or all. [none]", _ACTIVATIONS)
    ] = "",
    figure: Annotated[
        Path | None,
        option("Plate of them, a .pdf, .png or .svg, its caption beside it. [none]", _ACTIVATIONS),
    ] = None,
    style: Style = "paper",
    force: Force = False,
) -> None:
    """Print what a study holds: runs and what each reached, surfaces, analyses.

    Instead of a study, --activations lists activations, how smooth each is, its bounds, slopes and
    kinks, and --machine the versions. A kink is a jump of the derivative; C1 means that the
    derivative is continuous and its own jumps.

    Example: landscape info --activations relu,gelu --figure plate.pdf
    """
    if (study is not None) + machine + bool(activations) != 1:
        raise ValueError("give a study, --activations or --machine, one of the three")
    if not activations:
        check_unused({"figure": figure, "force": force, "style": style.removeprefix("paper")},
                     "is of --activations; add that")  # fmt: skip
    if study is None:
        check_unused({"config": config}, "is of a study; name one")
    if study is not None:
        _print_study(study, config=config)
    elif machine:
        _print_machine()
    else:
        from landscape.cli.activation_table import print_activations

        names = [] if activations == "all" else words(activations)
        print_activations(names, figure, style, force=force)


def _print_study(path: Path, *, config: bool) -> None:
    from landscape.store import open_study

    source = open_study(path)
    if config:
        print(configuration_of(source).to_toml(), end="")
        return
    size = source.path.stat().st_size / 1e6
    print(f"{source.path}: format {source.attributes['format_version']}, {size:.1f} MB")
    print(f"versions: {source.attributes.get('versions', '')}")
    settings = source.config
    if "own" in settings:
        _print_own(source)
    elif settings:
        data = settings.get("data", {})
        print(f"data: {data.get('name')} ({data.get('standardise')}), "
              f"sha256 {source.attributes.get('data_sha256', '')[:16]}...")  # fmt: skip
        print(f"network: {settings.get('network')}")
    print_summaries(source)
    _print_surfaces(source)
    _print_analyses(source)


def _print_own(study: StudyFile) -> None:
    """Print a line for each network, checkpoint, loss and data set with its surfaces."""
    sources: dict[str, list[str]] = {}
    for name in study.surfaces():
        source = study.surface(name).settings.get("own", {})
        parts = [f"{key} {source[key]}" for key in ("model", "checkpoint", "data", "loss")
                 if source.get(key)]  # fmt: skip
        sources.setdefault(", ".join(parts) or "from Python", []).append(name)
    for text, names in sources.items():
        print(f"a network of your own: {text}: {', '.join(names)}")


def _print_machine() -> None:
    """Print which versions are installed and whether pictures can be rendered here."""
    from landscape.viz.offscreen import ensure

    print(f"python {platform.python_version()} on {platform.platform()}")
    for name in ("lossoscope", "torch", "numpy", "scipy", "h5py", "pyvista", "vtk", "matplotlib"):
        try:
            print(f"{name} {version(name)}")
        except PackageNotFoundError:
            print(f"{name} is not installed")
    ensure()
    print("rendering without a display works")


def print_summaries(study: StudyFile) -> None:
    """Print one line per run."""
    names = study.analyses("summary") or []
    rows = [{**study.analysis("summary", name).settings, "run": name} for name in names]
    known = {row["run"] for row in rows}
    for name in study.runs():
        if name not in known:
            run = study.trajectory(name)
            accuracy = None if run.accuracies is None else float(run.accuracies[-1])
            rows.append({"run": name, "final_loss": float(run.losses[-1]), "accuracy": accuracy,
                         "diverged_at": run.diverged_at})  # fmt: skip
    if not rows:
        return
    from rich.console import Console
    from rich.table import Table

    target = next((row["target_loss"] for row in rows if "target_loss" in row), None)
    table = Table(box=None, pad_edge=False)
    table.add_column("run", no_wrap=True)
    for heading in ("final loss", "accuracy", "sharpness", f"steps to {target:g}" if target else
                    "steps", "in PCA plane"):  # fmt: skip
        table.add_column(heading, justify="right")
    for row in rows:
        table.add_row(*_cells(row))
    # What is in a file is no markup.
    console = Console(markup=False, emoji=False)
    console.print(table)
    console.print(
        "Loss and accuracy over the training set. Sharpness: largest curvature in the random plane "
        "at the solution, loss per squared filter norm. In PCA plane: share of the path's squared "
        "displacement.",
        highlight=False,
    )


def _cells(row: dict[str, Any]) -> list[str]:
    diverged = row.get("diverged_at")
    if diverged is not None:
        return [row["run"], f"diverged at step {diverged}", "", "", "", ""]

    def cell(key: str, form: str) -> str:
        value = row.get(key)
        return format(value, form) if isinstance(value, int | float) else "-"

    return [
        row["run"],
        cell("final_loss", ".4g"),
        cell("accuracy", ".2%"),
        cell("sharpness", ".3g"),
        cell("steps_to_target", "d"),
        cell("captured", ".1%"),
    ]


def _print_surfaces(study: StudyFile) -> None:
    for name in study.surfaces():
        surface = study.surface(name)
        shape = " x ".join(map(str, surface.grid.shape))
        ends = ", ".join(f"{axis[0]:.4g} to {axis[-1]:.4g}" for axis in surface.grid.axes)
        state = "" if surface.complete else f", {(surface.status > 0).mean():.0%} done"
        print(f"surface {name}: {shape} over {ends}{state}")


def _print_analyses(study: StudyFile) -> None:
    """Print a line for each kind of analysis."""
    kinds: dict[str, list[str]] = {}
    for path in study.paths():
        group, _, rest = path.partition("/")
        kind, _, name = rest.partition("/")
        if group == "analyses" and kind not in _KEPT:
            kinds.setdefault(kind, []).append(name)
    for kind, names in sorted(kinds.items()):
        more = len(names) - _LISTED
        rest = f", and {more:,} more" if more > 0 else ""
        print(f"{counted(len(names), 'analysis', 'analyses')} {kind}: "
              f"{', '.join(names[:_LISTED])}{rest}")  # fmt: skip
