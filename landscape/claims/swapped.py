"""The same weights and the same step, with another activation: what the kinks alone change.

Two networks that were trained apart differ in everything. Here the activation of one network is
replaced by its rounded (or kinked) copy where it stands, and the change of slope along the very
step that was taken is measured again. It is a fair control where the rounding is wide against what
a step moves the pre-activations by, and narrow against the pre-activations themselves: late in
training rather than early.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape.curvature.derivatives import LossAtPoint
from landscape.kinks.path_following import BatchOf, check_path, spread_records
from landscape.networks import activations
from landscape.networks.activations.registry import operations
from landscape.networks.watching.operations import Arguments, argument
from landscape.networks.watching.recurrent import RECURRENT
from landscape.networks.watching.running import LOSS, module_names, without_checkpoints
from landscape.networks.watching.sites import target_of
from landscape.networks.watching.watcher import Handler, Watcher
from landscape.problem import Problem
from landscape.records.arrays import Floats
from landscape.records.results import Analysis
from landscape.records.segment import step_segment
from landscape.records.trajectory import Trajectory

KIND = "swap_control"
_BEFORE = "pwl_"
# A step is gradient descent's if it is rate times gradient to this share of it.
_PLAIN = 1e-3


def control_of(activation: str) -> str | None:
    """Return the copy that an activation is compared with: of a kinked one smooth, or the reverse.

    >>> control_of("relu"), control_of("gelu"), control_of("pwl_gelu_0.5"), control_of("sigmoid")
    ('smelu_0.1', 'pwl_gelu_0.5', 'gelu', None)
    """
    if activation.startswith("smelu"):
        return "relu"
    if activation.startswith(_BEFORE):
        return activation.removeprefix(_BEFORE).rpartition("_")[0] or None
    known = {"relu": "smelu_0.1", "gelu": "pwl_gelu_0.5", "tanh": "pwl_tanh_0.5",
             "elu": "pwl_elu_0.5"}  # fmt: skip
    return known.get(activation)


class Swapping(Watcher):
    """Notes the inputs of one activation wherever a network calls it, and may put another there.

    Modules and functions (``torch.relu(x)``, ``x.relu()``) are alike; the loss is left alone. What
    is written in other operations, as ``x * (x > 0)``, is another activation.

    Args:
        place: returns the name of the module that is running.
        activation: its name in the registry.
        other: of what takes its place; None notes the inputs.

    Attributes:
        inputs: of every call that was noted, in order.

    Raises:
        ValueError: for an activation with parameters; inside, for recurrent layers of packed
            sequences, into which nobody sees.
    """

    def __init__(self, place: Callable[[], str], activation: str, other: str | None = None) -> None:
        super().__init__(place)
        trained = [name for name in (activation, other) if name and activations.get(name).learnable]
        if trained:
            raise ValueError(
                f"an activation is swapped on the same weights, and those of {trained[0]} are "
                "trained; take one without parameters"
            )
        self._names = {activation, *operations(activation)}
        self._other = activations.make(other) if other else None
        self.inputs: list[Tensor] = []

    def _handler(self, name: str, _: Arguments) -> Handler | None:
        if self._place() == LOSS:
            return None
        if name in RECURRENT:
            return self._recurrent
        return self._swap if name in self._names else None

    def _swap(self, func: Any, _: str, arguments: Arguments) -> Tensor:
        args, kwargs = arguments
        inputs = argument(arguments, 0, "input", None)
        if self._other is None:
            self.inputs.append(inputs.detach().clone())
            return func(*args, **kwargs)  # type: ignore[no-any-return]
        target = target_of(func, inputs, kwargs)
        if target is None:
            return self._other(inputs)  # type: ignore[no-any-return]
        return target.copy_(self._other(inputs.clone()))

    def _miss(self, what: str) -> None:
        raise ValueError(
            f"an activation is swapped wherever it is called, got {what} in {self._place()}, which "
            "hides its calls; give padded sequences"
        )


def swap_control(
    problem: Problem,
    trajectory: Trajectory,
    other: str,
    *,
    activation: str,
    records: Sequence[int] = (),
    knots: Sequence[float] = (0.0,),
    batch_of: BatchOf | None = None,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Measure single steps of a network again with another activation on the same weights.

    Args:
        problem: network, loss and data; its activations are modules or functions.
        trajectory: the path of an optimizer.
        other: activation in the place of the network's own, such as ``smelu_0.1`` for ReLU.
        activation: the network's, which is swapped and whose crossings are counted.
        records: where the steps end, among ``trajectory.single_steps``; none takes up to 100.
        knots: where crossings of the pre-activations are counted.
        batch_of: gives the examples of the minibatch of a step, as in :func:`landscape.along_path`.
        progress: called with 1 after every step.

    Returns:
        An analysis ``swap_control``, every array [R]: ``steps`` (before the step), ``promised``
        (g.d of the network's own loss), ``slope_change`` and ``swapped_slope_change`` (exact, from
        gradients at both ends, along the same step), ``moved`` (median over examples and units of
        how far the step moves a pre-activation), ``crossings`` (of knots, by examples and units)
        and ``undone``, the share of these that the next step takes back; NaN where nothing
        crosses, or the next step is neither on record nor that of plain gradient descent.
        ``settings`` hold ``other`` and its ``width``, the parameter of the rounded or piecewise
        linear copy.

    Raises:
        ValueError: as :class:`Swapping`, for a network that never calls the activation, or a
            trajectory without single steps.
    """
    check_path(problem, trajectory)
    chosen = list(records) or spread_records(trajectory, 100)
    at = LossAtPoint(problem)
    plain = batch_of is None and _plain(at, trajectory)
    rows = []
    for record in chosen:
        before = int(trajectory.steps[record]) - 1
        if batch_of is not None:
            at = LossAtPoint(replace(problem, data=batch_of(before), subset=None))
        row = _step(
            at, trajectory, record, np.asarray(knots), plain=plain, names=(activation, other)
        )
        rows.append({"steps": before, **row})
        if progress is not None:
            progress(1)
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    settings = {
        "other": other,
        "width": activations.get(other).parameter,
        "loss_over": "all examples" if batch_of is None else "own batch",
        "examples": at.evaluator.batches.examples,
    }
    return Analysis(KIND, arrays, settings)


