"""What the commands share: loading data, options that are not plain values, progress."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

Study = Annotated[Path, typer.Argument(help="The study file, or its folder.")]
Select = Annotated[
    str,
    typer.Option("--select", help="Activations, as relu,elu, or patterns of ids, as '*-gd-*.pca'."),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Of the runs. [all]")]
Reference = Annotated[
    str | None,
    typer.Option("--reference", help="Surface id for difference, kink map id for kinks."),
]
Style = Annotated[
    str, typer.Option("--style", help="Of pictures: paper, slides, dark, testing, or a .toml file.")
]
Camera = Annotated[str, typer.Option("--camera", help="Azimuth,elevation in degrees, as -58,40.")]
IgnoreKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-keys",
        metavar="PATTERN",
        help="Keys of checkpoints that are not loaded, as 'head.*'. These parameters keep the "
        "values it was built with. What is left out is printed. Repeat.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


if TYPE_CHECKING:
    from landscape.store import StudyFile
    from landscape.study import Examples
    from landscape.study.configuration import DataConfig, StudyConfig


def load_data(config: DataConfig) -> Examples:
    """Load the data set of a configuration."""
    from landscape import data

    folder = Path(config.folder) if config.folder else None
    return data.load(config.name, standardise=config.standardise, folder=folder)


def configuration_of(study: StudyFile) -> StudyConfig:
    """Return the configuration a study was made with.

    Raises:
        ValueError: if it was made without one, or with one this version does not understand.
    """
    from landscape.study.configuration import StudyConfig

    if not study.config:
        raise ValueError(
            f"{study.path} holds no configuration: it was not made by 'landscape run'; "
            "use landscape.sample with your own model"
        )
    if "own" in study.config:
        raise ValueError(
            f"{study.path} holds a network of your own, which is not built from a configuration; "
            "'landscape kinks --model' and landscape.kinks.along_path measure it, 'landscape "
            "sample --model' adds surfaces"
        )
    return StudyConfig.from_dict(study.config)


def parse_points(text: str) -> tuple[int, int]:
    """Read ``51`` or ``51x41`` as points along alpha and beta.

    Raises:
        ValueError: for anything else.
    """
    parts = text.lower().split("x")
    try:
        numbers = [int(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) not in (1, 2):
        raise ValueError(f"a grid is written 51 or 51x41, got {text!r}")
    return numbers[0], numbers[-1]


def parse_grid(text: str) -> tuple[int, ...]:
    """Read ``51``, ``51x41``, ``17x17x17``, or ``101x1`` for a line of 101 points.

    Raises:
        ValueError: for anything else.
    """
    sizes = text.lower().split("x")
    if not all(size.isdecimal() for size in sizes) or not 1 <= len(sizes) <= 3:
        raise ValueError(f"a grid is written 51, 51x41, 17x17x17, or 101x1 (a line), got {text!r}")
    numbers = [int(size) for size in sizes]
    if len(numbers) == 1:
        numbers *= 2
    return tuple(numbers[:1] if numbers[1:] == [1] else numbers)


def minutes(seconds: float) -> str:
    """Write a duration for people.

    >>> minutes(42.0), minutes(200.0)
    ('under a minute', 'about 3 min')
    """
    return "under a minute" if seconds < 60 else f"about {seconds / 60:.0f} min"


class Bars:
    """Progress bars with the time left, on the terminal's error stream."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:<16}"),
            BarColumn(bar_width=32),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(file=sys.stderr),
        )
        self._task: Any = None

    def stage(self, name: str, total: int) -> None:
        """Begin a bar; a stage with nothing to do has none."""
        self._task = self._progress.add_task(name, total=total) if total else None

    def advance(self, units: int) -> None:
        """Move the present bar."""
        if self._task is not None:
            self._progress.advance(self._task, units)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(text, highlight=False)


@contextmanager
def bars() -> Iterator[Bars]:
    """Show progress bars while the block runs."""
    shown = Bars()
    with shown._progress:
        yield shown
