"""Losses of the records of a trajectory, evaluated afterwards."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from landscape.networks.architecture import check_one_network
from landscape.problem import Problem, check_problem
from landscape.records.trajectory import Trajectory

_LOG = logging.getLogger(__name__)


def evaluate_losses(
    problem: Problem,
    trajectory: Trajectory,
    *,
    progress: Callable[[int], None] | None = None,
) -> Trajectory:
    """Return the trajectory with the loss of a problem at each of its records.

    Evaluation mode; frozen BatchNorm takes the statistics that the trajectory ends with at every
    record, as the surface around the solution does, and not those of the time. Accuracies come
    with the losses where the data are a classification. One record at a time is in memory. Where
    the model has such statistics, the setting ``loss_statistics`` says ``end``, or the policy.

    Args:
        problem: network, loss and data; a copy of the network is evaluated, with the buffers of
            the trajectory.
        trajectory: of this network.
        progress: called with 1 after every record.

    Raises:
        ValueError: if the trajectory belongs to another model, or is of another network as far as
            its settings tell, or for unusable data.
    """
    check_problem(problem)
    if (layout := problem.layout) != trajectory.layout:
        raise ValueError(
            f"the trajectory must be the model's: {trajectory.layout.size} parameters there, "
            f"{layout.size} here; build the model that was recorded"
        )
    check_one_network({"the model": problem.model, "the trajectory": trajectory})
    evaluator = problem.evaluator(standard_errors=False)
    unknown = trajectory.buffers.keys() - dict(evaluator.network.inner.named_buffers()).keys()
    if unknown:
        _LOG.warning(
            "the trajectory holds buffers that the model has not, %s: they are left out",
            ", ".join(sorted(unknown)[:3]),
        )
    evaluator.network.take_buffers(
        {name: torch.tensor(values) for name, values in trajectory.buffers.items()}
    )
    values_of: dict[str, list[float]] = {}
    for theta in trajectory.thetas:
        values = evaluator(np.asarray(theta, dtype=np.float64)[None])
        for name in ("losses", "accuracies"):
            if name in values:
                values_of.setdefault(name, []).append(float(values[name][0]))
        if progress is not None:
            progress(1)
    accuracies = np.array(values_of["accuracies"]) if "accuracies" in values_of else None
    settings = dict(trajectory.settings)
    if evaluator.normalising_layers:
        settings["loss_statistics"] = "end" if evaluator.policy == "frozen" else evaluator.policy
    return replace(
        trajectory, losses=np.array(values_of["losses"]), accuracies=accuracies, settings=settings
    )
