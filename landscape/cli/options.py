"""Options that several commands share, declared once: single ones, and groups as records."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import typer

R = TypeVar("R")

# Headings under which help lists options.
PLANE = "Which plane"
GRID = "Where, and how fine"
READ = "How the loss is read"
MODEL = "A network of your own"
LOOK = "How it looks"


def option(text: str, panel: str | None = None, *, name: str = "", **more: Any) -> Any:
    """Declare an option.

    Args:
        text: what it does, and its default in brackets where that is none of Typer's.
        panel: the heading that it stands under.
        name: with its dashes; "" for that of its parameter.
        more: of :func:`typer.Option`.
    """
    return typer.Option(*filter(None, [name]), help=text, rich_help_panel=panel, **more)


def takes_records(command: Callable[..., R]) -> Callable[..., R]:
    """Let Typer see the fields of a command's records as its options.

    Args:
        command: parameters that are annotated with a frozen dataclass get one; the fields of that
            class are annotated as Typer's options are.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        record = hints[parameter.name]
        seen = _options_of(record) if is_dataclass(record) else [_seen(parameter, record)]
        parameters += seen

    @functools.wraps(command)
    def wrapped(**given: Any) -> R:
        for name, record in hints.items():
            if is_dataclass(record):
                given[name] = record(**{f.name: given.pop(f.name) for f in fields(record)})  # type: ignore[operator]
        return command(**given)

    wrapped.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    wrapped.__annotations__ = {p.name: p.annotation for p in parameters}
    return wrapped


def _options_of(record: Any) -> list[Parameter]:
    """Return the fields of a class of records as parameters."""
    hints = get_type_hints(record, include_extras=True)
    return [_seen(parameter, hints[parameter.name])
            for parameter in signature(record).parameters.values()]  # fmt: skip


def _seen(parameter: Parameter, hint: Any) -> Parameter:
    """Return a parameter as Typer reads it; a flag has no opposite, if it does not name one."""
    kind, *declared = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    # In an annotation Typer keeps the first name of an option as its default.
    if kind is bool and declared[0].default is ...:
        declared[0].param_decls = (f"--{parameter.name.replace('_', '-')}",)
    return parameter.replace(annotation=hint, kind=Parameter.KEYWORD_ONLY)


Study = Annotated[Path, typer.Argument(help="The study file, or its folder.")]
OptionalStudy = Annotated[
    Path | None, typer.Argument(help="The study file, or its folder; leave it out with --model.")
]
Runs = Annotated[
    list[str] | None, option("Id of a run, as relu-gd-seed0. Repeat. [all; sample needs one]")
]
Height = Annotated[
    str,
    option(
        "log, linear, clipped, or auto: log where all losses are positive and span more than two "
        "decades; log:2.5 cuts surfaces at a loss of 2.5.",
        LOOK,
    ),
]
Style = Annotated[
    str, option("Style: paper, slides, dark, clay, slides+clay, dark+clay or a .toml file.", LOOK)
]
Force = Annotated[bool, option("Replace files that this program did not write.")]
Json = Annotated[bool, option("Print JSON and nothing else.", name="--json")]
Show = Annotated[bool, option("Print all settings as TOML and stop.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Surfaces of a study."""

    study: Study
    surface: Annotated[
        list[str] | None, option("Id of a surface; 'info' lists them. Repeat. [all]")
    ] = None
    select: Annotated[
        str, option("Surfaces of activations, as relu,elu, or ids, as '*-gd-*.pca'. [all]")
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Style and camera of pictures."""

    style: Style = "paper"
    camera: Annotated[
        str, option("Azimuth and elevation in degrees, as -58,40. [the style's]", LOOK)
    ] = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn(View):
    """How surfaces are drawn."""

    height: Height = "log"
    colour: Annotated[
        str,
        option("losses, slope, curvature, status, accuracies, difference:ID or kinks:ID.", LOOK),
    ] = "losses"
    shading: Annotated[
        str, option("Shading of surfaces: flat, differences or gradient.", LOOK)
    ] = "flat"  # fmt: skip


def check_unused(options: Any, why: str) -> None:
    """Check that options which would change nothing were not given.

    Args:
        options: values by name without the dashes, or a record of options.
        why: what the message says after the name.

    Raises:
        ValueError: if one was given.
    """
    values: Mapping[str, Any] = options
    if is_dataclass(options):
        values = {f.name: v for f in fields(options)
                  if (v := getattr(options, f.name)) != f.default}  # fmt: skip
    for name, value in values.items():
        if value is not False and value not in (None, "", []):
            raise ValueError(f"--{name.replace('_', '-')} {why}")
