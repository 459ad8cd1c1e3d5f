"""Help: options stand under headings, each with its default, and one name means one thing."""

from __future__ import annotations

import dataclasses
import inspect
import re
import shlex
from typing import Annotated, Any

import pytest
import typer
from calling import accepted
from typer.testing import CliRunner

from landscape.cli import app, options

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a command by their names."""
    return {p.opts[0]: p for p in COMMANDS[name].params if p.param_type_name == "option"}


def test_there_are_about_a_dozen_commands() -> None:
    assert set(COMMANDS) == {
        "demo", "run", "sample", "render", "view", "animate", "export", "analyse", "claims",
        "report", "info", "import", "check",
    }  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_ends_with_its_default(name: str) -> None:
    for option, parameter in options_of(name).items():
        # Typer itself writes the default of what has one.
        if parameter.default in (None, "", []) and not parameter.is_flag:
            assert parameter.help.endswith("]"), f"{option}: {parameter.help}"


@pytest.mark.parametrize("option", ["--run", "--surface", "--select", "--style", "--camera",
                                    "--model", "--checkpoint", "--json", "--show"])  # fmt: skip
def test_one_name_means_one_thing(option: str) -> None:
    helps = {options_of(name)[option].help for name in COMMANDS if option in options_of(name)}
    assert len(helps) == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_few_options_and_few_parameters(name: str) -> None:
    function = inspect.unwrap(COMMANDS[name].callback)
    assert len(inspect.signature(function).parameters) <= 12
    assert len(COMMANDS[name].params) <= (24 if name == "sample" else 16)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_plain_and_ends_with_an_example(name: str) -> None:
    text = COMMANDS[name].help
    *_, example = text.strip().splitlines()
    command, *words = shlex.split(example.removeprefix("Example: "))
    assert (command, words[0]) == ("landscape", name)
    known = {word for p in COMMANDS[name].params for word in p.opts}
    assert {word for word in words if word.startswith("--")} <= known
    for parameter in options_of(name).values():
        assert len(parameter.opts) == 1
        assert not parameter.help.startswith("Of "), parameter.help


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pair:
    first: Annotated[int, options.option("The first.")]
    second: Annotated[str, options.option("The second.")] = "b"


def shown(pair: Pair, third: Annotated[float, options.option("The third.")] = 0.5) -> None:
    print(pair, third)


def test_records_of_options_reach_the_command_as_one_object() -> None:
    small = typer.Typer()
    small.command()(options.takes_records(shown))
    result = CliRunner().invoke(small, ["--first", "3", "--third", "2"])
    assert result.output == "Pair(first=3, second='b') 2.0\n"
    assert CliRunner().invoke(small, ["--second", "x"]).exit_code == 2


def test_options_stand_under_headings_and_brackets_are_shown() -> None:
    said = accepted("sample", "--help")
    headings = re.findall(r"^(\S.*):$", said, re.MULTILINE)
    assert headings == ["Arguments", "Options", options.PLANE, options.GRID, options.READ,
                        options.MODEL]  # fmt: skip
    user = said[said.index(f"{options.MODEL}:") :]
    assert "--checkpoint " in user
    assert "--grid" not in user
    assert "[cross_entropy]" in user
