"""The network of a run at its solution, with what it is evaluated on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
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


def solution_model(trajectory: Trajectory, *, activation: str | None = None) -> nn.Module:
    """Build the network of a run with its final parameters and buffers.

    Args:
        trajectory: of the run.
        activation: another one on the same weights; None for the network's own.

    Raises:
        ValueError: if the run does not say which network it trained, or it does not fit.
    """
    network = trajectory.settings.get("network")
    if not isinstance(network, dict):
        raise ValueError(
            "the run does not say which network it trained; give the model to landscape.sample"
        )
    if activation is not None:
        network = {**network, "activation": activation}
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


def solution_of(source: StudyFile, run: str) -> Trajectory:
    """Return the path of a run that ends at a solution.

    Raises:
        KeyError: if the study has no such run.
        ValueError: if it diverged.
    """
    trajectory = source.trajectory(run)
    if trajectory.diverged_at is not None:
        raise ValueError(f"{run} diverged at step {trajectory.diverged_at}: no solution")
    return trajectory


def solution_problem(trajectory: Trajectory, data: Any) -> Problem:
    """Return the network at the end of a path, with the loss it was trained with, over data.

    Raises:
        ValueError: as :func:`solution_model`.
    """
    return Problem(solution_model(trajectory), str(trajectory.settings["loss"]), data)


@dataclass(frozen=True)
class SolutionNetwork:
    """The solution of a run, with its loss and the data of the study; loaded when first used.

    Attributes:
        source: the study.
        config: its configuration.
        run: name of the run.
        load_data: called with ``config.data``.
    """

    source: StudyFile
    config: StudyConfig
    run: str
    load_data: Callable[[Any], Examples]

    @cached_property
    def problem(self) -> Problem:
        """The network at the solution, its loss, and the data it was trained on.

        Raises:
            ValueError: if the data are others, or the network cannot be built again.
        """
        data = trained_on(self.source, self.config, self.load_data)
        return solution_problem(self.trajectory(self.run), data)

    def trajectory(self, run: str) -> Trajectory:
        """Read the path of a run of the same study.

        Raises:
            ValueError: if it diverged.
        """
        return solution_of(self.source, run)
