"""Options that several commands share: one name means one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# Headings under which help lists options.
GRID = "Where, and how fine"
READ = "How the loss is read"
MODEL = "A network of your own"
FIGURE = "Figures and tables"

Study = Annotated[Path, typer.Argument(help="The study file, or its folder.")]
OptionalStudy = Annotated[
    Path | None,
    typer.Argument(help="The study file, or its folder; leave it out with --model."),
]
Run = Annotated[str, typer.Option("--run", help="Id of a run, as relu-gd-seed0. [none]")]
Runs = Annotated[
    list[str] | None,
    typer.Option("--run", help="Id of a run, as relu-gd-seed0. Repeat. [all]"),
]
Surface = Annotated[
    str, typer.Option("--surface", help="Id of a surface; 'info' lists them. [none]")
]
Surfaces = Annotated[
    list[str] | None,
    typer.Option("--surface", help="Id of a surface; 'info' lists them. Repeat. [all]"),
]
Select = Annotated[
    str,
    typer.Option(
        "--select",
        help="Surfaces of these activations, as relu,elu, or with these ids, as '*-gd-*.pca'. "
        "[all]",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of the runs. [all]")]
Reference = Annotated[
    str | None,
    typer.Option(
        "--reference",
        help="Surface id for the colour difference, kink map id for the colour kinks. [none]",
    ),
]
Style = Annotated[
    str,
    typer.Option("--style", help="Look of pictures: paper, slides, dark, testing or a .toml file."),
]
Camera = Annotated[
    str,
    typer.Option(
        "--camera", help="Azimuth and elevation in degrees, as -58,40. [those of the style]"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]

Model = Annotated[
    str,
    typer.Option(
        "--model",
        rich_help_panel=MODEL,
        help="FILE.py:FUNCTION that returns the network; the file is run. [a study's network]",
    ),
]
Data = Annotated[
    str,
    typer.Option(
        "--data",
        rich_help_panel=MODEL,
        help="FILE.py:FUNCTION that returns the data; the file is run. [required with --model]",
    ),
]
Loss = Annotated[
    str,
    typer.Option(
        "--loss",
        rich_help_panel=MODEL,
        help="cross_entropy, mse, or FILE.py:FUNCTION. [cross_entropy]",
    ),
]
Checkpoint = Annotated[
    Path | None,
    typer.Option(
        "--checkpoint",
        rich_help_panel=MODEL,
        help="Weights: .pt, .pth, .pth.tar, .t7, .ckpt, .bin, .safetensors, ... [as built]",
    ),
]
IgnoreKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore-keys",
        metavar="PATTERN",
        rich_help_panel=MODEL,
        help="Keys of checkpoints that are not loaded, as 'head.*'. These parameters keep the "
        "values they were built with, and what is left out is printed. Repeat. [none]",
    ),
]


def check_unused(options: dict[str, object], why: str) -> None:
    """Check that options which would change nothing were not given.

    Args:
        options: values by name without the dashes.
        why: what the message says after the name.

    Raises:
        ValueError: if one was given.
    """
    for name, value in options.items():
        if value is not False and value not in (None, "", []):
            raise ValueError(f"--{name} {why}")
