"""Choosing how to evaluate, by a brief measurement on the first examples.

Best settings differ by the network, the data and what else the machine does: on a busy machine two
threads can be many times slower than one. All strategies with a few settings are measured in turn,
the slower half is dropped, and so on; then one setting after another is varied around the best.
"""

from __future__ import annotations

import logging
import math
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor

from landscape.evaluation.batched import BatchedPass, NotAChainError
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.gradients import GradientPass
from landscape.evaluation.passes import CopyPass, EngineChoice, LoopPass, Pass, VmapPass
from landscape.evaluation.plane_problem import PlaneProblem
from landscape.problem.examples import count, tensors

_LOG = logging.getLogger(__name__)
_PASSES: MappingProxyType[str, type[Pass]] = MappingProxyType(
    {kind.strategy: kind for kind in (BatchedPass, CopyPass, VmapPass, LoopPass, GradientPass)}
)
# GradientPass evaluates more than the others, and only where it is asked for.
_AUTO = ("batched", "copy", "vmap", "loop")
_SECONDS = 0.05
_THREAD_ROUNDS = 5
# One call during the measurement should not take longer; it sees fewer examples otherwise.
_LONG = 0.15
_LEAST_EXAMPLES = 128
# Compiling takes half a minute or so; it is tried only where far more can be saved.
_COMPILING_PAYS = 300.0


@dataclass(slots=True)
class _Candidate:
    """A pass and the best speed seen, in points times examples a second."""

    runner: Pass
    speed: float = 0.0

    def measure(self) -> None:
        """Run for a moment, after a first call that does not count."""
        runner = self.runner
        points = torch.zeros(runner.choice.chunk, runner.problem.axes, dtype=torch.float64)
        if not self.speed:
            _seconds(runner, points)
        done, total = 0, 0.0
        while total < _SECONDS:
            total += _seconds(runner, points)
            done += len(points)
        self.speed = max(self.speed, done * runner.batches.examples / total)


def make_pass(problem: PlaneProblem, choice: EngineChoice, *, memory: int = 1 << 30) -> Pass:
    """Make the pass of a choice.

    Args:
        problem: network, plane, examples.
        choice: strategy and settings.
        memory: bytes for what is kept of the first layers.
    """
    with torch.no_grad(), threads(choice.threads):
        return _PASSES[choice.strategy](problem, choice, most_bytes=memory)


def choose_engine(
    problem: PlaneProblem, config: SamplingConfig, *, points: int = 0
) -> EngineChoice:
    """Measure the candidates briefly and return the fastest.

    Args:
        problem: network, plane, examples.
        config: what is prescribed; everything else is measured.
        points: number of points to come, which decides whether compiling may pay.

    Raises:
        ValueError: for settings that do not evaluate this problem.
        Exception: whatever the one strategy prescribed raises with this network.
    """
    if config.compile == "always" and not problem.plain:
        raise ValueError(
            "a compiled network evaluates losses of (output, target) without recalibrated "
            "statistics, got compile 'always'; leave it at 'auto'"
        )
    counts = (config.threads,) if config.threads else tuple(sorted({1, torch.get_num_threads()}))
    able = tuple(name for name in _AUTO if not problem.refusal(name))
    names = able if config.strategy == "auto" else (config.strategy,)
    starts = [_default(name, problem, config) for name in names]
    if config.fixed:
        return replace(starts[0], threads=counts[0])
    starts = _usable(problem.with_batches(problem.batches.head(_LEAST_EXAMPLES)), starts, config)
    small = _smaller(problem, starts[0], config)
    coarse, fine = _batch_sizes(problem, small, config)
    choices = [
        replace(start, batch_size=size, threads=number)
        for start in starts
        for size in coarse
        for number in counts
    ]
    best = _fastest(_candidates(small, choices, config))
    for setting, values in _around(best.runner.choice, problem, fine, config):
        varied = [replace(best.runner.choice, **{setting: value}) for value in values]  # type: ignore[arg-type]
        best = _fastest([best, *_candidates(small, varied, config)])
    rate = best.speed / problem.batches.examples
    if problem.plain and _worth_compiling(best.runner.choice, config, points / rate):
        compiled = _compiled(small, best.runner.choice, config)
        best = _fastest([best, compiled]) if compiled else best
        rate = best.speed / problem.batches.examples
    return replace(best.runner.choice, points_per_second=float(f"{rate:.4g}"))


