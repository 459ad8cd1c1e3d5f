"""Many descents of one network at once: copies with their own rates, momenta or starts.

The parameters of K copies are stacked, [K, P], and every step is one pass over all of them
(``vmap``). What costs a small network most, calling its operations, is paid once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.arrays import Floats
from landscape.evaluation.losses import resolve_loss
from landscape.parameters import layout_of
from landscape.randomness import keyed_generator

Examples = tuple[Tensor, Tensor]


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
        losses: mean loss over all examples, [K, records]; inf from where it was not finite.
        steps: optimizer steps before each record, [records].
        thetas: where they ended, [K, P]; not finite for those that diverged.
        path: where they were at every record, [records, K, P], if that was asked for.
    """

    losses: Floats
    steps: np.ndarray[Any, np.dtype[np.int64]]
    thetas: Floats
    path: Floats | None = None


class Stack:
    """K copies of a network, [K, P], with the mean loss and gradient of each.

    Args:
        model: any network that ``vmap`` can take, in evaluation mode; only read.
        loss: ``cross_entropy``, ``mse`` or a function of (output, target).
    """

    def __init__(self, model: nn.Module, loss: str | Callable[..., Tensor]) -> None:
        model.eval()
        self._model = model
        self._loss = resolve_loss(loss)[1]
        self.layout = layout_of(model)
        first = next(model.parameters())
        self.dtype = first.dtype
        self.theta = torch.cat([p.detach().reshape(-1) for p in model.parameters()])
        self._call = torch.vmap(self._one, in_dims=(0, None, None))

    def losses(self, thetas: Tensor, examples: Examples) -> Tensor:
        """Return mean losses [K]."""
        with torch.no_grad():
            return self._call(self._apart(thetas), *examples)

    def gradients(self, thetas: Tensor, examples: Examples) -> tuple[Tensor, Tensor]:
        """Return mean losses [K] and their gradients [K, P]."""
        leaf = thetas.detach().requires_grad_()
        losses = self._call(self._apart(leaf), *examples)
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

    def _one(self, parameters: dict[str, Tensor], inputs: Tensor, targets: Tensor) -> Tensor:
        output = functional_call(self._model, parameters, (inputs,))
        return self._loss(output, targets).mean()


def descend(
    model: nn.Module,
    loss: str | Callable[..., Tensor],
    examples: Examples,
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
        model: the network; left alone.
        loss: see :class:`Stack`.
        examples: pair (inputs [N, ...], targets [N]).
        methods: one for each copy.
        steps: optimizer steps.
        batch_size: examples per step; 0 is all.
        record_every: steps between records; the start and the end are always recorded.
        seed: of the order of the batches, the same for every copy.
        keep_path: whether the parameters at every record are kept.
        progress: called with 1 after every step.

    Raises:
        ValueError: for impossible numbers.
    """
    if steps < 1 or record_every < 1 or batch_size < 0:
        raise ValueError(
            "steps and record_every must be >= 1 and batch_size >= 0, got "
            f"{steps}, {record_every} and {batch_size}"
        )
    stack = Stack(model, loss)
    whole = not 0 < batch_size < len(examples[1])
    batches = _batches(examples, 0 if whole else batch_size, seed)
    rates, momenta, ahead = (torch.from_numpy(v).to(stack.dtype)[:, None] for v in
                             (methods.rates, methods.momenta, methods.nesterov))  # fmt: skip
    thetas = stack.theta.expand(len(rates), -1).clone()
    velocity = torch.zeros_like(thetas)
    found, at, path = [], [], []
    for step in range(steps):
        losses, gradients = stack.gradients(thetas, next(batches))
        if step % record_every == 0:
            found.append(losses if whole else stack.losses(thetas, examples))
            at.append(step)
            path += [thetas] if keep_path else []
        velocity = momenta * velocity + gradients
        # Plain, heavy ball: v. Nesterov: g + momentum v.
        thetas = thetas - rates * torch.where(ahead > 0, gradients + momenta * velocity, velocity)
        if progress is not None:
            progress(1)
    found.append(stack.losses(thetas, examples))
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


def _batches(examples: Examples, size: int, seed: int) -> Any:
    inputs, targets = examples
    if not size:
        while True:
            yield examples
    generator = keyed_generator(seed, "batches")
    while True:
        order = torch.randperm(len(targets), generator=generator)
        for chosen in torch.split(order, size):
            yield inputs[chosen], targets[chosen]
