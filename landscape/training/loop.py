"""Training with the path recorded.

Read from top to bottom: batches in an order that depends on the seed alone, one optimizer step
after another, a record of the parameters every few steps.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from landscape.networks.parameters import layout_of, unwrapped
from landscape.networks.randomness import keyed_generator
from landscape.problem import Problem, check_problem
from landscape.problem.batch_norm import has_finite_statistics, layers_with_statistics
from landscape.problem.evaluator import Evaluator
from landscape.problem.examples import Batches, Part, count, described, take
from landscape.problem.objective import Objective
from landscape.records.trajectory import Trajectory
from landscape.training.training_checkpoint import TrainingCheckpoint, restore, state_of
from landscape.training.training_settings import TrainingConfig, check_optimizer


def train(
    problem: Problem,
    *,
    optimizer: str = "gd",
    config: TrainingConfig | None = None,
    seed: int = 0,
    settings: dict[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
    keeping: TrainingCheckpoint | None = None,
) -> Trajectory:
    """Train the network of a problem in place and return its path.

    The same seed gives the same batches in the same order for every model. A run whose loss,
    gradient, weights or running statistics (BatchNorm) are no longer finite stops there and says
    so in ``diverged_at``; the model, with its buffers, is left as it was before that step.

    Args:
        problem: the network to train, which ends with the last finite parameters, its loss of
            (output, target) and the data.
        optimizer: ``gd`` takes the whole data set in every step; ``sgd``, ``momentum``,
            ``nesterov``, ``adam`` and ``adamw`` take batches of ``config.batch_size``.
        config: steps, rates, schedule, records.
        seed: of the order of the batches.
        settings: what to note in the trajectory.
        progress: called with 1 after every step, and with the steps that were taken earlier.
        keeping: where progress is kept and taken up again, bit for bit.

    Raises:
        ValueError: for an unknown optimizer, a loss of (model, batch), unusable data, or batches
            that cannot be joined where smaller ones are asked for.
    """
    check_problem(problem)
    check_optimizer(optimizer)
    config = config or TrainingConfig()
    objective = problem.training_objective()
    model, evaluator = problem.model, problem.evaluator(standard_errors=False)
    # Statistics are those of a batch, not of the pieces of it that fit in memory.
    normalising = layers_with_statistics(model).values()
    apart = len(evaluator.batches.parts) > 1 and not normalising
    examples = _own(problem, whole=not apart)
    stepper = _make_optimizer(model, optimizer, config)
    base = config.learning_rates[optimizer]

    log, done, generator = _Log(), 0, torch.get_rng_state()
    state = keeping.state() if keeping is not None else None
    if keeping is not None and state is not None:
        log.take_up(keeping.pieces(), hold=keeping.read is None)
        done = restore(model, stepper, state)
        if progress is not None:
            progress(done)
    batches = _batches(examples, config.batch_size_of(optimizer), seed, skip=done)
    log.record(done, model, evaluator)
    model.train()
    for step in range(done, config.steps):
        rate = config.rate_at(step, base)
        for group in stepper.param_groups:
            group["lr"] = rate
        stepper.zero_grad()
        before = _theta(model), [buffer.clone() for buffer in model.buffers()]
        batch_loss = _backward(model, objective, evaluator.network.inputs, next(batches))
        norm = _gradient_norm(model)
        stepper.step()
        length = float((_theta(model) - before[0]).double().norm())
        finite = all(map(math.isfinite, (batch_loss, norm, length)))
        if not (finite and all(map(has_finite_statistics, normalising))):
            _restore(model, *before)
            log.record(step, model, evaluator)
            log.diverged_at = step
            break
        log.facts.append((batch_loss, norm, length, rate))
        if config.is_recorded(step + 1):
            log.record(step + 1, model, evaluator)
            if keeping is not None and keeping.due(log.pending):
                keeping.put(log.piece(), state_of(model, stepper, step + 1, generator))
                log.saved(hold=keeping.read is None)
        if progress is not None:
            progress(1)
    model.eval()
    return log.trajectory(model, settings or {}, keeping)


@dataclass(slots=True)
class _Log:
    """What has been seen so far.

    Attributes:
        thetas: vectors, without the first ``dropped`` ones, which are on record.
        kept: number of records and of facts that are on record.
    """

    thetas: list[np.ndarray[Any, Any]] = field(default_factory=list)
    dropped: int = 0
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)
    facts: list[tuple[float, float, float, float]] = field(default_factory=list)
    diverged_at: int | None = None
    kept: tuple[int, int] = (0, 0)

    def record(self, step: int, model: nn.Module, evaluator: Evaluator) -> None:
        if self.steps and self.steps[-1] == step:
            return
        theta = _array(_theta(model))
        evaluator.network.renew_buffers()
        values = evaluator(theta[None].astype(np.float64))
        self.thetas.append(theta)
        self.steps.append(step)
        self.losses.append(float(values["losses"][0]))
        if "accuracies" in values:
            self.accuracies.append(float(values["accuracies"][0]))

    def piece(self) -> dict[str, Any]:
        """Return what was seen since the last piece."""
        records, facts = self.kept
        thetas = torch.from_numpy(np.stack(self.thetas[records - self.dropped :]))
        lists = {name: getattr(self, name)[records:] for name in ("steps", "losses", "accuracies")}
        return {"thetas": thetas, **lists, "facts": self.facts[facts:]}

    @property
    def pending(self) -> int:
        """Bytes of vectors that are not on record."""
        return (len(self.steps) - self.kept[0]) * self.thetas[-1].nbytes if self.thetas else 0

    def saved(self, *, hold: bool) -> None:
        """Note that all is on record now; hold the vectors or drop them."""
        self.kept = len(self.steps), len(self.facts)
        if not hold:
            self.thetas.clear()
            self.dropped = len(self.steps)

    def take_up(self, pieces: Iterator[dict[str, Any]], *, hold: bool) -> None:
        """Put together what was seen from its pieces."""
        for piece in pieces:
            self.thetas += list(piece["thetas"].numpy()) if hold else []
            for name in ("steps", "losses", "accuracies", "facts"):
                getattr(self, name).extend(piece[name])
        self.saved(hold=hold)

    def trajectory(
        self, model: nn.Module, settings: dict[str, Any], keeping: TrainingCheckpoint | None
    ) -> Trajectory:
        facts = np.array(self.facts, dtype=np.float64).reshape(-1, 4)
        return Trajectory(
            thetas=self._joined(model, keeping),
            steps=np.array(self.steps),
            losses=np.array(self.losses),
            accuracies=np.array(self.accuracies) if self.accuracies else None,
            step_losses=facts[:, 0],
            gradient_norms=facts[:, 1],
            step_lengths=facts[:, 2],
            learning_rates=facts[:, 3],
            layout=layout_of(model),
            buffers={n: _array(b).copy() for n, b in unwrapped(model).named_buffers()},
            diverged_at=self.diverged_at,
            settings=settings,
        )

    def _joined(self, model: nn.Module, keeping: TrainingCheckpoint | None) -> np.ndarray[Any, Any]:
        """All vectors, [T, P]: those on record and those in memory."""
        if not self.dropped or keeping is None or keeping.gather is None:
            return np.stack(self.thetas)
        first = _array(_theta(model))
        recorded = (piece["thetas"].numpy() for piece in keeping.pieces())
        # One row each: a stack of all would be another copy.
        blocks = itertools.chain(recorded, (theta[None] for theta in self.thetas))
        return keeping.gather((len(self.steps), len(first)), first.dtype, blocks)


def _theta(model: nn.Module) -> Tensor:
    return torch.cat([p.detach().reshape(-1) for p in model.parameters()])


def _array(values: Tensor) -> np.ndarray[Any, Any]:
    """Return values as an array; numpy has no bfloat16, which float32 holds exactly."""
    values = values.detach().cpu()
    return (values.float() if values.dtype == torch.bfloat16 else values).numpy()


def _restore(model: nn.Module, theta: Tensor, buffers: list[Tensor]) -> None:
    with torch.no_grad():
        for buffer, value in zip(model.buffers(), buffers, strict=True):
            if not torch.equal(buffer, value):  # An expanded one cannot be written.
                buffer.copy_(value)
        start = 0
        for parameter in model.parameters():
            parameter.copy_(theta[start : start + parameter.numel()].view_as(parameter))
            start += parameter.numel()


def _make_optimizer(model: nn.Module, name: str, config: TrainingConfig) -> torch.optim.Optimizer:
    parameters, decay = list(model.parameters()), config.weight_decay
    rate = config.learning_rates[name]
    if name in ("adam", "adamw"):
        kind = torch.optim.Adam if name == "adam" else torch.optim.AdamW
        return kind(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(
        parameters,
        lr=rate,
        momentum=config.momentum if name in ("momentum", "nesterov") else 0.0,
        nesterov=name == "nesterov",
        weight_decay=decay,
    )


def _backward(
    model: nn.Module, objective: Objective, inputs: Callable[..., Any], batch: list[Part]
) -> float:
    """Add the gradient of the loss over the parts of a batch; return that loss."""
    total = sum(map(count, batch))
    value = 0.0
    for part in batch:
        part, args, kwargs = inputs(part)
        mean = objective.mean(model(*args, **kwargs), part[1], count(part))
        share = mean * (count(part) * objective.over(total) / total)
        share.backward()  # type: ignore[no-untyped-call]
        value += float(share.detach())
    return value


def _gradient_norm(model: nn.Module) -> float:
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    return math.sqrt(sum(float(g.double().square().sum()) for g in gradients))


def _own(problem: Problem, *, whole: bool) -> Batches:
    """Return the examples where the network is, in its own precision.

    Args:
        problem: of the network.
        whole: whether they are one batch, as they are for a loss that couples its examples.
    """
    first = next(problem.model.parameters())
    batches = problem.batches(first.dtype).moved(first.device, first.dtype)
    return batches.whole() if whole else batches


def _batches(examples: Batches, size: int, seed: int, *, skip: int = 0) -> Iterator[list[Part]]:
    """Return batches without end, each as a list of parts that fit in memory.

    The whole data set is one batch of all its parts. Otherwise the order is new each epoch, and
    the last batch of an epoch may be smaller. The first ``skip`` batches are left out, with the
    same order thereafter.

    Raises:
        ValueError: if the data came in batches of which no others can be made.
    """
    if size <= 0 or size >= examples.examples:
        return itertools.repeat(list(examples.parts))
    if len(examples.parts) > 1 and not examples.joinable:
        forms = " and ".join(list(dict.fromkeys(map(described, examples.parts)))[:2])
        raise ValueError(
            f"batches of {size} examples need data that can be joined and drawn from, got batches "
            f"such as {forms}; pad them to one shape, or train on all in every step (optimizer gd, "
            "or batch_size=0)"
        )
    return ([part] for part in drawn(examples.joined(), size, seed, skip=skip))


def batch_at(problem: Problem, *, batch_size: int, seed: int) -> Callable[[int], Any]:
    """Return a function that gives the minibatch of a step, as :func:`train` drew it.

    Args:
        problem: what was trained on.
        batch_size: examples of a step; 0 is all of them.
        seed: of the order of the batches.

    Returns:
        A function of the steps taken before, which returns the inputs and targets of the batch in
        the problem's precision, or what takes their place if the loss is one of (model, batch).

    Raises:
        ValueError: if the examples came in batches that cannot be joined.
    """
    whole = problem.batches().whole()

    def batch(step: int) -> Any:
        inputs, targets = next(_batches(whole, batch_size, seed, skip=step))[0]
        return inputs if targets is None else (inputs, targets)

    return batch


def drawn(every: Part, size: int, seed: int, *, skip: int = 0) -> Iterator[Part]:
    """Draw batches without end, in a new order each epoch; the first ``skip`` are left out."""
    generator = keyed_generator(seed, "batches")
    while True:
        order = torch.randperm(count(every), generator=generator)
        for indices in torch.split(order, size):
            if skip:
                skip -= 1
                continue
            yield take(every, indices)
