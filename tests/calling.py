"""The command line, called in this process or in its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from landscape.cli import app

COMMAND = str(Path(sys.executable).parent / "landscape")
# Nothing about the engine is left to be measured, which would take a second.
ENGINE = ["--set", 'sampling={strategy="vmap", chunk=8, batch_size=64, threads=1}']
TINY = ["--data", "wine", "--activation", "relu", "--steps", "4", "--grid", "3",
        "--set", "training.record_every=1", *ENGINE]  # fmt: skip
# Several threads help no small network, and hinder where others compute.
ENVIRONMENT = {**os.environ, "COLUMNS": "200", "OMP_NUM_THREADS": "1"}


def call(*arguments: Any) -> Any:
    """Call in this process."""
    return CliRunner().invoke(app, [str(a) for a in arguments])


def accepted(*arguments: Any) -> str:
    """Call, expecting success; return what was printed."""
    result = call(*arguments)
    assert result.exit_code == 0, result.output or repr(result.exception)
    return str(result.stdout)


def refused(*arguments: Any, code: int = 2, alone: bool = True) -> str:
    """Call, expecting one line on the error stream and an exit code; return the line.

    Args:
        arguments: of the command.
        code: the exit code.
        alone: whether nothing else is said.
    """
    result = call(*arguments)
    assert result.exit_code == code, result.output or repr(result.exception)
    assert result.stdout == ""
    lines = [line for line in result.stderr.splitlines() if line.strip()]
    assert lines[-1].startswith("landscape: "), result.stderr
    assert not any("Traceback" in line for line in lines)
    assert len(lines) == 1 or not alone, result.stderr
    return str(lines[-1])


def spawn(command: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Call in a process of its own."""
    return subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, timeout=600,
        env={**ENVIRONMENT, **environment},
    )  # fmt: skip
