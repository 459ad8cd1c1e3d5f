"""Work on files nobody vouches for, in a child process with limits.

A damaged file can make HDF5 spin for ever, crash or ask for all memory; that ends the child.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from landscape.records.presenting import one_line
from landscape.store.lock import refuse_held

_MEMORY = 4 << 30
_LONGEST = 1000  # of what is told of a file, which may have set any part of it
_ROOT = str(Path(__file__).parent.parent.parent)
_SCRIPT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from landscape.store.child import serve; serve(*sys.argv[2:])"
)
_TASKS = {
    "check": "landscape.store.checking:check_in_child",
    "salvage": "landscape.store.salvage:salvage_in_child",
    "read": "landscape.store.foreign:read_in_child",
}


class UnsafeFileError(ValueError):
    """A file that cannot be read within limits."""


def ask(task: str, path: Path, *more: str, seconds: float | None = None) -> Any:
    """Do a task on a file in a child process and return what it found.

    Args:
        task: one of the tasks of this module.
        path: the file.
        more: further arguments.
        seconds: time allowed; None gives 60 and one more for every 10 MB.

    Raises:
        BlockingIOError: if another process has locked the file.
        UnsafeFileError: if the child crashed, took too long or too much memory.
        ValueError: with the message of the task's own refusal.
    """
    refuse_held(path)
    seconds = seconds or 60 + path.stat().st_size / 1e7
    command = [sys.executable, "-P", "-c", _SCRIPT, _ROOT, task, str(seconds), str(path), *more]
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    try:
        done = subprocess.run(  # noqa: S603  (our own interpreter and script)
            command, env={**os.environ, **threads}, capture_output=True, timeout=seconds + 5,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise UnsafeFileError(f"{path} cannot be read: it took more than {seconds:.0f} s") from None
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise UnsafeFileError(
            f"{path} cannot be read: reading it ends in {_ending(done.returncode)}"
        ) from None
    if "refused" in answer:
        raise ValueError(answer["refused"])
    return answer["found"]


def serve(task: str, seconds: str, *arguments: str) -> None:
    """Do a task in this process, which is a child of its own, and write the answer to stdout."""
    _limit(float(seconds))
    module, _, name = _TASKS[task].partition(":")
    try:
        answer = {"found": getattr(importlib.import_module(module), name)(*arguments)}
    except MemoryError:
        answer = {"refused": f"{arguments[0]} cannot be read: it asks for too much memory"}
    except Exception as error:  # a hostile file may break its reader anywhere
        text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
        text = one_line(text)[:_LONGEST] or type(error).__name__
        answer = {"refused": text if arguments[0] in text else f"{arguments[0]}: {text}"}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # HDF5's own clean-up of a damaged file can crash


def _limit(seconds: float) -> None:
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))


def _ending(code: int) -> str:
    return f"a crash (signal {-code})" if code < 0 else f"an error (exit code {code})"
