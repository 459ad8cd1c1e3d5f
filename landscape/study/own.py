"""Surfaces of a network of the user's own, in a study file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import nn

from landscape.config import SamplingConfig
from landscape.parameters import flatten
from landscape.sampling import with_gradients
from landscape.store import StudyWriter
from landscape.store.paths import run_path
from landscape.study.more import surface_of
from landscape.study.reporting import Reporter, Silent
from landscape.study.request import Request
from landscape.trajectory import Trajectory


def sample_own(
    path: Path,
    model: nn.Module,
    loss: Any,
    data: Any,
    request: Request,
    *,
    paths: dict[str, Trajectory] | None = None,
    others: dict[str, Any] | None = None,
    told: dict[str, Any] | None = None,
    engine: SamplingConfig | None = None,
    reporter: Reporter | None = None,
) -> str:
    """Sample a surface of any network into a study file, which is made or continued.

    Args:
        path: the study file.
        model: at the solution; bit-identical afterwards.
        loss: as in :func:`landscape.sample`.
        data: likewise.
        request: which surface; its ``run`` is the name of the path that led to the solution, or
            None.
        paths: trajectories by name, which are stored and placed on the plane.
        others: further solutions by name, for planes between and through them.
        told: what to note about model, data and loss, plain values.
        engine: how points are evaluated; None measures briefly.
        reporter: hears of progress.

    Returns:
        The id of the surface.

    Raises:
        ValueError: if the file belongs to another network, or as :func:`landscape.sample`.
    """
    engine = engine or SamplingConfig()
    if request.gradients:
        engine = with_gradients(engine)
    paths = paths or {}
    digest = hashlib.sha256(flatten(model).tobytes()).hexdigest()
    facts = {"weights_sha256": digest}
    with StudyWriter(path, config={"own": told or {}}, facts=facts) as writer:
        for name, trajectory in paths.items():
            if not writer.has(run_path(name)):
                writer.put_record(run_path(name), trajectory)
        surface_of(
            writer, request, model, loss, data, paths=paths, others=others, engine=engine,
            dtype=getattr(torch, request.dtype) if request.dtype else None,
            reporter=reporter or Silent(),
        )  # fmt: skip
    return request.name
