"""Programs in processes of their own that begin with torch, VTK and this package imported.

Each is forked from one process that has done nothing but import, which takes a hundredth of the
time that a new interpreter takes. What tests the start of an interpreter starts one instead.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parent
IMPORTED = ["pytest", "torch", "torch.func", "torch._dynamo", "matplotlib.pyplot", "pyvista",
            "sklearn.datasets", "scipy.sparse.linalg", "PIL.Image", "landscape.cli",
            "landscape.study", "landscape.viz", "landscape.data"]  # fmt: skip
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(IMPORTED)


def run(
    program: Path | str, *arguments: Any, folder: Path | None = None, strict: bool = False,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:  # fmt: skip
    """Run a program; return its exit code (minus a signal) and what it printed.

    Args:
        program: a file, or Python code.
        arguments: of its command line.
        folder: where it runs; here, if None.
        strict: whether warnings are errors.
        environment: variables beside those of this process.
    """
    words = [str(argument) for argument in arguments]
    with tempfile.TemporaryDirectory() as kept:
        printed = [Path(kept) / name for name in ("out", "errors")]
        settings = {**os.environ, **(environment or {})}
        process = _CONTEXT.Process(
            target=_work, args=(program, words, folder or Path.cwd(), printed, settings, strict)
        )
        process.start()
        process.join(timeout=600)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(str(program), 600)
        texts = [path.read_text("utf-8") for path in printed]
    return subprocess.CompletedProcess([program, *words], process.exitcode, *texts)


def run_module(
    name: str, *arguments: Any, folder: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a module of the checkout, as ``python -P -m`` does."""
    code = (
        f"import runpy, sys; sys.path.insert(0, {str(TESTS.parent)!r}); "
        f"runpy.run_module({name!r}, run_name='__main__', alter_sys=True)"
    )
    return run(code, *arguments, folder=folder)


def _work(
    program: Path | str, words: list[str], folder: Path, printed: list[Path],
    settings: dict[str, str], strict: bool,
) -> None:  # fmt: skip
    """Do it, in the forked process."""
    for number, path in enumerate(printed, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(settings)
    # A program finds no module of the tests.
    sys.path = [entry for entry in sys.path if Path(entry) != TESTS]
    warnings.resetwarnings()
    if strict:
        warnings.simplefilter("error")
        # torch's own forward mode scripts its decompositions when it is first used.
        warnings.filterwarnings("ignore", "`torch.jit.script` is deprecated", DeprecationWarning)
        warnings.filterwarnings("ignore", "there is no display", UserWarning)
    sys.argv = [str(program), *words]
    if isinstance(program, Path):
        runpy.run_path(str(program), run_name="__main__")
    else:
        sys.argv[0] = "-c"
        exec(compile(program, "<string>", "exec"), {"__name__": "__main__"})
