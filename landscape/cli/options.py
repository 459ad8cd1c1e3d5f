"""Options that several commands share: one name means one thing."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

# Headings under which help lists options.
GRID = "Where, and how fine"
READ = "How the loss is read"
MODEL = "A network of your own"
FIGURE = "Figures and tables"


def option(text: str, panel: str | None = None, *, name: str = "", **more: Any) -> Any:
    """Declare an option.

    Args:
        text: what it does, and its default in brackets where that is none of Typer's.
        panel: the heading that it stands under.
        name: with its dashes; "" for that of its parameter.
        more: of :func:`typer.Option`.
    """
    return typer.Option(*filter(None, [name]), help=text, rich_help_panel=panel, **more)


Study = Annotated[Path, typer.Argument(help="The study file, or its folder.")]
OptionalStudy = Annotated[
    Path | None, typer.Argument(help="The study file, or its folder; leave it out with --model.")
]
Run = Annotated[str, option("Id of a run, as relu-gd-seed0. [none]")]
Runs = Annotated[list[str] | None, option("Id of a run, as relu-gd-seed0. Repeat. [all]")]
Surface = Annotated[str, option("Id of a surface; 'info' lists them. [none]")]
Surfaces = Annotated[list[str] | None, option("Id of a surface; 'info' lists them. Repeat. [all]")]
Select = Annotated[
    str,
    option("Surfaces of these activations, as relu,elu, or with these ids, as '*-gd-*.pca'. [all]"),
]
Seed = Annotated[int | None, option("Seed of the runs. [all]")]
Reference = Annotated[
    str | None,
    option("Surface id for the colour difference, kink map id for the colour kinks. [none]"),
]
Style = Annotated[str, option("Look of pictures: paper, slides, dark, testing or a .toml file.")]
Camera = Annotated[str, option("Azimuth and elevation in degrees, as -58,40. [those of the style]")]
AsJson = Annotated[bool, option("Print JSON and nothing else.", name="--json")]

Model = Annotated[
    str,
    option(
        "FILE.py:FUNCTION that returns the network; the file is run. [a study's network]", MODEL
    ),
]
Data = Annotated[
    str,
    option(
        "FILE.py:FUNCTION that returns the data; the file is run. [required with --model]", MODEL
    ),
]
Loss = Annotated[str, option("cross_entropy, mse, or FILE.py:FUNCTION. [cross_entropy]", MODEL)]
Checkpoint = Annotated[
    Path | None,
    option("Weights: .pt, .pth, .pth.tar, .t7, .ckpt, .bin, .safetensors, ... [as built]", MODEL),
]
IgnoreKeys = Annotated[
    list[str] | None,
    option(
        "Keys of checkpoints that are not loaded, as 'head.*'. These parameters keep "
        "the values they were built with, and what is left out is printed. Repeat. "
        "[none]",
        MODEL,
        metavar="PATTERN",
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
