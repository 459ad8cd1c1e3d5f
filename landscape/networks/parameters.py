"""A model's parameters as one vector, and back, without touching the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from landscape.networks.parameter_roles import refuse_scripted, slots_of
from landscape.records.arrays import Floats
from landscape.records.layout import Layout

# Wrappers that call the one module they hold, by the name under which they hold it.
_WRAPPERS = {
    "module": (nn.DataParallel, nn.parallel.DistributedDataParallel, AveragedModel),
    "_orig_mod": (nn.Module,),  # torch.compile's, whose class costs a second to import
}


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside DataParallel, DistributedDataParallel, AveragedModel or compile.

    Its parameters have the names they had before it was wrapped, so that a plane made from one
    belongs to the other.

    Raises:
        TypeError: for something else than a module.

    >>> layer = nn.Linear(2, 1)
    >>> unwrapped(nn.DataParallel(layer)) is layer
    True
    """
    if not isinstance(model, nn.Module):
        raise TypeError(
            f"model must be a torch.nn.Module, got {type(model).__name__}; of a problem give "
            "problem.model"
        )
    for name, kinds in _WRAPPERS.items():
        inner = dict(model.named_children()).get(name)
        if inner is not None and isinstance(model, kinds):
            return unwrapped(inner)
    return model


def unwrapped_name(name: str) -> str:
    """Return the name that a parameter of a wrapped model has inside.

    >>> unwrapped_name("module._orig_mod.0.weight")
    '0.weight'
    """
    holder, _, inner = name.partition(".")
    return unwrapped_name(inner) if holder in _WRAPPERS and inner else name


def layout_of(model: nn.Module) -> Layout:
    """Return the layout of the parameters of the (unwrapped) model.

    The filter axis is 0 for linear and bilinear layers, convolutions, embeddings (each row),
    recurrent layers (each row makes one gate of one unit) and attention in-projections (each row
    of a head), and 1 for transposed convolutions, counted within each group, and for the
    ``Conv1D`` of transformers. A low-rank adapter is two linear layers: the rows of A are the
    components, those of B the outputs. A masked or parametrised weight (weight norm's v,
    spectral norm) has the axis of the weight.

    Parameters with fewer than two dimensions have no filters, nor have scales of normalisation
    layers, weight norm's g, and what is called ``bias``, ``bias_*``, ``*_bias`` or ``*scale``,
    whatever their shape. A parameter shared by several layers appears once, as the first of them
    uses it. Any other parameter of a module that is not known here has filters along axis 0 if it
    has two or more dimensions.

    Raises:
        ValueError: for a model without parameters, or with parameters that are not plain arrays of
            real floating point numbers (lazy, complex, quantised, sharded), or from torch.jit.

    >>> [slot.filter_axis for slot in layout_of(nn.ConvTranspose2d(3, 5, 2)).slots]
    [1, None]
    """
    slots = slots_of(unwrapped(model))
    if not slots:
        raise ValueError("the model has no parameters; nothing can be varied")
    return Layout(slots)


def flatten(model: nn.Module) -> Floats:
    """Return a copy of all parameters as one float64 vector ``theta`` [P].

    Raises:
        ValueError: if a parameter holds NaN or infinity, or no values at all (the message names
            it), if there are none, or for a model from torch.jit.
    """
    model = unwrapped(model)
    refuse_scripted(model)
    parts = []
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            raise ValueError(
                f"parameter {name} has no values, it is on the meta device; "
                "load the weights, without offloading"
            )
        values = parameter.detach().cpu().to(torch.float64).numpy().reshape(-1)
        if not np.all(np.isfinite(values)):
            raise ValueError(f"parameter {name} holds NaN or infinity; the model has diverged")
        parts.append(values)
    if not parts:
        raise ValueError("the model has no parameters; nothing can be varied")
    return np.concatenate(parts)


def unflatten(thetas: Tensor, layout: Layout) -> dict[str, Tensor]:
    """Return views of ``thetas`` [..., P] as named parameters of shape [..., *shape]."""
    lead = thetas.shape[:-1]
    return {
        slot.name: thetas[..., part].reshape((*lead, *slot.shape)) for slot, part in layout.parts()
    }


def assign(model: nn.Module, theta: Floats) -> None:
    """Write ``theta`` [P] into the model. Only for models this package has built itself.

    Raises:
        ValueError: if the length differs from the number of parameters.
    """
    layout = layout_of(model)
    if theta.shape != (layout.size,):
        raise ValueError(f"theta must have shape ({layout.size},), got {theta.shape}")
    with torch.no_grad():
        for (_, part), parameter in zip(layout.parts(), unwrapped(model).parameters(), strict=True):
            values = torch.from_numpy(np.array(theta[part]))
            parameter.copy_(values.reshape(parameter.shape))


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Put every module in evaluation mode, and each back in its own mode afterwards."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
