"""The engine: loss and metrics at coordinates of a plane, in the way that was chosen."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from landscape.arrays import Floats
from landscape.config.study import SamplingConfig
from landscape.evaluation.choice import choose_engine, choose_threads, make_pass, threads
from landscape.evaluation.evaluator import Evaluator, Values, as_means
from landscape.evaluation.losses import LossFunction
from landscape.evaluation.passes import EngineChoice, Pass
from landscape.evaluation.problem import Problem

_LOG = logging.getLogger(__name__)
# Strategies differ by rounding; a wrong one is off by far more.
_AGREEMENT = {torch.float64: 1e-9, torch.float32: 1e-3}


class PlaneEvaluator:
    """Loss and metrics of a network at coordinates of a plane.

    Args:
        model: any module; never moved, not even during a call.
        loss: name or function; see :func:`landscape.evaluation.losses.make_objective`.
        data: see :func:`landscape.evaluation.examples.as_batches`.
        origin: parameters at (0, ..., 0), [P].
        directions: one row per axis, [axes, P].
        dtype: precision of the forward pass; None takes that of the first parameter.
        metrics: by name; None takes ``accuracies`` for a classification.
        config: what is prescribed, the rest is measured.
        choice: an earlier choice, taken as it is.
        points: number of points to come, for the choice.

    Raises:
        ValueError: for unusable data, an unknown loss, or a model that is not deterministic in
            evaluation mode; the message gives the two values.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: str | LossFunction,
        data: Any,
        *,
        origin: Floats,
        directions: Floats,
        dtype: torch.dtype | None = None,
        metrics: Mapping[str, LossFunction] | None = None,
        config: SamplingConfig | None = None,
        choice: EngineChoice | None = None,
        points: int = 0,
    ) -> None:
        first = next(model.parameters(), None)
        if first is None:
            raise ValueError("the model has no parameters; nothing can be varied")
        config = config or SamplingConfig()
        self._evaluator = Evaluator(model, loss, data, dtype=dtype or first.dtype, metrics=metrics)
        few = choose_threads(
            lambda: self._evaluator(origin[None]), choice.threads if choice else config.threads
        )
        with threads(few):
            self._evaluator.check_deterministic(origin)
            problem = Problem(self._evaluator, origin, directions, self._evaluator.batches)
            problem = _uncoupled(problem)
        chosen = choice or choose_engine(problem, config, points=points)
        self._pass = self._checked(make_pass(problem, chosen, memory=config.memory_bytes))
        self.choice: EngineChoice = self._pass.choice

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated."""
        return self._pass.fields

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the values, to the last bit, as plain values."""
        return {
            "loss": self._evaluator.objective.name,
            "examples": self._evaluator.batches.examples,
            "dtype": str(self._evaluator.dtype).removeprefix("torch."),
            "batch_norm": "frozen",
            "engine": self.choice.to_dict(),
            "device": self._evaluator.device.type,
        }

    def __call__(self, coordinates: Floats) -> Values:
        """Return each field at ``coordinates`` [K, axes] as a float64 array [K]."""
        return self._values(self._pass, coordinates)

    def _values(self, runner: Pass, coordinates: Floats) -> Values:
        points = torch.from_numpy(np.array(coordinates, dtype=np.float64))
        points = points.to(dtype=torch.float32) if self._is_mps else points
        points = points.to(self._evaluator.device)
        with torch.no_grad(), threads(runner.choice.threads):
            chunks = torch.split(points, runner.choice.chunk)
            sums = torch.cat([runner.sums(chunk) for chunk in chunks], dim=1)
        return as_means(sums, runner.batches.examples, runner.fields)

    @property
    def _is_mps(self) -> bool:
        return self._evaluator.device.type == "mps"

    def _checked(self, runner: Pass) -> Pass:
        """Compare with the slow and simple way at three points, on the first examples.

        A network whose value depends on more than its parameters and the batch would differ.
        """
        small = runner.problem.with_batches(runner.problem.batches.head(64))
        axes = runner.problem.axes
        points = np.stack([np.zeros(axes), np.full(axes, 0.1), np.linspace(-0.2, 0.3, axes)])
        plain = EngineChoice(strategy="loop", threads=runner.choice.threads)
        wanted = self._values(make_pass(small, plain), points)["losses"]
        # Compiling for the small batch would take as long again; the choice compared both.
        choices = [replace(runner.choice, compiled=False)]
        if runner.choice.reuse:
            choices.append(replace(runner.choice, reuse=False))
        for choice in choices:
            found = self._values(make_pass(small, choice), points)["losses"]
            close = _AGREEMENT.get(self._evaluator.dtype, 1e-2)
            if np.allclose(found, wanted, rtol=close, atol=close, equal_nan=True):
                same = choice.reuse == runner.choice.reuse
                return runner if same else make_pass(runner.problem, choice)
            if choice.strategy == "gradient":
                raise ValueError(
                    f"gradients need a network that computes the same with autograd as without, "
                    f"got losses {found} and {wanted}; sample without gradients"
                )
            _LOG.warning("%s gives %s where one point at a time gives %s; not used",
                         choice, found, wanted)  # fmt: skip
        return make_pass(runner.problem, plain)


def _uncoupled(problem: Problem) -> Problem:
    """Keep the batches as they are if the loss of an example depends on the others in its batch."""
    batches = problem.batches.head(64)
    if not problem.batches.divisible or batches.examples < 2:
        return problem
    point, whole = torch.zeros(1, problem.axes, dtype=torch.float64), EngineChoice()
    halves = replace(whole, batch_size=batches.examples // 2)
    with torch.no_grad():
        one, two = (
            float(make_pass(problem.with_batches(batches), choice).sums(point)[0, 0])
            for choice in (whole, halves)
        )
    if np.isclose(one, two, rtol=1e-3, atol=1e-6, equal_nan=True):
        return problem
    _LOG.warning(
        "the loss of an example depends on the others in its batch (%g in one batch, %g in two): "
        "all are kept in one", one, two,
    )  # fmt: skip
    return problem.with_batches(replace(problem.batches.cut(problem.batches.examples),
                                        divisible=False))  # fmt: skip
