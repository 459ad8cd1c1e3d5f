"""The jobs that kills and full disks interrupt: sampling a surface, training with checkpoints.

Each can be done in one go or in pieces, in any number of processes, and tells what is on record.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import empty_surface, fill
from landscape.networks import build
from landscape.networks.spec import network_spec
from landscape.planes.random import random_plane
from landscape.problem import Problem
from landscape.records.grid import Grid
from landscape.records.surface import Status, Surface
from landscape.store import StudyFile, StudyWriter
from landscape.store.places import run_path, surface_path
from landscape.training.loop import train
from landscape.training.training_checkpoint import TrainingCheckpoint
from landscape.training.training_settings import TrainingConfig

Arrays = dict[str, np.ndarray[Any, Any]]
GRID = Grid.square(41)
ENGINE = SamplingConfig(strategy="vmap", chunk=8, batch_size=256, threads=1)
TRAINING = TrainingConfig(steps=240, record_every=2, batch_size=50)
SURFACE, RUN = surface_path("s"), run_path("relu-adam-seed0")
Acknowledge = Callable[[int], None]


class Job:
    """Work on one network and data set, the same in every process."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(400, 10, generator=generator)
        self.data = inputs, (inputs[:, :3].sum(dim=1) > 0).long()

    def problem(self) -> Problem:
        """Return the network at its start, with loss and data."""
        spec = network_spec("mlp", activation="relu", input_shape=(10,), outputs=2, hidden=(16,))
        return Problem(build(spec, seed=0), "cross_entropy", self.data)

    def work(self, path: Path, acknowledge: Acknowledge) -> None:
        """Do the job, or what is left of it."""
        raise NotImplementedError

    def missing(self, path: Path, acknowledged: set[int]) -> set[int]:
        """Return what was acknowledged and is not there, as it should be."""
        raise NotImplementedError

    def result(self, path: Path) -> Arrays:
        """Return the arrays of a finished job."""
        raise NotImplementedError


class Sampling(Job):
    """A surface of 14 tiles, each acknowledged."""

    reference: Arrays

    def work(self, path: Path, acknowledge: Acknowledge) -> None:
        """Sample, or go on."""
        problem = self.problem()
        plane = random_plane(problem.model, seed=1)
        with StudyWriter(path, config={"job": "sampling"}) as writer:
            evaluator = PlaneEvaluator(problem, plane, config=ENGINE)
            surface = writer.find(SURFACE)
            if not isinstance(surface, Surface):
                surface = empty_surface(evaluator, GRID)
                writer.put_record(SURFACE, surface)

            def put(indices: Any, values: Any) -> None:
                writer.put_tile(SURFACE, indices, values)
                acknowledge(int(indices[0]))

            fill(evaluator, surface, put)

    def missing(self, path: Path, acknowledged: set[int]) -> set[int]:
        """Return the first points of tiles that are not there, or hold other values."""
        writer = StudyWriter(path)
        found = writer.find(SURFACE)
        writer.close()
        if not isinstance(found, Surface):
            return acknowledged
        lost = set()
        for tile in GRID.tiles():
            there = found.status.reshape(-1)[tile] == Status.EVALUATED
            right = found.losses.reshape(-1)[tile] == self.reference["losses"].reshape(-1)[tile]
            if int(tile[0]) in acknowledged and not (there & right).all():
                lost.add(int(tile[0]))
        return lost

    def result(self, path: Path) -> Arrays:
        """Return the fields of the surface."""
        found = StudyFile(path).surface("s")
        return {**found.fields, "status": found.status}


class Training(Job):
    """A run with a checkpoint at every record, each acknowledged."""

    def work(self, path: Path, acknowledge: Acknowledge) -> None:
        """Train, or go on."""
        with StudyWriter(path, config={"job": "training"}) as writer:
            if writer.has(RUN):
                return
            saved = writer.training(RUN)
            number = len(saved[0]) if saved else 0

            def save(piece: bytes, state: bytes) -> None:
                nonlocal number
                writer.put_training(RUN, piece, state)
                number += 1
                acknowledge(number)

            trajectory = train(
                self.problem(), optimizer="adam", config=TRAINING,
                keeping=TrainingCheckpoint(
                    save, saved, 0.0, lambda: writer.pieces(RUN), writer.gather
                ),
            )  # fmt: skip
            writer.put_record(RUN, trajectory)
            acknowledge(0)

    def missing(self, path: Path, acknowledged: set[int]) -> set[int]:
        """Return the numbers of checkpoints that are not there."""
        writer = StudyWriter(path)
        done, saved = writer.has(RUN), writer.training(RUN)
        number = len(list(saved[0])) if saved else 0
        writer.close()
        there = {0, *acknowledged} if done else set(range(1, number + 1))
        return acknowledged - there

    def result(self, path: Path) -> Arrays:
        """Return the arrays of the run."""
        run = StudyFile(path).trajectory("relu-adam-seed0")
        names = ("thetas", "steps", "losses", "accuracies", "step_losses", "gradient_norms",
                 "step_lengths", "learning_rates")  # fmt: skip
        return {name: getattr(run, name) for name in names}


def same(found: Arrays, wanted: Arrays) -> bool:
    """Whether the arrays of two jobs have the same bits."""
    return found.keys() == wanted.keys() and all(
        found[name].tobytes() == wanted[name].tobytes() for name in wanted
    )


def tell(pipe: int, number: int) -> None:
    """Acknowledge a piece of work to the parent process."""
    os.write(pipe, f"{number}\n".encode())
