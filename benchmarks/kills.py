"""SIGKILL at random times, again and again: what was acknowledged is there, the rest is resumed.

    python -P -m benchmarks.kills --sampling 100 --training 50

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
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.store_jobs import Job, Sampling, Training, same, tell
from landscape.store import StudyFile


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
                whole = same(found, reference)
                tally.wrong += [] if whole else [f"other bits after kill {tally.kills}"]
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
            job.work(path, lambda number: tell(writing, number))
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
