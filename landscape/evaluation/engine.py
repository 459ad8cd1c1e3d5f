"""The engine: loss and metrics at coordinates of a plane, in the way that was chosen."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from landscape.evaluation.choice import choose_engine, choose_threads, make_pass, threads
from landscape.evaluation.engine_settings import SamplingConfig
from landscape.evaluation.output_divergence import check_divergence, output_divergence
from landscape.evaluation.passes import EngineChoice, Pass
from landscape.evaluation.plane_problem import PlaneProblem, check_plane
from landscape.problem import Problem
from landscape.problem.evaluator import Evaluator, Values
from landscape.problem.examples import Batches, count
from landscape.problem.losses import is_cross_entropy
from landscape.problem.subsets import Subset
from landscape.records.arrays import Floats
from landscape.records.plane import Plane

_LOG = logging.getLogger(__name__)
# Sums of probabilities in half precision are so far from 1.
_ROUNDED_SUM = 1e-2
# Strategies differ by rounding; a wrong one is off by far more.
_AGREEMENT = {torch.float64: 1e-9, torch.float32: 1e-4}


class PlaneEvaluator:
    """Loss and metrics of a network at coordinates of a plane.

    Args:
        problem: network, loss and data.
        plane: a line, plane or volume of the problem's network.
        config: what is prescribed; the rest is measured.
        choice: an earlier choice, used without a measurement.
        points: number of points to come, for the choice.
        standard_errors: see :func:`landscape.sample`.
        divergence: see :func:`landscape.sample`.

    Raises:
        ValueError: if the plane does not belong to the model, for unusable data, for a divergence
            where the statistics of BatchNorm are not frozen, or for a model that is not
            deterministic in evaluation mode; the message gives the two values.
    """

    def __init__(
        self,
        problem: Problem,
        plane: Plane,
        *,
        config: SamplingConfig | None = None,
        choice: EngineChoice | None = None,
        points: int = 0,
        standard_errors: bool | None = None,
        divergence: bool = False,
    ) -> None:
        check_plane(problem, plane)
        if divergence:
            check_divergence(problem)
        config, origin = config or SamplingConfig(), plane.origin
        self.problem, self.plane, self._divergence = problem, plane, divergence
        self._evaluator = problem.evaluator(
            batch_size=config.batch_size, standard_errors=standard_errors
        )
        few = choose_threads(
            lambda: self._evaluator(origin[None]), choice.threads if choice else config.threads
        )
        with threads(few):
            self._evaluator.check_deterministic(origin)
            if _gives_probabilities(self._evaluator, origin):
                _LOG.warning(
                    "the outputs are >= 0 and sum to 1 over the classes, as if they were "
                    "probabilities; cross_entropy takes logits and applies the softmax itself: "
                    "leave it out of the network, or give another loss"
                )
            over = PlaneProblem.over(self._evaluator, origin, plane.directions)
        choice = choice or choose_engine(over, config, points=points)
        self._pass = self._checked(make_pass(over, choice, memory=config.memory_bytes))
        self.choice: EngineChoice = self._pass.choice

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of what is evaluated."""
        return (*self._pass.fields, *(["divergences"] if self._divergence else []))

    @property
    def dtype(self) -> torch.dtype:
        """Precision of the forward pass."""
        return self._evaluator.dtype

    @property
    def subset(self) -> Subset | None:
        """The examples that were drawn; None for all."""
        return self._evaluator.subset

    @property
    def batches(self) -> Batches:
        """The examples."""
        return self._evaluator.batches

    @property
    def settings(self) -> dict[str, Any]:
        """What decides the values, to the last bit, as plain values."""
        evaluator = self._evaluator
        settings: dict[str, Any] = {
            "loss": evaluator.objective.name,
            "examples": evaluator.batches.examples,
            "dtype": _named(evaluator.dtype),
            "batch_norm": evaluator.policy,
            "engine": self.choice.to_dict(),
            "device": evaluator.device.type,
        }
        model_dtype = next(evaluator.network.source.parameters()).dtype
        if model_dtype != evaluator.dtype:
            settings["model_dtype"] = _named(model_dtype)
        if evaluator.normalising_layers:
            settings["normalising_layers"] = evaluator.normalising_layers
        if not evaluator.batches.divisible:
            parts = evaluator.batches.parts
            settings |= {"batches": len(parts), "batch_size": max(map(count, parts))}
        if evaluator.subset is not None:
            settings["subset"] = {**asdict(evaluator.subset), "of": evaluator.objective.drawn_from}
        return settings

    def __call__(self, coordinates: Floats) -> Values:
        """Return each field at ``coordinates`` [K, axes] as a float64 array [K]."""
        values = self._values(self._pass, coordinates)
        if self._divergence:
            values["divergences"] = output_divergence(self.problem, self.plane, coordinates)
        return values

    def losses_at(self, thetas: Floats) -> Floats:
        """Return the loss of the same examples at any parameters, [K, P] -> [K]."""
        rows = (np.asarray(theta, dtype=np.float64)[None] for theta in thetas)
        return np.array([self._evaluator(row)["losses"][0] for row in rows])

    def _values(self, runner: Pass, coordinates: Floats) -> Values:
        points = torch.from_numpy(np.array(coordinates, dtype=np.float64))
        points = points.to(dtype=torch.float32) if self._is_mps else points
        points = points.to(self._evaluator.device)
        with torch.no_grad(), threads(runner.choice.threads):
            chunks = torch.split(points, runner.choice.chunk)
            sums = torch.cat([runner.sums(chunk) for chunk in chunks], dim=1)
        return self._evaluator.objective.values(sums, runner.batches.examples, runner.fields)

    @property
    def _is_mps(self) -> bool:
        return self._evaluator.device.type == "mps"

    def _checked(self, runner: Pass) -> Pass:
        """Compare with the slow and simple way at five points, on the first examples.

        A network whose value depends on more than its parameters and the batch would differ.
        """
        small = runner.problem.with_batches(runner.problem.batches.head(64))
        axes = runner.problem.axes
        points = np.stack([np.zeros(axes), np.full(axes, 0.1), np.linspace(-0.2, 0.3, axes),
                           np.full(axes, -1.0), np.linspace(1.0, -1.0, axes)])  # fmt: skip
        plain = EngineChoice(strategy="loop", threads=runner.choice.threads)
        expected = self._values(make_pass(small, plain), points)
        wanted = expected["losses"]
        if self._evaluator.objective.takes_model and np.ptp(wanted) == 0:
            _LOG.warning(
                "the loss is %g at five points of the plane alike: does it call the model that it "
                "is handed?", wanted[0],
            )  # fmt: skip
        # Compiling for the small batch would take as long again; the choice compared both.
        choices = [replace(runner.choice, compiled=False)]
        if runner.choice.reuse:
            choices.append(replace(runner.choice, reuse=False))
        for choice in choices:
            values = self._values(make_pass(small, choice), points)
            losses = values["losses"]
            if self._agree(values, expected, small.batches.examples):
                same = choice.reuse == runner.choice.reuse
                return runner if same else make_pass(runner.problem, choice)
            if choice.strategy == "gradient":
                raise ValueError(
                    f"gradients need a network that computes the same with autograd as without, "
                    f"got losses {losses} and {wanted}; sample without gradients"
                )
            _LOG.warning("%s gives %s where one point at a time gives %s; not used",
                         choice, losses, wanted)  # fmt: skip
        return make_pass(runner.problem, plain)

    def _agree(self, values: Values, wanted: Values, examples: int) -> bool:
        """Tell whether two ways differ by rounding; at which one example may change its class."""
        close = _AGREEMENT.get(self._evaluator.dtype, 1e-2)
        return all(
            np.allclose(values[name], wanted[name], rtol=close, equal_nan=True,
                        atol=close * 0.1 if name == "losses" else close + 1.5 / examples)
            for name in wanted
        )  # fmt: skip


def _gives_probabilities(evaluator: Evaluator, theta: Floats) -> bool:
    """Tell whether what cross-entropy is given looks like probabilities, not logits."""
    if not is_cross_entropy(evaluator.objective.loss):
        return False
    part = evaluator.batches.head(64).parts[0]
    point = torch.from_numpy(np.array(theta)).to(evaluator.dtype).to(evaluator.device)
    with torch.no_grad(), evaluator.network.ready():
        evaluator.network.write_point(point)
        output, _ = evaluator.network.output(part)
    output = getattr(output, "logits", output)
    if not isinstance(output, torch.Tensor) or output.ndim < 2 or not (output >= 0).all():
        return False
    sums = (output.double().sum(dim=axis) for axis in (1, -1) if output.shape[axis] > 1)
    return any(bool(((total - 1).abs() < _ROUNDED_SUM).all()) for total in sums)


def _named(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
