"""The same weights and the same step, with another activation: what the kinks alone change.

Two networks that were trained apart differ in everything. Here the activation of one network is
replaced by its rounded (or kinked) copy where it stands, and the change of slope along the very
step that was taken is measured again. It is a fair control where the rounding is wide against what
a step moves the pre-activations by, and narrow against the pre-activations themselves: late in
training rather than early.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from landscape.claims.watching import activation_modules
from landscape.curvature.derivatives import LossAtPoint
from landscape.kinks.path_following import BatchOf, check_path, spread_records
from landscape.networks import activations
from landscape.networks.parameters import layout_of, unflatten
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


def swapped_modules(model: nn.Module, own: str | None = None) -> dict[str, nn.Module]:
    """Return the activations of a network that are swapped, by every name they have.

    Args:
        model: has activations that are modules; activations called as functions are not seen.
        own: name in the registry of those that are meant; None needs a network with one kind.

    Raises:
        ValueError: if there are none of these, or several kinds and none is named.
    """
    known = activation_modules(model)
    kinds = {type(module) for module in known.values()}
    if own is not None:
        kinds = {type(activations.make(own))}
        known = {name: module for name, module in known.items() if type(module) in kinds}
    if len(kinds) > 1 or not known:
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        raise ValueError(
            f"one kind of activation is swapped, got {names} ({len(known)} of them in the "
            "network); name the one that is meant, as own='relu'"
        )
    chosen = {id(module) for module in known.values()}
    return {name: module for name, module in model.named_modules(remove_duplicate=False)
            if id(module) in chosen}  # fmt: skip


def with_activation(model: nn.Module, activation: str, own: str | None = None) -> nn.Module:
    """Return a copy of a network in which one kind of activation is another one.

    Args:
        model: as in :func:`swapped_modules`; only read.
        activation: name in the registry of what takes its place.
        own: as there.

    Raises:
        ValueError: as there, or if parameters come or go with the activation.
    """
    other = copy.deepcopy(model)
    for name in swapped_modules(other, own):
        other.set_submodule(name, activations.make(activation))
    if layout_of(other) != layout_of(model):
        raise ValueError(
            f"an activation is swapped on the same weights, and those of {activation} or of the "
            "one it replaces are trained; take one without parameters"
        )
    return other.train(model.training)


def swap_control(
    problem: Problem,
    trajectory: Trajectory,
    other: str,
    *,
    own: str | None = None,
    records: Sequence[int] = (),
    knots: Sequence[float] = (0.0,),
    batch_of: BatchOf | None = None,
    progress: Callable[[int], None] | None = None,
) -> Analysis:
    """Measure single steps of a network again with another activation on the same weights.

    Args:
        problem: network, loss and data; its activations are modules without parameters.
        trajectory: the path of an optimizer.
        other: activation in the place of the network's own, such as ``smelu_0.1`` for ReLU.
        own: the network's activation that is swapped and whose crossings are counted; None needs a
            network with one kind.
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
        ValueError: as :func:`with_activation`, or for a trajectory without single steps.
    """
    check_path(problem, trajectory)
    swapped = replace(problem, model=with_activation(problem.model, other, own))
    chosen = list(records) or spread_records(trajectory, 100)
    at = tuple(map(LossAtPoint, (problem, swapped)))
    plain = batch_of is None and _plain(at[0], trajectory)
    rows = []
    for record in chosen:
        before = int(trajectory.steps[record]) - 1
        if batch_of is not None:
            data = batch_of(before)
            at = tuple(LossAtPoint(replace(one, data=data, subset=None))
                       for one in (problem, swapped))  # fmt: skip
        row = _step(at, trajectory, record, np.asarray(knots), plain=plain, own=own)
        rows.append({"steps": before, **row})
        if progress is not None:
            progress(1)
    arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    settings = {
        "other": other,
        "width": activations.get(other).parameter,
        "loss_over": "all examples" if batch_of is None else "own batch",
        "examples": at[0].evaluator.batches.examples,
    }
    return Analysis(KIND, arrays, settings)


def undone_share(found: Analysis, part: slice = slice(None)) -> float:
    """Return the share of the crossings of several steps that the next step takes back each time.

    Args:
        found: an analysis ``swap_control``.
        part: which of its steps; those of which it is not known are left out. NaN if none is left.
    """
    crossings, undone = (found.arrays[name][part] for name in ("crossings", "undone"))
    known = np.isfinite(undone)
    total = crossings[known].sum()
    return float((crossings * undone)[known].sum() / total) if total else float("nan")


def _step(
    at: tuple[LossAtPoint, ...],
    trajectory: Trajectory,
    record: int,
    knots: Floats,
    *,
    plain: bool,
    own: str | None,
) -> dict[str, float]:
    segment = step_segment(trajectory, record)
    start, step = segment.origin, segment.direction
    (here, ahead), swapped = (_gradients(one, start, step) for one in at)
    following = _next(trajectory, record, ahead if plain else None)
    places = [_inputs(at[0], theta, own) for theta in (start, start + step)]
    crossed = [_sides(a, knots) != _sides(b, knots) for a, b in zip(*places, strict=True)]
    count = sum(int(c.sum()) for c in crossed)
    undone = float("nan")
    if count and following is not None:
        later = _inputs(at[0], following, own)
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


def _gradients(at: LossAtPoint, start: Floats, step: Floats) -> tuple[Floats, Floats]:
    """Return the gradients at both ends of a step."""
    found = []
    for theta in (start, start + step):
        at.theta = theta
        found.append(at.gradient())
    return found[0], found[1]


def _plain(at: LossAtPoint, trajectory: Trajectory) -> bool:
    """Whether the optimizer is plain gradient descent, by the last of its steps on record.

    The first step of momentum is plain too, so that it says nothing.
    """
    record = int(trajectory.single_steps[-1])
    taken = int(trajectory.steps[record]) - 1
    if not 0 < taken < len(trajectory.learning_rates):
        return False
    step = step_segment(trajectory, record)
    at.theta = step.origin
    off = step.direction + trajectory.learning_rates[taken] * at.gradient()
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


def _inputs(at: LossAtPoint, theta: Floats, own: str | None) -> list[Tensor]:
    """Return the pre-activations of every call of an activation in every batch."""
    network = at.evaluator.network
    values = torch.from_numpy(np.array(theta)).to(at.evaluator.dtype).to(at.evaluator.device)
    tensors = {**network.buffers(), **unflatten(values, network.layout)}
    seen: list[Tensor] = []
    modules = {id(m): m for m in swapped_modules(network.inner, own).values()}.values()
    hooks = [
        module.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach().clone()))
        for module in modules
    ]
    try:
        with network.ready(), torch.no_grad():
            for part in at.evaluator.batches.parts:
                _, args, kwargs = network.inputs(part)
                network.called(tensors, lambda net: net(*args, **kwargs))  # noqa: B023
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def _sides(inputs: Tensor, knots: Floats) -> Tensor:
    return torch.bucketize(inputs, torch.as_tensor(knots, dtype=inputs.dtype, device=inputs.device))
