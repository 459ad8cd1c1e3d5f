"""Disks that fill up at random places: a clear error, nothing lost, the same command continues.

    python -P -m benchmarks.full_disk --fills 8

Four jobs grow a study that is there: sampling, training, ``landscape sample`` and ``landscape
analyse``. Each has room for a random part of what it needs, on a small tmpfs where mounting is
allowed, and under a limit on the size of files (RLIMIT_FSIZE) everywhere; every second time the
files are streamed into reserved room, as large studies are. A job that runs out of room must end
with exit code 1 and one line, leave the study as it was, readable by h5py alone, and keep what it
acknowledged; given room, it must come to the bits of a job that always had it. The exit code is 1
if anything else happened.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
import typer

from benchmarks.store_jobs import Acknowledge, Arrays, Job, Sampling, Training, same, tell
from landscape.cli import app
from landscape.cli.mistakes import one_line_errors
from landscape.cli.wiring import load_data
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.records.results import Analysis
from landscape.store import StudyWriter, images
from landscape.study.configuration import DataConfig, RandomPlaneConfig, StudyConfig
from landscape.study.experiment import Study
from landscape.training.training_settings import TrainingConfig as Steps

DISKS = (16 << 20, 32 << 20)
STUDY = StudyConfig(
    activations=("relu",), optimizers=("gd",), data=DataConfig(name="wine"),
    network={"kind": "mlp", "hidden": [12]}, training=Steps(steps=60, record_every=2),
    random_plane=RandomPlaneConfig(points=(9, 9)),
    sampling=SamplingConfig(strategy="vmap", chunk=8, batch_size=64, threads=1),
)  # fmt: skip
NAME = "relu-gd-seed0"
Run = Callable[..., "Ending"]
# What a child complains with is a file as well.
_LEAST = 1 << 12


class Command(Job):
    """A command that adds to a study."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def work(self, path: Path, acknowledge: Acknowledge) -> None:
        """Give the command, acknowledging every record and tile by a number of its own."""

        def told(put: Callable[..., None]) -> Callable[..., None]:
            def wrapped(writer: StudyWriter, where: str, *rest: Any) -> None:
                put(writer, where, *rest)
                tile = f" {rest[0][0]}" if len(rest) > 1 else ""
                acknowledge(zlib.crc32(f"{where}{tile}".encode()))

            return wrapped

        StudyWriter.put_tile = told(StudyWriter.put_tile)  # type: ignore[method-assign]
        StudyWriter.put_record = told(StudyWriter.put_record)  # type: ignore[method-assign]
        app([self.words[0], str(path), *self.words[1:]])


@dataclass(slots=True)
class Tally:
    """What happened to one job on one kind of disk.

    Attributes:
        fills: times that there was no room, by what had none.
        roomy: times that there was room enough after all.
        acknowledged: pieces of work acknowledged before there was no room.
        wrong: what must not be, in words.
    """

    fills: dict[str, int] = field(default_factory=lambda: {"journal": 0, "study": 0, "start": 0})
    roomy: int = 0
    acknowledged: int = 0
    wrong: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: its exit code, what it acknowledged, its lines of complaint."""

    code: int
    told: list[int]
    lines: list[str]


def arrays_of(path: Path) -> Arrays:
    """Return every data set of a study but the list of records, read by h5py alone."""
    found: Arrays = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.dtype.kind != "O":
            found[name] = item[()]

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def in_child(job: Job, path: Path, *, limit: int = 0, streamed: bool = False) -> Ending:
    """Let a child do a job, with a limit on the size of files if there is one."""
    reading, writing = os.pipe()
    with tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            code = 99
            try:
                os.close(reading)
                os.dup2(errors.fileno(), 2)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
                code = _worked(job, path, writing, limit, streamed=streamed)
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(writing)
        told = b""
        while part := os.read(reading, 4096):
            told += part
        os.close(reading)
        _, status = os.waitpid(child, 0)
        errors.seek(0)
        lines = errors.read().decode(errors="replace").splitlines()
    said = [line for line in lines if line.startswith("landscape: ") or "Error" in line]
    return Ending(os.waitstatus_to_exitcode(status), [int(n) for n in told.split()], said)


def _worked(job: Job, path: Path, pipe: int, limit: int, *, streamed: bool) -> int:
    import resource

    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    if streamed:
        images.IN_MEMORY = 0
    try:
        one_line_errors(job.work)(path, lambda number: tell(pipe, number))
    except typer.Exit as ending:
        return ending.exit_code
    except SystemExit as ending:  # how a command ends
        return int(ending.code or 0)
    return 0


@contextmanager
def plain(folder: Path) -> Iterator[bool]:
    """Make a folder for a while."""
    folder.mkdir()
    yield True
    shutil.rmtree(folder)


@contextmanager
def disk(folder: Path, size: int) -> Iterator[bool]:
    """Mount a tmpfs of a size; tell whether that is allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", str(folder)], check=True)
        shutil.rmtree(folder)


