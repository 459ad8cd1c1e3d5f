"""SIGKILL at random times, again and again: what was acknowledged is there, the rest is resumed.

    python -P benchmarks/kills.py --sampling 100 --training 50

Two jobs run in child processes that tell through a pipe what has been acknowledged: sampling a
surface into a study, and training with checkpoints. A child is killed at a random time; then the
study file is read, every acknowledged tile or checkpoint is looked for, and the next child goes on.
A job that comes to its end must have written the same bits as one that was never killed. The exit
code is 1 if anything was lost, unreadable or different.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from landscape.config import SamplingConfig, TrainingConfig, network_spec
from landscape.directions import random_plane
from landscape.grid import Grid
from landscape.networks import build
from landscape.sampling import empty_surface, plane_evaluator, sample_tiles
from landscape.store import StudyFile, StudyWriter
from landscape.store.paths import run_path, surface_path
from landscape.surface import Status, Surface
from landscape.training import train
from landscape.training_state import Keeping

GRID = Grid.square(41)
ENGINE = SamplingConfig(strategy="vmap", chunk=8, batch_size=256, threads=1)
TRAINING = TrainingConfig(steps=240, record_every=2, batch_size=50)
SURFACE, RUN = surface_path("s"), run_path("relu-adam-seed0")
Acknowledge = Callable[[int], None]


@dataclass(slots=True)
class Tally:
    """What happened.

    Attributes:
        kills: children that were killed at work.
        acknowledged: tiles or checkpoints that the killed children had acknowledged.
        finished: jobs that came to their end after kills.
        wrong: what must not be, in words.
    """

    kills: int = 0
    acknowledged: int = 0
    finished: int = 0
    wrong: list[str] = field(default_factory=list)


class Job:
    """Work on one network and data set, the same in every process."""

    def __init__(self) -> None:
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(400, 10, generator=generator)
        self.data = inputs, (inputs[:, :3].sum(dim=1) > 0).long()

    def model(self) -> Any:
        """Build the network."""
        spec = network_spec("mlp", activation="relu", input_shape=(10,), outputs=2, hidden=(16,))
        return build(spec, seed=0)

    def work(self, path: Path, acknowledge: Acknowledge) -> None:
        """Do the job, or what is left of it."""
        raise NotImplementedError

    def missing(self, path: Path, acknowledged: set[int]) -> set[int]:
        """Return what was acknowledged and is not there, as it should be."""
        raise NotImplementedError

    def result(self, path: Path) -> dict[str, np.ndarray[Any, Any]]:
        """Return the arrays of a finished job."""
        raise NotImplementedError


class Sampling(Job):
    """A surface of 14 tiles, each acknowledged."""

    reference: dict[str, np.ndarray[Any, Any]]

    def work(self, path: Path, acknowledge: Acknowledge) -> None:
        """Sample, or go on."""
        model = self.model()
        plane = random_plane(model, seed=1)
        with StudyWriter(path, config={"job": "sampling"}) as writer:
            evaluator = plane_evaluator(model, "cross_entropy", self.data, plane, config=ENGINE)
            surface = writer.find(SURFACE)
            if not isinstance(surface, Surface):
                surface = empty_surface(evaluator, plane, GRID)
                writer.put_record(SURFACE, surface)
            for indices, values in sample_tiles(evaluator, surface):
                writer.put_tile(SURFACE, indices, values)
                acknowledge(int(indices[0]))

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

    def result(self, path: Path) -> dict[str, np.ndarray[Any, Any]]:
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
                self.model(), "cross_entropy", self.data, optimizer="adam", config=TRAINING,
                keeping=Keeping(save, saved, 0.0),
            )  # fmt: skip
            writer.put_record(RUN, trajectory)
            acknowledge(0)

    def missing(self, path: Path, acknowledged: set[int]) -> set[int]:
        """Return the numbers of checkpoints that are not there."""
        writer = StudyWriter(path)
        done, saved = writer.has(RUN), writer.training(RUN)
        writer.close()
        there = {0, *acknowledged} if done else set(range(1, len(saved[0]) + 1 if saved else 1))
        return acknowledged - there

    def result(self, path: Path) -> dict[str, np.ndarray[Any, Any]]:
        """Return the arrays of the run."""
        run = StudyFile(path).trajectory("relu-adam-seed0")
        names = ("thetas", "steps", "losses", "accuracies", "step_losses", "gradient_norms",
                 "step_lengths", "learning_rates")  # fmt: skip
        return {name: getattr(run, name) for name in names}


def torture(job: Job, kills: int, folder: Path, seed: int) -> Tally:
    """Kill a job at random times until it was killed so often."""
    draws, tally = random.Random(seed), Tally()
    seconds = min(_timed(job, folder / name / "study.h5") for name in ("warm", "whole"))
    reference = job.result(folder / "whole" / "study.h5")
    job.reference = reference  # type: ignore[attr-defined]
    path = folder / "killed" / "study.h5"
    acknowledged: set[int] = set()
    while tally.kills < kills:
        # Long enough to reach the end now and then: publishing is killed as well.
        killed, told = _killed(job, path, draws.uniform(0, 0.5 * seconds))
        acknowledged |= told
        try:
            if killed:
                tally.kills += 1
                tally.acknowledged += len(told)
                if path.exists():
                    StudyFile(path).paths()
                lost = job.missing(path, acknowledged)
                tally.wrong += [f"lost after kill {tally.kills}: {lost}"] if lost else []
            else:
                found = job.result(path)
                same = all(found[n].tobytes() == reference[n].tobytes() for n in reference)
                tally.wrong += [] if same else [f"other bits after kill {tally.kills}"]
        except (OSError, ValueError, KeyError) as error:
            tally.wrong.append(f"unreadable after kill {tally.kills}: {error}")
            killed = False
        if not killed:
            tally.finished += 1
            acknowledged = set()
            shutil.rmtree(path.parent)
    return tally


def _timed(job: Job, path: Path) -> float:
    start = time.monotonic()
    job.work(path, lambda _number: None)
    return time.monotonic() - start


def _killed(job: Job, path: Path, seconds: float) -> tuple[bool, set[int]]:
    """Let a child work, kill it after some time; return whether it was, and what it told."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(reading)
            job.work(path, lambda number: _tell(writing, number))
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    # The end of the pipe tells that the child has ended by itself.
    told, deadline = b"", time.monotonic() + seconds
    ended = False
    while (left := deadline - time.monotonic()) > 0 and not ended:
        if select.select([reading], [], [], left)[0]:
            part = os.read(reading, 4096)
            told, ended = told + part, not part
    os.kill(child, signal.SIGKILL)
    while part := os.read(reading, 4096):
        told += part
    os.close(reading)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise OSError(f"a child ended with exit code {os.WEXITSTATUS(status)}")
    return os.WIFSIGNALED(status), {int(number) for number in told.split()}


def _tell(pipe: int, number: int) -> None:
    os.write(pipe, f"{number}\n".encode())


def main() -> int:
    """Run both jobs and print what happened."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sampling", type=int, default=100, help="kills of a sampling run")
    parser.add_argument("--training", type=int, default=50, help="kills of a training run")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    wrong = []
    for job, kills, noun in ((Sampling(), options.sampling, "tiles"),
                             (Training(), options.training, "checkpoints")):  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            tally = torture(job, kills, Path(folder), options.seed)
        wrong += tally.wrong
        print(
            f"{type(job).__name__.lower()}: {tally.kills} kills, {tally.acknowledged} {noun} "
            f"acknowledged before them, {tally.finished} jobs finished, {len(tally.wrong)} wrong"
        )
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
