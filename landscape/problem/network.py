"""A network with its loss that belong to nobody else, at any parameters.

A point is written into a private copy of the network, and stays there until every derivative has
been taken: what runs the network again on the way back (checkpoints, reversible blocks, adjoints)
finds the same parameters as on the way forth. The user's network, loss and data are only
read. A network that cannot be copied takes part itself, under a lock, and gets its own parameters
and buffers back afterwards.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.func import functional_call

from landscape.networks.parameters import evaluation_mode, layout_of
from landscape.problem.batch_loss import BatchLoss, ModelOnBatch
from landscape.problem.batch_norm import (
    BatchNorm,
    forget_statistics,
    in_training,
    layers_with_statistics,
    pooled_statistics,
    put_statistics,
)
from landscape.problem.copying import Copies, plain_state
from landscape.problem.examples import (
    Batches,
    Part,
    arguments,
    cast,
    count,
    described,
    map_tensors,
)
from landscape.problem.objective import Objective, Totals
from landscape.records.layout import Layout

_LOG = logging.getLogger(__name__)
# What torch says where a checkpoint is cut off from the parameters before it.
CUT_OFF = "None of the inputs have requires_grad=True"
# What torch says of tensors in two precisions.
_PRECISION = (
    "same dtype", "scalar type", "but found Float", "but found Double", "bias type", "weight dtype",
    "dtypes match", "self.dtype to be equal", "expected dtype",
)  # fmt: skip
_LOCKS: WeakKeyDictionary[nn.Module, threading.RLock] = WeakKeyDictionary()


class Network:
    """A network with its loss and metrics in one precision on one device.

    Args:
        model: any module, unwrapped; only read.
        objective: its loss and metrics; those that close over tensors or networks are copied too.
        dtype: precision of the forward pass.
        device: where it runs; None leaves it where the model is.
        batch_norm: which statistics normalise; see :mod:`landscape.problem.batch_norm`.
        private: whether the model is copied; without it the model itself takes part.

    Attributes:
        module: what runs.
        objective: the loss and metrics that go with it.
        private: whether ``module`` is a copy.
        meets_network: whether the loss itself looks at the network (its weights, another pass).
        meets_weight: whether it, or a plain attribute of the network, holds a weight by itself, and
            not the network that has it.
        in_place: whether network or loss write into their inputs, which are then copied first.
        cut_off: whether checkpoints without gradients may warn, which is not shown then.
    """

    def __init__(
        self,
        model: nn.Module,
        objective: Objective,
        *,
        dtype: torch.dtype,
        device: torch.device | None = None,
        batch_norm: BatchNorm = "frozen",
        private: bool = True,
    ) -> None:
        model_device = next(model.parameters()).device
        self.dtype, self.device = dtype, device or model_device
        self.source, self._asked = model, (objective, batch_norm)
        copies = Copies(self.device, dtype)
        self.private = private
        if private:
            self.module = copies.of_network(model)
            _check_unmerged(model, self.module.eval())
            self.module.requires_grad_(False)
        else:
            self.module = model
            copies.keep(model)
        self.objective = bound(objective, copies)
        self.meets_network = copies.met_network or copies.holds_weight
        self.meets_weight = copies.met_weight or copies.holds_weight
        if self.objective.batch_loss is not None:
            self.module = ModelOnBatch(self.module, self.objective.batch_loss)
        # Without such layers all policies are one.
        self.batch_norm: BatchNorm = batch_norm if layers_with_statistics(model) else "frozen"
        self.layout: Layout = layout_of(self.module)
        self._parameters = dict(self.module.named_parameters())
        if not private:
            self._parameters = {
                name: nn.Parameter(cast(p.detach(), self.device, dtype).clone(), False)
                for name, p in self._parameters.items()
            }
        self.in_place, self.cut_off = False, True
        self._keep_buffers()

    def again(self) -> Network:
        """Return another private copy of the same network.

        Raises:
            Exception: whatever a network raises that cannot be copied.
        """
        if not self.private:
            raise ValueError("a copy of this network does not give what the network gives")
        objective, batch_norm = self._asked
        twin = Network(
            self.source, objective, dtype=self.dtype, device=self.device, batch_norm=batch_norm
        )
        twin.in_place, twin.cut_off = self.in_place, self.cut_off
        return twin

    # -- parameters and mode -------------------------------------------------------------------

    @contextmanager
    def ready(self) -> Iterator[None]:
        """Put everything in its place: mode, buffers as they were given, and a lock if need be."""
        with ExitStack() as stack:
            if not self.private:
                stack.enter_context(_LOCKS.setdefault(self.source, threading.RLock()))
                stack.enter_context(evaluation_mode(self.module))
                stack.enter_context(_swapped(self.module, self._parameters))
            stack.enter_context(_default_dtype(self.dtype))
            if self.batch_norm == "batch":
                stack.enter_context(in_training(self.module))
            if self.cut_off:
                stack.enter_context(warnings.catch_warnings())
                # A checkpoint without gradients; where they are wanted, `Backward` looks at it.
                warnings.filterwarnings("ignore", message=CUT_OFF)
            self._put_buffers()
            yield

    def write(self, values: Mapping[str, Tensor]) -> None:
        """Give parameters new values, by name."""
        with torch.no_grad():
            for name, value in values.items():
                self._parameters[name].copy_(value)

    def parameter(self, name: str) -> nn.Parameter:
        """Return the parameter of a name."""
        return self._parameters[name]

    def write_point(self, theta: Tensor) -> None:
        """Give all parameters the values of a vector [P]."""
        self.write({slot.name: theta[part].view(slot.shape) for slot, part in self.layout.parts()})

    @property
    def inner(self) -> nn.Module:
        """What runs, without the loss of (model, batch) around it."""
        return self.module.model if isinstance(self.module, ModelOnBatch) else self.module

    def buffers(self) -> dict[str, Tensor]:
        """Return copies of the buffers by name, for :meth:`called`."""
        return {name: values.clone() for name, _, _, values in self._buffers}

    def called(self, values: Mapping[str, Tensor], work: Callable[[nn.Module], Any]) -> Any:
        """Call ``work`` with the network, while parameters and buffers are other tensors.

        The tensors may be those of a transform (``vmap``, ``jvp``); what looks at the network's
        parameters meanwhile, the loss among it, sees them.
        """
        named = {f"held.{name}": tensor for name, tensor in values.items()}
        return functional_call(_Holder(self.module), named, (work,))

    def forget_statistics(self) -> None:
        """Let the layers with statistics normalise by the batch at hand, for good."""
        forget_statistics(self.module)
        self._keep_buffers()

    @contextmanager
    def leaves(self, names: Mapping[str, bool]) -> Iterator[dict[str, Tensor]]:
        """Let those parameters require gradients for a while; yields them by name."""
        chosen = {name: self._parameters[name] for name, moves in names.items() if moves}
        try:
            for parameter in chosen.values():
                parameter.requires_grad_(True)
            yield dict(chosen)
        finally:
            for parameter in chosen.values():
                parameter.requires_grad_(False)
                parameter.grad = None

    def renew_buffers(self) -> None:
        """Take the buffers, and tensors beside them, that the user's network has now."""
        self.take_buffers(dict(self.source.named_buffers()))
        if not self.private:
            return
        for copied, module in zip(self.inner.modules(), self.source.modules(), strict=True):
            for name, value in plain_state(module).items():
                if isinstance(value, Tensor) and value.grad_fn is None:
                    copied.__dict__[name] = cast(value.detach(), self.device, self.dtype).clone()

    def take_buffers(self, values: Mapping[str, Tensor]) -> None:
        """Take other buffers, by their names in the user's network; others are left out."""
        prefix = "model." if isinstance(self.module, ModelOnBatch) else ""
        self._keep_buffers({f"{prefix}{name}": v for name, v in values.items()})

    def _keep_buffers(self, values: Mapping[str, Tensor] | None = None) -> None:
        """Keep buffers, those of the copy by default, to be put back before an evaluation."""
        owners = dict(self.module.named_modules())
        kept: dict[int, Tensor] = {}  # One tensor may be the buffer of several layers.
        self._buffers = []
        for name, buffer in self.module.named_buffers(remove_duplicate=False):
            path, _, local = name.rpartition(".")
            if id(buffer) not in kept:
                now = (values or {}).get(name, buffer).detach()
                kept[id(buffer)] = now.to(
                    self.device, buffer.dtype if self.private else None
                ).clone()
            self._buffers.append((name, owners[path], local, kept[id(buffer)]))

    def _put_buffers(self) -> None:
        fresh: dict[int, Tensor] = {}
        for _, owner, local, values in self._buffers:
            if id(values) not in fresh:
                fresh[id(values)] = values.clone()
            owner._buffers[local] = fresh[id(values)]

    # -- one batch -----------------------------------------------------------------------------

    def inputs(self, part: Part) -> tuple[Part, Any, Any]:
        """Return a batch, private where it is written to, and the arguments of the network."""
        if self.in_place:
            part = map_tensors(torch.clone, part)
        return (part, *arguments(part[0]))

    def output(self, part: Part) -> tuple[Any, Part]:
        """Return the network's output on a batch, and the batch as the loss may read it.

        Raises:
            ValueError: if the network fails; the message tells the form of its inputs.
        """
        part, args, kwargs = self.inputs(part)
        try:
            return self.module(*args, **kwargs), part
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            if isinstance(self.module, ModelOnBatch):
                raise
            raise ValueError(_failure(error, part[0], self.dtype)) from error

    def sums(self, part: Part) -> Tensor:
        """Return every field summed over the examples of a batch, [fields]."""
        return torch.stack(self.parts(part))

    def parts(self, part: Part) -> list[Tensor]:
        """Return every field summed over the examples of a batch, the loss differentiable."""
        output, part = self.output(part)
        return self.objective.parts(output, part[1], count(part))

    def totals(self, batches: Batches) -> Tensor:
        """Return every field over all batches, [fields], at the parameters that are in place.

        Statistics are recalibrated first where the policy says so.
        """
        if self.batch_norm == "recalibrated":
            pooled = pooled_statistics(self.module, lambda: self._walk(batches))
            put_statistics(self.module, pooled)
        return self._walk(batches)

    def _walk(self, batches: Batches) -> Tensor:
        totals = Totals(self.objective)
        for part in batches.parts:
            totals.add(self.sums(part), count(part))
        return totals.sums


