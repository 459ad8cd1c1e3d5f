"""A trained network, built again from what a study file holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

from landscape.networks import build
from landscape.networks.parameters import assign, layout_of
from landscape.networks.spec import network_spec
from landscape.problem import Problem
from landscape.records.trajectory import Trajectory
from landscape.store import StudyFile
from landscape.study.configuration import StudyConfig
from landscape.study.reporting import Examples


def solution_model(trajectory: Trajectory) -> nn.Module:
    """Build the network of a run with its final parameters and buffers.

    Raises:
        ValueError: if the run does not say which network it trained, or it does not fit.
    """
    network = trajectory.settings.get("network")
    if not isinstance(network, dict):
        raise ValueError(
            "the run does not say which network it trained; give the model to landscape.sample"
        )
    spec = network_spec(
        str(network.get("kind")), **{k: v for k, v in network.items() if k != "kind"}
    )
    model: nn.Module = build(spec, dtype=getattr(torch, str(trajectory.thetas.dtype)))
    if layout_of(model) != trajectory.layout:
        raise ValueError("the recorded parameters do not fit the network of the run's settings")
    assign(model, trajectory.solution)
    buffers = dict(model.named_buffers())
    for name, values in trajectory.buffers.items():
        buffers[name].copy_(torch.from_numpy(np.array(values)))
    return model.eval()


def trained_on(
    source: StudyFile, config: StudyConfig, load_data: Callable[[Any], Examples]
) -> Examples:
    """Load the data of a study.

    Raises:
        ValueError: if they are not those it was trained on.
    """
    data, recorded = load_data(config.data), source.attributes.get("data_sha256")
    if data.sha256 != recorded:
        raise ValueError(
            f"the data set {config.data.name} is not the one this study was trained on "
            f"(digest {data.sha256[:12]}, recorded {str(recorded)[:12]})"
        )
    return data


def solution_problem(trajectory: Trajectory, data: Any) -> Problem:
    """Return the network at the end of a path, with the loss it was trained with, over data.

    Raises:
        ValueError: as :func:`solution_model`.
    """
    return Problem(solution_model(trajectory), str(trajectory.settings["loss"]), data)
