"""Losses of the records of a trajectory, evaluated afterwards."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from landscape.evaluation import Evaluator, LossFunction
from landscape.evaluation.batch_norm import layers_with_statistics
from landscape.parameters import layout_of, unwrapped
from landscape.trajectory import Trajectory


def evaluate_losses(
    trajectory: Trajectory,
    model: nn.Module,
    loss: str | LossFunction,
    data: Any,
    *,
    dtype: torch.dtype | None = None,
    progress: Callable[[int], None] | None = None,
) -> Trajectory:
    """Return the trajectory with the loss over ``data`` at each of its records.

    Evaluation mode; BatchNorm takes the statistics that the trajectory ends with at every record,
    as the surface around the solution does, and not those of the time. Accuracies come with the
    losses where the data are a classification. One record at a time is in memory. Where the model
    has such statistics, the setting ``loss_statistics`` says ``end``.

    Args:
        trajectory: of this model.
        model: never changed; a copy is evaluated where its buffers are not the trajectory's.
        loss: name or function; see :func:`landscape.sample`.
        data: see :func:`landscape.sample`.
        dtype: precision of the forward pass; None takes the model's.
        progress: called with 1 after every record.

    Raises:
        ValueError: if the trajectory belongs to another model, or for unusable data.
    """
    model = unwrapped(model)
    if (layout := layout_of(model)) != trajectory.layout:
        raise ValueError(
            f"the trajectory must be the model's: {trajectory.layout.size} parameters there, "
            f"{layout.size} here; build the model that was recorded"
        )
    model = _with_buffers(model, trajectory)
    evaluator = Evaluator(model, loss, data, dtype=dtype or next(model.parameters()).dtype)
    found: dict[str, list[float]] = {}
    for theta in trajectory.thetas:
        values = evaluator(np.asarray(theta, dtype=np.float64)[None])
        for name in ("losses", "accuracies"):
            if name in values:
                found.setdefault(name, []).append(float(values[name][0]))
        if progress is not None:
            progress(1)
    accuracies = np.array(found["accuracies"]) if "accuracies" in found else None
    settings = dict(trajectory.settings)
    if layers_with_statistics(model):
        settings["loss_statistics"] = "end"
    return replace(
        trajectory, losses=np.array(found["losses"]), accuracies=accuracies, settings=settings
    )


def _with_buffers(model: nn.Module, trajectory: Trajectory) -> nn.Module:
    own = dict(model.named_buffers())
    wanted = {name: torch.tensor(b) for name, b in trajectory.buffers.items() if name in own}
    if all(torch.equal(own[name].cpu(), b.to(own[name].dtype)) for name, b in wanted.items()):
        return model
    twin = copy.deepcopy(model)
    buffers = dict(twin.named_buffers())
    with torch.no_grad():
        for name, values in wanted.items():
            buffers[name].copy_(values)
    return twin
