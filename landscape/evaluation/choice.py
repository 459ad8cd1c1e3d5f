"""Choosing how to evaluate, by a brief measurement."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from landscape.arrays import Floats
from landscape.evaluation.evaluator import Evaluator

_LOG = logging.getLogger(__name__)
_ROUNDS, _SECONDS = 3, 0.08


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
    chunk: int = 16,
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
        RuntimeError: if the one strategy asked for does not work with the model.
    """
    names = ("vmap", "loop") if strategy == "auto" else (strategy,)
    counts = (threads,) if threads else tuple(sorted({1, torch.get_num_threads()}))
    if len(names) == len(counts) == 1:
        return EngineChoice(names[0], chunk if names[0] == "vmap" else 1, counts[0])
    evaluators = _usable(make, names, counts, chunk, theta)
    speeds = _speeds(evaluators, theta)
    fastest = max(range(len(evaluators)), key=lambda i: speeds[i])
    chosen = evaluators[fastest]
    return EngineChoice(chosen.strategy, chosen.chunk, chosen.threads, speeds[fastest])


def _usable(
    make: Callable[[str, int, int], Evaluator],
    names: Sequence[str],
    counts: Sequence[int],
    chunk: int,
    theta: Floats,
) -> list[Evaluator]:
    """Make the candidates and call each once; leave out those that do not work."""
    usable = []
    for name in names:
        candidates = [make(name, chunk, count) for count in counts]
        try:
            candidates[0](theta[None])
        except (RuntimeError, NotImplementedError) as error:
            if name == "loop" or len(names) == 1:
                raise
            _LOG.warning("vmap does not work with this model, one point at a time: %s", error)
            continue
        usable += candidates
    return usable


def _speeds(evaluators: Sequence[Evaluator], theta: Floats) -> list[float]:
    """Measure points per second, in rounds, so that a busy moment hits all alike."""
    best = [0.0] * len(evaluators)
    for _round in range(_ROUNDS):
        for i, evaluator in enumerate(evaluators):
            thetas = np.repeat(theta[None], evaluator.chunk, axis=0)
            start, done = time.perf_counter(), 0
            while not done or time.perf_counter() - start < _SECONDS:
                evaluator(thetas)
                done += len(thetas)
            best[i] = max(best[i], done / (time.perf_counter() - start))
    return best
