"""Many descents of one network at once: copies with their own rates, momenta or starts.

The parameters of K copies are stacked, [K, P], and every step is one pass over all of them
(``vmap``). What costs a small network most, calling its operations, is paid once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from landscape.arrays import Floats
from landscape.dynamics.one_batch import in_one_batch
from landscape.evaluation.examples import Part, count, take
from landscape.problem import Problem
from landscape.randomness import keyed_generator


@dataclass(frozen=True, slots=True, eq=False)
class Methods:
    """K ways to descend; torch's SGD: v <- momentum v + g, theta <- theta - rate v.

    Attributes:
        rates: learning rates, [K].
        momenta: [K]; 0 is gradient descent.
        nesterov: whether the step is ``rate (g + momentum v)`` instead, [K].
    """

    rates: Floats
    momenta: Floats
    nesterov: Floats

    def __post_init__(self) -> None:
        count = np.shape(self.rates)
        for name in ("rates", "momenta", "nesterov"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            if len(count) != 1 or values.shape != count:
                raise ValueError(f"{name} must have shape {count} = (K,), got {values.shape}")
            object.__setattr__(self, name, values)
        if not (self.rates > 0).all():
            raise ValueError(f"rates must be > 0, got {self.rates.min():g}")
        if not ((self.momenta >= 0) & (self.momenta < 1)).all():
            raise ValueError("momenta must be in [0, 1)")


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """What K descents did.

    Attributes:
        losses: the loss over all examples, [K, records]; inf from where it was not finite.
        steps: optimizer steps before each record, [records].
        thetas: where they ended, [K, P]; not finite for those that diverged.
        path: where they were at every record, [records, K, P], if that was asked for.
    """

    losses: Floats
    steps: np.ndarray[Any, np.dtype[np.int64]]
    thetas: Floats
    path: Floats | None = None


class Stack:
    """K copies of a network, [K, P], with the loss and gradient of each.

    Args:
        problem: network, loss and data, the network one that ``vmap`` can take; only read.

    Attributes:
        network: private, in evaluation mode.
        examples: all of them, as one batch.
        theta: the network's parameters, [P].

    Raises:
        ValueError: as :func:`landscape.dynamics.one_batch.in_one_batch`.
    """

    def __init__(self, problem: Problem) -> None:
        self.network, self.examples = in_one_batch(problem)
        self.layout, self.dtype = self.network.layout, self.network.dtype
        own = [self.network.parameter(slot.name) for slot in self.layout.slots]
        self.theta = torch.cat([p.detach().reshape(-1) for p in own])
        self._call = torch.vmap(self._one, in_dims=(0, None))

    def losses(self, thetas: Tensor, examples: Part | None = None) -> Tensor:
        """Return the losses [K] over some examples, by default all."""
        with torch.no_grad(), self.network.ready():
            return self._call(self._apart(thetas), self.examples if examples is None else examples)

    def gradients(self, thetas: Tensor, examples: Part | None = None) -> tuple[Tensor, Tensor]:
        """Return losses [K] as :meth:`losses`, and their gradients [K, P]."""
        leaf = thetas.detach().requires_grad_()
        with self.network.ready():
            chosen = self.examples if examples is None else examples
            losses = self._call(self._apart(leaf), chosen)
        # The copies share nothing, so that the gradient of the sum holds that of each.
        (gradients,) = torch.autograd.grad(losses.sum(), leaf)
        return losses.detach(), gradients

    def named(self, theta: Tensor) -> dict[str, Tensor]:
        """Return a vector [P] as the parameters of the network, by name."""
        return {name: values[0] for name, values in self._apart(theta[None]).items()}

    def _apart(self, thetas: Tensor) -> dict[str, Tensor]:
        return {
            slot.name: thetas[:, part].reshape(-1, *slot.shape)
            for slot, part in self.layout.parts()
        }

    def _one(self, parameters: dict[str, Tensor], examples: Part) -> Tensor:
        objective, number = self.network.objective, count(examples)

        def loss(_: nn.Module) -> Tensor:
            output, read = self.network.output(examples)
            return objective.mean(output, read[1], number) * objective.over(number)

        return cast(Tensor, self.network.called(parameters, loss))


def descend(
    problem: Problem,
    methods: Methods,
    *,
    steps: int,
    batch_size: int = 0,
    record_every: int = 1,
    seed: int = 0,
    keep_path: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Descent:
    """Let K copies of a network descend from its present parameters.

    Args:
        problem: network, loss and data; see :class:`Stack`.
        methods: one for each copy.
        steps: optimizer steps.
        batch_size: examples per step; 0 is all.
        record_every: steps between records; the start and the end are always recorded.
        seed: of the order of the batches, the same for every copy.
        keep_path: whether the parameters at every record are kept.
        progress: called with 1 after every step.

    Raises:
        ValueError: for impossible numbers, or as :class:`Stack`.
    """
    if steps < 1 or record_every < 1 or batch_size < 0:
        raise ValueError(
            "steps and record_every must be >= 1 and batch_size >= 0, got "
            f"{steps}, {record_every} and {batch_size}"
        )
    stack = Stack(problem)
    whole = not 0 < batch_size < count(stack.examples)
    batches = _batches(stack.examples, 0 if whole else batch_size, seed)
    rates, momenta, ahead = (torch.from_numpy(v).to(stack.dtype)[:, None] for v in
                             (methods.rates, methods.momenta, methods.nesterov))  # fmt: skip
    thetas = stack.theta.expand(len(rates), -1).clone()
    velocity = torch.zeros_like(thetas)
    found, at, path = [], [], []
    for step in range(steps):
        losses, gradients = stack.gradients(thetas, next(batches))
        if step % record_every == 0:
            found.append(losses if whole else stack.losses(thetas))
            at.append(step)
            path += [thetas] if keep_path else []
        velocity = momenta * velocity + gradients
        # Plain, heavy ball: v. Nesterov: g + momentum v.
        thetas = thetas - rates * torch.where(ahead > 0, gradients + momenta * velocity, velocity)
        if progress is not None:
            progress(1)
    found.append(stack.losses(thetas))
    at.append(steps)
    path += [thetas] if keep_path else []
    curves = torch.stack(found, dim=1).double().cpu().numpy()
    ways = torch.stack(path).double().cpu().numpy() if keep_path else None
    return Descent(censored(curves), np.array(at), thetas.double().cpu().numpy(), ways)


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


def _batches(examples: Part, size: int, seed: int) -> Iterator[Part]:
    if not size:
        while True:
            yield examples
    generator = keyed_generator(seed, "batches")
    while True:
        order = torch.randperm(count(examples), generator=generator)
        for chosen in torch.split(order, size):
            yield take(examples, chosen)