def undone_share(analysis: Analysis, part: slice = slice(None)) -> float:
    """Return the share of the crossings of several steps that the next step takes back each time.

    Args:
        analysis: of kind ``swap_control``.
        part: which of its steps; those of which it is not known are left out. NaN if none is left.
    """
    crossings, undone = (analysis.arrays[name][part] for name in ("crossings", "undone"))
    known = np.isfinite(undone)
    total = crossings[known].sum()
    return float((crossings * undone)[known].sum() / total) if total else float("nan")


def _step(
    at: LossAtPoint,
    trajectory: Trajectory,
    record: int,
    knots: Floats,
    *,
    plain: bool,
    names: tuple[str, str],
) -> dict[str, float]:
    segment = step_segment(trajectory, record)
    start, step = segment.origin, segment.direction
    here, ahead = (at.gradient_at(theta) for theta in (start, start + step))
    with _swapping(at, *names):
        swapped = [at.gradient_at(theta) for theta in (start, start + step)]
    following = _next(trajectory, record, ahead if plain else None)
    places = [_inputs(at, theta, names[0]) for theta in (start, start + step)]
    crossed = [_sides(a, knots) != _sides(b, knots) for a, b in zip(*places, strict=True)]
    count = sum(int(c.sum()) for c in crossed)
    undone = float("nan")
    if count and following is not None:
        later = _inputs(at, following, names[0])
        back = sum(int((c & (_sides(a, knots) == _sides(z, knots))).sum())
                   for c, a, z in zip(crossed, places[0], later, strict=True))  # fmt: skip
        undone = back / count
    moved = torch.cat([(b - a).abs().reshape(-1) for a, b in zip(*places, strict=True)])
    return {
        "promised": float(here @ step),
        "slope_change": float((ahead - here) @ step),
        "swapped_slope_change": float((swapped[1] - swapped[0]) @ step),
        "moved": float(moved.median()),
        "crossings": count,
        "undone": undone,
    }


def _plain(at: LossAtPoint, trajectory: Trajectory) -> bool:
    """Whether the optimizer is plain gradient descent, by the last of its steps on record.

    The first step of momentum is plain too, so that it says nothing.
    """
    record = int(trajectory.single_steps[-1])
    taken = int(trajectory.steps[record]) - 1
    if not 0 < taken < len(trajectory.learning_rates):
        return False
    step = step_segment(trajectory, record)
    off = step.direction + trajectory.learning_rates[taken] * at.gradient_at(step.origin)
    return bool(np.linalg.norm(off) <= _PLAIN * step.length)


def _next(trajectory: Trajectory, record: int, gradient: Floats | None) -> Floats | None:
    """Return the parameters after the next step: on record, or one of plain gradient descent."""
    end = record % len(trajectory.steps)
    theta = np.asarray(trajectory.thetas[end], dtype=np.float64)
    if end + 1 in trajectory.single_steps:
        return np.asarray(trajectory.thetas[end + 1], dtype=np.float64)
    if gradient is None:
        return None
    # Beyond the last step the last rate goes on.
    rates = trajectory.learning_rates
    rate = float(rates[min(int(trajectory.steps[end]), len(rates) - 1)])
    return np.asarray(theta - rate * gradient)


@contextmanager
def _swapping(at: LossAtPoint, activation: str, other: str | None = None) -> Iterator[Swapping]:
    inner = at.evaluator.network.inner
    with (
        module_names(inner) as place,
        without_checkpoints(),
        Swapping(place, activation, other) as swap,
    ):
        yield swap


def _inputs(at: LossAtPoint, theta: Floats, activation: str) -> list[Tensor]:
    """Return the pre-activations of every call of an activation in every batch.

    Raises:
        ValueError: if there is no call.
    """
    at.theta = theta
    with at.in_place(), torch.no_grad(), _swapping(at, activation) as watching:
        for part in at.evaluator.batches.parts:
            at.evaluator.network.parts(part)
    if not watching.inputs:
        raise ValueError(f"the network must call {activation}, which is swapped, got no call of it")
    return watching.inputs


def _sides(inputs: Tensor, knots: Floats) -> Tensor:
    return torch.bucketize(inputs, torch.as_tensor(knots, dtype=inputs.dtype, device=inputs.device))
