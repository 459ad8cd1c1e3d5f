"""The weights of a model that is being trained, read without touching it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from landscape.networks.parameters import layout_of, unwrapped
from landscape.training.recording.format import Header

_PRECISIONS = {torch.float32: "float32", torch.float64: "float64"}


def exact_precision(model: nn.Module) -> torch.dtype:
    """Return float64 for a model with float64 parameters, otherwise float32: no bit is lost."""
    wide = any(p.dtype == torch.float64 for p in model.parameters())
    return torch.float64 if wide else torch.float32


class Weights:
    """Parameters and buffers of a model at the moment they are read.

    Args:
        model: any module; what wraps it is taken off.
        dtype: precision of the vectors; None takes that which loses nothing.

    Raises:
        ValueError: for a model without parameters, not yet initialised, or sharded, and for
            another precision than float32 or float64.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype | None = None) -> None:
        self.model = unwrapped(model)
        _check_whole(self.model)
        self.layout = layout_of(self.model)
        self.dtype = dtype or exact_precision(self.model)
        if self.dtype not in _PRECISIONS:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {self.dtype}")
        self._shapes = _shapes(self.model)
        self._buffers = _types({n: plain(b) for n, b in self.model.named_buffers()})

    def header(self, settings: dict[str, object]) -> Header:
        """Return the header of a recording of this model."""
        return Header(self.layout, _PRECISIONS[self.dtype], self._buffers, settings)

    def parameters(self) -> list[Tensor]:
        """Return the parameters in the order of the layout.

        Raises:
            ValueError: if they are not those the model had at first; the message names one.
        """
        now = dict(self.model.named_parameters())
        if {name: tuple(p.shape) for name, p in now.items()} != self._shapes:
            raise ValueError(_changed(self._shapes, _shapes(self.model)))
        return [now[slot.name].detach() for slot in self.layout.slots]

    def read(self) -> tuple[NDArray[np.generic], bytes]:
        """Return a copy of the parameters [P], and the bytes of the buffers.

        From one device, everything comes in one copy.

        Raises:
            ValueError: if parameters or buffers are not those the model had at first.
        """
        parts = [p.reshape(-1).to(self.dtype) for p in self.parameters()]
        buffers = {name: plain(b) for name, b in self.model.named_buffers()}
        if _types(buffers) != self._buffers:
            raise ValueError(
                "the model's buffers must keep their number, shapes and types while it is recorded"
            )
        parts += [b.contiguous().reshape(-1) for b in buffers.values()]
        # As bytes everything is of one type, and one copy brings it all from its device.
        joined = [t.view(torch.uint8) for t in parts]
        if len({t.device for t in joined}) > 1:
            joined = [t.cpu() for t in joined]
        data = torch.cat(joined).cpu().numpy()
        size = self.layout.size * self.dtype.itemsize
        return data[:size].view(_PRECISIONS[self.dtype]), data[size:].tobytes()


def plain(values: Tensor) -> Tensor:
    """Return ``values`` in a dtype that NumPy has: bfloat16 becomes float32, losing nothing."""
    values = values.detach()
    return values.float() if values.dtype == torch.bfloat16 else values


def gradient_norm(parameters: list[Tensor]) -> Tensor | None:
    """Return the Euclidean norm of the gradients that are there, None without any."""
    gradients = [p.grad.detach() for p in parameters if p.grad is not None]
    if not gradients:
        return None
    return length([g.coalesce().values() if g.is_sparse else g for g in gradients])


def length(tensors: list[Tensor]) -> Tensor:
    """Return the Euclidean norm of all entries of ``tensors``, at least in float32."""
    narrow = (torch.float16, torch.bfloat16)
    return nn.utils.get_total_norm([t.float() if t.dtype in narrow else t for t in tensors])


def _check_whole(model: nn.Module) -> None:
    for name, parameter in model.named_parameters():
        if isinstance(parameter, nn.parameter.UninitializedParameter):
            raise ValueError(
                f"{name} is not initialised yet; give the model one batch before recording it"
            )
        if hasattr(parameter, "full_tensor") or hasattr(parameter, "ds_shape"):
            raise ValueError(
                f"{name} is sharded over processes; a recorder needs whole weights: record a run "
                "with DistributedDataParallel, or make a trajectory of its checkpoints"
            )


def _shapes(model: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in model.named_parameters()}


def _types(tensors: dict[str, Tensor]) -> dict[str, tuple[tuple[int, ...], str]]:
    return {n: (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for n, t in tensors.items()}


def _changed(before: dict[str, tuple[int, ...]], now: dict[str, tuple[int, ...]]) -> str:
    name = next(n for n in {**before, **now} if before.get(n) != now.get(n))
    return (
        f"the model's parameters must stay the same while it is recorded: {name} was "
        f"{before.get(name, 'absent')} at first and is {now.get(name, 'absent')} now; "
        "end the recording before changing the model, and begin another"
    )
