"""A request for a surface, written as the command ``landscape sample``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from landscape.records.grid_notation import shape_text, span_text
from landscape.study.request import Request


def sample_command(request: Request, study: Path, user: Mapping[str, Any] | None = None) -> str:
    """Write the command that samples the surface of a request.

    Args:
        request: which surface.
        study: the file.
        user: of a network of the user's: the functions and the checkpoint that were given.

    Returns:
        The command, in which FOLDER and FILE stand for paths that a study does not hold; "" for a
        request that only Python can make.
    """
    interpolated = request.tolerance and (request.height, request.tolerance) != ("log", 1e-3)
    other_pca = request.length != "displacement" or request.placed
    if interpolated or (request.kind == "pca" and other_pca):
        return ""
    words = ["landscape", "sample", *_network_words(request, study, user)]
    words += ["--name", request.identifier] if request.identifier else []
    return shlex.join(words + _plane_words(request) + _grid_words(request) + _value_words(request))


def _network_words(request: Request, study: Path, user: Mapping[str, Any] | None) -> list[str]:
    if user is None:
        runs = dict.fromkeys([str(request.run), *request.others, *request.placed])
        return [str(study), *_repeated("--run", runs)]
    words = []
    for name in ("model", "data", "loss", "checkpoint"):
        words += [f"--{name}", str(user[name])] if user.get(name) else []
    words += ["--checkpoints", f"{request.run}=FOLDER"] if request.run else []
    words += ["--out", str(study)]
    others = "FOLDER" if request.kind == "pca" else "FILE"
    return words + _repeated("--checkpoints", [f"{name}={others}" for name in request.others])


def _plane_words(request: Request) -> list[str]:
    words = ["--plane", request.kind]
    if request.kind in ("random", "gradient") and request.seed:
        words += ["--seed", str(request.seed)]
    if request.kind == "random" and request.normalisation != "filter":
        words += ["--normalisation", request.normalisation]
    if request.kind == "random" and request.which != ("all",):
        words += _repeated("--which", request.which)
    return words + (["--line", *map(repr, request.line)] if request.line else [])


def _grid_words(request: Request) -> list[str]:
    shape = request.grid.shape
    words = ["--resample", str(shape[0])] if request.tolerance else ["--grid", shape_text(shape)]
    # A word that begins with a minus sign is read as an option by other programs.
    return [*words, f"--span={span_text(request.grid)}"]


def _value_words(request: Request) -> list[str]:
    words = ["--dtype", request.dtype] if request.dtype else []
    words += ["--gradients"] if request.gradients else []
    words += ["--batch-norm", request.batch_norm] if request.batch_norm != "frozen" else []
    words += ["--subset", str(request.subset)] if request.subset else []
    return words + (["--divergence"] if request.divergence else [])


def _repeated(option: str, values: Any) -> list[str]:
    return [word for value in values for word in (option, str(value))]
