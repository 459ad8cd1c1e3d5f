"""A model's parameters as one vector, and back, without touching the model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from landscape.arrays import Floats
from landscape.layout import Layout, Slot

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def layout_of(model: nn.Module) -> Layout:
    """Return the layout of the model's parameters.

    The filter axis is 0 for linear layers, convolutions, embeddings (each row) and attention
    in-projections (each row of a head), and 1 for transposed convolutions, counted within each
    group. Parameters with fewer than two dimensions have no filters. A parameter shared by
    several modules appears once.

    Raises:
        ValueError: for a model without parameters, or with parameters that are not real floating
            point numbers.

    >>> [slot.filter_axis for slot in layout_of(nn.ConvTranspose2d(3, 5, 2)).slots]
    [1, None]
    """
    axes = {
        id(parameter): (1, module.groups)
        for module in model.modules()
        if isinstance(module, _TRANSPOSED)
        for parameter in (module.weight,)
    }
    slots = []
    for name, parameter in model.named_parameters():
        if not parameter.dtype.is_floating_point:
            raise ValueError(
                f"parameters must be real floating point, {name} is {parameter.dtype}; "
                "de-quantise the model first"
            )
        shape = tuple(parameter.shape)
        axis, groups = axes.get(id(parameter), (0, 1)) if len(shape) > 1 else (None, 1)
        slots.append(Slot(name, shape, axis, groups))
    if not slots:
        raise ValueError("the model has no parameters; nothing can be varied")
    return Layout(tuple(slots))


def flatten(model: nn.Module) -> Floats:
    """Return a copy of all parameters as one float64 vector ``theta`` [P].

    Raises:
        ValueError: if a parameter holds NaN or infinity; the message names it.
    """
    parts = []
    for name, parameter in model.named_parameters():
        values = parameter.detach().cpu().to(torch.float64).numpy().reshape(-1)
        if not np.all(np.isfinite(values)):
            raise ValueError(f"parameter {name} holds NaN or infinity; the model has diverged")
        parts.append(values)
    return np.concatenate(parts)


def unflatten(thetas: Tensor, layout: Layout) -> dict[str, Tensor]:
    """Return views of ``thetas`` [..., P] as named parameters of shape [..., *shape]."""
    lead = thetas.shape[:-1]
    return {
        slot.name: thetas[..., part].reshape(*lead, *slot.shape) for slot, part in layout.parts()
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
        for (_, part), parameter in zip(layout.parts(), model.parameters(), strict=True):
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
