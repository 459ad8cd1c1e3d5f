"""Random damage to study files and journals: an error, or the right values, and nothing else.

    python -P -m benchmarks.mutations --study 2000 --sealed 500 --journal 500

Every mutant is opened as any user's command would, and every record in it read. Counted are those
that were refused (as a whole or in part) and those that gave the right values; a wrong value, a
crash or more than two minutes make the exit code 1. What a journal has lost is work to do again,
not a wrong value. Some studies are sealed again after they were damaged, as somebody would who
wants to do harm.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from landscape.records.grid import Grid
from landscape.records.layout import Layout, Slot
from landscape.records.plane import Plane
from landscape.records.results import Analysis, Projection
from landscape.records.surface import Status, Surface
from landscape.records.trajectory import Trajectory
from landscape.store import StudyWriter, open_study
from landscape.store.codec import Record
from landscape.store.seal import BYTES, put_seal

GRID = Grid.square(21)
SECONDS = 120


def records() -> dict[str, Record]:
    """Return one record of each kind, with values that tell them apart."""
    draws = np.random.default_rng(0)
    layout = Layout((Slot("w", (5, 4), 0), Slot("b", (5,))))
    steps, one = np.arange(6), draws.standard_normal(6)
    origin, first, second = draws.standard_normal((3, 25))
    losses = draws.standard_normal(GRID.shape)
    status = np.full(GRID.shape, Status.EVALUATED, dtype=np.uint8)
    return {
        "runs/r": Trajectory(
            draws.standard_normal((6, 25)).astype(np.float32), steps, one, one, one, one, one,
            layout, settings={"activation": "relu", "seed": 0},
        ),
        "planes/p": Plane(origin, first, second, layout, "random", {"seed": 1}),
        "surfaces/s": Surface(GRID, {"losses": losses, "accuracies": losses}, status, "p", "r"),
        "projections/r@p": Projection(
            "r", "p", steps, draws.standard_normal((6, 2)), one, one, one, one
        ),
        "analyses/summary/r": Analysis("summary", {"a": draws.standard_normal(300)}, {"x": 1}),
    }  # fmt: skip


def mutated(content: bytes, draws: random.Random) -> bytes:
    """Damage bytes in one of the ways disks and transfers do."""
    data = bytearray(content)
    start = draws.randrange(len(data))
    length = min(draws.choice((1, 4, 16, 64, 512, 4096)), len(data) - start)
    match draws.randrange(8):
        case 0 | 1:
            data[start] ^= 1 << draws.randrange(8)
        case 2:
            data[start : start + length] = draws.randbytes(length)
        case 3:
            data[start : start + length] = bytes(length)
        case 4:
            data[start : start + length] = b"\xff" * length
        case 5:
            del data[start:]
        case 6:
            del data[start : start + length]
        case _:
            other = draws.randrange(len(data) - length + 1)
            data[start : start + length] = data[other : other + length]
    return bytes(data)


def torture_sealed_studies(count: int, draws: random.Random, folder: Path) -> Counter[str]:
    """Do the same with a seal that fits, which no damage has."""
    return torture_studies(count, draws, folder, sealing=True)


def torture_studies(
    count: int, draws: random.Random, folder: Path, *, sealing: bool = False
) -> Counter[str]:
    """Mutate a study file so often and return what came of it."""
    wanted, path = records(), folder / "study.h5"
    with StudyWriter(path, config={"seed": 3}, facts={"loss": "mse"}) as writer:
        for name, record in wanted.items():
            writer.put_record(name, record)
    whole = path.read_bytes()[: -BYTES if sealing else None]

    def read() -> str:
        study = open_study(path)
        if study.config != {"seed": 3} or study.attributes["loss"] != "mse":
            return "wrong"
        refused, paths = False, study.paths()
        if not set(paths) >= set(wanted) or set(paths) - set(wanted) - study.problems.keys():
            return "wrong"
        for name, record in wanted.items():
            try:
                found = study.any_record(name)
            except (ValueError, KeyError):
                refused = True
                continue
            if not same(found, record):
                return "wrong"
        return "refused in part" if refused else "right values"

    outcomes: Counter[str] = Counter()
    for _ in range(count):
        path.write_bytes(mutated(whole, draws))
        if sealing:
            put_seal(path)
        outcomes[_outcome(read)] += 1
    return outcomes


def torture_journals(count: int, draws: random.Random, folder: Path) -> Counter[str]:
    """Mutate a journal, or its write-ahead log, so often and return what came of it."""
    path = folder / "study.h5"
    pending, log, moved = _journals(path)
    outcomes: Counter[str] = Counter()
    for _ in range(count):
        for leftover in folder.iterdir():
            leftover.unlink()
        what = draws.randrange(3)
        main = (mutated(pending, draws), pending, mutated(moved, draws))[what]
        path.with_name("study.h5.journal").write_bytes(main)
        if what < 2:
            name = path.with_name("study.h5.journal-wal")
            name.write_bytes(mutated(log, draws) if what == 1 else log)
        outcomes[_outcome(lambda: _read_journal(path))] += 1
    return outcomes


def _journals(path: Path) -> tuple[bytes, bytes, bytes]:
    """Return a journal as a kill leaves it, its write-ahead log, and one that was closed."""
    wanted = records()
    writer = StudyWriter(path, config={"seed": 3})
    for name, record in wanted.items():
        writer.put_record(name, _emptied(record))
    fields = wanted["surfaces/s"].fields  # type: ignore[union-attr]
    for tile in GRID.tiles():
        writer.put_tile("surfaces/s", tile, {n: f.reshape(-1)[tile] for n, f in fields.items()})
    for number in range(3):
        writer.put_training("runs/q", bytes([number]) * 100, b"state")
    log = path.with_name("study.h5.journal-wal").read_bytes()
    pending = path.with_name("study.h5.journal").read_bytes()
    writer.close()
    return pending, log, path.with_name("study.h5.journal").read_bytes()


def _emptied(record: Record) -> Record:
    if not isinstance(record, Surface):
        return record
    return Surface.empty(GRID, tuple(record.fields), plane="p", run="r")


def _read_journal(path: Path) -> str:
    writer, lost = StudyWriter(path, config={"seed": 3}), False
    try:
        for name, record in records().items():
            found = writer.find(name)
            lost |= found is None or (isinstance(found, Surface) and not found.complete)
            if found is not None and not same(found, record):
                return "wrong"
        saved = writer.training("runs/q")
        pieces = list(saved[0]) if saved else []
        if pieces != [bytes([n]) * 100 for n in range(len(pieces))]:
            return "wrong"
        return "lost in part" if lost or len(pieces) < 3 else "right values"
    finally:
        writer.close()


def same(found: Any, wanted: Any) -> bool:
    """Whether two records hold the same; missing points of a surface are not compared."""
    if type(found) is not type(wanted):
        return False
    there = None
    if isinstance(found, Surface):
        there = found.status == Status.EVALUATED
    return all(
        _equal(getattr(found, name), getattr(wanted, name), there)
        for name in wanted.__dataclass_fields__
        if not (name == "status" and there is not None)
    )


def _equal(a: Any, b: Any, there: Any) -> bool:
    if isinstance(a, Grid):
        return all(map(np.array_equal, a.axes, b.axes))
    if isinstance(a, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        part = there if there is not None and a.shape == there.shape else ...
        return bool(np.array_equal(a[part], b[part], equal_nan=a.dtype.kind == "f"))
    if hasattr(a, "items"):
        return a.keys() == b.keys() and all(_equal(a[k], b[k], there) for k in a)
    return bool(a == b)


def _outcome(read: Callable[[], str]) -> str:
    signal.alarm(SECONDS)
    try:
        return read()
    except (ValueError, OSError) as error:
        return "refused" if "\n" not in str(error) else f"many lines: {error}"
    except Exception as error:
        return f"crash: {type(error).__name__}: {error}"
    finally:
        signal.alarm(0)


def _too_long(*_: Any) -> None:
    raise RuntimeError(f"more than {SECONDS} s")


def main() -> int:
    """Run both and print what came of the mutants."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", type=int, default=2000, help="mutants of a study file")
    parser.add_argument("--sealed", type=int, default=500, help="mutants that are sealed again")
    parser.add_argument("--journal", type=int, default=500, help="mutants of a journal")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    signal.signal(signal.SIGALRM, _too_long)
    allowed = {"refused", "refused in part", "right values", "lost in part"}
    bad = 0
    for work, count in (
        (torture_studies, options.study),
        (torture_sealed_studies, options.sealed),
        (torture_journals, options.journal),
    ):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
            os.environ["XDG_CACHE_HOME"] = cache  # what is known here is nobody else's
            outcomes = work(count, random.Random(options.seed), Path(folder))
        bad += sum(number for name, number in outcomes.items() if name not in allowed)
        said = ", ".join(f"{number} {name}" for name, number in sorted(outcomes.items()))
        what = work.__name__.removeprefix("torture_").replace("_", " ")
        print(f"{what}: {count} mutants: {said}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
