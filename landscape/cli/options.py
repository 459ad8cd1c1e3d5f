"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

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
