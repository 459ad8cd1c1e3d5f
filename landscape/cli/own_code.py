"""Functions from a Python file of the user's, and weights from a checkpoint."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any


def named(text: str) -> Callable[..., Any]:
    """Run the file of ``FILE.py:FUNCTION`` and return the function.

    Raises:
        ValueError: for another form, or a file without such a function.
        FileNotFoundError: if there is no such file.
    """
    place, _, name = text.rpartition(":")
    if not place.endswith(".py") or not name.isidentifier():
        raise ValueError(f"write FILE.py:FUNCTION, as model.py:build, got {text!r}")
    path = Path(place)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; write FILE.py:FUNCTION")
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ValueError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function = getattr(module, name, None)
    if not callable(function):
        known = ", ".join(n for n, v in vars(module).items() if callable(v) and n[0] != "_")
        raise ValueError(f"{path} has no function {name!r}; it has: {known or 'none'}")
    return function  # type: ignore[no-any-return]


def load_checkpoint(model: Any, path: Path) -> None:
    """Read weights into a model that was just built; see :func:`landscape.load_into`.

    Raises:
        ValueError: if it holds more than weights, or others than the model's.
        OSError: if it cannot be read.
    """
    from landscape.recording.checkpoints import load_into

    load_into(model, path)
