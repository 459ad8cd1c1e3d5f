"""Choosing how to evaluate, by a brief measurement."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from landscape.arrays import Floats
from landscape.evaluation.evaluator import Evaluator

_LOG = logging.getLogger(__name__)
_SECONDS = 0.15


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """How points are evaluated. Different choices differ in the last bits of their results.

    Attributes:
        strategy: ``loop`` or ``vmap``.
        chunk: points per call.
        threads: threads.
        points_per_second: what was measured, 0 if nothing was.
    """

    strategy: str
    chunk: int
    threads: int
    points_per_second: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the choice as plain values."""
        return asdict(self)


def choose_engine(
    make: Callable[[str, int, int], Evaluator],
    theta: Floats,
    *,
    strategy: str = "auto",
    chunk: int = 32,
    threads: int = 0,
) -> EngineChoice:
    """Measure the candidates briefly and return the fastest.

    One thread is measured against all: on a busy machine several can be far slower than one. A
    model that cannot be vectorised (data-dependent control flow, in-place updates of buffers) is
    evaluated point by point, with one line in the log.

    Args:
        make: makes an evaluator from (strategy, chunk, threads).
        theta: a typical point, [P].
        strategy: ``auto``, or the only strategy to consider.
        chunk: points per call of ``vmap``.
        threads: the only number of threads to consider; 0 considers one and all.

    Raises:
        ValueError: if the one strategy asked for does not work with the model.
    """
    names = ("vmap", "loop") if strategy == "auto" else (strategy,)
    counts = (threads,) if threads else tuple(sorted({1, torch.get_num_threads()}))
    if len(names) == len(counts) == 1:
        return EngineChoice(names[0], chunk if names[0] == "vmap" else 1, counts[0])
    best: EngineChoice | None = None
    for name in names:
        try:
            measured = [_measure(make, name, chunk, count, theta) for count in counts]
        except (RuntimeError, NotImplementedError) as error:
            if strategy != "auto" or name == "loop":
                raise
            _LOG.warning("vmap does not work with this model, one point at a time: %s", error)
            continue
        fastest = max(measured, key=lambda choice: choice.points_per_second)
        if best is None or fastest.points_per_second > best.points_per_second:
            best = fastest
    if best is None:
        raise ValueError("no strategy works with this model")
    return best


def _measure(
    make: Callable[[str, int, int], Evaluator], name: str, chunk: int, threads: int, theta: Floats
) -> EngineChoice:
    evaluator = make(name, chunk, threads)
    thetas = np.repeat(theta[None], evaluator.chunk, axis=0)
    evaluator(thetas)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < _SECONDS:
        evaluator(thetas)
        done += len(thetas)
    return EngineChoice(name, evaluator.chunk, threads, done / (time.perf_counter() - start))
