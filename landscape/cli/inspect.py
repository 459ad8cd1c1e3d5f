"""``landscape info`` and ``landscape doctor``: what is in a file, and what works here."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landscape.cli.mistakes import one_line_errors
from landscape.cli.options import Study
from landscape.cli.wiring import configuration_of

if TYPE_CHECKING:
    from landscape.store import StudyFile


@one_line_errors
def info(
    study: Study,
    config: Annotated[
        bool, typer.Option("--config", help="Print the configuration as TOML and stop.")
    ] = False,
) -> None:
    """Say what a study file holds: runs, planes, surfaces and what each reached."""
    from landscape.store import open_study

    source = open_study(study)
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


def _print_own(study: StudyFile) -> None:
    """Print a line for each network, checkpoint, loss and data set with its surfaces."""
    found: dict[str, list[str]] = {}
    for name in study.surfaces():
        own = study.surface(name).settings.get("own", {})
        told = [f"{key} {own[key]}" for key in ("model", "checkpoint", "data", "loss")
                if own.get(key)]  # fmt: skip
        found.setdefault(", ".join(told) or "from Python", []).append(name)
    for text, names in found.items():
        print(f"a network of your own: {text}: {', '.join(names)}")


@one_line_errors
def doctor() -> None:
    """Say which versions are installed and whether pictures can be rendered here."""
    print(f"python {platform.python_version()} on {platform.platform()}")
    for name in ("lossoscope", "torch", "numpy", "scipy", "h5py", "pyvista", "vtk", "matplotlib"):
        try:
            print(f"{name} {version(name)}")
        except PackageNotFoundError:
            print(f"{name} is not installed")
    from viz.offscreen import ensure

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
