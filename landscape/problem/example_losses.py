"""A loss with one value for each example."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from landscape.problem import Problem, check_problem
from landscape.problem.evaluator import Evaluator
from landscape.problem.objective import Objective


def per_example_loss(objective: Objective) -> Callable[[Any, Any], Tensor]:
    """Return a loss with one value per example, [n].

    torch's losses and functions with an argument ``reduction`` are asked for ``"none"``. A loss of
    (model, batch) is taken as it is.

    Raises:
        ValueError: for a weighted mean, whose weights couple the examples.
    """
    if objective.takes_model:
        return lambda output, _: output
    function, reduction = objective.loss, objective.reduction
    if isinstance(function, nn.Module) and isinstance(getattr(function, "reduction", None), str):
        function = copy.copy(function)
        setattr(function, "reduction", "none")  # noqa: B010
    elif not isinstance(function, nn.Module) and _takes_reduction(function):
        function = partial(function, reduction="none")
    summed = reduction == "sum"

    def each(output: Any, target: Any) -> Tensor:
        values = function(output, target)
        if values.ndim < 2:
            return values
        flat = values.reshape(len(values), -1)
        return flat.sum(dim=1) if summed else flat.mean(dim=1)

    return each


def double_evaluator(problem: Problem) -> Evaluator:
    """Return what evaluates a problem in float64.

    Raises:
        ValueError: if the network cannot be evaluated in float64.
    """
    check_problem(problem)
    try:
        return problem.evaluator(dtype=torch.float64, metrics={}, standard_errors=False)
    except ValueError as error:
        if not problem.works_in(torch.float32):
            raise
        raise ValueError(
            "kinks are measured in float64, which the network does not take: a tensor that it "
            "makes or holds is of another precision; make it like the input (x.new_zeros, "
            "torch.zeros_like)"
        ) from error


def single_evaluator(problem: Problem) -> Evaluator:
    """Return what evaluates a problem in float64, whose losses belong to single examples.

    Raises:
        ValueError: if the loss of an example depends on the others in its batch, or the network
            cannot be evaluated in float64.
    """
    evaluator = double_evaluator(problem)
    problem.check_uncoupled("a measurement of kinks")
    return evaluator


def _takes_reduction(function: Any) -> bool:
    try:
        return "reduction" in inspect.signature(function).parameters
    except (TypeError, ValueError):
        return False


def checked(losses: Tensor, examples: int) -> Tensor:
    """Return ``losses`` if there is one for each example, [n].

    Raises:
        ValueError: otherwise.
    """
    if losses.shape != (examples,):
        raise ValueError(
            f"the loss must return one value for each of the examples, {examples:,}, got "
            f"shape {tuple(losses.shape)}; leave out its mean, as reduction='none' does"
        )
    return losses