def _default(strategy: str, problem: PlaneProblem, config: SamplingConfig) -> EngineChoice:
    """Return where the search for a strategy begins."""
    at_once = strategy in ("vmap", "batched")
    return EngineChoice(
        strategy=strategy,
        chunk=(config.chunk or 8) if at_once else 1,
        batch_size=config.batch_size if problem.batches.divisible else 0,
        threads=config.threads,
        reuse=config.reuse and problem.plain and strategy not in ("loop", "gradient"),
        channels_last=problem.convolutional and strategy == "copy",
        compiled=config.compile == "always" and strategy == "copy",
    )


def _batch_sizes(
    problem: PlaneProblem, small: PlaneProblem, config: SamplingConfig
) -> tuple[list[int], list[int]]:
    """Return the batch sizes to begin with, and those to try around the best."""
    if config.batch_size or not problem.batches.divisible:
        return [config.batch_size if problem.batches.divisible else 0], []
    coarse, fine = ([64, 256], [32, 128]) if problem.convolutional else ([256, 1024], [128, 512])
    most = small.batches.examples
    return [n for n in coarse if n <= most] or [most], [n for n in fine if n <= most]


def _around(
    best: EngineChoice, problem: PlaneProblem, batch_sizes: list[int], config: SamplingConfig
) -> Iterator[tuple[str, Sequence[object]]]:
    """Yield what is varied around the best, with the values to try."""
    if batch_sizes:
        yield "batch_size", batch_sizes
    if not config.chunk and best.strategy in ("vmap", "batched"):
        yield "chunk", (4, 16, 32)
    if best.reuse and problem.convolutional:
        yield "reuse", (False,)


def _smaller(problem: PlaneProblem, choice: EngineChoice, config: SamplingConfig) -> PlaneProblem:
    """Return the problem over so many examples that one call takes a moment."""
    examples = min(_LEAST_EXAMPLES, problem.batches.examples)
    head = problem.with_batches(problem.batches.head(examples))
    runner = make_pass(head, choice, memory=config.memory_bytes)
    points = torch.zeros(choice.chunk, problem.axes, dtype=torch.float64)
    seconds = min(_seconds(runner, points) for _ in range(2))
    more = int(examples * _LONG / max(seconds, 1e-6) / 4)
    return problem.with_batches(problem.batches.head(max(more, examples)))


def _usable(
    problem: PlaneProblem, choices: Sequence[EngineChoice], config: SamplingConfig
) -> list[EngineChoice]:
    """Leave out the strategies that do not work with the network, and ``loop`` if another does."""
    usable: list[EngineChoice] = []
    for choice in choices:
        if choice.strategy == "loop" and usable:
            continue
        if choice.strategy == "vmap" and any(other.strategy == "batched" for other in usable):
            continue
        working, error = _tried(problem, choice, config)
        if working is not None:
            usable.append(working)
        elif error is not None and len(choices) == 1:
            raise error
        elif error is not None:
            level = logging.DEBUG if isinstance(error, NotAChainError) else logging.WARNING
            _LOG.log(level, "%s does not work with this network (%s)", choice.strategy,
                     _reason(error))  # fmt: skip
    return usable


def _tried(
    problem: PlaneProblem, choice: EngineChoice, config: SamplingConfig
) -> tuple[EngineChoice | None, Exception | None]:
    """Return the choice as far as it works, or the error.

    A user's network may raise anything when it is copied, traced or vectorised, and may read the
    weights of a layer whose output is given.
    """
    error: Exception | None = None
    for reuse in (True, False) if choice.reuse else (False,):
        try:
            runner = make_pass(problem, replace(choice, reuse=reuse), memory=config.memory_bytes)
            _seconds(runner, torch.zeros(2, problem.axes, dtype=torch.float64))
        except Exception as failure:
            error = failure
        else:
            return replace(choice, reuse=runner.first is not None), None
    return None, error


