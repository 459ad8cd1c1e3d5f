"""Which statistics normalise: layers that keep running means and variances, at any point.

Layers with running statistics are BatchNorm and, if asked to track them, InstanceNorm.

- ``frozen``: the statistics the model holds, at every point;
- ``batch``: those of the batch at hand, as in training (of the example at hand for InstanceNorm);
- ``recalibrated``: those of all the data at the point: one pass in which the layers normalise by
  the batch at hand, as in training, and every layer's inputs are pooled over all batches to their
  mean and unbiased variance; then evaluation by these.

Dropout stays off, and the model's own statistics are neither read nor written, but by ``frozen``.

References:
    Ioffe, Szegedy (2015), algorithm 2, for the statistics of a trained network. Izmailov et al.
    (2018), section 3.3, recompute those of weights that were never trained.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.nn.parameter import is_lazy

from landscape.networks.parameters import evaluation_mode
from landscape.networks.watching.running import before_calls
from landscape.problem.losses import wide_dtype
from landscape.records.choices import check_known

BatchNorm = Literal["frozen", "batch", "recalibrated"]
BATCH_NORM: tuple[str, ...] = get_args(BatchNorm)


def check_policy(policy: str) -> None:
    """Refuse an unknown policy.

    Raises:
        ValueError: naming the known.
    """
    check_known("batch_norm", policy, BATCH_NORM)


def layers_with_statistics(model: nn.Module) -> dict[str, nn.Module]:
    """Return the layers that keep running statistics, by name."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, _NormBase)
        and isinstance(module.running_mean, Tensor)
        and not is_lazy(module.running_mean)
    }


def has_finite_statistics(layer: nn.Module) -> bool:
    """Whether the running statistics of a layer that has some are finite.

    With an infinite variance a unit is constant, and the loss stays finite and means nothing.
    """
    moments = (getattr(layer, f"running_{kind}") for kind in _MOMENTS)
    return all(bool(moment.isfinite().all()) for moment in moments)


def check_statistics(model: nn.Module) -> None:
    """Refuse running statistics that are not finite.

    Raises:
        ValueError: naming the first layer.
    """
    for name, layer in layers_with_statistics(model).items():
        if not has_finite_statistics(layer):
            raise ValueError(
                f"the running statistics of {name} hold NaN or infinity; the model has diverged, "
                "or say batch_norm='recalibrated'"
            )


@contextmanager
def normalising(model: nn.Module, policy: BatchNorm) -> Iterator[None]:
    """Put the model in evaluation mode, for ``batch`` all but the normalising layers.

    These layers write running statistics: give the model copies of its buffers meanwhile.
    """
    training = in_training(model) if policy == "batch" else nullcontext()
    with evaluation_mode(model), training:
        yield


@contextmanager
def in_training(model: nn.Module) -> Iterator[None]:
    """Put the layers with statistics in training mode, and back into evaluation mode."""
    layers = layers_with_statistics(model).values()
    for layer in layers:
        layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.training = False


def forget_statistics(model: nn.Module) -> None:
    """Let the layers of a private copy normalise by the batch at hand, in evaluation mode too."""
    for layer in layers_with_statistics(model).values():
        layer.track_running_stats = False  # type: ignore[assignment]
        layer.running_mean = layer.running_var = None  # type: ignore[assignment]


def pooled_statistics(model: nn.Module, run: Callable[[], object]) -> dict[str, Tensor]:
    """Return running means and variances by the names of their buffers, of all that ``run`` feeds.

    Args:
        model: in evaluation mode; written are its statistics, unless ``run`` puts others in place.
        run: calls the model on all the data.
    """
    layers = layers_with_statistics(model)
    seen = {name: _Inputs(isinstance(layer, _InstanceNorm)) for name, layer in layers.items()}
    with before_calls(layers, lambda name, _, args: seen[name].add(args[0])), in_training(model):
        run()
    statistics: dict[str, Tensor] = {}
    for name, inputs in seen.items():
        if inputs.count:
            for kind, values in inputs.statistics().items():
                statistics[f"{name}.running_{kind}".removeprefix(".")] = values
    return statistics


def put_statistics(model: nn.Module, statistics: Mapping[str, Tensor]) -> None:
    """Write statistics into a private copy."""
    buffers = dict(model.named_buffers())
    for name, values in statistics.items():
        buffers[name].copy_(values)


_MOMENTS = ("mean", "var")


class _Inputs:
    """Pools what a layer is fed: entries [.., C, ..] per channel, or instances."""

    def __init__(self, instances: bool) -> None:
        self.instances = instances
        self.count = 0
        self._mean = self._rest = torch.zeros(())

    def add(self, inputs: Tensor) -> None:
        """Take the input of one call."""
        inputs = inputs.detach().to(wide_dtype(inputs.device))
        if self.instances:
            variances, means = torch.var_mean(inputs.flatten(2), dim=2)
            count, mean, rest = len(means), means.mean(dim=0), variances.sum(dim=0)
        else:
            entries = inputs.transpose(0, 1).flatten(1)
            count, mean = entries.shape[1], entries.mean(dim=1)
            rest = (entries - mean[:, None]).square().sum(dim=1)
        total = self.count + count
        apart = mean - self._mean
        if not self.instances:
            rest = rest + apart.square() * (self.count * count / total)
        self._mean = self._mean + apart * (count / total)
        self._rest = self._rest + rest
        self.count = total

    def statistics(self) -> dict[str, Tensor]:
        """Return mean and unbiased variance of all entries, or their means over the instances."""
        freedom = self.count if self.instances else max(self.count - 1, 1)
        return {"mean": self._mean, "var": self._rest / freedom}
