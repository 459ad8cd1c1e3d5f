"""What the journal and publishing cost a sample of 51 x 51 points.

``python -m benchmarks.storing digits mlp784`` samples each workload once into a new study, as
``landscape sample`` does: plane, tiles, publication with digests, check and fsync. The time
in the store is measured call by call and set against the time of the evaluation.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from benchmarks.workloads import NAMES, TITLES, make
from landscape.evaluation.engine import PlaneEvaluator
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.sampling import empty_surface, fill
from landscape.planes.random import random_plane
from landscape.problem import Problem
from landscape.records.grid import Grid
from landscape.store import StudyWriter

R = TypeVar("R")


def measured(name: str) -> tuple[float, float]:
    """Return the seconds of evaluation and those in the store."""
    work, grid, stored = make(name), Grid.square(51), 0.0

    def timed(call: Callable[[], R]) -> R:
        nonlocal stored
        start = time.perf_counter()
        result = call()
        stored += time.perf_counter() - start
        return result

    plane = random_plane(work.model, seed=0)
    problem = Problem(work.model, "cross_entropy", (work.inputs, work.targets))
    evaluator = PlaneEvaluator(problem, plane, config=SamplingConfig(), points=grid.size)
    surface = empty_surface(evaluator, grid)
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        begin = time.perf_counter()
        writer = timed(lambda: StudyWriter(Path(folder) / "study.h5", config={}))
        timed(lambda: writer.put_record("planes/p", plane))
        timed(lambda: writer.put_record("surfaces/s", surface))
        fill(evaluator, surface, lambda indices, values: timed(
            partial(writer.put_tile, "surfaces/s", indices, values)
        ))  # fmt: skip
        timed(writer.publish)
        timed(writer.close)
        total = time.perf_counter() - begin
    return total - stored, stored


def main() -> None:
    """Print a line for each workload."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workloads", nargs="*", choices=[*NAMES, []], default=["digits", "mlp784"])
    for name in parser.parse_args().workloads:
        evaluated, stored = measured(name)
        print(
            f"{TITLES[name]}: evaluation {evaluated:.2f} s, journal and publishing {stored:.3f} s, "
            f"{100 * stored / evaluated:.2f} %"
        )


if __name__ == "__main__":
    main()