def _reason(error: Exception) -> str:
    """Name the operator that cannot be vectorised, or say what was said."""
    text = " ".join(str(error).split())
    operator = re.search(r"aten::\w+|\.item\(\)", text)
    return operator[0] if operator else text[:120] or type(error).__name__


def _candidates(
    problem: PlaneProblem, choices: Sequence[EngineChoice], config: SamplingConfig
) -> list[_Candidate]:
    fitting = [choice for choice in choices if _fits(problem, choice, config)] or list(choices[:1])
    return [
        _Candidate(make_pass(problem, choice, memory=config.memory_bytes)) for choice in fitting
    ]


def _fits(problem: PlaneProblem, choice: EngineChoice, config: SamplingConfig) -> bool:
    """Whether the inputs of a pass, a rough measure of its activations, stay within the budget."""
    inputs = next(tensors(problem.batches.parts[0]), torch.zeros(1))
    batch = choice.batch_size or max(map(count, problem.batches.parts))
    entries = inputs.shape[1:].numel() * batch * (choice.chunk if choice.strategy != "copy" else 1)
    return 16 * 4 * entries <= config.memory_bytes


def _fastest(candidates: list[_Candidate]) -> _Candidate:
    """Measure all in turn, drop the slower half, and so on.

    The best speed of each counts: a busy moment makes slower, nothing makes faster.
    """
    while True:
        for candidate in candidates:
            candidate.measure()
        if len(candidates) == 1:
            return candidates[0]
        candidates = sorted(candidates, key=lambda c: -c.speed)[: (len(candidates) + 1) // 2]


def _seconds(runner: Pass, points: Tensor) -> float:
    start = time.perf_counter()
    with torch.no_grad(), threads(runner.choice.threads):
        # Reading the result waits for a device that works in the background.
        runner.sums(points).cpu()
    return time.perf_counter() - start


def _worth_compiling(choice: EngineChoice, config: SamplingConfig, seconds: float) -> bool:
    return (
        config.compile == "auto"
        and choice.strategy == "copy"
        and seconds > _COMPILING_PAYS
        and any(shutil.which(name) for name in ("g++", "gcc", "clang++", "clang", "c++"))
    )


def _compiled(
    problem: PlaneProblem, choice: EngineChoice, config: SamplingConfig
) -> _Candidate | None:
    _LOG.info("compiling the network, because the grid is large; this takes up to a minute")
    try:
        point = torch.zeros(1, problem.axes, dtype=torch.float64)
        plain, runner = (
            make_pass(problem, replace(choice, compiled=c), memory=config.memory_bytes)
            for c in (False, True)
        )
        with torch.no_grad():
            wanted, compiled = plain.sums(point), runner.sums(point)
        if not torch.allclose(wanted, compiled, rtol=1e-3, equal_nan=True):
            raise RuntimeError(f"compiled it gives {compiled[0, 0]}, else {wanted[0, 0]}")
    except Exception as error:
        _LOG.warning("the network does not compile, going on without: %s", _reason(error))
        return None
    return _Candidate(runner)


def choose_threads(work: Callable[[], object], wanted: int = 0) -> int:
    """Return one or all threads, whichever does ``work`` faster; ``wanted`` if that is not 0."""
    if wanted:
        return wanted
    best: dict[int, float] = {}
    for _round in range(_THREAD_ROUNDS):
        for number in sorted({1, torch.get_num_threads()}):
            start = time.perf_counter()
            with threads(number):
                work()
            best[number] = min(best.get(number, math.inf), time.perf_counter() - start)
    return min(best, key=lambda number: best[number])


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Use so many threads for a while; 0 leaves torch's setting."""
    before = torch.get_num_threads()
    if number:
        torch.set_num_threads(number)
    try:
        yield
    finally:
        if number:
            torch.set_num_threads(before)
