"""Many descents of one network at once: copies with their own rates, momenta or starts.

The parameters of K copies are stacked, [K, P], and every step is one pass over all of them
(``vmap``). What costs a small network most, calling its operations, is paid once.

Networks whose statistics are those of the batch (``batch_norm="batch"``) are trained as in torch's
training mode: every copy normalises by its own batch and keeps running statistics, by which it is
evaluated.

References:
    Ioffe and Szegedy (2015), algorithm 2.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from itertools import repeat
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from landscape.claims.one_batch import in_one_batch
from landscape.claims.optimizers import Methods, Optimizer
from landscape.problem import Problem
from landscape.problem.batch_norm import in_training, layers_with_statistics
from landscape.problem.examples import Part, count, map_tensors
from landscape.problem.examples import cast as in_precision
from landscape.records.arrays import Floats
from landscape.records.choices import check_least
from landscape.training.loop import drawn
from landscape.training.training_settings import Schedule, TrainingConfig


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """What K descents did.

    Attributes:
        losses: the loss over all examples, [K, records]; inf from where it was not finite.
        steps: optimizer steps before each record, [records].
        thetas: where they ended, [K, P]; not finite for those that diverged.
        path: where they were at every record, [records, K, P], if that was asked for.
        accuracies: share of held-out examples that is right at the end, [K], if there were any;
            NaN where the loss was not finite.
        seconds: process time of the steps, without that of the records.
    """

    losses: Floats
    steps: np.ndarray[Any, np.dtype[np.int64]]
    thetas: Floats
    path: Floats | None = None
    accuracies: Floats | None = None
    seconds: float = 0.0

    @property
    def finite_paths(self) -> dict[int, Floats]:
        """The path [records, P] of every copy that stayed finite; only with ``keep_path``."""
        paths = enumerate(np.moveaxis(np.asarray(self.path), 1, 0))
        return {copy: path for copy, path in paths if np.isfinite(path).all()}


class Stack:
    """K copies of a network, [K, P], with the loss and gradient of each.

    Args:
        problem: network, loss and data, the network one that ``vmap`` can take; only read.
        training: whether copies may normalise by their batches, if the problem says so.

    Attributes:
        network: private, in evaluation mode.
        examples: all of them, as one batch.
        theta: the network's parameters, [P].
        normalises: whether gradients are taken with the statistics of the batch.

    Raises:
        ValueError: as :func:`landscape.claims.one_batch.in_one_batch`.
    """

    def __init__(self, problem: Problem, *, training: bool = False) -> None:
        self.normalises = (
            training
            and problem.batch_norm == "batch"
            and bool(layers_with_statistics(problem.model))
        )
        taken = replace(problem, batch_norm="frozen") if self.normalises else problem
        self.network, self.examples = in_one_batch(taken)
        self.layout, self.dtype = self.network.layout, self.network.dtype
        parameters = [self.network.parameter(slot.name) for slot in self.layout.slots]
        self.theta = torch.cat([p.detach().reshape(-1) for p in parameters])
        self._losses = self._for_each(self._loss)
        self._right = self._for_each(self._share_right)

    def statistics(self, copies: int) -> dict[str, Tensor]:
        """Return the buffers of so many copies [K, ...], which :meth:`gradients` renews in place.

        None where the network does not normalise by its batches.
        """
        kept = self.network.buffers() if self.normalises else {}
        return {name: b.expand(copies, *b.shape).clone() for name, b in kept.items()}

    def losses(
        self, thetas: Tensor, examples: Part | None = None, statistics: Mapping[str, Tensor] = {}
    ) -> Tensor:
        """Return the losses [K] over some examples, by default all, by running statistics.

        Where these are not finite, the loss is infinite: what is computed by them may be finite.
        """
        chosen = self.examples if examples is None else examples
        with torch.no_grad(), self.network.ready():
            losses = self._losses(self._apart(thetas), statistics, chosen)
        for name, values in statistics.items():
            if name.endswith(("running_mean", "running_var")):
                finite = values.isfinite().flatten(1).all(dim=1)
                losses = torch.where(finite, losses, torch.inf)
        return losses

    def gradients(
        self, thetas: Tensor, examples: Part | None = None, statistics: Mapping[str, Tensor] = {}
    ) -> tuple[Tensor, Tensor]:
        """Return losses [K] and their gradients [K, P], by the statistics of these examples."""
        leaf = thetas.detach().requires_grad_()
        chosen = self.examples if examples is None else examples
        mode = in_training(self.network.module) if self.normalises else nullcontext()
        with self.network.ready(), mode:
            losses = self._losses(self._apart(leaf), statistics, chosen)
        # The copies share nothing, so that the gradient of the sum holds that of each.
        (gradients,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradients

    def accuracies(
        self, thetas: Tensor, examples: Part, statistics: Mapping[str, Tensor] = {}
    ) -> Tensor:
        """Return the share of some examples whose largest output is that of their class, [K]."""
        mine = map_tensors(lambda t: in_precision(t, self.network.device, self.dtype), examples)
        with torch.no_grad(), self.network.ready():
            return self._right(self._apart(thetas), statistics, mine)

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """Return a vector [P] as the parameters of the network, by name."""
        return {name: values[0] for name, values in self._apart(theta[None]).items()}

    def _apart(self, thetas: Tensor) -> dict[str, Tensor]:
        return {
            slot.name: thetas[:, part].reshape(-1, *slot.shape)
            for slot, part in self.layout.parts()
        }

    def _for_each(self, value: Callable[[Any, Any, int], Tensor]) -> Callable[..., Tensor]:
        """Return a function of parameters, statistics and examples, for all copies at once.

        Args:
            value: of the network's output, the targets and the number of examples.
        """

        def of_copy(parameters: dict[str, Tensor], buffers: dict[str, Tensor], part: Part) -> Any:
            def work(_: nn.Module) -> Tensor:
                output, read = self.network.output(part)
                return value(output, read[1], count(part))

            return self.network.called({**parameters, **buffers}, work)

        return cast(Callable[..., Tensor], torch.vmap(of_copy, in_dims=(0, 0, None)))

    def _loss(self, output: Any, targets: Any, examples: int) -> Tensor:
        objective = self.network.objective
        return objective.mean(output, targets, examples) * objective.over(examples)

    def _share_right(self, output: Tensor, classes: Tensor, _: int) -> Tensor:
        return (output.argmax(dim=-1) == classes).to(self.dtype).mean()


def descend(
    problem: Problem,
    methods: Methods,
    *,
    steps: int,
    batch_size: int = 0,
    record_every: int = 1,
    schedule: Schedule = "constant",
    held_out: Part | None = None,
    seed: int = 0,
    keep_path: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Descent:
    """Let K copies of a network descend from its present parameters.

    Args:
        problem: network, loss and data; see :class:`Stack`. With ``batch_norm="batch"`` every copy
            is trained by the statistics of its batches, and evaluated by running ones.
        methods: one for each copy.
        steps: optimizer steps.
        batch_size: examples per step; 0 is all.
        record_every: steps between records; the start and the end are always recorded.
        schedule: of the rates, see :class:`landscape.training.training_settings.TrainingConfig`.
        held_out: pair (inputs, classes) on which the copies are scored at the end.
        seed: of the order of the batches, the same for every copy.
        keep_path: whether the parameters at every record are kept.
        progress: called with 1 after every step.

    Raises:
        ValueError: for impossible numbers, or as :class:`Stack`.
    """
    check_least(1, steps=steps, record_every=record_every)
    check_least(0, batch_size=batch_size)
    stack, planned = Stack(problem, training=True), TrainingConfig(steps=steps, schedule=schedule)
    whole = not 0 < batch_size < count(stack.examples)
    batches = repeat(stack.examples) if whole else drawn(stack.examples, batch_size, seed)
    thetas = stack.theta.expand(len(methods.rates), -1).clone()
    statistics = stack.statistics(len(thetas))
    optimizer, log = Optimizer(methods, thetas), _Log(stack, statistics, keep_path)
    for step in range(steps):
        due = step % record_every == 0
        # The losses of a step are those of all examples, where it takes all and nothing renews.
        free = whole and not statistics
        if due and not free:
            log.record(step, thetas)
        start = time.process_time()
        losses, gradients = stack.gradients(thetas, next(batches), statistics)
        taken = optimizer.step(gradients, planned.rate_at(step, 1.0))
        log.seconds += time.process_time() - start
        if due and free:
            log.record(step, thetas, losses)
        thetas = thetas - taken
        if progress is not None:
            progress(1)
    log.record(steps, thetas)
    return log.descent(thetas, held_out)


class _Log:
    """What is noted of a descent."""

    def __init__(self, stack: Stack, statistics: Mapping[str, Tensor], keep_path: bool) -> None:
        self._stack, self._statistics, self._keep = stack, statistics, keep_path
        self._losses: list[Tensor] = []
        self._steps: list[int] = []
        self._path: list[Tensor] = []
        self.seconds = 0.0

    def record(self, step: int, thetas: Tensor, losses: Tensor | None = None) -> None:
        """Note where the copies are, and their losses over all examples."""
        if losses is None:
            losses = self._stack.losses(thetas, statistics=self._statistics)
        self._losses.append(losses)
        self._steps.append(step)
        self._path += [thetas] if self._keep else []

    def descent(self, thetas: Tensor, held_out: Part | None) -> Descent:
        """Return everything that was noted, and the score at the end."""
        curves = censored(_array(torch.stack(self._losses, dim=1)))
        accuracies = None
        if held_out is not None:
            right = self._stack.accuracies(thetas, held_out, self._statistics)
            accuracies = np.where(np.isfinite(curves[:, -1]), _array(right), np.nan)
        path = _array(torch.stack(self._path)) if self._keep else None
        return Descent(curves, np.array(self._steps), _array(thetas), path, accuracies,
                       self.seconds)  # fmt: skip


def _array(values: Tensor) -> Floats:
    return cast(Floats, values.double().cpu().numpy())


def censored(losses: Floats) -> Floats:
    """Return losses [..., records] with inf from the first that is not finite."""
    broken = np.logical_or.accumulate(~np.isfinite(losses), axis=-1)
    return np.asarray(np.where(broken, np.inf, losses))


def steps_to(losses: Floats, steps: Any, target: float) -> Floats:
    """Return the steps after which losses [..., records] first are at or below ``target``.

    Interpolated linearly in the logarithm of the loss between records, so that a comparison of
    runs is finer than a record; inf where it is never reached.

    >>> steps_to(np.array([4.0, 1.0, 0.25]), [0, 10, 20], 0.5)
    array(15.)
    """
    losses, steps = np.asarray(losses), np.asarray(steps, dtype=np.float64)
    below = losses <= target
    first = np.argmax(below, axis=-1)
    before = np.maximum(first - 1, 0)
    ends = [np.take_along_axis(losses, i[..., None], axis=-1)[..., 0] for i in (before, first)]
    with np.errstate(divide="ignore", invalid="ignore"):
        high, low = (np.log(np.maximum(end, np.finfo(float).tiny)) for end in ends)
        share = (high - np.log(target)) / (high - low)
    # A record of exactly the target, or the first record, needs no interpolation.
    share = np.where(np.isfinite(share), np.clip(share, 0, 1), 1.0)
    reached = steps[before] + share * (steps[first] - steps[before])
    return np.asarray(np.where(below.any(axis=-1), reached, np.inf))