def filled(job: Job, path: Path, free: int, *, streamed: bool) -> Ending:
    """Do a job on a disk with so many bytes free; make room again afterwards."""
    filler = path.with_name("filler")
    found = os.statvfs(path.parent)
    filler.write_bytes(bytes(max(found.f_bavail * found.f_frsize - free, 0)))
    ending = in_child(job, path, streamed=streamed)
    filler.unlink()
    return ending


def limited(job: Job, path: Path, free: int, *, streamed: bool) -> Ending:
    """Do a job that may write files of so many bytes."""
    return in_child(job, path, limit=free, streamed=streamed)


def judged(job: Job, path: Path, before: bytes, ending: Ending, wanted: Arrays) -> list[str]:
    """Say what is not as it must be after a job that had no room, and give it room."""
    wrong = []
    if ending.code != 1:
        wrong.append(f"exit code {ending.code}")
    if len(ending.lines) != 1 or not re.search("no room|No space|too large", ending.lines[0]):
        wrong.append(f"it said {ending.lines}")
    if path.read_bytes() != before:
        wrong.append("the study was changed")
    again = in_child(job, path)
    if again.code:
        return [*wrong, f"not continued: exit code {again.code}, {again.lines}"]
    if set(ending.told) & set(again.told):
        wrong.append("acknowledged work was done again")
    if not same(arrays_of(path), wanted):
        wrong.append("other bits")
    left = [p.name for p in path.parent.iterdir() if p != path]
    return [*wrong, f"left behind: {left}"] if left else wrong


def torture(job: Job, base: Path, wanted: Arrays, place: Path, run: Run, fills: int) -> Tally:
    """Let a job run out of room so often, at random and just below what it needs."""
    tally, draws = Tally(), random.Random(0)
    before, path = base.read_bytes(), place / "study.h5"
    little, enough = _LEAST, 0
    while sum(tally.fills.values()) < fills or not enough:
        # What it needs is found by powers of four first, then by halving, where publishing is.
        halved = (little + enough) // 2 if enough else 4 * little
        free = int(draws.uniform(_LEAST, enough)) if enough and draws.randrange(2) else halved
        path.write_bytes(before)
        ending = run(job, path, free, streamed=bool(draws.randrange(2)))
        if ending.code == 0:
            tally.roomy += 1
            enough = min(enough or free, free)
            tally.wrong += [] if same(arrays_of(path), wanted) else [f"other bits with {free} free"]
        else:
            little = max(little, free)
            tally.acknowledged += len(set(ending.told))
            tally.fills[_stage(ending.lines)] += 1
            wrong = judged(job, path, before, ending, wanted)
            tally.wrong += [f"{free} bytes: {text}" for text in wrong]
        path.unlink()
        for left in place.iterdir():
            left.unlink()
    return tally


def _stage(lines: list[str]) -> str:
    said = " ".join(lines)
    named = [name for name in ("journal", "study") if f"no room for the {name}" in said]
    return named[0] if named else "start"


def jobs(folder: Path) -> Iterator[tuple[str, Job, Path]]:
    """Yield jobs with the studies that they grow."""
    old = Analysis("x", {"a": np.arange(2000.0)}, {})
    for name, job in (("sampling", Sampling()), ("training", Training())):
        path = folder / f"{name}.h5"
        with StudyWriter(path, config={"job": name}) as writer:
            writer.put_record("analyses/x/old", old)
        yield name, job, path
    path = folder / "trained.h5"
    Study(STUDY, path, load_data).run()
    yield "landscape sample", Command("sample", "--run", NAME, "--grid", "41", "--seed", "3"), path
    analyse = Command("analyse", "--steps", "12", "--lines", "2", "--measure", "path")
    yield "landscape analyse", analyse, path


def main() -> int:
    """Run every job on every disk and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fills", type=int, default=8, help="of each job on each kind of disk")
    parser.add_argument("--only", default="", help="the job of this name")
    options = parser.parse_args()
    torch.set_num_threads(1)
    wrong = []
    print("| job | room | fills: journal | publishing | before | acknowledged | wrong |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for title, job, base in jobs(folder):
            if options.only not in ("", title):
                continue
            whole = folder / "whole.h5"
            shutil.copyfile(base, whole)
            in_child(job, whole)
            wanted = arrays_of(whole)
            for size in (0, *DISKS):
                with disk(folder / "disk", size) if size else plain(folder / "disk") as there:
                    if not there:
                        print(
                            f"| {title} | tmpfs of {size >> 20} MiB: not allowed here | | | | | |"
                        )
                        continue
                    run = filled if size else limited
                    tally = torture(job, base, wanted, folder / "disk", run, options.fills)
                room = f"tmpfs of {size >> 20} MiB" if size else "limit on files"
                done = tally.fills
                print(f"| {title} | {room} | {done['journal']} | {done['study']} | {done['start']} "
                      f"| {tally.acknowledged} | {len(tally.wrong)} |", flush=True)  # fmt: skip
                wrong += [f"{title}, {room}: {text}" for text in tally.wrong]
    print(*wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
