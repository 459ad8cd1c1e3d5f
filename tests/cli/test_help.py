"""Help: options stand under headings, each with its default, and one name means one thing."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
from calling import accepted

from landscape.cli import app, options

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def options_of(name: str) -> dict[str, Any]:
    """Return the options of a command by their names."""
    return {p.opts[0]: p for p in COMMANDS[name].params if p.param_type_name == "option"}


def test_there_are_about_a_dozen_commands() -> None:
    assert set(COMMANDS) == {
        "demo", "run", "sample", "render", "figure", "view", "animate", "export", "analyse",
        "claims", "report", "info", "import", "check",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["demo", "run", "sample", "analyse", "info", "check", "export",
                                  "claims", "report", "import", "view"])  # fmt: skip
def test_every_option_ends_with_its_default(name: str) -> None:
    for option, parameter in options_of(name).items():
        # Typer itself writes the default of what has one.
        if parameter.default in (None, "", []) and not parameter.is_flag:
            assert parameter.help.endswith("]"), f"{option}: {parameter.help}"


@pytest.mark.parametrize(
    ("option", "alone"),
    [
        # ``run`` and ``sample`` make what the seed is of; ``figure`` shows one seed.
        ("--seed", {"run", "sample", "figure"}),
        ("--run", {"sample"}),
        ("--surface", {"figure"}),
        ("--select", {"figure", "info"}),
    ],
)
def test_one_name_means_one_thing(option: str, alone: set[str]) -> None:
    shared = {n.help for h in vars(options).values() for n in getattr(h, "__metadata__", ())}
    used = [name for name in COMMANDS if name not in alone and option in options_of(name)]
    assert used
    for name in used:
        assert options_of(name)[option].help in shared


def test_options_stand_under_headings_and_brackets_are_shown() -> None:
    said = accepted("sample", "--help")
    headings = re.findall(r"^(\S.*):$", said, re.MULTILINE)
    assert headings == ["Arguments", "Options", "Which plane", options.GRID, options.READ,
                        options.MODEL]  # fmt: skip
    user = said[said.index(f"{options.MODEL}:") :]
    assert "--checkpoint " in user
    assert "--grid" not in user
    assert "[cross_entropy]" in user