class _Holder(nn.Module):
    """Lets a function run while a module's parameters are replaced."""

    def __init__(self, held: nn.Module) -> None:
        super().__init__()
        self.held = held
        self.training = held.training

    def forward(self, work: Callable[[nn.Module], Any]) -> Any:
        """Call the function with the module."""
        return work(self.held)


def bound(objective: Objective, copies: Copies) -> Objective:
    """Return a loss and metrics that mean the copies where they meant the originals."""
    if objective.batch_loss is not None:
        function = copies.following(objective.batch_loss.function)
        return replace(objective, batch_loss=BatchLoss(function))
    metrics = {name: copies.following(metric) for name, metric in objective.metrics.items()}
    return replace(objective, loss=copies.following(objective.loss), metrics=metrics)


@contextmanager
def _swapped(model: nn.Module, values: Mapping[str, nn.Parameter]) -> Iterator[None]:
    """Put other parameters and buffers in place of the model's for a while."""
    held = dict(model.named_parameters())
    places = [
        (module, local, parameter)
        for module in model.modules()
        for local, parameter in module._parameters.items()
        if parameter is not None
    ]
    buffers = [(module, dict(module._buffers)) for module in model.modules()]
    by_id = {id(p): values[name] for name, p in held.items()}
    try:
        for module, local, parameter in places:
            module._parameters[local] = by_id[id(parameter)]
        yield
    finally:
        for module, local, parameter in places:
            module._parameters[local] = parameter
        for module, saved in buffers:
            module._buffers.update(saved)


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """Let tensors that a network makes in its forward pass have the precision of the pass."""
    before = torch.get_default_dtype()
    if dtype == before or dtype not in (torch.float32, torch.float64):
        yield
        return
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _check_unmerged(model: nn.Module, twin: nn.Module) -> None:
    """Refuse networks whose weights are others in evaluation mode: adapters that are merged then.

    Raises:
        ValueError: naming the first such parameter.
    """
    copied = dict(twin.named_parameters())
    for name, parameter in model.named_parameters():
        values = cast(parameter.detach(), copied[name].device, copied[name].dtype)
        if not torch.equal(torch.nan_to_num(copied[name]), torch.nan_to_num(values)):
            raise ValueError(
                f"evaluation mode must leave the weights as they are, but model.eval() changes "
                f"{name} (an adapter that is merged then); switch merging off, as with "
                "merge_weights=False"
            )


def _failure(error: Exception, inputs: Any, dtype: torch.dtype) -> str:
    failure = f"the model fails on the inputs {described(inputs)}: {error}"
    if is_precision_error(error):
        named = str(dtype).removeprefix("torch.")
        failure += (
            f"; a tensor that the model makes or holds is not {named}: make it like the input "
            "(torch.zeros_like, x.new_zeros), or evaluate in the model's own precision "
            "(dtype=torch.float32)"
        )
    elif "does not require grad" in str(error):
        failure += (
            "; a model that takes derivatives in its forward pass is evaluated by a loss of "
            "(model, batch), which allows them: see landscape.batch_loss"
        )
    return failure


def is_precision_error(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, is that of tensors in two precisions."""
    while error is not None:
        text = str(error)
        if any(sign in text for sign in _PRECISION):
            return True
        error = error.__cause__
    return False
